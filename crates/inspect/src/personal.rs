// SPDX-License-Identifier: Apache-2.0
//! Personal and payment data by form: one pass over the bytes, detectors only where a digit, an `@`
//! or a `:` stands.

use casemate_types::{Finding, FindingKind};

use crate::{
    number::{iban_check, iban_length, is_card_range, is_ssn, luhn},
    words::{Hit, Sense, near},
};

/// How far before a number a word may stand that explains it.
const CONTEXT: usize = 40;
/// A run of digits and separators longer than this is no number of ours.
const MAX_RUN: usize = 48;

/// Whether a text has digits at all; without them no context word matters.
pub(crate) fn may_need_context(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Finds what begins at `from` or later; what stands before is only looked back at.
pub(crate) fn find(text: &str, from: usize, hits: &[Hit], found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(step) = bytes[at..]
        .iter()
        .position(|byte| TRIGGER[usize::from(*byte)])
    {
        let trigger = at + step;
        let end = match bytes[trigger] {
            b'@' => email(bytes, trigger, found),
            b':' => ipv6(bytes, trigger, found),
            _ => number(bytes, trigger, hits, found),
        };
        at = end.max(trigger + 1);
    }
}

const TRIGGER: [bool; 256] = {
    let mut table = [false; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = true;
        digit += 1;
    }
    table[b'@' as usize] = true;
    table[b':' as usize] = true;
    table
};

fn push(
    found: &mut Vec<Finding>,
    kind: FindingKind,
    span: std::ops::Range<usize>,
    rule: &'static str,
    score: f32,
) {
    found.push(Finding {
        kind,
        span,
        rule,
        score,
    });
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// An address around the `@` at `sign`; gives where to go on.
fn email(bytes: &[u8], sign: usize, found: &mut Vec<Finding>) -> usize {
    let before = bytes[..sign]
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| is_local(**byte))
        .count();
    let mut start = sign - before;
    while start < sign && matches!(bytes[start], b'.' | b'-' | b'+' | b'%') {
        start += 1;
    }
    let after = bytes[sign + 1..]
        .iter()
        .take(253)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        .count();
    let mut end = sign + 1 + after;
    while end > sign + 1 && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let domain = &bytes[sign + 1..end];
    let labels_valid = domain
        .split(|byte| *byte == b'.')
        .all(|label| !label.is_empty() && label.len() <= 63 && label[0] != b'-');
    let top = domain
        .rsplit(|byte| *byte == b'.')
        .next()
        .unwrap_or_default();
    let valid = start < sign
        && bytes[sign - 1] != b'.'
        && labels_valid
        && domain.len() > top.len()
        && top.len() >= 2
        && (top.iter().all(u8::is_ascii_alphabetic) || top.starts_with(b"xn--"));
    if valid {
        push(
            found,
            FindingKind::Email,
            start..end,
            "personal.email",
            0.99,
        );
        return end;
    }
    // What looked like a domain may be a number.
    sign + 1
}

/// An IPv6 address around the first `:` of a run.
fn ipv6(bytes: &[u8], colon: usize, found: &mut Vec<Finding>) -> usize {
    let part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let start = colon
        - bytes[..colon]
            .iter()
            .rev()
            .take(4)
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
    let length = bytes[start..]
        .iter()
        .take(46)
        .take_while(|byte| part(byte))
        .count();
    let mut end = start + length;
    // A colon that ends a sentence part is no part of the address.
    if end > start + 1 && bytes[end - 1] == b':' && bytes[end - 2] != b':' {
        end -= 1;
    }
    let run = &bytes[start..end];
    let colons = run.iter().filter(|byte| **byte == b':').count();
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    let alone = |at: Option<&u8>| {
        at.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b':')
    };
    // A full stop ends a sentence, unless an IPv4 address stands at the end of the address.
    let mapped =
        bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let address = std::str::from_utf8(run)
        .ok()
        .and_then(|text| text.parse::<std::net::Ipv6Addr>().ok());
    if let Some(address) = address
        && colons >= 3
        && digits > 0
        && !address.is_loopback()
        && alone(start.checked_sub(1).and_then(|at| bytes.get(at)))
        && alone(bytes.get(end))
        && !mapped
    {
        push(found, FindingKind::Ip, start..end, "personal.ipv6", 0.95);
        return end;
    }
    colon + 1
}

/// Digits with the separators between them, from the first digit of a run on.
struct Run {
    start: usize,
    end: usize,
    digits: Vec<u8>,
    /// Lengths of the groups between separators.
    groups: Vec<usize>,
    /// Where each group ends.
    ends: Vec<usize>,
    /// The first byte of each separator.
    separators: Vec<u8>,
    /// A country code with `+` or an area code in brackets stands in front.
    plus: bool,
    bracket: bool,
}

impl Run {
    /// The run of the first `count` groups.
    fn first_groups(&self, count: usize) -> Self {
        let digits: usize = self.groups.iter().take(count).sum();
        Self {
            start: self.start,
            end: count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(self.start),
            digits: self.digits.iter().take(digits).copied().collect(),
            groups: self.groups.iter().take(count).copied().collect(),
            ends: self.ends.iter().take(count).copied().collect(),
            separators: self.separators.iter().take(count.saturating_sub(1)).copied().collect(),
            plus: self.plus,
            bracket: self.bracket,
        }
    }

    /// The groups before the first space, when more follow: in `123-45-6789 2024-01-02` the space
    /// ends the number.
    fn before_space(&self) -> Option<Self> {
        let space = self.separators.iter().position(|separator| *separator == b' ')?;
        Some(self.first_groups(space + 1))
    }
}

fn run_at(bytes: &[u8], first: usize) -> Run {
    let before = |back: usize| {
        first
            .checked_sub(back)
            .and_then(|at| bytes.get(at))
            .copied()
    };
    let bracket = before(1) == Some(b'(');
    let plus = before(1) == Some(b'+') || (bracket && before(2) == Some(b'+'));
    let lead =
        usize::from(bracket) + usize::from(before(if bracket { 2 } else { 1 }) == Some(b'+'));
    let mut run = Run {
        start: first - lead.min(first),
        end: first,
        digits: Vec::with_capacity(20),
        groups: Vec::with_capacity(6),
        ends: Vec::with_capacity(6),
        separators: Vec::with_capacity(6),
        plus,
        bracket,
    };
    let (mut at, mut group) = (first, 0);
    while let Some(byte) = bytes.get(at).filter(|_| at - first < MAX_RUN) {
        if byte.is_ascii_digit() {
            run.digits.push(byte - b'0');
            group += 1;
            at += 1;
            run.end = at;
            continue;
        }
        let gap = separator(&bytes[at..]);
        if gap == 0 || group == 0 {
            break;
        }
        run.groups.push(group);
        run.ends.push(at);
        run.separators.push(*byte);
        group = 0;
        at += gap;
    }
    if group > 0 {
        run.groups.push(group);
        run.ends.push(run.end);
    } else {
        run.separators.pop();
    }
    run
}

/// Length of a separator between digits: one of ` -./`, or a bracket with its space, when a digit
/// follows.
fn separator(rest: &[u8]) -> usize {
    let length = match rest {
        [b')', b' ' | b'-', b'0'..=b'9', ..] | [b' ' | b'-', b'(', b'0'..=b'9', ..] => 2,
        [b' ' | b'-' | b'.' | b'/' | b')' | b'(', b'0'..=b'9', ..] => 1,
        [b' ', b'-', b' ', b'0'..=b'9', ..] => 3,
        _ => 0,
    };
    length
}

/// Whatever number begins at the digit `first`; gives where to go on.
fn number(bytes: &[u8], first: usize, hits: &[Hit], found: &mut Vec<Finding>) -> usize {
    if let Some(end) = iban(bytes, first, found) {
        return end;
    }
    let joined = first
        .checked_sub(1)
        .and_then(|at| bytes.get(at))
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_') || *byte >= 0x80);
    if joined {
        return skip_word(bytes, first);
    }
    let mut run = run_at(bytes, first);
    let next = bytes.get(run.end).copied();
    if next.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        if run.groups.len() < 2 {
            return ipv6_tail(bytes, first, found).unwrap_or_else(|| skip_word(bytes, first));
        }
        // The last group is the beginning of a word, as in `555 0187 2nd floor`.
        run = run.first_groups(run.groups.len() - 1);
    }
    let prior = found.len();
    if let Some(end) = ipv4(bytes, first, &run, found) {
        return end;
    }
    card(first, &run, found);
    for part in [Some(&run), run.before_space().as_ref()].into_iter().flatten() {
        if found.len() == prior {
            ssn(first, part, hits, found);
        }
        if found.len() == prior {
            phone(bytes, part, hits, found);
        }
    }
    match found.get(prior) {
        Some(finding) => finding.span.end,
        // The run may hide a number behind a first group that does not belong to it.
        None => first + run.groups.first().copied().unwrap_or(1),
    }
}

/// An IPv6 address whose first group begins with a digit.
fn ipv6_tail(bytes: &[u8], first: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let hex = bytes[first..]
        .iter()
        .take(4)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let colon = first + hex;
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let before = found.len();
    let end = ipv6(bytes, colon, found);
    (found.len() > before).then_some(end)
}

fn skip_word(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count()
}

fn iban(bytes: &[u8], first: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let start = first.checked_sub(2)?;
    let country = &bytes[start..first];
    let boundary = start
        .checked_sub(1)
        .and_then(|at| bytes.get(at))
        .is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if !boundary || !country.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let length = iban_length(country)?;
    let mut compact = Vec::with_capacity(34);
    let mut at = start;
    while compact.len() < length {
        match bytes.get(at)? {
            byte if byte.is_ascii_digit() || byte.is_ascii_uppercase() => compact.push(*byte),
            b' ' | b'-'
                if !compact.is_empty()
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => return None,
        }
        at += 1;
    }
    if bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) || !iban_check(&compact) {
        return None;
    }
    push(found, FindingKind::Iban, start..at, "payment.iban", 0.99);
    Some(at)
}

fn ipv4(bytes: &[u8], first: usize, run: &Run, found: &mut Vec<Finding>) -> Option<usize> {
    let length = bytes[first..]
        .iter()
        .take(16)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let mut end = first + length;
    while end > first && bytes[end - 1] == b'.' {
        end -= 1;
    }
    if run.plus || first.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'.') {
        return None;
    }
    let text = std::str::from_utf8(&bytes[first..end]).ok()?;
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    if bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    {
        return None;
    }
    if !address.is_loopback() && !address.is_unspecified() && !address.is_broadcast() {
        push(found, FindingKind::Ip, first..end, "personal.ipv4", 0.9);
    }
    Some(end)
}

/// A card in the run: all of it, or its groups from the first on.
fn card(first: usize, run: &Run, found: &mut Vec<Finding>) {
    if run.digits.len() < 12 || run.plus {
        return;
    }
    // Groups of a card are joined by spaces or dashes; another separator ends it, as in `… 12/26`.
    let groups = run
        .separators
        .iter()
        .take_while(|separator| matches!(separator, b' ' | b'-'))
        .count()
        + 1;
    let mut digits = 0;
    let mut card = None;
    // The longest prefix of whole groups that is a card, so that a following number stays out.
    for (group, end) in run.groups.iter().zip(&run.ends).take(groups) {
        digits += group;
        let prefix = run.digits.get(..digits).unwrap_or_default();
        if (12..=19).contains(&digits) && is_card_range(prefix) && luhn(prefix) {
            card = Some(*end);
        }
    }
    if let Some(end) = card {
        push(found, FindingKind::Card, first..end, "payment.card", 0.98);
    }
}

fn ssn(first: usize, run: &Run, hits: &[Hit], found: &mut Vec<Finding>) {
    if run.digits.len() != 9 || run.plus {
        return;
    }
    let formed = run.groups == [3, 2, 4]
        && (run.separators == [b'-', b'-'] || run.separators == [b' ', b' ']);
    let explained = near(hits, Sense::Ssn, run.start, CONTEXT);
    let value = |range: std::ops::Range<usize>| {
        run.digits[range]
            .iter()
            .fold(0_u32, |value, digit| value * 10 + u32::from(*digit))
    };
    let dashed = formed && run.separators == [b'-', b'-'];
    if (dashed || ((formed || run.groups == [9]) && explained))
        && is_ssn(value(0..3), value(3..5), value(5..9))
    {
        let score = if explained { 0.99 } else { 0.85 };
        push(
            found,
            FindingKind::UsSsn,
            first..run.end,
            "personal.us_ssn",
            score,
        );
    }
}

fn phone(bytes: &[u8], run: &Run, hits: &[Hit], found: &mut Vec<Finding>) {
    let count = run.digits.len();
    if !(7..=15).contains(&count) {
        return;
    }
    let international = run.plus && count >= 8 && run.digits[0] != 0;
    let american = matches!(run.groups.as_slice(), [3, 3, 4] | [1, 3, 3, 4])
        && run
            .separators
            .iter()
            .all(|separator| matches!(separator, b'-' | b'.' | b' ' | b')'))
        && {
            let area = run.digits[usize::from(count == 11)];
            let exchange = run.digits[3 + usize::from(count == 11)];
            area >= 2 && exchange >= 2
        };
    let explained = near(hits, Sense::Phone, run.start, CONTEXT) && !is_date(run);
    if international || american || explained {
        let rule = if international {
            "personal.phone_e164"
        } else {
            "personal.phone"
        };
        // The bracket belongs to the number only when it was closed inside it.
        let start = if run.bracket && !bytes[run.start..run.end].contains(&b')') {
            run.start + 1
        } else {
            run.start
        };
        push(
            found,
            FindingKind::Phone,
            start..run.end,
            rule,
            if international { 0.95 } else { 0.8 },
        );
    }
}

/// Day, month and year in some order, which a word like `call` before does not make a telephone.
fn is_date(run: &Run) -> bool {
    run.groups.len() == 3
        && matches!(run.groups.as_slice(), [4, 1..=2, 1..=2] | [1..=2, 1..=2, 4])
        && run
            .separators
            .iter()
            .all(|separator| matches!(separator, b'-' | b'.' | b'/'))
}
