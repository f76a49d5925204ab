import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from appliance.admission.estimate import PIECE_CHARACTERS, TEMPLATE_TOKENS, UPSTREAM_CONTEXT, Estimator
from appliance.clinical_text import ClinicalText
from appliance.config import Config, EngineConfig
from appliance.errors import ConfigError, ContextTooLongError
from appliance.exchange import Message, ToolCall, Tools
from tests.support.calls import turn

NO_TOOLS = Tools()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model folder whose tokenizer makes one token of each word."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "fever": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 1000}))
    return tmp_path


def test_a_short_prompt_fits_without_being_counted(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)

    needed = estimator.check([turn("fever")], max_tokens=100, tools=NO_TOOLS)

    assert needed == len(b"fever") + TEMPLATE_TOKENS + 6


def test_a_long_prompt_is_counted_with_the_models_own_tokenizer(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)

    needed = estimator.check([turn("fever " * 300)], max_tokens=100, tools=NO_TOOLS)

    assert needed == 300 + TEMPLATE_TOKENS + 6


def test_prompt_and_answer_together_must_fit(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)
    estimator.check([turn("fever " * 900)], max_tokens=1000 - 900 - TEMPLATE_TOKENS - 6, tools=NO_TOOLS)

    with pytest.raises(ContextTooLongError) as caught:
        estimator.check([turn("fever " * 900)], max_tokens=100, tools=NO_TOOLS)

    assert caught.value.field == "messages"
    for number in ("954", "100", "1000"):
        assert number in caught.value.public
    assert "fever" not in caught.value.public


def test_the_profile_may_allow_less_than_the_model(folder: Path) -> None:
    with pytest.raises(ContextTooLongError):
        Estimator.from_model(folder, at_most=100).check([turn("")], max_tokens=100, tools=NO_TOOLS)


def test_counting_stops_when_there_is_too_much(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)

    with pytest.raises(ContextTooLongError) as caught:
        estimator.check([turn("a b " * 500_000)], max_tokens=1, tools=NO_TOOLS)

    assert int(caught.value.public.split("at least ")[1].split()[0]) < PIECE_CHARACTERS


def test_tools_and_their_calls_count_too(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)
    call = ToolCall(id="c", name="fever", arguments=ClinicalText("fever " * 400))
    replayed = Message(role="assistant", content=ClinicalText(""), tool_calls=(call,))
    tools = Tools(tools=ClinicalText("fever " * 400))

    with_call = estimator.check([replayed], max_tokens=1, tools=NO_TOOLS)
    with_tools = estimator.check([turn("fever " * 10)], max_tokens=1, tools=tools)

    assert with_call == 401 + TEMPLATE_TOKENS + 6 + 16
    assert with_tools == 810 + TEMPLATE_TOKENS + 6


def test_text_that_is_no_unicode_is_counted_and_not_a_crash(folder: Path) -> None:
    estimator = Estimator.from_model(folder, at_most=8192)

    assert estimator.check([turn("\ud800 " * 400)], max_tokens=1, tools=NO_TOOLS) > 400


def test_another_server_is_asked_unless_it_surely_cannot_hold_it(tmp_path: Path) -> None:
    config = Config(home=tmp_path, engine=EngineConfig(upstream="http://127.0.0.1:1"))
    estimator = Estimator.from_config(config)

    assert estimator.check([turn("x" * 300_000)], max_tokens=10, tools=NO_TOOLS) < UPSTREAM_CONTEXT
    with pytest.raises(ContextTooLongError):
        estimator.check([turn("x" * 500_000)], max_tokens=10, tools=NO_TOOLS)


def test_a_missing_or_odd_model_folder_is_named(folder: Path, tmp_path: Path) -> None:
    nowhere = Config(home=tmp_path, engine=EngineConfig(model=tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"tokenizer\.json is missing"):
        Estimator.from_config(nowhere)

    for content in ("{}", "[]", "x", '{"max_position_embeddings": null}'):
        (folder / "config.json").write_text(content)
        with pytest.raises(ConfigError, match="max_position_embeddings"):
            Estimator.from_model(folder, at_most=10)
