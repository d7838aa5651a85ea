// SPDX-License-Identifier: Apache-2.0
//! Stack, marks, memo, and the values on them.

use std::borrow::Cow;

use super::{Keeps, Machine, Step, UNDERFLOW};
use crate::pickle::{
    names::Global,
    text::unescape,
    value::{Dict, Value},
};

/// Bytes of a word at most. No name on a list is as long.
const WORD: usize = 256;

impl Machine<'_> {
    pub(in crate::pickle) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// The stack above the last mark only.
    pub(in crate::pickle) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or_default()
    }

    pub(in crate::pickle) fn pop(&mut self) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return Err(UNDERFLOW);
        }
        self.stack.pop().ok_or(UNDERFLOW)
    }

    pub(in crate::pickle) fn top(&self) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return Err(UNDERFLOW);
        }
        self.stack.last().copied().ok_or(UNDERFLOW)
    }

    /// POP takes a mark if that is on top.
    pub(in crate::pickle) fn drop_top(&mut self) -> Step {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    /// What stands above the last mark, which goes.
    pub(in crate::pickle) fn items(&mut self) -> Step<Vec<Value>> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    pub(in crate::pickle) fn tuple(&mut self, length: usize) -> Step {
        let from = self.stack.len().checked_sub(length).ok_or(UNDERFLOW)?;
        if from < self.floor() {
            return Err(UNDERFLOW);
        }
        let items = self.stack.split_off(from);
        self.new_tuple(items);
        Ok(())
    }

    pub(in crate::pickle) fn new_tuple(&mut self, items: Vec<Value>) {
        let tuple = self.tuple_of(items);
        self.push(tuple);
    }

    pub(in crate::pickle) fn tuple_of(&mut self, items: Vec<Value>) -> Value {
        self.kept += items.len() + 1;
        let costs = items.iter().map(|item| self.cost(*item));
        self.costs.push(costs.fold(1, u64::saturating_add));
        self.tuples.push(items.into_boxed_slice());
        Value::Tuple((self.tuples.len() - 1) as u32)
    }

    /// Values that a value stands for.
    pub(in crate::pickle) fn cost(&self, value: Value) -> u64 {
        match value {
            Value::Tuple(tuple) => self.costs.get(tuple as usize).copied().unwrap_or(1),
            _ => 1,
        }
    }

    pub(in crate::pickle) fn new_list(&mut self, items: Vec<Value>) {
        if self.keeps == Keeps::Little {
            self.push(Value::Items);
            return;
        }
        self.kept += items.len();
        self.lists.push(items);
        self.push(Value::List((self.lists.len() - 1) as u32));
    }

    pub(in crate::pickle) fn new_dict(&mut self) {
        self.dicts.push(Dict::default());
        self.push(Value::Dict((self.dicts.len() - 1) as u32));
    }

    pub(in crate::pickle) fn remember(&mut self, key: u64) -> Step {
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

    pub(in crate::pickle) fn recall(&mut self, key: u64) -> Step {
        let dense = usize::try_from(key)
            .ok()
            .and_then(|key| self.memo_next.get(key));
        let value = dense.or_else(|| self.memo.get(&key)).copied();
        self.push(value.ok_or("a memo key that was never set")?);
        Ok(())
    }

    pub(in crate::pickle) fn constant(&mut self, start: usize, end: usize) {
        if end - start >= 16 {
            self.run.constants.push((start, end));
        }
        self.push(Value::Bytes { start, end });
    }

    pub(in crate::pickle) fn decoded(&mut self, text: String) {
        self.kept += text.len() / 16;
        self.texts.push(text.into_boxed_str());
        self.push(Value::TextDecoded((self.texts.len() - 1) as u32));
    }

    pub(in crate::pickle) fn float(&mut self, operand: &[u8]) -> Step {
        let text = std::str::from_utf8(operand).unwrap_or("?").trim();
        match text.replace('_', "").parse::<f64>() {
            Ok(_) => self.push(Value::Plain),
            Err(_) => return Err("a number that is none"),
        }
        Ok(())
    }

    pub(in crate::pickle) fn number(&mut self, operand: &[u8]) -> Step {
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

    pub(in crate::pickle) fn line_string(&mut self, operand: &[u8]) -> Step {
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
    pub(in crate::pickle) fn text(&self, value: Value) -> Option<Cow<'_, str>> {
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

    /// The same of a short text. What is compared with a word is not decoded as a whole first: a pickle
    /// can refer to a long text with every two of its bytes.
    pub(in crate::pickle) fn word(&self, value: Value) -> Option<Cow<'_, str>> {
        if let Value::Bytes { start, end } | Value::Text { start, end } = value
            && end - start > WORD
        {
            return None;
        }
        self.text(value).filter(|text| text.len() <= WORD)
    }

    /// The beginning of a text, which is all of it unless it is longer than anything on a list.
    pub(in crate::pickle) fn beginning(&self, value: Value) -> Option<Cow<'_, str>> {
        match value {
            Value::Bytes { start, end } | Value::Text { start, end } => {
                let end = end.min(start.saturating_add(WORD));
                Some(String::from_utf8_lossy(self.bytes.get(start..end)?))
            }
            Value::TextDecoded(number) => {
                let text = self.texts.get(number as usize)?;
                text.get(..text.floor_char_boundary(WORD))
                    .map(Cow::Borrowed)
            }
            _ => None,
        }
    }

    /// Whether a text could be a member that Python gives a meaning to, by its ends.
    pub(in crate::pickle) fn is_dunder(&self, value: Value) -> bool {
        let bytes = match value {
            Value::Bytes { start, end } | Value::Text { start, end } => self.bytes.get(start..end),
            Value::TextDecoded(number) => {
                self.texts.get(number as usize).map(|text| text.as_bytes())
            }
            _ => None,
        };
        bytes.is_some_and(|bytes| bytes.starts_with(b"__") && bytes.ends_with(b"__"))
    }

    pub(in crate::pickle) fn peek(&self) -> Option<Value> {
        self.stack.last().copied()
    }

    pub(in crate::pickle) fn global(&self, number: u32) -> Option<&Global> {
        self.run.globals.get(number as usize)
    }

    /// Notes an array that stands at `at`. Loaders read it from the file, so it stands behind a frame
    /// and never inside of one.
    pub(in crate::pickle) fn found_array(&mut self, at: usize) -> Step {
        self.run.first_array.get_or_insert(at);
        match at < self.frame_end {
            true => Err("an array inside of a frame"),
            false => Ok(()),
        }
    }
}
