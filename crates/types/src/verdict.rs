// SPDX-License-Identifier: Apache-2.0
//! The door's answer.

use serde::Serialize;

use crate::{DataClass, class::words};

words! {
    /// Yes, no, or prove more first.
    Decision {
        /// The access may happen.
        Allow = "allow",
        /// The access may not happen.
        Deny = "deny",
        /// The access may happen after stronger authentication.
        StepUp = "step_up",
    }
}

/// Something that must be done before or with the effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "do", content = "class", rename_all = "snake_case")]
pub enum Obligation {
    /// Mark text that nobody vouches for, results of tools and documents, so that the model can tell
    /// it from what it is asked.
    Datamark,
    /// Replace findings of the class by reversible surrogates.
    Pseudonymise(DataClass),
    /// Replace findings of the class by marks.
    Redact(DataClass),
}

impl Obligation {
    /// Reads the form that policies use, e.g. `redact:payment` or `datamark`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "datamark" {
            return Some(Self::Datamark);
        }
        let (verb, class) = text.split_once(':')?;
        let class = DataClass::from_word(class.trim())?;
        match verb.trim() {
            "pseudonymise" => Some(Self::Pseudonymise(class)),
            "redact" => Some(Self::Redact(class)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Obligation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Datamark => f.write_str("datamark"),
            Self::Pseudonymise(class) => write!(f, "pseudonymise:{class}"),
            Self::Redact(class) => write!(f, "redact:{class}"),
        }
    }
}

/// Why the door answered as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The determining policy's id, or the name of a built-in rule.
    pub policy: String,
    /// What it says in words, from the policy's `@reason`.
    pub text: String,
}

/// Decision, reasons and obligations of one access. The same value is logged, counted, stored and
/// shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Yes or no.
    pub decision: Decision,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What must be done with it; empty unless allowed.
    pub obligations: Vec<Obligation>,
}

impl Verdict {
    /// A denial by a built-in rule.
    #[must_use]
    pub fn deny(policy: &str, text: &str) -> Self {
        let reason = Reason {
            policy: policy.to_owned(),
            text: text.to_owned(),
        };
        Self {
            decision: Decision::Deny,
            reasons: vec![reason],
            obligations: Vec::new(),
        }
    }
}
