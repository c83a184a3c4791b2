"""The copy of the accounts' sealed keys: as private as the keys, up to date, and of use without a database."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.domain.errors import Misconfigured
from bot.security.sealed_copy import SealedAccount, read, refresh
from bot.security.secrets import Secret, SecretBox


@pytest.fixture
def box() -> SecretBox:
    return SecretBox(Fernet.generate_key().decode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "accounts.json"


def sealed(box: SecretBox, name: str, *markets: str) -> SealedAccount:
    tokens = [
        box.seal(f"{name}'s {field}", account=name, field=field, environment="testnet")
        for field in ("api_key", "api_secret")
    ]
    return SealedAccount(name, "testnet", *tokens, markets)


def test_what_was_written_is_read_and_opens(path: Path, box: SecretBox) -> None:
    anna, bert = sealed(box, "anna", "futures", "spot"), sealed(box, "Žofie", "spot")
    assert refresh(path, [bert, anna])
    assert set(read(path)) == {anna, bert}
    assert anna.open(box) == (Secret("anna's api_key"), Secret("anna's api_secret"))


def test_it_holds_sealed_texts_alone_and_is_for_our_eyes_only(path: Path, box: SecretBox) -> None:
    refresh(path, [sealed(box, "anna", "spot")])
    assert "anna's" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_written_only_when_something_changed(path: Path, box: SecretBox) -> None:
    anna = sealed(box, "anna", "spot")
    assert [refresh(path, [anna]), refresh(path, [anna]), refresh(path, [])] == [True, False, True]
    assert read(path) == ()


@pytest.mark.parametrize("damage", ["mode", "text", "shape"])
def test_a_damaged_copy_is_refused_and_made_anew(path: Path, box: SecretBox, damage: str) -> None:
    accounts = [sealed(box, "anna", "spot")]
    refresh(path, accounts)
    if damage == "mode":
        path.chmod(0o644)
    else:
        path.write_text("{" if damage == "text" else '{"accounts": [{"name": "anna"}]}')
    with pytest.raises(Misconfigured, match="may be read by others" if damage == "mode" else "remove it"):
        read(path)
    assert refresh(path, accounts)
    assert read(path) == tuple(accounts)


def test_a_missing_copy_is_named(path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"there is no copy of the accounts in .*accounts.json"):
        read(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(Misconfigured, match="cannot be written"):
        refresh(tmp_path / "keys" / "accounts.json", [])


def test_keys_moved_to_another_account_open_nothing(box: SecretBox) -> None:
    anna = sealed(box, "anna", "spot")
    moved = SealedAccount("bert", "testnet", anna.api_key_enc, anna.api_secret_enc, ("spot",))
    with pytest.raises(Misconfigured, match="moved or swapped"):
        moved.open(box)
