"""Logs: JSON lines to the console and to a file, without secrets, written by a thread of its own.

Way in: setup_logging(), then `structlog.get_logger(...)` or the standard library's loggers; both end in the same lines.
Neither a full disk nor a stalled console holds up or stops the bot: lines are then dropped and counted.
"""

import atexit
import copy
import gzip
import json
import logging
import os
import queue
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, override

import msgspec
import structlog

from bot.domain.errors import Misconfigured
from bot.security.redact import REDACTOR, register_secret

try:
    import fcntl
except ImportError:  # not on Windows; there one process writes a file alone
    fcntl = None  # type: ignore[assignment]

__all__ = ["GzipRotatingFile", "Logs", "Rotation", "register_secret", "setup_logging"]

Rotation = Literal["DAILY", "SIZE"]
QUEUE_LINES = 20_000
"""Lines that may wait for the disk; further ones are dropped and counted."""

_current: "Logs | None" = None


def setup_logging(
    log_dir: Path = Path("var/log"),
    level: str = "INFO",
    rotation: Rotation = "DAILY",
    max_bytes: int = 10_485_760,
    backup_count: int = 14,
    *,
    process: str = "bot",
    console: bool = True,
    now: Callable[[], float] = time.time,
    queue_lines: int = QUEUE_LINES,
) -> "Logs":
    """Send all logs to the console (stderr) and `log_dir/<process>.log`, in place of what an earlier call set up.

    Raises Misconfigured when there is no such folder to write to; a disk that is full raises nothing.
    """
    global _current  # noqa: PLW0603 — the standard library's root logger is one per process, so this is too
    if _current is not None:
        _current.stop()
    file = GzipRotatingFile(log_dir / f"{process}.log", rotation, max_bytes, backup_count, now=now)
    if isinstance(file.trouble, (PermissionError, FileExistsError, NotADirectoryError)):
        reason = file.trouble.strerror
        raise Misconfigured(
            f"logs cannot be written to {log_dir} ({reason}); give LOG_DIR a folder that we may write to"
        )
    sinks: list[logging.Handler] = [file]
    if console:
        sinks.append(_Console(sys.stderr))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _current = Logs(level, file, sinks, queue_lines)
    return _current


class Logs:
    """The running logs of this process. Stop it at the end, so that the last lines reach the disk."""

    def __init__(self, level: str, file: "GzipRotatingFile", sinks: list[logging.Handler], queue_lines: int) -> None:
        self.logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("bot")
        self.path = file.path
        self._file = file
        self._sinks = sinks
        self._inlet = _Inlet(queue.Queue(queue_lines))
        self._writer = _Writer(self._inlet, sinks)
        root = logging.getLogger()
        root.addHandler(self._inlet)
        root.setLevel(level)
        logging.captureWarnings(capture=True)
        self._writer.start()
        self._is_running = True
        atexit.register(self.stop)

    @property
    def dropped(self) -> int:
        """Lines lost because the queue was full."""
        return self._inlet.dropped

    @property
    def failed(self) -> int:
        """Lines that the disk refused."""
        return self._file.failed

    def stop(self) -> None:
        """Write what waits, then let go of the file. A second call does nothing."""
        if not self._is_running:
            return
        self._is_running = False
        atexit.unregister(self.stop)
        logging.getLogger().removeHandler(self._inlet)
        logging.captureWarnings(capture=False)
        self._writer.stop()
        self._inlet.close()
        for sink in self._sinks:
            sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Inlet(QueueHandler):
    """Makes the line where the event happened, and leaves the writing to the writer. Never waits."""

    def __init__(self, lines: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(lines)
        self.dropped = 0
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level],
                processors=[structlog.processors.format_exc_info, structlog.processors.StackInfoRenderer(), _render],
            )
        )

    def enqueue(self, record: logging.LogRecord) -> None:
        """Leave a finished line."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Say where a log call was wrong, without the values it was given."""
        broken = copy.copy(record)
        broken.msg = _line("log.unrenderable", "error", where=f"{record.module}:{record.lineno}")
        broken.args = broken.exc_info = broken.exc_text = broken.stack_info = None
        self.enqueue(broken)


class _Writer(QueueListener):
    """The thread that writes. Tells of lines that were dropped as soon as it catches up."""

    def __init__(self, inlet: _Inlet, sinks: list[logging.Handler]) -> None:
        super().__init__(inlet.queue, *sinks)
        self._inlet = inlet
        self._told = 0

    def handle(self, record: logging.LogRecord) -> None:
        """Write one line."""
        super().handle(record)
        lost = self._inlet.dropped - self._told
        if lost:
            self._told += lost
            notice = logging.LogRecord("bot", logging.ERROR, __file__, 0, "", None, None)
            notice.msg = _line("log.dropped", "error", lines=lost)
            super().handle(notice)

    def stop(self) -> None:
        """Write what waits; give up after five seconds when a sink is stalled."""
        # The sentinel waits for room: the inherited put_nowait would raise on a full queue.
        with suppress(queue.Full):
            self.queue.put(None, timeout=5)  # type: ignore[attr-defined]
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None


class _Console(logging.StreamHandler[Any]):
    """Standard error. A closed or broken one is ignored."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line as it was made."""
        return str(record.msg)

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore it: there is nobody to tell."""


class GzipRotatingFile(logging.Handler):
    """Appends lines to a file; at midnight UTC or at a size it puts the file away gzipped, and keeps the newest ones.

    Old files are `<name>.<day>-<number>.gz`. Several processes may write the same file: each line is written under a
    lock, and a file that another process put away is left in time. What a killed process left half done is finished.
    """

    def __init__(
        self, path: Path, rotation: Rotation, max_bytes: int, keep: int, *, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.path = path.absolute()
        self.failed = 0
        self.trouble: OSError | None = None
        """What the disk said last when it refused."""
        self._rotation = rotation
        self._max_bytes = max_bytes
        self._keep = keep
        self._now = now
        self._descriptor: int | None = None
        self._day = ""
        self._is_torn = False
        self._unreported = 0
        with self._attempt(), self._lock_file():
            self._tidy()

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line; when the disk refuses, count it and go on."""
        line = str(record.msg).encode("utf-8", "backslashreplace") + b"\n"
        with self._attempt(), self._lock_file():
            descriptor = self._open()
            if self._is_due(descriptor, len(line)):
                with suppress(OSError):
                    self._put_away()
                descriptor = self._open()
            if self._unreported:
                notice = _line("log.lost", "error", lines=self._unreported)
                self._append(descriptor, notice.encode() + b"\n")
                self._unreported = 0
            self._append(descriptor, line)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            self._leave()
        super().close()

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failed += 1
            self.trouble = error
            self._unreported += 1

    @contextmanager
    def _lock_file(self) -> Iterator[None]:
        """Hold other processes off."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        """Give the file under our name now, which may be a new one."""
        if self._descriptor is not None:
            mine = os.fstat(self._descriptor)
            try:
                there = self.path.stat()
            except FileNotFoundError:
                there = None
            if there is not None and (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino):
                return self._descriptor
            self._leave()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        state = os.fstat(self._descriptor)
        self._day = _day(state.st_mtime if state.st_size else self._now())
        return self._descriptor

    def _leave(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _is_due(self, descriptor: int, more: int) -> bool:
        if self._rotation == "DAILY":
            return _day(self._now()) != self._day
        size = os.fstat(descriptor).st_size
        return size > 0 and size + more > self._max_bytes

    def _append(self, descriptor: int, data: bytes) -> None:
        # After a half-written line the next one starts afresh, so that only the torn one is unreadable.
        data = b"\n" + data if self._is_torn else data
        written = os.write(descriptor, data)
        if written < len(data):
            self._is_torn = True
            raise OSError("disk full")
        self._is_torn = False

    def _put_away(self) -> None:
        day = self._day if self._rotation == "DAILY" else _day(self._now())
        number = max((old.number for old in self._old() if old.day == day), default=0) + 1
        self.path.rename(self.path.with_name(f"{self.path.name}.{day}-{number:04d}"))
        self._leave()
        self._tidy()

    def _tidy(self) -> None:
        """Keep the newest old files, and gzip those that are not yet."""
        for part in self.path.parent.glob(f"{self.path.name}.*.part"):
            part.unlink()
        newest_first = sorted(self._old(), key=lambda old: (old.day, old.number), reverse=True)
        for old in newest_first[self._keep :]:
            old.path.unlink()
        for old in newest_first[: self._keep]:
            if old.path.suffix != ".gz":
                _gzip(old.path)

    def _old(self) -> list["_OldFile"]:
        shape = re.compile(re.escape(self.path.name) + r"\.(\d{4}-\d\d-\d\d)-(\d+)(\.gz)?")
        matches = ((path, shape.fullmatch(path.name)) for path in self.path.parent.iterdir())
        return [_OldFile(path, match[1], int(match[2])) for path, match in matches if match]


class _OldFile(msgspec.Struct, frozen=True):
    path: Path
    day: str
    number: int


def _gzip(path: Path) -> None:
    """Replace a file by its gzipped self. Killed in between, it can be done again."""
    done = path.with_name(f"{path.name}.gz")
    part = path.with_name(f"{path.name}.gz.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            path.open("rb") as source,
            os.fdopen(descriptor, "wb") as raw,
            gzip.GzipFile(path.name, "wb", 6, raw) as out,
        ):
            shutil.copyfileobj(source, out, 1 << 20)
        part.replace(done)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    path.unlink()


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _render(logger: object, method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ARG001 — structlog's shape
    """Make the line: time, level, logger and event first, everything scrubbed."""
    record: logging.LogRecord = event.pop("_record")
    event.pop("_from_structlog", None)
    ordered = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": event.pop("level", record.levelname.lower()),
        "logger": event.pop("logger", record.name),
        "event": event.pop("event", ""),
        **event,
    }
    return _encode(ordered)


def _line(event: str, level: str, **values: object) -> str:
    """Make a line about the logs themselves."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _encode({"time": moment, "level": level, "logger": "bot.logging", "event": event, **values})


def _encode(values: dict[str, Any]) -> str:
    plain = msgspec.to_builtins(values, str_keys=True, enc_hook=_say)
    # The names of a line come from our code: a password that happens to be the word "event" must not blot them out.
    plain = {name: REDACTOR.value(value, name) for name, value in plain.items()}
    try:
        return msgspec.json.encode(plain).decode()
    except (UnicodeEncodeError, msgspec.MsgspecError):
        # Half a surrogate pair, from a broken file name for instance, is no UTF-8 but can be written as \udcXX.
        return json.dumps(plain)


def _say(thing: object) -> str:
    return f"{type(thing).__name__}: {thing}" if isinstance(thing, BaseException) else str(thing)
