from pathlib import Path

import pytest

from appliance.config import Config
from appliance.engine.address import engine_address, parse_upstream
from appliance.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("unix:/run/llama.sock", "unix:/run/llama.sock"),
        ("unix:///run/llama.sock", "unix:/run/llama.sock"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.8.9.1:8000/v1/", "http://127.8.9.1:8000"),
        ("http://localhost:11434/v1", "http://127.0.0.1:11434"),
        ("http://[::1]:8000", "http://::1:8000"),
    ],
)
def test_a_server_on_this_machine_may_stand_in(text: str, canonical: str) -> None:
    address = parse_upstream(text)

    assert str(address) == canonical
    assert address.is_external


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://10.0.0.1:8000",
        "http://192.0.2.1:8000",
        "http://0.0.0.0:8000",
        "http://example.org:8000",
        "http://127.0.0.1.example.org:8000",
        "http://localhost.example.org:8000",
        "http://127.0.0.1@example.org:8000",
        "http://user:secret@127.0.0.1:8000",
        "http://:8000",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://[::1:8000",
        "http://127.0.0.1:8000/v2",
        "http://127.0.0.1:8000/?to=x",
        "https://127.0.0.1:8000",
        "ftp://127.0.0.1:8000",
        "unix:relative.sock",
        "unix:/" + "x" * 107,
    ],
)
def test_anything_else_is_refused_and_the_forms_are_told(text: str) -> None:
    with pytest.raises(ConfigError, match=r"engine\.upstream") as caught:
        parse_upstream(text)

    assert "secret" not in caught.value.public


def test_our_own_engine_is_no_external_server(tmp_path: Path) -> None:
    address = engine_address(Config(home=tmp_path))

    assert address.socket == tmp_path / "run" / "engine.sock"
    assert not address.is_external
