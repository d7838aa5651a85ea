// SPDX-License-Identifier: Apache-2.0
//! Checks of secrets beyond their shape.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::value::{entropy, may_be_secret};

/// A check beyond the shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Base64(usize),
    Basic,
    Entropy(f32),
    Jwt,
    Mixed,
    NotHex,
    Uuid,
    /// The class of that number is the secret proper.
    Value(usize),
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN_BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

pub(super) fn passes(test: &Test, token: &str, varied: &[u8]) -> bool {
    match test {
        Test::Base64(bytes) => {
            let part = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
            let longest = token
                .split(part)
                .max_by_key(|run| run.len())
                .unwrap_or_default();
            PLAIN_BASE64
                .decode(longest)
                .is_ok_and(|decoded| decoded.len() == *bytes)
        }
        Test::Basic => is_login(varied),
        Test::Entropy(bits) => entropy(varied) >= *bits,
        Test::Jwt => has_algorithm(token),
        Test::Mixed => {
            varied.iter().any(u8::is_ascii_digit) && varied.iter().any(u8::is_ascii_alphabetic)
        }
        Test::NotHex => {
            let hex = |upper: fn(&u8) -> bool| {
                varied
                    .iter()
                    .all(|byte| byte.is_ascii_hexdigit() && !upper(byte))
            };
            !hex(u8::is_ascii_uppercase) && !hex(u8::is_ascii_lowercase)
        }
        Test::Uuid => {
            let digits = varied.to_ascii_lowercase();
            (b'0'..=b'f').filter(|digit| digits.contains(digit)).count() >= 8
        }
        Test::Value(_) => true,
    }
}

/// Whether base64 stands for `user:password` with a password worth the name.
fn is_login(encoded: &[u8]) -> bool {
    let Ok(decoded) = PLAIN_BASE64.decode(encoded) else {
        return false;
    };
    let printable = decoded
        .iter()
        .filter(|byte| (32..127).contains(*byte))
        .count();
    let text = String::from_utf8_lossy(&decoded);
    let Some((user, password)) = text.split_once(':') else {
        return false;
    };
    let fits = match password.is_empty() {
        true => user.len() >= 4,
        false => may_be_secret(password),
    };
    fits && !text.starts_with('{') && printable * 10 >= decoded.len() * 9
}

/// Whether the first part of a token is a JSON header that names an algorithm.
fn has_algorithm(token: &str) -> bool {
    let head = token
        .find("eyJ")
        .and_then(|at| token.get(at..))
        .and_then(|rest| rest.split('.').next())
        .unwrap_or_default();
    let Ok(decoded) = URL_BASE64.decode(head) else {
        return false;
    };
    let text = String::from_utf8_lossy(&decoded);
    text.starts_with('{') && text.trim_end().ends_with('}') && text.contains("\"alg\"")
}
