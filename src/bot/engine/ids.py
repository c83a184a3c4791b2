"""Client order ids: ours alone, derived and never drawn, unique for good.

`b-<strategy>-<time>-<n>`: the strategy's id, the decision's time and the strategy's count of orders, in base 36. The
same decision taken twice gives the same id, and our table refuses the second. Binance allows 36 characters of
`[A-Za-z0-9-_.:/]` and frees an id once its order is filled, so the table keeps each one for good.
"""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "b-"


def client_order_id(strategy_id: int, decision_ms: int, n: int) -> str:
    """Give the id of a strategy's n-th order."""
    return f"{PREFIX}{strategy_id}-{base36(decision_ms)}-{base36(n)}"


def base36(value: int) -> str:
    """Write a non-negative number in base 36."""
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
        if not value:
            return text
