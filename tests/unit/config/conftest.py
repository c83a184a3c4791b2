from collections.abc import Iterator

import pytest

from bot.security.redact import REDACTOR


@pytest.fixture(autouse=True)
def _forget_registered_secrets() -> Iterator[None]:
    known = REDACTOR._needles
    REDACTOR._needles = ()
    yield
    REDACTOR._needles = known
