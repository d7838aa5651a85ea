// SPDX-License-Identifier: Apache-2.0
//! A stack machine that follows a pickle over abstract values: what it imports, calls and changes.
//!
//! It does what `pickle.load` does, with the memo and the marks, but makes nothing. Where loaders
//! raise an error it ends; what ran before the error has been seen by then.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    names::{Global, Use},
    opcodes::{self, Instruction, Op, little},
    value::{Dict, Object, REMEMBERED, Value},
};

/// How a pickle ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At a place where a loader raises an error.
    Broken(usize, &'static str),
    /// Beyond what one scan follows.
    Limit(usize),
    /// With STOP; where the next byte stands.
    Stop(usize),
}

/// What a pickle did.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) end: End,
    pub(super) instructions: u64,
    pub(super) globals: Vec<Global>,
    pub(super) acts: Vec<Act>,
    /// Constants that a nested load could be given.
    pub(super) constants: Vec<(usize, usize)>,
    pub(super) persistent: Option<usize>,
    /// The protocol that it says it has.
    pub(super) protocol: Option<u8>,
    /// What STOP left on the stack, if it is the number that legacy torch files begin with.
    pub(super) is_torch_magic: bool,
    /// Whether it is no more than an array's bytes, as joblib writes them.
    pub(super) arrays: usize,
}

/// Something that a pickle does, beyond naming a global.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) at: usize,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// Calls what it computed.
    CallsComputed,
    /// Changes a global.
    Changes(u32),
    /// Gives an object a member that Python gives meaning to.
    GivesMember(String),
    /// Imports by a number.
    ImportsByNumber(u64),
    /// Imports what it computed.
    ImportsComputed,
}

/// Where joblib's arrays stand in the stream, when the machine comes to one.
pub(super) enum Array {
    /// Bytes end here.
    Raw(usize),
    /// Another pickle begins here.
    Pickle(usize),
}

pub(super) struct Machine<'a> {
    pub(super) bytes: &'a [u8],
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: BTreeMap<u64, Value>,
    memo_next: Vec<Value>,
    pub(super) objects: Vec<Object>,
    pub(super) dicts: Vec<Dict>,
    pub(super) tuples: Vec<Box<[Value]>>,
    texts: Vec<Box<str>>,
    kept: usize,
    max_values: usize,
    run: Run,
}

type Step<T = ()> = Result<T, &'static str>;

const UNDERFLOW: &str = "an instruction takes more than there is on the stack";
const TORCH_MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Follows the pickle that begins at `start`.
pub(super) fn follow(bytes: &[u8], start: usize, max_instructions: u64, max_values: usize) -> Run {
    let mut machine = Machine {
        bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        memo_next: Vec::new(),
        objects: Vec::new(),
        dicts: Vec::new(),
        tuples: Vec::new(),
        texts: Vec::new(),
        kept: 0,
        max_values,
        run: Run {
            end: End::Broken(start, ""),
            instructions: 0,
            globals: Vec::new(),
            acts: Vec::new(),
            constants: Vec::new(),
            persistent: None,
            protocol: None,
            is_torch_magic: false,
            arrays: 0,
        },
    };
    machine.run.end = machine.go(start, max_instructions, 0);
    machine.run
}

impl Machine<'_> {
    fn go(&mut self, start: usize, max: u64, depth: usize) -> End {
        let mut at = start;
        loop {
            let instruction = match opcodes::read(self.bytes, at) {
                Ok(instruction) => instruction,
                Err(why) => return End::Broken(at, why),
            };
            self.run.instructions += 1;
            if self.run.instructions > max || self.alive() > self.max_values {
                return End::Limit(at);
            }
            if instruction.op == Op::Stop {
                return match self.stack.pop() {
                    Some(_) => End::Stop(instruction.next),
                    None => End::Broken(at, UNDERFLOW),
                };
            }
            if let Err(why) = self.step(&instruction) {
                return End::Broken(at, why);
            }
            at = instruction.next;
            if instruction.op == Op::Build {
                match self.array(at) {
                    Ok(None) => {}
                    Ok(Some(Array::Raw(end))) => at = end,
                    Ok(Some(Array::Pickle(_))) if depth > 8 => return End::Limit(at),
                    // joblib loads it with a fresh stack and memo.
                    Ok(Some(Array::Pickle(begin))) => {
                        let stack = std::mem::take(&mut self.stack);
                        let marks = std::mem::take(&mut self.marks);
                        let memo = std::mem::take(&mut self.memo);
                        let memo_next = std::mem::take(&mut self.memo_next);
                        let end = self.go(begin, max, depth + 1);
                        (self.stack, self.marks) = (stack, marks);
                        (self.memo, self.memo_next) = (memo, memo_next);
                        match end {
                            End::Stop(next) => at = next,
                            other => return other,
                        }
                    }
                    Err(why) => return End::Broken(at, why),
                }
            }
        }
    }

    fn alive(&self) -> usize {
        self.stack.len()
            + self.memo.len()
            + self.memo_next.len()
            + self.kept
            + self.objects.len()
            + self.dicts.len()
            + self.texts.len()
            + self.run.globals.len()
            + self.run.acts.len()
            + self.run.constants.len()
            + self.marks.len()
    }

    fn step(&mut self, instruction: &Instruction) -> Step {
        let operand = self
            .bytes
            .get(instruction.first.clone())
            .unwrap_or_default();
        let (start, end) = (instruction.first.start, instruction.first.end);
        match instruction.op {
            Op::Proto => return self.protocol(operand),
            Op::Frame | Op::Stop | Op::ReadonlyBuffer => {}
            Op::Mark => self.marks.push(self.stack.len()),
            Op::Pop => self.drop_top()?,
            Op::PopMark => drop(self.items()?),
            Op::Dup => self.push(self.top()?),
            Op::None | Op::NewFalse | Op::NewTrue | Op::BinFloat => self.push(Value::Plain),
            Op::Float => self.float(operand)?,
            Op::Int | Op::LongLine => self.number(operand)?,
            Op::BinInt => self.push(Value::Int(binary_int(operand))),
            Op::Long => {
                self.run.is_torch_magic |= operand == TORCH_MAGIC;
                self.push(long(operand));
            }
            Op::String | Op::Bytes | Op::ByteArray => self.constant(start, end),
            Op::LineString => self.line_string(operand)?,
            Op::Text => {
                std::str::from_utf8(operand).or_else(|_| surrogates(operand))?;
                self.push(Value::Text { start, end });
            }
            Op::TextLine => {
                let text = raw_unicode_escape(operand).ok_or("a text with a broken escape")?;
                self.decoded(text);
            }
            Op::PersId | Op::BinPersId => {
                let name = match instruction.op {
                    Op::BinPersId => self.pop()?,
                    _ => Value::Plain,
                };
                self.run.persistent.get_or_insert(instruction.at);
                let value = self.persistent(name);
                self.push(value);
            }
            Op::NextBuffer => self.push(Value::Plain),
            Op::EmptyDict => self.new_dict(),
            Op::EmptyList | Op::EmptySet => self.push(Value::Items),
            Op::EmptyTuple => self.new_tuple(Vec::new()),
            Op::List | Op::FrozenSet => {
                self.items()?;
                self.push(Value::Items);
            }
            Op::Tuple => {
                let items = self.items()?;
                self.new_tuple(items);
            }
            Op::Tuple1 => self.tuple(1)?,
            Op::Tuple2 => self.tuple(2)?,
            Op::Tuple3 => self.tuple(3)?,
            Op::Dict => {
                let items = self.items()?;
                self.new_dict();
                let dict = self.top()?;
                self.set_items(instruction.at, dict, &items)?;
            }
            Op::Append => {
                self.pop()?;
                self.changed(instruction.at, self.top()?);
            }
            Op::Appends | Op::AddItems => {
                self.items()?;
                self.changed(instruction.at, self.top()?);
            }
            Op::SetItem => {
                let value = self.pop()?;
                let key = self.pop()?;
                let target = self.top()?;
                self.set_items(instruction.at, target, &[key, value])?;
            }
            Op::SetItems => {
                let items = self.items()?;
                let target = self.top()?;
                self.set_items(instruction.at, target, &items)?;
            }
            Op::Get => {
                let key = decimal(operand).ok_or("a memo key that is no number")?;
                self.recall(key)?;
            }
            Op::BinGet => self.recall(little(operand))?,
            Op::Put => {
                let key = decimal(operand).ok_or("a memo key that is no number")?;
                self.remember(key)?;
            }
            Op::BinPut => self.remember(little(operand))?,
            Op::Memoize => self.remember((self.memo.len() + self.memo_next.len()) as u64)?,
            Op::Global | Op::Inst => return self.named(instruction),
            Op::StackGlobal => return self.stack_global(instruction.at),
            Op::Ext => {
                let number = little(operand);
                self.act(instruction.at, What::ImportsByNumber(number));
                self.push(Value::Unknown);
            }
            Op::Reduce => {
                let arguments = self.pop()?;
                let target = self.pop()?;
                let made = self.call(instruction.at, target, arguments, Use::Call);
                self.push(made);
            }
            Op::NewObj => {
                let arguments = self.pop()?;
                let target = self.pop()?;
                let made = self.call(instruction.at, target, arguments, Use::New);
                self.push(made);
            }
            Op::NewObjEx => {
                self.pop()?;
                let arguments = self.pop()?;
                let target = self.pop()?;
                let made = self.call(instruction.at, target, arguments, Use::New);
                self.push(made);
            }
            Op::Obj => {
                let mut items = self.items()?;
                if items.is_empty() {
                    return Err(UNDERFLOW);
                }
                let target = items.remove(0);
                let arguments = self.tuple_of(items);
                let made = self.call(instruction.at, target, arguments, Use::Call);
                self.push(made);
            }
            Op::Build => self.build(instruction.at)?,
        }
        Ok(())
    }

    fn protocol(&mut self, operand: &[u8]) -> Step {
        let protocol = operand.first().copied().unwrap_or_default();
        self.run.protocol = Some(protocol);
        match protocol {
            0..=5 => Ok(()),
            _ => Err("a protocol that does not exist"),
        }
    }

    /// GLOBAL and INST: names in the operand.
    fn named(&mut self, instruction: &Instruction) -> Step {
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

    fn stack_global(&mut self, at: usize) -> Step {
        let name = self.pop()?;
        let module = self.pop()?;
        let names = (self.text(module), self.text(name));
        let value = match names {
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

    fn import(&mut self, at: usize, module: &str, name: &str) -> Value {
        let same = |global: &Global| *global.module == *module && *global.name == *name;
        // The last ones only: a search through all of them would be quadratic.
        let recent = self.run.globals.len().saturating_sub(256);
        let known = self.run.globals.iter().skip(recent).position(same);
        let number = known.map(|at| at + recent).unwrap_or_else(|| {
            self.run.globals.push(Global::new(module, name, at));
            self.run.globals.len() - 1
        });
        Value::Global(number as u32)
    }

    /// A call of any kind. What it gives is an object, whatever it is.
    fn call(&mut self, at: usize, target: Value, arguments: Value, how: Use) -> Value {
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
        let first = match arguments {
            Value::Tuple(tuple) => {
                let items = self.tuples.get(tuple as usize);
                items.and_then(|items| items.first()).copied()
            }
            _ => None,
        };
        if let Some(global) = self.run.globals.get_mut(number as usize) {
            global.used(how, at, first);
        }
        self.objects.push(Object {
            made_by: number,
            arguments,
            state: Value::Plain,
        });
        Value::Object((self.objects.len() - 1) as u32)
    }

    /// What a loader gives for a name of its own. Old torch files name classes in this way, with their
    /// source, and then make objects of them.
    fn persistent(&self, name: Value) -> Value {
        let Value::Tuple(tuple) = name else {
            return Value::Persistent;
        };
        match self.tuples.get(tuple as usize).map(|items| &**items) {
            Some([kind, class @ Value::Global(_), ..])
                if self.text(*kind).as_deref() == Some("module") =>
            {
                *class
            }
            _ => Value::Persistent,
        }
    }

    /// Whether a call only reads a member of an object that the pickle made, or takes the type of a
    /// constant. Bound methods and `NoneType` are saved like this. What it gives may be kept but not
    /// called.
    fn is_reading(&self, number: u32, arguments: Value) -> bool {
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
            ("getattr", Some([Value::Object(_), name])) => {
                self.text(*name).is_some_and(|name| !name.starts_with("__"))
            }
            ("type", Some([Value::Plain])) => true,
            _ => false,
        }
    }

    fn build(&mut self, at: usize) -> Step {
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
            if let Some(member) = special.and_then(|key| self.text(key)) {
                let member = member.into_owned();
                self.act(at, What::GivesMember(member));
            }
        }
        Ok(())
    }

    /// The dicts that BUILD takes members from: the state itself, or both parts of a pair.
    fn states(&self, state: Value) -> Vec<u32> {
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

    fn set_items(&mut self, at: usize, target: Value, items: &[Value]) -> Step {
        if !items.len().is_multiple_of(2) {
            return Err("a dict with a key and no value");
        }
        if let Value::Dict(number) = target {
            let special = self.special_key(items);
            if let Some(dict) = self.dicts.get_mut(number as usize) {
                dict.special = dict.special.or(special);
                for pair in items.chunks_exact(2) {
                    if dict.entries.len() == REMEMBERED {
                        break;
                    }
                    let [key, value] = pair else { continue };
                    if key.is_text() {
                        dict.entries.push((*key, *value));
                        self.kept += 2;
                    }
                }
            }
            return Ok(());
        }
        self.changed(at, target);
        Ok(())
    }

    /// The first key that Python gives a meaning to when it becomes a member.
    fn special_key(&self, items: &[Value]) -> Option<Value> {
        let keys = items.iter().step_by(2).filter(|key| key.is_text());
        let mut keys = keys.filter(|key| self.text(**key).is_some_and(|text| is_special(&text)));
        keys.next().copied()
    }

    /// A target that is changed: one of the pickle's own, or something that others use.
    fn changed(&mut self, at: usize, target: Value) {
        if let Value::Global(number) = target {
            self.act(at, What::Changes(number));
        }
    }

    fn act(&mut self, at: usize, what: What) {
        if self.run.acts.len() < 4096 {
            self.run.acts.push(Act { at, what });
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// The stack above the last mark only.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or_default()
    }

    fn pop(&mut self) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return Err(UNDERFLOW);
        }
        self.stack.pop().ok_or(UNDERFLOW)
    }

    fn top(&self) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return Err(UNDERFLOW);
        }
        self.stack.last().copied().ok_or(UNDERFLOW)
    }

    /// POP takes a mark if that is on top.
    fn drop_top(&mut self) -> Step {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    /// What stands above the last mark, which goes.
    fn items(&mut self) -> Step<Vec<Value>> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn tuple(&mut self, length: usize) -> Step {
        let from = self.stack.len().checked_sub(length).ok_or(UNDERFLOW)?;
        if from < self.floor() {
            return Err(UNDERFLOW);
        }
        let items = self.stack.split_off(from);
        self.new_tuple(items);
        Ok(())
    }

    fn new_tuple(&mut self, items: Vec<Value>) {
        let tuple = self.tuple_of(items);
        self.push(tuple);
    }

    fn tuple_of(&mut self, items: Vec<Value>) -> Value {
        self.kept += items.len() + 1;
        self.tuples.push(items.into_boxed_slice());
        Value::Tuple((self.tuples.len() - 1) as u32)
    }

    fn new_dict(&mut self) {
        self.dicts.push(Dict::default());
        self.push(Value::Dict((self.dicts.len() - 1) as u32));
    }

    fn remember(&mut self, key: u64) -> Step {
        let value = self.top()?;
        // Keys come one after the other, unless somebody is up to something.
        match usize::try_from(key) {
            Ok(key) if key == self.memo_next.len() && self.memo.is_empty() => {
                self.memo_next.push(value);
            }
            Ok(key) if key < self.memo_next.len() => {
                if let Some(place) = self.memo_next.get_mut(key) {
                    *place = value;
                }
            }
            _ => drop(self.memo.insert(key, value)),
        }
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Step {
        let dense = usize::try_from(key)
            .ok()
            .and_then(|key| self.memo_next.get(key));
        let value = dense.or_else(|| self.memo.get(&key)).copied();
        self.push(value.ok_or("a memo key that was never set")?);
        Ok(())
    }

    fn constant(&mut self, start: usize, end: usize) {
        if end - start >= 16 {
            self.run.constants.push((start, end));
        }
        self.push(Value::Bytes { start, end });
    }

    fn decoded(&mut self, text: String) {
        self.kept += text.len() / 16;
        self.texts.push(text.into_boxed_str());
        self.push(Value::TextDecoded((self.texts.len() - 1) as u32));
    }

    fn float(&mut self, operand: &[u8]) -> Step {
        let text = std::str::from_utf8(operand).unwrap_or("?").trim();
        match text.replace('_', "").parse::<f64>() {
            Ok(_) => self.push(Value::Plain),
            Err(_) => return Err("a number that is none"),
        }
        Ok(())
    }

    fn number(&mut self, operand: &[u8]) -> Step {
        let text = std::str::from_utf8(operand).unwrap_or("?").trim();
        let text = text.strip_suffix('L').unwrap_or(text).replace('_', "");
        let digits = text.trim_start_matches(['-', '+']);
        let (digits, radix) = match digits.get(..2) {
            Some("0x" | "0X") => (&digits[2..], 16),
            Some("0o" | "0O") => (&digits[2..], 8),
            Some("0b" | "0B") => (&digits[2..], 2),
            _ => (digits, 10),
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err("a number that is none");
        }
        let value = i64::from_str_radix(digits, radix).map_or(Value::Plain, |value| {
            Value::Int(if text.starts_with('-') { -value } else { value })
        });
        self.push(value);
        Ok(())
    }

    fn line_string(&mut self, operand: &[u8]) -> Step {
        let operand = operand.trim_ascii();
        let quoted = match operand {
            [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
            _ => return Err("a text without quotes"),
        };
        let text = unescape(quoted).ok_or("a text with a broken escape")?;
        self.decoded(text);
        Ok(())
    }

    /// What a value says, if it is a text.
    pub(super) fn text(&self, value: Value) -> Option<Cow<'_, str>> {
        match value {
            Value::Bytes { start, end } | Value::Text { start, end } => {
                Some(String::from_utf8_lossy(self.bytes.get(start..end)?))
            }
            Value::TextDecoded(number) => self
                .texts
                .get(number as usize)
                .map(|text| Cow::Borrowed(&**text)),
            _ => None,
        }
    }

    pub(super) fn peek(&self) -> Option<Value> {
        self.stack.last().copied()
    }

    pub(super) fn global(&self, number: u32) -> Option<&Global> {
        self.run.globals.get(number as usize)
    }

    pub(super) fn found_array(&mut self) {
        self.run.arrays += 1;
    }
}

/// What can only give a text by computing it.
const fn is_text_maker(value: Value) -> bool {
    matches!(
        value,
        Value::Object(_) | Value::Persistent | Value::Unknown | Value::Global(_)
    )
}

/// Members that Python gives a meaning to, beyond those that objects keep about themselves.
fn is_special(member: &str) -> bool {
    member.len() > 4
        && member.starts_with("__")
        && member.ends_with("__")
        && !matches!(
            member,
            "__dict__"
                | "__doc__"
                | "__module__"
                | "__name__"
                | "__qualname__"
                | "__orig_class__"
                | "__annotations__"
        )
}

fn binary_int(operand: &[u8]) -> i64 {
    let value = little(operand);
    match operand.len() {
        4 => i64::from(value as u32 as i32),
        _ => value as i64,
    }
}

fn long(operand: &[u8]) -> Value {
    if operand.len() > 8 {
        return Value::Plain;
    }
    let negative = operand.last().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative {
        u64::MAX.checked_shl(8 * operand.len() as u32).unwrap_or(0)
    } else {
        0
    };
    Value::Int((little(operand) | fill) as i64)
}

fn decimal(operand: &[u8]) -> Option<u64> {
    std::str::from_utf8(operand).ok()?.trim().parse().ok()
}

/// Python decodes texts with lone surrogates let through.
fn surrogates(bytes: &[u8]) -> Result<&str, &'static str> {
    let error = "a text that is no UTF-8";
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(_) => return Ok(""),
            Err(bad) => {
                let at = bad.valid_up_to();
                match rest.get(at..at + 3) {
                    Some([0xed, 0xa0..=0xbf, 0x80..=0xbf]) => {
                        rest = rest.get(at + 3..).ok_or(error)?
                    }
                    _ => return Err(error),
                }
            }
        }
    }
}

/// The escapes of `raw-unicode-escape`.
fn raw_unicode_escape(bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let width = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                out.push(char::from(byte));
                rest = after;
                continue;
            }
        };
        let digits = std::str::from_utf8(after.get(1..=width)?).ok()?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
        rest = after.get(1 + width..)?;
    }
    Some(out)
}

/// The escapes of a bytes literal.
fn unescape(bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(char::from(byte));
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        let plain = match kind {
            b'\\' | b'\'' | b'"' => kind,
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = rest.get(2..)?;
                u8::from_str_radix(digits, 16).ok()?
            }
            b'0'..=b'7' => {
                let mut value = u32::from(kind - b'0');
                for _ in 0..2 {
                    if let Some((digit @ b'0'..=b'7', after)) = rest.split_first() {
                        value = value * 8 + u32::from(digit - b'0');
                        rest = after;
                    }
                }
                value as u8
            }
            other => {
                out.push('\\');
                other
            }
        };
        out.push(char::from(plain));
    }
    Some(out)
}
