// SPDX-License-Identifier: Apache-2.0
//! Anthropic Messages.

use casemate_types::{Channel, Role, json::JsonWriter};

use super::{
    Event, Lane, Parsed, Refused, StreamUsage, every_string, members,
    openai::{named, push, strings, structure},
    stray,
};
use crate::json::{Kind, Value};

pub(super) fn messages<'t, 'a>(
    root: Value<'t, 'a>,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    parsed.stream_usage = StreamUsage::Given;
    let mut messages = false;
    for (key, value) in root.members() {
        let name = key.text().unwrap_or_default();
        match name.as_ref() {
            "model" | "stream" => {}
            "max_tokens" => {
                let count = value.as_u64();
                let count = count.ok_or_else(|| Refused::new("`max_tokens` is not a whole number"));
                parsed.max_output = Some(count?);
            }
            "system" => blocks(
                value,
                Role::System,
                Channel::Content,
                "system",
                None,
                parsed,
            )?,
            "messages" => {
                messages = true;
                if value.kind() != Kind::Array {
                    return Err(Refused::new("`messages` is not a list"));
                }
                for (index, item) in value.items().enumerate() {
                    message(item, index, parsed)?;
                }
            }
            "tools" => tools(value, parsed)?,
            "container" | "mcp_servers" => {
                let empty = value.is_null()
                    || (value.kind() == Kind::Array && value.items().next().is_none());
                if !empty {
                    parsed.state.push(if name == "container" {
                        "container"
                    } else {
                        "mcp_servers"
                    });
                }
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

fn tools<'t, 'a>(value: Value<'t, 'a>, parsed: &mut Parsed<'t, 'a>) -> Result<(), Refused> {
    if !matches!(value.kind(), Kind::Array | Kind::Null) {
        return Err(Refused::new("`tools` is not a list"));
    }
    for (index, tool) in value.items().enumerate() {
        parsed.tools = true;
        let kind = tool.get("type").filter(|kind| !kind.is_null());
        if kind.is_some_and(|kind| kind.text().is_none_or(|kind| kind != "custom")) {
            parsed.state.push("hosted_tools");
        }
        strings(tool, Role::Other, "tools", Some(index), parsed);
    }
    Ok(())
}

fn message<'t, 'a>(
    message: Value<'t, 'a>,
    index: usize,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    let role = message.get("role").and_then(|role| role.text());
    let role = match role.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => {
            return Err(Refused::new(format!(
                "`messages[{index}].role` is missing or not known"
            )));
        }
    };
    for (key, value) in message.members() {
        match key.text().unwrap_or_default().as_ref() {
            "role" => {}
            "content" => blocks(
                value,
                role,
                Channel::Content,
                "messages",
                Some(index),
                parsed,
            )?,
            _ => structure(key, value, "messages", Some(index), parsed),
        }
    }
    Ok(())
}

fn blocks<'t, 'a>(
    value: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    field: &'static str,
    index: Option<usize>,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    match value.kind() {
        Kind::String => push(parsed, value, role, channel, false, field, index),
        Kind::Null => {}
        Kind::Array => {
            for block in value.items() {
                content_block(block, role, channel, field, index, parsed)?;
            }
        }
        _ => {
            return Err(Refused::new(format!(
                "`{field}` has a content that is no text or list"
            )));
        }
    }
    Ok(())
}

fn content_block<'t, 'a>(
    block: Value<'t, 'a>,
    role: Role,
    channel: Channel,
    field: &'static str,
    index: Option<usize>,
    parsed: &mut Parsed<'t, 'a>,
) -> Result<(), Refused> {
    let kind = block.get("type").and_then(|kind| kind.text());
    let all = |role, channel, parsed: &mut Parsed<'t, 'a>| {
        every_string(block, &mut |text, name, is_name| {
            push(parsed, text, role, channel, is_name, field, index);
            named(parsed, name);
        });
    };
    match kind.as_deref() {
        Some("text") => all(role, channel, parsed),
        Some("thinking") => all(role, Channel::Reasoning, parsed),
        // The input is JSON of its own, so its strings are texts here and need no second decoding.
        Some("tool_use") => all(role, Channel::Structure, parsed),
        Some("tool_result") => {
            for (key, value) in block.members() {
                if key.text().is_some_and(|name| name == "content") {
                    blocks(value, Role::Tool, Channel::ToolResult, field, index, parsed)?;
                } else {
                    structure(key, value, field, index, parsed);
                }
            }
        }
        Some("search_result") => all(Role::Tool, Channel::ToolResult, parsed),
        Some("image" | "document" | "redacted_thinking") => opaque(block, field, index, parsed),
        _ => {
            return Err(Refused::new(format!(
                "`{field}` has a block of a kind that is not known"
            )));
        }
    }
    Ok(())
}

fn opaque<'t, 'a>(
    block: Value<'t, 'a>,
    field: &'static str,
    index: Option<usize>,
    parsed: &mut Parsed<'t, 'a>,
) {
    let source = block.get("source");
    let kind = source
        .and_then(|source| source.get("type"))
        .and_then(|kind| kind.text());
    // A plain-text document can be read; it is a text that somebody else wrote.
    let readable = matches!(kind.as_deref(), Some("text" | "content"));
    parsed.opaque |= !readable;
    if kind.as_deref() == Some("file") {
        parsed.state.push("file_id");
    }
    every_string(block, &mut |text, name, is_name| {
        if readable || name != Some("data") {
            push(
                parsed,
                text,
                Role::Tool,
                Channel::ToolResult,
                is_name,
                field,
                index,
            );
            named(parsed, name);
        }
    });
}

pub(super) fn event<'t, 'a>(root: Value<'t, 'a>) -> Event<'t, 'a> {
    let mut event = Event::default();
    let kind = root.get("type").and_then(|kind| kind.text());
    let index = root
        .get("index")
        .and_then(|index| index.as_u64())
        .unwrap_or(0);
    match kind.as_deref() {
        Some("content_block_start") => {
            // Deltas go on with what stands here already.
            if let Some(block) = root.get("content_block") {
                for (key, value) in block.members() {
                    piece(&key.text().unwrap_or_default(), value, index, &mut event);
                }
            }
        }
        Some("content_block_delta") => {
            if let Some(delta) = root.get("delta") {
                block_delta(delta, index, &mut event);
            }
        }
        Some("content_block_stop") => {
            event.ends.insert(index);
        }
        Some("message_start") => {
            let usage = root.get("message").and_then(|message| message.get("usage"));
            event.input_tokens = usage.and_then(input_tokens);
            event.output_tokens = usage.and_then(|usage| usage.get("output_tokens")?.as_u64());
        }
        Some("message_delta") => {
            let usage = root.get("usage");
            event.input_tokens = usage.and_then(input_tokens);
            event.output_tokens = usage.and_then(|usage| usage.get("output_tokens")?.as_u64());
        }
        Some("message_stop") => event.last = true,
        Some("error") => event.failed = true,
        _ => {}
    }
    event
}

fn block_delta<'t, 'a>(delta: Value<'t, 'a>, index: u64, event: &mut Event<'t, 'a>) {
    for (key, value) in delta.members() {
        let name = key.text().unwrap_or_default();
        if name != "type" && !piece(&name, value, index, event) {
            stray(value, index, &name, event);
        }
    }
}

/// Takes a member as a piece of a text, if it is one.
fn piece<'t, 'a>(name: &str, value: Value<'t, 'a>, index: u64, event: &mut Event<'t, 'a>) -> bool {
    let (channel, field) = match name {
        "text" => (Channel::Content, "text"),
        "thinking" => (Channel::Reasoning, "thinking"),
        "partial_json" => (Channel::ToolArguments, "partial_json"),
        _ => return false,
    };
    let is_piece = value.kind() == Kind::String;
    if is_piece {
        let lane = Lane {
            index,
            channel,
            call: 0,
            field,
        };
        event.pieces.push((lane, value));
    }
    is_piece
}

/// Prompt tokens, those read from and written to the provider's cache included.
pub(super) fn input_tokens(usage: Value<'_, '_>) -> Option<u64> {
    let count = |name: &str| usage.get(name).and_then(|value| value.as_u64());
    let direct = count("input_tokens")?;
    let cached = count("cache_creation_input_tokens").unwrap_or(0);
    Some(
        direct
            .saturating_add(cached)
            .saturating_add(count("cache_read_input_tokens").unwrap_or(0)),
    )
}

pub(super) fn make_event(lane: Lane, text: &str) -> Vec<u8> {
    let field = lane.field;
    let kind = match lane.channel {
        Channel::Reasoning => "thinking_delta",
        Channel::ToolArguments => "input_json_delta",
        _ => "text_delta",
    };
    let mut w = JsonWriter::with_capacity(128 + text.len());
    w.open().string("type", "content_block_delta");
    w.number("index", i64::try_from(lane.index).unwrap_or(0));
    w.key("delta")
        .open()
        .string("type", kind)
        .string(field, text)
        .close()
        .close();
    [
        b"event: content_block_delta\ndata: ",
        w.finish().as_slice(),
        b"\n\n",
    ]
    .concat()
}
