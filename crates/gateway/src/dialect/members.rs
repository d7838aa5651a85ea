// SPDX-License-Identifier: Apache-2.0
//! Members of requests and answers that get around what is done here, by name.
//!
//! Members that nobody knows pass when nothing is found in them: providers and servers add some every
//! month, and clients send them. What they ask for is not trusted for that: answers are withheld when
//! they have text in a form that cannot be guarded, whoever asked for it.

use casemate_types::{Problem, ProblemCode};

use super::{Parsed, Refused};
use crate::json::{Kind, Value};

/// Members that make a provider keep, fetch or assemble content out of our sight, or answer with another
/// model, or from another place, than the route says.
const STATE: &[&str] = &[
    "api_base",
    "api_key",
    "audio",
    "background",
    "base_url",
    "chat_template",
    "conversation",
    "enable_search",
    "fallbacks",
    "input_ids",
    "kv_transfer_params",
    "logits_processors",
    "models",
    "plugins",
    "preset",
    "previous_response_id",
    "prompt",
    "prompt_embeds",
    "prompt_id",
    "prompt_token_ids",
    "provider",
    "search_parameters",
    "store",
    "web_search_options",
];

/// Members that ask for text in pieces or numbers of its tokens, or for the prompt.
const ASKS: &[&str] = &[
    "echo",
    "logprob_token_ids",
    "logprobs",
    "n_probs",
    "post_sampling_probs",
    "prompt_logprobs",
    "return_hidden_states",
    "return_logprob",
    "return_token_ids",
    "return_tokens",
    "return_tokens_as_token_ids",
];

/// Members in which answers have it.
const GIVES: &[&str] = &[
    "completion_probabilities",
    "hidden_states",
    "logprobs",
    "prompt_logprobs",
    "prompt_token_ids",
    "token_ids",
    "top_logprobs",
];

/// Notes a member that is state of the provider, and refuses one that asks for tokens.
pub(super) fn check(
    name: &str,
    value: Value<'_, '_>,
    parsed: &mut Parsed<'_, '_>,
) -> Result<(), Refused> {
    if is_off(value) {
        return Ok(());
    }
    let is_none = name == "n_probs" && value.as_u64() == Some(0);
    if ASKS.contains(&name) && !is_none {
        return Err(Refused::new(format!(
            "`{name}` makes the upstream answer in a form that cannot be guarded, token by token; \
             leave it out"
        )));
    }
    let state = STATE.iter().filter(|field| **field == name);
    parsed.state.extend(state);
    Ok(())
}

fn is_off(value: Value<'_, '_>) -> bool {
    let is_empty = value.kind() == Kind::Array && value.items().next().is_none();
    matches!(value.kind(), Kind::False | Kind::Null) || is_empty
}

/// Where an answer or event that is no embedding has text token by token, or numbers that may be tokens:
/// lists of numbers, but for those that go into tools.
pub(crate) fn tokens(value: Value<'_, '_>) -> Option<&'static str> {
    match value.kind() {
        Kind::Array => {
            let is_number = |item: Value<'_, '_>| item.kind() == Kind::Number;
            match value.items().any(is_number) {
                true => Some("a list of numbers"),
                false => value.items().find_map(tokens),
            }
        }
        Kind::Object => value.members().find_map(|(key, member)| {
            let name = key.text().unwrap_or_default();
            if name == "input" && is_tool_use(value) {
                return None;
            }
            let given = GIVES.iter().copied().find(|given| *given == name);
            match given {
                Some(given) if !is_nothing(member) => Some(given),
                _ if name == "tokens" && holds_text(member) => Some("tokens"),
                _ => tokens(member),
            }
        }),
        _ => None,
    }
}

/// What is told about such an answer.
pub(crate) fn has_tokens(what: &str) -> Problem {
    let text =
        format!("the upstream's answer has {what}, which cannot be guarded, and was withheld");
    Problem::new(ProblemCode::GuardBlocked, text)
        .hint("an operator must switch it off at the upstream")
}

/// Whether an object calls a tool: what its input is, only the tool knows.
fn is_tool_use(value: Value<'_, '_>) -> bool {
    let kind = value.get("type").and_then(|kind| kind.text());
    kind.is_some_and(|kind| kind.ends_with("tool_use"))
}

/// Nothing, or only members that have nothing.
fn is_nothing(value: Value<'_, '_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Array => value.items().all(is_nothing),
        Kind::Object => value.members().all(|(_, member)| is_nothing(member)),
        _ => false,
    }
}

fn holds_text(value: Value<'_, '_>) -> bool {
    value.kind() == Kind::Array && !value.items().all(is_nothing)
}
