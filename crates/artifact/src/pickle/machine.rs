// SPDX-License-Identifier: Apache-2.0
//! A stack machine that follows a pickle over abstract values: what it imports, calls and changes.
//!
//! It does what `pickle.load` does, with the memo and the marks, but makes nothing. Where loaders
//! raise an error it ends; what ran before the error has been seen by then.

mod calls;
mod stack;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    names::{Global, Use},
    opcodes::{self, Instruction, Op, little},
    text::{binary_int, decimal, long, raw_unicode_escape, surrogates},
    value::{Dict, Object, Value},
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
    /// Constants that had to be made of texts, with where they begin to be used.
    pub(super) made: Vec<(usize, Arc<[u8]>)>,
    pub(super) persistent: Option<usize>,
    /// How often the memo was written to as protocol 0 does.
    pub(super) puts: u32,
    /// The protocol that it says it has.
    pub(super) protocol: Option<u8>,
    /// What STOP left on the stack, if it is the number that legacy torch files begin with.
    pub(super) is_torch_magic: bool,
    /// Where the first of joblib's arrays begins.
    pub(super) first_array: Option<usize>,
    /// What nested loads are given, each once, with the place of the first call.
    pub(super) loaded: Vec<(usize, Loaded)>,
}

/// What a nested load is given.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// One of the constants that were made; its number.
    Made(usize),
    /// Bytes of the pickle.
    Range(usize, usize),
    Text(Vec<u8>),
}

/// How much of what a pickle makes is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// All of it, so that what the pickle stands for can be read.
    All,
    /// As much as is needed to judge.
    Little,
}

/// Whose way of reading is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loader {
    /// Arrays stand in the middle of the stream.
    Joblib,
    /// Python's own: all bytes are instructions.
    Plain,
}

/// Something that a pickle does, beyond naming a global.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) at: usize,
    pub(super) what: What,
}

impl Act {
    /// Whether it does something, instead of only failing.
    pub(super) const fn is_deed(&self) -> bool {
        !matches!(self.what, What::Fails(_))
    }
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// Calls what it computed.
    CallsComputed,
    /// Changes a global.
    Changes(u32),
    /// Does what every loader raises an error for, or never ends with.
    Fails(&'static str),
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
    loader: Loader,
    keeps: Keeps,
    /// What was put into objects that are like dicts, by the number of the object.
    pub(super) entries: BTreeMap<u32, Vec<(Value, Value)>>,
    pub(super) lists: Vec<Vec<Value>>,
    /// Tuples that name what only the loader has, in order.
    pub(super) stored: Vec<u32>,
    /// What STOP left.
    pub(super) result: Option<Value>,
    /// Where the last frame ends.
    frame_end: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: BTreeMap<u64, Value>,
    memo_next: Vec<Value>,
    pub(super) objects: Vec<Object>,
    pub(super) dicts: Vec<Dict>,
    pub(super) tuples: Vec<Box<[Value]>>,
    texts: Vec<Box<str>>,
    /// What a nested load was given already.
    loads: HashSet<Value>,
    /// Values that each tuple stands for, itself and those within it counted again and again.
    costs: Vec<u64>,
    has_failed: bool,
    kept: usize,
    max_values: usize,
    run: Run,
}

type Step<T = ()> = Result<T, &'static str>;

const UNDERFLOW: &str = "an instruction takes more than there is on the stack";
const TORCH_MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Follows the pickle that begins at `start`.
pub(super) fn follow(
    bytes: &[u8],
    start: usize,
    max_instructions: u64,
    max_values: usize,
    loader: Loader,
) -> Run {
    let mut machine = Machine::new(bytes, start, max_values, loader, Keeps::Little);
    machine.run.end = machine.go(start, max_instructions, 0);
    machine.run
}

/// Follows the pickle that begins at `start` and keeps all that it makes.
pub(super) fn keep(
    bytes: &[u8],
    start: usize,
    max_instructions: u64,
    max_values: usize,
) -> Machine<'_> {
    let mut machine = Machine::new(bytes, start, max_values, Loader::Plain, Keeps::All);
    machine.run.end = machine.go(start, max_instructions, 0);
    machine
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8], start: usize, max_values: usize, loader: Loader, keeps: Keeps) -> Self {
        Self {
            bytes,
            loader,
            keeps,
            entries: BTreeMap::new(),
            lists: Vec::new(),
            stored: Vec::new(),
            result: None,
            frame_end: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            memo_next: Vec::new(),
            objects: Vec::new(),
            dicts: Vec::new(),
            tuples: Vec::new(),
            texts: Vec::new(),
            loads: HashSet::new(),
            costs: Vec::new(),
            has_failed: false,
            kept: 0,
            max_values,
            run: Run {
                end: End::Broken(start, ""),
                instructions: 0,
                globals: Vec::new(),
                acts: Vec::new(),
                constants: Vec::new(),
                made: Vec::new(),
                persistent: None,
                puts: 0,
                protocol: None,
                is_torch_magic: false,
                first_array: None,
                loaded: Vec::new(),
            },
        }
    }
}

impl Machine<'_> {
    /// What happened.
    pub(super) const fn run(&self) -> &Run {
        &self.run
    }

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
                    Some(result) => {
                        self.result = Some(result);
                        End::Stop(instruction.next)
                    }
                    None => End::Broken(at, UNDERFLOW),
                };
            }
            let is_across = at < self.frame_end && instruction.next > self.frame_end;
            let is_frame = instruction.op == Op::Frame;
            self.fails_if(
                is_across && !is_frame,
                at,
                "an instruction across the end of its frame",
            );
            if let Err(why) = self.step(&instruction) {
                return End::Broken(at, why);
            }
            at = instruction.next;
            if instruction.op == Op::Build && self.loader == Loader::Joblib {
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
            + self.lists.len()
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
            Op::Frame => {
                let length = usize::try_from(little(operand)).unwrap_or(usize::MAX);
                self.frame_end = instruction.next.saturating_add(length);
                let is_cut = self.frame_end > self.bytes.len();
                self.fails_if(is_cut, instruction.at, "a frame ends beyond the file");
            }
            Op::Stop => {}
            Op::ReadonlyBuffer => {
                let top = self.top()?;
                let why = "a buffer is asked of what has none";
                self.fails_if(top.has_no_buffer(), instruction.at, why);
            }
            Op::Mark => self.marks.push(self.stack.len()),
            Op::Pop => self.drop_top()?,
            Op::PopMark => drop(self.items()?),
            Op::Dup => self.push(self.top()?),
            Op::None | Op::NewFalse | Op::BinFloat => self.push(Value::Plain),
            Op::NewTrue => self.push(Value::True),
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
                if let (Value::Stored(tuple), Keeps::All) = (value, self.keeps) {
                    self.kept += 1;
                    self.stored.push(tuple);
                }
                self.push(value);
            }
            Op::NextBuffer => {
                self.fails_if(true, instruction.at, "a buffer outside of the pickle");
                self.push(Value::Plain);
            }
            Op::EmptyDict => self.new_dict(),
            Op::EmptySet if self.keeps == Keeps::Little => self.push(Value::Set),
            Op::EmptyList | Op::EmptySet => self.new_list(Vec::new()),
            Op::EmptyTuple => self.new_tuple(Vec::new()),
            Op::FrozenSet if self.keeps == Keeps::Little => {
                let items = self.items()?;
                self.are_keys(instruction.at, items.iter());
                self.push(Value::Frozen);
            }
            Op::List | Op::FrozenSet => {
                let items = self.items()?;
                self.new_list(items);
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
                let item = self.pop()?;
                self.append(instruction.at, &[item])?;
            }
            Op::Appends => {
                let items = self.items()?;
                self.append(instruction.at, &items)?;
            }
            Op::AddItems => {
                let items = self.items()?;
                self.add(instruction.at, &items)?;
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
                self.run.puts += 1;
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
}
