// SPDX-License-Identifier: Apache-2.0
//! Bounds on a policy text, checked before Cedar reads it.
//!
//! Cedar's parser and validator recurse: a thousand brackets overflow the stack, which ends the
//! process, and on the way there the validator lets pass what it had no stack left to check. No
//! policy that people read comes near these bounds.

use crate::PolicyFault;

/// Brackets within brackets.
const MAX_DEPTH: usize = 40;
/// Operators of one policy, member access and `if` included.
const MAX_OPERATORS: usize = 200;

/// The first place where a text goes beyond the bounds.
pub(crate) fn fault(text: &str) -> Option<PolicyFault> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut operators) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b'"' => string(rest),
            b'/' if rest.starts_with(b"//") => {
                rest.iter().take_while(|byte| **byte != b'\n').count()
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => rest
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                .count(),
            b'&' | b'|' | b'=' | b'<' | b'>' | b'!' => rest
                .iter()
                .take(2)
                .take_while(|byte| b"&|=<>!".contains(byte))
                .count(),
            _ => 1,
        };
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => operators = 0,
            b'.' | b'+' | b'-' | b'*' | b'&' | b'|' | b'=' | b'<' | b'>' | b'!' => operators += 1,
            b'i' if rest.starts_with(b"if") && length == 2 => operators += 1,
            _ => {}
        }
        let what = if depth > MAX_DEPTH {
            format!("brackets are nested deeper than {MAX_DEPTH}")
        } else if operators > MAX_OPERATORS {
            format!("a policy has more than {MAX_OPERATORS} operators")
        } else {
            at += length;
            continue;
        };
        return Some(PolicyFault {
            message: what,
            hint: Some("write it as several policies".to_owned()),
            offset: Some(at),
            length,
        });
    }
    None
}

/// Length of a string with its quotes, or of all there is.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}
