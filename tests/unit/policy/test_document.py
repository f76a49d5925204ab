import pytest
from pydantic import BaseModel, ConfigDict

from appliance.errors import PolicyInvalidError
from appliance.policy.document import MAX_DEPTH, read_document


class Shape(BaseModel):
    """A file with one of each."""

    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 0
    share: float = 0.0
    parts: list[dict[str, object]] = []
    deep: object = None


def test_a_file_is_read_with_the_line_of_every_key() -> None:
    text = "name: x\nparts:\n  - a: 1\n  - b: 2\n    c: 3\n"

    document = read_document("f.yaml", text, Shape)

    assert document.value.name == "x"
    assert document.error(("parts", 1, "c"), "reason").public == "f.yaml:5: reason"
    assert document.error(("parts", 1, "unknown"), "reason").public == "f.yaml:4: reason"
    assert document.error((), "reason").public == "f.yaml:1: reason"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml:1: this must be a mapping"),
        ("- a\n", "f.yaml:1: this must be a mapping"),
        ("count: 1\n", "f.yaml:1: 'name' is missing; add it."),
        ("name: x\ncount: 1\ncuont: 2\n", "f.yaml:3: 'cuont' is no known key; remove it or mend its spelling."),
        ("name: x\ncount: many\n", "f.yaml:2: 'count': Input should be a valid integer"),
        ("name: x\nname: y\n", "f.yaml:2: 'name' stands here a second time; remove one of the two."),
        ("name: x\nparts:\n - {a: 1, a: 2}\n", "f.yaml:3: 'a' stands here a second time"),
        ("name: x\n  count: 1\n", "f.yaml:2: this is no YAML that we read"),
        ("name: x\ncount: [\n", "f.yaml:3: this is no YAML that we read"),
        ("name: x\n---\nname: y\n", "f.yaml:2: this is no YAML that we read"),
        ("name: &a x\ndeep: *a\n", "f.yaml:2: an alias; write the value out."),
        ("name: x\nyes: 1\n", "f.yaml:2: a key that is no plain text; quote it."),
        ("name: x\ndeep:\n  ? [a]\n  : b\n", "f.yaml:3: a key that is no plain text; quote it."),
        ("name: x\ndeep: {<<: {a: 1}}\n", "f.yaml:2: a key that is no plain text; quote it."),
        ("name: x\nshare: .nan\n", "f.yaml:2: a number that is none; mend it."),
        ("name: x\nshare: -.inf\n", "f.yaml:2: a number that is none; mend it."),
        ("name: x\ndeep: 2026-13-45\n", "f.yaml:2: a date or number out of range; mend it."),
        ("name: x\ncount: " + "9" * 5000, "f.yaml:2: a date or number out of range; mend it."),
        ("name: x\ndeep: !!python/object:os.system x\n", "f.yaml:2: this is no YAML that we read"),
        ("name: x\ndeep: \x01\n", "f.yaml:2: a character that YAML does not allow; remove it."),
        ("name: x\ndeep: " + "[" * (MAX_DEPTH + 1), "f.yaml:2: nested too deeply; flatten it."),
        ("name: x\ndeep: " + "{a: " * 100_000, "f.yaml:2: nested too deeply; flatten it."),
    ],
)
def test_a_file_that_a_reviewer_could_misread_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(PolicyInvalidError) as error:
        read_document("f.yaml", text, Shape)

    assert error.value.public.startswith(said)


def test_a_refusal_names_keys_but_repeats_no_value() -> None:
    with pytest.raises(PolicyInvalidError) as error:
        read_document("f.yaml", "name: x\ncount: secretword\n", Shape)

    assert "secretword" not in error.value.public
