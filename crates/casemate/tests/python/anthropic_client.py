# SPDX-License-Identifier: Apache-2.0
"""Everything the official Anthropic client does with Casemate, against its stand-in model."""

import os

import anthropic

URL = os.environ["CASEMATE_URL"]
PERSONAL = "ada.lovelace@example.org"
LEAKED = "AKIA" + "IOSFODNN7DEMOKEY"
TOOLS = [{
    "name": "send_mail",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}]


def client(key):
    return anthropic.Anthropic(base_url=URL, api_key=key, max_retries=0)


def ask(text):
    return {"model": "stand-in", "max_tokens": 256,
            "messages": [{"role": "user", "content": text}]}


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
answer = c.messages.create(**ask(f"Write to {PERSONAL}, please."), system="Be brief.")
assert PERSONAL in answer.content[0].text, answer
assert answer.usage.output_tokens > 0
assert answer._request_id.startswith("req_"), answer._request_id
print("request", answer._request_id)

# Streamed, by the helper that puts the message together.
with c.messages.stream(**ask(f"Write to {PERSONAL}, please.")) as stream:
    text = "".join(stream.text_stream)
    message = stream.get_final_message()
assert PERSONAL in text, text
assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0, message

# Tools: the input holds the original, plain and in pieces.
answer = c.messages.create(**ask(f"Mail {PERSONAL}."), tools=TOOLS)
assert answer.stop_reason == "tool_use"
assert PERSONAL in answer.content[-1].input["text"], answer
with c.messages.stream(**ask(f"Mail {PERSONAL}."), tools=TOOLS) as stream:
    message = stream.get_final_message()
assert PERSONAL in message.content[-1].input["text"], message

# A tool's result goes back.
answer = c.messages.create(
    model="stand-in", max_tokens=256,
    messages=[
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1",
             "content": f"Sunny, says {PERSONAL}."}]},
    ],
)
assert answer.content, answer

# Reasoning is restored as well.
answer = c.messages.create(
    **{**ask(f"Think about {PERSONAL}."), "max_tokens": 2048},
    thinking={"type": "enabled", "budget_tokens": 1024},
)
assert PERSONAL in answer.content[-1].text, answer

# Typed exceptions, each with the id to ask about.
wrong = "cm_" + "0" * 38
raises(anthropic.AuthenticationError, 401, lambda: client(wrong).messages.create(**ask("Hello?")))
raises(anthropic.AuthenticationError, 401, lambda: client("sk-x").messages.create(**ask("Hello?")))
print("request", raises(
    anthropic.PermissionDeniedError, 403,
    lambda: c.messages.create(**ask(f"Why does {LEAKED} not work?"))))
raises(anthropic.PermissionDeniedError, 403,
       lambda: c.messages.create(**ask(f"Why does {LEAKED} not work?"), stream=True))
raises(anthropic.PermissionDeniedError, 403,
       lambda: client(os.environ["CASEMATE_OTHER_KEY"]).messages.create(**ask("Hello?")))
print("request", raises(
    anthropic.NotFoundError, 404,
    lambda: c.messages.create(**{**ask("Hello?"), "model": "no-such-model"})))
raises(anthropic.BadRequestError, 400,
       lambda: c.messages.create(model="stand-in", max_tokens=16, messages="no list"))
limited = client(os.environ["CASEMATE_LIMITED_KEY"])
limited.messages.create(**ask("Once."))
print("request", raises(anthropic.RateLimitError, 429,
                        lambda: limited.messages.create(**ask("Twice."))))
