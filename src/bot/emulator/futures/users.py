"""Listen keys: who may hear whose user events, and for how long. A key is a stream that only its owner knows."""

import asyncio
import contextlib
import secrets
import string
from collections.abc import Callable

import msgspec

from bot.emulator.clock import Clock
from bot.emulator.hub import Hub
from bot.emulator.refusals import ApiError
from bot.emulator.wire import Json

KEY_LIFE_MS = 3_600_000
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 64


class ListenKey(msgspec.Struct):
    """One account's key and when it ends (server time)."""

    key: str
    ends_ms: int


class Users:
    """The user events of one face."""

    def __init__(self, hub: Hub, clock: Clock, now_ms: Callable[[], int]) -> None:
        self._hub, self._clock, self._now_ms = hub, clock, now_ms
        self._keys: dict[str, ListenKey] = {}
        clock.on_jump(self.expire_due)

    def open(self, account: str) -> str:
        """Give the account's key, new or with its life begun anew."""
        self.expire_due()
        if account not in self._keys:
            self._keys[account] = ListenKey("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)), 0)
        return self.extend(account)

    def extend(self, account: str) -> str:
        """Begin the life of a key anew; -1125 when there is none."""
        self.expire_due()
        found = self._keys.get(account)
        if found is None:
            raise ApiError(-1125, "This listenKey does not exist.")
        found.ends_ms = self._clock.now_ms + KEY_LIFE_MS
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(KEY_LIFE_MS / 1000 + 1, self.expire_due)
        return found.key

    def close(self, account: str) -> None:
        """End a key without a word."""
        self._keys.pop(account, None)

    def expire_due(self) -> None:
        """End the keys whose time is over, and say so on their streams."""
        now_ms = self._clock.now_ms
        for account in [account for account, one in self._keys.items() if one.ends_ms and one.ends_ms <= now_ms]:
            self.expire(account)

    def expire(self, account: str) -> None:
        """End a key now, and say so on its stream."""
        key = self._keys[account].key
        self.tell(account, {"e": "listenKeyExpired", "E": self._now_ms(), "listenKey": key})
        self._keys.pop(account, None)

    @property
    def accounts(self) -> list[str]:
        """Give the accounts that have a key."""
        return list(self._keys)

    def is_heard(self, account: str) -> bool:
        """Say whether anybody listens to an account."""
        found = self._keys.get(account)
        return found is not None and bool(self._hub.following(found.key))

    def tell(self, account: str, event: Json) -> None:
        """Send an event to whoever listens and did not leave its kind out of `events`."""
        found = self._keys.get(account)
        if found is None:
            return
        for suffix in tuple(self._hub.following(found.key)):
            if not suffix or event["e"] in suffix[1:].split("/"):
                self._hub.publish(found.key + suffix, lambda: event, account)
