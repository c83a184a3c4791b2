"""A clone of the repository in small: the real launcher, a program that echoes, and a uv that only takes notes."""

import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

LAUNCHER = Path(__file__).parents[3] / "bot"
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
ECHO = "import os, sys; print(*sys.argv[1:], os.getcwd(), os.getpid(), sep='|'); sys.exit(len(sys.argv) - 1)\n"


def script(path: Path, *lines: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


class Clone:
    """A small clone and ways to start its launcher."""

    def __init__(self, root: Path) -> None:
        self.root = root / "clone"
        self.environment = self.root / ".venv"
        self.notes = root / "uv-notes"
        self.tools = root / "tools"
        self.home = root / "home"
        for folder in (self.root / "src/bot", self.root / "src/pytest", self.home):
            folder.mkdir(parents=True)
        shutil.copy(LAUNCHER, self.root / "bot")
        (self.root / "src/bot/__init__.py").touch()
        (self.root / "src/bot/cli.py").write_text(ECHO)
        (self.root / "src/pytest/__main__.py").write_text(ECHO)
        for kind in ("", "-sweep", "-dev", "-installer"):
            (self.root / f"requirements{kind}.txt").touch()
        self.uv_does("exit 0")

    def uv_does(self, *lines: str) -> None:
        """Put a uv on PATH that notes its arguments and then does this."""
        script(
            self.tools / "uv",
            '[ "$1" = --version ] && echo "uv 0" && exit 0',
            f'echo "$@" >> {self.notes}',
            *lines,
        )

    def installs(self) -> list[str]:
        """Give what uv was asked, one line a call."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def start(
        self, *arguments: str, launcher: Path | None = None, cwd: Path | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """Start the launcher and return at once."""
        surroundings = {
            "PATH": f"{self.tools}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.home),
            "BOT_PYTHON": BASE_PYTHON,
            **variables,
        }
        return subprocess.Popen(
            [launcher or self.root / "bot", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.root,
            env=surroundings,
        )

    def run(
        self, *arguments: str, launcher: Path | None = None, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Start the launcher and wait for its end."""
        with self.start(*arguments, launcher=launcher, cwd=cwd, **variables) as process:
            out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.fixture
def launcher() -> ModuleType:
    loader = SourceFileLoader("launcher_under_test", str(LAUNCHER))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    # Python would write a cache file beside the launcher, which lies in the root of the repository.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
