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
        }
    }

    pub(super) fn used(&mut self, how: Use, at: usize, first: Option<Value>) {
        match how {
            Use::Call => self.called.get_or_insert(at),
            Use::New => self.made.get_or_insert(at),
        };
        let first = first.map(simplified);
        if how == Use::Call && !self.firsts.iter().any(|(_, known)| *known == first) {
            self.firsts.push((at, first));
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

/// Only which global it is matters, so that few are remembered.
const fn simplified(value: Value) -> Value {
    match value {
        Value::Global(_) => value,
        Value::Object(_) | Value::Persistent | Value::Unknown => Value::Unknown,
        _ => Value::Plain,
    }
}
