// SPDX-License-Identifier: Apache-2.0
//! A pickle that was followed with everything kept, to be read as a tree of values.

use std::{borrow::Cow, sync::Arc};

use super::{
    machine::{self, End, Machine},
    value::Value,
};
use crate::limits::Limits;

/// What a pickle made.
pub(crate) struct Kept<'a> {
    machine: Machine<'a>,
    result: Value,
    /// Where the next byte stands.
    pub(crate) end: usize,
}

/// What a value is.
pub(crate) enum View<'k> {
    /// Bytes that stand in the pickle.
    Constant(usize, usize),
    /// Bytes that were made of a text.
    Made(&'k Arc<[u8]>),
    /// Keys with their values, in the order in which they were put in.
    Map(Cow<'k, [(Value, Value)]>),
    /// What was imported, without its module.
    Name(&'k str),
    Number(i64),
    Object(Object<'k>),
    /// None, a truth value, a number that does not fit.
    Plain,
    Sequence(&'k [Value]),
    /// What only the loader has, and how it is named.
    Stored(&'k [Value]),
    Text(Cow<'k, str>),
    Unknown,
}

/// What a call gave.
pub(crate) struct Object<'k> {
    pub(crate) module: &'k str,
    pub(crate) name: &'k str,
    pub(crate) arguments: &'k [Value],
    pub(crate) state: Value,
    /// What was put into it as into a dict.
    pub(crate) entries: &'k [(Value, Value)],
}

impl<'a> Kept<'a> {
    /// Follows the pickle that begins at `start`.
    ///
    /// The error says where and why it could not be followed to its end.
    pub(crate) fn read(
        bytes: &'a [u8],
        start: usize,
        limits: &Limits,
    ) -> Result<Self, (usize, &'static str)> {
        let machine = machine::keep(bytes, start, limits.instructions, limits.values);
        match (&machine.run().end, machine.result) {
            (End::Stop(end), Some(result)) => Ok(Self {
                end: *end,
                result,
                machine,
            }),
            (End::Broken(at, why), _) => Err((*at, why)),
            (End::Limit(at), _) => Err((*at, "more values or instructions than are followed")),
            (End::Stop(end), None) => Err((*end, "nothing is left at its end")),
        }
    }

    /// What STOP left.
    pub(crate) const fn result(&self) -> Value {
        self.result
    }

    /// Whether it is the number that old torch files begin with.
    pub(crate) fn is_torch_magic(&self) -> bool {
        self.machine.run().is_torch_magic && self.machine.run().instructions <= 4
    }

    /// The tuples that name what only the loader has.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &[Value]> {
        let tuples = self.machine.stored.iter();
        tuples.filter_map(|tuple| self.tuple(*tuple))
    }

    pub(crate) fn text(&self, value: Value) -> Option<Cow<'_, str>> {
        self.machine.text(value)
    }

    /// A text that is short, as names of types and storages are; it may be asked for again and again.
    pub(crate) fn label(&self, value: Value) -> Option<Cow<'_, str>> {
        self.machine.word(value)
    }

    pub(crate) fn number(&self, value: Value) -> Option<u64> {
        match value {
            Value::Int(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// Whether it is true, as protocols write it.
    pub(crate) const fn is_true(&self, value: Value) -> bool {
        matches!(value, Value::True | Value::Int(1))
    }

    /// The items of a tuple or list.
    pub(crate) fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(tuple) => self.tuple(tuple),
            Value::List(list) => self.machine.lists.get(list as usize).map(|items| &**items),
            _ => None,
        }
    }

    /// Module and name of something imported.
    pub(crate) fn name(&self, value: Value) -> Option<(&str, &str)> {
        let Value::Global(number) = value else {
            return None;
        };
        let global = self.machine.global(number)?;
        Some((&*global.module, &*global.name))
    }

    pub(crate) fn view(&self, value: Value) -> View<'_> {
        match value {
            Value::Bytes { start, end } => View::Constant(start, end),
            Value::Made(number) => match self.machine.run().made.get(number as usize) {
                Some((_, made)) => View::Made(made),
                None => View::Unknown,
            },
            Value::Dict(number) => match self.machine.dicts.get(number as usize) {
                Some(dict) => View::Map(Cow::Borrowed(&dict.entries)),
                None => View::Unknown,
            },
            Value::Global(_) => match self.name(value) {
                Some((_, name)) => View::Name(name),
                None => View::Unknown,
            },
            Value::Int(number) => View::Number(number),
            Value::List(_) | Value::Tuple(_) => match self.items(value) {
                Some(items) => View::Sequence(items),
                None => View::Unknown,
            },
            Value::Object(number) => self.object(number),
            Value::Plain | Value::True => View::Plain,
            Value::Stored(tuple) => self.tuple(tuple).map_or(View::Unknown, View::Stored),
            Value::Text { .. } | Value::TextDecoded(_) => match self.text(value) {
                Some(text) => View::Text(text),
                None => View::Unknown,
            },
            Value::Frozen | Value::Items | Value::Set | Value::Persistent | Value::Unknown => {
                View::Unknown
            }
        }
    }

    fn object(&self, number: u32) -> View<'_> {
        let Some(object) = self.machine.objects.get(number as usize) else {
            return View::Unknown;
        };
        let Some(made_by) = self.machine.global(object.made_by) else {
            return View::Unknown;
        };
        let arguments = self.items(object.arguments).unwrap_or_default();
        // Older protocols name the class in the arguments of a function that makes it.
        let through = matches!(
            (&*made_by.module, &*made_by.name),
            ("copyreg" | "copy_reg", "_reconstructor" | "__newobj__")
        );
        let class = arguments.first().filter(|_| through).copied();
        let class = class.and_then(|class| self.name(class));
        let (module, name) = class.unwrap_or((&made_by.module, &made_by.name));
        let entries = self.machine.entries.get(&number);
        View::Object(Object {
            module,
            name,
            arguments: if class.is_some() { &[] } else { arguments },
            state: object.state,
            entries: entries.map_or(&[], |entries| &**entries),
        })
    }

    fn tuple(&self, number: u32) -> Option<&[Value]> {
        self.machine
            .tuples
            .get(number as usize)
            .map(|items| &**items)
    }
}
