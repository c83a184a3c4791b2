"""Tokens: 256 random bits, shown once, stored as a hash, compared in constant time."""

import base64
import hashlib
import hmac
import secrets

_CSRF_PURPOSE = b"binance-bot csrf"


def new_token() -> str:
    """Give a fresh token: 43 characters that are safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Give what to store of a token. Random tokens need no slow hash: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_token(token: str, stored_hash: str) -> bool:
    """Say whether a token is the one whose hash was stored."""
    return hmac.compare_digest(token_hash(token).encode(), stored_hash.encode("utf-8", "surrogatepass"))


def csrf_token(session_token: str) -> str:
    """Give the token that the pages of a session send along: known to them alone, stored nowhere."""
    digest = hmac.new(session_token.encode("utf-8", "surrogatepass"), _CSRF_PURPOSE, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_csrf_token(given: str, session_token: str) -> bool:
    """Say whether a page of this session sent the request."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), csrf_token(session_token).encode())
