from decimal import Decimal
from typing import Any

import pytest

from bot.emulator.config import AccountConfig, KeyConfig
from bot.emulator.gateway import Caller, Outcome, identify, perform, refused, settle
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.signing import Claim
from bot.emulator.spot.tables import ROUTES
from bot.emulator.unverified import Unverified
from bot.simulation.orders import Refused

ED25519 = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
ACCOUNT = AccountConfig("k", "s", {"USDT": Decimal(10**6)}, keys=(KeyConfig("e", public_key=ED25519),))


def fail(error: Exception) -> Outcome:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ApiError(-1021, "late"), 400, -1021), (Refused(-2010, "no"), 400, -2010), (KeyError("bug"), 500, -1000)],
)
def test_every_ending_is_an_outcome(error: Exception, status: int, code: int) -> None:
    outcome = settle(lambda: fail(error))
    assert (outcome.status, outcome.content["code"]) == (status, code)


def test_the_halves_of_a_replacement_are_shown_over_rest_too() -> None:
    assert "data" not in refused(ApiError(-1003, "wait", 429, data={"retryAfter": 1})).content
    assert refused(ApiError(-2021, "half", 409, data={"a": 1}, data_on_rest=True)).content["data"] == {"a": 1}


def test_ed25519_over_rest_can_be_switched_off_for_a_product(make_venue: Any) -> None:
    venue = make_venue(accounts=(ACCOUNT,))
    claim = Claim("e", (b"x",), "wrong", venue.wall_ms, 5_000)
    venue.gate.takes_ed25519_on_rest = False
    with pytest.raises(ApiError) as error:
        identify(venue.gate, claim, Caller("127.0.0.1", key="e"), "read")
    assert error.value.code == -1022


@pytest.mark.parametrize("code", [-2010, -1013])
def test_filters_that_depend_on_other_orders_answer_with_the_code_of_the_settings(make_venue: Any, code: int) -> None:
    venue = make_venue(accounts=(ACCOUNT,), settings=Unverified(stateful_filter_code=code))
    customer = venue.gate.customers["k"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "STOP_LOSS", "stopPrice": "200000", "quantity": "0.001"}
    caller = Caller("127.0.0.1", "ws-api", session=customer)

    def place() -> Any:
        return perform(
            venue, ROUTES["POST", "/api/v3/order"], Params(order | {"timestamp": str(venue.wall_ms)}), caller
        )

    for _ in range(5):
        place()
    with pytest.raises(ApiError, match="MAX_NUM_ALGO_ORDERS") as error:
        place()
    assert error.value.code == code


def test_a_session_whose_key_is_gone_is_refused(make_venue: Any) -> None:
    venue = make_venue(accounts=(ACCOUNT,))
    customer = venue.gate.customers.pop("k")
    claim = Claim(None, (), None, venue.wall_ms, 5_000)
    with pytest.raises(ApiError) as error:
        identify(venue.gate, claim, Caller("127.0.0.1", "ws-api", session=customer), "read")
    assert (error.value.status, error.value.code) == (401, -2015)
