// SPDX-License-Identifier: Apache-2.0
//! Operands of instructions: numbers, and texts with their escapes.

use super::{opcodes::little, value::Value};

/// What can only give a text by computing it.
pub(super) const fn is_text_maker(value: Value) -> bool {
    matches!(
        value,
        Value::Object(_)
            | Value::Persistent
            | Value::Stored(_)
            | Value::Unknown
            | Value::Global(_)
            | Value::Made(_)
    )
}

/// Members that Python gives a meaning to, beyond those that objects keep about themselves.
pub(super) fn is_special(member: &str) -> bool {
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

pub(super) fn binary_int(operand: &[u8]) -> i64 {
    let value = little(operand);
    match operand.len() {
        4 => i64::from(value as u32 as i32),
        _ => value as i64,
    }
}

pub(super) fn long(operand: &[u8]) -> Value {
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

pub(super) fn decimal(operand: &[u8]) -> Option<u64> {
    std::str::from_utf8(operand).ok()?.trim().parse().ok()
}

/// Python decodes texts with lone surrogates let through.
pub(super) fn surrogates(bytes: &[u8]) -> Result<&str, &'static str> {
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
pub(super) fn raw_unicode_escape(bytes: &[u8]) -> Option<String> {
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
pub(super) fn unescape(bytes: &[u8]) -> Option<String> {
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
