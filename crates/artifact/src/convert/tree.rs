// SPDX-License-Identifier: Apache-2.0
//! From the values of a pickle to named tensors.

use std::collections::HashMap;

use super::{document::Document, tensor::Tensor};
use crate::pickle::{Value, View};

/// Values within one another.
const DEPTH: usize = 64;
/// Values that are visited: what refers to the same things again and again is longer than it looks.
const MOST: usize = 4 << 20;

/// What a document holds, by name.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub(super) tensors: Vec<(String, Tensor)>,
    /// Tensors that cannot be written, and why.
    pub(super) unsupported: Vec<(String, String)>,
    /// What is no tensor.
    pub(super) others: Vec<(String, &'static str)>,
    visited: usize,
}

/// What a value is to those who look for tensors.
pub(super) enum Leaf {
    Tensor(Tensor),
    Unsupported(String),
}

/// Looks for the value that `key` names by its dots, or says how far it got.
pub(super) fn find(document: &Document<'_>, key: &str) -> Result<Value, String> {
    let mut value = document.kept.result();
    let mut rest = key;
    'next: while !rest.is_empty() {
        let children = children(document, value).unwrap_or_default();
        // Keys may have dots themselves: the longest that fits is meant.
        let mut best: Option<(usize, Value)> = None;
        for (name, child) in children {
            let fits = rest
                .strip_prefix(name.as_str())
                .is_some_and(|behind| behind.is_empty() || behind.starts_with('.'));
            if fits && best.is_none_or(|(length, _)| name.len() > length) {
                best = Some((name.len(), child));
            }
        }
        if let Some((length, child)) = best {
            value = child;
            rest = rest.get(length + 1..).unwrap_or_default();
            continue 'next;
        }
        return Err(format!("there is no `{rest}` where `{key}` leads"));
    }
    Ok(value)
}

impl Leaves {
    /// Takes what stands at a value and below it.
    pub(super) fn take(
        &mut self,
        document: &Document<'_>,
        value: Value,
        name: Option<&str>,
        depth: usize,
    ) -> Result<(), &'static str> {
        self.visited += 1;
        if depth > DEPTH || self.visited > MOST {
            return Err("more values within one another than are followed");
        }
        let own = || name.unwrap_or("tensor").to_owned();
        match document.leaf(value) {
            Some(Leaf::Tensor(tensor)) => {
                self.tensors.push((own(), tensor));
                return Ok(());
            }
            Some(Leaf::Unsupported(why)) => {
                self.unsupported.push((own(), why));
                return Ok(());
            }
            None => {}
        }
        let Some(children) = children(document, value) else {
            self.others.push((own(), kind(document, value)));
            return Ok(());
        };
        for (key, child) in children {
            let name = match name {
                Some(name) => format!("{name}.{key}"),
                None => key,
            };
            self.take(document, child, Some(&name), depth + 1)?;
        }
        Ok(())
    }
}

/// What stands in a value, with its keys; none if it is nothing that others stand in.
fn children(document: &Document<'_>, value: Value) -> Option<Vec<(String, Value)>> {
    match document.kept.view(value) {
        View::Map(entries) => Some(named(document, &entries)),
        View::Sequence(items) => {
            let items = items.iter().enumerate();
            Some(items.map(|(at, item)| (at.to_string(), *item)).collect())
        }
        View::Object(object) => match (object.module, object.name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter" | "ChainMap")
            | ("sklearn.utils" | "sklearn.utils._bunch", "Bunch")
            | ("argparse", "Namespace") => {
                let mut all = pairs(document, object.arguments);
                all.extend_from_slice(object.entries);
                // What is set on it, like the versions of a state dict, is nothing that stands in it.
                if let ("argparse", View::Map(members)) =
                    (object.module, document.kept.view(object.state))
                {
                    all.extend_from_slice(&members);
                }
                Some(named(document, &all))
            }
            _ => match document.kept.view(object.state) {
                View::Map(members) => module(document, object.module, &members),
                _ => None,
            },
        },
        _ => None,
    }
}

/// The parts of a module of torch: parameters, buffers and modules, as `state_dict` names them.
fn module(
    document: &Document<'_>,
    class: &str,
    members: &[(Value, Value)],
) -> Option<Vec<(String, Value)>> {
    let members = named(document, members);
    // Modules of TorchScript keep everything as members of their own.
    if class.starts_with("__torch__") {
        return Some(members);
    }
    let member = |name: &str| {
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    };
    let (parameters, modules) = (member("_parameters")?, member("_modules")?);
    let mut parts = children(document, parameters)?;
    let hidden = member("_non_persistent_buffers_set");
    // Older protocols call `set` with a list.
    let hidden = hidden.map(|hidden| match document.kept.view(hidden) {
        View::Object(object) => object.arguments.first().copied().unwrap_or(hidden),
        _ => hidden,
    });
    let hidden = hidden
        .and_then(|hidden| document.kept.items(hidden))
        .unwrap_or_default();
    let hidden: Vec<_> = hidden
        .iter()
        .filter_map(|name| document.kept.text(*name))
        .collect();
    let buffers = member("_buffers").and_then(|buffers| children(document, buffers));
    let buffers = buffers.unwrap_or_default().into_iter();
    parts.extend(buffers.filter(|(name, _)| !hidden.iter().any(|hidden| hidden == name)));
    parts.extend(children(document, modules)?);
    // A parameter that is not there is None.
    parts.retain(|(_, value)| !matches!(document.kept.view(*value), View::Plain));
    Some(parts)
}

/// Pairs that an ordered dict was called with.
fn pairs(document: &Document<'_>, arguments: &[Value]) -> Vec<(Value, Value)> {
    let mut all = Vec::new();
    for argument in arguments {
        match document.kept.view(*argument) {
            View::Map(entries) => all.extend_from_slice(&entries),
            View::Sequence(items) => {
                let items = items.iter().filter_map(|item| document.kept.items(*item));
                all.extend(items.filter_map(|pair| match pair {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    all
}

/// Entries with their keys as texts; of several with the same key the last, where the first stood.
fn named(document: &Document<'_>, entries: &[(Value, Value)]) -> Vec<(String, Value)> {
    let mut places: HashMap<(bool, String), usize> = HashMap::new();
    let mut all: Vec<(String, Value)> = Vec::new();
    for (key, value) in entries {
        let (is_number, name) = match document.kept.view(*key) {
            View::Text(text) => (false, text.into_owned()),
            View::Number(number) => (true, number.to_string()),
            View::Constant(start, end) => {
                let bytes = document.bytes.get(start..end).unwrap_or_default();
                (false, String::from_utf8_lossy(bytes).into_owned())
            }
            // Nobody can name it, but it is there.
            _ => (true, format!("<{}>", all.len())),
        };
        match places.get(&(is_number, name.clone())) {
            Some(place) => {
                if let Some(entry) = all.get_mut(*place) {
                    entry.1 = *value;
                }
            }
            None => {
                places.insert((is_number, name.clone()), all.len());
                all.push((name, *value));
            }
        }
    }
    all
}

/// What something that is no tensor is, for people.
fn kind(document: &Document<'_>, value: Value) -> &'static str {
    match document.kept.view(value) {
        View::Constant(..) | View::Made(_) => "bytes",
        View::Map(_) | View::Sequence(_) => "a collection",
        View::Name(_) => "a class or function",
        View::Number(_) => "a number",
        View::Object(_) => "an object",
        View::Plain => "none, a truth value or a number",
        View::Stored(_) => "a storage without a shape",
        View::Text(_) => "a text",
        View::Unknown => "something unknown",
    }
}
