"""Promises about the repository itself: pins, licence, links, and nothing in it that belongs to one machine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BINARY = {".png", ".ico", ".gz", ".zip", ".parquet", ".woff2"}
PIN_FILES = ("requirements.txt", "requirements-sweep.txt", "requirements-dev.txt", "requirements-installer.txt")


def tracked() -> list[Path]:
    """Give the files under version control, or all but the environment where there is no git (an unpacked archive)."""
    try:
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        hidden = {".venv", ".git", "var", "node_modules"}
        return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.parts)]
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    """Give tracked text files that we wrote ourselves."""
    ours = [path for path in tracked() if path.suffix not in BINARY and "vendor" not in path.parts]
    return [(path, path.read_text(encoding="utf-8", errors="replace")) for path in ours]


def pins_of(name: str) -> dict[str, str]:
    """Give the versions a pin file names, by package in lower case."""
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", line) for line in lines)
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


@pytest.mark.parametrize("name", PIN_FILES)
def test_every_pin_carries_hashes_and_no_file_names_a_host(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", text) if "==" in entry]
    assert entries
    assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "index-url" not in text


def test_what_the_project_asks_for_is_pinned_to_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted, name in (
        (project["project"]["dependencies"], "requirements.txt"),
        (project["project"]["optional-dependencies"]["sweep"], "requirements-sweep.txt"),
        (project["dependency-groups"]["dev"], "requirements-dev.txt"),
    ):
        pins = pins_of(name)
        for requirement in wanted:
            match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;]+)", requirement)
            assert match, f"{requirement} in pyproject.toml names no exact version"
            assert pins.get(match[1].lower()) == match[2], f"{requirement} is not what {name} pins; compile it again"


def test_the_test_pins_contain_those_of_sweeps_and_these_the_base_pins() -> None:
    base, sweep, dev = map(pins_of, ("requirements.txt", "requirements-sweep.txt", "requirements-dev.txt"))
    assert base.items() <= sweep.items() <= dev.items()


def test_no_lock_file_with_host_names_is_kept() -> None:
    assert [path for path in tracked() if path.name in {"uv.lock", "pylock.toml", "poetry.lock"}] == []


def test_the_licence_is_whole_and_the_copyleft_parts_are_named() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    notice = (ROOT / "NOTICE").read_text()
    for part in ("psycopg", "hypothesis"):
        assert part in notice


def test_every_relative_link_in_the_documents_leads_somewhere() -> None:
    broken = []
    for path, text in texts():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            place = target.split("#")[0]
            outside = not place or "://" in target or target.startswith("mailto:")
            if not outside and not (path.parent / place).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    # Built from pieces, so that this file does not find itself.
    private = re.compile(
        "|".join(
            ("/" + "work/", "/" + "root/", "/" + "home/(?!linuxbrew)[a-z]", "/" + "Users/[a-z]", "/tmp/" + "briefs")
        )
    )
    found = [f"{path.relative_to(ROOT)}: {hit[0]}" for path, text in texts() if (hit := private.search(text))]
    assert found == []


def test_no_file_holds_what_looks_like_a_real_secret() -> None:
    kinds = {
        "private key": re.compile("-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE" + " KEY-----\n[A-Za-z0-9+/=]{40}"),
        "cloud key": re.compile("AKIA" + "[0-9A-Z]{16}"),
        "repository token": re.compile("gh[pousr]_" + "[A-Za-z0-9]{36}"),
    }
    found = [
        f"{path.relative_to(ROOT)}: {kind}"
        for path, text in texts()
        if "tests" not in path.parts
        for kind, pattern in kinds.items()
        if pattern.search(text)
    ]
    assert found == []


def test_no_environment_file_or_local_state_is_under_version_control() -> None:
    stray = [path.name for path in tracked() if path.name == ".env" or path.suffix in {".sqlite3", ".pyc", ".log"}]
    assert stray == []


@pytest.mark.parametrize("name", ["bot", ".ci/run"])
def test_programs_of_the_repository_may_be_executed(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111


def test_the_script_of_the_build_machine_is_well_formed() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def test_each_room_and_each_changelog_piece_is_named_as_agreed() -> None:
    kinds = {"added", "changed", "fixed", "removed", "security"}
    for path in (ROOT / "changelog.d").glob("*.md"):
        if path.name != "README.md":
            assert path.stem.rsplit(".", 1)[-1] in kinds, path.name
    for room in (ROOT / "src" / "bot").iterdir():
        if (room / "__init__.py").exists():
            sign = (room / "__init__.py").read_text()
            assert sign.startswith('"""'), f"{room.name} has no door sign"


def test_the_service_has_ceilings_and_is_started_again() -> None:
    lines = (ROOT / "deploy" / "binance-bot.service").read_text().splitlines()
    service = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert service["MemoryMax"].removesuffix("G").isdecimal()
    assert int(service["TasksMax"]) < int(service["LimitNOFILE"]) < 100_000
    # An end by the kernel for want of memory is no exit code that needs a person.
    assert service["Restart"] == "on-failure"
    assert "137" not in service["RestartPreventExitStatus"] + service["SuccessExitStatus"]
