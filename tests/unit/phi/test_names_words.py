"""The parts of the name finder that need no model."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.phi.findings import Kind
from appliance.phi.names.int8 import to_int8
from appliance.phi.names.lexicon import ASKED, Lexicon, Look
from appliance.phi.names.protobuf import bytes_field, fields, int_field
from appliance.phi.names.runs import is_eponym_used, sure_names, sure_towns
from appliance.phi.names.verdicts import Verdicts, findings
from appliance.phi.names.words import MAX_WINDOW, read_words, windows

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
    ("text", "names"),
    [
        ("Siobhan Okonkwo-Brown slept", ["Siobhan", "Okonkwo-Brown"]),
        ("Siobhan slept", ["Siobhan"]),
        ("Siobhan, Okonkwo", ["Siobhan"]),
        ("Mark Nguyen slept", ["Mark", "Nguyen"]),
        ("Mark slept", []),
        ("ordered per Pope today", ["Pope"]),
        ("ordered per Protocol today", []),
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
