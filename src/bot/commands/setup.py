"""`bot init`: the first step. What stands in the way of the next is told by `bot doctor`."""

import os
from pathlib import Path

from bot.commands.output import say
from bot.domain.errors import Misconfigured

ENV = """# Settings of this bot; every name is explained in .env.example and docs/reference/settings.md.
# DB_URL unset: a private PostgreSQL of our own is started below var/.
# ENCRYPTION_KEY unset: the key in var/keys/encryption.key is used. Keep a copy of it apart from your backups.
LOG_LEVEL=INFO
"""


def init() -> None:
    """Make folders, settings, encryption key and database; harmless when they are there."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.config import home  # noqa: PLC0415

    roof = Roof()
    _make_private(roof.settings.VAR_DIR)
    roof.settings.STRATEGIES_DIR.mkdir(parents=True, exist_ok=True)
    had_key = roof.key_file.exists() or roof.settings.ENCRYPTION_KEY is not None
    _ = roof.db_url
    say("database ready" + ("" if roof.settings.DB_URL else " (a private PostgreSQL below var/)"))
    _ = roof.box
    say("encryption key found" if had_key else f"encryption key made: {roof.key_file}")
    env = home() / ".env"
    if not env.exists():
        env.touch(mode=0o600)
        env.write_text(ENV, encoding="utf-8")
        say(f"wrote {env}")
    say("next: bot account add --name NAME --paper")
    say("then: bot strategy add mean_reversion --account NAME --symbol BTCUSDT --enable, and: bot start")


def _make_private(var: Path) -> None:
    """Make the folder of all we write, for our eyes alone; one that is there stays as it is."""
    from bot.commands.doctor import machine  # noqa: PLC0415

    if not var.exists():
        # Started by root, the private database runs as another user, who has to get through.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            var.mkdir(mode=mode, parents=True)
        except OSError as error:
            raise Misconfigured(f"{var}: {error.strerror}; let this user write there, or set VAR_DIR") from None
    for folder in machine.folder(var):
        if folder.state == "fail":
            raise Misconfigured(f"{folder.seen}; {folder.mend}")
