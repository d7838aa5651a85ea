// SPDX-License-Identifier: Apache-2.0
//! Secrets, as `rules/secrets.rules` describes them: by a literal that they have, by a word that
//! explains them, or by the name they are assigned to.

mod assigned;
mod gibberish;
mod texts;
mod value;

pub(crate) use gibberish::Letters;

use std::{cell::OnceCell, ops::Range};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use casemate_types::{Finding, FindingKind};

use super::{
    lines,
    openings::{Openings, opening, places},
    overlap,
    place::{BLOCK, back, mask},
    shape::{Matcher, Memory, Notation, Part, Remembered, Set, Shape},
};
use assigned::STEMS;
use value::{entropy, is_placeholder, may_be_secret};

const PACK: &str = include_str!("../../rules/secrets.rules");
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
    matcher: Matcher,
    words: Vec<&'static str>,
    /// It has no anchor.
    by_word: bool,
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
    remembered: Remembered,
    /// What is looked for everywhere, and what to do where it stands.
    patterns: Vec<(Box<[u8]>, Pattern)>,
    openings: Openings,
    /// Rules without an anchor, by the words that explain them.
    by_word: ByWord,
}

impl Credentials {
    /// Reads the rules.
    ///
    /// # Errors
    /// A text naming the line that is wrong; a test reads the pack that ships.
    pub(crate) fn new() -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut remembered = Remembered::default();
        let mut patterns: Vec<(Box<[u8]>, Pattern)> = Vec::new();
        for fields in lines(PACK) {
            let wrong = |why: String| format!("{}: {why}", fields.join(" | "));
            let number = u16::try_from(rules.len()).map_err(|_| "too many rules".to_owned())?;
            let (rule, anchors) = read(&fields, &mut remembered).map_err(wrong)?;
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
        Ok(Self {
            openings: openings(&patterns)?,
            by_word: ByWord::new(&rules),
            remembered,
            rules,
            patterns,
        })
    }

    /// Every secret in a text, without overlaps, in its order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut search = Search::new(self, text);
        places(
            text.as_bytes(),
            0..text.len(),
            |four| self.openings.may_be(four),
            |start, four| search.at(start, four & 0x00FF_FFFF),
        );
        let (mut found, assigned) = search.finish();
        self.explained(text, &mut found);
        found.extend(assigned);
        strongest(found)
    }

    /// Tokens without a form of their own that a word before them explains.
    fn explained(&self, text: &str, found: &mut Vec<Candidate>) {
        let bytes = text.as_bytes();
        let mut memory = Memory::new(&self.remembered);
        let mut from = 0;
        while let Some(token) = next_token(bytes, from) {
            from = token.end;
            if !bytes[token.clone()].iter().any(u8::is_ascii_digit) {
                continue;
            }
            let (head, line) = line_before(text, token.start);
            for (number, end) in self.by_word.rules_in(head) {
                let between = text.get(line + end..token.start).unwrap_or_default();
                let joined = between.len() <= 3
                    || between.contains(['=', ':', '"', '\''])
                    || between.contains(" is ");
                if !joined || between.len() > BEFORE {
                    continue;
                }
                let rule = &self.rules[usize::from(number)];
                let starts = token.clone().filter(|place| {
                    *place == token.start || !bytes[place - 1].is_ascii_alphanumeric()
                });
                let hit = starts.take(8).find_map(|place| {
                    // What explains the token stands before its first part.
                    let explained = match place == token.start {
                        true => OnceCell::from(true),
                        false => OnceCell::new(),
                    };
                    self.try_rule(text, place, rule, &mut memory, explained)
                });
                found.extend(hit);
            }
        }
    }

    /// Tries a rule at a place; `explained` is whether a word explains it, if that is known.
    fn try_rule(
        &self,
        text: &str,
        start: usize,
        rule: &Rule,
        memory: &mut Memory,
        explained: OnceCell<bool>,
    ) -> Option<Candidate> {
        let bytes = text.as_bytes();
        if !begins(bytes, start, rule) {
            return None;
        }
        let accepts = |end: usize| {
            bytes.get(end).is_none_or(|next| !rule.after.has(*next)) && text.is_char_boundary(end)
        };
        let end = rule.matcher.match_at(bytes, start, memory, accepts)?;
        let token = text.get(start..end)?;
        let classes = rule.shape.classes(bytes, start, end);
        let varied: Vec<u8> = classes
            .iter()
            .flat_map(|(from, upto)| bytes[*from..*upto].iter().copied())
            .collect();
        let has_word = || {
            *explained.get_or_init(|| {
                let (head, _) = line_before(text, start);
                let mut known = false;
                words_in(head, |word, _| {
                    known |= rule.words.iter().any(|own| own.as_bytes() == word);
                });
                known
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

/// Where texts that are looked for everywhere begin.
fn openings(patterns: &[(Box<[u8]>, Pattern)]) -> Result<Openings, String> {
    let mut entries = Vec::new();
    for (which, (text, pattern)) in patterns.iter().enumerate() {
        let which = u16::try_from(which).map_err(|_| "too many literals")?;
        let &[first, second, third, ..] = &**text else {
            return Err("a literal is too short".into());
        };
        match pattern {
            Pattern::Anchor(_) => entries.push((opening(first, second, third), which)),
            // In every case.
            Pattern::Stem => {
                let cases = |byte: u8| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
                for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let third = cases(third);
                    let opening = |third| opening(cases(first)[a], cases(second)[b], third);
                    entries.extend(third.map(|third| (opening(third), which)));
                }
            }
        }
    }
    Ok(Openings::new(entries))
}

/// A pattern that stands in the text. In the order of their ends, as an automaton finds them: of
/// literals inside another the inner one is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    end: usize,
    start: usize,
    pattern: u16,
}

/// One pass over a text.
struct Search<'a> {
    all: &'a Credentials,
    text: &'a str,
    /// Hits behind which one with an earlier end may come.
    open: Vec<Hit>,
    /// What begins in a block of a key is part of it.
    inside: usize,
    found: Vec<Candidate>,
    /// What is assigned to names, by the stems in them.
    assigned: Vec<(Hit, Candidate)>,
    memory: Memory,
}

impl<'a> Search<'a> {
    fn new(all: &'a Credentials, text: &'a str) -> Self {
        Self {
            all,
            text,
            open: Vec::new(),
            inside: 0,
            found: Vec::new(),
            assigned: Vec::new(),
            memory: Memory::new(&all.remembered),
        }
    }

    /// Looks at the patterns that may begin at a place.
    fn at(&mut self, start: usize, opening: u32) {
        let all = self.all;
        let rest = &self.text.as_bytes()[start..];
        for number in all.openings.of(opening) {
            let (literal, pattern) = &all.patterns[usize::from(number)];
            let Some(there) = rest.get(..literal.len()) else {
                continue;
            };
            let hit = Hit {
                end: start + literal.len(),
                start,
                pattern: number,
            };
            match pattern {
                Pattern::Anchor(_) if there == &**literal => self.anchor(hit),
                Pattern::Stem if there.eq_ignore_ascii_case(literal) => self.stem(hit),
                _ => {}
            }
        }
    }

    fn stem(&mut self, hit: Hit) {
        if let Some(one) = assigned::at(self.text, hit.start..hit.end) {
            let candidate = Candidate {
                strength: 0.0,
                finding: Finding {
                    kind: FindingKind::Credential,
                    span: one.span,
                    rule: one.kind,
                    score: 0.8,
                },
            };
            self.assigned.push((hit, candidate));
        }
    }

    fn anchor(&mut self, hit: Hit) {
        if self
            .open
            .first()
            .is_some_and(|first| first.end <= hit.start)
        {
            self.close(hit.start);
        }
        let place = self.open.partition_point(|other| *other < hit);
        self.open.insert(place, hit);
    }

    /// Tries what ends at `upto` or before.
    fn close(&mut self, upto: usize) {
        let count = self.open.partition_point(|hit| hit.end <= upto);
        for at in 0..count {
            self.try_anchor(self.open[at]);
        }
        self.open.drain(..count);
    }

    fn try_anchor(&mut self, hit: Hit) {
        let all = self.all;
        let Pattern::Anchor(number) = all.patterns[usize::from(hit.pattern)].1 else {
            return;
        };
        if hit.start < self.inside {
            return;
        }
        let rule = &all.rules[usize::from(number)];
        let (least, most) = rule.offset;
        let starts = (least..=most).map_while(|back| hit.start.checked_sub(back));
        let candidate = starts.into_iter().find_map(|start| {
            all.try_rule(self.text, start, rule, &mut self.memory, OnceCell::new())
        });
        if let Some(candidate) = candidate {
            if candidate.finding.kind == FindingKind::PrivateKey {
                self.inside = candidate.finding.span.end;
            }
            self.found.push(candidate);
        }
    }

    /// What has a form of its own, and what is assigned.
    fn finish(mut self) -> (Vec<Candidate>, impl Iterator<Item = Candidate>) {
        self.close(usize::MAX);
        self.assigned.sort_by_key(|(hit, _)| *hit);
        let assigned = self.assigned.into_iter().map(|(_, candidate)| candidate);
        (self.found, assigned)
    }
}

/// What tokens that only words explain are made of.
#[inline]
const fn is_token(byte: u8) -> bool {
    // From the dash on stand `-./` and the digits.
    byte.wrapping_sub(b'-') <= b'9' - b'-'
        || byte.is_ascii_alphabetic()
        || matches!(byte, b'+' | b'_' | b'~')
}

/// The next token that is long enough. `from` is the beginning of the text or behind a token.
fn next_token(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    // So many bytes of a token stand before.
    let mut before = 0;
    loop {
        if at >= bytes.len() {
            return None;
        }
        let token = mask(bytes, at, is_token);
        if before + token.trailing_ones() as usize >= SHORTEST {
            let start = at - before;
            let more = bytes[start + SHORTEST..].iter();
            let more = more.take_while(|byte| is_token(**byte)).count();
            return Some(start..start + SHORTEST + more);
        }
        if let Some(place) = run_in(token) {
            at += place;
            before = 0;
            continue;
        }
        before = token.leading_ones() as usize;
        at += BLOCK;
    }
}

/// Where as many bits as the shortest token has bytes stand together first.
fn run_in(bits: u64) -> Option<usize> {
    let two = bits & bits >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let sixteen = eight & eight >> 8;
    (sixteen != 0).then(|| sixteen.trailing_zeros() as usize)
}

/// Rules by the words that explain them.
#[derive(Debug)]
struct ByWord {
    words: Vec<(&'static str, Vec<u16>)>,
    openings: Openings,
}

impl ByWord {
    /// Of rules that only words lead to.
    fn new(rules: &[Rule]) -> Self {
        let mut words: Vec<(&'static str, Vec<u16>)> = Vec::new();
        for (number, rule) in (0_u16..).zip(rules).filter(|(_, rule)| rule.by_word) {
            for word in &rule.words {
                match words.iter_mut().find(|(known, _)| known == word) {
                    Some((_, numbers)) => numbers.push(number),
                    None => words.push((*word, vec![number])),
                }
            }
        }
        let entries = (0_u16..).zip(&words);
        let entries = entries.map(|(which, (word, _))| (opening_of(word.as_bytes()), which));
        Self {
            openings: Openings::new(entries.collect()),
            words,
        }
    }

    fn of(&self, word: &[u8]) -> Option<&[u16]> {
        let opening = opening_of(word);
        if !self.openings.may_be(opening) {
            return None;
        }
        let mut alike = self.openings.of(opening);
        let which = alike.find(|which| self.words[usize::from(*which)].0.as_bytes() == word)?;
        Some(&self.words[usize::from(which)].1)
    }

    /// Rules that a word of a text explains, and where the word first ends.
    fn rules_in(&self, text: &str) -> Vec<(u16, usize)> {
        let mut found = Vec::new();
        words_in(text, |word, end| {
            let rules = self.of(word).unwrap_or_default();
            found.extend(rules.iter().map(|rule| (*rule, end)));
        });
        found.sort_unstable();
        found.dedup_by_key(|(rule, _)| *rule);
        found
    }
}

fn opening_of(word: &[u8]) -> u32 {
    let byte = |at: usize| word.get(at).copied().unwrap_or(0);
    opening(byte(0), byte(1), byte(2))
}

struct Candidate {
    strength: f32,
    finding: Finding,
}

/// Of secrets that overlap the one with the stronger form, then the longer.
fn strongest(found: Vec<Candidate>) -> Vec<Finding> {
    let strongest = overlap::strongest(
        found,
        |candidate| &candidate.finding.span,
        |a, b| {
            b.strength
                .total_cmp(&a.strength)
                .then(b.finding.span.len().cmp(&a.finding.span.len()))
                .then(a.finding.span.start.cmp(&b.finding.span.start))
        },
    );
    let findings = strongest.into_iter().map(|candidate| candidate.finding);
    findings.collect()
}

/// A rule and the literals by which it is found; none when only words lead to it.
fn read(fields: &[&'static str], remembered: &mut Remembered) -> Result<(Rule, Literals), String> {
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
            matcher: Matcher::new(&shape, after, remembered),
            shape,
            by_word: anchors.is_empty(),
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
    let near = back(text, at, BEFORE);
    // Only what is near: a line may have no end.
    let from = head[near..].rfind('\n').map_or(near, |at| near + at + 1);
    (&head[from..], from)
}

/// The parts of names in a text: cut at everything that is no letter or digit and at changes of
/// case; a digit belongs to the part before it.
fn parts(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let other = |byte: &u8| !byte.is_ascii_alphanumeric();
        at += bytes[at..].iter().take_while(|byte| other(byte)).count();
        let start = at;
        at = part_end(bytes, start);
        (at > start).then_some(start..at)
    })
}

/// Where the part of a name that begins at a letter or digit ends.
fn part_end(bytes: &[u8], start: usize) -> usize {
    let run = |from: usize, is: fn(&u8) -> bool| {
        from + bytes[from..].iter().take_while(|byte| is(byte)).count()
    };
    let upper = run(start, u8::is_ascii_uppercase);
    let lower = run(upper, u8::is_ascii_lowercase);
    let letters = match (upper - start, lower > upper) {
        // The last capital of a row begins the next part.
        (2.., true) => upper - 1,
        _ => lower,
    };
    run(letters, u8::is_ascii_digit)
}

/// Words that the parts of a text make alone and together, in lower case, with where they end.
fn words_in(text: &str, mut tell: impl FnMut(&[u8], usize)) {
    let parts: Vec<Range<usize>> = parts(text).collect();
    let mut word = Vec::new();
    for from in 0..parts.len() {
        word.clear();
        let mut end: Option<usize> = None;
        for part in parts.iter().skip(from).take(JOINED) {
            let gap = end.map(|end| text.get(end..part.start).unwrap_or_default());
            if gap.is_some_and(|gap| !matches!(gap, "" | "_" | "-" | "." | " ")) {
                break;
            }
            word.extend(
                text.as_bytes()[part.clone()]
                    .iter()
                    .map(u8::to_ascii_lowercase),
            );
            end = Some(part.end);
            tell(&word, part.end);
        }
    }
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

#[cfg(test)]
mod tests;
