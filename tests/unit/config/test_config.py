import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import SECRET_FILES, Settings, WrongSettings, load
from bot.domain.errors import Misconfigured
from bot.security.redact import MASK, REDACTOR

ROOT = Path(__file__).parents[3]
CANARY = "canary-4b8f1d-do-not-show"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

WRONG = [
    ("LOG_LEVEL", "LOUD", "not a word", "DEBUG"),
    ("LOG_LEVEL", "10", "not a word", "DEBUG"),
    ("LOG_ROTATION", "WEEKLY", "not a word", "DAILY or SIZE"),
    ("LOG_MAX_BYTES", "10MB", "not a whole number", "between 65536"),
    ("LOG_MAX_BYTES", "100", "below 65536", "between 65536"),
    ("LOG_MAX_BYTES", "1e30", "not a whole number", "between 65536"),
    ("LOG_BACKUP_COUNT", "0", "below 1", "between 1 and 3650"),
    ("LOG_BACKUP_COUNT", "-3", "below 1", "between 1 and 3650"),
    ("LOG_BACKUP_COUNT", "2.5", "not a whole number", "between 1 and 3650"),
    ("DASHBOARD_REFRESH_SECONDS", "0", "below 1", "seconds"),
    ("DASHBOARD_REFRESH_SECONDS", "soon", "not a whole number", "seconds"),
    ("DASHBOARD_REFRESH_SECONDS", "100000", "above 86400", "seconds"),
    ("API_PORT", "70000", "above 65535", "65535"),
    ("API_PORT", "http", "not a whole number", "65535"),
    ("API_PORT", "-1", "below 0", "65535"),
    ("API_ALLOW_REMOTE", "perhaps", "neither true nor false", "true or false"),
    ("API_HOST", "0.0.0.0", "other machines", "API_ALLOW_REMOTE=true"),
    ("API_HOST", "::", "other machines", "API_ALLOW_REMOTE=true"),
    ("API_HOST", "192.168.1.4", "other machines", "API_ALLOW_REMOTE=true"),
    ("API_HOST", "example.com", "other machines", "API_ALLOW_REMOTE=true"),
    ("API_HOST", "999.1.1.1", "neither an address nor a host name", "127.0.0.1"),
    ("API_HOST", "http://localhost", "neither an address nor a host name", "127.0.0.1"),
    ("MARKET_DATA_ENVIRONMENT", "prod", "not a word", "production, testnet, demo or emulator"),
    ("EMULATOR_URL", "127.0.0.1:8001", "not an http address", "http://HOST:PORT"),
    ("EMULATOR_URL", "https://api.binance.com", "points at Binance", "http://HOST:PORT"),
    ("EMULATOR_URL", "http://127.0.0.1:8001/api?x=1", "after HOST:PORT", "http://HOST:PORT"),
    ("EMULATOR_URL", f"http://user:{CANARY}@127.0.0.1:8001", "password inside", "http://HOST:PORT"),
    ("EMULATOR_URL", "http://127.0.0.1:99999", "not a readable address", "http://HOST:PORT"),
    ("RISK_MAX_ORDER_VALUE", "0", "must be above 0", "amount in quote"),
    ("RISK_MAX_ORDER_VALUE", "NaN", "not a finite number", "amount in quote"),
    ("RISK_MAX_ORDER_VALUE", "1,000", "not a number", "amount in quote"),
    ("RISK_MAX_OPEN_ORDERS", "0", "below 1", "between 1 and 200"),
    ("RISK_MAX_OPEN_ORDERS", "1000", "above 200", "between 1 and 200"),
    ("RISK_MAX_DRAWDOWN", "25", "above 1", "0.25 is 25 %"),
    ("RISK_MAX_DRAWDOWN", "inf", "finite number", "0.25 is 25 %"),
    ("RISK_MAX_DRAWDOWN", "20%", "not a number", "0.25 is 25 %"),
    ("RISK_MAX_DAILY_LOSS", "-50", "must be above 0", "remove it"),
    ("STRATEGY_MAX_DRAWDOWN", "0", "must be above 0", "0.25 is 25 %"),
    ("DB_URL", "sqlite:///bot.db", "not the address of a PostgreSQL", "postgresql+psycopg://"),
    ("DB_URL", f"mysql://u:{CANARY}@h/d", "not the address of a PostgreSQL", "postgresql+psycopg://"),
    ("DB_URL", f"postgresql://u:{CANARY}@localhost:5432", "which database", "postgresql+psycopg://"),
    ("DB_URL", f"postgresql://u:p#{CANARY}@localhost/d", "not a readable address", "%XX"),
    ("DB_URL", f"postgresql://u@localhost/d#{CANARY}", "has a # inside", "%23"),
    ("DB_URL", f"postgresql://u:[{CANARY}@localhost/d", "not a readable address", "%XX"),
    ("DB_URL", f"postgresql://u@localhost:{CANARY}/d", "not a readable address", "%XX"),
    ("ENCRYPTION_KEY", CANARY, "not a Fernet key", "bot init"),
    ("ENCRYPTION_KEY", "<chave_fernet_base64>", "not a Fernet key", "bot init"),
    ("ENCRYPTION_KEY", f"{KEY},{CANARY}", "not a Fernet key", "bot init"),
    ("ENCRYPTION_KEY", "ключ", "not a Fernet key", "bot init"),
]


@pytest.mark.parametrize(("name", "value", "reason", "fix"), WRONG)
def test_a_wrong_setting_is_told_by_name_reason_and_fix(
    tmp_path: Path, name: str, value: str, reason: str, fix: str
) -> None:
    with pytest.raises(WrongSettings) as caught:
        load(tmp_path / ".env", {name: value})
    [problem] = caught.value.problems
    assert problem.name == name
    assert problem.place == "environment"
    assert reason in problem.reason + "; " + problem.fix
    assert fix in problem.reason + "; " + problem.fix
    assert "\n" not in str(caught.value)


WRONG_LINES = [
    ("LOG_LEVELL=INFO", "LOG_LEVELL", "not a setting", "did you mean LOG_LEVEL?"),
    ("log_dir=x", "log_dir", "not a setting", "did you mean LOG_DIR?"),
    ("DATABASE_URL=x", "DATABASE_URL", "not a setting", "remove it"),
    ("TELEGRAM_TOKEN=x", "TELEGRAM_TOKEN", "not a setting", "remove it"),
    ("LOG_LEVEL", "a line", "not NAME=value", "correct or remove it"),
    ("=INFO", "a line", "not NAME=value", "correct or remove it"),
    ("LOG_LEVEL=INFO\n\nLOG_LEVEL=DEBUG", "LOG_LEVEL", "given twice", "line 2"),
    ("DB_URL_FILE=nowhere", "DB_URL_FILE", "cannot be read", "create it"),
    ("ENCRYPTION_KEY_FILE=.", "ENCRYPTION_KEY_FILE", "cannot be read", "create it"),
    (f"ENCRYPTION_KEY_FILE=k\nENCRYPTION_KEY={KEY}", "ENCRYPTION_KEY_FILE", "beside ENCRYPTION_KEY", "keep one"),
    ("LOG_DIR=.env", "LOG_DIR", "is a file", "folder"),
    ("DASHBOARD_SQLITE_PATH=.", "DASHBOARD_SQLITE_PATH", "is a folder", "path of a file"),
]


@pytest.mark.parametrize(("lines", "name", "reason", "fix"), WRONG_LINES)
def test_a_wrong_line_of_the_env_file_is_told_with_its_number(
    tmp_path: Path, lines: str, name: str, reason: str, fix: str
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"# ours\n{lines}\n")
    with pytest.raises(WrongSettings) as caught:
        load(env_file, {})
    [problem] = caught.value.problems
    assert problem.name == name
    assert reason in problem.reason
    assert fix in problem.fix
    last = 1 + len(lines.splitlines()) if "twice" in reason else 2
    assert problem.place == f".env line {last}"


def test_all_problems_are_told_at_once_one_a_line(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("API_PROT=1\nLOG_LEVEL=LOUD\n\n\nAPI_PORT=x\n")
    with pytest.raises(Misconfigured) as caught:
        load(env_file, {"RISK_MAX_DRAWDOWN": "2"})
    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "API_PROT",
        "LOG_LEVEL",
        "API_PORT",
        "RISK_MAX_DRAWDOWN",
    ]
    assert "API_PORT (.env line 5) is not a whole number; give a port" in str(caught.value)


@pytest.mark.parametrize("name", [*Settings.model_fields, *SECRET_FILES])
def test_no_value_is_ever_shown_whatever_setting_it_was_pasted_into(tmp_path: Path, name: str) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}={CANARY}\n{CANARY}\n{CANARY}=\nsZ3{CANARY.upper()}==\n")
    with pytest.raises(WrongSettings) as caught:
        load(env_file, {"DB_URL": f"postgres://u:{CANARY}@h:{CANARY}/d"})
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.problems)
    assert CANARY not in shown
    assert CANARY.upper() not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_settings_themselves_hide_their_secrets(tmp_path: Path) -> None:
    settings = load(tmp_path / ".env", {"DB_URL": f"postgresql://u:{CANARY}@h/d", "ENCRYPTION_KEY": KEY})
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert CANARY not in shown
    assert KEY not in shown
    assert REDACTOR.text(f"opened {CANARY} with {KEY}") == f"opened {MASK} with {MASK}"


def test_without_anything_the_settings_are_those_of_the_example(tmp_path: Path) -> None:
    example = tmp_path / ".env"
    example.write_text((ROOT / ".env.example").read_text())
    assert load(example, {}) == load(tmp_path / "absent", {})


def test_the_example_names_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(named) == sorted([*Settings.model_fields, *SECRET_FILES])


def test_every_setting_says_how_to_put_it_right() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_first_example_ever_given_still_loads(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "# Logging\nLOG_DIR=var/log\nLOG_ROTATION=DAILY             # DAILY | SIZE\n"
        "LOG_MAX_BYTES=10485760         # 10MB (se SIZE)\nLOG_BACKUP_COUNT=14            # retenção\nLOG_LEVEL=INFO\n"
        "DB_URL=postgresql+psycopg://user:password@localhost:5432/binance_bot\n"
        f"ENCRYPTION_KEY={KEY}  # gerar\n"
        "DASHBOARD_SQLITE_PATH=var/cache/metrics.sqlite3\nDASHBOARD_REFRESH_SECONDS=60\nAPI_HOST=127.0.0.1\nAPI_PORT=8000\n"
    )
    settings = load(env_file, {})
    assert settings.ENCRYPTION_KEY is not None
    assert settings.ENCRYPTION_KEY.get_secret_value() == KEY
    assert settings.LOG_ROTATION == "DAILY"
    assert settings.DB_URL is not None
    assert settings.DB_URL.get_secret_value() == "postgresql+psycopg://user:password@localhost:5432/binance_bot"


def test_the_environment_wins_over_the_file_and_empty_counts_as_unset(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("API_PORT=9000\nLOG_LEVEL=debug\nDB_URL=\n")
    settings = load(env_file, {"API_PORT": "9001", "LOG_LEVEL": " "})
    assert (settings.API_PORT, settings.LOG_LEVEL, settings.DB_URL) == (9001, "DEBUG", None)


def test_an_injected_environment_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "9002")
    assert load(tmp_path / ".env", {}).API_PORT == 8000
    assert load(tmp_path / ".env").API_PORT == 9002


def test_the_class_alone_reads_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    Path(".env").write_text("API_PORT=9003\n")
    assert Settings() == load(environ=os.environ)
    Path(".env").write_text("API_PROT=9003\n")
    with pytest.raises(WrongSettings):
        Settings()


def test_names_of_others_in_the_environment_are_not_ours_to_judge(tmp_path: Path) -> None:
    assert load(tmp_path / ".env", {"LOG_LEVELL": "x", "PATH": "y"}).LOG_LEVEL == "INFO"


def test_what_lies_below_the_var_folder_moves_with_it(tmp_path: Path) -> None:
    settings = load(tmp_path / ".env", {"VAR_DIR": "data"})
    assert tmp_path / "data" == settings.VAR_DIR
    assert tmp_path / "data/log" == settings.LOG_DIR
    assert tmp_path / "data/cache/metrics.sqlite3" == settings.DASHBOARD_SQLITE_PATH
    assert tmp_path / "strategies" == settings.STRATEGIES_DIR
    assert Path("/srv/log") == load(tmp_path / ".env", {"VAR_DIR": "data", "LOG_DIR": "/srv/log"}).LOG_DIR


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = load(tmp_path / ".env", {"ENCRYPTION_KEY_FILE": "key"})
    assert settings.ENCRYPTION_KEY is not None
    assert settings.ENCRYPTION_KEY.get_secret_value() == KEY


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(WrongSettings, match=r"ENCRYPTION_KEY_FILE .environment. names an empty file"):
        load(tmp_path / ".env", {"ENCRYPTION_KEY_FILE": "key"})


def test_an_env_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LOG_LEVEL=\xff\xfe")
    with pytest.raises(WrongSettings, match="not UTF-8"):
        load(tmp_path / ".env", {})
    with pytest.raises(WrongSettings, match="cannot be read"):
        load(tmp_path, {})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_alone_needs_no_permission(tmp_path: Path, host: str) -> None:
    assert host == load(tmp_path / ".env", {"API_HOST": host}).API_HOST


def test_other_machines_are_let_in_on_request(tmp_path: Path) -> None:
    assert load(tmp_path / ".env", {"API_HOST": "0.0.0.0", "API_ALLOW_REMOTE": "true"}).API_HOST == "0.0.0.0"


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load(tmp_path / ".env", {}).API_PORT = 1
