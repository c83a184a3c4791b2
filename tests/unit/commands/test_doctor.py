"""The doctor's judgements, one by one."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.commands.doctor import access, database, exchange, machine
from bot.commands.doctor.findings import Finding, guarded, judged
from bot.config import Settings, load
from bot.domain.errors import Unavailable
from bot.domain.market import Market

SOUND: dict[str, Any] = {
    "ipRestrict": True, "createTime": 1780000000000, "enableReading": True, "enableWithdrawals": False,
    "enableInternalTransfer": False, "enableMargin": False, "enableFutures": True, "permitsUniversalTransfer": False,
    "enableVanillaOptions": False, "enableFixApiTrade": False, "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": True, "enablePortfolioMarginTrading": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({}, "ok", "reads and trades"),
        ({"enableWithdrawals": True}, "fail", "it may withdraw"),
        ({"enableInternalTransfer": True}, "fail", "transfer to other accounts"),
        ({"permitsUniversalTransfer": True}, "fail", "transfer between wallets"),
        ({"enableReading": False}, "fail", "may not read"),
        ({"enableSpotAndMarginTrading": False}, "fail", "may not trade spot"),
        ({"enableFutures": False}, "ok", "reads and trades"),
        ({"ipRestrict": False}, "warn", "from any address"),
        ({"enableMargin": True}, "warn", "it may borrow"),
        ({"enableTelepathy": True}, "warn", "does not know: enableTelepathy"),
        ({"enableTelepathy": False}, "ok", "reads and trades"),
        ({"tradingAuthorityExpirationTime": 1790000000000}, "ok", "reads and trades"),
        (
            {"enableWithdrawals": True, "ipRestrict": False},
            "fail",
            "it may withdraw (enableWithdrawals); it may be used",
        ),
    ],
)
def test_a_key_may_trade_and_read_and_take_no_money_out(change: dict[str, Any], state: str, words: str) -> None:
    found = exchange.rights("key of a", SOUND | change, {Market.SPOT})
    assert (found.state, words in found.seen) == (state, True), found
    assert bool(found.mend) is (state != "ok")


def test_a_key_needs_futures_once_a_strategy_trades_them() -> None:
    found = exchange.rights("key of a", SOUND | {"enableFutures": False}, {Market.SPOT, Market.FUTURES})
    assert (found.state, "may not trade futures" in found.seen) == ("fail", True)
    assert exchange.rights("key of a", SOUND | {"enableSpotAndMarginTrading": False}, set()).state == "ok"


def test_the_rights_that_the_reader_of_the_reply_knows_are_known_here_too() -> None:
    from bot.binance.wire_account import RestrictionsReply

    told = dict.fromkeys(RestrictionsReply.__struct_fields__, True)
    assert "does not know" not in exchange.rights("key of a", told, set()).seen


@pytest.mark.parametrize(("off_ms", "state"), [(1_000, "ok"), (-1_001, "warn"), (30_000, "warn"), (-30_001, "fail")])
def test_a_clock_that_is_far_off_is_told(off_ms: int, state: str) -> None:
    found = exchange.offset("clock", off_ms, is_emulator=False)
    assert (found.state, f"{-off_ms} ms" in found.seen) == (state, True)
    assert exchange.offset("clock", 10**9, is_emulator=True).state == "ok"


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 11, 9), "fail"), ((3, 12, 8), "warn"), ((3, 12, 9), "ok"), ((3, 13, 1), "warn"), ((3, 13, 2), "ok"), ((3, 14, 0), "ok")],
)  # fmt: skip
def test_versions_of_python_that_are_old_or_broken_are_told(version: tuple[int, int, int], state: str) -> None:
    (found,) = machine.python(version)
    assert found.state == state


@pytest.mark.parametrize(
    ("number", "day", "state"),
    [
        (130_020, date(2026, 1, 1), "fail"),
        (140_003, date(2026, 1, 1), "fail"),
        (140_004, date(2026, 11, 11), "ok"),
        (140_020, date(2026, 11, 12), "warn"),
        (180_001, date(2026, 11, 22), "ok"),
        (250_000, date(2040, 1, 1), "ok"),
    ],
)
def test_versions_of_postgresql_that_are_old_or_broken_are_told(number: int, day: date, state: str) -> None:
    found = database.postgres(number, day)
    assert (found.state, found.seen.startswith(f"{number // 10_000}.{number % 10_000}")) == (state, True)


@pytest.mark.parametrize(("free_mb", "state"), [(2_000, "ok"), (1_999, "warn"), (500, "warn"), (499, "fail")])
def test_free_disk_is_judged(free_mb: int, state: str) -> None:
    assert machine.room("disk of var", free_mb).state == state


def test_places_on_one_disk_are_told_together_and_a_missing_one_by_where_it_would_be(tmp_path: Path) -> None:
    (found,) = machine.disks({"var": tmp_path, "logs": tmp_path / "not" / "yet"})
    assert found.name == "disk of var, logs"


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A tidy installation: our folder, a key, and a file of settings without secrets."""
    (tmp_path / "var" / "keys").mkdir(parents=True)
    for folder in (tmp_path / "var", tmp_path / "var" / "keys"):
        folder.chmod(0o700)
    for name in ("var/keys/encryption.key", ".env"):
        (tmp_path / name).write_text("LOG_LEVEL=INFO\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path / "var"


def modes(var: Path, *, others_pass: bool = False, **environ: str) -> Finding:
    (found,) = machine.modes(var, var.parent / ".env", environ, others_pass=others_pass)
    return found


@pytest.mark.parametrize(
    ("path", "mode", "state"),
    [
        ("var", 0o700, "ok"),
        ("var", 0o711, "warn"),
        ("var", 0o755, "warn"),
        ("var/keys", 0o710, "fail"),
        ("var/keys/encryption.key", 0o640, "fail"),
        (".env", 0o644, "warn"),
        (".env", 0o640, "ok"),
    ],
)
def test_what_others_may_read_is_told_with_the_command_that_ends_it(
    var: Path, path: str, mode: int, state: str
) -> None:
    (var.parent / path).chmod(mode)
    found = modes(var)
    assert (found.state, f"chmod {'700' if path in {'var', 'var/keys'} else '600'}" in found.seen) == (
        state,
        state != "ok",
    )


def test_the_database_s_own_user_may_pass_and_not_look_around(var: Path) -> None:
    var.chmod(0o711)
    assert modes(var, others_pass=True).state == "ok"
    var.chmod(0o755)
    found = modes(var, others_pass=True)
    assert (found.state, "chmod 711" in found.seen) == ("warn", True)


@pytest.mark.parametrize("line", ["ENCRYPTION_KEY=abc", "export DB_URL='postgresql://u:p@h/d'"])
def test_settings_with_a_secret_are_for_us_alone(var: Path, line: str) -> None:
    env = var.parent / ".env"
    env.write_text(f"{line}\n")
    env.chmod(0o640)
    assert modes(var).state == "fail"
    env.chmod(0o600)
    assert modes(var).state == "ok"


def test_a_file_that_holds_a_secret_is_for_us_alone_wherever_it_is_named(var: Path) -> None:
    secret = var.parent / "secret.txt"
    secret.write_text("x")
    secret.chmod(0o644)
    assert modes(var, DB_URL_FILE=str(secret)).state == "fail"
    (var.parent / ".env").write_text("ENCRYPTION_KEY_FILE=secret.txt\n")
    found = modes(var)
    assert (found.state, "ENCRYPTION_KEY_FILE" in found.seen) == ("fail", True)


def settings(folder: Path, **environ: str) -> Settings:
    return load(folder / ".env", environ)


def test_limits_that_nobody_set_are_told_with_what_holds_instead(tmp_path: Path) -> None:
    (found,) = access.limits(settings(tmp_path, RISK_MAX_ORDER_VALUE="5"))
    assert found.state == "warn"
    assert "RISK_MAX_DAILY_LOSS is not set: there is no limit" in found.seen
    assert "RISK_MAX_DRAWDOWN is not set: 0.25 holds" in found.seen
    assert "RISK_MAX_ORDER_VALUE" not in found.seen


@pytest.mark.parametrize(
    ("host", "has_people", "state", "words"),
    [
        ("127.0.0.1", True, "ok", "127.0.0.1:8000, with a password and 2 scraper tokens"),
        ("localhost", False, "warn", "nobody has chosen a password"),
        ("0.0.0.0", True, "warn", "other machines"),
    ],
)
def test_who_reaches_the_dashboard_is_told(tmp_path: Path, host: str, has_people: bool, state: str, words: str) -> None:
    chosen = settings(tmp_path, API_HOST=host, API_ALLOW_REMOTE="true")
    (found,) = access.login(chosen, has_people=has_people, tokens=2)
    assert (found.state, words in found.seen) == (state, True)


def test_the_gravest_complaint_decides_and_all_are_told() -> None:
    assert judged("a", "fine", fails=["x"], warns=["y"], mend="do") == Finding("a", "fail", "x; y", "do")
    assert judged("a", "fine", mend="do") == Finding("a", "ok", "fine")


@pytest.mark.parametrize(
    ("error", "words"), [(Unavailable("it is away"), "it is away"), (PermissionError(13, "denied", "/x"), "/x: denied")]
)
def test_a_check_that_cannot_be_made_has_failed_and_stops_no_other(error: Exception, words: str) -> None:
    def check() -> list[Finding]:
        raise error

    (found,) = guarded("a", check)
    assert (found.state, found.seen) == ("fail", words)
