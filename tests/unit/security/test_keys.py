import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.domain.errors import Misconfigured
from bot.security.keys import add_key, load_or_create_key, retire_old_keys
from bot.security.secrets import Secret, SecretBox

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()  # fixed: test names must be the same in each worker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "encryption.key"


def test_the_key_is_made_once_for_our_eyes_only(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = load_or_create_key(None, path)
    assert load_or_create_key(None, path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["encryption.key"]
    assert capfd.readouterr() == ("", "")
    assert SecretBox(made).dec(SecretBox(made).enc("text")) == "text"


def test_the_setting_wins_and_leaves_no_file(path: Path) -> None:
    other = Fernet.generate_key().decode()
    assert load_or_create_key(f"{KEY}, {other}", path) == (Secret(KEY), Secret(other))
    assert load_or_create_key(Secret(KEY), path) == (Secret(KEY),)
    assert not path.parent.exists()


def test_all_who_start_at_once_get_the_same_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create_key(None, path), range(16)))
    assert len(keys) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["encryption.key"]


def test_no_fresh_key_is_made_where_one_must_exist(path: Path) -> None:
    with pytest.raises(Misconfigured, match="run `bot init`"):
        load_or_create_key(None, path, create=False)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o602, 0o610, 0o777])
def test_a_key_that_others_may_reach_is_refused(path: Path, mode: int) -> None:
    load_or_create_key(None, path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=f"chmod 600 {path}"):
        load_or_create_key(None, path)


def test_a_folder_that_others_may_enter_is_refused_before_a_key_is_made(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    with pytest.raises(Misconfigured, match=f"chmod 700 {path.parent}"):
        load_or_create_key(None, path)
    assert not path.exists()


def test_a_key_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create_key(None, path)
    monkeypatch.setattr("bot.security.keys.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Misconfigured, match="belongs to another user"):
        load_or_create_key(None, path)


def test_a_link_in_place_of_the_key_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured, match="a link, perhaps"):
        load_or_create_key(None, path)


@pytest.mark.parametrize("content", [b"", b"\n", b"canary-not-a-key", b"\xff\xfe", f"{KEY}x".encode()])
def test_a_file_without_a_key_is_refused_and_not_shown(path: Path, content: bytes) -> None:
    load_or_create_key(None, path)
    path.write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        load_or_create_key(None, path)
    assert "canary" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert path.read_bytes() == content


def test_a_place_we_may_not_write_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="VAR_DIR"):
        load_or_create_key(None, tmp_path / "file" / "keys" / "encryption.key")


def test_a_key_is_replaced_in_two_steps(path: Path) -> None:
    old = load_or_create_key(None, path)
    token = SecretBox(old).enc("text")
    both = add_key(path)
    assert both[1:] == old
    rotated = SecretBox(both).rotate(token)
    new = retire_old_keys(path)
    assert new == both[:1]
    assert SecretBox(new).dec(rotated) == "text"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_a_hardened_process_dumps_no_core() -> None:
    program = (
        "import ctypes, resource\n"
        "from bot.security.keys import harden_process\n"
        "harden_process()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    source = Path(__file__).parents[3] / "src"
    ended = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "(0, 0) 0"
