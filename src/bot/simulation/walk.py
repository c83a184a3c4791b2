"""A seeded random walk that can be read anywhere at once: the same seed, name and time give the same value, always.

The walk is built as Lévy built Brownian motion: tents over cells of 1 s, 2 s, 4 s … 4 years, each with a height drawn
from a hash of (seed, name, size, cell). A value needs one tent of each size, so no history is ever walked through.
Regimes stretch the tents of some sizes for some hours: long ones make trends, middle ones make a market that swings
back, all of them a storm.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_Bits = NDArray[np.uint64]

_SECOND_MS = 1_000
_SIZES = range(28)
_VOLATILITY = 0.7e-4
"""Standard deviation of the logarithm of the price over one second: about 2 % a day."""
_REGIME_SIZE = 13
"""A regime lasts 2^13 seconds, a little over two hours."""
# Factor of a tent by regime (trend, swing, calm, storm) and by size: up to 1 min, up to 17 min, up to 2 h 16.
_STRETCH = np.array([[0.7, 0.8, 2.2], [0.7, 2.2, 0.5], [0.5, 0.6, 0.6], [1.8, 1.8, 1.6]])


class Walk:
    """The logarithm of a price, relative to where it started; it is exactly 0 at time 0."""

    def __init__(self, seed: int, name: str) -> None:
        digest = blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
        self._key = int.from_bytes(digest, "big")

    def at(self, times_ms: Whole) -> Floats:
        """Give the walk at these times, in ms since its start; times before the start are as good."""
        total = np.zeros(times_ms.shape)
        for size in _SIZES:
            length = _SECOND_MS << size
            cells, inside = np.divmod(times_ms, length)
            tents = 1.0 - np.abs(2.0 * inside / length - 1.0)
            total += tents * self._heights(size, cells)
        return total

    def normals(self, topic: int, places: Whole) -> Floats:
        """Give one standard normal number for each place of a topic."""
        first = _unit(self._hash(2 * topic, places))
        second = _unit(self._hash(2 * topic + 1, places))
        return np.asarray(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))

    def _heights(self, size: int, cells: Whole) -> Floats:
        if not cells.size:
            return np.zeros(cells.shape)
        # Large tents cover many of the times asked for: then each is drawn once.
        low, high = int(cells.min()), int(cells.max())
        drawn = np.arange(low, high + 1, dtype=np.int64) if high - low < cells.size else cells
        peak = _VOLATILITY * np.sqrt(2.0**size) / 2.0
        heights = np.asarray(peak * self.normals(size, drawn) * self._stretch(size, drawn))
        return heights if drawn is cells else np.asarray(heights[cells - low])

    def _stretch(self, size: int, cells: Whole) -> Floats | float:
        if size >= _REGIME_SIZE:
            return 1.0
        regimes = self._hash(1_000, cells >> (_REGIME_SIZE - size)) % np.uint64(len(_STRETCH))
        group = 0 if size < 6 else 1 if size < 10 else 2
        return np.asarray(_STRETCH[regimes.astype(np.int64), group])

    def _hash(self, topic: int, places: Whole) -> _Bits:
        """Mix (key, topic, place) into 64 even bits, by the finaliser of SplitMix64."""
        salt = np.uint64((self._key + topic * 0x9E3779B97F4A7C15) % 2**64)
        bits = (places.astype(np.uint64) * np.uint64(0xD1342543DE82EF95)) ^ salt
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
        return np.asarray(bits ^ (bits >> np.uint64(31)))


def _unit(bits: _Bits) -> Floats:
    """Turn 64 bits into a number above 0 and below 1."""
    return np.asarray(((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)
