"""`python -m tests.trust`: writes docs/reference/trust.md anew."""

from tests.trust.page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
print(f"{PAGE} is up to date")
