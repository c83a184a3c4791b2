"""The kill switch: engaged by anybody, seen by all processes, lifted by a person's command alone."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.fakes.outfit import end, until

from bot.domain.errors import Unavailable
from bot.runtime.kill_switch import Ack, KillNote, KillSwitch, Stopped, engaged_by_signal


class Time:
    """Seconds that pass by hand."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "run"


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def switch(folder: Path, clock: Time) -> KillSwitch:
    """The switch as the running bot holds it."""
    return KillSwitch(folder, clock)


@pytest.fixture
def other(folder: Path) -> KillSwitch:
    """The same switch in another process."""
    return KillSwitch(folder)


def later(switch: KillSwitch, clock: Time, account: str = "") -> str:
    """Ask again after the next look."""
    clock.now_s += 0.1
    return switch.engaged(account)


def test_nothing_is_stopped_before_anybody_engages_it(switch: KillSwitch, folder: Path) -> None:
    assert switch.engaged() == switch.engaged("anna") == ""
    assert switch.notes() == []
    assert not folder.exists()


def test_who_engages_it_is_stopped_at_once_and_others_at_their_next_look(
    switch: KillSwitch, other: KillSwitch, clock: Time
) -> None:
    assert switch.engaged() == ""
    note = other.engage("ada", "it buys and buys")
    assert "it buys and buys (ada, " in other.engaged()
    assert switch.engaged() == "", "it was looked at less than a tenth of a second ago"
    assert later(switch, clock) == f"kill switch: {other.engaged().partition(': ')[2]}"
    assert switch.note() == note
    assert switch.engaged("anna"), "it holds for every account"


def test_the_file_is_for_our_eyes_only_and_says_who_when_and_why(switch: KillSwitch, folder: Path) -> None:
    note = switch.engage("Žofie", "why not")
    assert (folder / "KILL").stat().st_mode & 0o777 == 0o600
    told = json.loads((folder / "KILL").read_text(encoding="utf-8"))
    assert (told["who"], told["why"], told["at_ms"]) == ("Žofie", "why not", note.at_ms)
    assert switch.is_written(note)


def test_one_account_is_stopped_alone(switch: KillSwitch, other: KillSwitch, clock: Time) -> None:
    other.engage("ada", "enough", "anna")
    assert later(switch, clock, "anna")
    assert switch.engaged("bert") == switch.engaged() == ""
    assert [note.account for note in switch.notes()] == ["anna"]


def test_accounts_whose_names_look_alike_have_files_of_their_own(switch: KillSwitch, folder: Path) -> None:
    for name in ("a.b", "a b", "ä" * 64):
        switch.engage("ada", "enough", name)
    assert switch.engaged("a_b") == ""
    assert switch.engaged("a.b")
    assert len(list(folder.glob("KILL-*"))) == 3
    assert {note.account for note in KillSwitch(folder).notes()} == {"a.b", "a b", "ä" * 64}


@pytest.mark.parametrize("content", [b"", b"stop it!", b'{"who": 7}', b"\xff\x00"])
def test_a_file_made_by_hand_stops_whatever_it_holds(
    switch: KillSwitch, folder: Path, content: bytes, clock: Time
) -> None:
    folder.mkdir(parents=True)
    (folder / "KILL").write_bytes(content)
    assert later(switch, clock)


@pytest.mark.parametrize("obstacle", ["a folder in its place", "no folder to look in", "a dangling permission"])
def test_whoever_cannot_look_has_to_assume_the_worst(
    switch: KillSwitch, folder: Path, clock: Time, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if obstacle == "a folder in its place":
        (folder / "KILL").mkdir(parents=True)
    elif obstacle == "no folder to look in":
        folder.parent.mkdir()
        folder.write_text("a file where the folder should be")
    else:
        monkeypatch.setattr(Path, "stat", _refused)
    assert later(switch, clock)
    monkeypatch.undo()
    assert later(switch, clock), "it takes a person to go on"


def _refused(*_: object, **__: object) -> os.stat_result:
    raise PermissionError(13, "Permission denied")


def test_a_lifted_switch_lets_every_process_go_on(switch: KillSwitch, other: KillSwitch, clock: Time) -> None:
    switch.engage("a signal", "SIGUSR1 was sent")
    assert other.engaged()
    assert other.lift()
    assert other.engaged() == ""
    assert later(switch, clock) == ""
    assert not other.lift()


def test_a_file_that_merely_disappears_lifts_nothing(
    switch: KillSwitch, other: KillSwitch, folder: Path, clock: Time
) -> None:
    other.engage("ada", "enough")
    other.lift()
    other.engage("ada", "enough again")
    assert later(switch, clock)
    (folder / "KILL").unlink()
    assert "enough again" in later(switch, clock)
    KillSwitch(folder).lift()
    assert later(switch, clock) == ""


def test_a_clock_that_is_set_back_keeps_nobody_from_lifting(
    switch: KillSwitch, other: KillSwitch, folder: Path, clock: Time
) -> None:
    other.engage("ada", "enough")
    assert later(switch, clock)
    switch._files[""]._seen = (switch._files[""]._seen[0], 2**62, 0)  # as if it had been made in the far future
    other.lift()
    assert later(switch, clock) == ""


@pytest.mark.parametrize("is_hopeless", [False, True])
def test_without_room_for_its_note_it_holds_all_the_same(
    switch: KillSwitch, folder: Path, clock: Time, is_hopeless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.security.private_files.replace", full)
    if is_hopeless:
        monkeypatch.setattr(Path, "touch", full)
    note = switch.engage("ada", "enough", "anna")
    assert "enough (ada" in switch.engaged("anna")
    assert "enough (ada" in later(switch, clock, "anna")
    assert switch.is_written(note) is not is_hopeless
    assert bool(KillSwitch(folder).engaged("anna")) is not is_hopeless
    monkeypatch.undo()
    KillSwitch(folder).lift("anna")
    assert later(switch, clock, "anna") == ""


def test_a_second_request_replaces_the_first(switch: KillSwitch, other: KillSwitch, clock: Time) -> None:
    first = other.engage("ada", "enough")
    assert later(switch, clock)
    second = other.engage("ada", "enough", flatten=True)
    clock.now_s += 0.1
    assert switch.note() == second != first


def test_an_answer_belongs_to_one_request(switch: KillSwitch, other: KillSwitch) -> None:
    note = other.engage("ada", "enough")
    assert other.answer(note) is None
    rows = (Stopped("anna", "live", cancelled=2), Stopped("bert", "paper", left=1, trouble="the exchange is away"))
    switch.acknowledge(note, rows)
    assert other.answer(note) == Ack(note.id, os.getpid(), rows)
    assert other.answer(other.engage("ada", "again")) is None


def test_asking_looks_at_the_disk_ten_times_a_second_at_most(
    switch: KillSwitch, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: (looks.append(path), stat(path, **more))[1])
    for _ in range(1_000):
        switch.engaged("anna")
        clock.now_s += 0.001
    assert len(looks) <= 2 * 12


class Bot:
    """Carries out what the switch asks for."""

    def __init__(self) -> None:
        self.notes: list[KillNote] = []
        self.lifted: list[str] = []
        self.is_away = False
        self.hangs: asyncio.Event | None = None

    async def stop(self, note: KillNote) -> Sequence[Stopped]:
        self.notes.append(note)
        if self.hangs is not None:
            await self.hangs.wait()
        if self.is_away:
            raise Unavailable("the exchange is away")
        return [Stopped("anna", "live", cancelled=len(self.notes))]

    async def go_on(self, account: str) -> None:
        self.lifted.append(account)


async def test_a_watching_bot_carries_each_request_out_once_and_answers(switch: KillSwitch, other: KillSwitch) -> None:
    bot = Bot()
    watching = asyncio.create_task(switch.watch(bot.stop, bot.go_on, sleep=lambda _: asyncio.sleep(0)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert bot.notes == []
    first = other.engage("ada", "enough", "anna")
    await until(lambda: other.answer(first))
    second = other.engage("ada", "enough", "anna", flatten=True)
    await until(lambda: other.answer(second))
    for _ in range(5):
        await asyncio.sleep(0)
    assert bot.notes == [first, second]
    answer = other.answer(second)
    assert answer
    assert answer.accounts == (Stopped("anna", "live", cancelled=2),)
    other.lift("anna")
    await until(lambda: bot.lifted)
    third = other.engage("ada", "and again", "anna")
    await until(lambda: other.answer(third))
    assert bot.lifted == ["anna"]
    await end(watching)


async def test_what_was_lifted_while_another_request_is_carried_out_is_carried_out_no_more(
    switch: KillSwitch, other: KillSwitch
) -> None:
    bot = Bot()
    bot.hangs = asyncio.Event()
    one, two = other.engage("ada", "enough", "anna"), other.engage("ada", "enough", "bert", flatten=True)
    watching = asyncio.create_task(switch.watch(bot.stop, bot.go_on, sleep=lambda _: asyncio.sleep(0)))
    await until(lambda: bot.notes)
    other.lift("bert")
    bot.hangs.set()
    await until(lambda: bot.lifted)
    third = other.engage("ada", "and again", "bert")
    await until(lambda: other.answer(third))
    assert bot.notes == [one, third]
    assert bot.lifted == ["bert"]
    assert other.answer(two) is None
    await end(watching)


async def test_whoever_saw_a_request_that_came_and_went_while_another_is_carried_out_goes_on(
    switch: KillSwitch, other: KillSwitch, clock: Time
) -> None:
    bot = Bot()
    bot.hangs = asyncio.Event()
    one = other.engage("ada", "enough", "anna")
    watching = asyncio.create_task(switch.watch(bot.stop, bot.go_on, sleep=lambda _: asyncio.sleep(0)))
    await until(lambda: bot.notes)
    other.engage("ada", "enough", "bert")
    assert later(switch, clock, "bert")  # (an account that begins just now stands still for it)
    other.lift("bert")
    assert not later(switch, clock, "bert")
    bot.hangs.set()
    await until(lambda: bot.lifted)
    assert bot.lifted == ["bert"]
    assert bot.notes == [one]
    await end(watching)


async def test_a_request_that_could_not_be_carried_out_is_answered_with_the_reason(
    switch: KillSwitch, other: KillSwitch
) -> None:
    bot = Bot()
    bot.is_away = True
    watching = asyncio.create_task(switch.watch(bot.stop, sleep=lambda _: asyncio.sleep(0)))
    note = other.engage("ada", "enough")
    await until(lambda: other.answer(note))
    answer = other.answer(note)
    assert answer
    assert answer.accounts == (Stopped("all", "", trouble="the exchange is away"),)
    await end(watching)


async def test_a_signal_engages_it_for_every_account(switch: KillSwitch, folder: Path) -> None:
    with engaged_by_signal(switch):
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(switch.engaged)
    assert "SIGUSR1 was sent to the bot (a signal" in switch.engaged("anna")
    assert KillSwitch(folder).engaged()
