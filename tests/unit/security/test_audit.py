from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.security.audit import GENESIS, AuditRow, Broken, Intact, link, verify


def chain(count: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    head = GENESIS
    for number in range(count):
        record = {"id": number + 1, "who": "operator", "what": "strategy.enabled", "values": {"n": number, "on": True}}
        head = link(head, record)
        rows.append(AuditRow(record, head))
    return rows


def test_an_untouched_chain_is_intact() -> None:
    rows = chain(10)
    assert verify(rows) == Intact(10, rows[-1].hash)
    assert verify([]) == Intact(0, GENESIS)
    assert verify(rows, Intact(0, GENESIS)) == Intact(10, rows[-1].hash)


@pytest.mark.parametrize("position", range(5))
def test_a_changed_row_is_found(position: int) -> None:
    rows = chain(5)
    rows[position] = replace(rows[position], record={**rows[position].record, "who": "somebody"})
    found = verify(rows)
    assert isinstance(found, Broken)
    assert found.position == position + 1


@pytest.mark.parametrize(
    ("harm", "position"),
    [
        (lambda rows: rows.pop(2), 3),
        (lambda rows: rows.pop(0), 1),
        (lambda rows: rows.insert(2, rows[4]), 3),
        (lambda rows: rows.insert(1, rows[0]), 2),
        (lambda rows: rows.reverse(), 1),
        (lambda rows: rows.__setitem__(slice(1, 3), [rows[2], rows[1]]), 2),
        (lambda rows: rows.__setitem__(3, replace(rows[3], hash="0" * 64)), 4),
    ],
)
def test_removed_added_or_moved_rows_are_found(harm: Callable[[list[AuditRow]], object], position: int) -> None:
    rows = chain(5)
    harm(rows)
    found = verify(rows)
    assert isinstance(found, Broken)
    assert found.position == position


def test_rows_cut_off_at_the_end_show_against_a_noted_head() -> None:
    rows = chain(5)
    noted = Intact(5, rows[-1].hash)
    assert verify([*rows, AuditRow({"id": 6}, link(rows[-1].hash, {"id": 6}))], noted) == Intact(
        6, link(rows[-1].hash, {"id": 6})
    )
    assert verify(rows[:3], noted) == Broken(4, "2 rows are missing at the end")


def test_a_chain_written_anew_shows_against_a_noted_head() -> None:
    noted = Intact(3, "f" * 64)
    found = verify(chain(5), noted)
    assert isinstance(found, Broken)
    assert found.position == 3


def test_the_order_of_names_does_not_matter() -> None:
    assert link(GENESIS, {"a": 1, "b": [None, "x"]}) == link(GENESIS, {"b": [None, "x"], "a": 1})


@pytest.mark.parametrize("value", [1.5, float("nan"), [0.1], {"x": 0.1}, object(), b"raw", {1: "number as a name"}])
def test_what_may_read_back_differently_is_not_taken(value: object) -> None:
    with pytest.raises(TypeError):
        link(GENESIS, {"value": value})
    assert isinstance(verify([AuditRow({"value": value}, GENESIS)]), Broken)


RECORDS = st.dictionaries(
    st.text(max_size=3), st.integers() | st.text(max_size=5) | st.none() | st.booleans(), max_size=3
)


@given(first=RECORDS, second=RECORDS)
def test_different_records_have_different_hashes(first: dict[str, object], second: dict[str, object]) -> None:
    same = {name: (type(value), value) for name, value in first.items()} == {
        name: (type(value), value) for name, value in second.items()
    }
    assert (link(GENESIS, first) == link(GENESIS, second)) == same
