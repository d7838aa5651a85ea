// SPDX-License-Identifier: Apache-2.0
//! Secrets, as `rules/secrets.rules` describes them: by a literal that they have, by a word that
//! explains them, or by the name they are assigned to.

mod assigned;
mod gibberish;
mod value;

pub(crate) use gibberish::Letters;

use std::{cell::OnceCell, collections::HashMap, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use casemate_types::{Finding, FindingKind};

use super::{
    lines,
    shape::{Notation, Part, Set, Shape},
};
use assigned::STEMS;
use value::{entropy, is_placeholder, may_be_secret};

pub(crate) const PACK: &str = include_str!("../../rules/secrets.rules");
/// Characters before a token in which a word may explain it.
const BEFORE: usize = 60;
/// The shortest token that only a word explains.
const SHORTEST: usize = 16;
/// A literal this long is looked for.
const ANCHOR: usize = 3;
/// Parts of a name that may be one word of a list together.
const JOINED: usize = 4;

/// Texts by which a shape is found.
type Literals = Vec<Box<[u8]>>;

/// A check beyond the shape.
#[derive(Debug, Clone, PartialEq)]
enum Test {
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

#[derive(Debug)]
struct Rule {
    kind: &'static str,
    finding: FindingKind,
    shape: Shape,
    words: Vec<&'static str>,
    tests: Vec<Test>,
    /// The placeholder test is left out.
    raw: bool,
    before: Set,
    after: Set,
    /// How far the anchor stands from the beginning, least and most.
    offset: (usize, usize),
    strength: f32,
}

/// What a pattern of the automaton is.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Anchor(u16),
    Stem,
}

/// All rules.
#[derive(Debug)]
pub(crate) struct Credentials {
    rules: Vec<Rule>,
    patterns: Vec<(Box<[u8]>, Pattern)>,
    automaton: AhoCorasick,
    /// Rules without an anchor, by the words that explain them.
    by_word: HashMap<&'static str, Vec<u16>>,
}

impl Credentials {
    /// Reads the rules.
    ///
    /// # Errors
    /// A text naming the line that is wrong; a test reads the pack that ships.
    pub(crate) fn new() -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut patterns: Vec<(Box<[u8]>, Pattern)> = Vec::new();
        let mut by_word: HashMap<_, Vec<u16>> = HashMap::new();
        for fields in lines(PACK) {
            let wrong = |why: String| format!("{}: {why}", fields.join(" | "));
            let number = u16::try_from(rules.len()).map_err(|_| "too many rules".to_owned())?;
            let (rule, anchors) = read(&fields).map_err(wrong)?;
            if anchors.is_empty() {
                for word in &rule.words {
                    by_word.entry(*word).or_default().push(number);
                }
            }
            patterns.extend(
                anchors
                    .into_iter()
                    .map(|text| (text, Pattern::Anchor(number))),
            );
            rules.push(rule);
        }
        let stems = STEMS
            .iter()
            .map(|stem| (stem.as_bytes().into(), Pattern::Stem));
        patterns.extend(stems);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|(text, _)| text))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            rules,
            patterns,
            automaton,
            by_word,
        })
    }

    /// Every secret in a text, without overlaps, in its order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut stems = Vec::new();
        let bytes = text.as_bytes();
        // What begins in a block of a key is part of it.
        let mut inside = 0;
        for hit in self.automaton.find_overlapping_iter(text) {
            let (literal, pattern) = &self.patterns[hit.pattern().as_usize()];
            match pattern {
                Pattern::Stem => stems.push(hit.range()),
                Pattern::Anchor(number) => {
                    let rule = &self.rules[usize::from(*number)];
                    if hit.start() < inside || bytes[hit.range()] != **literal {
                        continue;
                    }
                    let (least, most) = rule.offset;
                    for back in least..=most {
                        let Some(start) = hit.start().checked_sub(back) else {
                            break;
                        };
                        if let Some(candidate) = self.try_rule(text, start, rule) {
                            if candidate.finding.kind == FindingKind::PrivateKey {
                                inside = candidate.finding.span.end;
                            }
                            found.push(candidate);
                            break;
                        }
                    }
                }
            }
        }
        self.explained(text, &mut found);
        for stem in stems {
            if let Some(one) = assigned::at(text, stem) {
                found.push(Candidate {
                    strength: 0.0,
                    finding: Finding {
                        kind: FindingKind::Credential,
                        span: one.span,
                        rule: one.kind,
                        score: 0.8,
                    },
                });
            }
        }
        strongest(found)
    }

    /// Tokens without a form of their own that a word before them explains.
    fn explained(&self, text: &str, found: &mut Vec<Candidate>) {
        let bytes = text.as_bytes();
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_.~-".contains(byte);
        let mut at = 0;
        while let Some(step) = bytes[at..].iter().position(part) {
            let start = at + step;
            let length = bytes[start..].iter().take_while(|byte| part(byte)).count();
            at = start + length;
            let token = &bytes[start..at];
            if length < SHORTEST || !token.iter().any(u8::is_ascii_digit) {
                continue;
            }
            let (head, from) = line_before(text, start);
            for (number, end) in self.words_in(head) {
                let between = text.get(from + end..start).unwrap_or_default();
                let joined = between.len() <= 3
                    || between.contains(['=', ':', '"', '\''])
                    || between.contains(" is ");
                if !joined || between.len() > BEFORE {
                    continue;
                }
                let rule = &self.rules[usize::from(number)];
                let starts = (start..at)
                    .filter(|place| *place == start || !bytes[place - 1].is_ascii_alphanumeric());
                let hit = starts
                    .take(8)
                    .find_map(|place| self.try_rule(text, place, rule));
                found.extend(hit);
            }
        }
    }

    /// Rules that a word of a text explains, and where the word ends.
    fn words_in(&self, text: &str) -> Vec<(u16, usize)> {
        let parts = parts(text);
        let mut found = Vec::new();
        for from in 0..parts.len() {
            let mut word = String::new();
            let mut end: Option<usize> = None;
            for (part, start, stop) in parts.iter().skip(from).take(JOINED) {
                let gap = end.map(|end| text.get(end..*start).unwrap_or_default());
                if gap.is_some_and(|gap| !matches!(gap, "" | "_" | "-" | "." | " ")) {
                    break;
                }
                word.push_str(part);
                end = Some(*stop);
                if let Some(rules) = self.by_word.get(word.as_str()) {
                    found.extend(rules.iter().map(|rule| (*rule, *stop)));
                }
            }
        }
        found.sort_unstable();
        found.dedup_by_key(|(rule, _)| *rule);
        found
    }

    fn try_rule(&self, text: &str, start: usize, rule: &Rule) -> Option<Candidate> {
        let bytes = text.as_bytes();
        if !begins(bytes, start, rule) {
            return None;
        }
        let mut accepts = |end: usize| {
            bytes.get(end).is_none_or(|next| !rule.after.has(*next)) && text.is_char_boundary(end)
        };
        let end = rule.shape.match_at(bytes, start, &mut accepts)?;
        let token = text.get(start..end)?;
        let classes = rule.shape.classes(bytes, start, end);
        let varied: Vec<u8> = classes
            .iter()
            .flat_map(|(from, upto)| bytes[*from..*upto].iter().copied())
            .collect();
        let explained = OnceCell::new();
        let has_word = || {
            *explained.get_or_init(|| {
                let (head, _) = line_before(text, start);
                let joined = joined_parts(head);
                rule.words
                    .iter()
                    .any(|word| joined.iter().any(|known| known == word))
            })
        };
        if !rule.words.is_empty() && !has_word() {
            return None;
        }
        if !rule.raw && is_placeholder(token, &varied) {
            return None;
        }
        let mut span = start..end;
        for test in &rule.tests {
            if let Test::Value(which) = test {
                let (from, upto) = *classes.get(which - 1)?;
                if !may_be_secret(text.get(from..upto)?) {
                    return None;
                }
                // In a URL only the password is the secret, but what names it goes with it.
                span = start..end;
            } else if !passes(test, token, &varied) {
                return None;
            }
        }
        Some(Candidate {
            strength: rule.strength,
            finding: Finding {
                kind: rule.finding,
                span,
                rule: rule.kind,
                score: if rule.strength >= 2.0 { 0.97 } else { 0.85 },
            },
        })
    }
}

struct Candidate {
    strength: f32,
    finding: Finding,
}

/// Of secrets that overlap the one with the stronger form, then the longer.
fn strongest(mut found: Vec<Candidate>) -> Vec<Finding> {
    found.sort_by(|a, b| {
        b.strength
            .total_cmp(&a.strength)
            .then(b.finding.span.len().cmp(&a.finding.span.len()))
            .then(a.finding.span.start.cmp(&b.finding.span.start))
    });
    let mut kept: std::collections::BTreeMap<usize, Finding> = std::collections::BTreeMap::new();
    for candidate in found {
        let span = &candidate.finding.span;
        let before = kept.range(..span.end).next_back();
        if before.is_none_or(|(_, other)| other.span.end <= span.start) {
            kept.insert(span.start, candidate.finding);
        }
    }
    kept.into_values().collect()
}

/// A rule and the literals by which it is found; none when only words lead to it.
fn read(fields: &[&'static str]) -> Result<(Rule, Literals), String> {
    let &[kind, shape, words, checks, _] = fields else {
        return Err("it has not five fields".into());
    };
    let shape = Shape::parse(shape, Notation::Secret)?;
    let words = if words == "-" {
        Vec::new()
    } else {
        words.split(',').collect()
    };
    let (mut tests, mut raw) = (Vec::new(), false);
    for check in checks.split(',').filter(|check| *check != "-") {
        match check.split_once('=') {
            // Only raises a weight that nobody needs yet.
            _ if check.starts_with('~') => {}
            Some(("base64", bytes)) => {
                tests.push(Test::Base64(
                    bytes.parse().map_err(|_| "no number of bytes")?,
                ));
            }
            Some(("entropy", bits)) => {
                tests.push(Test::Entropy(
                    bits.parse().map_err(|_| "no number of bits")?,
                ));
            }
            Some(("value", which)) => {
                tests.push(Test::Value(
                    which.parse().map_err(|_| "no number of a class")?,
                ));
            }
            None if check == "basic" => tests.push(Test::Basic),
            None if check == "jwt" => tests.push(Test::Jwt),
            None if check == "mixed" => tests.push(Test::Mixed),
            None if check == "not_hex" => tests.push(Test::NotHex),
            None if check == "raw" => raw = true,
            None if check == "uuid" => tests.push(Test::Uuid),
            _ => return Err(format!("the check `{check}` is not known")),
        }
    }
    let (anchors, offset) = anchor(&shape);
    if anchors.is_empty() && words.is_empty() {
        return Err("it has neither a literal nor a word".into());
    }
    let (before, after) = borders(&shape);
    let literal = anchors.iter().map(|text| text.len()).min().unwrap_or(0);
    let header = ["api_header", "basic_auth", "bearer_token", "curl_auth"].contains(&kind);
    let strength = match (header, literal) {
        (true, _) => 0.5,
        (_, 0) => 1.5,
        (_, length) => 2.0 + length as f32 / 20.0 + if words.is_empty() { 0.0 } else { 1.0 },
    };
    Ok((
        Rule {
            kind,
            finding: finding_of(kind),
            shape,
            words,
            tests,
            raw,
            before,
            after,
            offset,
            strength,
        },
        anchors,
    ))
}

fn finding_of(kind: &str) -> FindingKind {
    const CLOUD: &[&str] = &[
        "alibaba",
        "amazon",
        "aws",
        "azure",
        "baidu",
        "cloudflare",
        "digitalocean",
        "gcp",
        "google",
        "hetzner",
        "huawei",
        "ibm",
        "linode",
        "oracle",
        "ovh",
        "scaleway",
        "tencent",
        "volcengine",
        "vultr",
        "yandex",
    ];
    const KEYS: &[&str] = &[
        "age",
        "bip32",
        "bitcoin_wif",
        "cosign",
        "dotenvx",
        "ethereum_key",
        "jwk_private",
        "nostr",
        "openssh",
        "pem",
        "pgp_private",
        "putty",
        "rsa_pem",
        "ssh2_private",
        "wireguard",
    ];
    const LOGINS: &[&str] = &[
        "api_header",
        "basic_auth",
        "bearer_token",
        "connection_string",
        "curl_auth",
        "db_url",
        "docker_auth",
        "netrc_password",
        "npmrc_auth",
        "sshpass",
        "url_password",
        "url_token",
    ];
    let begins = |list: &[&str]| {
        list.iter().any(|head| {
            kind.strip_prefix(head)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    };
    if begins(KEYS) {
        FindingKind::PrivateKey
    } else if begins(CLOUD) {
        FindingKind::CloudKey
    } else if begins(LOGINS) {
        FindingKind::Credential
    } else {
        FindingKind::ProviderKey
    }
}

/// The literals by which a shape is found, and how far they stand from its beginning: the first
/// part that is long enough, as long as it does not stand far into it.
fn anchor(shape: &Shape) -> (Literals, (usize, usize)) {
    let (mut least, mut most) = (0, 0);
    for (at, part) in shape.parts.iter().enumerate() {
        match part {
            Part::Literal(text) if text.len() >= ANCHOR => {
                return (vec![text.clone()], (least, most));
            }
            Part::Any(texts) => {
                // A literal behind makes short alternatives long enough.
                let behind: &[u8] = match shape.parts.get(at + 1) {
                    Some(Part::Literal(text)) => text,
                    _ => b"",
                };
                let whole: Vec<Box<[u8]>> = texts
                    .iter()
                    .map(|text| [text, behind].concat().into())
                    .collect();
                if whole.iter().all(|text| text.len() >= ANCHOR) {
                    return (whole, (least, most));
                }
                let lengths = texts.iter().map(|text| text.len());
                least += lengths.clone().min().unwrap_or(0);
                most += lengths.max().unwrap_or(0);
            }
            Part::Literal(text) => {
                least += text.len();
                most += text.len();
            }
            Part::Class(_, few, many) => {
                least += few;
                most += many;
            }
            Part::Gap => {}
        }
        if most - least > 8 {
            break;
        }
    }
    (Vec::new(), (0, 0))
}

fn word_set() -> Set {
    Set::of(&[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')])
}

/// What may not stand before and behind a match.
fn borders(shape: &Shape) -> (Set, Set) {
    let word = word_set();
    let ends = |text: &[u8], last: bool| {
        let byte = if last { text.last() } else { text.first() };
        byte.is_some_and(|byte| word.has(*byte))
    };
    let edge = |part: Option<&Part>, last: bool| match part {
        Some(Part::Literal(text)) => ends(text, last),
        Some(Part::Any(texts)) => texts.iter().any(|text| ends(text, last)),
        Some(Part::Class(set, ..)) => set.meets(word),
        _ => false,
    };
    let mut before = Set::default();
    if edge(shape.parts.first(), false) {
        before = before.with(word);
    }
    if let Some(Part::Class(set, ..)) = shape.parts.first() {
        before = before.with(set.without(b'='));
    }
    let mut after = Set::default();
    let mut open = false;
    for part in shape.parts.iter().rev() {
        let Part::Class(set, least, _) = part else {
            break;
        };
        after = after.with(*set);
        open |= *least == 0;
        if *least > 0 {
            break;
        }
    }
    if edge(shape.parts.last(), true) || open {
        after = after.with(word);
    }
    if after.has(b'+') && after.has(b'/') {
        after = after.with(Set::of(&[(b'=', b'=')]));
    }
    (before, after)
}

/// Whether nothing before a token makes it the middle of a longer one. An escape such as `\n` or
/// `%3D` before it is no part of it.
fn begins(bytes: &[u8], start: usize, rule: &Rule) -> bool {
    let head = &bytes[..start];
    let Some(last) = head.last() else {
        return true;
    };
    let escape = match head {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    };
    escape || !rule.before.has(*last)
}

/// The line before a place, as far as words in it count, and where it begins.
fn line_before(text: &str, at: usize) -> (&str, usize) {
    let head = text.get(..at).unwrap_or_default();
    let near = head
        .char_indices()
        .rev()
        .nth(BEFORE - 1)
        .map_or(0, |(at, _)| at);
    // Only what is near: a line may have no end.
    let from = head[near..].rfind('\n').map_or(near, |at| near + at + 1);
    (&head[from..], from)
}

/// The parts of names in a text, in lower case with their places: cut at everything that is no
/// letter or digit and at changes of case; a digit belongs to the part before it.
fn parts(text: &str) -> Vec<(String, usize, usize)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let run = |from: usize, is: fn(&u8) -> bool| {
            from + bytes[from..].iter().take_while(|byte| is(byte)).count()
        };
        if bytes[at].is_ascii_uppercase() {
            let upper = run(at, u8::is_ascii_uppercase);
            let lower = run(upper, u8::is_ascii_lowercase);
            at = match (upper - start, lower > upper) {
                // The last capital of a row begins the next part.
                (2.., true) => upper - 1,
                (_, true) => lower,
                _ => upper,
            };
        } else if bytes[at].is_ascii_lowercase() {
            at = run(at, u8::is_ascii_lowercase);
        } else if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        at = run(at, u8::is_ascii_digit);
        let word = String::from_utf8_lossy(&bytes[start..at]).to_ascii_lowercase();
        out.push((word, start, at));
    }
    out
}

/// Words that the parts of a text make alone and together.
fn joined_parts(text: &str) -> Vec<String> {
    let parts = parts(text);
    let mut out = Vec::new();
    for from in 0..parts.len() {
        let mut word = String::new();
        let mut end: Option<usize> = None;
        for (part, start, stop) in parts.iter().skip(from).take(JOINED) {
            let gap = end.map(|end| text.get(end..*start).unwrap_or_default());
            if gap.is_some_and(|gap| !matches!(gap, "" | "_" | "-" | "." | " ")) {
                break;
            }
            word.push_str(part);
            end = Some(*stop);
            out.push(word.clone());
        }
    }
    out
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN_BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

fn passes(test: &Test, token: &str, varied: &[u8]) -> bool {
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

/// The words of a rule that explain a token at `at`, where they stand. For explanations.
pub(crate) fn words_before(
    text: &str,
    at: usize,
    words: &'static str,
) -> Vec<(&'static str, Range<usize>)> {
    let (head, from) = line_before(text, at);
    let parts = parts(head);
    let mut found = Vec::new();
    for first in 0..parts.len() {
        for count in 1..=JOINED.min(parts.len() - first) {
            let run = &parts[first..first + count];
            let joined: String = run.iter().map(|(part, ..)| part.as_str()).collect();
            let known = words.split(',').find(|word| *word == joined);
            if let (Some(word), Some((_, start, _)), Some((.., end))) =
                (known, run.first(), run.last())
            {
                found.push((word, from + start..from + end));
            }
        }
    }
    found
}

/// The part of a name before a value that says that the value is a secret. For explanations.
pub(crate) fn name_before(text: &str, at: usize) -> Option<(&'static str, Range<usize>)> {
    let (head, from) = line_before(text, at);
    let head = head.to_ascii_lowercase();
    let last = |stem: &&'static str| head.rfind(stem).map(|start| (start, *stem));
    let (start, stem) = STEMS.iter().filter_map(last).max()?;
    Some((stem, from + start..from + start + stem.len()))
}

#[cfg(test)]
mod tests;
