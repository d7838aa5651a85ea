// SPDX-License-Identifier: Apache-2.0
//! Numbers of persons, accounts and things, as `rules/personal.rules` describes them.
//!
//! One pass over the digits of a text. Where a number begins, the length and kind of its first run
//! of letters and digits and the byte behind it choose the few rules that can match; words that
//! explain a number are looked for only when there is one.

use std::cell::OnceCell;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use casemate_types::{Finding, FindingKind};

use super::{
    check::Check,
    lines,
    shape::{GAPS, Notation, Part, Set, Shape},
};

pub(crate) const PACK: &str = include_str!("../../rules/personal.rules");
/// Characters before a number in which a word may explain it, and behind.
const BEFORE: usize = 60;
const BEHIND: usize = 30;
/// The longest first run that is told apart by its length.
const LONGEST: usize = 48;
/// Words in 64 bits each; as many as there are lists of words.
const GROUPS: usize = 8;

/// A written form of a number.
#[derive(Debug)]
struct Rule {
    name: &'static str,
    kind: FindingKind,
    shape: Shape,
    check: Check,
    /// Its list of words, if it has one.
    group: Option<usize>,
    needs_words: bool,
    /// How rarely something else passes: the tenths of digits of the share that does.
    rarity: f32,
    /// It has digits and separators only.
    bare: bool,
}

/// All rules, sorted by how a number begins.
#[derive(Debug)]
pub(crate) struct Identifiers {
    rules: Vec<Rule>,
    /// Rules by kind and length of the first run and by what stands behind it.
    by_run: Vec<Vec<u16>>,
    /// Rules whose shape begins with a sign, with that sign.
    by_sign: Vec<(u8, u16)>,
    words: AhoCorasick,
    /// Lists that have a word.
    groups_of: Vec<Vec<usize>>,
    /// Whether a word may stand inside another, as in scripts without spaces.
    inside: Vec<bool>,
}

/// Sets of lists of words.
type Groups = [u64; GROUPS];

/// A word that was found.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    which: usize,
}

/// What stands behind the first run.
const BEHIND_RUN: usize = 5;

const fn behind(byte: Option<u8>) -> usize {
    match byte {
        Some(b' ') => 1,
        Some(b'-') => 2,
        Some(b'.') => 3,
        Some(b'/') => 4,
        _ => 0,
    }
}

const fn slot(letters: bool, length: usize, behind: usize) -> usize {
    let length = if length > LONGEST { LONGEST } else { length };
    (letters as usize * (LONGEST + 1) + length) * BEHIND_RUN + behind
}

impl Identifiers {
    /// Reads the rules.
    ///
    /// # Errors
    /// A text naming the line that is wrong; a test reads the pack that ships.
    pub(crate) fn new() -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut lists: Vec<&'static str> = Vec::new();
        for fields in lines(PACK) {
            let wrong = |why: String| format!("{}: {why}", fields.join(" | "));
            let &[name, shape, check, words, strength, _] = fields.as_slice() else {
                return Err(wrong("it has not six fields".into()));
            };
            let (share, needs) = strength
                .split_once(' ')
                .ok_or_else(|| wrong("its strength is not two words".into()))?;
            let share: f32 = share
                .trim_start_matches('<')
                .parse()
                .map_err(|_| wrong("its strength is no number".into()))?;
            let shape = Shape::parse(shape, Notation::Number).map_err(wrong)?;
            let group = (words != "-").then(|| {
                lists
                    .iter()
                    .position(|known| *known == words)
                    .unwrap_or_else(|| {
                        lists.push(words);
                        lists.len() - 1
                    })
            });
            rules.push(Rule {
                name,
                kind: kind_of(name),
                check: Check::parse(check).map_err(wrong)?,
                group,
                needs_words: needs == "yes",
                rarity: -share.clamp(1e-12, 1.0).log10(),
                bare: is_bare(&shape),
                shape,
            });
        }
        if lists.len() > GROUPS * 64 {
            return Err("there are too many lists of words".into());
        }
        let (words, groups_of, inside) =
            words(&lists).map_err(|error| format!("the words: {error}"))?;
        let mut all = Self {
            rules,
            by_run: vec![Vec::new(); 2 * (LONGEST + 1) * BEHIND_RUN],
            by_sign: Vec::new(),
            words,
            groups_of,
            inside,
        };
        all.index();
        Ok(all)
    }

    /// Sorts the rules by how their numbers begin.
    fn index(&mut self) {
        for (number, rule) in (0_u16..).zip(&self.rules) {
            if let Some(sign) = sign(&rule.shape) {
                self.by_sign.push((sign, number));
                continue;
            }
            for gap in GAPS {
                for slot in slots(&rule.shape, gap) {
                    let there = &mut self.by_run[slot];
                    if there.last() != Some(&number) {
                        there.push(number);
                    }
                }
            }
        }
    }

    /// Everything in a text, without overlaps, in its order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let known = OnceCell::new();
        let mut candidates = Vec::new();
        let mut at = 0;
        while let Some(step) = bytes[at..].iter().position(u8::is_ascii_digit) {
            let digit = at + step;
            let start = run_start(bytes, digit);
            let run = bytes[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
            self.at_run(text, start, &known, &mut candidates);
            // A short word of letters in front may be a part of it: `AB 12 34 56 C`.
            if let Some(word) = word_before(bytes, start) {
                self.at_run(text, word, &known, &mut candidates);
            }
            for pair in pairs_before(bytes, start).into_iter().flatten() {
                self.at_run(text, pair, &known, &mut candidates);
            }
            if let Some(sign) = start.checked_sub(1) {
                self.at_sign(text, sign, &known, &mut candidates);
            }
            at = start + run.max(1);
        }
        best(candidates)
    }

    fn at_run(
        &self,
        text: &str,
        start: usize,
        known: &OnceCell<Vec<Word>>,
        found: &mut Vec<Candidate>,
    ) {
        let bytes = text.as_bytes();
        let run = bytes[start..]
            .iter()
            .take(LONGEST + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let letters = bytes[start..start + run]
            .iter()
            .any(u8::is_ascii_alphabetic);
        let next = behind(bytes.get(start + run).copied());
        let groups = OnceCell::new();
        for number in &self.by_run[slot(letters, run, next)] {
            self.try_rule(text, start, *number, known, &groups, found);
        }
    }

    fn at_sign(
        &self,
        text: &str,
        sign: usize,
        known: &OnceCell<Vec<Word>>,
        found: &mut Vec<Candidate>,
    ) {
        // `%B` of a magnetic stripe is two signs away.
        let bytes = text.as_bytes();
        for start in [Some(sign), sign.checked_sub(1)].into_iter().flatten() {
            let groups = OnceCell::new();
            for (_, number) in self
                .by_sign
                .iter()
                .filter(|(byte, _)| *byte == bytes[start])
            {
                self.try_rule(text, start, *number, known, &groups, found);
            }
        }
    }

    fn try_rule(
        &self,
        text: &str,
        start: usize,
        number: u16,
        known: &OnceCell<Vec<Word>>,
        groups: &OnceCell<Groups>,
        found: &mut Vec<Candidate>,
    ) {
        let rule = &self.rules[usize::from(number)];
        let bytes = text.as_bytes();
        let explained = || {
            let groups = groups.get_or_init(|| {
                let words = known.get_or_init(|| self.all_words(text));
                self.groups_near(text, words, start)
            });
            rule.group
                .is_some_and(|group| groups[group / 64] >> (group % 64) & 1 == 1)
        };
        if (rule.needs_words && !explained()) || !begins(text, start) {
            return;
        }
        let mut accepts = |end: usize| ends(text, end);
        let Some(end) = rule.shape.match_at(bytes, start, &mut accepts) else {
            return;
        };
        let goes_on = !rule.needs_words && rule.bare && runs_on(bytes, start, end);
        if goes_on || !rule.check.passes(&bytes[start..end]) {
            return;
        }
        let explained = explained();
        let weight = rule.rarity + if explained { 3.0 } else { 0.0 } + (end - start) as f32 / 10.0;
        found.push(Candidate {
            weight,
            finding: Finding {
                kind: rule.kind,
                span: start..end,
                rule: rule.name,
                score: score(rule.rarity, explained),
            },
        });
    }

    /// Every word of every list that stands in a text as a whole word.
    fn all_words(&self, text: &str) -> Vec<Word> {
        self.words
            .find_overlapping_iter(text)
            .map(|hit| Word {
                start: hit.start(),
                end: hit.end(),
                which: hit.pattern().as_usize(),
            })
            .filter(|word| {
                self.inside[word.which] || (begins(text, word.start) && ends(text, word.end))
            })
            .collect()
    }

    /// The lists that have a word near a number.
    fn groups_near(&self, text: &str, words: &[Word], at: usize) -> Groups {
        let from = back(text, at, BEFORE);
        let upto = forth(text, at, BEHIND + LONGEST);
        let mut groups = Groups::default();
        let first = words.partition_point(|word| word.end < from);
        for word in words[first..].iter().take_while(|word| word.end <= upto) {
            if word.start < from || (word.start < at && word.end > at) {
                continue;
            }
            for group in &self.groups_of[word.which] {
                groups[group / 64] |= 1 << (group % 64);
            }
        }
        groups
    }
}

struct Candidate {
    weight: f32,
    finding: Finding,
}

/// Of candidates that overlap the one that is hardest to be by chance.
fn best(mut candidates: Vec<Candidate>) -> Vec<Finding> {
    candidates.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut kept: std::collections::BTreeMap<usize, Finding> = std::collections::BTreeMap::new();
    for candidate in candidates {
        let span = &candidate.finding.span;
        let before = kept.range(..span.end).next_back();
        if before.is_none_or(|(_, other)| other.span.end <= span.start) {
            kept.insert(span.start, candidate.finding);
        }
    }
    kept.into_values().collect()
}

fn score(rarity: f32, explained: bool) -> f32 {
    let chance = 10_f32.powf(-rarity) * if explained { 0.1 } else { 0.5 };
    (1.0 - chance).clamp(0.5, 0.99)
}

type Words = (AhoCorasick, Vec<Vec<usize>>, Vec<bool>);

/// One automaton over the words of all lists.
fn words(lists: &[&'static str]) -> Result<Words, BuildError> {
    let mut texts: Vec<&'static str> = Vec::new();
    let mut groups_of: Vec<Vec<usize>> = Vec::new();
    for (group, list) in lists.iter().enumerate() {
        for word in list
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match texts.iter().position(|known| *known == word) {
                Some(at) => groups_of[at].push(group),
                None => {
                    texts.push(word);
                    groups_of.push(vec![group]);
                }
            }
        }
    }
    // Of scripts that write without spaces.
    let inside = |text: &&str| text.chars().any(|c| u32::from(c) >= 0x0E00);
    let inside = texts.iter().map(inside).collect();
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(&texts)?;
    Ok((automaton, groups_of, inside))
}

/// The kind that policies and records speak of.
fn kind_of(name: &str) -> FindingKind {
    match name {
        "CREDIT_CARD" | "CARD_CVV" | "CARD_EXPIRY" | "CARD_TRACK1" | "CARD_TRACK2" => {
            FindingKind::Card
        }
        "DATE_OF_BIRTH" => FindingKind::BirthDate,
        "ICCID" | "IMEI" | "IMEISV" | "IMSI" | "LICENSE_PLATE" | "MAC_ADDRESS" | "VIN" => {
            FindingKind::Device
        }
        "IBAN" => FindingKind::Iban,
        "PHONE" => FindingKind::Phone,
        "US_SSN" => FindingKind::UsSsn,
        "ABA_ROUTING" | "AR_CBU" | "AU_BSB" | "BIC" | "CA_TRANSIT" | "ES_CCC" | "IN_IFSC"
        | "MX_CLABE" | "NO_KONTONUMMER" | "NZ_BANK_ACCOUNT" | "UK_BANK_ACCOUNT"
        | "UK_SORT_CODE" | "US_BANK_ACCOUNT" => FindingKind::BankAccount,
        name if name.starts_with("CRYPTO_") => FindingKind::Wallet,
        _ => FindingKind::Identifier,
    }
}

fn digits() -> Set {
    Set::of(&[(b'0', b'9')])
}

fn letters() -> Set {
    Set::of(&[(b'A', b'Z'), (b'a', b'z')])
}

fn letters_and_digits() -> Set {
    Set::of(&[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')])
}

/// Whether a shape has digits and separators only.
fn is_bare(shape: &Shape) -> bool {
    let allowed = Set::of(&[(b'0', b'9'), (b' ', b' '), (b'-', b'/')]);
    shape.parts.iter().all(|part| match part {
        Part::Any(texts) => texts
            .iter()
            .all(|text| text.iter().all(|b| allowed.has(*b))),
        Part::Class(set, ..) => set.within(allowed),
        Part::Gap => true,
        Part::Literal(text) => text.iter().all(|byte| allowed.has(*byte)),
    })
}

/// The sign a shape begins with.
fn sign(shape: &Shape) -> Option<u8> {
    let first = match shape.parts.first()? {
        Part::Literal(text) => *text.first()?,
        Part::Class(set, 1, 1) => (0..128).find(|byte| set.has(*byte))?,
        _ => return None,
    };
    (!first.is_ascii_alphanumeric()).then_some(first)
}

/// Every slot in which a match of a shape may stand, with one sort of gap.
fn slots(shape: &Shape, gap: Option<u8>) -> Vec<usize> {
    let mut run = FirstRun::default();
    let mut next = None;
    for part in &shape.parts {
        next = run.take(part, gap);
        if next.is_some() {
            break;
        }
    }
    let nexts: Vec<usize> = match next {
        Some(Next::Byte(byte)) => vec![behind(Some(byte))],
        // The number ends, or what comes may or may not be a letter or digit.
        None | Some(Next::Any) => (0..BEHIND_RUN).collect(),
    };
    let most = if matches!(next, Some(Next::Any)) {
        LONGEST
    } else {
        run.most.min(LONGEST)
    };
    let mut all = Vec::new();
    for length in run.least.min(LONGEST)..=most {
        for next in &nexts {
            if run.may_be_digits {
                all.push(slot(false, length, *next));
            }
            if run.may_have_letters {
                all.push(slot(true, length, *next));
            }
        }
    }
    all
}

/// What comes behind the first run.
enum Next {
    Any,
    Byte(u8),
}

/// How long the first run of letters and digits may be, and of what.
struct FirstRun {
    least: usize,
    most: usize,
    may_be_digits: bool,
    may_have_letters: bool,
}

impl Default for FirstRun {
    fn default() -> Self {
        Self {
            least: 0,
            most: 0,
            may_be_digits: true,
            may_have_letters: false,
        }
    }
}

impl FirstRun {
    /// Goes on with a part; tells what ends the run, if it does.
    fn take(&mut self, part: &Part, gap: Option<u8>) -> Option<Next> {
        match part {
            Part::Gap => return gap.map(Next::Byte),
            Part::Literal(text) => {
                let run = text
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric())
                    .count();
                self.text(&text[..run]);
                return text.get(run).map(|byte| Next::Byte(*byte));
            }
            Part::Any(texts) => {
                if texts
                    .iter()
                    .any(|text| !text.iter().all(u8::is_ascii_alphanumeric))
                {
                    return Some(Next::Any);
                }
                let lengths = texts.iter().map(|text| text.len());
                self.least += lengths.clone().min().unwrap_or(0);
                self.most += lengths.max().unwrap_or(0);
                let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
                self.may_be_digits &= texts.iter().any(|text| digits(text));
                self.may_have_letters |= texts.iter().any(|text| !digits(text));
            }
            Part::Class(set, least, most) => {
                if !set.meets(letters_and_digits()) {
                    let one = (0..128).find(|byte| set.has(*byte)).filter(|_| *least > 0);
                    let alone = one.filter(|byte| Set::of(&[(*byte, *byte)]) == *set);
                    return Some(alone.map_or(Next::Any, Next::Byte));
                }
                if !set.within(letters_and_digits()) {
                    self.may_have_letters |= set.meets(letters());
                    return Some(Next::Any);
                }
                self.least += least;
                self.most += most;
                self.may_be_digits &= set.meets(digits()) || *least == 0;
                self.may_have_letters |= set.meets(letters());
            }
        }
        None
    }

    fn text(&mut self, text: &[u8]) {
        self.least += text.len();
        self.most += text.len();
        let letter = text.iter().any(u8::is_ascii_alphabetic);
        self.may_be_digits &= !letter;
        self.may_have_letters |= letter;
    }
}

/// Whether a character makes a number a part of something longer. Scripts that write without spaces
/// do not.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() && u32::from(c) < 0x0E00
}

/// Whether no letter or digit stands before.
fn begins(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    before.is_none_or(|c| !is_joined(c))
}

/// Whether no letter or digit stands behind.
fn ends(text: &str, at: usize) -> bool {
    let next = text.get(at..).and_then(|tail| tail.chars().next());
    next.is_none_or(|c| !is_joined(c))
}

/// Where the run of letters and digits that a digit is part of begins, as far as it matters.
fn run_start(bytes: &[u8], digit: usize) -> usize {
    let before = bytes[..digit].iter().rev().take(128);
    digit
        - before
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
}

/// A word of at most five capitals or a digit group before a separator.
fn word_before(bytes: &[u8], start: usize) -> Option<usize> {
    let separator = start.checked_sub(1)?;
    if !matches!(bytes[separator], b' ' | b'-' | b'.' | b'/') {
        return None;
    }
    let letters = bytes[..separator]
        .iter()
        .rev()
        .take(6)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    let word = separator - letters;
    let alone = word
        .checked_sub(1)
        .is_none_or(|at| !bytes[at].is_ascii_alphanumeric());
    ((1..=5).contains(&letters) && alone).then_some(word)
}

/// Pairs of hexadecimal letters joined by colons or dashes before a run: an address of a network
/// card may begin with letters only.
fn pairs_before(bytes: &[u8], start: usize) -> [Option<usize>; 5] {
    let mut found = [None; 5];
    let mut at = start;
    for slot in &mut found {
        match bytes[..at] {
            [.., a, b, b':' | b'-'] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => at -= 3,
            _ => break,
        }
        *slot = Some(at);
    }
    found
}

/// Whether a number goes on as a run of groups before or behind it, as inside of an IBAN.
fn runs_on(bytes: &[u8], start: usize, end: usize) -> bool {
    let inner = bytes[start..end].iter().find(|byte| !byte.is_ascii_digit());
    let joins = |byte: u8| match inner {
        Some(inner) => byte == *inner,
        None => matches!(byte, b'-' | b'.'),
    };
    let before = match bytes[..start] {
        [.., digit, separator] => digit.is_ascii_digit() && joins(separator),
        _ => false,
    };
    let after = match bytes[end..] {
        [separator, digit, ..] => digit.is_ascii_digit() && joins(separator),
        _ => false,
    };
    before || after
}

/// The byte that many characters before.
fn back(text: &str, at: usize, count: usize) -> usize {
    let head = text.get(..at).unwrap_or_default();
    head.char_indices()
        .rev()
        .nth(count - 1)
        .map_or(0, |(at, _)| at)
}

/// The byte that many characters behind.
fn forth(text: &str, at: usize, count: usize) -> usize {
    let tail = text.get(at..).unwrap_or_default();
    tail.char_indices()
        .nth(count)
        .map_or(text.len(), |(more, _)| at + more)
}

/// The words of a rule's list that explain a number at `at`, where they stand. For explanations.
pub(crate) fn words_near(
    text: &str,
    at: usize,
    list: &'static str,
) -> Vec<(&'static str, std::ops::Range<usize>)> {
    let (from, upto) = (back(text, at, BEFORE), forth(text, at, BEHIND + LONGEST));
    let near = text
        .get(from..upto)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut found = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| *word != "-") {
        let inside = word.chars().any(|c| u32::from(c) >= 0x0E00);
        for (start, _) in near.match_indices(word) {
            let (start, end) = (from + start, from + start + word.len());
            let whole = inside || (begins(text, start) && ends(text, end));
            if whole && !(start < at && end > at) {
                found.push((word, start..end));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
