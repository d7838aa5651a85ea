// SPDX-License-Identifier: Apache-2.0
//! Numbers of persons, accounts and things, as `rules/personal.rules` describes them.
//!
//! One pass over the digits of a text. Where a number begins, the length and kind of its first run
//! of letters and digits and the byte behind it choose the few rules that can match; words that
//! explain a number are looked for only when there is one.

mod first_run;
mod nearby;

use std::ops::Range;

use casemate_types::{Finding, FindingKind};

use super::{
    check::Check,
    lines, overlap,
    place::{back, begins, ends, forth, next},
    shape::{GAPS, Matcher, Memory, Notation, Part, Remembered, Set, Shape},
};
use first_run::{SLOTS, Second, behind, letters_and_digits, slot, slots};
use nearby::{Groups, Nearby, Words};

pub(crate) const PACK: &str = include_str!("../../rules/personal.rules");
/// Characters before a number in which a word may explain it, and behind.
const BEFORE: usize = 60;
const BEHIND: usize = 30;
/// The longest first run that is told apart by its length.
const LONGEST: usize = 48;

/// A written form of a number.
#[derive(Debug)]
struct Rule {
    name: &'static str,
    kind: FindingKind,
    shape: Shape,
    matcher: Matcher,
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
    remembered: Remembered,
    /// Rules by kind and length of the first run and by what stands behind it.
    by_run: Vec<Slot>,
    /// Rules whose shape begins with a sign, with that sign.
    by_sign: Vec<(u8, u16)>,
    signs: Set,
    words: Words,
}

/// Rules for numbers that begin alike.
#[derive(Debug, Clone, Default)]
struct Slot {
    /// Those that need no word.
    free: Vec<Entry>,
    /// Those that need a word of a list.
    bound: Vec<Entry>,
    /// All those lists.
    groups: Groups,
}

/// A rule of a slot.
#[derive(Debug, Clone, Copy)]
struct Entry {
    rule: u16,
    /// Its list of words, if it needs one.
    group: u16,
    /// What may stand behind the first run and the byte after that.
    second: Second,
}

impl Identifiers {
    /// Reads the rules.
    ///
    /// # Errors
    /// A text naming the line that is wrong; a test reads the pack that ships.
    pub(crate) fn new() -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut remembered = Remembered::default();
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
                matcher: Matcher::new(&shape, letters_and_digits(), &mut remembered),
                shape,
            });
        }
        let mut all = Self {
            rules,
            remembered,
            by_run: vec![Slot::default(); SLOTS],
            by_sign: Vec::new(),
            signs: Set::default(),
            words: Words::new(&lists).map_err(|why| format!("the words: {why}"))?,
        };
        all.index();
        Ok(all)
    }

    /// Sorts the rules by how their numbers begin.
    fn index(&mut self) {
        for (number, rule) in (0_u16..).zip(&self.rules) {
            if let Some(sign) = sign(&rule.shape) {
                self.by_sign.push((sign, number));
                self.signs = self.signs.with(Set::of(&[(sign, sign)]));
                continue;
            }
            let mut all: Vec<_> = GAPS
                .iter()
                .flat_map(|gap| slots(&rule.shape, *gap))
                .collect();
            all.sort_unstable_by_key(|(slot, _)| *slot);
            for alike in all.chunk_by(|(one, _), (other, _)| one == other) {
                let second = alike.iter().map(|(_, second)| *second);
                let second = second.fold(Second::default(), Second::with);
                self.by_run[alike[0].0].add(number, second, rule);
            }
        }
    }

    /// Everything in a text, without overlaps, in its order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let mut search = Search {
            all: self,
            text,
            nearby: Nearby::new(text, &self.words),
            memory: Memory::new(&self.remembered),
            found: Vec::new(),
        };
        let mut at = 0;
        while let Some(digit) = next(bytes, at, |byte| byte.is_ascii_digit()) {
            let start = run_start(bytes, digit);
            let run = bytes[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
            search.at_run(start);
            // A short word of letters in front may be a part of it: `AB 12 34 56 C`.
            if let Some(word) = word_before(bytes, start) {
                search.at_run(word);
            }
            for pair in pairs_before(bytes, start).into_iter().flatten() {
                search.at_run(pair);
            }
            if let Some(sign) = start.checked_sub(1) {
                search.at_sign(sign);
            }
            at = start + run.max(1);
        }
        best(search.found)
    }
}

/// One pass over a text.
struct Search<'a> {
    all: &'a Identifiers,
    text: &'a str,
    nearby: Nearby<'a>,
    memory: Memory,
    found: Vec<Candidate>,
}

impl Search<'_> {
    fn at_run(&mut self, start: usize) {
        let bytes = self.text.as_bytes();
        let run = bytes[start..]
            .iter()
            .take(LONGEST + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let letters = bytes[start..start + run]
            .iter()
            .any(u8::is_ascii_alphabetic);
        let next = behind(bytes.get(start + run).copied());
        let slot = &self.all.by_run[slot(letters, run, next)];
        if !begins(self.text, start) {
            return;
        }
        let before = self.found.len();
        let second = match run {
            0..=LONGEST => Second::at(bytes, start + run + 1),
            _ => Second::ANY,
        };
        let may_be = |entry: &&Entry| entry.second.meets(second);
        for entry in slot.free.iter().filter(may_be) {
            self.try_rule(start, entry.rule);
        }
        if slot.bound.iter().any(|entry| may_be(&entry)) {
            let near = self.nearby.groups(start);
            if near.meets(&slot.groups) {
                let explained = |entry: &&Entry| near.has(usize::from(entry.group));
                let bound = slot.bound.iter().filter(may_be).filter(explained);
                bound.for_each(|entry| self.try_rule(start, entry.rule));
            }
        }
        // Of two that are equally rare the rule that stands first in the file wins.
        self.found[before..].sort_by_key(|candidate| candidate.rule);
    }

    fn at_sign(&mut self, sign: usize) {
        // `%B` of a magnetic stripe is two signs away.
        let all = self.all;
        for start in [Some(sign), sign.checked_sub(1)].into_iter().flatten() {
            let byte = self.text.as_bytes()[start];
            if !all.signs.has(byte) || !begins(self.text, start) {
                continue;
            }
            for (_, number) in all.by_sign.iter().filter(|(sign, _)| *sign == byte) {
                let rule = &all.rules[usize::from(*number)];
                if !rule.needs_words || rule.is_explained(start, &mut self.nearby) {
                    self.try_rule(start, *number);
                }
            }
        }
    }

    /// Tries a rule where a word may begin; the words that it needs are there.
    fn try_rule(&mut self, start: usize, number: u16) {
        let rule = &self.all.rules[usize::from(number)];
        let text = self.text;
        let bytes = text.as_bytes();
        let accepts = |end| ends(text, end);
        let Some(end) = rule
            .matcher
            .match_at(bytes, start, &mut self.memory, accepts)
        else {
            return;
        };
        let goes_on = !rule.needs_words && rule.bare && runs_on(bytes, start, end);
        if goes_on || !rule.check.passes(&bytes[start..end]) {
            return;
        }
        let explained = rule.needs_words || rule.is_explained(start, &mut self.nearby);
        let weight = rule.rarity + if explained { 3.0 } else { 0.0 } + (end - start) as f32 / 10.0;
        self.found.push(Candidate {
            rule: number,
            weight,
            finding: Finding {
                kind: rule.kind,
                span: start..end,
                rule: rule.name,
                score: score(rule.rarity, explained),
            },
        });
    }
}

impl Rule {
    /// Whether one of its words stands near.
    fn is_explained(&self, start: usize, nearby: &mut Nearby<'_>) -> bool {
        let explains = |group| nearby.groups(start).has(group);
        self.group.is_some_and(explains)
    }
}

impl Slot {
    fn add(&mut self, number: u16, second: Second, rule: &Rule) {
        let group = rule.group.unwrap_or_default();
        let entry = Entry {
            rule: number,
            group: group as u16,
            second,
        };
        match rule.group {
            _ if !rule.needs_words => self.free.push(entry),
            Some(group) => {
                self.bound.push(entry);
                self.groups.add(group);
            }
            // Nothing can explain it.
            None => {}
        }
    }
}

struct Candidate {
    rule: u16,
    weight: f32,
    finding: Finding,
}

/// Of candidates that overlap the one that is hardest to be by chance.
fn best(candidates: Vec<Candidate>) -> Vec<Finding> {
    let strongest = overlap::strongest(
        candidates,
        |candidate| &candidate.finding.span,
        |a, b| b.weight.total_cmp(&a.weight),
    );
    let findings = strongest.into_iter().map(|candidate| candidate.finding);
    findings.collect()
}

fn score(rarity: f32, explained: bool) -> f32 {
    let chance = 10_f32.powf(-rarity) * if explained { 0.1 } else { 0.5 };
    (1.0 - chance).clamp(0.5, 0.99)
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

/// The words of a rule's list that explain a number at `at`, where they stand. For explanations.
pub(crate) fn words_near(
    text: &str,
    at: usize,
    list: &'static str,
) -> Vec<(&'static str, Range<usize>)> {
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
