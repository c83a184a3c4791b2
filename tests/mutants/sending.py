"""Mutants of the way out: when an order is written down, how it is sent, and what an ending is taken for."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from tests.mutants.planting import Soil, mutant

from bot.binance import errors, rest, spot, ws_sender
from bot.binance.client import SpotClient
from bot.binance.endpoints import Endpoint, Sending
from bot.binance.errors import NO_SUCH_ORDER, Ending
from bot.binance.execution import SignedBroker
from bot.binance.following import Patience
from bot.binance.limits import WeightBank
from bot.binance.tracking import Tracked
from bot.domain.errors import BotError, OutcomeUnknown, Rejected, Unavailable
from bot.domain.messages import Attempt, Command, Event, Outcome, PlaceOrder
from bot.domain.order import Order, OrderStatus
from bot.runtime import runner
from bot.runtime.runner import Runner


@mutant("an order whose outcome is unknown is sent again at once", "F08, B9")
def blind_resend(soil: Soil) -> None:
    async def wrong(self: SpotClient, order: Order, sending: Sending | None = None) -> Any:
        try:
            return await right(self, order, sending)
        except OutcomeUnknown:
            return await right(self, order, sending)

    right = soil.swap(SpotClient, "place", wrong)


@mutant("what the exchange says of waiting is forgotten", "F12, F13")
def waits_are_forgotten(soil: Soil) -> None:
    def wrong(self: WeightBank, wait_s: float) -> None:
        """Go on."""

    soil.swap(WeightBank, "block", wrong)


@mutant("not found once is taken for never arrived, and the same id is sent again", "F08, §4.3")
def resend_without_fence(soil: Soil) -> None:
    async def wrong(self: SpotClient, order: Order, sending: Sending | None = None) -> Any:
        try:
            return await right(self, order, sending)
        except OutcomeUnknown:
            try:
                return await self.query(order.symbol, order.client_order_id)
            except Rejected as error:
                if error.code != NO_SUCH_ORDER:
                    raise OutcomeUnknown(str(error)) from error
                return await right(self, order, sending)
            except BotError as error:
                raise OutcomeUnknown(str(error)) from error

    right = soil.swap(SpotClient, "place", wrong)


@mutant("placing an order counts as safe to repeat", "B9")
def place_is_repeatable(soil: Soil) -> None:
    soil.swap(spot, "PLACE_ORDER", dataclasses.replace(spot.PLACE_ORDER, repeatable=True))


@mutant("what was lost on the socket goes out once more by REST", "F08, F16")
def rest_takes_over_what_was_sent(soil: Soil) -> None:
    async def wrong(
        self: ws_sender.WsSender, endpoint: Endpoint[Any, Any], request: Any, sending: Sending | None = None
    ) -> Any:
        try:
            return await right(self, endpoint, request, sending)
        except OutcomeUnknown:
            return await self._rest.call(endpoint, request)

    right = soil.swap(ws_sender.WsSender, "call", wrong)


@mutant("silence is taken for a refusal", "F08, §2 hummingbot")
def silence_is_refusal(soil: Soil) -> None:
    def wrong(self: SignedBroker, tracked: Tracked, reason: str) -> None:
        self._tell(tracked, OrderStatus.REJECTED, reason=reason)

    soil.swap(SignedBroker, "_tell_unknown", wrong)


@mutant("a 5xx is taken for a refusal", "F09, F10")
def server_error_is_refusal(soil: Soil) -> None:
    def wrong(status: int, *more: Any) -> Ending:
        return Ending.REJECTED if status >= 500 else right(status, *more)

    right = soil.swap(errors, "ending_of", wrong)


@mutant("-1007 (no answer from the engine in time) is taken for a refusal", "F10")
def engine_timeout_is_refusal(soil: Soil) -> None:
    def wrong(status: int, error: Any, *more: Any) -> Ending:
        return Ending.REJECTED if error is not None and error.code == -1007 else right(status, error, *more)

    right = soil.swap(errors, "ending_of", wrong)


@mutant("a connection that broke after the request is taken for one that never opened", "F08, F27")
def reset_means_nothing_sent(soil: Soil) -> None:
    async def wrong(self: rest.Rest, endpoint: Endpoint[Any, Any], request: Any, sending: Sending | None) -> Any:
        try:
            return await right(self, endpoint, request, sending)
        except OutcomeUnknown as error:
            raise Unavailable(f"nothing was sent: {error}") from error

    right = soil.swap(rest.Rest, "_once", wrong)


@mutant("an answer that cannot be read is taken for no order", "F09, F11")
def unreadable_is_refusal(soil: Soil) -> None:
    async def wrong(self: SpotClient, order: Order, sending: Sending | None = None) -> Any:
        try:
            return await right(self, order, sending)
        except OutcomeUnknown as error:
            if "could not be read" in str(error) or "without a readable reason" in str(error):
                raise Rejected(str(error), 0) from error
            raise

    right = soil.swap(SpotClient, "place", wrong)


@mutant("absence counts at once, without any fence", "I7, §4.3")
def no_fence(soil: Soil) -> None:
    _patience(soil, fence_ms=0)


@mutant("the fence forgets recvWindow: a late request may still arrive after it", "I7, §4.3")
def fence_without_recv_window(soil: Soil) -> None:
    _patience(soil, fence_ms=2_000)


@mutant("three questions without an answer count as proof of absence", "I7, §2 nautilus")
def errors_count_as_absence(soil: Soil) -> None:
    async def wrong(self: SignedBroker, tracked: Tracked, signed_ms: int) -> None:
        for _ in range(3):
            try:
                if await self._adopt(await self._client.query(tracked.symbol, tracked.id), tracked):
                    return
            except (BotError, ValueError):
                pass
            await self._clock.sleep(0.5)
        self._tell(tracked, OrderStatus.VOID, reason="not found three times")

    soil.swap(SignedBroker, "_resolve", wrong)


@mutant("a request is signed when it leaves, not with the time that was written down", "I2, §4.1")
def signed_later_than_written(soil: Soil) -> None:
    async def wrong(self: SpotClient, order: Order, sending: Sending | None = None) -> Any:
        return await right(self, order)

    right = soil.swap(SpotClient, "place", wrong)


@mutant("orders leave before their intent is written down", "I2, K01")
def sent_before_written(soil: Soil) -> None:
    async def wrong(self: Runner, event: Event, outcomes: Sequence[Outcome], age_s: float) -> None:
        for each in outcomes:
            if isinstance(each, Command):
                await self._broker.execute(each)
        await self._remember(event, outcomes)

    soil.swap(Runner, "_carry_out", wrong)


@mutant("a commit that failed is passed over, and the order goes out", "F03, I2")
def failed_commit_is_ignored(soil: Soil) -> None:
    async def wrong(self: Runner, event: Event, outcomes: Sequence[Outcome]) -> float:
        with contextlib.suppress(Unavailable):
            await self._journal.record(event, outcomes)
        return 0.0

    soil.swap(Runner, "_remember", wrong)


@mutant("told to end while a commit is under way, it sends without waiting for it", "F53, I2")
def end_cuts_the_commit_short(soil: Soil) -> None:
    async def hurried(self: Runner, event: Event, outcomes: Sequence[Outcome]) -> float:
        try:
            return await right(self, event, outcomes)
        except asyncio.CancelledError:
            return 0.0

    async def unprotected(work: Any) -> None:
        await work

    right = soil.swap(Runner, "_remember", hurried)
    soil.swap(runner, "_to_its_end", unprotected)


@mutant("the attempt is not written down, only the intent", "I2, §4.1")
def attempt_is_not_written(soil: Soil) -> None:
    async def wrong(self: Runner, event: Event, outcomes: Sequence[Outcome]) -> float:
        return await right(self, event, [each for each in outcomes if not isinstance(each, Attempt)])

    right = soil.swap(Runner, "_remember", wrong)


@mutant("each command is carried out twice", "I1")
def two_for_one(soil: Soil) -> None:
    async def wrong(self: Runner, command: PlaceOrder, *more: Any) -> None:
        await right(self, command, *more)
        await right(self, command, *more)

    right = soil.swap(Runner, "_place", wrong)


def _patience(soil: Soil, **values: Any) -> None:
    def wrong(self: SignedBroker, *given: Any, **named: Any) -> None:
        right(self, *given, **named)
        self.patience = dataclasses.replace(self.patience or Patience(), **values)

    right = soil.swap(SignedBroker, "__init__", wrong)
