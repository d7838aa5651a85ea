// SPDX-License-Identifier: Apache-2.0
//! What a pickle imports, calls and changes.

use super::{Act, Keeps, Loaded, Machine, Step, What};
use crate::pickle::{
    names::{Global, Use},
    opcodes::{Instruction, Op},
    text::{is_special, is_text_maker},
    value::{Object, REMEMBERED, Value},
};

impl Machine<'_> {
    /// GLOBAL and INST: names in the operand.
    pub(in crate::pickle) fn named(&mut self, instruction: &Instruction) -> Step {
        let line = |range: &std::ops::Range<usize>| {
            let line = self.bytes.get(range.clone()).unwrap_or_default();
            String::from_utf8_lossy(line).into_owned()
        };
        let (module, name) = (line(&instruction.first), line(&instruction.second));
        if instruction.op == Op::Inst {
            let items = self.items()?;
            let arguments = self.tuple_of(items);
            let target = self.import(instruction.at, &module, &name);
            let made = self.call(instruction.at, target, arguments, Use::Call);
            self.push(made);
        } else {
            let global = self.import(instruction.at, &module, &name);
            self.push(global);
        }
        Ok(())
    }

    pub(in crate::pickle) fn stack_global(&mut self, at: usize) -> Step {
        let name = self.pop()?;
        let module = self.pop()?;
        let value = match (self.beginning(module), self.beginning(name)) {
            (Some(module), Some(name)) => {
                let (module, name) = (module.into_owned(), name.into_owned());
                self.import(at, &module, &name)
            }
            _ if is_text_maker(module) || is_text_maker(name) => {
                self.act(at, What::ImportsComputed);
                Value::Unknown
            }
            _ => return Err("a name to import that is no text"),
        };
        self.push(value);
        Ok(())
    }

    pub(in crate::pickle) fn import(&mut self, at: usize, module: &str, name: &str) -> Value {
        let same = |global: &Global| *global.module == *module && *global.name == *name;
        // The last ones only: a search through all of them would be quadratic.
        let recent = self.run.globals.len().saturating_sub(256);
        let known = self.run.globals.iter().skip(recent).position(same);
        let number = known.map(|at| at + recent).unwrap_or_else(|| {
            self.kept += (module.len() + name.len()) / 16;
            self.run.globals.push(Global::new(module, name, at));
            self.run.globals.len() - 1
        });
        Value::Global(number as u32)
    }

    /// A call of any kind. What it gives is an object, whatever it is.
    pub(in crate::pickle) fn call(
        &mut self,
        at: usize,
        target: Value,
        arguments: Value,
        how: Use,
    ) -> Value {
        let Value::Global(number) = target else {
            self.act(at, What::CallsComputed);
            return Value::Unknown;
        };
        if how == Use::Call && self.is_reading(number, arguments) {
            if let Some(global) = self.run.globals.get_mut(number as usize) {
                global.only_reads = true;
            }
            return Value::Unknown;
        }
        if how == Use::Call
            && let Some(made) = self.is_bytes(at, number, arguments)
        {
            return made;
        }
        let items = match arguments {
            Value::Tuple(tuple) => self.tuples.get(tuple as usize).map(|items| &**items),
            _ => None,
        };
        let first = items.and_then(|items| items.first()).copied();
        if how == Use::Call
            && self.is_named(number, "torch.jit._pickle", "restore_type_tag")
            && let Some(first) = first
        {
            // It gives back what it is given: the same object, whatever is done with it afterwards.
            return first;
        }
        if let Some(global) = self.run.globals.get_mut(number as usize) {
            global.used(how, at, items);
        }
        if how == Use::Call && self.is_named(number, "torch.storage", "_load_from_bytes") {
            self.loaded(at, first);
        }
        self.objects.push(Object {
            made_by: number,
            arguments,
            state: Value::Plain,
        });
        Value::Object((self.objects.len() - 1) as u32)
    }

    fn is_named(&self, number: u32, module: &str, name: &str) -> bool {
        self.global(number)
            .is_some_and(|global| (&*global.module, &*global.name) == (module, name))
    }

    /// Remembers what a nested load is given, if it is a constant.
    fn loaded(&mut self, at: usize, first: Option<Value>) {
        let Some(value) = first else { return };
        // The same file again and again is looked at once.
        if !self.loads.insert(value) {
            return;
        }
        let loaded = match value {
            Value::Bytes { start, end } | Value::Text { start, end } => Loaded::Range(start, end),
            Value::Made(number) => Loaded::Made(number as usize),
            _ => match self.text(value) {
                Some(text) => Loaded::Text(latin(&text)),
                None => return,
            },
        };
        self.kept += 1;
        self.run.loaded.push((at, loaded));
    }

    /// What a loader gives for a name of its own. Old torch files name classes in this way, with their
    /// source, and then make objects of them.
    pub(in crate::pickle) fn persistent(&self, name: Value) -> Value {
        let Value::Tuple(tuple) = name else {
            return Value::Persistent;
        };
        match self.tuples.get(tuple as usize).map(|items| &**items) {
            Some([kind, class @ Value::Global(_), ..])
                if self.word(*kind).as_deref() == Some("module") =>
            {
                *class
            }
            _ => Value::Stored(tuple),
        }
    }

    /// Whether a call only makes bytes of a text, as protocols before 3 write bytes. They are kept as
    /// a constant.
    pub(in crate::pickle) fn is_bytes(
        &mut self,
        at: usize,
        number: u32,
        arguments: Value,
    ) -> Option<Value> {
        let items = match arguments {
            Value::Tuple(tuple) if self.is_named(number, "_codecs", "encode") => {
                self.tuples.get(tuple as usize)?
            }
            _ => return None,
        };
        let [text, code] = **items else {
            return None;
        };
        if !matches!(self.word(code)?.as_ref(), "latin1" | "latin-1") {
            return None;
        }
        let text = self.text(text)?;
        let byte = |c| u8::try_from(u32::from(c)).ok();
        let bytes = text.chars().map(byte).collect::<Option<Vec<u8>>>();
        // Counted even if nothing comes of it: looking at it again and again is work as well.
        self.kept += text.len() / 16 + 1;
        let bytes = bytes?;
        self.run.made.push((at, bytes.into()));
        Some(Value::Made((self.run.made.len() - 1) as u32))
    }

    /// Whether a call only reads a member of an object that the pickle made, or takes the type of a
    /// constant. Bound methods and `NoneType` are saved like this. What it gives may be kept but not
    /// called. Members that are public can be methods that write files.
    pub(in crate::pickle) fn is_reading(&self, number: u32, arguments: Value) -> bool {
        let Some(global) = self.global(number) else {
            return false;
        };
        let items = match arguments {
            Value::Tuple(tuple) => self.tuples.get(tuple as usize),
            _ => None,
        };
        if !matches!(&*global.module, "builtins" | "__builtin__") {
            return false;
        }
        match (&*global.name, items.map(|items| &**items)) {
            ("getattr", Some([Value::Object(object), name])) => {
                let name = self.word(*name);
                let is_private =
                    name.is_some_and(|name| name.starts_with('_') && !name.starts_with("__"));
                is_private && self.is_of_framework(*object)
            }
            ("type", Some([Value::Plain])) => true,
            _ => false,
        }
    }

    /// Whether an object is of one of the frameworks whose objects keep bound methods of their own.
    fn is_of_framework(&self, object: u32) -> bool {
        let object = self.objects.get(object as usize);
        let Some(made_by) = object.and_then(|object| self.global(object.made_by)) else {
            return false;
        };
        let root = made_by.module.split('.').next().unwrap_or_default();
        matches!(root, "copyreg" | "copy_reg" | "scipy" | "sklearn" | "torch")
    }

    pub(in crate::pickle) fn build(&mut self, at: usize) -> Step {
        let state = self.pop()?;
        let target = self.top()?;
        self.changed(at, target);
        if let Value::Object(number) = target
            && let Some(object) = self.objects.get_mut(number as usize)
        {
            object.state = state;
        }
        for dict in self.states(state) {
            let special = self.dicts.get(dict as usize).and_then(|dict| dict.special);
            if let Some(member) = special.and_then(|key| self.beginning(key)) {
                let member = member.into_owned();
                self.act(at, What::GivesMember(member));
            }
        }
        Ok(())
    }

    /// The dicts that BUILD takes members from: the state itself, or both parts of a pair.
    pub(in crate::pickle) fn states(&self, state: Value) -> Vec<u32> {
        let parts = match state {
            Value::Tuple(tuple) => self.tuples.get(tuple as usize).map(|items| &**items),
            _ => None,
        };
        let pair = parts.filter(|items| items.len() == 2);
        let all = pair.unwrap_or(std::slice::from_ref(&state)).iter();
        all.filter_map(|value| match value {
            Value::Dict(dict) => Some(*dict),
            _ => None,
        })
        .collect()
    }

    pub(in crate::pickle) fn set_items(
        &mut self,
        at: usize,
        target: Value,
        items: &[Value],
    ) -> Step {
        if !items.len().is_multiple_of(2) {
            return Err("a dict with a key and no value");
        }
        if let Value::Dict(number) = target {
            let known = self.dicts.get(number as usize);
            let is_known = known.is_some_and(|dict| dict.special.is_some());
            let special = match is_known {
                true => None,
                false => self.special_key(items),
            };
            if let Some(dict) = self.dicts.get_mut(number as usize) {
                dict.special = dict.special.or(special);
                for pair in items.chunks_exact(2) {
                    if dict.entries.len() == REMEMBERED && self.keeps != Keeps::All {
                        dict.is_cut = true;
                        break;
                    }
                    let [key, value] = pair else { continue };
                    if key.is_text() || self.keeps == Keeps::All {
                        dict.entries.push((*key, *value));
                        self.kept += 2;
                    }
                }
            }
            return Ok(());
        }
        self.changed(at, target);
        if let (Value::Object(object), Keeps::All) = (target, self.keeps) {
            let pairs = items.chunks_exact(2);
            let pairs = pairs.filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
            self.kept += items.len();
            self.entries.entry(object).or_default().extend(pairs);
        }
        Ok(())
    }

    /// Puts items into a list, if they are kept.
    pub(in crate::pickle) fn append(&mut self, target: Value, items: &[Value]) {
        if let Value::List(number) = target
            && let Some(list) = self.lists.get_mut(number as usize)
        {
            self.kept += items.len();
            list.extend_from_slice(items);
        }
    }

    /// The first key that Python gives a meaning to when it becomes a member.
    pub(in crate::pickle) fn special_key(&self, items: &[Value]) -> Option<Value> {
        let keys = items.iter().step_by(2).filter(|key| key.is_text());
        let keys = keys.filter(|key| self.is_dunder(**key));
        // What is longer than a word is none of those that objects keep about themselves.
        let mut keys = keys.filter(|key| self.word(**key).is_none_or(|text| is_special(&text)));
        keys.next().copied()
    }

    /// A target that is changed: one of the pickle's own, or something that others use.
    pub(in crate::pickle) fn changed(&mut self, at: usize, target: Value) {
        if let Value::Global(number) = target {
            self.act(at, What::Changes(number));
        }
    }

    pub(in crate::pickle) fn act(&mut self, at: usize, what: What) {
        if self.run.acts.len() < 4096 {
            self.run.acts.push(Act { at, what });
        }
    }
}

/// The bytes of a text, as protocols before 3 write bytes.
fn latin(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
    text.chars().map(byte).collect()
}
