// SPDX-License-Identifier: Apache-2.0
//! From the values of a pickle to named tensors.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{document::Document, tensor::Tensor};
use crate::pickle::{Value, View};

/// Values within one another.
const DEPTH: usize = 64;
/// Values that are visited: what refers to the same things again and again is longer than it looks.
const MOST: usize = 4 << 20;
/// Bytes of names and shapes that are made whatever the pickle's size, and at most.
const NAMES: (u64, u64) = (64 << 20, 256 << 20);

/// What may still be visited and kept. Both are counted before anything is made: a pickle can refer to
/// the same key, or to the same collection, once with every two of its bytes.
#[derive(Debug)]
pub(super) struct Room {
    values: usize,
    /// Of names and shapes, in bytes.
    names: u64,
}

impl Room {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let (free, most) = NAMES;
        let twice = (document.bytes.len() as u64).saturating_mul(2);
        Self {
            values: MOST,
            names: twice.saturating_add(free).min(most),
        }
    }

    fn values(&mut self, count: usize) -> Result<(), String> {
        let left = self.values.checked_sub(count);
        self.values = left.ok_or("more values within one another than are followed")?;
        Ok(())
    }

    fn names(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.names.checked_sub(bytes as u64);
        self.names = left.ok_or("names and shapes that are far longer together than the pickle")?;
        Ok(())
    }
}

/// What a document holds, by name.
#[derive(Debug)]
pub(super) struct Leaves {
    pub(super) tensors: Vec<(String, Tensor)>,
    /// What is no tensor.
    pub(super) others: Vec<(String, &'static str)>,
    room: Room,
}

/// What a value is to those who look for tensors.
#[derive(Debug, Clone)]
pub(super) enum Leaf {
    Tensor(Tensor),
    Unsupported(String),
}

type Children<K> = Vec<(K, Value)>;

/// Looks for the value that `key` names by its dots, or says how far it got.
pub(super) fn find(document: &Document<'_>, key: &str) -> Result<Value, String> {
    let mut room = Room::of(document);
    let mut value = document.kept.result();
    let mut rest = key;
    'next: while !rest.is_empty() {
        let children = children(document, value, &mut room)?.unwrap_or_default();
        // Keys may have dots themselves: the longest that fits is meant.
        let mut best: Option<(usize, Value)> = None;
        for (name, child) in children {
            let fits = rest
                .strip_prefix(&*name)
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
    pub(super) fn new(room: Room) -> Self {
        Self {
            tensors: Vec::new(),
            others: Vec::new(),
            room,
        }
    }

    /// Takes what stands at a value and below it. The error is for people: a tensor that cannot be
    /// written, or more than is followed.
    pub(super) fn take(
        &mut self,
        document: &Document<'_>,
        value: Value,
        name: Option<&str>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEPTH {
            return Err("values that stand too deep within one another".to_owned());
        }
        let own = || name.unwrap_or("tensor").to_owned();
        match document.leaf(value) {
            Some(Leaf::Tensor(tensor)) => {
                self.room.names(tensor.described())?;
                self.tensors.push((own(), tensor));
                return Ok(());
            }
            Some(Leaf::Unsupported(why)) => return Err(format!("`{}` is {why}", own())),
            None => {}
        }
        let Some(children) = children(document, value, &mut self.room)? else {
            self.others.push((own(), kind(document, value)));
            return Ok(());
        };
        for (key, child) in children {
            let above = name.map_or(0, |name| name.len() + 1);
            self.room.names(above + key.len())?;
            let name = match name {
                Some(name) => format!("{name}.{key}"),
                None => key.into_owned(),
            };
            self.take(document, child, Some(&name), depth + 1)?;
        }
        Ok(())
    }
}

/// What stands in a value, with its keys; none if it is nothing that others stand in.
fn children<'d>(
    document: &'d Document<'_>,
    value: Value,
    room: &mut Room,
) -> Result<Option<Children<Cow<'d, str>>>, String> {
    if let Some(children) = collection(document, value, room)? {
        return Ok(Some(children));
    }
    let View::Object(object) = document.kept.view(value) else {
        return Ok(None);
    };
    match document.kept.view(object.state) {
        View::Map(members) => module(document, object.module, &members, room),
        _ => Ok(None),
    }
}

/// What stands in a list, a dict, or an object that is like one.
fn collection<'d>(
    document: &'d Document<'_>,
    value: Value,
    room: &mut Room,
) -> Result<Option<Children<Cow<'d, str>>>, String> {
    Ok(Some(match document.kept.view(value) {
        View::Map(entries) => named(document, &entries, room)?,
        View::Sequence(items) => {
            room.values(items.len())?;
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| (at.to_string().into(), *item))
                .collect()
        }
        View::Object(object) => match (object.module, object.name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter" | "ChainMap")
            | ("sklearn.utils" | "sklearn.utils._bunch", "Bunch")
            | ("argparse", "Namespace") => {
                let mut all = pairs(document, object.arguments, room)?;
                all.extend_from_slice(object.entries);
                // What is set on it, like the versions of a state dict, is nothing that stands in it.
                if let ("argparse", View::Map(members)) =
                    (object.module, document.kept.view(object.state))
                {
                    all.extend_from_slice(&members);
                }
                named(document, &all, room)?
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// The parts of a module of torch: parameters, buffers and modules, as `state_dict` names them.
fn module<'d>(
    document: &'d Document<'_>,
    class: &str,
    members: &[(Value, Value)],
    room: &mut Room,
) -> Result<Option<Children<Cow<'d, str>>>, String> {
    let members = named(document, members, room)?;
    // Modules of TorchScript keep everything as members of their own.
    if class.starts_with("__torch__") {
        return Ok(Some(members));
    }
    let member = |name: &str| {
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    };
    let (Some(parameters), Some(modules)) = (member("_parameters"), member("_modules")) else {
        return Ok(None);
    };
    // They are collections; a module in their place could be the very one that they are parts of.
    let Some(mut parts) = collection(document, parameters, room)? else {
        return Ok(None);
    };
    if let Some(buffers) = member("_buffers") {
        let buffers = collection(document, buffers, room)?.unwrap_or_default();
        let hidden = hidden(document, member("_non_persistent_buffers_set"), room)?;
        let saved = buffers.into_iter();
        parts.extend(saved.filter(|(name, _)| !hidden.contains(name)));
    }
    let Some(modules) = collection(document, modules, room)? else {
        return Ok(None);
    };
    parts.extend(modules);
    // A parameter that is not there is None.
    parts.retain(|(_, value)| !matches!(document.kept.view(*value), View::Plain));
    Ok(Some(parts))
}

/// Names of buffers that `state_dict` leaves out.
fn hidden<'d>(
    document: &'d Document<'_>,
    member: Option<Value>,
    room: &mut Room,
) -> Result<HashSet<Cow<'d, str>>, String> {
    // Older protocols call `set` with a list.
    let hidden = member.map(|hidden| match document.kept.view(hidden) {
        View::Object(object) => object.arguments.first().copied().unwrap_or(hidden),
        _ => hidden,
    });
    let hidden = hidden
        .and_then(|hidden| document.kept.items(hidden))
        .unwrap_or_default();
    room.values(hidden.len())?;
    let mut names = HashSet::new();
    for name in hidden {
        if let Some(name) = document.kept.text(*name) {
            room.names(name.len())?;
            names.insert(name);
        }
    }
    Ok(names)
}

/// Pairs that an ordered dict was called with.
fn pairs(
    document: &Document<'_>,
    arguments: &[Value],
    room: &mut Room,
) -> Result<Vec<(Value, Value)>, String> {
    let mut all = Vec::new();
    room.values(arguments.len())?;
    for argument in arguments {
        match document.kept.view(*argument) {
            View::Map(entries) => {
                room.values(entries.len())?;
                all.extend_from_slice(&entries);
            }
            View::Sequence(items) => {
                room.values(items.len())?;
                let items = items.iter().filter_map(|item| document.kept.items(*item));
                all.extend(items.filter_map(|pair| match pair {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Entries with their keys as texts; of several with the same key the last, where the first stood.
fn named<'d>(
    document: &'d Document<'_>,
    entries: &[(Value, Value)],
    room: &mut Room,
) -> Result<Children<Cow<'d, str>>, String> {
    room.values(entries.len())?;
    let mut places: HashMap<(bool, Cow<'d, str>), usize> = HashMap::new();
    let mut all: Children<Cow<'d, str>> = Vec::new();
    for (key, value) in entries {
        let (is_number, name) = match document.kept.view(*key) {
            View::Text(text) => (false, text),
            View::Number(number) => (true, number.to_string().into()),
            View::Constant(start, end) => {
                let bytes = document.bytes.get(start..end).unwrap_or_default();
                (false, String::from_utf8_lossy(bytes))
            }
            // Nobody can name it, but it is there.
            _ => (true, format!("<{}>", all.len()).into()),
        };
        room.names(name.len())?;
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
    Ok(all)
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
