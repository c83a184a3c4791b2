"""The weather between bot and exchange: how long things take, and what gets lost. Drawn anew for each seed."""

from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class Weather:
    """Chances (0 to 1) by request, frame or connection; times in seconds."""

    delay_s: float = 0.01
    slow: float = 0.0
    """Of something that takes seconds instead."""
    refused: float = 0.0
    """No connection: nothing is sent."""
    lost_before: float = 0.0
    lost_after: float = 0.0
    cut_reply: float = 0.0
    early_reset: float = 0.0
    """Of a sender who is told that the connection broke, while what he sent still arrives, up to seconds later."""
    silence: float = 0.5
    """Share of losses that show by nothing but silence; the others by a reset."""
    cut_frame: float = 0.0
    """Of a connection that ends instead of carrying the next frame."""
    mute: float = 0.0
    """Of a connection that lives and carries nothing."""
    mute_s: float = 45.0

    def clear_up(self) -> None:
        """Let nothing go wrong from now on."""
        self.slow = self.refused = self.lost_before = self.lost_after = self.cut_reply = self.early_reset = 0.0
        self.cut_frame = self.mute = 0.0


def drawn(lots: Random) -> Weather:
    """Draw a weather: each kind of trouble is away, rare or frequent, so that seeds differ in kind."""

    def chance(rare: float, often: float) -> float:
        return lots.choice((0.0, rare, often))

    return Weather(
        delay_s=lots.choice((0.001, 0.02, 0.15)),
        slow=chance(0.005, 0.03),
        refused=chance(0.01, 0.05),
        lost_before=chance(0.01, 0.06),
        lost_after=chance(0.01, 0.06),
        cut_reply=chance(0.005, 0.03),
        early_reset=chance(0.005, 0.03),
        silence=lots.random(),
        cut_frame=chance(0.0005, 0.004),
        mute=chance(0.02, 0.1),
        mute_s=lots.uniform(5.0, 60.0),
    )
