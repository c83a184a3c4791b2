"""A person with a database of its own, and one emulator process for the run."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.person import CLI, Person


@pytest.fixture
def person(tmp_path: Path, database_url: str) -> Person:
    """Somebody in an empty folder whose database is there already."""
    return Person(tmp_path, DB_URL=database_url, API_PORT="0", MARKET_DATA_ENVIRONMENT="emulator")


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulator whose market moves a minute in a tenth of a second."""
    person = Person(tmp_path_factory.mktemp("exchange"))
    with person.running(
        "emulator", "--spot-port", 0, "--synthetic", 5, "--speed", 600, "--parent", os.getpid(), command=CLI
    ) as program:
        yield json.loads(program.wait_for('"ready"'))["spot"]
        program.end()
