"""What the exchange's documents leave open: each field is one way to read them."""

import msgspec


class Readings(msgspec.Struct, frozen=True):
    """Choices between readings. The defaults are the likelier ones."""

    pending_legs_lock: bool = False
    """The waiting legs of OTO and OTOCO lock their money at placement; else when they go live."""
    sor_allocates_own_book: bool = False
    """Routed orders get allocations from their own book too, as in the examples; else trades, as in the text."""


STANDARD = Readings()
