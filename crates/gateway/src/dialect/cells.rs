// SPDX-License-Identifier: Apache-2.0
//! The content matrix: every place of every wire format where a text can stand, as data.
//!
//! Tests plant something in each place and prove that it does not get through. A place that is not
//! in [`CELLS`] must stand in [`ABSENT`] with the reason why there is none.

use casemate_types::{Channel, Direction};

use super::Endpoint::{self, ChatCompletions, Embeddings, Messages};

/// Where the text goes in a document.
pub const HOLE: &str = "§";

/// What happens to a text in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is edited, in streams over the borders of events too.
    Edited,
    /// It may go on in the next event, where it can be stopped but not edited; what stands in one
    /// event is edited.
    Followed,
    /// It cannot be edited: whatever would have to be refuses the request or withholds the answer.
    Name,
    /// It stands in one event and is edited there.
    Single,
}

/// What a document is.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A request, plain and, where there are streams, streamed.
    Request,
    /// An event of a streamed answer.
    Stream {
        /// Events before it.
        before: &'static [&'static str],
        /// Events after it.
        after: &'static [&'static str],
        /// Where the text stands in the event.
        pointer: &'static str,
    },
    /// An answer as a whole.
    Whole,
}

/// One place.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Which address.
    pub endpoint: Endpoint,
    /// Which channel of it.
    pub channel: Channel,
    /// Which place of the channel.
    pub name: &'static str,
    /// What happens there.
    pub fate: Fate,
    /// What the document is.
    pub shape: Shape,
    /// The document, with [`HOLE`] where the text goes.
    pub document: &'static str,
    /// How many documents the text stands in, one inside the other: 2 for arguments of tools.
    pub depth: usize,
}

impl Cell {
    const fn new(
        endpoint: Endpoint,
        channel: Channel,
        name: &'static str,
        shape: Shape,
        document: &'static str,
    ) -> Self {
        Self {
            endpoint,
            channel,
            name,
            fate: Fate::Edited,
            shape,
            document,
            depth: 1,
        }
    }

    const fn fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    const fn nested(self) -> Self {
        Self { depth: 2, ..self }
    }

    /// Which way its document travels.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match self.shape {
            Shape::Request => Direction::Input,
            Shape::Stream { .. } | Shape::Whole => Direction::Output,
        }
    }

    /// Whether it stands for a streamed, a plain, or both kinds of exchange.
    #[must_use]
    pub const fn covers(&self, stream: bool) -> bool {
        match self.shape {
            Shape::Request => !stream || !matches!(self.endpoint, Embeddings),
            Shape::Stream { .. } => stream,
            Shape::Whole => !stream,
        }
    }
}

/// A combination that does not exist; `None` stands for all.
#[derive(Debug, Clone, Copy)]
pub struct Absent {
    /// Which address.
    pub endpoint: Endpoint,
    /// Which way.
    pub direction: Option<Direction>,
    /// Plain or streamed.
    pub stream: Option<bool>,
    /// Which channel.
    pub channel: Option<Channel>,
    /// Why there is none.
    pub why: &'static str,
}

const fn absent(
    endpoint: Endpoint,
    direction: Option<Direction>,
    stream: Option<bool>,
    channel: Option<Channel>,
    why: &'static str,
) -> Absent {
    Absent {
        endpoint,
        direction,
        stream,
        channel,
        why,
    }
}

use Channel::{Content, Reasoning, Refusal, Structure, ToolArguments, ToolResult};
use Direction::{Input, Output};

/// Combinations that do not exist.
pub const ABSENT: &[Absent] = &[
    absent(
        ChatCompletions,
        Some(Output),
        None,
        Some(ToolResult),
        "the model never gives results of tools",
    ),
    absent(
        Embeddings,
        None,
        Some(true),
        None,
        "embeddings are not streamed",
    ),
    absent(
        Embeddings,
        Some(Output),
        None,
        Some(Content),
        "vectors are numbers",
    ),
    absent(
        Embeddings,
        None,
        None,
        Some(Reasoning),
        "there is no model that speaks",
    ),
    absent(
        Embeddings,
        None,
        None,
        Some(Refusal),
        "there is no model that speaks",
    ),
    absent(
        Embeddings,
        None,
        None,
        Some(ToolArguments),
        "there are no tools",
    ),
    absent(
        Embeddings,
        None,
        None,
        Some(ToolResult),
        "there are no tools",
    ),
    absent(
        Messages,
        Some(Input),
        None,
        Some(ToolArguments),
        "arguments are part of the document and stand under structure",
    ),
    absent(
        Messages,
        None,
        None,
        Some(Refusal),
        "refusals are ordinary text",
    ),
];

macro_rules! cells {
    ($($endpoint:ident $shape:ident { $($channel:ident $name:literal = $document:literal $(. $method:ident ( $($arg:expr)? ))* ;)+ })+) => {
        &[$($(
            Cell::new($endpoint, $channel, $name, $shape, $document)$(.$method($($arg)?))*,
        )+)+]
    };
}

const REQUEST: Shape = Shape::Request;
const WHOLE: Shape = Shape::Whole;

/// Places in requests and in answers as a whole.
const DOCUMENTS: &[Cell] = cells! {
    ChatCompletions REQUEST {
        Content "user text" = r#"{"model":"gpt","messages":[{"role":"user","content":"to § now"}]}"#;
        Content "text part" = r#"{"model":"gpt","messages":[{"role":"user","content":[{"type":"text","text":"to § now"}]}]}"#;
        Content "second message" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"to § now"},{"role":"user","content":"b"}]}"#;
        Content "system prompt" = r#"{"model":"gpt","messages":[{"role":"system","content":"to § now"},{"role":"user","content":"a"}]}"#;
        Content "developer prompt" = r#"{"model":"gpt","messages":[{"role":"developer","content":[{"type":"text","text":"to § now"}]},{"role":"user","content":"a"}]}"#;
        Reasoning "reasoning_content" = r#"{"model":"gpt","messages":[{"role":"assistant","reasoning_content":"to § now","content":"x"},{"role":"user","content":"a"}]}"#;
        Reasoning "reasoning" = r#"{"model":"gpt","messages":[{"role":"assistant","reasoning":"to § now","content":"x"},{"role":"user","content":"a"}]}"#;
        Refusal "refusal" = r#"{"model":"gpt","messages":[{"role":"assistant","refusal":"to § now"},{"role":"user","content":"a"}]}"#;
        Refusal "refusal part" = r#"{"model":"gpt","messages":[{"role":"assistant","content":[{"type":"refusal","refusal":"to § now"}]},{"role":"user","content":"a"}]}"#;
        ToolArguments "tool call" = r#"{"model":"gpt","messages":[{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"mail","arguments":"{\"to\":\"§\",\"n\":[1]}"}}]},{"role":"tool","tool_call_id":"c1","content":"ok"}]}"# .nested();
        ToolArguments "a member's name in a tool call" = r#"{"model":"gpt","messages":[{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"mail","arguments":"{\"§\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"ok"}]}"# .nested().fate(Fate::Name);
        ToolArguments "text for a custom tool" = r#"{"model":"gpt","messages":[{"role":"assistant","tool_calls":[{"id":"c1","type":"custom","custom":{"name":"mail","input":"to § now"}}]},{"role":"tool","tool_call_id":"c1","content":"ok"}]}"#;
        ToolArguments "function call" = r#"{"model":"gpt","messages":[{"role":"assistant","function_call":{"name":"mail","arguments":"{\"to\":\"§\"}"}},{"role":"function","name":"mail","content":"ok"}]}"# .nested();
        ToolResult "tool result" = r#"{"model":"gpt","messages":[{"role":"tool","tool_call_id":"c1","content":"to § now"}]}"#;
        ToolResult "tool result in parts" = r#"{"model":"gpt","messages":[{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"to § now"}]}]}"#;
        ToolResult "function result" = r#"{"model":"gpt","messages":[{"role":"function","name":"f","content":"to § now"}]}"#;
        Structure "tool description" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"mail","description":"to § now","parameters":{"type":"object"}}}]}"#;
        Structure "tool schema" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"mail","parameters":{"type":"object","properties":{"to":{"enum":["§"]}}}}}]}"#;
        Structure "a member's name in a tool schema" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"mail","parameters":{"properties":{"§":{}}}}}]}"# .fate(Fate::Name);
        Structure "function definition" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"functions":[{"name":"mail","description":"to § now"}]}"#;
        Structure "structured output" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"description":"to § now"}}}}"#;
        Structure "tool call id" = r#"{"model":"gpt","messages":[{"role":"tool","tool_call_id":"§","content":"a"}]}"#;
        Structure "name of a speaker" = r#"{"model":"gpt","messages":[{"role":"user","name":"§","content":"a"}]}"#;
        Structure "user" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"user":"§"}"#;
        Structure "metadata" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"metadata":{"who":"§"}}"#;
        Structure "stop" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"stop":["§"]}"#;
        Structure "prediction" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"prediction":{"type":"content","content":"to § now"}}"#;
        Structure "stream options" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"stream_options":{"x":"§"}}"#;
        Structure "unknown field" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"later":[{"deep":["§"]}]}"#;
        Structure "unknown field of a message" = r#"{"model":"gpt","messages":[{"role":"user","content":"a","later":{"deep":"§"}}]}"#;
        Structure "unknown member's name" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"§":1}"# .fate(Fate::Name);
        Structure "unknown member's name in a message" = r#"{"model":"gpt","messages":[{"role":"user","content":"a","§":1}]}"# .fate(Fate::Name);
        Structure "unknown member's name in a part" = r#"{"model":"gpt","messages":[{"role":"user","content":[{"type":"text","text":"a","§":1}]}]}"# .fate(Fate::Name);
        Structure "member's name in stream options" = r#"{"model":"gpt","messages":[{"role":"user","content":"a"}],"stream_options":{"§":1}}"# .fate(Fate::Name);
    }
    ChatCompletions WHOLE {
        Content "text" = r#"{"id":"c","object":"chat.completion","model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"to § now"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":5}}"#;
        Content "second choice" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"to § now"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":5}}"#;
        Content "structured output" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"{\"to\":\"§\"}"},"finish_reason":"stop"}]}"#;
        Reasoning "reasoning_content" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"to § now","content":"x"},"finish_reason":"stop"}]}"#;
        Refusal "refusal" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"to § now"},"finish_reason":"stop"}]}"#;
        ToolArguments "tool call" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"mail","arguments":"{\"to\":\"§\"}"}}]},"finish_reason":"tool_calls"}]}"# .nested();
        ToolArguments "second tool call" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"mail","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"mail","arguments":"{\"to\":[{\"x\":\"§\"}]}"}}]},"finish_reason":"tool_calls"}]}"# .nested();
        ToolArguments "function call" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","function_call":{"name":"mail","arguments":"{\"to\":\"§\"}"}},"finish_reason":"function_call"}]}"# .nested();
        ToolArguments "text for a custom tool" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"c1","type":"custom","custom":{"name":"mail","input":"to § now"}}]},"finish_reason":"tool_calls"}]}"#;
        Structure "annotation" = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x","annotations":[{"url_citation":{"title":"to § now"}}]},"finish_reason":"stop"}]}"#;
        Structure "unknown field" = r#"{"id":"c","choices":[],"later":["§"]}"#;
        Structure "unknown member's name" = r#"{"id":"c","choices":[],"§":1}"# .fate(Fate::Name);
    }
    Embeddings REQUEST {
        Content "text" = r#"{"model":"gpt","input":"to § now"}"#;
        Content "list of texts" = r#"{"model":"gpt","input":["a","to § now"]}"#;
        Structure "user" = r#"{"model":"gpt","input":"a","user":"§"}"#;
        Structure "unknown field" = r#"{"model":"gpt","input":"a","later":{"deep":["§"]}}"#;
        Structure "unknown member's name" = r#"{"model":"gpt","input":"a","§":1}"# .fate(Fate::Name);
    }
    Embeddings WHOLE {
        Structure "unknown field" = r#"{"object":"list","data":[{"index":0,"embedding":[0.5],"later":"§"}],"usage":{"prompt_tokens":1}}"#;
        Structure "unknown member's name" = r#"{"object":"list","data":[{"index":0,"embedding":[0.5],"§":1}]}"# .fate(Fate::Name);
    }
    Messages REQUEST {
        Content "user text" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"to § now"}]}"#;
        Content "text block" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"text","text":"to § now"}]}]}"#;
        Content "system prompt" = r#"{"model":"claude","max_tokens":50,"system":"to § now","messages":[{"role":"user","content":"a"}]}"#;
        Content "system blocks" = r#"{"model":"claude","max_tokens":50,"system":[{"type":"text","text":"to § now"}],"messages":[{"role":"user","content":"a"}]}"#;
        Reasoning "thinking" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"to § now","signature":"x"}]}]}"#;
        ToolResult "tool result" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"to § now"}]}]}"#;
        ToolResult "tool result in blocks" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"to § now"}]}]}]}"#;
        ToolResult "search result" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"search_result","source":"x","title":"to § now","content":[]}]}]}"#;
        ToolResult "document" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"to § now"}}]}]}"#;
        Structure "tool call" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"mail","input":{"to":["§"]}}]}]}"#;
        Structure "a member's name in a tool call" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"mail","input":{"§":1}}]}]}"# .fate(Fate::Name);
        Structure "tool description" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"mail","description":"to § now","input_schema":{"type":"object"}}]}"#;
        Structure "a member's name in a tool schema" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"mail","input_schema":{"properties":{"§":{}}}}]}"# .fate(Fate::Name);
        Structure "metadata" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"metadata":{"user_id":"§"}}"#;
        Structure "stop sequence" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"stop_sequences":["§"]}"#;
        Structure "structured output" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"output_config":{"format":{"schema":{"description":"to § now"}}}}"#;
        Structure "unknown field" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"later":{"deep":["§"]}}"#;
        Structure "unknown field of a message" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a","later":"§"}]}"#;
        Structure "unknown member's name" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a"}],"§":1}"# .fate(Fate::Name);
        Structure "unknown member's name in a message" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"a","§":1}]}"# .fate(Fate::Name);
        Structure "unknown member's name in a tool result" = r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a","§":1}]}]}"# .fate(Fate::Name);
    }
    Messages WHOLE {
        Content "text" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"to § now"}],"usage":{"input_tokens":5,"output_tokens":5}}"#;
        Content "second block" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"x"},{"type":"text","text":"to § now"}],"usage":{"input_tokens":5,"output_tokens":5}}"#;
        Content "structured output" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"{\"to\":\"§\"}"}]}"#;
        Reasoning "thinking" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"to § now","signature":"x"}]}"#;
        ToolArguments "tool call" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t1","name":"mail","input":{"to":["§"]}}]}"#;
        ToolResult "result of a hosted tool" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"web_search_tool_result","tool_use_id":"t1","content":[{"title":"to § now"}]}]}"#;
        Structure "citation" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"x","citations":[{"cited_text":"to § now"}]}]}"#;
        Structure "unknown field" = r#"{"id":"m","type":"message","role":"assistant","content":[],"later":["§"]}"#;
        Structure "unknown member's name" = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t1","name":"mail","input":{"§":1}}]}"# .fate(Fate::Name);
    }
};

/// The last events of a chat, with the choice's reason.
const CHAT_END: &[&str] = &[
    r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    r#"{"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":5}}"#,
    "[DONE]",
];
const CHAT: Shape = chat("/choices/0/delta/content");
const CHAT_REASONING: Shape = chat("/choices/0/delta/reasoning");
const CHAT_REASONING_CONTENT: Shape = chat("/choices/0/delta/reasoning_content");
const CHAT_REFUSAL: Shape = chat("/choices/0/delta/refusal");
const CHAT_STRAY: Shape = chat("/choices/0/delta/later");
const CHAT_STRAY_PART: Shape = chat("/choices/0/delta/reasoning_details/0/text");
const CHAT_ROOT: Shape = chat("/later");
const CHAT_SECOND: Shape = Shape::Stream {
    before: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"x AKIA"},"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"other "},"finish_reason":null}]}"#,
    ],
    after: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":" tail"},"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ],
    pointer: "/choices/0/delta/content",
};
const CHAT_JSON: Shape = Shape::Stream {
    before: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"{\"to\":\""},"finish_reason":null}]}"#,
    ],
    after: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"\"}"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ],
    pointer: "/choices/0/delta/content",
};
const CHAT_TOOL: Shape = Shape::Stream {
    before: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"mail","arguments":""}}]},"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"to\":\""}}]},"finish_reason":null}]}"#,
    ],
    after: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"}"}}]},"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ],
    pointer: "/choices/0/delta/tool_calls/0/function/arguments",
};
const CHAT_CUSTOM: Shape = Shape::Stream {
    before: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"custom","custom":{"name":"mail","input":"to "}}]},"finish_reason":null}]}"#,
    ],
    after: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ],
    pointer: "/choices/0/delta/tool_calls/0/custom/input",
};
const CHAT_CALL: Shape = Shape::Stream {
    before: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"function_call":{"name":"mail","arguments":"{\"to\":\""}},"finish_reason":null}]}"#,
    ],
    after: &[
        r#"{"id":"c","choices":[{"index":0,"delta":{"function_call":{"arguments":"\"}"}},"finish_reason":"function_call"}]}"#,
        "[DONE]",
    ],
    pointer: "/choices/0/delta/function_call/arguments",
};

const fn chat(pointer: &'static str) -> Shape {
    Shape::Stream {
        before: &[
            r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        ],
        after: CHAT_END,
        pointer,
    }
}

const TEXT: Shape = message(
    "/delta/text",
    &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#],
);
const TEXT_BEGUN: Shape = message("/content_block/text", &[r#"{"type":"ping"}"#]);
const THINKING: Shape = message(
    "/delta/thinking",
    &[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
    ],
);
const INPUT_JSON: Shape = message(
    "/delta/partial_json",
    &[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"mail","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"to\":\""}}"#,
    ],
);
const CITATION: Shape = message(
    "/delta/citation/cited_text",
    &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#],
);
const HOSTED: Shape = message("/content_block/content/0/title", &[]);
const LATER: Shape = message(
    "/later",
    &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#],
);

const MESSAGE_END: &[&str] = &[
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#,
    r#"{"type":"message_stop"}"#,
];

const fn message(pointer: &'static str, before: &'static [&'static str]) -> Shape {
    Shape::Stream {
        before,
        after: MESSAGE_END,
        pointer,
    }
}

/// Places in streamed answers.
const EVENTS: &[Cell] = cells! {
    ChatCompletions CHAT { Content "text" = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"§"},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_SECOND { Content "second choice" = r#"{"id":"c","choices":[{"index":1,"delta":{"content":"§"},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_JSON { Content "structured output" = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"§"},"finish_reason":""}]}"#; }
    ChatCompletions CHAT_REASONING { Reasoning "reasoning" = r#"{"id":"c","choices":[{"index":0,"delta":{"reasoning":"§"},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_REASONING_CONTENT { Reasoning "reasoning_content" = r#"{"id":"c","choices":[{"index":0,"delta":{"reasoning_content":"§"},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_REFUSAL { Refusal "refusal" = r#"{"id":"c","choices":[{"index":0,"delta":{"refusal":"§"},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_TOOL { ToolArguments "tool call" = r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"§"}}]},"finish_reason":null}]}"# .nested(); }
    ChatCompletions CHAT_CUSTOM { ToolArguments "text for a custom tool" = r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"input":"§"}}]},"finish_reason":null}]}"#; }
    ChatCompletions CHAT_CALL { ToolArguments "function call" = r#"{"id":"c","choices":[{"index":0,"delta":{"function_call":{"arguments":"§"}},"finish_reason":null}]}"# .nested(); }
    ChatCompletions CHAT_STRAY { Structure "unknown member of a delta" = r#"{"id":"c","choices":[{"index":0,"delta":{"later":"§"},"finish_reason":null}]}"# .fate(Fate::Followed); }
    ChatCompletions CHAT_STRAY_PART { Structure "part of an unknown member of a delta" = r#"{"id":"c","choices":[{"index":0,"delta":{"reasoning_details":[{"text":"§"}]},"finish_reason":null}]}"# .fate(Fate::Followed); }
    ChatCompletions CHAT_ROOT {
        Structure "unknown field" = r#"{"id":"c","choices":[],"later":"§"}"# .fate(Fate::Single);
        Structure "unknown field of usage" = r#"{"id":"c","choices":[],"usage":{"later":"§"}}"# .fate(Fate::Single);
        Structure "unknown field of a choice" = r#"{"id":"c","choices":[{"index":0,"delta":{},"later":"§","finish_reason":null}]}"# .fate(Fate::Single);
        Structure "choices of another kind" = r#"{"id":"c","choices":"§"}"# .fate(Fate::Single);
        Structure "a choice of another kind" = r#"{"id":"c","choices":["§"]}"# .fate(Fate::Single);
        Structure "a delta of another kind" = r#"{"id":"c","choices":[{"index":0,"delta":"§"}]}"# .fate(Fate::Single);
        Structure "tool calls of another kind" = r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":"§"}}]}"# .fate(Fate::Single);
        Structure "a function of another kind" = r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":"§"}]}}]}"# .fate(Fate::Single);
        Structure "an event of another kind" = r#"["§"]"# .fate(Fate::Single);
        Structure "unknown member's name" = r#"{"id":"c","choices":[],"§":1}"# .fate(Fate::Name);
        Structure "unknown member's name in a choice" = r#"{"id":"c","choices":[{"index":0,"§":1}]}"# .fate(Fate::Name);
        Structure "unknown member's name in a delta" = r#"{"id":"c","choices":[{"index":0,"delta":{"§":1}}]}"# .fate(Fate::Name);
        Structure "unknown member's name in a tool call" = r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"§":1}]}}]}"# .fate(Fate::Name);
    }
    Messages TEXT { Content "text" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"§"}}"#; }
    Messages TEXT_BEGUN { Content "text at the start of a block" = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"§"}}"#; }
    Messages THINKING { Reasoning "thinking" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"§"}}"#; }
    Messages INPUT_JSON { ToolArguments "tool call" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"§"}}"# .nested(); }
    Messages HOSTED { ToolResult "result of a hosted tool" = r#"{"type":"content_block_start","index":0,"content_block":{"type":"web_search_tool_result","content":[{"title":"§"}]}}"# .fate(Fate::Single); }
    Messages CITATION { Structure "citation" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"cited_text":"§"}}}"# .fate(Fate::Followed); }
    Messages LATER {
        Structure "unknown field beside a delta" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"},"later":"§"}"# .fate(Fate::Single);
        Structure "unknown field beside an end" = r#"{"type":"content_block_stop","index":7,"later":"§"}"# .fate(Fate::Single);
        Structure "a delta of another kind" = r#"{"type":"content_block_delta","index":0,"delta":"§"}"# .fate(Fate::Single);
        Structure "an unknown event" = r#"{"type":"later","later":"§"}"# .fate(Fate::Single);
        Structure "an event of another kind" = r#"["§"]"# .fate(Fate::Single);
        Structure "unknown member's name in a delta" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","§":1}}"# .fate(Fate::Name);
        Structure "unknown member's name beside a delta" = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"},"§":1}"# .fate(Fate::Name);
    }
};

/// All places.
pub fn cells() -> impl Iterator<Item = &'static Cell> {
    DOCUMENTS.iter().chain(EVENTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialect::{parse_event, parse_request},
        json::Tape,
    };

    /// What the table says about channels is what the parsers say.
    #[test]
    fn places_are_where_the_parsers_see_them() {
        for cell in cells() {
            let context = format!("{:?} {} {}", cell.endpoint, cell.channel, cell.name);
            assert_eq!(cell.document.matches(HOLE).count(), 1, "{context}");
            let document = cell.document.replace(HOLE, "zzzzzzzzzz");
            let tape = Tape::parse(document.as_bytes()).expect(&context);
            let holds = |text: Option<std::borrow::Cow<'_, str>>| {
                text.is_some_and(|text| text.contains("zzzzzzzzzz"))
            };
            match cell.shape {
                Shape::Request => {
                    let parsed = parse_request(cell.endpoint, &tape).expect(&context);
                    let sites: Vec<_> = parsed
                        .sites
                        .iter()
                        .filter(|site| holds(site.value.text()))
                        .collect();
                    assert_eq!(sites.len(), 1, "{context}");
                    let named = cell.fate == Fate::Name && cell.depth == 1;
                    assert_eq!(sites[0].is_name, named, "{context}");
                    if !named {
                        assert_eq!(sites[0].channel, cell.channel, "{context}");
                    }
                }
                Shape::Stream { .. } => {
                    let event = parse_event(cell.endpoint.dialect(), &tape);
                    let lane = event
                        .pieces
                        .iter()
                        .find(|(_, value)| holds(value.text()))
                        .map(|(lane, _)| lane.channel);
                    let edited = cell.fate == Fate::Edited;
                    assert_eq!(lane, edited.then_some(cell.channel), "{context}");
                    let followed = event.strays.iter().any(|(_, _, v)| holds(v.text()));
                    assert!(followed || cell.fate != Fate::Followed, "{context}");
                    let others = event.others.iter().any(|(value, _)| holds(value.text()));
                    assert_ne!(others, edited, "{context}");
                }
                Shape::Whole => {}
            }
        }
    }
}
