// SPDX-License-Identifier: Apache-2.0
//! Wire formats: where text stands in them.

mod anthropic;
pub(crate) mod cells;
mod errors;
mod instruct;
mod members;
mod number;
mod openai;

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Range,
};

use casemate_types::{Channel, Role};

pub(crate) use errors::{error_body, error_event};
pub(crate) use instruct::instruct;
pub(crate) use members::{has_tokens, tokens};
pub(crate) use number::card_digits;

use crate::json::{Kind, Tape, Value};

/// What is spoken at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/messages`
    Messages,
}

/// Family of wire formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// `OpenAI`.
    OpenAi,
}

impl Dialect {
    /// The word for policies and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }
}

impl Endpoint {
    /// All endpoints that carry content.
    pub const ALL: &'static [Self] = &[Self::ChatCompletions, Self::Embeddings, Self::Messages];

    /// The endpoint of a path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|endpoint| endpoint.path() == path)
    }

    /// Its path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Messages => "/v1/messages",
        }
    }

    /// Its family.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletions | Self::Embeddings => Dialect::OpenAi,
            Self::Messages => Dialect::Anthropic,
        }
    }

    /// The operation in the words of OpenTelemetry's GenAI conventions and of records.
    #[must_use]
    pub const fn operation(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat.completions",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
        }
    }
}

/// A text in a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'t, 'a> {
    pub(crate) value: Value<'t, 'a>,
    pub(crate) role: Role,
    pub(crate) channel: Channel,
    /// A member's name rather than a value: it cannot be edited.
    pub(crate) is_name: bool,
    /// A word of the wire format, an id or an address rather than what somebody says.
    pub(crate) is_word: bool,
    pub(crate) place: Place,
}

/// Whether a string under a member's name is none of the texts that are said.
fn is_word(name: Option<&str>) -> bool {
    let texts = [
        "content",
        "context",
        "data",
        "reasoning",
        "refusal",
        "text",
        "title",
    ];
    name.is_some_and(|name| !texts.contains(&name))
}

/// Where a text stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) field: &'static str,
    pub(crate) index: Option<usize>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", self.field),
            None => f.write_str(self.field),
        }
    }
}

/// A request that was understood.
#[derive(Debug)]
pub(crate) struct Parsed<'t, 'a> {
    pub(crate) model: String,
    pub(crate) model_span: Range<usize>,
    pub(crate) stream: bool,
    pub(crate) max_output: Option<u64>,
    pub(crate) choices: u64,
    pub(crate) tools: bool,
    /// Images, audio or files.
    pub(crate) opaque: bool,
    /// Provider-side state it asks for, by name.
    pub(crate) state: Vec<&'static str>,
    /// Whether the caller asked for usage in the stream, and where the options stand.
    pub(crate) stream_usage: StreamUsage,
    pub(crate) sites: Vec<Site<'t, 'a>>,
}

/// What a request says about usage in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamUsage {
    /// It is asked for, or the wire format always gives it.
    Given,
    /// Nothing is said.
    Absent,
    /// There are options without it; the edit that adds it and keeps the others.
    Edit(Range<usize>, &'static str),
}

/// A request that cannot be taken, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

impl Refused {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Understands a request.
pub(crate) fn parse_request<'t, 'a>(
    endpoint: Endpoint,
    tape: &'t Tape<'a>,
) -> Result<Parsed<'t, 'a>, Refused> {
    let root = tape.root();
    if root.kind() != Kind::Object {
        return Err(Refused::new("the body is not a JSON object"));
    }
    let model = root
        .get("model")
        .filter(|model| model.kind() == Kind::String);
    let model = model.ok_or_else(|| Refused::new("`model` is missing or not a string"))?;
    let name = model.text().unwrap_or_default().into_owned();
    if name.is_empty() || name.len() > 256 {
        return Err(Refused::new("`model` is empty or too long"));
    }
    let stream = match root.get("stream") {
        Some(flag) if flag.is_true() => true,
        Some(flag) if matches!(flag.kind(), Kind::False | Kind::Null) => false,
        None => false,
        Some(_) => return Err(Refused::new("`stream` is neither true nor false")),
    };
    let mut parsed = Parsed {
        model: name,
        model_span: model.span(),
        stream,
        max_output: None,
        choices: 1,
        tools: false,
        opaque: false,
        state: Vec::new(),
        stream_usage: StreamUsage::Given,
        sites: Vec::with_capacity(16),
    };
    match endpoint {
        Endpoint::ChatCompletions => openai::chat(root, &mut parsed)?,
        Endpoint::Embeddings => openai::embeddings(root, &mut parsed)?,
        Endpoint::Messages => anthropic::messages(root, &mut parsed)?,
    }
    Ok(parsed)
}

/// A text of an answer that is not streamed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerSite<'t, 'a> {
    pub(crate) value: Value<'t, 'a>,
    pub(crate) channel: Channel,
    pub(crate) is_name: bool,
}

/// All texts of an answer: every string, known or not.
pub(crate) fn answer_sites<'t, 'a>(tape: &'t Tape<'a>) -> Vec<AnswerSite<'t, 'a>> {
    let mut sites = Vec::with_capacity(16);
    every_string(tape.root(), &mut |value, name, is_name| {
        // Arguments of a tool call are a JSON document inside a string.
        let channel = if name == Some("arguments") {
            Channel::ToolArguments
        } else {
            Channel::Content
        };
        sites.push(AnswerSite {
            value,
            channel,
            is_name,
        });
    });
    sites
}

/// One text of a stream, told apart from the others that arrive between its pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    /// Choice, or content block.
    pub(crate) index: u64,
    pub(crate) channel: Channel,
    /// Tool call within a choice.
    pub(crate) call: u64,
    /// The member that carries the pieces, which may be one of several of a channel.
    pub(crate) field: &'static str,
}

/// What one event of a stream says.
#[derive(Debug, Default)]
pub(crate) struct Event<'t, 'a> {
    /// Pieces of texts.
    pub(crate) pieces: Vec<(Lane, Value<'t, 'a>)>,
    /// Choices or blocks that end with this event.
    pub(crate) ends: BTreeSet<u64>,
    /// Everything else that is text, and whether it is the name of a member.
    pub(crate) others: Vec<(Value<'t, 'a>, bool)>,
    /// Those of `others` that may go on in the next event, with the choice or block and the hash of the
    /// name they stand under: members of a delta that no rule knows.
    pub(crate) strays: Vec<(u64, u64, Value<'t, 'a>)>,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    /// The event carries usage and nothing else.
    pub(crate) only_usage: bool,
    /// The stream is complete.
    pub(crate) last: bool,
    /// The upstream reports an error.
    pub(crate) failed: bool,
}

/// Understands an event of a stream.
pub(crate) fn parse_event<'t, 'a>(dialect: Dialect, tape: &'t Tape<'a>) -> Event<'t, 'a> {
    let root = tape.root();
    let mut event = match dialect {
        Dialect::OpenAi => openai::event(root),
        Dialect::Anthropic => anthropic::event(root),
    };
    // By what is left over rather than by rules, so that no shape of an event hides a text.
    let Event { pieces, others, .. } = &mut event;
    // INVARIANT: pieces stand in the order of the document, so one look at the next of them tells. A
    // piece out of order would be edited twice, which splices refuse.
    let mut pieces = pieces.iter().peekable();
    every_string(root, &mut |text, _, is_name| {
        if pieces.next_if(|(_, piece)| piece.is(&text)).is_none() {
            others.push((text, is_name));
        }
    });
    event
}

/// Notes every text below a member of a delta that no rule knows.
fn stray<'t, 'a>(value: Value<'t, 'a>, index: u64, name: &str, event: &mut Event<'t, 'a>) {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let name = hasher.finish();
    every_string(value, &mut |text, _, is_name| {
        if !is_name {
            event.strays.push((index, name, text));
        }
    });
}

/// An event that carries `text` in a lane, made from scratch; `like` is the data of the last event.
pub(crate) fn make_event(dialect: Dialect, lane: Lane, text: &str, like: &[u8]) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai::make_event(lane, text, like),
        Dialect::Anthropic => anthropic::make_event(lane, text),
    }
}

/// Tokens of an answer that is not streamed: prompt and completion.
pub(crate) fn usage_of(dialect: Dialect, tape: &Tape<'_>) -> (Option<u64>, Option<u64>) {
    let Some(usage) = tape.root().get("usage") else {
        return (None, None);
    };
    let count = |name: &str| usage.get(name).and_then(|value| value.as_u64());
    match dialect {
        Dialect::OpenAi => (count("prompt_tokens"), count("completion_tokens")),
        Dialect::Anthropic => (anthropic::input_tokens(usage), count("output_tokens")),
    }
}

/// Calls `visit` for every string below a value, names of members included, with the name of the
/// member a string is the value of; and for numbers that may be those of cards, which can be edited as
/// little as names.
pub(crate) fn every_string<'t, 'a>(
    value: Value<'t, 'a>,
    visit: &mut dyn FnMut(Value<'t, 'a>, Option<&str>, bool),
) {
    walk(value, None, visit);
}

fn walk<'t, 'a>(
    value: Value<'t, 'a>,
    name: Option<&str>,
    visit: &mut dyn FnMut(Value<'t, 'a>, Option<&str>, bool),
) {
    // INVARIANT: the parser bounds the depth, so recursion is bounded too.
    match value.kind() {
        Kind::String => visit(value, name, false),
        Kind::Array => value.items().for_each(|item| walk(item, name, visit)),
        Kind::Object => {
            for (key, member) in value.members() {
                let text = key.text().unwrap_or_default();
                if may_hold(&text) {
                    visit(key, None, true);
                }
                walk(member, Some(&text), visit);
            }
        }
        Kind::Number if card_digits(value).is_some() => visit(value, name, true),
        Kind::False | Kind::Null | Kind::Number | Kind::True => {}
    }
}

/// Whether a member's name can hold anything a detector looks for: not when it is short and has
/// none of the characters of an address, nor when it is a word of the wire formats.
fn may_hold(name: &str) -> bool {
    let short = name.len() < 8 && !name.bytes().any(|byte| matches!(byte, b'@' | b'.' | b':'));
    !short && !WORDS.contains(&name)
}

/// Names in nearly every request, answer or event.
const WORDS: &[&str] = &[
    "arguments",
    "cache_control",
    "completion_tokens",
    "content_block",
    "description",
    "embedding",
    "finish_reason",
    "function",
    "image_url",
    "input_tokens",
    "logprobs",
    "messages",
    "output_tokens",
    "parameters",
    "prompt_tokens",
    "properties",
    "reasoning_content",
    "required",
    "service_tier",
    "signature",
    "stop_reason",
    "stop_sequence",
    "system_fingerprint",
    "temperature",
    "thinking",
    "tool_calls",
    "tool_use_id",
    "total_tokens",
];
