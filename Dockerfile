FROM python:3.12-slim

# Files the bot writes (logs, cache, encryption key) live in the volume; the database is a service of its own.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app/src
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
COPY . .
RUN useradd --system --uid 10001 --create-home bot && chown bot /app && install -d -o bot -g bot -m 0700 var
USER bot
VOLUME /app/var
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "bot.cli"]
CMD ["start"]
