from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import cut, exact, floor_to, number, plain, times

wire_numbers = st.decimals(min_value=0, max_value=10**7, places=8, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "one", "", "1,5", "0x10"])
def test_what_is_not_a_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        number(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E-7", "0.0000001"), ("100", "100"), ("0.10", "0.1"), ("-0.0", "0"), ("1E+3", "1000"), ("5.000", "5")],
)
def test_the_wire_form_has_no_exponent_no_minus_zero_and_no_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(wire_numbers, wire_numbers)
def test_products_are_never_rounded(left: Decimal, right: Decimal) -> None:
    assert Fraction(times(left, right)) == Fraction(left) * Fraction(right)


@given(st.integers(0, 10**15 - 1), st.integers(0, 8))
def test_a_number_of_fifteen_digits_survives_the_way_through_float(digits: int, places: int) -> None:
    value = Decimal(digits).scaleb(-places)
    assert exact(float(value)) == value


@given(wire_numbers, st.sampled_from(["0.00001", "0.001", "0.01", "1", "5"]))
def test_flooring_gives_the_largest_multiple_not_above(value: Decimal, step: str) -> None:
    floored = floor_to(value, Decimal(step))
    assert floored <= value < floored + Decimal(step)
    assert floored % Decimal(step) == 0


def test_a_step_of_zero_leaves_the_value() -> None:
    assert floor_to(Decimal("1.234"), Decimal(0)) == Decimal("1.234")


def test_cutting_never_rounds_up() -> None:
    assert cut(Decimal("0.999999999"), 8) == Decimal("0.99999999")


def test_equal_numbers_written_otherwise_do_not_answer_for_one_another() -> None:
    asked = (50, 50.0, 50, 0.0, -0.0, 0.0)
    assert [str(exact(each)) for each in asked] == ["50", "50.0", "50", "0.0", "0.0", "0.0"]
