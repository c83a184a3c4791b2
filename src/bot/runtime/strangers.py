"""Orders on an account that this bot did not send: whose they are, and what follows."""

from collections.abc import Callable, Sequence

from bot.domain.messages import Event, ForeignSeen
from bot.engine.ids import is_ours
from bot.ports import Journal
from bot.runtime.condition import Condition

EXCHANGE_MADE = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
"""How the ids of orders begin that the exchange itself makes: liquidation, deleveraging, settlement."""


class Strangers:
    """Judges what a look found. An order in our form that our journal never heard of halts, whatever the policy."""

    def __init__(
        self, journal: Journal, condition: Condition, deliver: Callable[[Event], None], *, halts: bool = False
    ) -> None:
        """With `halts`, anybody else's order halts, too; else it is told of."""
        self._journal = journal
        self._condition = condition
        self._deliver = deliver
        self._halts = halts

    async def judge(self, found: Sequence[ForeignSeen]) -> None:
        """Take each for what it is. Raises Unavailable when the journal cannot say."""
        marked = [each for each in found if is_ours(each.client_order_id)]
        known = await self._journal.knows([each.client_order_id for each in marked]) if marked else {}
        for each in found:
            name = each.client_order_id
            if name in known or name.startswith(EXCHANGE_MADE):
                continue
            self._deliver(each)
            if is_ours(name):
                self._condition.halt(
                    f"order {name} on {each.symbol} bears this bot's mark, and this journal does not know it: "
                    "another bot uses the same key, or the database was restored from an older copy; stop the other, "
                    "cancel at Binance what is not wanted, compare (bot reconcile --dry-run), then: bot resume"
                )
            elif self._halts:
                self._condition.halt(
                    f"order {name or each.exchange_order_id} on {each.symbol} was not sent by this bot "
                    "(FOREIGN_ORDERS=halt); see whose it is, then: bot resume"
                )
