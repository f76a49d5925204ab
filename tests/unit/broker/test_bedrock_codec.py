"""Bedrock's bytes are Amazon's own, signed, and nothing beside the credential that was handed over decides them."""

import hashlib
import hmac
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from appliance.broker.providers.adapter import Secret
from appliance.broker.providers.bedrock_codec import Codec, Event, MalformedError, SecretError, UnfitError, sign
from tests.support.bedrock_events import END, START, USAGE, event, exception, frame, piece, stream

CODEC = Codec.open()
PARAMETERS = {
    "modelId": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.example-1:0",
    "messages": [{"role": "user", "content": [{"text": "Fièvre \u2713"}]}],
    "system": [{"text": "Be brief."}],
    "inferenceConfig": {"maxTokens": 10, "temperature": 0.5, "stopSequences": ["END"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object", "n": 1.5}}}}]},
}
SECRET = Secret(json.dumps({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalr/bPxRfi"}))


class SeenError(Exception):
    """Ends a client's call before anything is sent."""


def by_boto3(operation: str, parameters: dict[str, Any]) -> tuple[str, bytes]:
    """Return path and body as Amazon's whole client would send them."""
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url="https://bedrock.example",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalr/bPxRfi",
        config=Config(retries={"total_max_attempts": 1}),
    )
    seen = []

    def keep(request: Any, **_: object) -> None:
        seen.append((request.url.removeprefix("https://bedrock.example"), request.body))
        raise SeenError

    client.meta.events.register("before-send", keep)
    with pytest.raises(SeenError):
        getattr(client, operation)(**parameters)
    client.close()
    return seen[0]


@pytest.mark.parametrize(("operation", "method"), [("Converse", "converse"), ("ConverseStream", "converse_stream")])
def test_path_and_body_are_those_of_amazons_client(operation: Any, method: str) -> None:
    assert CODEC.to_request(operation, PARAMETERS) == by_boto3(method, PARAMETERS)


@pytest.mark.parametrize("parameters", [{}, {"modelId": 7, "messages": []}, {"modelId": "m", "messages": "Jane"}])
def test_what_does_not_fit_is_told_without_its_text(parameters: dict[str, Any]) -> None:
    with pytest.raises(UnfitError) as raised:
        CODEC.to_request("Converse", parameters)

    assert str(raised.value) == ""


def signature(headers: dict[str, str], *, path: str, body: bytes, key: str) -> str:
    """Compute the signature by Amazon's description (SigV4, "Create a signed request")."""
    scope = headers["Authorization"].split("Credential=")[1].split(",")[0].split("/", 1)[1]
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0]
    values = {name.lower(): value for name, value in headers.items()} | {"host": "bedrock.example:8443"}
    lines = [f"{name}:{values[name]}\n" for name in signed.split(";")]
    twice = path.replace("%", "%25")
    canonical = f"POST\n{twice}\n\n{''.join(lines)}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{scope}\n{digest}"
    made = b"AWS4" + key.encode()
    for part in scope.split("/"):
        made = hmac.digest(made, part.encode(), "sha256")
    return hmac.new(made, text.encode(), "sha256").hexdigest()


@pytest.mark.parametrize("token", ["", "a-session-token"])
def test_the_signature_is_the_one_that_amazon_describes_and_covers_host_body_and_token(token: str) -> None:
    stated = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalr/bPxRfi"}
    secret = Secret(json.dumps(stated | ({"session_token": token} if token else {})))
    path, body = "/model/example%3A0/converse", b'{"messages":[]}'

    headers = sign(url=f"https://bedrock.example:8443{path}", body=body, region="us-east-1", secret=secret)

    assert headers["Authorization"].endswith(signature(headers, path=path, body=body, key="wJalr/bPxRfi"))
    assert f"/{headers['X-Amz-Date'][:8]}/us-east-1/bedrock/aws4_request" in headers["Authorization"]
    assert headers.get("X-Amz-Security-Token", "") == token
    assert "content-type;host;x-amz-date" in headers["Authorization"]


@pytest.mark.parametrize(
    "text",
    [
        "AKIDEXAMPLE:wJalr",
        "[]",
        '{"access_key_id":"","secret_access_key":"s"}',
        '{"access_key_id":"a"}',
        '{"access_key_id":"a","secret_access_key":"s","profile":"p"}',
        '{"access_key_id":"a","secret_access_key":"s","session_token":7}',
    ],
)
def test_another_credential_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(SecretError) as raised:
        sign(url="https://h.example/model/m/converse", body=b"", region="r", secret=Secret(text))

    assert str(raised.value) == ""
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_nothing_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.setenv(name, "from-the-environment")
    for name in ("AWS_ENDPOINT_URL", "AWS_DATA_PATH", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_CSM_ENABLED", "true")

    path, body = Codec.open().to_request("Converse", PARAMETERS)
    headers = sign(url=f"https://h.example{path}", body=body, region="us-east-1", secret=SECRET)

    assert "from-the-environment" not in str(headers)
    assert "X-Amz-Security-Token" not in headers


def test_events_are_read_whole_however_their_bytes_come() -> None:
    content = stream(START, piece("Fièvre"), END, USAGE)

    found = []
    reader = CODEC.stream()
    for at in range(len(content)):
        found += reader.feed(content[at : at + 1])
        assert reader.is_between_events() == (content[: at + 1] in _prefixes())

    assert [each.name for each in found] == ["messageStart", "contentBlockDelta", "messageStop", "metadata"]
    assert found[1].fields == {"contentBlockIndex": 0, "delta": {"text": "Fièvre"}}


def _prefixes() -> set[bytes]:
    said = (START, piece("Fièvre"), END, USAGE)
    return {stream(*said[: count + 1]) for count in range(len(said))}


def test_an_exception_is_named_and_its_message_is_not_read() -> None:
    [found] = CODEC.stream().feed(exception("throttlingException", "Jane Canary"))

    assert found == Event(name="throttlingException", is_exception=True, fields={})


def test_an_event_of_a_newer_service_has_no_name() -> None:
    [found] = CODEC.stream().feed(event(("somethingNew", {"a": 1})))

    assert found == Event(name="", is_exception=False, fields={})


GOOD = event(piece("text"))


@pytest.mark.parametrize(
    "content",
    [
        GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
        GOOD[:8] + bytes([GOOD[8] ^ 1]) + GOOD[9:],
        b"\x00\x00\x00\x04" + GOOD[4:],
        b"\x7f\xff\xff\xff" + GOOD[4:],
        b'data: {"type": "ping"}\n\n',
        frame(b"{", event_type="contentBlockDelta", message_type="event"),
        frame(b'"Jane"', event_type="contentBlockDelta", message_type="event"),
        frame(b'{"delta": 7, "contentBlockIndex": 0}', event_type="contentBlockDelta", message_type="event"),
        frame(b"\xff", event_type="contentBlockDelta", message_type="event"),
        frame(b"[" * 100_000, event_type="contentBlockDelta", message_type="event"),
    ],
    ids=["sum", "head's sum", "short", "huge", "other", "no json", "string", "type", "no utf-8", "deep"],
)
def test_bytes_that_are_no_event_are_malformed(content: bytes) -> None:
    with pytest.raises(MalformedError) as raised:
        list(CODEC.stream().feed(content))

    assert str(raised.value) == ""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"output": 7}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        CODEC.from_whole(body)
