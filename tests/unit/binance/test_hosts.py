"""Addresses by environment and market."""

import pytest

from bot.binance.hosts import Environment, hosts_for
from bot.domain.errors import Misconfigured
from bot.domain.market import Market


def test_every_environment_has_addresses_for_every_market() -> None:
    for environment in Environment:
        for market in Market:
            hosts = hosts_for(environment, market, emulator_url="http://127.0.0.1:8001")
            assert hosts.rest.startswith("http")
            assert hosts.stream.startswith("ws")
            assert hosts.ws_api.startswith("ws")
            assert hosts.market is market


def test_test_networks_never_reach_the_real_exchange() -> None:
    real = hosts_for("production")
    for environment in ("testnet", "demo"):
        hosts = hosts_for(environment)
        assert not {hosts.rest, hosts.stream, hosts.ws_api} & {real.rest, real.stream, real.ws_api}


def test_the_emulator_is_found_at_the_address_given() -> None:
    hosts = hosts_for("emulator", emulator_url="http://127.0.0.1:8001/")
    assert (hosts.rest, hosts.stream, hosts.ws_api) == (
        "http://127.0.0.1:8001", "ws://127.0.0.1:8001", "ws://127.0.0.1:8001/ws-api/v3",
    )  # fmt: skip


@pytest.mark.parametrize("address", ["", "127.0.0.1:8001", "ftp://host"])
def test_an_emulator_address_that_is_no_url_is_refused(address: str) -> None:
    with pytest.raises(Misconfigured, match=r"write it like http://127\.0\.0\.1:8001"):
        hosts_for("emulator", emulator_url=address)


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match="production, testnet, demo, emulator"):
        hosts_for("mainnet")
