// SPDX-License-Identifier: Apache-2.0
//! What a pickle imports, and what it does with it.

use super::value::Value;

/// How something imported is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// With its initialiser, or as a function.
    Call,
    /// Without: `cls.__new__(cls, …)`.
    New,
}

/// A module and a name in it.
#[derive(Debug, Clone)]
pub(super) struct Global {
    pub(super) module: Box<str>,
    pub(super) name: Box<str>,
    /// Where it is imported first.
    pub(super) at: usize,
    /// Where it is called first.
    pub(super) called: Option<usize>,
    /// Where it is made first without its initialiser.
    pub(super) made: Option<usize>,
    /// Whether it was called to read a member of an object, which is harmless.
    pub(super) only_reads: bool,
    /// Different first arguments that it was given, with the place of the call.
    pub(super) firsts: Vec<(usize, Option<Value>)>,
    /// Globals and computed values among all arguments that it was given, with the place of the call.
    pub(super) given: Vec<(usize, Value)>,
    /// Where it was called with arguments that nobody can tell.
    pub(super) spread: Option<usize>,
}

impl Global {
    pub(super) fn new(module: &str, name: &str, at: usize) -> Self {
        Self {
            module: module.into(),
            name: name.into(),
            at,
            called: None,
            made: None,
            only_reads: false,
            firsts: Vec::new(),
            given: Vec::new(),
            spread: None,
        }
    }

    /// Notes a use; without arguments when they are computed.
    pub(super) fn used(&mut self, how: Use, at: usize, arguments: Option<&[Value]>) {
        match how {
            Use::Call => self.called.get_or_insert(at),
            Use::New => self.made.get_or_insert(at),
        };
        if how == Use::New {
            return;
        }
        let Some(arguments) = arguments else {
            self.spread.get_or_insert(at);
            return;
        };
        let first = arguments.first().copied().map(simplified);
        if !self.firsts.iter().any(|(_, known)| *known == first) {
            self.firsts.push((at, first));
        }
        let telling = |value: &&Value| matches!(value, Value::Global(_) | Value::Unknown);
        for value in arguments.iter().filter(telling).take(GIVEN) {
            let is_known = self.given.iter().any(|(_, known)| known == value);
            if !is_known && self.given.len() < GIVEN {
                self.given.push((at, *value));
            }
        }
    }

    /// As Python writes it.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    /// Whether both parts are what Python can import.
    pub(super) fn is_plausible(&self) -> bool {
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() < 256
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_.-".contains(c))
        };
        is_name(&self.module) && is_name(&self.name)
    }
}

/// Telling arguments that are remembered. No function that looks at them takes more than two.
const GIVEN: usize = 64;

/// Only which global it is matters, so that few are remembered.
const fn simplified(value: Value) -> Value {
    match value {
        Value::Global(_) => value,
        Value::Object(_) | Value::Persistent | Value::Stored(_) | Value::Unknown => Value::Unknown,
        _ => Value::Plain,
    }
}
