"""Faults on purpose: which request, frame or connection goes wrong, how, and how often.

A rule hits what it matches, by probability (seeded), after so many (`skip`), at most so often (`count`), or by a
script of one letter a match: `x` hits, anything else does not. The same rules give the same faults to the same traffic.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from random import Random
from typing import Any, Literal

import msgspec

from bot.emulator.truth import TruthBook
from bot.emulator.wire import Json

RequestKind = Literal[
    "delay_reply", "delay_request", "drop_reply", "drop_request", "error", "bad_gateway", "limit", "ban",
    "truncated_body", "empty_body",
]  # fmt: skip
FrameKind = Literal["drop_frame", "duplicate_frame", "reorder_frame", "delay_frame", "disconnect"]
ContentKind = Literal["extra_keys", "unknown_enum", "foreign_symbols"]
ConnectionKind = Literal["silent_ack", "empty_ping"]
MarketKind = Literal["expire_by_rule", "expire_listen_key"]
Kind = RequestKind | FrameKind | ContentKind | ConnectionKind | MarketKind

REQUEST_KINDS = frozenset(RequestKind.__args__)  # type: ignore[attr-defined]
FRAME_KINDS = frozenset(FrameKind.__args__)  # type: ignore[attr-defined]
CONTENT_KINDS = frozenset(ContentKind.__args__)  # type: ignore[attr-defined]
FOREIGN_SYMBOL, COIN_M = "BTCUSD_PERP", 2
UNKNOWN_KEY, UNKNOWN_WORD = "notYetDocumented", "NOT_YET_DOCUMENTED"


class Rule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One fault. Patterns take `*`; an empty one matches anything.

    `accept` says whether the request is carried out all the same. `retry_after_s` goes with limit, ban and error.
    """

    kind: Kind
    id: int = 0
    face: str = ""
    method: str = ""
    path: str = ""
    stream: str = ""
    event: str = ""
    account: str = ""
    params: dict[str, str] = {}
    closed: bool | None = None
    probability: float = 1.0
    seed: int = 0
    skip: int = 0
    count: int | None = None
    script: str = ""
    accept: bool = True
    delay_ms: int = 0
    status: int = 503
    code: int | None = None
    message: str = ""
    retry_after_s: int = 0
    field: str = ""
    value: str = UNKNOWN_WORD
    seen: int = 0
    hits: int = 0


class FaultBook:
    """The rules in force."""

    def __init__(self, truth: TruthBook) -> None:
        self._truth = truth
        self._rules: list[Rule] = []
        self._for_requests: list[Rule] = []
        self._for_frames: list[Rule] = []
        self._for_content: list[Rule] = []
        self._lots: dict[int, Random] = {}
        self._next_id = 1
        self.on_requests = self.on_frames = self.on_connections = False
        """Whether any rule concerns these: the quick way round when none does."""

    def add(self, rule: Rule) -> int:
        """Put a rule in force, behind the others; give its id."""
        rule.id = self._next_id
        self._next_id += 1
        self._rules.append(rule)
        self._lots[rule.id] = Random(rule.seed)  # noqa: S311 - faults have to come again in the same way
        self._sort()
        return rule.id

    def remove(self, rule_id: int | None = None) -> int:
        """Lift a rule, or all; give how many were lifted."""
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]
        self._sort()
        return before - len(self._rules)

    def rows(self) -> list[Json]:
        """Give every rule, with how often it saw a match and hit."""
        return [msgspec.to_builtins(rule) for rule in self._rules]

    def for_request(self, face: str, method: str, path: str, account: str, params: dict[str, str]) -> Rule | None:
        """Give the first rule that hits a request; `path` is the WebSocket API method there."""
        for rule in self._for_requests:
            if (
                (not rule.method or rule.method == method)
                and _fits(rule, face, account)
                and (not rule.path or _matches(path, rule.path))
                and all(_matches(params.get(name, ""), pattern) for name, pattern in rule.params.items())
                and self._hits(rule)
            ):
                self._truth.note(face, "fault", account, {"fault": rule.kind, "rule": rule.id, "path": path})
                return rule
        return None

    def for_frame(self, face: str, stream: str, account: str, content: Json) -> Rule | None:
        """Give the first rule that hits a frame of a market stream, or a user event (`stream` is empty then)."""
        for rule in self._for_frames:
            if self._sees_frame(rule, face, stream, account, content) and self._hits(rule):
                facts = {"fault": rule.kind, "rule": rule.id, "stream": stream, "event": content.get("e", "")}
                self._truth.note(face, "fault", account, facts)
                return rule
        return None

    def change(self, face: str, where: str, account: str, content: Any, *, is_frame: bool) -> Any:
        """Put keys and words into content that no client has ever heard of, where a rule says so."""
        for rule in self._for_content:
            if is_frame:
                fits = self._sees_frame(rule, face, where, account, content if isinstance(content, dict) else {})
            else:
                aims_at_frames = rule.stream or rule.event
                fits = _fits(rule, face, account) and not aims_at_frames and _matches(where, rule.path or "*")
            if fits and self._hits(rule):
                content = _CHANGES[rule.kind](content, rule)
        return content

    def for_connection(
        self, kind: ConnectionKind | MarketKind, face: str, path: str = "", account: str = ""
    ) -> Rule | None:
        """Give the first rule of a kind that hits something about a connection or an order."""
        for rule in self._rules:
            if (
                rule.kind == kind
                and _fits(rule, face, account)
                and _matches(path, rule.path or "*")
                and self._hits(rule)
            ):
                self._truth.note(face, "fault", account, {"fault": kind, "rule": rule.id, "path": path})
                return rule
        return None

    def _sees_frame(self, rule: Rule, face: str, stream: str, account: str, content: Json) -> bool:
        if not _fits(rule, face, account) or rule.path or rule.method:
            return False
        if rule.stream and not _matches(stream, rule.stream):
            return False
        if rule.event and content.get("e") != rule.event:
            return False
        return rule.closed is None or content.get("k", {}).get("x") is rule.closed

    def _hits(self, rule: Rule) -> bool:
        rule.seen += 1
        number = rule.seen - rule.skip
        if number <= 0 or (rule.count is not None and rule.hits >= rule.count):
            return False
        if rule.script and rule.script[(number - 1) % len(rule.script)] != "x":
            return False
        if rule.probability < 1 and self._lots[rule.id].random() >= rule.probability:
            return False
        rule.hits += 1
        return True

    def _sort(self) -> None:
        kinds = {rule.kind for rule in self._rules}
        self._for_requests = [rule for rule in self._rules if rule.kind in REQUEST_KINDS]
        self._for_frames = [rule for rule in self._rules if rule.kind in FRAME_KINDS]
        self._for_content = [rule for rule in self._rules if rule.kind in CONTENT_KINDS]
        self.on_requests = bool(kinds & (REQUEST_KINDS | CONTENT_KINDS))
        self.on_frames = bool(kinds & (FRAME_KINDS | CONTENT_KINDS))
        self.on_connections = bool(kinds - REQUEST_KINDS - FRAME_KINDS - CONTENT_KINDS)


def read_rules(raw: bytes) -> list[Rule]:
    """Read one rule or a list of them from JSON; msgspec's errors say what is wrong."""
    return (
        msgspec.json.decode(raw, type=list[Rule]) if raw.lstrip()[:1] == b"[" else [msgspec.json.decode(raw, type=Rule)]
    )


@lru_cache(maxsize=4096)
def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern)


def _fits(rule: Rule, face: str, account: str) -> bool:
    return (not rule.face or rule.face == face) and (not rule.account or rule.account == account)


def _with_keys(content: Any, rule: Rule) -> Any:
    if isinstance(content, dict):
        return {name: _with_keys(value, rule) for name, value in content.items()} | {UNKNOWN_KEY: {"since": 1}}
    return [_with_keys(value, rule) for value in content] if isinstance(content, list) else content


def _with_word(content: Any, rule: Rule) -> Any:
    if isinstance(content, dict):
        return {
            name: rule.value if name == (rule.field or "status") and isinstance(value, str) else _with_word(value, rule)
            for name, value in content.items()
        }
    return [_with_word(value, rule) for value in content] if isinstance(content, list) else content


def _with_foreigner(content: Any, _: Rule) -> Any:
    """Put a contract of the other product into a list, as USD-M's streams of all symbols have it."""
    if not isinstance(content, list) or not content:
        return content
    return [*content, content[0] | {"s": FOREIGN_SYMBOL, "st": COIN_M}]


_CHANGES: dict[str, Callable[[Any, Rule], Any]] = {
    "extra_keys": _with_keys, "unknown_enum": _with_word, "foreign_symbols": _with_foreigner
}  # fmt: skip
