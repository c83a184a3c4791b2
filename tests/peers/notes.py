"""What every script writes: one JSON line a step, and the facts that are compared with the truth book afterwards."""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol

SPOT, UM = os.environ.get("EMU_SPOT", ""), os.environ.get("EMU_UM", "")
KEY, SECRET = os.environ.get("EMU_KEY", ""), os.environ.get("EMU_SECRET", "")
RSA_KEY, RSA_PEM = os.environ.get("EMU_RSA_KEY", ""), os.environ.get("EMU_RSA_PEM", "")
SYMBOL = os.environ.get("EMU_SYMBOL", "BTCUSDT")
CALL_S = 15.0


class Cannot(Exception):
    """The client has no call for this endpoint; the text says what it lacks."""


class Peer(Protocol):
    """One other client. Endpoints and parameters are named in Binance's own words."""

    def ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Give the answer as plain JSON; Cannot when the client has no such call."""

    def code(self, error: Exception) -> int:
        """Give Binance's code in an error of the client, or 0."""

    def stream(self, market: str, name: str) -> contextlib.AbstractContextManager[list[Any]]:
        """Open a market stream and give the list that its frames go to."""

    def user_stream(self, market: str) -> contextlib.AbstractContextManager[list[Any]]:
        """Open the user stream and give the list that its events go to."""


class Notes:
    """Writes steps and facts, and keeps count of what failed."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def step(self, endpoint: str, step: str, outcome: str, detail: str = "") -> None:
        """Write one step. `outcome` is ok, failed or cannot."""
        line = {"step": step, "endpoint": endpoint, "ok": outcome == "ok", "outcome": outcome, "detail": detail[:400]}
        print(json.dumps(line), flush=True)

    def fact(self, kind: str, **values: Any) -> None:
        """Write something the client believes, for comparison with what is true."""
        print(json.dumps({"fact": kind} | values, default=str), flush=True)

    def ask(
        self, endpoint: str, step: str = "", check: Callable[[Any], Any] | None = None, /, **params: Any
    ) -> Any:  # fmt: skip
        """Ask through the client and give the answer, or None when that failed; `check` must find it true."""
        return self.run(endpoint, step, lambda: self._peer.ask(endpoint, params), check)

    def run(
        self, endpoint: str, step: str, work: Callable[[], Any], check: Callable[[Any], Any] | None = None
    ) -> Any:  # fmt: skip
        """Do any work of the client as a step."""
        try:
            answer = work()
        except Cannot as why:
            self.step(endpoint, step, "cannot", str(why))
            return None
        except Exception as error:  # noqa: BLE001  (a client may fail in any way, and that is a finding)
            self.step(endpoint, step, "failed", _told(error))
            return None
        if check is not None:
            try:
                is_good = bool(check(answer))
            except Exception as error:  # noqa: BLE001
                self.step(endpoint, step, "failed", f"answer not as documented: {_told(error)}; {answer!r}")
                return answer
            if not is_good:
                self.step(endpoint, step, "failed", f"unexpected answer: {answer!r}")
                return answer
        self.step(endpoint, step, "ok")
        return answer

    def refused(self, endpoint: str, code: int, step: str, /, **params: Any) -> None:
        """Expect a refusal with a code."""
        try:
            answer = self._peer.ask(endpoint, params)
        except Cannot as why:
            self.step(endpoint, step, "cannot", str(why))
        except Exception as error:  # noqa: BLE001  (a client may fail in any way, and that is a finding)
            seen = self._peer.code(error)
            self.step(endpoint, step, "ok" if seen == code else "failed", "" if seen == code else _told(error))
        else:
            self.step(endpoint, step, "failed", f"expected refusal {code}, got {answer!r}")

    def scene(self, name: str, work: Callable[[], None]) -> None:
        """Play a whole scene; what breaks it off is a failed step of its own."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a client may fail in any way, and that is a finding)
            self.step(f"{name} scene", "played to its end", "failed", _told(error))
        else:
            self.step(f"{name} scene", "played to its end", "ok")


def wait_until(condition: Callable[[], Any], seconds: float = CALL_S) -> Any:
    """Give the first true value of a condition, or its last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class Loop:
    """An event loop in a thread of its own, so that scenes read straight through whatever the client is made of."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any], seconds: float = CALL_S) -> Any:
        """Run a coroutine there and wait for its end."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(seconds)
        except FutureTimeout:
            future.cancel()
            raise TimeoutError(f"no answer within {seconds:.0f} s") from None

    @contextlib.contextmanager
    def task(self, work: Coroutine[Any, Any, Any]) -> Iterator[None]:
        """Keep a coroutine going meanwhile."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            yield
        finally:
            future.cancel()


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
