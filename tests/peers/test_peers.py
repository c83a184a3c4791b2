import pytest
import run
from make_environments import CLIENTS

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("client", CLIENTS)
def test_another_client_trades_on_the_emulator_and_believes_the_truth(client: str) -> None:
    result = run.run(client)
    assert not result.broke
    assert [f"{step['endpoint']} {step['step']}: {step['detail']}" for step in result.failed] == []
    assert result.lies == []
    assert {"order", "balance"} <= result.compared.keys()
