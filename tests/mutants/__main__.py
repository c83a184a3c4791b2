"""`python -m tests.mutants`: plants each known bug of the money path and says which seed of the proof finds it."""

import argparse
import json
import os
import sys

import msgspec
from tests.mutants.hunting import SEEDS, hunt_all, known_seeds
from tests.mutants.planting import GARDEN

from bot.commands.prove import commit


def main() -> int:
    """Hunt, tell, and fail when one is not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--names", nargs="*", default=sorted(GARDEN), choices=sorted(GARDEN), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds each gets (from 0 on)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="one object a mutant")
    parser.add_argument("--keep", action="store_true", help="remember the seeds for the test")
    asked = parser.parse_args()
    found = known_seeds()
    escaped, made = 0, commit()
    for catch in hunt_all(asked.names, range(asked.seeds), asked.jobs):
        escaped += catch.seed < 0
        if catch.seed >= 0:
            found[catch.name] = catch.seed
        if asked.json:
            print(json.dumps(msgspec.to_builtins(catch) | {"commit": made}), flush=True)
        else:
            where = f"seed {catch.seed:<4} {catch.invariant:<5}" if catch.seed >= 0 else "NOT FOUND      "
            told = f"{GARDEN[catch.name].row:<22} {GARDEN[catch.name].breaks}"
            print(f"{catch.name:<32} {where} {catch.took_s:6.1f} s  {told}", flush=True)
    if asked.keep:
        SEEDS.write_text(json.dumps(dict(sorted(found.items())), indent=2) + "\n")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
