// SPDX-License-Identifier: Apache-2.0
//! Texts of events that are no part of the answer proper: names, ids, notes, and members that no
//! dialect knows.

use std::collections::hash_map::Entry;

use casemate_inspect::{GuardProfile, Inspector, Surrogates, mark};
use casemate_types::{Channel, GuardAction};

use super::{GuardedStream, Halt, MAX_LANES, TOO_MANY};
use crate::{
    answer::withheld,
    dialect::{AnswerSite, Event, card_digits},
    guard::{Inspection, restore},
    json::Value,
    splice::Splices,
};

/// Control words (ids, names, kinds) remembered as harmless.
const REMEMBERED: usize = 24;
/// Bytes of a text no rule knows that are looked at again with what follows.
const TRAIL: usize = 1024;

impl GuardedStream {
    /// Texts that are no part of the answer proper: each is treated as one of a whole answer is.
    pub(super) fn check_others(
        &mut self,
        event: &Event<'_, '_>,
        name: Option<&str>,
        splices: &mut Splices,
    ) -> Result<(), Halt> {
        if let Some(name) = name {
            self.check_name(name)?;
        }
        for (value, is_name) in &event.others {
            self.check_other(*value, *is_name, splices)?;
        }
        for (index, name, value) in &event.strays {
            let text = value.text().unwrap_or_default();
            self.follow(*index, *name, &text)?;
        }
        Ok(())
    }

    /// Looks at the name of an event, where nothing can be edited.
    fn check_name(&mut self, name: &str) -> Result<(), Halt> {
        if self.is_harmless(name) {
            return Ok(());
        }
        let active = self.inspected.route().active().clone();
        for finding in active.inspector.inspect_exact(name) {
            let action = active.config.guard.output_action(&finding);
            self.saw(&finding, action);
            if action > GuardAction::Flag {
                return Err(Halt::Blocked(withheld(&[finding.kind.class()])));
            }
        }
        self.remember(name);
        Ok(())
    }

    /// Looks at a text that comes whole: originals are put back, and findings edited.
    fn check_other(
        &mut self,
        value: Value<'_, '_>,
        is_name: bool,
        splices: &mut Splices,
    ) -> Result<(), Halt> {
        let Some(text) = value.text().or_else(|| card_digits(value)) else {
            return Ok(());
        };
        if self.is_harmless(&text) {
            return Ok(());
        }
        let sites = [AnswerSite {
            value,
            channel: Channel::Content,
            is_name,
        }];
        let active = self.inspected.route().active().clone();
        let (inspector, profile) = (&active.inspector, &active.config.guard);
        let inspection =
            Inspection::of_answer(inspector, profile, &Surrogates::default(), None, &sites);
        let clean = inspection.is_empty();
        for (finding, action) in inspection.each() {
            self.saw(&finding, action);
        }
        let blocked = inspection.blocked();
        if !blocked.is_empty() || inspection.redact(splices).is_none() {
            return Err(Halt::Blocked(withheld(&blocked)));
        }
        if self.surrogates.occurrences(&text).next().is_some() {
            restore(&self.surrogates, &sites, splices);
        } else if clean {
            self.remember(&text);
        }
        Ok(())
    }

    /// Whether a text needs no look: it is too short for anything, or had none.
    fn is_harmless(&self, text: &str) -> bool {
        text.is_empty() || self.harmless.iter().any(|known| *known == text)
    }

    fn remember(&mut self, text: &str) {
        if self.harmless.len() < REMEMBERED && text.len() <= 64 {
            self.harmless.push(text.to_owned());
        }
    }

    /// Looks at a text that no rule knows together with what stood under its name in the events
    /// before. It is given out at once, so what is found over the border of events ends the stream
    /// before it is complete.
    fn follow(&mut self, index: u64, name: u64, text: &str) -> Result<(), Halt> {
        let active = self.inspected.route().active().clone();
        let (inspector, profile) = (&active.inspector, &active.config.guard);
        let text = redacted(inspector, profile, text);
        let is_full = self.trails.len() >= MAX_LANES;
        let (trail, found) = match self.trails.entry((index, name)) {
            Entry::Vacant(_) if is_full => return Err(Halt::Broken(TOO_MANY)),
            Entry::Vacant(place) => (place.insert(text), Vec::new()),
            Entry::Occupied(place) => {
                let trail = place.into_mut();
                trail.push_str(&text);
                let found = inspector.inspect_exact(trail);
                (trail, found)
            }
        };
        keep_end(trail);
        let stop = found
            .into_iter()
            .map(|finding| (profile.output_action(&finding), finding))
            .find(|(action, _)| *action > GuardAction::Flag);
        match stop {
            Some((action, finding)) => {
                self.saw(&finding, action);
                Err(Halt::Blocked(withheld(&[finding.kind.class()])))
            }
            None => Ok(()),
        }
    }
}

/// Keeps the end of a text, and no more memory than it takes.
fn keep_end(trail: &mut String) {
    let from = trail.ceil_char_boundary(trail.len().saturating_sub(TRAIL));
    trail.drain(..from);
    trail.shrink_to(2 * TRAIL);
}

/// A text with marks in the place of what must not go out.
fn redacted(inspector: &Inspector, profile: &GuardProfile, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for finding in inspector.inspect_exact(text) {
        if profile.output_action(&finding) > GuardAction::Flag {
            out.push_str(text.get(done..finding.span.start).unwrap_or_default());
            out.push_str(&mark(finding.kind));
            done = finding.span.end;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_no_more_than_its_end_is_held() {
        for length in [0, 1, TRAIL, TRAIL + 1, 4 << 20] {
            for letter in ["a", "\u{e9}", "\u{1d11e}"] {
                let mut trail = letter.repeat(length / letter.len());
                let end = trail.clone();
                keep_end(&mut trail);
                assert!(end.ends_with(&trail) && trail.len() + 4 > TRAIL.min(end.len()));
                assert!(trail.len() <= TRAIL && trail.capacity() <= 2 * TRAIL);
            }
        }
    }
}
