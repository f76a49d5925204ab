"""Check digits are right for published examples and wrong for the same with one digit changed."""

import pytest

from appliance.broker.tripwire_checks import has_luhn, is_dea, is_iban, is_npi, is_snomed, is_vin


def _changed(number: str, place: int) -> str:
    digit = str((int(number[place]) + 1) % 10)
    return number[:place] + digit + number[place + 1 :]


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (has_luhn, "4111111111111111"),
        (is_npi, "1234567893"),
        (is_dea, "AB1234563"),
        (is_vin, "1M8GDM9AXKP042788"),
        (is_iban, "GB82WEST12345698765432"),
        (is_snomed, "73211009"),
        (is_snomed, "999999990989121104"),
    ],
)
def test_a_published_example_is_right_and_one_wrong_digit_is_seen(check: object, number: str) -> None:
    assert callable(check)

    assert check(number)
    assert not check(_changed(number, len(number) - 1))
    assert not check(_changed(number, len(number) - 4))


def test_ten_digits_that_begin_with_another_digit_are_no_npi() -> None:
    assert not is_npi("9234567893")


def test_a_number_of_another_partition_is_no_snomed_code() -> None:
    assert not is_snomed("73211559")
