// SPDX-License-Identifier: Apache-2.0
//! Which context attributes a policy reads, so that only those are built and keyed.

use casemate_types::AccessContext;
use cedar_policy::RestrictedExpression as Value;
use serde_json::Value as Json;

macro_rules! attributes {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// An attribute of [`AccessContext`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Attribute { $($variant,)+ }

        impl Attribute {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

attributes! {
    Alias = "alias", Blocked = "blocked", DataClasses = "data_classes", Dialect = "dialect", Hour = "hour",
    Injection = "injection", Locality = "locality", Purpose = "purpose", Region = "region",
    Risk = "risk", Standing = "standing", Stream = "stream", Strength = "strength", Tokens = "tokens", Tools = "tools",
    Untrusted = "untrusted", Upstream = "upstream",
}

impl Attribute {
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|attribute| attribute.name() == name)
    }

    /// The attribute's value for Cedar.
    pub(crate) fn value(self, context: &AccessContext) -> Value {
        let words = |classes: &[casemate_types::DataClass]| {
            Value::new_set(classes.iter().map(|class| text(class.as_str())))
        };
        match self {
            Self::Alias => text(&context.release.alias),
            Self::Blocked => words(&context.blocked),
            Self::DataClasses => words(&context.data_classes),
            Self::Dialect => text(context.dialect),
            Self::Hour => Value::new_long(context.hour.into()),
            Self::Injection => Value::new_long(context.injection.into()),
            Self::Locality => text(context.locality.as_str()),
            Self::Purpose => text(&context.purpose),
            Self::Region => text(&context.region),
            Self::Risk => Value::new_long(context.risk.into()),
            Self::Standing => {
                let known = context.release.standing.iter();
                Value::new_set(known.map(|standing| text(standing.as_str())))
            }
            Self::Stream => Value::new_bool(context.stream),
            Self::Strength => text(context.strength.as_str()),
            Self::Tokens => Value::new_long(i64::try_from(context.tokens).unwrap_or(i64::MAX)),
            Self::Tools => Value::new_bool(context.tools),
            Self::Untrusted => Value::new_bool(context.untrusted),
            Self::Upstream => text(&context.upstream),
        }
    }

    /// Appends the attribute's value to a cache key, delimited.
    pub(crate) fn key(self, context: &AccessContext, out: &mut Vec<u8>) {
        out.push(self as u8);
        let classes = |classes: &[casemate_types::DataClass], out: &mut Vec<u8>| {
            out.push(u8::try_from(classes.len()).unwrap_or(u8::MAX));
            out.extend(classes.iter().map(|class| *class as u8));
        };
        let string = |text: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        match self {
            Self::Alias => string(&context.release.alias, out),
            Self::Blocked => classes(&context.blocked, out),
            Self::DataClasses => classes(&context.data_classes, out),
            Self::Dialect => string(context.dialect, out),
            Self::Hour => out.push(context.hour),
            Self::Injection => out.extend_from_slice(&context.injection.to_be_bytes()),
            Self::Locality => out.push(context.locality as u8),
            Self::Purpose => string(&context.purpose, out),
            Self::Region => string(&context.region, out),
            Self::Risk => out.push(context.risk),
            Self::Standing => {
                let known = &context.release.standing;
                out.push(u8::try_from(known.len()).unwrap_or(u8::MAX));
                out.extend(known.iter().map(|standing| *standing as u8));
            }
            Self::Stream => out.push(u8::from(context.stream)),
            Self::Strength => out.push(context.strength as u8),
            Self::Tokens => out.extend_from_slice(&context.tokens.to_be_bytes()),
            Self::Tools => out.push(u8::from(context.tools)),
            Self::Untrusted => out.push(u8::from(context.untrusted)),
            Self::Upstream => string(&context.upstream, out),
        }
    }
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

/// The context attributes that a policy, in Cedar's JSON form, reads. A policy that uses the
/// context in any other way than `context.attribute` reads all of them.
pub(crate) fn attributes_read(policy: &Json) -> Vec<Attribute> {
    let mut found = Vec::new();
    if !collect(policy, &mut found) {
        return Attribute::ALL.to_vec();
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// False when the context is used as a whole.
fn collect(node: &Json, found: &mut Vec<Attribute>) -> bool {
    match node {
        Json::Array(items) => items.iter().all(|item| collect(item, found)),
        Json::Object(members) => {
            for access in [".", "has"] {
                if let Some(read) = members.get(access)
                    && is_context(&read["left"])
                {
                    let attribute = read["attr"].as_str().and_then(Attribute::from_name);
                    found.extend(attribute);
                    return attribute.is_some();
                }
            }
            !is_context(node) && members.values().all(|member| collect(member, found))
        }
        _ => true,
    }
}

fn is_context(node: &Json) -> bool {
    node.get("Var").and_then(Json::as_str) == Some("context")
}
