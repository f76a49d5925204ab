"""A long text is cut where nothing that belongs together is parted, and nothing of it is lost."""

import pytest

from appliance.evaluation.parts import PART_CHARACTERS, parts


@pytest.mark.parametrize("text", ["", "short", "x" * PART_CHARACTERS])
def test_a_text_of_ordinary_length_is_not_cut(text: str) -> None:
    assert list(parts(text)) == [(0, text)]


@pytest.mark.parametrize("unit", ["MRN 4482913\n\nseen today", "a line\nanother", "word after word ", "x"])
def test_the_parts_are_the_text(unit: str) -> None:
    text = unit * (3 * PART_CHARACTERS // len(unit))

    made = list(parts(text))

    assert "".join(part for _start, part in made) == text
    assert [start for start, _part in made] == [sum(len(part) for _, part in made[:at]) for at in range(len(made))]
    assert len(made) > 2
    assert max(len(part) for _start, part in made) <= PART_CHARACTERS


def test_a_paragraph_stays_whole_where_one_ends_in_time() -> None:
    text = ("Patient:\nAnna Weaver\n\n" * PART_CHARACTERS)[: 3 * PART_CHARACTERS]

    assert all(part.endswith("Weaver\n\n") for _start, part in list(parts(text))[:-1])
