"""Lets the addresses `src.bot.…` work from the repository's root without installing the package."""

import sys
from pathlib import Path

_here = str(Path(__file__).parent)
if _here not in sys.path:
    sys.path.insert(0, _here)
