"""`make nonsense`: 10,000 malformed requests to each market, and a table of what came back."""

import argparse
import asyncio
import sys
import time

from tests.nonsense.run import bombard

from bot.domain.market import Market


def main() -> int:
    """Send, print, and give 1 when anything came back that no client should see."""
    parser = argparse.ArgumentParser(prog="python -m tests.nonsense", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="requests to each market")
    parser.add_argument("--seed", type=int, default=20_260_101)
    asked = parser.parse_args()
    found = 0
    print("| market | channel | status | code | answers |\n|---|---|---|---|---|")
    for market in Market:
        began = time.monotonic()
        tally = asyncio.run(bombard(market, asked.count, asked.seed))
        print(tally.table())
        took_s = time.monotonic() - began
        print(f"{market}: {sum(tally.answers.values())} requests in {took_s:.0f} s, {len(tally.faults)} faults\n")
        for fault in tally.faults[:20]:
            print(f"  {fault[:600]}")
        found += len(tally.faults)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
