// SPDX-License-Identifier: Apache-2.0
//! Personal and payment data by form: one pass over the bytes, detectors only where a digit, an `@`
//! or a `:` stands.

use casemate_types::{Finding, FindingKind};

use crate::{
    number::{iban_check, iban_length, is_card_range, is_ssn, luhn},
    rules::place::next,
    words::{Hit, Sense, near},
};

/// How far before a number a word may stand that explains it.
const CONTEXT: usize = 40;
/// A run of digits and separators longer than this is no number of ours.
const MAX_RUN: usize = 48;
/// Groups that fit into a run.
const MAX_GROUPS: usize = MAX_RUN / 2 + 1;

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

/// Finds addresses of mail and networks only; numbers have rules of their own.
pub(crate) fn find_addresses(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    // The colon stands behind the digits.
    while let Some(trigger) = next(bytes, at, |byte| {
        byte.wrapping_sub(b'0') <= b':' - b'0' || byte == b'@'
    }) {
        let end = match bytes[trigger] {
            b'@' => email(bytes, trigger, found),
            b':' => ipv6(bytes, trigger, found),
            _ => network(bytes, trigger, found),
        };
        at = end.max(trigger + 1);
    }
}

/// An address of a network that begins at the digit `first`; gives where to go on.
fn network(bytes: &[u8], first: usize, found: &mut Vec<Finding>) -> usize {
    let before = first.checked_sub(1).and_then(|at| bytes.get(at));
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80) {
        return skip_word(bytes, first);
    }
    let dotted = match bytes[first..] {
        [_, b'.', digit, ..] | [_, _, b'.', digit, ..] | [_, _, _, b'.', digit, ..] => {
            digit.is_ascii_digit()
        }
        _ => false,
    };
    dotted
        .then(|| ipv4(bytes, &run_at(bytes, first), found))
        .flatten()
        .or_else(|| ipv6_tail(bytes, first, found))
        .unwrap_or_else(|| skip_word(bytes, first))
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
    let alone =
        |at: Option<&u8>| at.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b':');
    let start = colon
        - bytes[..colon]
            .iter()
            .rev()
            .take(4)
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
    let colons = bytes[colon..]
        .iter()
        .take_while(|byte| **byte == b':')
        .count();
    if !alone(start.checked_sub(1).and_then(|at| bytes.get(at))) || colons > 2 {
        return colon + colons;
    }
    let length = bytes[start..]
        .iter()
        .take(46)
        .take_while(|byte| part(byte))
        .count();
    let mut end = start + length;
    // A colon that ends a sentence part is no part of the address.
    let colon_after = end > start + 1 && bytes[end - 1] == b':' && bytes[end - 2] != b':';
    if colon_after {
        end -= 1;
    }
    // A full stop ends a sentence, unless an IPv4 address stands at the end of this one.
    let mapped =
        bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let run = &bytes[start..end];
    let dividers = run.iter().filter(|byte| **byte == b':').count();
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    if dividers >= 3
        && digits > 0
        && !mapped
        && (colon_after || alone(bytes.get(end)))
        && let Ok(text) = std::str::from_utf8(run)
        && let Ok(address) = text.parse::<std::net::Ipv6Addr>()
        && !address.is_loopback()
    {
        push(found, FindingKind::Ip, start..end, "personal.ipv6", 0.95);
        return end;
    }
    colon + colons
}

/// Digits with the separators between them, from the first digit of a run on.
struct Run {
    /// Where it begins, with a `+` or bracket in front of the first digit.
    start: usize,
    first: usize,
    digits: [u8; MAX_RUN],
    groups: [Group; MAX_GROUPS],
    /// How many of the groups count.
    count: usize,
    /// A country code with `+` or an area code in brackets stands in front.
    plus: bool,
    bracket: bool,
}

/// Digits without separators.
#[derive(Clone, Copy, Default)]
struct Group {
    /// How many digits end here.
    digits: usize,
    /// Where it ends.
    end: usize,
    /// The first byte of the separator behind it, if another group follows.
    separator: u8,
}

impl Run {
    fn groups(&self) -> &[Group] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    fn end(&self) -> usize {
        self.groups().last().map_or(self.first, |group| group.end)
    }

    fn digits(&self) -> &[u8] {
        let count = self.groups().last().map_or(0, |group| group.digits);
        self.digits.get(..count).unwrap_or_default()
    }

    /// Separators between the groups that count.
    fn separators(&self) -> impl Iterator<Item = u8> {
        let inner = self.count.saturating_sub(1);
        self.groups()
            .iter()
            .take(inner)
            .map(|group| group.separator)
    }

    /// Whether the groups have these lengths.
    fn has_groups(&self, lengths: &[usize]) -> bool {
        let mut before = 0;
        self.count == lengths.len()
            && self.groups().iter().zip(lengths).all(|(group, length)| {
                let fits = group.digits - before == *length;
                before = group.digits;
                fits
            })
    }

    /// How many groups stand before the first space; in `123-45-6789 2024-01-02` the space ends the
    /// number.
    fn before_space(&self) -> Option<usize> {
        let space = self.separators().position(|separator| separator == b' ')?;
        Some(space + 1)
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
    let mut run = Run {
        start: first - usize::from(bracket) - usize::from(plus),
        first,
        digits: [0; MAX_RUN],
        groups: [Group::default(); MAX_GROUPS],
        count: 0,
        plus,
        bracket,
    };
    let (mut at, mut digits) = (first, 0);
    while at - first < MAX_RUN {
        let before = digits;
        while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_digit())
            && at - first < MAX_RUN
        {
            run.digits[digits] = byte - b'0';
            digits += 1;
            at += 1;
        }
        if digits == before {
            break;
        }
        run.groups[run.count] = Group {
            digits,
            end: at,
            separator: bytes.get(at).copied().unwrap_or(0),
        };
        run.count += 1;
        match separator(bytes.get(at..).unwrap_or_default()) {
            0 => break,
            gap => at += gap,
        }
    }
    run
}

/// Length of a separator between digits: one of ` -./`, or a bracket with its space, when a digit
/// follows.
fn separator(rest: &[u8]) -> usize {
    match rest {
        [b')', b' ' | b'-', b'0'..=b'9', ..] | [b' ' | b'-', b'(', b'0'..=b'9', ..] => 2,
        [b' ' | b'-' | b'.' | b'/' | b')' | b'(', b'0'..=b'9', ..] => 1,
        [b' ', b'-', b' ', b'0'..=b'9', ..] => 3,
        _ => 0,
    }
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
    let next = bytes.get(run.end()).copied();
    if next.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        if run.count < 2 {
            return ipv6_tail(bytes, first, found).unwrap_or_else(|| skip_word(bytes, first));
        }
        // The last group is the beginning of a word, as in `555 0187 2nd floor`.
        run.count -= 1;
    }
    let group = run.groups().first().map_or(first + 1, |group| group.end);
    let prior = found.len();
    if let Some(end) = ipv4(bytes, &run, found) {
        return end;
    }
    card(&run, found);
    for count in phone_or_ssn(&run).into_iter().flatten() {
        run.count = count;
        if found.len() == prior {
            ssn(&run, hits, found);
        }
        if found.len() == prior {
            phone(bytes, &run, hits, found);
        }
    }
    match found.get(prior) {
        Some(finding) => finding.span.end,
        // The run may hide a number behind a first group that does not belong to it.
        None => group,
    }
}

/// The first groups of a run that may be a number by themselves, in the order to try: all of them,
/// then those before a space; the other way round after a `+` and enough digits for a telephone.
fn phone_or_ssn(run: &Run) -> [Option<usize>; 2] {
    let (all, word) = (Some(run.count), run.before_space());
    let digits = word.and_then(|count| run.groups().get(count - 1));
    if run.plus && digits.is_some_and(|group| group.digits >= 10) {
        [word, all]
    } else {
        [all, word]
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

fn ipv4(bytes: &[u8], run: &Run, found: &mut Vec<Finding>) -> Option<usize> {
    let first = run.first;
    let dotted = run.count > 1 && run.separators().next() == Some(b'.');
    let joined = first.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'.');
    if run.plus || joined || !dotted {
        return None;
    }
    let length = bytes[first..]
        .iter()
        .take(16)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let mut end = first + length;
    while end > first && bytes[end - 1] == b'.' {
        end -= 1;
    }
    let text = std::str::from_utf8(&bytes[first..end]).ok()?;
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    if bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    {
        return None;
    }
    let own = address == std::net::Ipv4Addr::LOCALHOST;
    if !own && !address.is_unspecified() && !address.is_broadcast() {
        push(found, FindingKind::Ip, first..end, "personal.ipv4", 0.9);
    }
    Some(end)
}

/// A card in the run: all of it, or its groups from the first on.
fn card(run: &Run, found: &mut Vec<Finding>) {
    if run.digits().len() < 12 || run.plus {
        return;
    }
    let mut card = None;
    // The longest prefix of whole groups that is a card, so that a following number stays out.
    for group in run.groups() {
        let prefix = run.digits.get(..group.digits).unwrap_or_default();
        if (12..=19).contains(&prefix.len()) && is_card_range(prefix) && luhn(prefix) {
            card = Some(group.end);
        }
        // Groups of a card are joined by spaces or dashes; another separator ends it, as in
        // `… 12/26`.
        if !matches!(group.separator, b' ' | b'-') {
            break;
        }
    }
    if let Some(end) = card {
        push(
            found,
            FindingKind::Card,
            run.first..end,
            "payment.card",
            0.98,
        );
    }
}

fn ssn(run: &Run, hits: &[Hit], found: &mut Vec<Finding>) {
    let &[a, b, c, d, e, f, g, h, i] = run.digits() else {
        return;
    };
    let value = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_u32, |value, digit| value * 10 + u32::from(*digit))
    };
    if run.plus || !is_ssn(value(&[a, b, c]), value(&[d, e]), value(&[f, g, h, i])) {
        return;
    }
    let joined_by = |wanted| run.separators().all(|separator| separator == wanted);
    let formed = run.has_groups(&[3, 2, 4]);
    let dashed = formed && joined_by(b'-');
    let plain = (formed && joined_by(b' ')) || run.has_groups(&[9]);
    let explained = (dashed || plain) && near(hits, Sense::Ssn, run.start, CONTEXT);
    if dashed || (plain && explained) {
        push(
            found,
            FindingKind::UsSsn,
            run.first..run.end(),
            "personal.us_ssn",
            if explained { 0.99 } else { 0.85 },
        );
    }
}

fn phone(bytes: &[u8], run: &Run, hits: &[Hit], found: &mut Vec<Finding>) {
    let digits = run.digits();
    let count = digits.len();
    if !(7..=15).contains(&count) {
        return;
    }
    let international = run.plus && count >= 8 && digits[0] != 0;
    let american = (run.has_groups(&[3, 3, 4]) || run.has_groups(&[1, 3, 3, 4]))
        && run
            .separators()
            .all(|separator| matches!(separator, b'-' | b'.' | b' ' | b')'))
        && {
            let area = digits[usize::from(count == 11)];
            let exchange = digits[3 + usize::from(count == 11)];
            area >= 2 && exchange >= 2
        };
    let explained = international
        || american
        || (near(hits, Sense::Phone, run.start, CONTEXT) && !is_date(run));
    if explained {
        let rule = if international {
            "personal.phone_e164"
        } else {
            "personal.phone"
        };
        // The bracket belongs to the number only when it was closed inside it.
        let start = if run.bracket && !bytes[run.start..run.end()].contains(&b')') {
            run.start + 1
        } else {
            run.start
        };
        push(
            found,
            FindingKind::Phone,
            start..run.end(),
            rule,
            if international { 0.95 } else { 0.8 },
        );
    }
}

/// Day, month and year in some order, which a word like `call` before does not make a telephone.
fn is_date(run: &Run) -> bool {
    let year_first = [[4, 1, 1], [4, 1, 2], [4, 2, 1], [4, 2, 2]];
    let year_last = year_first.map(|[year, month, day]| [day, month, year]);
    year_first
        .iter()
        .chain(&year_last)
        .any(|lengths| run.has_groups(lengths))
        && run
            .separators()
            .all(|separator| matches!(separator, b'-' | b'.' | b'/'))
}
