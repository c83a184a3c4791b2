"""Hides secrets in text and records: by the name they stand under, by their look, and by their value."""

import base64
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

MASK = "*****"
SHORTEST_SECRET = 6
"""Shorter values are not hidden by value: they would blot out ordinary words."""

_SENSITIVE_WORDS = frozenset(
    (
        "authorization",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "csrf",
        "key",
        "keys",
        "passwd",
        "pwd",
        "signature",
    )
)
_SENSITIVE_PARTS = ("apikey", "passphrase", "password", "secret", "token")
_HARMLESS_NAMES = frozenset({"key_id", "key_ids"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# No word before the label is matched: on a long text without spaces that would take quadratic time.
_LABEL = (
    r"(?:secret|passw(?:or)?d|passphrase|token|signature|api[_-]?key|private[_-]?key|encryption[_-]?key"
    r"|listen[_-]?key|csrf|cookie)"
)
_LABELLED = re.compile(rf"(?i)({_LABEL}[\"']?\s*[=:]\s*[\"']?)([^\s\"'&,;)}}\]]+)")
_AUTHORIZATION = re.compile(r"(?i)(authorization[\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic)\s+)?)([^\s\"',;]+)")
_URL_PASSWORD = re.compile(r"([A-Za-z][\w+.-]*://[^\s/:@]*:)([^\s/]+)(@)")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_DEEPEST = 12


@lru_cache(4_096)
def is_sensitive(name: str) -> bool:
    """Say whether a value under this name is hidden, whatever it is."""
    lowered = name.lower()
    if lowered in _HARMLESS_NAMES:
        return False
    if any(part in lowered for part in _SENSITIVE_PARTS):
        return True
    return any(word.lower() in _SENSITIVE_WORDS for word in _WORD.findall(name))


class Redactor:
    """Knows the secrets of this process and takes them out of everything it is shown."""

    def __init__(self) -> None:
        self._needles: tuple[str, ...] = ()

    def register(self, value: str) -> None:
        """Hide this value from now on, also where it is base64, URL or hex encoded or quoted."""
        if len(value) < SHORTEST_SECRET:
            return
        needles = {needle for needle in _disguises(value) if len(needle) >= SHORTEST_SECRET}
        self._needles = tuple(sorted({*self._needles, *needles}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """Give the text without secrets."""
        text = self._without_known(text)
        if "=" not in text and ":" not in text and "-----BEGIN" not in text:
            return text
        text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
        text = _LABELLED.sub(rf"\1{MASK}", text)
        if "://" in text:
            text = _URL_PASSWORD.sub(rf"\1{MASK}\3", text)
        if "-----BEGIN" in text:
            text = _PRIVATE_KEY.sub(MASK, text)
        return text

    def value(self, value: object, name: str = "", depth: int = 0) -> object:
        """Give a value made of plain dicts, lists, texts and numbers without secrets."""
        if value is None:
            return None
        if name and is_sensitive(name):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if depth > _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return {self._without_known(str(key)): self.value(item, str(key), depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item, "", depth + 1) for item in value]
        return value

    def _without_known(self, text: str) -> str:
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, MASK)
        return text


def _disguises(value: str) -> set[str]:
    """Give the shapes in which a value may turn up inside other text."""
    raw = value.encode()
    found = {value, value.strip(), quote(value, safe=""), quote(value), quote_plus(value), raw.hex(), raw.hex().upper()}
    found |= {repr(value)[1:-1], _in_json(value), _in_json(_in_json(value))}
    for lead in range(3):
        # Within longer base64 text a value has three faces, by where it falls in the groups of three bytes.
        start = (lead * 8 + 5) // 6
        end = (lead + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * lead + raw).decode()[start:end])
    return found


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


REDACTOR = Redactor()
"""The one of this process: logging shows it every line."""


def register_secret(value: str) -> None:
    """Keep this value out of every log line of this process."""
    REDACTOR.register(value)
