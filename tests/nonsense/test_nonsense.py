"""Some hundred malformed requests to each market; `make nonsense` sends ten thousand."""

import pytest
from tests.nonsense.run import bombard

from bot.domain.market import Market


@pytest.mark.parametrize("market", list(Market))
async def test_nonsense_gets_a_documented_code_and_breaks_nothing(market: Market) -> None:
    tally = await bombard(market, 600, seed=20_260_101)
    assert tally.faults == []
    assert sum(tally.answers.values()) == 600
    refused = sum(count for (_, _, code), count in tally.answers.items() if code)
    assert refused > 600 - refused > 0
