"""`python -m tests.trust [FILE …]`: writes docs/reference/trust.md anew, with the figures of these files if any.

A file holds what `bot prove --json`, `bot chaos --json` or `python -m tests.mutants --json` said.
"""

import sys
from pathlib import Path

from tests.trust.figures import keep
from tests.trust.page import PAGE, page

try:
    for name in keep([Path(each) for each in sys.argv[1:]]):
        print(f"figures of {name} are taken")
except (OSError, ValueError) as error:
    sys.exit(f"{error}")
PAGE.write_text(page(), encoding="utf-8")
print(f"{PAGE} is up to date")
