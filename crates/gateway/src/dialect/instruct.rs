// SPDX-License-Identifier: Apache-2.0
//! Instructions of ours, added to those of a request.

use casemate_types::json::escape_body_into;

use super::Endpoint;
use crate::{
    json::{Kind, Value},
    splice::Splices,
};

/// Adds `text` to the system prompt of a request, or gives it one.
pub(crate) fn instruct(
    endpoint: Endpoint,
    root: Value<'_, '_>,
    text: &str,
    splices: &mut Splices,
) -> Option<()> {
    let text = Inserted::new(text);
    match endpoint {
        Endpoint::ChatCompletions => {
            let messages = root.get("messages")?;
            let is_system = |message: &Value<'_, '_>| {
                let role = message.get("role").and_then(|role| role.text());
                matches!(role.as_deref(), Some("system" | "developer"))
            };
            let system = messages.items().find(is_system);
            if let Some(content) = system.and_then(|message| message.get("content"))
                && text.join(content, splices).is_some()
            {
                return Some(());
            }
            text.begin(messages, &text.message(), splices)
        }
        Endpoint::Messages => match root.get("system") {
            Some(system) if system.is_null() => {
                splices.replace(system.span(), text.string().into_bytes());
                Some(())
            }
            Some(system) => text.join(system, splices),
            None => text.begin(root, &format!("\"system\":{}", text.string()), splices),
        },
        // What is embedded is not followed.
        Endpoint::Embeddings => Some(()),
    }
}

/// A text as it stands inside of a JSON string.
struct Inserted(String);

impl Inserted {
    fn new(text: &str) -> Self {
        let mut inside = Vec::with_capacity(text.len() + 8);
        escape_body_into(&mut inside, text);
        Self(String::from_utf8_lossy(&inside).into_owned())
    }

    fn string(&self) -> String {
        format!("\"{}\"", self.0)
    }

    fn part(&self) -> String {
        format!("{{\"type\":\"text\",\"text\":{}}}", self.string())
    }

    fn message(&self) -> String {
        format!("{{\"role\":\"system\",\"content\":{}}}", self.string())
    }

    /// Goes on with a text, or joins a list of them.
    fn join(&self, content: Value<'_, '_>, splices: &mut Splices) -> Option<()> {
        match content.kind() {
            Kind::String => {
                let end = content.inside().end;
                splices.insert(end, format!("\\n\\n{}", self.0).into_bytes());
                Some(())
            }
            Kind::Array => self.begin(content, &self.part(), splices),
            _ => None,
        }
    }

    /// Puts something in at the beginning of a list or object.
    fn begin(&self, list: Value<'_, '_>, first: &str, splices: &mut Splices) -> Option<()> {
        let empty = match list.kind() {
            Kind::Array => list.items().next().is_none(),
            Kind::Object => list.members().next().is_none(),
            _ => return None,
        };
        let comma = if empty { "" } else { "," };
        splices.insert(
            list.span().start + 1,
            format!("{first}{comma}").into_bytes(),
        );
        Some(())
    }
}
