"""Looks at every month that is kept, and says what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.errors import Misconfigured
from bot.domain.market import Stream
from bot.history import checks
from bot.history.certificate import Certificate, content_hash
from bot.history.columns import Columns
from bot.history.store import Store, month_of


@dataclass(frozen=True, slots=True)
class Finding:
    """One month as it was found. `trouble` is empty when the month is what its certificate says."""

    stream: Stream
    month: str
    certificate: Certificate | None
    trouble: str = ""
    is_copy_mended: bool = False
    """True when the JSON beside the file told something else and was written anew."""


def verify(store: Store, stream: Stream) -> Iterator[Finding]:
    """Read every number of a series, month by month, and compare it with the certificates."""
    before: Certificate | None = None
    for month in store.months(stream):
        try:
            certificate = store.certificate(stream, month)
            columns = store.month(stream, month)
        except Misconfigured as error:
            yield Finding(stream, month, None, str(error))
            before = None
            continue
        trouble = _trouble(columns, certificate, month, before)
        is_mended = not trouble and store.mend_copy(stream, month)
        yield Finding(stream, month, certificate, trouble, is_mended)
        before = certificate


def _trouble(columns: Columns, certificate: Certificate, month: str, before: Certificate | None) -> str:
    """Say in words what differs, the worst first."""
    if found := checks.flaws(columns):
        return ", ".join(map(str, found))
    if content_hash(columns) != certificate.sha256:
        return "the candles are not those of the certificate: their hash differs; remove the file and fetch it again"
    if month_of(int(columns.open_time[0])) != month or month_of(int(columns.open_time[-1])) != month:
        return "holds candles of another month; remove the file and fetch it again"
    after_ms = before.last_ms if before and _follows(before, month) else None
    holes = [gap for gap in checks.gaps(columns, after_ms) if gap not in certificate.gaps]
    if holes:
        return f"a hole that is not on the certificate: {holes[0]}; fetch or import what is missing"
    return ""


def _follows(before: Certificate, month: str) -> bool:
    """Say whether a month is the one after a certificate's; further away was never meant to be one series."""
    year, number = map(int, month_of(before.last_ms).split("-"))
    return month == f"{year + number // 12}-{number % 12 + 1:02}"
