"""Four families of failure, sorted by what the caller does next."""


class BotError(Exception):
    """Everything we raise on purpose. The text says cause and fix in one line, and never a secret."""


class Rejected(BotError):
    """The exchange said no. Tell the strategy; asking again gives the same answer."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(BotError):
    """Nothing happened. Wait, then try again."""


class OutcomeUnknown(BotError):
    """It may have happened. Ask by client order id before anything else."""


class Misconfigured(BotError):
    """A person has to act. Stop this account and say so plainly."""
