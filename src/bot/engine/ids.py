"""Client order ids: ours alone, derived and never drawn, unique for good.

`b-<epoch>-<strategy>-<time>-<n>`: the lease under which it was decided (left out without one), the strategy's id, the
decision's time and the strategy's count of orders, in base 36. Binance allows 36 characters of `[A-Za-z0-9-_.:/]` and
frees an id once its order is filled, so our table keeps each one for good. Epochs of two databases differ, so an id of
our kind that our table does not know was made by somebody else who holds the same key.
"""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "b-"


def client_order_id(strategy_id: int, decision_ms: int, n: int, epoch: int = 0) -> str:
    """Give the id of a strategy's n-th order."""
    lease = f"{base36(epoch)}-" if epoch else ""
    return f"{PREFIX}{lease}{strategy_id}-{base36(decision_ms)}-{base36(n)}"


def is_ours(client_order_id: str) -> bool:
    """Say whether an id has our form: what a person or another program placed has not."""
    return client_order_id.startswith(PREFIX)


def strategy_of(client_order_id: str) -> int | None:
    """Give the strategy whose order an id of our form names."""
    parts = client_order_id.split("-")
    return int(parts[-3]) if is_ours(client_order_id) and len(parts) in {4, 5} and parts[-3].isdecimal() else None


def base36(value: int) -> str:
    """Write a non-negative number in base 36."""
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
        if not value:
            return text
