"""Settings: what a person tells us through the environment and `.env`, checked, and explained when wrong.

Way in: load(). The environment wins over `.env`; an empty value counts as not set. Relative paths start at the folder
of the `.env` file.
"""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from dotenv.parser import parse_stream
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.errors import Misconfigured
from bot.security.redact import register_secret


def home() -> Path:
    """Give the folder of this installation's `.env` and `var`: BOT_HOME, which the launcher sets, else where we are."""
    return Path(os.environ.get("BOT_HOME") or Path.cwd())


SECRETS = ("DB_URL", "ENCRYPTION_KEY")
SECRET_FILES = {f"{name}_FILE": name for name in SECRETS}
"""Names that point to a file which holds the value, as container secrets do."""

_Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
_Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


class Settings(BaseSettings):
    """Every setting, checked. Secrets show as stars; paths are absolute."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        case_sensitive=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
    )

    VAR_DIR: Path = Field(Path("var"), description="give a folder we may write to")
    STRATEGIES_DIR: Path = Field(Path("strategies"), description="give the folder of your own strategies")

    DB_URL: SecretStr | None = Field(
        None,
        description="write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, or remove it to get a private one",
    )
    ENCRYPTION_KEY: SecretStr | None = Field(
        None, description="remove it and let `bot init` make one, or give a Fernet key (44 characters of base64)"
    )

    LOG_LEVEL: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], _Upper] = Field(
        "INFO", description="use DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    LOG_DIR: Path = Field(Path("var/log"), description="give a folder we may write to")
    LOG_ROTATION: Annotated[Literal["DAILY", "SIZE"], _Upper] = Field("DAILY", description="use DAILY or SIZE")
    LOG_MAX_BYTES: int = Field(
        10_485_760, ge=65_536, le=10_737_418_240, description="give bytes between 65536 and 10737418240"
    )
    LOG_BACKUP_COUNT: int = Field(14, ge=1, le=3_650, description="give a count between 1 and 3650")

    DASHBOARD_SQLITE_PATH: Path = Field(Path("var/cache/metrics.sqlite3"), description="give the path of a file")
    DASHBOARD_REFRESH_SECONDS: int = Field(60, ge=1, le=86_400, description="give seconds between 1 and 86400")
    API_ALLOW_REMOTE: bool = Field(False, description="use true or false")
    API_HOST: str = Field("127.0.0.1", description="use 127.0.0.1, or another address with API_ALLOW_REMOTE=true")
    API_PORT: int = Field(8000, ge=0, le=65_535, description="give a port between 1 and 65535, or 0 for any free one")

    MARKET_DATA_ENVIRONMENT: Annotated[Literal["production", "testnet", "demo", "emulator"], _Lower] = Field(
        "production", description="use production, testnet, demo or emulator"
    )
    EMULATOR_URL: str = Field("http://127.0.0.1:8001", description="write http://HOST:PORT of an emulator of yours")
    EMULATOR_UM_URL: str = Field("http://127.0.0.1:8002", description="write http://HOST:PORT of an emulator of yours")
    ORDER_PATH: Annotated[Literal["rest", "ws"], _Lower] = Field("rest", description="use rest or ws")

    FOREIGN_ORDERS: Annotated[Literal["report", "halt"], _Lower] = Field("report", description="use report or halt")

    RISK_MAX_ORDER_VALUE: Decimal = Field(Decimal(1000), gt=0, description="give an amount in quote above 0")
    RISK_MAX_OPEN_ORDERS: int = Field(50, ge=1, le=200, description="give a count between 1 and 200")
    RISK_MAX_DRAWDOWN: float = Field(0.25, gt=0, le=1, description="give a fraction: 0.25 is 25 %")
    RISK_MAX_DAILY_LOSS: Decimal | None = Field(
        None, gt=0, description="give an amount in quote above 0, or remove it for no limit"
    )
    STRATEGY_MAX_DRAWDOWN: float = Field(0.25, gt=0, le=1, description="give a fraction: 0.25 is 25 %")

    EQUITY_KEEP_DAYS: int = Field(90, ge=1, le=36_500, description="give days between 1 and 36500")
    DECISIONS_KEEP_DAYS: int = Field(365, ge=1, le=36_500, description="give days between 1 and 36500")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let `Settings()` read the same places as `load()`."""
        gathered = _gather(home() / ".env", os.environ)
        if gathered.problems:
            raise WrongSettings(gathered.problems)
        return init_settings, InitSettingsSource(settings_cls, dict(gathered.values))

    @field_validator("VAR_DIR", "STRATEGIES_DIR", "LOG_DIR")
    @classmethod
    def _a_folder(cls, path: Path) -> Path:
        if path.exists() and not path.is_dir():
            raise ValueError("is a file, not a folder")
        return path

    @field_validator("DASHBOARD_SQLITE_PATH")
    @classmethod
    def _a_file(cls, path: Path) -> Path:
        if path.is_dir():
            raise ValueError("is a folder, not a file")
        return path

    @field_validator("DB_URL")
    @classmethod
    def _a_database(cls, given: SecretStr | None) -> SecretStr | None:
        if given is None:
            return None
        url = _split(given.get_secret_value())
        if url.scheme not in {"postgresql+psycopg", "postgresql", "postgres"}:
            raise ValueError("is not the address of a PostgreSQL database")
        if url.fragment:
            raise ValueError("has a # inside; write %23 for it")
        if len(url.path) < 2:
            raise ValueError("does not say which database")
        return SecretStr("postgresql+psycopg" + given.get_secret_value().strip()[len(url.scheme) :])

    @field_validator("ENCRYPTION_KEY")
    @classmethod
    def _fernet_keys(cls, given: SecretStr | None) -> SecretStr | None:
        for key in given.get_secret_value().split(",") if given else ():
            try:
                is_key = len(base64.b64decode(key.strip(), altchars=b"-_", validate=True)) == 32
            except (binascii.Error, ValueError):
                is_key = False
            if not is_key:
                raise ValueError("is not a Fernet key")
        return given

    @field_validator("API_HOST")
    @classmethod
    def _a_host(cls, host: str, info: ValidationInfo) -> str:
        try:
            is_local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_local = host == "localhost"
            if not _HOST_NAME.fullmatch(host) or host.replace(".", "").isdigit():
                raise ValueError("is neither an address nor a host name") from None
        if not is_local and not info.data.get("API_ALLOW_REMOTE", True):
            raise ValueError("would let other machines reach the dashboard")
        return host

    @field_validator("EMULATOR_URL", "EMULATOR_UM_URL")
    @classmethod
    def _an_emulator(cls, text: str) -> str:
        url = _split(text)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("is not an http address")
        if "@" in url.netloc:
            raise ValueError("has a user name or password inside")
        if url.path not in {"", "/"} or url.query or url.fragment:
            raise ValueError("has something after HOST:PORT")
        if "binance" in url.hostname:
            raise ValueError("points at Binance, not at an emulator")
        return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting, ready to show: never the value itself, since a secret may stand in the wrong line."""

    name: str
    reason: str
    fix: str
    place: str = ""

    def __str__(self) -> str:
        """Give one line."""
        place = f" ({self.place})" if self.place else ""
        return f"{self.name}{place} {self.reason}; {self.fix}"


class WrongSettings(Misconfigured):
    """Settings that cannot be used. The text has one line for each problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(env_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, or raise WrongSettings naming every problem at once. A missing `.env` is fine."""
    gathered = _gather(env_file or home() / ".env", os.environ if environ is None else environ)
    settings = None
    problems = list(gathered.problems)
    try:
        settings = Settings(_build_sources=((InitSettingsSource(Settings, dict(gathered.values)),), {}))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        problems += [_explain(detail, gathered.places) for detail in details]
    if settings is None or problems:
        # Without `from`, and outside of `except`: pydantic's error would be shown beside ours.
        raise WrongSettings(tuple(problems))
    _hide(settings)
    return settings


@dataclass(slots=True)
class _Gathered:
    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self.found)


def _gather(env_file: Path, environ: Mapping[str, str]) -> _Gathered:
    """Collect what is written where; the environment wins."""
    gathered = _Gathered()
    _read_env_file(env_file, gathered)
    for name in (*Settings.model_fields, *SECRET_FILES):
        if environ.get(name, "").strip():
            gathered.values[name] = environ[name]
            gathered.places[name] = "environment"
    _read_secret_files(env_file.absolute().parent, gathered)
    _make_paths_absolute(env_file.absolute().parent, gathered)
    return gathered


def _read_env_file(env_file: Path, gathered: _Gathered) -> None:
    try:
        with env_file.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        gathered.found.append(Problem(env_file.name, "is not UTF-8 text", "save it as UTF-8"))
        return
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        gathered.found.append(Problem(env_file.name, reason, "make it a file that you may read"))
        return
    seen: dict[str, int] = {}
    for binding in bindings:
        # The parser counts the blank lines before a name to the name.
        blank = len(binding.original.string) - len(binding.original.string.lstrip("\r\n"))
        line = binding.original.line + binding.original.string[:blank].count("\n")
        place = f"{env_file.name} line {line}"
        if binding.error or (binding.key is not None and binding.value is None):
            gathered.found.append(Problem("a line", "is not NAME=value", "correct or remove it", place))
        elif binding.key is None:
            continue
        elif binding.key not in Settings.model_fields and binding.key not in SECRET_FILES:
            gathered.found.append(_unknown(binding.key, place))
        elif binding.key in seen:
            fix = f"keep this one or line {seen[binding.key]}"
            gathered.found.append(Problem(binding.key, "is given twice", fix, place))
        else:
            seen[binding.key] = line
            if binding.value and binding.value.strip():
                gathered.values[binding.key] = binding.value
                gathered.places[binding.key] = place


def _unknown(name: str, place: str) -> Problem:
    close = get_close_matches(name.upper(), [*Settings.model_fields, *SECRET_FILES], n=1, cutoff=0.75)
    # A name that looks like none may be a piece of a key that was broken over two lines: show where, not what.
    looks_like_a_name = re.fullmatch(r"[A-Z][A-Z]*(_[A-Z]+)*", name) and len(name) <= 40
    shown = name if close or looks_like_a_name else "a name"
    fix = f"did you mean {close[0]}?" if close else "remove it; .env.example lists every setting"
    return Problem(shown, "is not a setting of ours", fix, place)


def _read_secret_files(base: Path, gathered: _Gathered) -> None:
    for file_name, name in SECRET_FILES.items():
        path = gathered.values.pop(file_name, None)
        if path is None:
            continue
        place = gathered.places.pop(file_name)
        if name in gathered.values:
            gathered.found.append(Problem(file_name, f"is given beside {name}", "keep one of the two", place))
            continue
        try:
            text = (base / path.strip()).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            fix = f"create it, or give {name} itself"
            gathered.found.append(Problem(file_name, "names a file that cannot be read", fix, place))
            continue
        if not text:
            gathered.found.append(Problem(file_name, "names an empty file", "put the value in it", place))
            continue
        gathered.values[name] = text
        gathered.places[name] = f"from {file_name}"


def _make_paths_absolute(base: Path, gathered: _Gathered) -> None:
    """Start relative paths at `base`; what lives below VAR_DIR moves with it unless placed on its own."""
    var = _absolute(base, gathered.values.get("VAR_DIR", "var"))
    usual = {
        "VAR_DIR": var,
        "STRATEGIES_DIR": _absolute(base, "strategies"),
        "LOG_DIR": _absolute(Path(var), "log"),
        "DASHBOARD_SQLITE_PATH": _absolute(Path(var), "cache/metrics.sqlite3"),
    }
    for name, path in usual.items():
        gathered.values[name] = _absolute(base, gathered.values[name]) if name in gathered.values else path


def _absolute(base: Path, text: str) -> str:
    return str(base / os.path.expanduser(text.strip()))  # noqa: PTH111 — Path.expanduser raises for an unknown user


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text.strip())
        _ = url.port
    except ValueError:
        # The reasons of urlsplit quote what they read, which may be the password.
        raise ValueError("is not a readable address; write special characters of a password as %XX") from None
    return url


_REASONS = {
    "literal_error": "is not a word we know here",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "float_parsing": "is not a number",
    "decimal_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_parsing": "is neither true nor false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "is below {ge}",
    "less_than_equal": "is above {le}",
}


def _explain(detail: ErrorDetails, places: Mapping[str, str]) -> Problem:
    name = str(detail["loc"][0])
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        reason = str(context["error"])
    else:
        reason = _REASONS.get(detail["type"], "cannot be used").format(**context)
    return Problem(name, reason, Settings.model_fields[name].description or "", places.get(name, ""))


def _hide(settings: Settings) -> None:
    """Keep the secrets among the settings out of the logs."""
    if settings.DB_URL is not None:
        password = urlsplit(settings.DB_URL.get_secret_value()).password or ""
        register_secret(password)
        register_secret(unquote(password))
    if settings.ENCRYPTION_KEY is not None:
        for key in settings.ENCRYPTION_KEY.get_secret_value().split(","):
            register_secret(key.strip())
