import botocore.session
from anthropic.types import message_create_params as messages
from openai.types.chat import completion_create_params as chat
from openai.types.responses import response_create_params as responses

from tests.support.stand_ins import anthropic_messages, bedrock_converse, openai_chat, openai_responses

STREAM = {"stream"}
DEPRECATED = {"max_tokens"}
"""In OpenAI's SDK still, refused by the newest models."""


def test_the_fields_are_those_of_the_vendors_sdks() -> None:
    assert set(messages.MessageCreateParamsBase.__annotations__) | STREAM == anthropic_messages.FIELDS
    assert (set(chat.CompletionCreateParamsBase.__annotations__) | STREAM) - DEPRECATED == openai_chat.FIELDS
    assert set(responses.ResponseCreateParamsBase.__annotations__) | STREAM == openai_responses.FIELDS


def test_bedrocks_fields_are_those_of_its_model() -> None:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")

    members = set(model.operation_model("Converse").input_shape.members)

    assert members - {"modelId"} == bedrock_converse.FIELDS
