"""What no source settles: one table of switches, to be set after a look at a real host.

Each default is the best reading of the protocol page; the words after it say where it comes from. What the page
marks as open and is no switch here is listed, with the reason, in docs/reference/emulator.md.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unverified:
    """Switches by what they decide."""

    parameters_before_key: bool = True
    """The form of the parameters is checked before key, time and signature (J.3, our inference)."""
    stateful_filter_code: int = -2010
    """Code of MAX_NUM_*, MAX_POSITION and the like; stateless filters answer -1013 (C.2, unverified which is which)."""
    client_id_pattern: str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
    """Legal client order ids on spot REST: documented for FIX and USD-M only (D.9)."""
    number_pattern: str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
    """Legal numbers: seen in error texts only (C.5)."""
    accepts_encoded_socket_signature: bool = True
    """The official SDK signs WebSocket API parameters percent-encoded, against the documentation (A.4)."""
    accepts_any_request_id: bool = True
    """Request ids of any JSON kind are echoed; documented are int64, text up to 36 characters and null (A.6).
    The market streams of USD-M take unsigned integers only, whatever stands here (F.1)."""
    ed25519_on_futures_rest: bool = True
    """The USD-M SDK signs REST with Ed25519; the stored documentation shows HMAC and RSA only (A.4)."""
    bnb_discount: Decimal = Decimal("0.75")
    """What is left of the standard commission when BNB pays: the text says that this is taken off (D.6)."""
    maker_fill_credit: int = 5
    """By how much the first fill as maker lowers the unfilled order count: "more than one" (B.1)."""
    refusals_before_ban: int = 10
    """Requests sent in spite of a 429 until the address is banned with 418 (B.1 names no number)."""
    first_ban_s: int = 120
    """Length of the first ban; each later one is twice as long, up to `longest_ban_s` (B.1: 2 min to 3 days)."""
    longest_ban_s: int = 259_200
    futures_connections_5m: int = 300
    """New USD-M connections per address and five minutes: assumed to be as on spot (B.4)."""
    old_futures_roots_serve_all: bool = False
    """Whether `/ws` and `/stream` still serve market streams: a measurement says they act like `/public` (A.1)."""
    pending_legs_lock: bool = False
    """Whether the waiting legs of OTO and OTOCO lock money at placement: the documents do not say (E.1)."""
    sor_allocates_own_book: bool = False
    """Whether a routed order gets allocations from its own book too: the FAQ's examples do, its text does not (D.1)."""
    subscription_filter_parameter: str = ""
    """Name of a parameter by which a subscription picks its events, a JSON list of names; empty: refused as unknown.
    Newer documents speak of such filters, no stored one shows them (G.1)."""
    countdown_cancels_algo_orders: bool = False
    """Whether the USD-M dead-man switch cancels conditional orders too (D.7)."""
