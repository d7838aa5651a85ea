// SPDX-License-Identifier: Apache-2.0
//! The wire format of protocol buffers.

/// A value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Bytes(&'a [u8]),
    /// Four or eight bytes.
    Fixed,
    Number(u64),
}

/// Fields of a message, until they end or break.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    is_broken: bool,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            is_broken: false,
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for (place, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f)
                .checked_shl(7 * place as u32)
                .unwrap_or(0);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(place + 1..)?;
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let key = self.number()?;
        let field = u32::try_from(key >> 3).ok().filter(|field| *field > 0)?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((field, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.rest.get(..length)?;
        self.rest = self.rest.get(length..)?;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    /// None for what cannot be read, which is the last.
    type Item = Option<(u32, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.is_broken {
            return None;
        }
        let field = self.field();
        self.is_broken = field.is_none();
        Some(field)
    }
}

/// All fields, if the message can be read to its end.
pub(super) fn message(bytes: &[u8]) -> Option<Vec<(u32, Value<'_>)>> {
    Fields::new(bytes).collect()
}

/// Messages, texts or bytes of one field.
pub(super) fn parts<'a>(fields: &[(u32, Value<'a>)], field: u32) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter_map(move |(number, value)| match value {
            Value::Bytes(bytes) if *number == field => Some(*bytes),
            _ => None,
        })
}

/// The last text of a field, as readers take it.
pub(super) fn text(fields: &[(u32, Value<'_>)], field: u32) -> String {
    let last = parts(fields, field).last().unwrap_or_default();
    String::from_utf8_lossy(last).into_owned()
}

/// The last number of a field.
pub(super) fn number(fields: &[(u32, Value<'_>)], field: u32) -> Option<u64> {
    let mut numbers = fields.iter().filter_map(|(number, value)| match value {
        Value::Number(value) if *number == field => Some(*value),
        _ => None,
    });
    numbers.next_back()
}
