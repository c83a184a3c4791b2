"""The doorman and his patience."""

import asyncio

import pytest
from tests.fakes.people import FakePeople
from tests.unit.api_pages.conftest import PASSWORD, QUICK, SETUP_TOKEN, Times

from bot.api.sessions import Doorman, Patience, Person
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
