"""Risk permits: it says whether an order may be sent, and why not.

Way in: gate.review(). Leans on: domain. Returns verdicts; waits for nothing.
"""
