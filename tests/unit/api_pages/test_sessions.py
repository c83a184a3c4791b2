"""The doorman and his patience."""

import asyncio

import pytest
from tests.fakes.people import FakePeople
from tests.unit.api_pages.conftest import PASSWORD, QUICK, SETUP_TOKEN, Times

from bot.api.sessions import (
    FIRST_RUN_MS,
    IDLE_MS,
    REMEMBER_MS,
    REMEMBERED,
    Doorman,
    Patience,
    Person,
    Remembered,
)
from bot.domain.errors import Misconfigured, Unavailable
from bot.security.tokens import token_hash


async def test_of_two_first_runs_at_once_one_wins(doorman: Doorman, people: FakePeople) -> None:
    made = await asyncio.gather(*(doorman.add_first_person(name, PASSWORD) for name in ("ana", "eve")))
    assert sum(person is not None for person in made) == 1
    assert len(people.people) == 1


async def test_the_token_is_void_once_there_is_a_person(doorman: Doorman) -> None:
    assert doorman.opens_first_run(SETUP_TOKEN)
    await doorman.add_first_person("ana", PASSWORD)
    assert not doorman.opens_first_run(SETUP_TOKEN)


def test_without_a_token_no_token_opens(people: FakePeople) -> None:
    assert not Doorman(people, lambda: 0, None, QUICK).opens_first_run("")


async def test_a_weak_password_is_refused_with_its_reason(doorman: Doorman) -> None:
    with pytest.raises(Misconfigured, match="too short"):
        await doorman.add_first_person("ana", "short")


async def test_only_the_hash_of_a_session_token_is_kept(doorman: Doorman, people: FakePeople, ana: Person) -> None:
    token = await doorman.sign_in(ana, None)
    assert list(people.sessions) == [token_hash(token)]
    assert len(token) >= 43


async def test_a_session_that_is_over_is_forgotten(
    doorman: Doorman, people: FakePeople, ana: Person, times: Times
) -> None:
    token = await doorman.sign_in(ana, None)
    times.now_ms += 31 * 60_000
    assert await doorman.session(token, is_visit=True) is None
    assert people.sessions == {}


async def test_a_flood_of_guesses_waits_in_a_short_queue(doorman: Doorman, ana: Person) -> None:
    tries = [doorman.recognise(ana.name, f"guess {number}") for number in range(30)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 22
    assert sum(answer is None for answer in answers) == 8
    assert await doorman.recognise(ana.name, PASSWORD) == ana


def test_patience_doubles_up_to_a_minute_and_forgets_after_a_while(times: Times) -> None:
    patience = Patience(lambda: times.monotonic_s)
    waits = []
    for _ in range(12):
        waits.append(patience.wait_s("name:ana"))
        times.monotonic_s += waits[-1]
        patience.note_attempt("name:ana")
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    times.monotonic_s += Patience.FORGET_S + 1
    patience.note_attempt("name:ana")
    assert patience.wait_s("name:ana") == 0


def test_patience_remembers_a_bounded_number_of_names(times: Times) -> None:
    patience = Patience(lambda: times.monotonic_s)
    for _ in range(4):
        patience.note_attempt("name:first")
    for number in range(Patience.KEPT):
        patience.note_attempt(f"name:{number}")
    assert patience.wait_s("name:first") == 0


async def test_within_seconds_a_session_is_asked_about_once(
    doorman: Doorman, people: FakePeople, ana: Person, times: Times
) -> None:
    token = await doorman.sign_in(ana, None)
    for _ in range(20):
        assert await doorman.session(token, is_visit=False) is not None
    assert people.questions == 1
    times.now_ms += REMEMBER_MS
    assert await doorman.session(token, is_visit=False) is not None
    assert people.questions == 2


async def test_a_session_that_was_ended_elsewhere_is_believed_for_seconds_only(
    doorman: Doorman, people: FakePeople, ana: Person, times: Times
) -> None:
    token = await doorman.sign_in(ana, None)
    assert await doorman.session(token, is_visit=True) is not None
    people.sessions.clear()
    times.now_ms += REMEMBER_MS
    assert await doorman.session(token, is_visit=True) is None


async def test_signing_out_counts_at_once_even_against_an_answer_under_way(
    doorman: Doorman, people: FakePeople, ana: Person
) -> None:
    token = await doorman.sign_in(ana, None)
    assert await doorman.session(token, is_visit=True) is not None
    kept = dict(people.sessions)
    await doorman.sign_out(token)
    people.sessions |= kept  # what a question asked just before would have read
    assert await doorman.session(token, is_visit=True) is None


async def test_a_remembered_session_ends_in_time_all_the_same(doorman: Doorman, ana: Person, times: Times) -> None:
    token = await doorman.sign_in(ana, None)
    times.now_ms += IDLE_MS
    assert await doorman.session(token, is_visit=False) is not None
    times.now_ms += 1
    assert await doorman.session(token, is_visit=False) is None


def test_a_bounded_number_of_sessions_is_remembered(times: Times) -> None:
    remembered: Remembered[int] = Remembered(lambda: times.now_ms)
    for number in range(REMEMBERED + 1):
        remembered.keep(str(number), number)
    assert (remembered.get("0"), remembered.get(str(REMEMBERED))) == (None, REMEMBERED)


def test_a_clock_that_was_set_back_makes_nothing_last_longer(times: Times) -> None:
    remembered: Remembered[int] = Remembered(lambda: times.now_ms)
    remembered.keep("one", 1)
    times.now_ms -= 60_000
    assert remembered.get("one") is None


def test_the_consoles_token_opens_for_a_day(doorman: Doorman, times: Times) -> None:
    times.now_ms += FIRST_RUN_MS - 1
    assert (doorman.opens_first_run(SETUP_TOKEN), doorman.missed_first_run(SETUP_TOKEN)) == (True, False)
    times.now_ms += 1
    assert (doorman.opens_first_run(SETUP_TOKEN), doorman.missed_first_run(SETUP_TOKEN)) == (False, True)
    assert not doorman.missed_first_run("another")


async def test_a_scrapers_token_is_asked_about_once_in_seconds_a_wrong_one_each_time(
    doorman: Doorman, people: FakePeople, times: Times
) -> None:
    people.scrapers.add(token_hash("right"))
    assert [await doorman.is_scraper(token) for token in ("right", "right", "wrong", "wrong")] == [
        True,
        True,
        False,
        False,
    ]
    assert people.questions == 3
    people.scrapers.clear()
    times.now_ms += REMEMBER_MS
    assert not await doorman.is_scraper("right")
