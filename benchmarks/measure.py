"""What the benchmarks measure with: event loop lag, CPU and memory of processes, and a market to trade on."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PROBE_S = 0.01
_SOURCE = Path(__file__).parents[1] / "src"
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class LagProbe:
    """How late the event loop wakes a task that sleeps for 10 ms, again and again."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(PROBE_S)
            self.seen.append(max(0.0, time.perf_counter() - began - PROBE_S))

    def figures(self) -> dict[str, float]:
        """Give the lag in ms: of half, of 99 in 100 and of all wake-ups no more than this."""
        seen = sorted(self.seen)
        return {
            "p50_ms": round(1000 * seen[len(seen) // 2], 2),
            "p99_ms": round(1000 * seen[int(len(seen) * 0.99)], 2),
            "max_ms": round(1000 * seen[-1], 2),
        }


async def lag_of_an_idle_loop(seconds: float) -> dict[str, float]:
    """Give the floor: the lag of a bare event loop that has nothing else to do, in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(seconds), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    told, _ = await child.communicate()
    figures: dict[str, float] = json.loads(told)
    return figures


async def _idle(seconds: float) -> None:
    probe = LagProbe()
    task = asyncio.create_task(probe.watch())
    await asyncio.sleep(seconds)
    task.cancel()
    print(json.dumps(probe.figures()))


def cpu_s(pids: Sequence[int]) -> float:
    """Give the processor seconds that these processes have used; those that are gone count nothing."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    return total


def rss_mb(pid: int) -> float:
    """Give the memory of a process, in MB: resident, with what it shares; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def pss_mb(pids: Sequence[int]) -> float:
    """Give the memory of processes that share much (a PostgreSQL server), in MB: each shared page counted once."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
    return total


def family_of(pid: int) -> list[int]:
    """Give a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


@contextlib.contextmanager
def emulator(*options: str) -> "Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]":
    """Run an emulator as a child; gives the process and what it said when it was ready."""
    command = [sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", "--parent", str(os.getpid()), *options]
    environment = {**os.environ, "PYTHONPATH": str(_SOURCE)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        try:
            yield child, json.loads(child.stdout.readline())
        finally:
            child.terminate()


if __name__ == "__main__":
    asyncio.run(_idle(float(sys.argv[1])))
