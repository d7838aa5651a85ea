# SPDX-License-Identifier: Apache-2.0
"""Everything the official OpenAI client does with Casemate, against its stand-in model."""

import json
import os

import openai

URL = os.environ["CASEMATE_URL"] + "/v1"
PERSONAL = "ada.lovelace@example.org"
LEAKED = "AKIA" + "IOSFODNN7DEMOKEY"
TOOLS = [{
    "type": "function",
    "function": {
        "name": "send_mail",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}]


def client(key):
    return openai.OpenAI(base_url=URL, api_key=key, max_retries=0)


def ask(text):
    return {"model": "stand-in", "messages": [{"role": "user", "content": text}]}


def raises(kind, status, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        assert error.status_code == status, error
        assert error.request_id and error.request_id.startswith("req_"), error.request_id
        return error.request_id
    raise AssertionError(f"{kind.__name__} was not raised")


c = client(os.environ["CASEMATE_KEY"])

# Plain, with the original restored.
answer = c.chat.completions.create(**ask(f"Write to {PERSONAL}, please."))
assert PERSONAL in answer.choices[0].message.content, answer
assert answer.usage.total_tokens > 0
assert answer._request_id.startswith("req_"), answer._request_id
print("request", answer._request_id)

# Streamed: the original comes back although it is cut into pieces.
parts, usage = [], None
for event in c.chat.completions.create(
    **ask(f"Write to {PERSONAL}, please."), stream=True, stream_options={"include_usage": True}
):
    usage = event.usage or usage
    parts += [choice.delta.content or "" for choice in event.choices]
assert PERSONAL in "".join(parts), parts
assert usage.completion_tokens > 0

# Several choices, plain and streamed.
answer = c.chat.completions.create(**ask(f"Say {PERSONAL}."), n=3)
assert len(answer.choices) == 3
assert all(PERSONAL in choice.message.content for choice in answer.choices), answer
texts = {0: "", 1: ""}
for event in c.chat.completions.create(**ask(f"Say {PERSONAL}."), n=2, stream=True):
    for choice in event.choices:
        texts[choice.index] += choice.delta.content or ""
assert all(PERSONAL in text for text in texts.values()), texts

# Tools: the arguments hold the original, plain and in pieces.
answer = c.chat.completions.create(**ask(f"Mail {PERSONAL}."), tools=TOOLS)
call = answer.choices[0].message.tool_calls[0]
assert call.function.name == "send_mail"
assert PERSONAL in json.loads(call.function.arguments)["text"], call
arguments = ""
for event in c.chat.completions.create(**ask(f"Mail {PERSONAL}."), tools=TOOLS, stream=True):
    for choice in event.choices:
        for piece in choice.delta.tool_calls or []:
            arguments += piece.function.arguments or ""
assert PERSONAL in json.loads(arguments)["text"], arguments

# A tool's result goes back.
answer = c.chat.completions.create(
    model="stand-in",
    messages=[
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "tool_calls": [{
            "id": "call_1", "type": "function",
            "function": {"name": "weather", "arguments": "{}"},
        }]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"Sunny, says {PERSONAL}."},
    ],
)
assert PERSONAL in answer.choices[0].message.content, answer

# Structured output.
schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"],
          "additionalProperties": False}
answer = c.chat.completions.create(
    **ask(f"Who is {PERSONAL}?"),
    response_format={"type": "json_schema",
                     "json_schema": {"name": "reply", "schema": schema, "strict": True}},
)
assert PERSONAL in json.loads(answer.choices[0].message.content)["answer"], answer

# Embeddings and models.
answer = c.embeddings.create(model="stand-in", input=["one", f"two for {PERSONAL}"])
assert len(answer.data) == 2 and len(answer.data[0].embedding) == 3, answer
assert "stand-in" in [model.id for model in c.models.list()]

# Typed exceptions, each with the id to ask about.
wrong = "cm_" + "0" * 38
raises(openai.AuthenticationError, 401,
       lambda: client(wrong).chat.completions.create(**ask("Hello?")))
raises(openai.AuthenticationError, 401,
       lambda: client("sk-something").chat.completions.create(**ask("Hello?")))
print("request", raises(
    openai.PermissionDeniedError, 403,
    lambda: c.chat.completions.create(**ask(f"Why does {LEAKED} not work?"))))
print("request", raises(
    openai.PermissionDeniedError, 403,
    lambda: client(os.environ["CASEMATE_OTHER_KEY"]).chat.completions.create(**ask("Hello?"))))
raises(openai.PermissionDeniedError, 403,
       lambda: c.chat.completions.create(**ask(f"Why does {LEAKED} not work?"), stream=True))
print("request", raises(
    openai.NotFoundError, 404,
    lambda: c.chat.completions.create(model="no-such-model",
                                      messages=[{"role": "user", "content": "Hello?"}])))
raises(openai.BadRequestError, 400,
       lambda: c.chat.completions.create(model="stand-in", messages="no list"))
limited = client(os.environ["CASEMATE_LIMITED_KEY"])
limited.chat.completions.create(**ask("Once."))
print("request", raises(openai.RateLimitError, 429,
                        lambda: limited.chat.completions.create(**ask("Twice."))))
