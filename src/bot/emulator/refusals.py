"""How the exchange says no: HTTP status, Binance's code, Binance's text."""

from typing import Any


class ApiError(Exception):
    """A refusal on the wire. `data` is what the WebSocket API adds; `headers` what REST adds."""

    def __init__(
        self, code: int, message: str, status: int = 400, *,
        data: dict[str, Any] | None = None, headers: dict[str, str] | None = None, data_on_rest: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data
        self.headers = headers or {}
        self.data_on_rest = data_on_rest
        """True where REST shows `data` too: the halves of a cancel-and-replace."""


def missing(name: str) -> ApiError:
    """A mandatory parameter is absent or nonsense."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, pattern: str) -> ApiError:
    """A parameter holds characters outside its legal range."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def bad_symbol() -> ApiError:
    """No such symbol."""
    return ApiError(-1121, "Invalid symbol.")


def bad_request(name: str) -> ApiError:
    """A value outside what the endpoint takes."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def not_required(name: str) -> ApiError:
    """A parameter that does not belong to such a request."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def bad_combination() -> ApiError:
    """Parameters that exclude each other."""
    return ApiError(-1128, "Combination of optional parameters invalid.")


def rejected_key() -> ApiError:
    """The key is unknown, comes from elsewhere, or may not do this."""
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
