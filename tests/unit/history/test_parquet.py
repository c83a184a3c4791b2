"""Our Parquet gives back what was put in, and never anything else: a file that was touched is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.history import parquet, thrift
from bot.history.thrift import I32

ARRAYS = {"open_time": np.arange(40, dtype=np.int64), "close": np.linspace(1.0, 2.0, 40)}


def written(arrays: dict[str, np.ndarray], notes: dict[str, str]) -> bytes:
    file = io.BytesIO()
    parquet.write(file, arrays, notes)
    return file.getvalue()


@given(
    numbers=st.lists(st.floats(), min_size=1, max_size=200),
    notes=st.dictionaries(st.text(min_size=1), st.text(max_size=300), max_size=20),
)
def test_any_numbers_and_notes_come_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], notes: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "file.parquet"
    floats = np.array(numbers)
    path.write_bytes(written({"a": np.arange(len(floats), dtype=np.int64), "b": floats}, notes))
    found = parquet.read(path)
    assert found["a"].tolist() == list(range(len(floats)))
    assert found["b"].tobytes() == floats.tobytes()
    assert parquet.read_notes(path) == notes
    assert list(parquet.read(path, ["b", "nothing"])) == ["b"]


def test_no_flipped_bit_and_no_cut_gives_other_numbers(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    whole = written(ARRAYS, {"note": "text"})
    refused = 0
    for at in range(len(whole)):
        for changed in (whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :], whole[:at]):
            path.write_bytes(changed)
            try:
                found = parquet.read(path, ARRAYS)
            except parquet.Unreadable:
                refused += 1
            else:
                assert all((array == ARRAYS[name]).all() for name, array in found.items())
    assert refused > len(whole)


@given(
    struct=st.dictionaries(
        st.integers(1, 12),
        st.one_of(
            st.integers(-(2**63), 2**63 - 1),
            st.integers(-(2**31), 2**31 - 1).map(I32),
            st.binary(max_size=40),
            st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40),
        ),
    )
)
def test_structs_come_back_whatever_their_numbers(struct: dict[int, thrift.Value]) -> None:
    ordered = dict(sorted(struct.items()))
    data = thrift.write(ordered)
    plain = {key: value.value if isinstance(value, I32) else value for key, value in ordered.items()}
    assert thrift.read(data) == (plain, len(data))
