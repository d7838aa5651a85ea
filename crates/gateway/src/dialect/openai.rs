// SPDX-License-Identifier: Apache-2.0
//! `OpenAI` chat completions and embeddings.

use casemate_types::{Channel, Role, json::JsonWriter};

use super::{
    Event, Lane, Parsed, Place, Refused, Site, StreamUsage, every_string, is_word, may_hold,
    members, stray,
};
use crate::json::{Kind, Tape, Value};

/// Most choices of one request.
const MAX_CHOICES: u64 = 128;

pub(super) fn chat<'t, 'a>(
    root: Value<'t, 'a>,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    parsed.stream_usage = StreamUsage::Absent;
    let mut messages = false;
    for (key, value) in root.members() {
        let name = key.text().unwrap_or_default();
        match name.as_ref() {
            "model" | "stream" => {}
            "messages" => {
                messages = true;
                if value.kind() != Kind::Array {
                    return Err(Refused::new("`messages` is not a list"));
                }
                for (index, item) in value.items().enumerate() {
                    message(item, index, parsed)?;
                }
            }
            "max_tokens" | "max_completion_tokens" => {
                parsed.max_output = parsed.max_output.max(count(value, &name)?);
            }
            "n" => {
                parsed.choices = count(value, "n")?.unwrap_or(1).max(1);
                if parsed.choices > MAX_CHOICES {
                    return Err(Refused::new("`n` is larger than 128"));
                }
            }
            "tools" | "functions" => tools(value, &name, parsed)?,
            "stream_options" => {
                parsed.stream_usage = stream_usage(value)?;
                strings(value, Role::Other, "request", None, parsed);
            }
            other => {
                members::check(other, value, parsed)?;
                structure(key, value, "request", None, parsed);
            }
        }
    }
    if messages {
        Ok(())
    } else {
        Err(Refused::new("`messages` is missing"))
    }
}

/// What the options say about usage, and the edit that asks for it.
fn stream_usage(options: Value<'_, '_>) -> Result<StreamUsage, Refused> {
    let span = options.span();
    match options.kind() {
        Kind::Null => return Ok(StreamUsage::Edit(span, r#"{"include_usage":true}"#)),
        Kind::Object => {}
        _ => return Err(Refused::new("`stream_options` is not an object")),
    }
    let inside = span.start + 1..span.start + 1;
    Ok(match options.get("include_usage") {
        Some(flag) if flag.is_true() => StreamUsage::Given,
        Some(flag) if matches!(flag.kind(), Kind::False | Kind::Null) => {
            StreamUsage::Edit(flag.span(), "true")
        }
        Some(_) => {
            let text = "`stream_options.include_usage` is neither true nor false";
            return Err(Refused::new(text));
        }
        None if options.members().next().is_some() => {
            StreamUsage::Edit(inside, r#""include_usage":true,"#)
        }
        None => StreamUsage::Edit(inside, r#""include_usage":true"#),
    })
}

pub(super) fn embeddings<'t, 'a>(
    root: Value<'t, 'a>,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    if parsed.stream {
        return Err(Refused::new("embeddings cannot be streamed"));
    }
    let input = root
        .get("input")
        .ok_or_else(|| Refused::new("`input` is missing"))?;
    let texts: Vec<_> = match input.kind() {
        Kind::String => vec![input],
        _ => input.items().collect(),
    };
    if texts.is_empty() || texts.iter().any(|text| text.kind() != Kind::String) {
        return Err(Refused::new(
            "`input` must be a text or a list of texts: token numbers cannot be inspected",
        ));
    }
    for (index, value) in texts.into_iter().enumerate() {
        push(
            parsed,
            value,
            Role::User,
            Channel::Content,
            false,
            "input",
            Some(index),
        );
    }
    for (key, value) in root.members() {
        let name = key.text().unwrap_or_default();
        if !matches!(name.as_ref(), "model" | "input" | "stream") {
            members::check(&name, value, parsed)?;
            structure(key, value, "request", None, parsed);
        }
    }
    parsed.max_output = Some(0);
    Ok(())
}

fn count(value: Value<'_, '_>, name: &str) -> Result<Option<u64>, Refused> {
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64();
    number
        .map(Some)
        .ok_or_else(|| Refused::new(format!("`{name}` is not a whole number")))
}

fn tools<'t, 'a>(
    value: Value<'t, 'a>,
    name: &str,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    if !matches!(value.kind(), Kind::Array | Kind::Null) {
        return Err(Refused::new(format!("`{name}` is not a list")));
    }
    for (index, tool) in value.items().enumerate() {
        parsed.tools = true;
        let kind = tool.get("type").filter(|kind| !kind.is_null());
        let own = |kind: &Value<'_, '_>| {
            kind.text()
                .is_some_and(|kind| kind == "function" || kind == "custom")
        };
        if name == "tools" && kind.is_some_and(|kind| !own(&kind)) {
            parsed.state.push("hosted_tools");
        }
        strings(tool, Role::Other, "tools", Some(index), parsed);
    }
    Ok(())
}

/// An unknown or structural member: its name, and every string in it, untrusted.
pub(super) fn structure<'t, 'a>(
    key: Value<'t, 'a>,
    value: Value<'t, 'a>,
    field: &'static str,
    index: Option<usize>,
    parsed: &mut Parsed<'t, 'a>,
) {
    if key.text().is_some_and(|name| may_hold(&name)) {
        push(
            parsed,
            key,
            Role::Other,
            Channel::Structure,
            true,
            field,
            index,
        );
    }
    strings(value, Role::Other, field, index, parsed);
}

pub(super) fn strings<'t, 'a>(
    value: Value<'t, 'a>,
    role: Role,
    field: &'static str,
    index: Option<usize>,
    parsed: &mut Parsed<'t, 'a>,
) {
    every_string(value, &mut |text, _, is_name| {
        push(
            parsed,
            text,
            role,
            Channel::Structure,
            is_name,
            field,
            index,
        );
    });
}

pub(super) fn push<'t, 'a>(
    parsed: &mut Parsed<'t, 'a>,
    value: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    is_name: bool,
    field: &'static str,
    index: Option<usize>,
) {
    parsed.sites.push(Site {
        value,
        role,
        channel,
        is_name,
        is_word: false,
        place: Place { field, index },
    });
}

/// Says of the last text under which member's name it stands.
pub(super) fn named(parsed: &mut Parsed<'_, '_>, name: Option<&str>) {
    if let Some(site) = parsed.sites.last_mut() {
        site.is_word = is_word(name);
    }
}

fn message<'t, 'a>(
    message: Value<'t, 'a>,
    index: usize,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    if message.kind() != Kind::Object {
        return Err(Refused::new(format!(
            "`messages[{index}]` is not an object"
        )));
    }
    let role = message.get("role").and_then(|role| role.text());
    let (role, channel) = match role.as_deref() {
        Some("system" | "developer") => (Role::System, Channel::Content),
        Some("user") => (Role::User, Channel::Content),
        Some("assistant") => (Role::Assistant, Channel::Content),
        Some("tool" | "function") => (Role::Tool, Channel::ToolResult),
        _ => {
            return Err(Refused::new(format!(
                "`messages[{index}].role` is missing or not known"
            )));
        }
    };
    for (key, value) in message.members() {
        let name = key.text().unwrap_or_default();
        match name.as_ref() {
            "role" => {}
            "content" => content(value, role, channel, index, parsed)?,
            "refusal" => texts(value, role, Channel::Refusal, index, parsed),
            "reasoning" | "reasoning_content" => {
                texts(value, role, Channel::Reasoning, index, parsed);
            }
            "tool_calls" | "function_call" => calls(value, role, index, parsed),
            // What was said before, kept by the provider.
            "audio" if !value.is_null() => {
                parsed.state.push("audio");
                structure(key, value, "messages", Some(index), parsed);
            }
            _ => structure(key, value, "messages", Some(index), parsed),
        }
    }
    Ok(())
}

fn texts<'t, 'a>(
    value: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    index: usize,
    parsed: &mut Parsed<'t, 'a>,
) {
    every_string(value, &mut |text, name, is_name| {
        push(
            parsed,
            text,
            role,
            channel,
            is_name,
            "messages",
            Some(index),
        );
        named(parsed, name);
    });
}

fn calls<'t, 'a>(value: Value<'t, 'a>, role: Role, index: usize, parsed: &mut Parsed<'t, 'a>) {
    every_string(value, &mut |text, name, is_name| {
        let channel = match name {
            Some("arguments" | "input") => Channel::ToolArguments,
            _ => Channel::Structure,
        };
        push(
            parsed,
            text,
            role,
            channel,
            is_name,
            "messages",
            Some(index),
        );
    });
}

fn content<'t, 'a>(
    value: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    index: usize,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    match value.kind() {
        Kind::String => push(parsed, value, role, channel, false, "messages", Some(index)),
        Kind::Null => {}
        Kind::Array => {
            for part in value.items() {
                content_part(part, role, channel, index, parsed)?;
            }
        }
        _ => {
            let place = format!("`messages[{index}].content` is neither a text nor a list");
            return Err(Refused::new(place));
        }
    }
    Ok(())
}

fn content_part<'t, 'a>(
    part: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    index: usize,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    let kind = part.get("type").and_then(|kind| kind.text());
    match kind.as_deref() {
        Some("text") => texts(part, role, channel, index, parsed),
        Some("refusal") => texts(part, role, Channel::Refusal, index, parsed),
        Some("image_url" | "input_audio" | "file") => {
            parsed.opaque = true;
            if part
                .get("file")
                .and_then(|file| file.get("file_id"))
                .is_some()
            {
                parsed.state.push("file_id");
            }
            every_string(part, &mut |text, name, is_name| {
                // The bytes themselves are opaque; names and addresses beside them are text.
                let is_bytes = match name {
                    Some("data" | "file_data") => true,
                    Some("url") => text.text().is_some_and(|url| is_inline(&url)),
                    _ => false,
                };
                if !is_bytes {
                    push(
                        parsed,
                        text,
                        role,
                        channel,
                        is_name,
                        "messages",
                        Some(index),
                    );
                    named(parsed, name);
                }
            });
        }
        _ => {
            let place =
                format!("`messages[{index}].content` has a part of a kind that is not known");
            return Err(Refused::new(place));
        }
    }
    Ok(())
}

/// Whether an address is bytes, and not text that only begins like one (RFC 2397).
fn is_inline(url: &str) -> bool {
    let head = url
        .strip_prefix("data:")
        .and_then(|url| url.split_once(','));
    head.is_some_and(|(kind, _)| kind.ends_with(";base64"))
}

pub(super) fn event<'t, 'a>(root: Value<'t, 'a>) -> Event<'t, 'a> {
    let mut event = Event::default();
    for (key, value) in root.members() {
        match key.text().unwrap_or_default().as_ref() {
            "choices" => {
                event.only_usage = value.items().next().is_none();
                value.items().for_each(|item| choice(item, &mut event));
            }
            "usage" if !value.is_null() => {
                event.input_tokens = value.get("prompt_tokens").and_then(|v| v.as_u64());
                event.output_tokens = value.get("completion_tokens").and_then(|v| v.as_u64());
            }
            "error" => event.failed = !value.is_null(),
            _ => {}
        }
    }
    event.only_usage &= event.output_tokens.is_some();
    event
}

fn choice<'t, 'a>(choice: Value<'t, 'a>, event: &mut Event<'t, 'a>) {
    let index = choice
        .get("index")
        .and_then(|index| index.as_u64())
        .unwrap_or(0);
    if let Some(value) = choice.get("delta") {
        delta(value, index, event);
    }
    // Some servers send an empty reason with every event.
    let reason = choice.get("finish_reason").and_then(|reason| reason.text());
    if reason.is_some_and(|reason| !reason.is_empty()) {
        event.ends.insert(index);
    }
}

fn delta<'t, 'a>(delta: Value<'t, 'a>, index: u64, event: &mut Event<'t, 'a>) {
    let lane = |channel, field| Lane {
        index,
        channel,
        call: 0,
        field,
    };
    for (key, value) in delta.members() {
        let name = key.text().unwrap_or_default();
        let lane = match name.as_ref() {
            "role" => continue,
            "content" => lane(Channel::Content, "content"),
            "refusal" => lane(Channel::Refusal, "refusal"),
            "reasoning" => lane(Channel::Reasoning, "reasoning"),
            "reasoning_content" => lane(Channel::Reasoning, "reasoning_content"),
            "tool_calls" if value.kind() == Kind::Array => {
                value.items().for_each(|call| tool_call(call, index, event));
                continue;
            }
            "function_call" => {
                let lane = lane(Channel::ToolArguments, "function_call");
                arguments(value, lane, event);
                continue;
            }
            _ => {
                stray(value, index, &name, event);
                continue;
            }
        };
        if value.kind() == Kind::String {
            event.pieces.push((lane, value));
        } else {
            stray(value, index, &name, event);
        }
    }
}

fn tool_call<'t, 'a>(call: Value<'t, 'a>, index: u64, event: &mut Event<'t, 'a>) {
    let number = call
        .get("index")
        .and_then(|number| number.as_u64())
        .unwrap_or(0);
    for (key, value) in call.members() {
        let name = key.text().unwrap_or_default();
        let field = match name.as_ref() {
            "function" => "function",
            "custom" => "custom",
            "id" | "type" => continue,
            _ => {
                stray(value, index, &name, event);
                continue;
            }
        };
        let lane = Lane {
            index,
            channel: Channel::ToolArguments,
            call: number,
            field,
        };
        arguments(value, lane, event);
    }
}

fn arguments<'t, 'a>(function: Value<'t, 'a>, lane: Lane, event: &mut Event<'t, 'a>) {
    for (key, value) in function.members() {
        let name = key.text().unwrap_or_default();
        if name == argument_name(lane) && value.kind() == Kind::String {
            event.pieces.push((lane, value));
        } else {
            stray(value, lane.index, &name, event);
        }
    }
    if function.kind() != Kind::Object {
        stray(function, lane.index, lane.field, event);
    }
}

fn argument_name(lane: Lane) -> &'static str {
    if lane.field == "custom" {
        "input"
    } else {
        "arguments"
    }
}

pub(super) fn make_event(lane: Lane, text: &str, like: &[u8]) -> Vec<u8> {
    let mut w = JsonWriter::with_capacity(256 + text.len());
    w.open();
    if let Ok(tape) = Tape::parse(like) {
        for name in ["id", "object", "created", "model"] {
            if let Some(value) = tape.root().get(name) {
                w.raw(name, value.raw().as_bytes());
            }
        }
    }
    let index = i64::try_from(lane.index).unwrap_or(0);
    let mut delta = JsonWriter::with_capacity(64 + text.len());
    delta.open();
    match lane.field {
        "function_call" => {
            delta
                .key("function_call")
                .open()
                .string("arguments", text)
                .close();
        }
        "function" | "custom" => {
            let mut one = JsonWriter::default();
            let call = i64::try_from(lane.call).unwrap_or(0);
            one.open().number("index", call);
            one.key(lane.field)
                .open()
                .string(argument_name(lane), text)
                .close()
                .close();
            delta.raw(
                "tool_calls",
                &[b"[", one.finish().as_slice(), b"]"].concat(),
            );
        }
        field => {
            delta.string(field, text);
        }
    }
    delta.close();
    let mut choice = JsonWriter::default();
    choice
        .open()
        .number("index", index)
        .raw("delta", &delta.finish());
    choice.raw("finish_reason", b"null").close();
    w.raw(
        "choices",
        &[b"[", choice.finish().as_slice(), b"]"].concat(),
    )
    .close();
    [b"data: ", w.finish().as_slice(), b"\n\n"].concat()
}
