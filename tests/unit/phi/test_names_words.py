"""The parts of the name finder that need no model."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.phi.findings import Kind
from appliance.phi.names.beside import persons_beside
from appliance.phi.names.int8 import to_int8
from appliance.phi.names.kinds import is_after_at, kind_of
from appliance.phi.names.lexicon import ASKED, Lexicon, Look
from appliance.phi.names.protobuf import bytes_field, fields, int_field
from appliance.phi.names.runs import goes_on, is_eponym_used, sure_names, sure_towns
from appliance.phi.names.verdicts import Verdicts, findings
from appliance.phi.names.words import MAX_WINDOW, pieces, read_words, windows

LEXICON = Lexicon(frozenset({"zorbix"}))


@pytest.mark.parametrize(
    ("word", "look"),
    [
        ("Siobhan", Look.GIVEN),
        ("Brown", Look.PERHAPS),
        ("brown", Look.ORDINARY),
        ("findings", Look.ORDINARY),
        ("Post-procedure", Look.ORDINARY),
        ("lisinopril", Look.CLINICAL),
        ("COPD", Look.CLINICAL),
        ("Foley", Look.EPONYM),
        ("foley", Look.CLINICAL),
        ("J", Look.INITIAL),
        ("j", Look.ORDINARY),
        ("QXZV", Look.ACRONYM),
        ("Xanthrop", Look.UNKNOWN),
        ("Driver", Look.ORDINARY),
        ("Dallas", Look.PERHAPS),
        ("山田", Look.FOREIGN),
        ("β", Look.ORDINARY),
        ("A1c", Look.ORDINARY),
        ("Zorbix", Look.ORDINARY),
        ("Anna's", Look.GIVEN),
        ("Jamal", Look.GIVEN),
        ("Barnes", Look.PERHAPS),
        ("Diltiazem", Look.CLINICAL),
        ("isotretinoin", Look.CLINICAL),
        ("ZOLPIDEM", Look.CLINICAL),
        ("Stevens-Johnson", Look.CLINICAL),
        ("AHA/ASA", Look.CLINICAL),
        ("ARISTOTLE", Look.CLINICAL),
        ("Neisseria", Look.CLINICAL),
        ("Hirsutism", Look.RARE),
        ("hirsutism", Look.ORDINARY),
        ("Perineural", Look.RARE),
        ("hemianopia", Look.ORDINARY),
        ("epsiode", Look.ORDINARY),
        ("emeregency", Look.ORDINARY),
        ("kowalczik", Look.UNKNOWN),
        ("Brazil", Look.ORDINARY),
    ],
)
def test_a_word_by_itself_looks_like(word: str, look: Look) -> None:
    assert LEXICON.look(word) is look


def test_the_lists_of_words_hold_no_name_that_is_nothing_else() -> None:
    assert not LEXICON.is_ordinary("siobhan")
    assert LEXICON.is_given("Siobhan")
    assert LEXICON.is_system("UCSF")
    assert LEXICON.is_never("Patient")
    assert "walk" in LEXICON.common()


def test_an_eponym_with_its_head_is_no_name_and_one_after_a_given_name_is() -> None:
    disease = read_words("Wilson disease", LEXICON)
    person = read_words("Siobhan Wilson disease free", LEXICON)

    assert is_eponym_used(disease, 0, LEXICON)
    assert not is_eponym_used(person, 1, LEXICON)


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("Hirsutism noted", Look.ORDINARY),
        ("No rash. Hirsutism noted", Look.ORDINARY),
        ("\u2022 Hirsutism", Look.ORDINARY),
        ("seen by Hirsutism", Look.UNKNOWN),
        ("J. Hirsutism", Look.UNKNOWN),
    ],
)
def test_a_rare_word_is_doubtful_only_within_a_sentence(text: str, look: Look) -> None:
    (word,) = (each for each in read_words(text, LEXICON) if each.text == "Hirsutism")

    assert word.look is look


@pytest.mark.parametrize(
    "text",
    [
        "Clark level IV",
        "Negative Hoffman's",
        "Marfan habitus sign",
        "RICE protocol",
        "Okonkwo-Brown syndrome",
        "Alzheimer's",
        "Chvostek",
    ],
)
def test_what_is_called_by_a_surname_is_no_name(text: str) -> None:
    words = read_words(text, LEXICON)

    assert any(is_eponym_used(words, index, LEXICON) for index in range(len(words)))


@pytest.mark.parametrize("text", ["Clark Siobhan level", "Clark slept well", "Siobhan Okonkwo-Brown syndrome free"])
def test_a_surname_without_what_is_called_by_it_stays_a_name(text: str) -> None:
    words = read_words(text, LEXICON)

    assert not any(is_eponym_used(words, index, LEXICON) for index in range(len(words)))


@pytest.mark.parametrize(
    ("text", "persons"),
    [
        ("for GOLDFARB, GUADALUPE today", ["GOLDFARB", "GUADALUPE"]),
        ("see VAN-DYKE, PENNY", ["VAN-DYKE", "PENNY"]),
        ("see Okonkwo, Siobhan", ["Okonkwo", "Siobhan"]),
        ("see Rash, Siobhan", []),
        ("in Kowalczyk, Mark my words", []),
        ("The, Siobhan", []),
        ("Okonkwo, Male", []),
        ("Mrs. Day's son", ["Day's"]),
        ("MS Day", []),
        ("the visit for P. Price", ["P", "Price"]),
        ("the visit for F. St.Clair", ["F", "St.Clair"]),
        ("A. Brown sputum", []),
        ("A. Kowalczyk slept", ["A", "Kowalczyk"]),
        ("for P. Male", []),
        ("my patient Art has", ["Art"]),
        ("spoke with Art (mobile)", ["Art"]),
        ("with Art supplies", []),
        ("Grace said yes", ["Grace"]),
        ("my patient May has", []),
        ("Thanks, Art", ["Art"]),
        ("Thanks, May", []),
        ("we thank Art", []),
    ],
)
def test_the_words_beside_it_make_a_person_of_a_word(text: str, persons: list[str]) -> None:
    words = read_words(text, LEXICON)

    assert [words[index].text for index in persons_beside(text, words, LEXICON)] == persons


@pytest.mark.parametrize(
    ("text", "is_more"), [("Siobhan Day slept", True), ("Siobhan Day 3", False), ("Siobhan, Day", False)]
)
def test_a_surname_goes_on_after_a_given_name_that_a_rule_found(text: str, *, is_more: bool) -> None:
    words = read_words(text, LEXICON)

    assert goes_on(text, words, 1, LEXICON) is is_more


@pytest.mark.parametrize(
    ("text", "entity", "label", "kind"),
    [
        ("seen by Umarov", "Umarov", "PERSON", Kind.NAME),
        ("the COPD flare", "COPD", "PERSON", None),
        ("lives in Umarov", "Umarov", "GPE", Kind.LOCATION),
        ("seen with Umarov", "Umarov", "GPE", Kind.NAME),
        ("the Quillfax Clinic", "Quillfax Clinic", "ORG", Kind.LOCATION),
        ("at Quillfax Corporation", "Quillfax Corporation", "ORG", Kind.LOCATION),
        ("follow-up with Umarov", "Umarov", "ORG", Kind.NAME),
        ("says Quillfax Corporation", "Quillfax Corporation", "ORG", None),
        ("at Supreme Court", "Supreme Court", "ORG", None),
        ("on Umarov", "Umarov", "DATE", None),
    ],
)
def test_what_stands_before_an_entity_tells_what_it_is(text: str, entity: str, label: str, kind: Kind | None) -> None:
    start = text.index(entity)
    words = [word for word in read_words(text, LEXICON) if word.start >= start]

    assert kind_of(text, words, (start, start + len(entity), label), LEXICON) is kind


def test_a_place_is_told_by_the_word_before_it() -> None:
    assert is_after_at("seen at Northwestern", 8)
    assert not is_after_at("the Northwestern", 4)


def test_windows_are_joined_only_up_to_the_longest() -> None:
    text = " ".join(["Kowalczik"] * 100)
    words = read_words(text, LEXICON)

    spans = windows(text, words, range(len(words)))

    assert len(spans) > 1
    assert all(any(start <= word.start and word.end <= end for start, end in spans) for word in words)


def test_a_long_text_is_cut_after_a_line_or_else_after_a_blank() -> None:
    assert [end for _, end in pieces("x" * 49_000 + "\n" + "y" * 40_000)] == [49_001, 89_001]
    assert [end for _, end in pieces("x" * 49_000 + " " + "y" * 40_000)] == [49_001, 89_001]
    assert [end for _, end in pieces("x" * 60_000)] == [50_000, 60_000]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Siobhan Okonkwo-Brown slept", ["Siobhan", "Okonkwo-Brown"]),
        ("Siobhan slept", ["Siobhan"]),
        ("Siobhan, Okonkwo", ["Siobhan"]),
        ("Mark Nguyen slept", ["Mark", "Nguyen"]),
        ("Mark slept", []),
        ("ordered per Pope today", ["Pope"]),
        ("ordered per Protocol today", []),
        ("ordered per Umarov today", ["Umarov"]),
        ("made by Umarov today", []),
        ("Siobhan J.", ["Siobhan", "J"]),
        ("Mark J. slept", ["Mark", "J"]),
        ("Siobhan Day slept", ["Siobhan", "Day"]),
        ("Siobhan Van-Dyke slept", ["Siobhan", "Van-Dyke"]),
        ("Mark X here", []),
        ("Siobhan Hospital", []),
        ("Siobhan de", ["Siobhan"]),
    ],
)
def test_the_lists_alone_know_names(text: str, names: list[str]) -> None:
    words = read_words(text, LEXICON)

    assert [words[index].text for index in sure_names(text, words, LEXICON)] == names


@given(st.text(alphabet="ab Z.\nKowal", max_size=1500))
def test_every_doubtful_word_lies_in_one_window_and_windows_are_apart(text: str) -> None:
    words = read_words(text, LEXICON)
    doubtful = [index for index, word in enumerate(words) if word.look in ASKED and len(word.text) < 100]

    spans = windows(text, words, doubtful)

    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert all(end - start <= MAX_WINDOW for start, end in spans)
    for index in doubtful:
        assert any(start <= words[index].start < end for start, end in spans)


def test_words_of_one_kind_beside_each_other_are_one_finding() -> None:
    text = "Anna Roe, Boston and Bath"
    words = read_words(text, LEXICON)
    verdicts = Verdicts(words)
    verdicts.close(words[4].start, words[4].end, Kind.LOCATION)
    for index, kind in ((0, Kind.NAME), (1, Kind.NAME), (2, Kind.LOCATION), (4, Kind.NAME)):
        verdicts.accept(index, kind, 0.5)

    assert [text[each.start : each.end] for each in findings(text, words, verdicts)] == ["Anna Roe", "Boston"]
    assert verdicts.kind(4) is Kind.LOCATION
    assert verdicts.kind(3) is None
    assert not verdicts.is_open(4)


def test_a_word_beside_one_that_a_rule_found_is_joined_to_it() -> None:
    words = read_words("Dallas clinic", LEXICON)
    verdicts = Verdicts(words)
    verdicts.close(0, 6, Kind.LOCATION)
    verdicts.accept(1, Kind.LOCATION, 0.5)

    (found,) = findings("Dallas clinic", words, verdicts)

    assert (found.start, found.end) == (0, 13)


@pytest.mark.parametrize(
    ("text", "towns"),
    [("in Fort Wayne", ["Fort", "Wayne"]), ("St. Louis", ["St", "Louis"]), ("port site", []), ("Fort", [])],
)
def test_towns_are_known_by_how_they_begin(text: str, towns: list[str]) -> None:
    words = read_words(text, LEXICON)

    assert [words[index].text for index in sure_towns(text, words, LEXICON)] == towns


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff", b"\x0d\x01"])
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|protobuf"):
        list(fields(message))


def test_a_message_is_read_as_it_was_written() -> None:
    message = int_field(1, 300) + bytes_field(2, b"x" * 200) + b"\x1d\x01\x02\x03\x04" + b"\x21" + bytes(8)

    read = list(fields(message))

    assert [field.number for field in read] == [1, 2, 3, 4]
    assert read[0].value == 300
    assert read[1].payload == b"x" * 200
    assert b"".join(field.whole for field in read) == message


def test_a_four_bit_matrix_becomes_an_eight_bit_one_of_nearly_the_same_values() -> None:
    width, depth = 3, 64
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (width, depth // 32, 16), np.uint8)
    scales = rng.random((width, depth // 32)).astype(np.float32) + 0.1

    written = to_int8(bytes_field(7, _node() + _tensor("w", packed) + _tensor("s", scales) + _tensor("kept", scales)))

    tensors = _tensors(written)
    halves = np.stack([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
    expected = (halves.reshape(width, -1, 32) * scales[:, :, None]).reshape(width, depth)
    columns = np.frombuffer(tensors["w_int8"], np.int8).reshape(depth, width)
    scale = np.frombuffer(tensors["w_scale"], np.float32)
    assert set(tensors) == {"w_int8", "w_scale", "w_zero", "kept"}
    assert np.allclose(columns.T * scale[:, None], expected, atol=float(scale.max()))
    assert b"DynamicQuantizeMatMul" in written


def _node() -> bytes:
    inputs = b"".join(bytes_field(1, name) for name in (b"x", b"w", b"s"))
    return bytes_field(1, inputs + bytes_field(2, b"y") + bytes_field(4, b"MatMulNBits"))


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(int_field(1, size) for size in values.shape)
    return bytes_field(5, dims + bytes_field(8, name.encode()) + bytes_field(9, values.tobytes()))


def _tensors(model: bytes) -> dict[str, bytes]:
    (graph,) = fields(model)
    parts = [list(fields(part.payload)) for part in fields(graph.payload) if part.number == 5]
    return {
        next(each.payload.decode() for each in part if each.number == 8): next(
            each.payload for each in part if each.number == 9
        )
        for part in parts
    }
