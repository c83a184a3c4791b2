"""The keeper of a lease: it renews in time, and knows without asking when its turn is over."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.fakes.outfit import end, until

from bot.db.base import Mode, plain_dsn
from bot.db.leases import LeaseHeld, PostgresLease, Term
from bot.domain.errors import Unavailable
from bot.runtime.lease import Keeper, LeaseLost, since_boot

ROOT = Path(__file__).parents[3]
TTL_S = 15.0
OURS_S = 13.0
"""Two seconds less than the others count."""


class FakeLease:
    """A lease that a test gives, takes away, delays or breaks."""

    ttl_s = TTL_S

    def __init__(self) -> None:
        self.epoch = 40
        self.held_by = ""
        self.is_away = False
        self.on_call: Callable[[], None] = lambda: None
        self.renewals = 0
        self.released: list[int] = []
        self.is_closed = False

    async def acquire(self) -> Term:
        self._called()
        if self.held_by:
            raise LeaseHeld(self.held_by, 3.0)
        self.epoch += 1
        return Term(self.epoch, 41)

    async def renew(self, epoch: int) -> bool:
        self._called()
        self.renewals += 1
        return epoch == self.epoch and not self.held_by

    async def release(self, epoch: int) -> None:
        self._called()
        self.released.append(epoch)

    async def close(self) -> None:
        self.is_closed = True

    def _called(self) -> None:
        self.on_call()
        if self.is_away:
            raise Unavailable("the database is away")


class Time:
    """Seconds that pass by sleeping, and by hand; whoever sleeps too long has slept for ever."""

    def __init__(self, until_s: float = 1e9) -> None:
        self.now_s = 1000.0
        self.naps: list[float] = []
        self.until_s = until_s

    def __call__(self) -> float:
        return self.now_s

    def pass_(self, seconds: float) -> None:
        self.now_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now_s += seconds
        if self.now_s > self.until_s:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


def keeper_of(lease: FakeLease, clock: Time) -> Keeper:
    return Keeper("mine/live", lease, now=clock, sleep=clock.sleep)


async def test_nobody_may_send_before_a_lease_was_acquired() -> None:
    keeper = keeper_of(FakeLease(), Time())
    assert keeper.objection() == "no lease was acquired yet"
    assert await keeper.take() == 41 == keeper.epoch
    assert keeper.objection() == ""


async def test_a_lease_counts_from_before_it_was_asked_for_and_ends_sooner_for_us_than_for_others() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    lease.on_call = lambda: clock.pass_(4)  # the answer takes its time
    await keeper.take()
    clock.pass_(OURS_S - 4 - 0.1)
    assert keeper.objection() == ""
    clock.pass_(0.1)
    assert "ended 0.0 s ago: it was not renewed in time" in keeper.objection()
    assert keeper.lost.is_set()


async def test_an_answer_that_comes_too_late_gives_no_right_to_send() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    lease.on_call = lambda: clock.pass_(OURS_S)
    await keeper.take()
    assert keeper.objection()


async def test_it_is_renewed_every_third_of_its_duration() -> None:
    lease, clock = FakeLease(), Time(until_s=1000 + 60)
    keeper = keeper_of(lease, clock)
    await keeper.take()
    renewing = asyncio.create_task(keeper.keep())
    await until(lambda: clock.now_s > clock.until_s)
    assert set(clock.naps) == {TTL_S / 3}
    assert lease.renewals == 12
    assert keeper.objection() == ""
    await end(renewing)


async def test_an_unanswered_renewal_is_tried_again_and_again_until_the_end() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    lease.is_away = True
    with pytest.raises(LeaseLost, match="not renewed in time"):
        await keeper.keep()
    assert clock.naps[0] == TTL_S / 3
    assert len(clock.naps) > 10
    assert 0 <= clock.now_s - 1000 - OURS_S < 1


async def test_a_database_that_comes_back_in_time_changes_nothing() -> None:
    lease, clock = FakeLease(), Time(until_s=1000 + 60)
    keeper = keeper_of(lease, clock)
    await keeper.take()
    lease.on_call = lambda: setattr(lease, "is_away", 1005 <= clock.now_s < 1012)
    renewing = asyncio.create_task(keeper.keep())
    await until(lambda: clock.now_s > clock.until_s)
    assert keeper.objection() == ""
    await end(renewing)


async def test_a_lease_that_another_took_is_lost_at_once() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    lease.epoch += 1
    with pytest.raises(LeaseLost, match="taken over by another process"):
        await keeper.keep()
    assert clock.naps == [TTL_S / 3]
    assert keeper.lost.is_set()


async def test_what_is_over_is_not_renewed_even_if_nobody_took_it() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    clock.pass_(600)  # a suspended machine
    with pytest.raises(LeaseLost):
        await keeper.keep()
    assert lease.renewals == 0


async def test_a_renewal_under_way_while_the_machine_slept_does_not_bring_the_lease_back() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    lease.on_call = lambda: clock.pass_(600)
    with pytest.raises(LeaseLost):
        await keeper.keep()
    assert lease.renewals == 1
    assert "600" not in keeper.objection()
    clock.now_s = 1001  # even if the clock were wrong
    assert keeper.objection()


async def test_only_a_new_turn_brings_the_right_back_under_a_new_epoch() -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    clock.pass_(600)
    assert keeper.objection()
    assert await keeper.take() == 42
    assert keeper.objection() == ""
    assert not keeper.lost.is_set()


async def test_waiting_for_a_lease_tells_who_has_it() -> None:
    lease, clock = FakeLease(), Time()
    lease.held_by = "far:7:abcd"
    told: list[LeaseHeld] = []

    def hear(held: LeaseHeld) -> None:
        told.append(held)
        lease.held_by = "" if len(told) == 5 else lease.held_by

    keeper = keeper_of(lease, clock)
    assert await keeper.take_when_free(hear) == 41
    assert {each.holder for each in told} == {"far:7:abcd"}
    assert clock.naps == [1.0] * 5


async def test_a_lease_that_is_given_back_is_no_longer_ours() -> None:
    lease = FakeLease()
    keeper = keeper_of(lease, Time())
    await keeper.take()
    await keeper.release()
    assert keeper.objection() == "the lease was given back"
    assert (lease.released, lease.is_closed) == ([41], True)


@pytest.mark.parametrize("trouble", ["over", "away"])
async def test_giving_back_never_fails(trouble: str) -> None:
    lease, clock = FakeLease(), Time()
    keeper = keeper_of(lease, clock)
    await keeper.take()
    clock.pass_(600 if trouble == "over" else 0)
    lease.is_away = trouble == "away"
    await keeper.release()
    assert keeper.objection()
    assert (lease.released, lease.is_closed) == ([], True)


async def test_epochs_of_another_database_are_told_from_ours() -> None:
    keeper = keeper_of(FakeLease(), Time())
    assert not keeper.is_ours(41)
    for _ in range(3):
        await keeper.take()
    assert [epoch for epoch in range(38, 48) if keeper.is_ours(epoch)] == [41, 42, 43]


def test_the_clock_goes_on_and_never_back() -> None:
    first, second = since_boot(), since_boot()
    assert second >= first
    assert since_boot() >= time.monotonic() - 1  # what was slept through counts on top


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a loaded machine take its time."""
    monkeypatch.setattr("bot.db.leases.PATIENCE_S", 60)


@contextmanager
def another_host(url: str, ttl_s: float, where: str = "elsewhere") -> Iterator["subprocess.Popen[str]"]:
    """Run a holder in a process of its own; it has the lease when this yields."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("lease_holder.py")), url, str(ttl_s), where],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin
    process.stdin.write(line)
    process.stdin.flush()


def hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


async def test_the_lease_of_a_killed_holder_is_had_when_its_time_is_over(database_url: str, patience: None) -> None:
    with psycopg.connect(plain_dsn(database_url), autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('mine')")
        with another_host(database_url, ttl_s=3.0) as process:
            epoch = int(hear(process))
            keeper = Keeper("mine/live", PostgresLease(database_url, 1, Mode.LIVE))
            refused = []
            process.send_signal(signal.SIGKILL)
            process.wait()
            row = connection.execute("SELECT expires_at FROM leases").fetchone()
            assert await keeper.take_when_free(refused.append) == epoch + 1
        assert all(f":{process.pid}:" in held.holder for held in refused)
        after = connection.execute(
            "SELECT renewed_at >= %s, extract(epoch FROM renewed_at - %s)::float8 FROM leases",
            [row[0]] * 2 if row else [],
        ).fetchone()
        assert after
        assert after[0], "it was taken before its time was over"
        assert after[1] < 30, "nobody noticed that it was free"
        await keeper.release()


async def test_nobody_waits_for_a_dead_process_of_the_same_machine(database_url: str, patience: None) -> None:
    with psycopg.connect(plain_dsn(database_url), autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('mine')")
    with another_host(database_url, ttl_s=3_000.0, where="here") as process:
        epoch = int(hear(process))
        keeper = Keeper("mine/live", PostgresLease(database_url, 1, Mode.LIVE))
        with pytest.raises(LeaseHeld):
            await keeper.take()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert await keeper.take() == epoch + 1
        await keeper.release()


async def test_a_holder_that_was_stopped_wakes_up_knowing_that_its_time_is_over(
    database_url: str, patience: None
) -> None:
    with psycopg.connect(plain_dsn(database_url), autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('mine')")
    with another_host(database_url, ttl_s=3.0) as process:
        epoch = int(hear(process))
        process.send_signal(signal.SIGSTOP)
        keeper = Keeper("mine/live", PostgresLease(database_url, 1, Mode.LIVE))
        assert await keeper.take_when_free() == epoch + 1
        say(process, "may you send?\n")
        process.send_signal(signal.SIGCONT)
        answer = await asyncio.to_thread(hear, process)
        assert answer not in {"", "none"}
        assert keeper.objection() == ""
        await keeper.release()
