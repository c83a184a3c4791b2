"""The gate: one order in, a verdict out. The first rule that objects decides, and its name travels with the refusal."""

import msgspec

from bot.risk.rules import Proposal, rules_for


class Approved(msgspec.Struct, frozen=True):
    """The order may be sent."""


class Denied(msgspec.Struct, frozen=True):
    """The order may not be sent; `rule` names who objected."""

    rule: str
    reason: str


APPROVED = Approved()


def review(proposal: Proposal) -> Approved | Denied:
    """Ask each rule in turn."""
    for rule in rules_for(proposal):
        if reason := rule(proposal):
            return Denied(rule.__name__, reason)
    return APPROVED
