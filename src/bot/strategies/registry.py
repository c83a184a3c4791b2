"""Finds strategies by name: built in, in the user's folder, and from installed packages' entry points."""

import importlib
import importlib.util
import inspect
import pkgutil
import stat
import sys
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import msgspec

import bot.strategies
from bot.domain.errors import Misconfigured
from bot.strategies.base import Strategy

TAKEN = frozenset({"compare", "list", "remove", "show", "worker"})
"""Names that no strategy can have: after `bot backtest` they mean something else."""


class Found(msgspec.Struct, frozen=True):
    """A strategy class and where it came from (`built-in`, a file, or a package)."""

    strategy: type[Strategy]
    origin: str


class Catalogue(msgspec.Struct, frozen=True):
    """All strategies by name, and in words what could not be loaded. One broken file never hides the others."""

    found: dict[str, Found]
    problems: tuple[str, ...]

    def find(self, name: str) -> type[Strategy]:
        """Give the strategy called `name`; Misconfigured names the nearest ones when there is none."""
        if name in self.found:
            return self.found[name].strategy
        near = get_close_matches(name, self.found, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(self.found))}"
        broken = f" ({'; '.join(self.problems)})" if self.problems else ""
        raise Misconfigured(f"unknown strategy {name!r}; {hint}{broken}")

    def and_newer(self, folder: Path | None) -> "Catalogue":
        """Look again: strategies written since then come in, and those known stay what they are."""
        now = discover(folder)
        return Catalogue({**now.found, **self.found}, now.problems)


def discover(folder: Path | None = None) -> Catalogue:
    """Look everywhere once. Names are unique: a later find of a taken name is a problem, not a replacement."""
    found: dict[str, Found] = {}
    problems: list[str] = []
    for module in pkgutil.iter_modules(bot.strategies.__path__):
        _collect(importlib.import_module(f"bot.strategies.{module.name}"), "built-in", found, problems)
    for entry in entry_points(group="bot.strategies"):
        try:
            loaded = entry.load()
        except Exception as error:  # noqa: BLE001 - a package of someone else's may fail in any way
            problems.append(f"package entry {entry.name}: {_cause(error)}")
            continue
        module_or_class = loaded if isinstance(loaded, ModuleType) else sys.modules[loaded.__module__]
        _collect(module_or_class, f"package {entry.name}", found, problems)
    for path in sorted(folder.glob("*.py")) if folder and folder.is_dir() else ():
        if path.name.startswith("_"):
            continue
        try:
            _collect(_load(path), str(path), found, problems)
        except Exception as error:  # noqa: BLE001 - the user's own code may fail in any way
            problems.append(f"{path}: {_cause(error)}")
    return Catalogue(found, tuple(problems))


def _load(path: Path) -> ModuleType:
    # Strategies are code that decides about money: a file that anyone may write is not loaded.
    for guarded in (path, path.parent):
        if guarded.stat().st_mode & stat.S_IWOTH:
            raise Misconfigured(f"{guarded} may be written by anyone; chmod o-w it")
    spec = importlib.util.spec_from_file_location(f"bot_user_strategies.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def _collect(module: ModuleType, origin: str, found: dict[str, Found], problems: list[str]) -> None:
    for _, cls in inspect.getmembers(module, inspect.isclass):
        if not issubclass(cls, Strategy) or cls is Strategy or cls.__module__ != module.__name__:
            continue
        name = getattr(cls, "name", "")
        if not isinstance(name, str) or not name.replace("_", "").isalnum():
            problems.append(f"{origin}: class {cls.__name__} has no `name` of letters, digits and _")
        elif name in TAKEN:
            problems.append(f"{origin}: {name!r} is a word of `bot backtest`; call the strategy something else")
        elif name in found:
            problems.append(f"{origin}: the name {name!r} is taken by {found[name].origin}")
        else:
            found[name] = Found(cls, origin)


def _cause(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {error}".splitlines()[0]
