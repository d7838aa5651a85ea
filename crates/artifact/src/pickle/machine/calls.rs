// SPDX-License-Identifier: Apache-2.0
//! What a pickle imports, calls and changes.

use super::{Act, Keeps, Loaded, Machine, Step, What};
use crate::pickle::{
    names::{Global, Use},
    opcodes::{Instruction, Op},
    text::{is_special, is_text_maker},
    value::{Object, REMEMBERED, Value},
};

/// Values that are hashed for one key at most. Tuples do not remember their hash, so that a few dozen of
/// them within one another can stand for more than any computer counts to.
const ENDLESS: u64 = 1 << 24;
/// Numbers of a range that a collection is made of at most.
const LONGEST: u64 = 1 << 28;

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
        self.fails_if(
            arguments.is_no_tuple(),
            at,
            "a call has no tuple of arguments",
        );
        let Value::Global(number) = target else {
            self.act(at, What::CallsComputed);
            return Value::Unknown;
        };
        if how == Use::Call
            && let Some(member) = self.member(at, number, arguments)
        {
            return member;
        }
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
        let first = self
            .arguments(arguments)
            .and_then(|items| items.first())
            .copied();
        let is_endless = self.is_endless(number, first);
        self.fails_if(
            is_endless,
            at,
            "a range of more numbers than memory holds is written out",
        );
        if how == Use::Call
            && self.is_named(number, "torch.jit._pickle", "restore_type_tag")
            && let Some(first) = first
        {
            // It gives back what it is given: the same object, whatever is done with it afterwards.
            return first;
        }
        let items = match arguments {
            Value::Tuple(tuple) => self.tuples.get(tuple as usize).map(|items| &**items),
            _ => None,
        };
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

    fn arguments(&self, arguments: Value) -> Option<&[Value]> {
        match arguments {
            Value::Tuple(tuple) => self.tuples.get(tuple as usize).map(|items| &**items),
            _ => None,
        }
    }

    /// Whether a collection is made of a range that no memory holds.
    fn is_endless(&self, number: u32, first: Option<Value>) -> bool {
        let Some(Value::Object(object)) = first else {
            return false;
        };
        let is_collection = self.global(number).is_some_and(|global| {
            matches!(&*global.module, "builtins" | "__builtin__" | "collections")
        });
        let object = self.objects.get(object as usize);
        let Some(range) = object.filter(|object| {
            ["range", "xrange"].iter().any(|name| {
                self.is_named(object.made_by, "builtins", name)
                    || self.is_named(object.made_by, "__builtin__", name)
            })
        }) else {
            return false;
        };
        let mut bounds = self.arguments(range.arguments).unwrap_or_default().iter();
        is_collection
            && bounds.any(|bound| match bound {
                Value::Int(bound) => bound.unsigned_abs() > LONGEST,
                // What does not fit is larger than anything.
                _ => true,
            })
    }

    /// What stands behind a class, if harmless models have it from there: no name of its own leads to
    /// it in protocols before 4. Whether it may be called is for the lists to say.
    fn member(&mut self, at: usize, number: u32, arguments: Value) -> Option<Value> {
        const MEMBERS: &[(&str, &str, &str)] = &[
            ("scipy.interpolate._interpolate", "interp1d", "_call_"),
            ("zoneinfo", "ZoneInfo", "_unpickle"),
        ];
        let is_getattr = self.is_named(number, "builtins", "getattr")
            || self.is_named(number, "__builtin__", "getattr");
        let Value::Tuple(tuple) = arguments else {
            return None;
        };
        let [Value::Global(class), name] = **self.tuples.get(tuple as usize)? else {
            return None;
        };
        let name = self.word(name)?.into_owned();
        let class = self.global(class)?;
        let is_known = MEMBERS.iter().any(|(module, known, begins)| {
            (*class.module == **module && *class.name == **known) && name.starts_with(begins)
        });
        if !is_getattr || !is_known {
            return None;
        }
        let (module, name) = (class.module.to_string(), format!("{}.{name}", class.name));
        if let Some(getattr) = self.run.globals.get_mut(number as usize) {
            getattr.only_reads = true;
        }
        Some(self.import(at, &module, &name))
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
        self.fails_if(
            target.has_no_keys(),
            at,
            "something is stored in what has no keys",
        );
        let is_list = matches!(target, Value::Items | Value::List(_));
        let keys = items.iter().step_by(2);
        let has_text = is_list && keys.clone().any(|key| key.is_text());
        self.fails_if(has_text, at, "a list has a text for a key");
        if let Value::Dict(number) = target {
            self.are_keys(at, keys);
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

    /// Puts items into the list on top, if they are kept.
    pub(in crate::pickle) fn append(&mut self, at: usize, items: &[Value]) -> Step {
        let target = self.top()?;
        self.fails_if(
            target.is_no_list(),
            at,
            "something is appended to what is no list",
        );
        if let Value::List(number) = target
            && let Some(list) = self.lists.get_mut(number as usize)
        {
            self.kept += items.len();
            list.extend_from_slice(items);
        }
        self.changed(at, target);
        Ok(())
    }

    /// Adds items to the set on top.
    pub(in crate::pickle) fn add(&mut self, at: usize, items: &[Value]) -> Step {
        let target = self.top()?;
        // Where everything is kept, sets are kept as lists.
        if self.keeps == Keeps::All {
            return self.append(at, items);
        }
        self.fails_if(
            target.is_no_set(),
            at,
            "something is added to what is no set",
        );
        self.are_keys(at, items.iter());
        self.changed(at, target);
        Ok(())
    }

    /// Keys have a hash, and one that ends.
    pub(in crate::pickle) fn are_keys<'v>(
        &mut self,
        at: usize,
        mut keys: impl Iterator<Item = &'v Value> + Clone,
    ) {
        let is_wrong = keys.clone().any(|key| key.is_no_key());
        let is_endless = keys.any(|key| self.cost(*key) > ENDLESS);
        self.fails_if(is_wrong, at, "a key is a list, a set or a dict");
        self.fails_if(is_endless, at, "a key takes forever to be hashed");
    }

    /// Notes an error that ends loading. What comes then is followed all the same: another loader may
    /// take it otherwise.
    pub(in crate::pickle) fn fails_if(&mut self, is_so: bool, at: usize, why: &'static str) {
        if is_so && !self.has_failed {
            self.has_failed = true;
            self.act(at, What::Fails(why));
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
