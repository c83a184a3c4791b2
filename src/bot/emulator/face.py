"""A face: one product of the exchange, on a port of its own. What differs between products is said here."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot.emulator.dumps import Dumps
from bot.emulator.gateway import Gate, Operation
from bot.emulator.hub import Hub
from bot.emulator.limits import OrderCount
from bot.emulator.player import Audience
from bot.emulator.wire import Json

if TYPE_CHECKING:
    from bot.emulator.api_socket import ApiSocket
    from bot.emulator.gateway import Caller
    from bot.emulator.params import Params

Tell = Callable[[Json], None]
"""Where user events go. Never waits."""
SocketMethod = Callable[["ApiSocket", "Params", "Caller"], Any]
"""A WebSocket API method about the connection itself."""


class Face(Audience):
    """What a port serves. A product fills in the tables, and moves with the player's ticks."""

    routes: Mapping[tuple[str, str], Operation[Any]] = {}
    """Operations by HTTP method and path."""
    methods: Mapping[str, Operation[Any]] = {}
    """Operations by method of the WebSocket API."""
    socket_methods: Mapping[str, SocketMethod] = {}
    """Methods of the WebSocket API about the connection."""
    api_path = "ws-api"
    """The part of a path that tells the WebSocket API from market streams."""
    api_connect_weight = 2
    knows_microseconds = True
    request_ids_are_numbers = False
    """True where a request on market streams bears an unsigned integer and nothing else."""
    statuses: Sequence[str] = ()
    """Words for how a symbol stands."""
    stream_frames_a_second = 5
    """What a client of the market streams may send, pongs among it; whoever sends more is disconnected."""

    dumps: Dumps | None = None
    """The public files of its candles."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.hub = Hub(gate.name, gate.faults)
        self._counts: dict[str, OrderCount] = {}
        self._listeners: defaultdict[str, list[Tell]] = defaultdict(list)

    # Requests.

    def count_orders_of(self, account: str, count: OrderCount) -> None:
        """Name the order count of an account."""
        self._counts[account] = count

    @property
    def accounts(self) -> list[str]:
        """Give the names of those who have an account here."""
        return list(self._counts)

    def order_count(self, account: str) -> OrderCount:
        """Give the unfilled order count of an account."""
        return self._counts[account]

    # User events.

    def listen(self, account: str, tell: Tell) -> Callable[[], None]:
        """Send the events of an account from now on; call what you get to stop it."""
        self._listeners[account].append(tell)
        return lambda: self._listeners[account].remove(tell)

    def has_listeners(self, account: str) -> bool:
        """Say whether anybody would hear an event of an account."""
        return bool(self._listeners.get(account))

    def tell(self, account: str, event: Json) -> None:
        """Send an event to whoever listens to an account."""
        for tell in tuple(self._listeners.get(account, ())):
            tell(event)

    @abstractmethod
    def deposit(self, account: str, asset: str, delta: Decimal, *, locks: bool) -> None:
        """Bring money in, take it out, or have it locked elsewhere; its owner is told. Refused when it is not there."""

    @abstractmethod
    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade, halt or whatever its product knows; KeyError when there is no such symbol."""

    # Streams.

    def stream_names(self, path: str, query: Mapping[str, str]) -> tuple[list[str], bool] | None:
        """Give the streams that an address asks for, and whether they come wrapped; None for no such address."""
        parts = path.strip("/").split("/")
        if parts[-1] == "stream":
            return query.get("streams", "").split("/"), True
        if "ws" in parts:
            # Whatever stands before `/ws` is passed over: one well-known client needs such a prefix.
            return parts[len(parts) - parts[::-1].index("ws") :], False
        return None

    def on_subscribe(self, names: Iterable[str], path: str) -> list[str]:
        """Give those of the wanted streams that will ever say anything here; the others are taken and stay silent."""
        if self.gate.faults.on_connections and self.gate.faults.for_connection("silent_ack", self.gate.name, path):
            return []
        return list(names)
