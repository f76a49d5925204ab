import pytest
from starlette.datastructures import Headers

from appliance.api.subject import Stated, from_headers, to_data_class, to_deadline, to_restrictions, to_subject
from appliance.errors import InvalidRequestError
from appliance.exchange import DataClass, Purpose


def stated(*headers: tuple[str, str]) -> Stated:
    """Return what headers say, as a server hands them over."""
    return from_headers(Headers(raw=[(name.lower().encode(), value.encode()) for name, value in headers]))


def test_nothing_said_means_treatment_of_nobody_in_particular() -> None:
    subject = to_subject(Stated(), stated())

    assert (subject.patients, subject.user, subject.purpose) == ((), "", Purpose.TREATMENT)


def test_header_and_body_may_say_the_same() -> None:
    body = Stated(patients=("P-1", "P-2"), user="lee", purpose="HPAYMT")
    headers = stated(("Appliance-Patient", "P-2,P-1"), ("Appliance-User", "lee"), ("Appliance-Purpose", "HPAYMT"))

    subject = to_subject(body, headers)

    assert {patient.reveal() for patient in subject.patients} == {"P-1", "P-2"}
    assert (subject.user, subject.purpose) == ("lee", Purpose.PAYMENT)


@pytest.mark.parametrize(
    ("body", "header", "field"),
    [
        (Stated(patients=("P-1",)), ("Appliance-Patient", "P-2"), "patient"),
        (Stated(patients=("P-1",)), ("Appliance-Patient", "P-1, P-2"), "patient"),
        (Stated(user="a"), ("Appliance-User", "b"), "user"),
        (Stated(purpose="TREAT"), ("Appliance-Purpose", "HPAYMT"), "purpose"),
    ],
)
def test_a_difference_is_refused_and_named(body: Stated, header: tuple[str, str], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_subject(body, stated(header))

    assert caught.value.field == field


@pytest.mark.parametrize("patient", ["", " ", "Jane\nDoe", "x" * 129, "Jane\x00", " Jane"])
def test_a_record_number_that_no_header_could_carry_is_refused(patient: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_subject(Stated(patients=(patient,)), Stated())

    assert "Jane" not in caught.value.public


def test_a_list_of_patients_is_bounded() -> None:
    with pytest.raises(InvalidRequestError, match="at most"):
        to_subject(Stated(patients=tuple(f"P-{number}" for number in range(65))), Stated())


def test_the_shorter_deadline_holds() -> None:
    assert to_deadline(Stated(deadline_s=30.0), stated(("Appliance-Deadline", "2.5"))) == 2.5
    assert to_deadline(Stated(), Stated()) is None


@pytest.mark.parametrize("seconds", ["0", "3601", "-1", "1e3", "nan", ""])
def test_a_deadline_out_of_bounds_is_refused(seconds: str) -> None:
    with pytest.raises(InvalidRequestError):
        to_deadline(Stated(), stated(("Appliance-Deadline", seconds)))


def test_headers_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        from_headers(Headers(raw=[(b"appliance-user", b"\xff")]))


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (None, (), None),
        ("phi", (), DataClass.PHI),
        (None, ("sensitive",), DataClass.SENSITIVE),
        ("restricted", ("phi",), DataClass.RESTRICTED),
        ("phi", ("restricted",), DataClass.RESTRICTED),
        (None, ("phi", "restricted", "phi"), DataClass.RESTRICTED),
    ],
)
def test_the_higher_data_class_counts_wherever_it_is_said(
    body: str | None, headers: tuple[str, ...], told: DataClass | None
) -> None:
    said = stated(*(("Appliance-Data-Class", header) for header in headers))

    assert to_data_class(Stated(data_class=body), said) is told


@pytest.mark.parametrize("word", ["", "public", "PHI", "phi, restricted", "Jane Canary"])
def test_a_data_class_that_nobody_knows_is_refused_and_not_repeated(word: str) -> None:
    with pytest.raises(InvalidRequestError) as in_body:
        to_data_class(Stated(data_class=word), Stated())
    with pytest.raises(InvalidRequestError) as in_header:
        to_data_class(Stated(), stated(("Appliance-Data-Class", word)))

    assert {in_body.value.field, in_header.value.field} == {"data_class"}
    assert "Jane" not in in_body.value.public


def test_restrictions_of_body_and_headers_are_added_up() -> None:
    headers = stated(("Appliance-Restriction", "vip, hiv"), ("Appliance-Restriction", "opt-out"))

    assert to_restrictions(Stated(restrictions=("hiv", "genetics")), headers) == {"vip", "hiv", "opt-out", "genetics"}
    assert to_restrictions(Stated(), stated()) == frozenset()


@pytest.mark.parametrize("name", ["", "VIP", "vip;hiv", "-vip", "Jane Canary", "vip\n"])
def test_a_restriction_that_is_no_name_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_restrictions(Stated(restrictions=(name,)), Stated())

    assert caught.value.field == "restrictions"
    assert "Jane" not in caught.value.public


def test_an_empty_header_is_no_restriction_and_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        to_restrictions(Stated(), stated(("Appliance-Restriction", "")))


def test_restrictions_are_bounded() -> None:
    with pytest.raises(InvalidRequestError, match="at most"):
        to_restrictions(Stated(restrictions=tuple(f"r{number}" for number in range(33))), Stated())
