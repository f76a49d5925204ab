import pytest

from appliance.phi.normalise import fold, normalise


def test_plain_text_comes_back_as_the_same_object() -> None:
    text = "MRN 12345, seen by Dr. Smith"

    normalised = normalise(text)

    assert normalised.text is text
    assert normalised.origin(4, 9) == (4, 9)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("D\u043eroth\u0443 Flores", "Dorothy Flores"),
        ("\u039c\u0391RY", "MARY"),
        ("\u0420\u0410\u0421\u0415", "PACE"),
        ("R\u0131chard", "Richard"),
        ("Amand\u200ba Sco\u200dtt", "Amanda Scott"),
        ("\u202eRichard Miller\u202c", "Richard Miller"),
        ("Smi\u00adth", "Smith"),
        ("Jos\u00e9 \u00c1lvarez", "Jose Alvarez"),
        ("Jose\u0301", "Jose"),
        ("\uff2d\uff32\uff2e\uff1a\uff11\uff12", "MRN:12"),
        ("\U0001d409\U0001d428\U0001d421\U0001d427", "John"),
        ("\u2460\u2461\u2462 x\u00b2", "123 x2"),
        ("1\ufe0f\u20e32\ufe0f\u20e3", "12"),
        ("\u0967\u0968\u0969", "123"),
        ("\ufb01ne", "fine"),
        ("\u211612 \u2121:5", "No12 TEL:5"),
        ("Stra\u00dfe \u0141ukasz S\u00f8ren", "Strasse Lukasz Soren"),
        ("617\u2011555\u20110123", "617-555-0123"),
        ("O\u2019Brien\u00a0MD", "O'Brien MD"),
        ("x\u301cy", "x-y"),
    ],
)
def test_what_reads_alike_is_written_alike(text: str, plain: str) -> None:
    assert normalise(text).text == plain


@pytest.mark.parametrize(
    "text",
    [
        "\u0418\u0432\u0430\u043d\u043e\u0432",
        "\u7fd4\u592a \u5409\u7530",
        "\u03b2-blocker 5 \u03bcg",
        "\u00bd tablet",
        "\u0645\u062d\u0645\u062f",
        "\ud55c\uad6d",
        "\U0001f600",
    ],
)
def test_another_script_stays_as_it_is(text: str) -> None:
    assert normalise(text).text == text


def test_a_half_surrogate_becomes_a_sign_that_every_model_takes() -> None:
    assert normalise("a\ud800b").text == "a\ufffdb"


def test_a_place_in_the_plain_text_leads_back_to_the_original() -> None:
    text = "x \u202eAm\u200banda\u202c \ufb01t"
    normalised = normalise(text)
    start = normalised.text.index("Amanda")

    first, last = normalised.origin(start, start + 6)

    assert text[first:last] == "Am\u200banda\u202c"
    assert text[slice(*normalised.origin(start + 7, start + 8))] == "\ufb01"
    assert normalised.origin(3, 3) == (normalised.origin(3, 4)[0],) * 2


def test_normalised_text_does_not_print_its_places() -> None:
    assert "starts" not in repr(normalise("Jos\u00e9\u200b"))


def test_folding_is_one_for_one() -> None:
    assert fold("\uff11\u2013\u00a02") == "1- 2"
    assert fold("plain") == "plain"
