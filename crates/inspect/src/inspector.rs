// SPDX-License-Identifier: Apache-2.0
//! All detectors over one text.

use std::{collections::BTreeMap, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use casemate_types::{Channel, Finding, FindingKind, Role, Trust};

use crate::{
    active::Active,
    attack::{CLASSES, Head, InjectionScore, Model, Reading, Scored, readings},
    custom::{Custom, InspectorSettings},
    health, injection,
    link::{self, Hosts},
    names::Names,
    personal,
    rules::{credential::Credentials, identifier::Identifiers, overlap},
    secret,
    special::{self, Special},
    words::{Hit, Lexicon},
};

/// A text to look at, with where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The text.
    pub text: &'a str,
    /// Who speaks.
    pub role: Role,
    /// Where in the message.
    pub channel: Channel,
    /// Whether the operator stands behind it.
    pub trust: Trust,
}

impl<'a> Segment<'a> {
    /// A segment with the trust of its role; tool results are never trusted.
    #[must_use]
    pub const fn new(text: &'a str, role: Role, channel: Channel) -> Self {
        let trust = match channel {
            Channel::ToolResult => Trust::Untrusted,
            _ => role.trust(),
        };
        Self {
            text,
            role,
            channel,
            trust,
        }
    }

    /// Whether it comes from a tool or document rather than from somebody who asks.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.role == Role::Tool || self.channel == Channel::ToolResult
    }
}

/// The weights that ship; `crates/inspect/model/README.md` says what they were trained on.
const MODEL: &[u8] = include_bytes!("../model/injection.bin");
/// Word lists and weights for names; `crates/inspect/model/README-names.md` says of what.
const NAMES: &[u8] = include_bytes!("../model/names.bin");
/// The score from which on a segment is taken for an attack, unless a profile says otherwise.
pub(crate) const THRESHOLD: f32 = 0.75;
/// Scores below this are not worth a record.
const WORTH_A_RECORD: f32 = 0.5;

/// A probability whose logit is raised by what words of attacks are worth.
fn raised(score: f32) -> f32 {
    let odds = score / (1.0 - score).max(1e-6) * injection::WORTH.exp();
    odds / (1.0 + odds)
}

/// The detectors could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the detectors cannot be built: {0}")]
pub struct InspectError(String);

/// All detectors, compiled once, shared by all requests.
#[derive(Debug)]
pub struct Inspector {
    identifiers: Identifiers,
    credentials: Credentials,
    attacks: Model,
    names: Names,
    secrets: AhoCorasick,
    special: Special,
    custom: Option<Custom>,
    lexicon: Lexicon,
    active: Active,
    /// Hosts that links in answers may lead to; `None` where nobody listed any.
    hosts: Option<Hosts>,
    canaries: Option<AhoCorasick>,
    canary_texts: Vec<String>,
}

impl Inspector {
    /// Builds the detectors. `canaries` are strings that must never appear anywhere.
    ///
    /// # Errors
    /// [`InspectError`] when a canary is shorter than eight bytes, or there are too many.
    pub fn new(canaries: &[String]) -> Result<Self, InspectError> {
        Self::with(InspectorSettings {
            canaries: canaries.to_vec(),
            ..InspectorSettings::default()
        })
    }

    /// The same, with what is the operator's own.
    ///
    /// # Errors
    /// As those of [`Inspector::new`].
    pub fn with(settings: InspectorSettings) -> Result<Self, InspectError> {
        let canaries = settings.canaries;
        let failed = |error: aho_corasick::BuildError| InspectError(error.to_string());
        if let Some(short) = canaries.iter().find(|canary| canary.len() < 8) {
            return Err(InspectError(format!(
                "the canary `{short}` is shorter than eight bytes"
            )));
        }
        let secrets = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(secret::PREFIXES.iter().map(|prefix| prefix.literal))
            .map_err(failed)?;
        let canary_texts = canaries;
        let canaries = (!canary_texts.is_empty())
            .then(|| AhoCorasick::builder().build(&canary_texts))
            .transpose()
            .map_err(failed)?;
        Ok(Self {
            identifiers: Identifiers::new().map_err(InspectError)?,
            credentials: Credentials::new().map_err(InspectError)?,
            attacks: Model::new(MODEL).map_err(InspectError)?,
            names: Names::new(NAMES).map_err(InspectError)?,
            secrets,
            special: Special::new().map_err(InspectError)?,
            custom: Custom::new(
                settings.dictionaries,
                settings.exact_sets,
                settings.fingerprints,
            ),
            lexicon: Lexicon::new().map_err(failed)?,
            active: Active::new().map_err(failed)?,
            hosts: None,
            canaries,
            canary_texts,
        })
    }

    /// Finds links in answers to hosts that are not among these.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Everything found in a segment: personal data, secrets and canaries in the order of the text
    /// and without overlaps; then what may overlap them: what the operator lists, at most one attempt
    /// at injection and one health record, and what is said of somebody of other special categories.
    #[must_use]
    pub fn inspect(&self, segment: Segment<'_>) -> Vec<Finding> {
        let hits = self.lexicon.hits(segment.text);
        let mut found = self.read(segment.text);
        // Where somebody lives or works is personal with a name, and ordinary without.
        found.retain(|found| found.kind != FindingKind::Entity);
        let said = self.special.find(segment.text, &found);
        special::without_names_in(&mut found, &said);
        found.extend(self.listed(segment.text));
        if segment.trust == Trust::Untrusted && segment.role != Role::Assistant {
            let attack = self.attack(segment, &hits);
            found.extend(attack.filter(|found| found.score >= WORTH_A_RECORD));
        }
        found.extend(health::find(segment.text, &hits));
        found.extend(said);
        found
    }

    /// What [`Inspector::whole`] finds and the score as an attack, whoever speaks and however low.
    #[must_use]
    pub fn inspect_scored(&self, segment: Segment<'_>) -> (Vec<Finding>, InjectionScore) {
        (self.whole(segment.text), self.injection(segment))
    }

    /// How much a segment reads like an attempt to instruct the model, whoever speaks.
    #[must_use]
    pub fn injection(&self, segment: Segment<'_>) -> InjectionScore {
        let hits = self.lexicon.hits(segment.text);
        let attempt = self.attempt(segment, &hits);
        attempt.map_or_else(InjectionScore::default, |attempt| {
            InjectionScore::new(attempt.found.score, THRESHOLD, attempt.shares)
        })
    }

    /// The stretch of a segment that reads most like an attack.
    fn attack(&self, segment: Segment<'_>, hits: &[Hit]) -> Option<Finding> {
        self.attempt(segment, hits).map(|attempt| attempt.found)
    }

    /// The same, with what led to it.
    pub(crate) fn attempt(&self, segment: Segment<'_>, hits: &[Hit]) -> Option<Attempt> {
        let head = Head::of(segment);
        let mut best: Option<Attempt> = None;
        for reading in readings(segment.text) {
            let attempt = self.attempt_in(segment, hits, head, &reading);
            if best
                .as_ref()
                .is_none_or(|best| attempt.found.score > best.found.score)
            {
                best = Some(attempt);
            }
        }
        best
    }

    /// The same in one reading of the segment.
    fn attempt_in(
        &self,
        segment: Segment<'_>,
        hits: &[Hit],
        head: Head,
        reading: &Reading<'_>,
    ) -> Attempt {
        let plain = reading.codes.is_empty();
        let mut found = Finding {
            kind: FindingKind::Injection,
            span: 0..segment.text.len(),
            rule: if plain {
                "injection.model"
            } else {
                "injection.decoded"
            },
            score: 0.0,
        };
        let scores = self.attacks.scores(head, reading);
        // The first of those that score the same.
        let best = scores.reduce(|best, next| if next.score > best.score { next } else { best });
        let shares = best.as_ref().map_or([0.0; CLASSES], Scored::shares);
        if let Some(best) = best {
            found.score = best.score;
            // What was decoded has no place of its own in the text.
            if plain {
                found.span = best.window.span;
            }
        }
        let (model, window) = (found.score, found.span.clone());
        // Words that belong to attacks and stand together say more than the model knows of short
        // texts; alone they are no verdict, for whoever warns of attacks uses them too.
        let words = if plain {
            injection::find(segment, hits)
        } else {
            let text = Segment {
                text: &reading.text,
                ..segment
            };
            injection::find(text, &self.lexicon.hits(&reading.text))
        };
        if let Some(words) = words.as_ref().filter(|words| words.score >= THRESHOLD) {
            let raised = raised(found.score);
            if plain && (found.score < THRESHOLD || words.span.len() < found.span.len()) {
                (found.rule, found.span) = (words.rule, words.span.clone());
            }
            found.score = raised;
        }
        Attempt {
            found,
            model,
            window,
            words,
            codes: reading.codes.clone(),
            shares,
        }
    }

    /// How much a text reads like an attack to the model alone, without decoding it.
    pub(crate) fn model_score(&self, segment: Segment<'_>) -> f32 {
        let plain = readings(segment.text).into_iter().next();
        let scores = plain.iter().flat_map(|reading| {
            let windows = self.attacks.scores(Head::of(segment), reading);
            windows.map(|scored| scored.score).collect::<Vec<_>>()
        });
        scores.fold(0.0, f32::max)
    }

    /// The lists of names that words of a name stand in.
    pub(crate) fn lists_of(&self, name: &str) -> Vec<&'static str> {
        self.names.lists_of(name)
    }

    /// The words of a text that belong to lists.
    pub(crate) fn hits(&self, text: &str) -> Vec<Hit> {
        self.lexicon.hits(text)
    }

    /// Personal data, secrets, canaries and names of all sorts in a whole text, and then what the
    /// operator lists, which may overlap them.
    #[must_use]
    pub fn whole(&self, text: &str) -> Vec<Finding> {
        let mut found = self.read(text);
        found.extend(self.listed(text));
        found
    }

    /// What has a form, and names, in the order of the text and without overlaps.
    fn read(&self, text: &str) -> Vec<Finding> {
        beside(self.structured(text), self.names.find(text))
    }

    /// What stands in the operator's own lists, tables and documents. It hides nothing else: a
    /// number in a listed sentence is still a number.
    fn listed(&self, text: &str) -> Vec<Finding> {
        self.custom
            .as_ref()
            .map_or_else(Vec::new, |custom| custom.find(text))
    }

    /// Names of people and places, and addresses, in the order of the text.
    #[must_use]
    pub fn names(&self, text: &str) -> Vec<Finding> {
        self.names.find(text)
    }

    /// What has a form: personal data, secrets and canaries, in the order of the text and without
    /// overlaps.
    #[must_use]
    pub fn structured(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        self.find_canaries(text, 0, &mut found);
        found.extend(self.credentials.find(text));
        self.find_key_blocks(text, &mut found);
        personal::find_addresses(text, &mut found);
        found.extend(self.identifiers.find(text));
        without_overlaps(found)
    }

    /// What is found in answers, by its form alone: personal data, payment data, secrets, canaries,
    /// active content, links to hosts that are not listed; in the order of the text, without
    /// overlaps. These are the classes for which a stream finds exactly what the
    /// whole text would.
    #[must_use]
    pub fn inspect_exact(&self, text: &str) -> Vec<Finding> {
        self.inspect_from(text, 0)
    }

    /// Everything that is looked for in a whole answer: [`Inspector::inspect_exact`], and what only
    /// all rules and the operator's lists find. The latter may overlap the others.
    #[must_use]
    pub fn inspect_answer(&self, text: &str) -> Vec<Finding> {
        let mut found = self.inspect_exact(text);
        let more = self.beyond(&found, text);
        found.extend(more);
        found
    }

    /// What is found in answers beside [`Inspector::inspect_exact`], in any order.
    pub(crate) fn beyond_exact(&self, text: &str) -> Vec<Finding> {
        self.beyond(&self.inspect_exact(text), text)
    }

    fn beyond(&self, exact: &[Finding], text: &str) -> Vec<Finding> {
        let mut found = self.structured(text);
        found.retain(|one| !overlaps(exact, one));
        found.extend(self.listed(text));
        found
    }

    /// [`Inspector::inspect_exact`] for what begins at `from` or later; what stands before is context.
    pub(crate) fn inspect_from(&self, text: &str, from: usize) -> Vec<Finding> {
        let hits = if personal::may_need_context(&text[from..]) {
            self.lexicon.hits(text)
        } else {
            Vec::new()
        };
        self.exact(text, from, &hits)
    }

    fn exact(&self, text: &str, from: usize, hits: &[Hit]) -> Vec<Finding> {
        let mut found = Vec::new();
        self.find_canaries(text, from, &mut found);
        secret::find(text, from, &self.secrets, hits, &mut found);
        personal::find(text, from, hits, &mut found);
        self.active.find(text, from, &mut found);
        if let Some(hosts) = &self.hosts {
            link::find(text, from, hosts, &mut found);
        }
        found.retain(|finding| finding.span.start >= from);
        without_overlaps(found)
    }

    /// Blocks of private keys that are cut off or too short for their rule: the header alone says
    /// that a key follows.
    fn find_key_blocks(&self, text: &str, found: &mut Vec<Finding>) {
        if memchr::memmem::find(text.as_bytes(), b"-----BEGIN ").is_none() {
            return;
        }
        let mut blocks = Vec::new();
        secret::find(text, 0, &self.secrets, &[], &mut blocks);
        blocks.retain(|block| {
            let known = found.iter().any(|other| {
                other.kind == FindingKind::PrivateKey && other.span.start == block.span.start
            });
            block.rule == secret::KEY_BLOCK && !known
        });
        found.extend(blocks);
    }

    fn find_canaries(&self, text: &str, from: usize, found: &mut Vec<Finding>) {
        let Some(canaries) = &self.canaries else {
            return;
        };
        let range = Input::new(text).range(from..);
        found.extend(canaries.find_iter(range).map(|hit| Finding {
            kind: FindingKind::Canary,
            span: hit.range(),
            rule: "canary",
            score: 1.0,
        }));
    }

    /// Where, from `from` on, tokens with a known prefix begin that may go on after the text.
    pub(crate) fn open_secrets<'a>(
        &'a self,
        text: &'a str,
        from: usize,
    ) -> impl Iterator<Item = usize> + 'a {
        secret::open(text, from, &self.secrets)
    }

    /// Whether links are looked for.
    pub(crate) const fn follows_links(&self) -> bool {
        self.hosts.is_some()
    }

    /// The canaries, for hold-back in streams.
    pub(crate) fn canary_texts(&self) -> &[String] {
        &self.canary_texts
    }
}

/// A text taken for an attack, with what led to it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) found: Finding,
    /// What the model says alone.
    pub(crate) model: f32,
    /// The stretch that it says it of; the whole text when it was decoded.
    pub(crate) window: Range<usize>,
    /// What the words say.
    pub(crate) words: Option<Finding>,
    /// The codes that were undone.
    pub(crate) codes: Vec<&'static str>,
    /// How the score divides among the classes.
    pub(crate) shares: [f32; CLASSES],
}

impl Head {
    /// The head of the model that judges a segment.
    pub(crate) fn of(segment: Segment<'_>) -> Self {
        match segment.is_embedded() {
            true => Self::Embedded,
            false => Self::User,
        }
    }
}

/// Whether one of the findings, which are in the order of the text and without overlaps, is of the
/// same class as `one` and overlaps it.
fn overlaps(found: &[Finding], one: &Finding) -> bool {
    let first = found.partition_point(|other| other.span.end <= one.span.start);
    found[first..]
        .iter()
        .take_while(|other| other.span.start < one.span.end)
        .any(|other| other.kind.class() == one.kind.class())
}

/// Both in the order of the text, without names that overlap what has a form: a number with a check
/// is no house number.
fn beside(formed: Vec<Finding>, names: Vec<Finding>) -> Vec<Finding> {
    let mut all = Vec::with_capacity(formed.len() + names.len());
    let mut formed = formed.into_iter().peekable();
    for name in names {
        while let Some(before) = formed.next_if(|one| one.span.start < name.span.end) {
            all.push(before);
        }
        if all
            .last()
            .is_none_or(|last: &Finding| last.span.end <= name.span.start)
        {
            all.push(name);
        }
    }
    all.extend(formed);
    all
}

/// Keeps the stronger of two findings that overlap: canaries, then secrets, then the longer one. A
/// canary inside a key block hides neither: what stands around it is a finding of its own.
fn without_overlaps(found: Vec<Finding>) -> Vec<Finding> {
    if found.len() < 2 {
        return found;
    }
    // INVARIANT: `kept` stays sorted by start and free of overlaps, so one search per finding tells
    // whether it may stay.
    let mut kept: BTreeMap<usize, Finding> = BTreeMap::new();
    let (canaries, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|finding| finding.kind == FindingKind::Canary);
    for canary in &canaries {
        kept.insert(canary.span.start, canary.clone());
    }
    let (blocks, mut others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|finding| finding.rule == secret::KEY_BLOCK);
    for block in blocks {
        for span in around(&block.span, &canaries) {
            let part = Finding {
                span,
                ..block.clone()
            };
            kept.insert(part.span.start, part);
        }
    }
    let strength = |finding: &Finding| match finding.kind {
        FindingKind::CloudKey | FindingKind::PrivateKey | FindingKind::ProviderKey => 4,
        FindingKind::Credential => 3,
        _ => 1,
    };
    others.retain(|finding| {
        let before = kept.range(..finding.span.end).next_back();
        before.is_none_or(|(_, other)| other.span.end <= finding.span.start)
    });
    let others = overlap::strongest(
        others,
        |finding| &finding.span,
        |a, b| {
            strength(b)
                .cmp(&strength(a))
                .then(b.score.total_cmp(&a.score))
                .then(b.span.len().cmp(&a.span.len()))
                .then(a.span.start.cmp(&b.span.start))
        },
    );
    if kept.is_empty() {
        return others;
    }
    kept.extend(
        others
            .into_iter()
            .map(|finding| (finding.span.start, finding)),
    );
    kept.into_values().collect()
}

/// The parts of `block` that are no canary.
fn around(block: &Range<usize>, canaries: &[Finding]) -> Vec<Range<usize>> {
    let first = canaries.partition_point(|canary| canary.span.end <= block.start);
    let mut from = block.start;
    let mut parts = Vec::new();
    for canary in canaries.iter().skip(first) {
        if canary.span.start >= block.end {
            break;
        }
        parts.push(from..canary.span.start.max(from));
        from = canary.span.end;
    }
    parts.push(from..block.end.max(from));
    parts.retain(|part| !part.is_empty());
    parts
}
