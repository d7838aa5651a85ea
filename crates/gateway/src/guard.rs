// SPDX-License-Identifier: Apache-2.0
//! Inspection of requests and whole answers: what was found, and the edits it leads to.

mod edits;
mod texts;

use std::ops::Range;

use bytes::Bytes;
use casemate_access::Evidence;
use casemate_crypto::Hmac;
use casemate_inspect::{
    Escape, GuardProfile, Inspector, Instructions, QuoteWatch, Segment, SurrogateKey, Surrogates,
    mark,
};
use casemate_types::{
    DataClass, Direction, Finding, FindingKind, GuardAction, Obligation, Trust, event::Sighting,
    json::escape_body_into,
};

use self::edits::edits;
pub(crate) use self::texts::{Text, visit_texts};
use crate::{
    dialect::{AnswerSite, Site, answer_sites},
    json::Tape,
    memory::Recall,
    splice::Splices,
};

/// A finding with its place in the document.
#[derive(Debug)]
struct Found {
    kind: FindingKind,
    rule: &'static str,
    score: f32,
    action: GuardAction,
    /// Bytes of the document that spell the value; `None` where nothing can be edited.
    range: Option<Range<usize>>,
    /// The value itself. Never leaves this module but as a surrogate.
    value: String,
    place: String,
    /// Whether the caller has said it, and not the operator.
    own: bool,
}

/// Instructions said back. It has no place: what was said before is gone in a stream.
pub(crate) const LEAK: Finding = Finding {
    kind: FindingKind::PromptLeak,
    span: 0..0,
    rule: "output.instructions",
    score: 1.0,
};

fn is_quoted(instructions: &Instructions, text: &str) -> bool {
    let mut watch = QuoteWatch::new(Escape::None);
    watch.push(instructions, text) || watch.end(instructions)
}

/// Everything that was found in a request or answer.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    found: Vec<Found>,
}

impl Inspection {
    /// Looks at every text of a request.
    pub(crate) fn of_request(
        inspector: &Inspector,
        profile: &GuardProfile,
        recall: &Recall<'_>,
        sites: &[Site<'_, '_>],
    ) -> Self {
        let mut all = Self::default();
        for site in sites {
            visit_texts(site.value, site.channel, site.is_name, &mut |text| {
                let segment = Segment::new(&text.text, site.role, site.channel);
                let inspect = || inspector.inspect(segment);
                let found = recall.of(segment, inspect);
                for finding in found.iter().filter(|one| text.counts(one)) {
                    let action = profile.input_action(finding, segment);
                    let own = segment.trust == Trust::Untrusted;
                    all.add(finding, action, &text, own, || site.place.to_string());
                }
            });
        }
        all
    }

    /// Looks at every text of an answer. What was found by form alone is acted upon.
    ///
    /// Instructions are compared with what the caller sees, so `surrogates` are put back for that.
    pub(crate) fn of_answer(
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        instructions: Option<&Instructions>,
        sites: &[AnswerSite<'_, '_>],
    ) -> Self {
        let mut all = Self::default();
        for site in sites {
            visit_texts(site.value, site.channel, site.is_name, &mut |text| {
                if let Some(instructions) = instructions
                    && is_quoted(instructions, &surrogates.restore(&text.text))
                {
                    all.add_leak(profile);
                }
                let mut found = inspector.inspect_answer(&text.text);
                found.retain(|one| text.counts(one));
                for finding in found {
                    let value = text.text.get(finding.span.clone()).unwrap_or_default();
                    let action = profile.answer_action(&finding, value, surrogates);
                    // There is nobody to put an original back behind the caller.
                    let action = match action {
                        GuardAction::Pseudonymise => GuardAction::Redact,
                        other => other,
                    };
                    all.add(&finding, action, &text, false, || "answer".to_owned());
                }
            });
        }
        all
    }

    /// The whole text is to blame, so there is nothing to edit: it is flagged or withheld.
    fn add_leak(&mut self, profile: &GuardProfile) {
        let action = profile.output_action(&LEAK);
        self.found.push(Found {
            kind: LEAK.kind,
            rule: LEAK.rule,
            score: LEAK.score,
            action,
            range: None,
            value: String::new(),
            place: "answer".to_owned(),
            own: false,
        });
    }

    fn add(
        &mut self,
        finding: &Finding,
        action: GuardAction,
        text: &Text<'_>,
        own: bool,
        place: impl FnOnce() -> String,
    ) {
        let span = match is_of_the_whole(finding.kind) {
            true => 0..text.text.len(),
            false => finding.span.clone(),
        };
        self.found.push(Found {
            kind: finding.kind,
            rule: finding.rule,
            score: finding.score,
            action,
            range: text.is_editable().then(|| text.map.range(&span)),
            value: text.text.get(span).unwrap_or_default().to_owned(),
            place: place(),
            own,
        });
    }

    /// Data classes of what was found and is not let pass unseen, sorted.
    pub(crate) fn classes(&self) -> Vec<DataClass> {
        sorted(self.seen().map(|found| found.kind.class()))
    }

    /// Whether there is nothing to act upon or to record.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen().next().is_none()
    }

    /// What was found, one by one.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Finding, GuardAction)> {
        self.seen().map(|found| {
            let finding = Finding {
                kind: found.kind,
                span: 0..0,
                rule: found.rule,
                score: found.score,
            };
            (finding, found.action)
        })
    }

    /// What counts as found. What the profile lets pass is kept too, for the door may oblige.
    fn seen(&self) -> impl Iterator<Item = &Found> {
        let found = self.found.iter();
        found.filter(|found| found.action > GuardAction::Allow)
    }

    /// Classes that may not pass, sorted: those to be blocked, and those that would have to be
    /// edited where nothing can be.
    pub(crate) fn blocked(&self) -> Vec<DataClass> {
        let stuck = |found: &&Found| {
            found.action == GuardAction::Block
                || (found.action > GuardAction::Flag && found.range.is_none())
        };
        sorted(
            self.found
                .iter()
                .filter(stuck)
                .map(|found| found.kind.class()),
        )
    }

    /// Highest injection score, in thousandths.
    pub(crate) fn injection(&self) -> u16 {
        let attacks = self
            .seen()
            .filter(|found| found.kind == FindingKind::Injection);
        attacks
            .map(|found| thousandths(found.score))
            .max()
            .unwrap_or(0)
    }

    /// Makes actions at least as strict as the door's obligations ask.
    pub(crate) fn oblige(&mut self, obligations: &[Obligation]) {
        for obligation in obligations {
            let (class, action) = match obligation {
                // Of texts, not of what is found in them.
                Obligation::Datamark => continue,
                Obligation::Pseudonymise(class) => (*class, GuardAction::Pseudonymise),
                Obligation::Redact(class) => (*class, GuardAction::Redact),
            };
            for found in self
                .found
                .iter_mut()
                .filter(|found| found.kind.class() == class)
            {
                found.action = found.action.max(action);
            }
        }
    }

    /// Turns actions into edits. `None` when something cannot be edited that must be.
    pub(crate) fn edit(
        &self,
        profile: &GuardProfile,
        key: &dyn SurrogateKey,
        surrogates: &mut Surrogates,
        splices: &mut Splices,
    ) -> Option<()> {
        for found in &self.found {
            if found.own && found.action <= GuardAction::Flag {
                surrogates.remember(&found.value);
            }
        }
        for edit in edits(&self.found)? {
            let found = edit.found;
            let with = match (edit.is_pseudonym(), found.own) {
                (true, true) => surrogates.replace(key, found.kind, &found.value)?,
                (true, false) => {
                    let output = output_action(profile, found.kind);
                    surrogates.replace_unsent(key, found.kind, &found.value, output)?
                }
                (false, _) => mark(found.kind),
            };
            // Surrogates and marks have no character that JSON escapes, at any depth.
            splices.replace(edit.range, with.into_bytes());
        }
        Some(())
    }

    /// Turns actions on an answer into edits. `None` when something cannot be edited that must be.
    pub(crate) fn redact(&self, splices: &mut Splices) -> Option<()> {
        for edit in edits(&self.found)? {
            splices.replace(edit.range, mark(edit.found.kind).into_bytes());
        }
        Some(())
    }

    /// What was done about obligations that concern findings: met, because every finding of their class was edited or
    /// would have been.
    pub(crate) fn evidence(&self, obligations: &[Obligation]) -> Evidence {
        let mut evidence = Evidence::new();
        for obligation in obligations {
            let (Obligation::Pseudonymise(class) | Obligation::Redact(class)) = obligation else {
                continue;
            };
            let open = self
                .found
                .iter()
                .any(|found| found.kind.class() == *class && found.action <= GuardAction::Flag);
            if !open {
                evidence.met(obligation.clone());
            }
        }
        evidence
    }

    /// What goes into the record: kinds and counts, no values.
    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        let mut all: Vec<Sighting> = Vec::new();
        for found in self.seen() {
            add_sighting(
                &mut all,
                found.kind,
                found.action,
                found.rule,
                found.score,
                &found.place,
            );
        }
        all
    }
}

/// What is done about a kind in answers.
const fn output_action(profile: &GuardProfile, kind: FindingKind) -> GuardAction {
    profile.class_action(kind.class(), Direction::Output, Trust::Untrusted)
}

/// Whether a finding's place is only where it shows first: what it says, it says of the whole text,
/// and that is what an edit must take.
const fn is_of_the_whole(kind: FindingKind) -> bool {
    matches!(kind, FindingKind::Health | FindingKind::Injection)
}

/// Counts a finding.
pub(crate) fn add_sighting(
    all: &mut Vec<Sighting>,
    kind: FindingKind,
    action: GuardAction,
    rule: &str,
    score: f32,
    place: &str,
) {
    let same = all
        .iter_mut()
        .find(|seen| seen.kind == kind && seen.action == action);
    if let Some(seen) = same {
        seen.count = seen.count.saturating_add(1);
        seen.score = seen.score.max(thousandths(score));
    } else {
        all.push(Sighting {
            kind,
            count: 1,
            action,
            rule: rule.to_owned(),
            score: thousandths(score),
            place: place.to_owned(),
        });
    }
}

fn thousandths(score: f32) -> u16 {
    (score.clamp(0.0, 1.0) * 1000.0).round() as u16
}

fn sorted(classes: impl Iterator<Item = DataClass>) -> Vec<DataClass> {
    let mut classes: Vec<_> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Puts originals back into every text of an answer.
pub(crate) fn restore(
    surrogates: &Surrogates,
    sites: &[AnswerSite<'_, '_>],
    splices: &mut Splices,
) {
    if surrogates.is_empty() {
        return;
    }
    for site in sites {
        visit_texts(site.value, site.channel, site.is_name, &mut |text| {
            for (span, original) in surrogates.occurrences(&text.text) {
                let mut with = original.to_owned();
                for _ in 0..text.map.depth() {
                    let mut escaped = Vec::with_capacity(with.len() + 8);
                    escape_body_into(&mut escaped, &with);
                    with = String::from_utf8(escaped).unwrap_or_default();
                }
                splices.replace_if_free(text.map.range(&span), with.into_bytes());
            }
        });
    }
}

/// A document without marks, so that in them nothing hides from what is looked for afterwards. `None`
/// when it cannot be edited.
pub(crate) fn unmarked(surrogates: &Surrogates, document: Bytes) -> Option<Bytes> {
    let Some(marks) = surrogates.marks() else {
        return Some(document);
    };
    let mut splices = Splices::default();
    let Ok(tape) = Tape::parse(&document) else {
        // It is refused where it is read.
        return Some(document.clone());
    };
    for site in answer_sites(&tape) {
        visit_texts(site.value, site.channel, site.is_name, &mut |text| {
            for (at, c) in text.text.char_indices() {
                if let Some(meaning) = marks.meaning(c) {
                    let place = text.map.range(&(at..at + c.len_utf8()));
                    splices.replace_if_free(place, meaning.as_bytes().to_vec());
                }
            }
        });
    }
    splices.apply(&document)
}

/// Keyed stand-ins of one project.
#[derive(Debug, Clone)]
pub(crate) struct ProjectSurrogates(pub(crate) Hmac);

impl SurrogateKey for ProjectSurrogates {
    fn tag(&self, kind: &str, value: &str) -> [u8; 8] {
        let digest = self.0.digest(&[kind.as_bytes(), b"\0", value.as_bytes()]);
        [
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]
    }
}
