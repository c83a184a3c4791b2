"""Refusals sorted by what the caller does next; the table agrees with the protocol's."""

import json
from pathlib import Path

import pytest

from bot.binance.errors import ClockOff, Ending, HalfReplaced, Throttled, ending_of, refusal
from bot.binance.wire import ErrorBody
from bot.domain.errors import Misconfigured, OutcomeUnknown, Rejected, Unavailable
from bot.domain.market import Market


def body(code: int, message: str = "text") -> bytes:
    return json.dumps({"code": code, "msg": message}).encode()


@pytest.mark.parametrize(
    ("status", "code", "ending"),
    [
        (400, -1013, Ending.REJECTED),
        (400, -2010, Ending.REJECTED),
        (400, -2011, Ending.REJECTED),
        (400, -1021, Ending.CLOCK),
        (400, -1022, Ending.AUTH),
        (401, -2015, Ending.AUTH),
        (400, -1006, Ending.UNKNOWN),
        (503, -1007, Ending.UNKNOWN),
        (500, -1000, Ending.UNKNOWN),
        (503, -1016, Ending.UNKNOWN),
        (503, -1008, Ending.THROTTLED),
        (429, -1015, Ending.THROTTLED),
        (418, -1003, Ending.THROTTLED),
        (500, -1013, Ending.UNKNOWN),
        (400, -4242, Ending.UNKNOWN),
    ],
)
def test_a_refusal_is_sorted_by_code_and_status(status: int, code: int, ending: Ending) -> None:
    assert ending_of(status, ErrorBody(code)) is ending


@pytest.mark.parametrize("status", [400, 404, 408, 409, 500, 502, 503, 504])
def test_an_answer_without_a_readable_reason_proves_nothing_about_an_order(status: int) -> None:
    for text in (b"", b"<html>gateway</html>", b'{"code":"x"}', b'{"code":-1'):
        assert isinstance(refusal(status, text, repeatable=False), OutcomeUnknown)


def test_the_firewall_lets_nothing_through() -> None:
    error = refusal(403, b"<html>", repeatable=False)
    assert isinstance(error, Throttled)
    assert "firewall" in str(error)


def test_families_follow_from_the_ending() -> None:
    assert isinstance(refusal(400, body(-1121), repeatable=True), Rejected)
    assert isinstance(refusal(400, body(-1021), repeatable=False), ClockOff)
    assert isinstance(refusal(401, body(-2014), repeatable=False), Misconfigured)
    assert isinstance(refusal(503, body(-1007), repeatable=True), Unavailable)
    limited = refusal(429, body(-1003), repeatable=False, wait_s=7.0)
    assert isinstance(limited, Throttled)
    assert limited.wait_s == 7.0


def test_a_read_refused_for_a_reason_we_do_not_know_is_not_repeated() -> None:
    assert isinstance(refusal(400, body(-4242), repeatable=True), Rejected)


def test_an_order_whose_id_is_on_the_book_is_not_refused_but_unknown() -> None:
    assert isinstance(refusal(400, body(-2010, "Duplicate order sent."), repeatable=False), OutcomeUnknown)


@pytest.mark.parametrize("market", list(Market))
def test_no_code_whose_outcome_the_protocol_calls_uncertain_is_treated_as_definite(market: Market) -> None:
    path = Path(__file__).parents[3] / "../shared/binance-errors.json"
    name = "spot" if market is Market.SPOT else "um"
    listed = {entry["code"]: entry["reaction"] for entry in json.loads(path.read_text()) if entry["market"] == name}
    endings = {code: ending_of(400, ErrorBody(code), market) for code in listed}
    done_nothing = {Ending.REJECTED, Ending.UNKNOWN}
    expected = {
        "fatal": {Ending.AUTH},
        "resync": {Ending.CLOCK},
        "fix": done_nothing,
        "retry": done_nothing,
        "risk": {Ending.REJECTED},
        "backoff": {Ending.THROTTLED, *done_nothing},
        "halt": {Ending.REJECTED},
        "noop": {Ending.REJECTED},
        "inspect": {Ending.REJECTED},
        "resubscribe": done_nothing,
    }
    # Their caller queries, it never assumes; or the text of the code itself says that nothing was done.
    asked_about = {-2011, -2012, -2013, -2022, -2024, -4000, -4115, -4117}
    for code, reaction in listed.items():
        if reaction == "reconcile":
            assert endings[code] is Ending.UNKNOWN or code in asked_about, code
        else:
            assert endings[code] in expected[reaction], code


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("Unknown error, please check your request or try again later.", Ending.UNKNOWN),
        ("Service Unavailable.", Ending.THROTTLED),
        ("Internal error; unable to process your request. Please try again.", Ending.THROTTLED),
    ],
)
def test_futures_say_in_words_whether_an_order_was_taken_when_they_fail(text: str, ending: Ending) -> None:
    assert ending_of(503, ErrorBody(-1001, text), Market.FUTURES) is ending
    assert ending_of(503, ErrorBody(-1001, text)) is Ending.UNKNOWN


def test_one_number_may_mean_two_things() -> None:
    assert ending_of(400, ErrorBody(-4116), Market.FUTURES) is Ending.UNKNOWN
    assert ending_of(400, ErrorBody(-5028), Market.FUTURES) is Ending.CLOCK
    assert ending_of(400, ErrorBody(-5028)) is Ending.UNKNOWN
    assert ending_of(400, ErrorBody(-2021), Market.FUTURES) is Ending.REJECTED
    assert ending_of(400, ErrorBody(-2021)) is Ending.UNKNOWN


@pytest.mark.parametrize(("cancel", "new"), [("SUCCESS", "FAILURE"), ("FAILURE", "SUCCESS")])
def test_a_replacement_done_by_half_says_which_half(cancel: str, new: str) -> None:
    told = {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": {}}
    told["data"] = {"cancelResult": cancel, "newOrderResult": new, "cancelResponse": {"code": -2011, "msg": "?"}}
    error = refusal(409, json.dumps(told).encode(), repeatable=False)
    assert isinstance(error, HalfReplaced)
    assert (error.cancelled, error.placed) == (cancel == "SUCCESS", new == "SUCCESS")
    assert type(refusal(409, body(-2021), repeatable=False)) is OutcomeUnknown
    assert isinstance(refusal(400, json.dumps(told).encode(), Market.FUTURES, repeatable=False), Rejected)
