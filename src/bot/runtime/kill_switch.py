"""The kill switch: while it is engaged nothing new is sent. It is a file, so that it works when all else is down.

`KILL` stops every account, `KILL-…` one of them. What such a file holds says who stopped it and why; an empty one, made
by hand, stops as well. It is lifted by a person's command alone: a file that merely disappears lifts nothing.
"""

import asyncio
import hashlib
import os
import re
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from bot.domain.errors import BotError
from bot.security import private_files

log = structlog.get_logger()

LOOK_EVERY_S = 0.1
EVERY_ACCOUNT = ""


class KillNote(msgspec.Struct, frozen=True):
    """Why nothing is sent: who stopped what (one account, or with "" all of them), when and why.

    `flatten` asks to close what strategies hold by market orders, `everything` to cancel also the stops that guard it.
    `id` tells one request to stop from the next.
    """

    who: str = "somebody"
    why: str = "no reason was given"
    account: str = EVERY_ACCOUNT
    flatten: bool = False
    at_ms: int = 0
    id: str = ""
    everything: bool = False
    cancels: bool = True
    """False for a halt by the bot itself: open orders stay where they are."""

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.at_ms / 1000, UTC).strftime(", %Y-%m-%d %H:%M:%S UTC") if self.at_ms else ""
        return f"kill switch: {self.why} ({self.who}{when})"


class Stopped(msgspec.Struct, frozen=True):
    """What came of a stop on one account: its open orders that are gone since, and those left, with what went wrong.

    `kept` are the stops that stay on the exchange to guard what is held.
    """

    account: str
    mode: str
    cancelled: int = 0
    left: int = 0
    trouble: str = ""
    kept: int = 0


class Ack(msgspec.Struct, frozen=True):
    """The running bot's answer to the note with this `id`."""

    id: str
    pid: int
    accounts: tuple[Stopped, ...]


class KillSwitch:
    """Every process of the product may look at the switch and engage it; all see the same files."""

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._looked = -LOOK_EVERY_S
        self._files: dict[str, _File] = {}

    def engaged(self, account: str = EVERY_ACCOUNT) -> str:
        """Give why nothing may be sent for an account, or "". Cheap, and never raises."""
        note = self.note(account)
        return str(note) if note else ""

    def note(self, account: str = EVERY_ACCOUNT) -> KillNote | None:
        """Give the note that stops an account, that for all of them first."""
        files = self._file(EVERY_ACCOUNT), self._file(account)
        now = self._monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            for file in self._files.values():
                file.look()
        return files[0].note or files[1].note

    def notes(self) -> list[KillNote]:
        """Give all notes in force, also of accounts that were not asked about yet."""
        with suppress(OSError):
            for path in self._folder.glob("KILL-*"):
                if not path.suffix:
                    self._file(_read(path).account)
        self._looked = -LOOK_EVERY_S
        self.note()
        return [file.note for _, file in sorted(self._files.items()) if file.note]

    def engage(
        self,
        who: str,
        why: str,
        account: str = EVERY_ACCOUNT,
        *,
        flatten: bool = False,
        everything: bool = False,
        cancels: bool = True,
    ) -> KillNote:
        """Stop an account or all. Holds in this process even if the file cannot be written; never raises."""
        now_ms = time.time_ns() // 1_000_000
        note = KillNote(who, why, account, flatten, now_ms, secrets.token_hex(8), everything, cancels)
        log.warning(
            "kill_switch.engaged", account=account or "all", who=who, why=why, flatten=flatten, everything=everything
        )
        self._file(account).engage(note)
        return note

    def is_written(self, note: KillNote) -> bool:
        """Say whether others can see a note, too: a full disk may have kept it in this process."""
        return self._file(note.account).exists()

    def lift(self, account: str = EVERY_ACCOUNT) -> bool:
        """Let an account (or, if all were stopped, all) go on; False when it was not stopped. Raises OSError."""
        log.warning("kill_switch.lifted", account=account or "all")
        return self._file(account).lift()

    def acknowledge(self, note: KillNote, accounts: Sequence[Stopped]) -> None:
        """Tell whoever engaged the switch what came of it."""
        answer = Ack(note.id, os.getpid(), tuple(accounts))
        try:
            private_files.replace(self._file(note.account).ack, msgspec.json.encode(answer).decode())
        except OSError as error:
            log.error("kill_switch.not_acknowledged", reason=error.strerror)

    def answer(self, note: KillNote) -> Ack | None:
        """Give the running bot's answer to a note, None while there is none."""
        try:
            ack = msgspec.json.decode(self._file(note.account).ack.read_bytes(), type=Ack)
        except (OSError, msgspec.MsgspecError):
            return None
        return ack if ack.id == note.id else None

    async def watch(
        self,
        stop: Callable[[KillNote], Awaitable[Sequence[Stopped]]],
        lifted: Callable[[str], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Have each new note carried out by `stop` and answered, until cancelled; `lifted` hears whose is gone.

        To carry one out takes time. Meanwhile others may be lifted, which are not carried out any more, or come and go,
        which stopped whoever looked.
        """
        done: dict[str, KillNote] = {}
        while True:
            notes = {note.account: note for note in self.notes()}
            for account, file in sorted(self._files.items()):
                if file.forget_lift():
                    done.pop(account, None)
                    log.warning("kill_switch.seen_lifted", account=account or "all")
                    if lifted is not None:
                        await lifted(account)
            for account, note in notes.items():
                if done.get(account) != note and note in self.notes():
                    log.warning("kill_switch.seen", account=account or "all", note=str(note), flatten=note.flatten)
                    self.acknowledge(note, await _carried_out(stop, note))
                    done[account] = note
            await sleep(LOOK_EVERY_S)

    def _file(self, account: str) -> "_File":
        found = self._files.get(account)
        if found is None:
            found = self._files[account] = _File(self._folder / _name_of(account), account)
            found.look()
        return found


@contextmanager
def engaged_by_signal(switch: KillSwitch) -> Iterator[None]:
    """Let SIGUSR1 engage the switch for all accounts, where the system has such a signal."""
    name = getattr(signal, "SIGUSR1", None)
    loop = asyncio.get_running_loop()
    if name is not None:
        loop.add_signal_handler(name, switch.engage, "a signal", "SIGUSR1 was sent to the bot")
    try:
        yield
    finally:
        if name is not None:
            loop.remove_signal_handler(name)


class _File:
    """One file of the switch. Once seen it holds, until it was moved aside by `lift`, here or in another process."""

    def __init__(self, path: Path, account: str) -> None:
        self.note: KillNote | None = None
        self.ack = path.with_name(f"{path.name}.ack")
        self._path = path
        self._lifted = path.with_name(f"{path.name}.lifted")
        self._account = account
        self._seen = (0, 0, 0)
        self._is_lift_news = False

    def look(self) -> None:
        """Take over what the file says. Whoever cannot look has to assume the worst."""
        try:
            seen = _mark(self._path)
        except FileNotFoundError:
            if self.note is not None and self._was_lifted():
                self.note, self._is_lift_news = None, True
            return
        except OSError as error:
            if self.note is None:
                why = f"{self._path} cannot be looked at ({error.strerror})"
                self._hold(KillNote("the bot itself", why, self._account, at_ms=time.time_ns() // 1_000_000))
            return
        if self.note is None or seen != self._seen:
            self.note, self._seen = msgspec.structs.replace(_read(self._path), account=self._account), seen

    def exists(self) -> bool:
        """Say whether there is such a file, whatever it holds."""
        try:
            _mark(self._path)
        except OSError:
            return False
        return True

    def engage(self, note: KillNote) -> None:
        """Hold, and let others know; without room for the note an empty file has to do."""
        self._hold(note)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            private_files.replace(self._path, msgspec.json.encode(note).decode())
        except OSError as error:
            log.error("kill_switch.not_written", path=str(self._path), reason=error.strerror)
            with suppress(OSError):
                self._path.touch(mode=0o600)
                self._seen = _mark(self._path)
        else:
            self.look()

    def lift(self) -> bool:
        """Move the file aside. If it is gone already, say all the same that it was lifted: others may have seen it."""
        self.look()
        was_engaged = self.note is not None
        try:
            self._path.replace(self._lifted)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            private_files.replace(self._lifted, "{}")
        self.ack.unlink(missing_ok=True)
        self.note, self._is_lift_news = None, self._is_lift_news or was_engaged
        return was_engaged

    def forget_lift(self) -> bool:
        """Say whether a note that this process had seen was lifted since it was asked last."""
        is_news, self._is_lift_news = self._is_lift_news, False
        return is_news

    def _hold(self, note: KillNote) -> None:
        # The system stamps files with a coarser clock, which may lag behind.
        self.note, self._seen = note, (0, time.time_ns() - 50_000_000, 0)

    def _was_lifted(self) -> bool:
        try:
            inode, changed_ns, _ = _mark(self._lifted)
        except OSError:
            return False
        return inode == self._seen[0] or changed_ns >= self._seen[1]


async def _carried_out(stop: Callable[[KillNote], Awaitable[Sequence[Stopped]]], note: KillNote) -> Sequence[Stopped]:
    try:
        return await stop(note)
    except BotError as error:
        log.error("kill_switch.not_carried_out", account=note.account or "all", reason=str(error))
        return [Stopped(note.account or "all", "", trouble=str(error))]


def _mark(path: Path) -> tuple[int, int, int]:
    """Give what tells one state of a file from the next: inode, time of change in ns, size."""
    found = path.stat()
    return found.st_ino, found.st_ctime_ns, found.st_size


def _name_of(account: str) -> str:
    if account == EVERY_ACCOUNT:
        return "KILL"
    # A name may hold what a file's name may not; its hash tells alike ones apart.
    digest = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()[:8]
    return f"KILL-{re.sub('[^A-Za-z0-9]', '_', account)[:32]}-{digest}"


def _read(path: Path) -> KillNote:
    try:
        return msgspec.json.decode(path.read_bytes() or b"{}", type=KillNote)
    except OSError as error:
        return KillNote(why=f"{path} is there, but cannot be read ({error.strerror})")
    except msgspec.MsgspecError:
        return KillNote(why=f"{path} is there, in words that we do not know")
