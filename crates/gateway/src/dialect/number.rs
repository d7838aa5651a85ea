// SPDX-License-Identifier: Apache-2.0
//! Numbers of documents in which something can be found. They are inspected by their digits.

use std::{borrow::Cow, ops::RangeInclusive};

use crate::json::{Kind, Value};

/// Digits of cards that are sure enough to be acted upon where there are no words and no groups: longer
/// and shorter ones are the ids of posts and the instants of clocks.
const CARD: RangeInclusive<usize> = 15..=16;

/// The digits of a whole number that has as many as a card, without sign, point and exponent.
pub(crate) fn card_digits<'a>(value: Value<'_, 'a>) -> Option<Cow<'a, str>> {
    // Nearly every number is shorter.
    if value.kind() != Kind::Number || value.span().len() < *CARD.start() {
        return None;
    }
    let raw = value.raw();
    let raw = raw.strip_prefix('-').unwrap_or(raw);
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return CARD.contains(&raw.len()).then_some(Cow::Borrowed(raw));
    }
    whole(raw).map(Cow::Owned)
}

/// The digits of a number with a point or an exponent, if it is whole.
fn whole(raw: &str) -> Option<String> {
    let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let point = i64::try_from(before.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point).ok()?;
    let zeros = before.bytes().chain(behind.bytes());
    let zeros = zeros.take_while(|byte| *byte == b'0').count();
    if !CARD.contains(&point.checked_sub(zeros)?) {
        return None;
    }
    let digits = || before.bytes().chain(behind.bytes());
    let is_whole = digits().skip(point).all(|byte| byte == b'0');
    let all = digits().chain(std::iter::repeat(b'0'));
    let all = all.skip(zeros).take(point - zeros).map(char::from);
    is_whole.then(|| all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Tape;

    #[test]
    fn whole_numbers_are_told_by_their_digits() {
        for (number, wanted) in [
            ("4111111111111111", Some("4111111111111111")),
            ("-4111111111111111", Some("4111111111111111")),
            ("4111111111111111.000", Some("4111111111111111")),
            ("4.111111111111111e15", Some("4111111111111111")),
            ("4.111111111111111E+15", Some("4111111111111111")),
            ("0.4111111111111111e16", Some("4111111111111111")),
            ("0.004111111111111111e18", Some("4111111111111111")),
            ("41111111111111110e-1", Some("4111111111111111")),
            ("4.11111111111e15", Some("4111111111110000")),
            ("411111111111111", Some("411111111111111")),
            ("41111111111111", None),
            ("41111111111111111", None),
            ("4111111111111111.5", None),
            ("0.4111111111111111", None),
            ("4.111111111111111e14", None),
            ("4.111111111111111e-15", None),
            ("4.1111111111111e99999999999999999999", None),
            ("4.1111111111111e9223372036854775807", None),
            ("0.00000000000000000000", None),
            ("1735689600123", None),
        ] {
            let tape = Tape::parse(number.as_bytes()).unwrap();
            let digits = card_digits(tape.root());
            assert_eq!(digits.as_deref(), wanted, "{number}");
        }
    }
}
