"""The scene most tests start from."""

import pytest
from tests.unit.simulation_futures.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """An exchange where AAAUSDT trades at 100 and ann holds 1000 USDT, without fees."""
    desk = Desk()
    desk.price("100")
    desk.open()
    return desk
