"""User events over the WebSocket API: subscribe by signature or within a session, and unsubscribe."""

from functools import partial

from bot.emulator.api_socket import ApiSocket, Subscription
from bot.emulator.face import Tell
from bot.emulator.gateway import Caller, identify
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.signing import read_claim
from bot.emulator.wire import Json

_IDS_MAX = 65_535
_AT_ONCE_MAX = 1_000


def subscribe(socket: ApiSocket, params: Params, _: Caller) -> Json:
    """Start the events of whoever is logged on."""
    socket.charge(2)
    wanted = _wanted(socket, params)
    params.done()
    if socket.customer is None:
        raise ApiError(-1193, "Session is not authenticated.", 401)
    return _start(socket, socket.customer, wanted, is_of_session=True)


def subscribe_signed(socket: ApiSocket, params: Params, caller: Caller) -> Json:
    """Start the events of whoever signed."""
    socket.charge(2)
    claim = read_claim(params, caller.key, caller.payloads)
    wanted = _wanted(socket, params)
    params.done()
    signed = Caller(caller.address, caller.channel, caller.key, caller.payloads)
    return _start(socket, identify(socket.face.gate, claim, signed, "read"), wanted, is_of_session=False)


def unsubscribe(socket: ApiSocket, params: Params, _: Caller) -> Json:
    """End one subscription, or all."""
    socket.charge(2)
    number = params.whole("subscriptionId")
    params.done()
    if number is not None and number not in socket.subscriptions:
        raise ApiError(-2036, "User Data Stream subscription is not active.")
    for ended in list(socket.subscriptions) if number is None else [number]:
        subscription = socket.subscriptions.pop(ended)
        subscription.stop()
        socket.tell(ended, subscription.account, {"e": "eventStreamTerminated", "E": socket.face.gate.clock.now_ms})
    return {}


def subscriptions(socket: ApiSocket, params: Params, _: Caller) -> list[Json]:
    """Give what is subscribed to."""
    socket.charge(2)
    params.done()
    return [{"subscriptionId": number} for number in socket.subscriptions]


def _wanted(socket: ApiSocket, params: Params) -> frozenset[str] | None:
    """Give the names of the events that a subscription is limited to; None for all."""
    name = socket.face.gate.settings.subscription_filter_parameter
    names = params.names(name) if name else None
    return None if names is None else frozenset(names)


def _start(socket: ApiSocket, customer: Customer, wanted: frozenset[str] | None, *, is_of_session: bool) -> Json:
    if any(one.account == customer.name for one in socket.subscriptions.values()):
        raise ApiError(-2035, "User Data Stream subscription is already active.")
    number = socket.next_subscription
    if number >= _IDS_MAX or len(socket.subscriptions) >= _AT_ONCE_MAX:
        raise ApiError(-2042, "Maximum subscription ID reached for this connection.")
    socket.next_subscription += 1
    socket.connection.account = socket.connection.account or customer.name
    tell = partial(socket.tell, number, customer.name)
    stop = socket.face.listen(customer.name, tell if wanted is None else partial(_tell_wanted, wanted, tell))
    socket.subscriptions[number] = Subscription(customer.name, stop, is_of_session)
    return {"subscriptionId": number}


def _tell_wanted(wanted: frozenset[str], tell: Tell, event: Json) -> None:
    if event["e"] in wanted:
        tell(event)


SUBSCRIPTION_METHODS = {
    "userDataStream.subscribe": subscribe,
    "userDataStream.subscribe.signature": subscribe_signed,
    "userDataStream.unsubscribe": unsubscribe,
    "session.subscriptions": subscriptions,
}
