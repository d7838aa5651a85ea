// SPDX-License-Identifier: Apache-2.0
//! One text of a streamed answer: its guard, and what it says back.

use std::collections::HashMap;

use casemate_inspect::{
    Escape, GuardProfile, Inspector, Instructions, LateWatch, QuoteWatch, StreamGuard, Surrogates,
};
use casemate_types::{Channel, Finding, GuardAction};

use crate::dialect::Lane;

/// The score from which on something that can only be stopped is.
const CERTAIN: f32 = 0.9;

/// One text of the answer.
pub(super) struct Guarded {
    pub(super) lane: Lane,
    /// The how manieth of the answer it is.
    number: u64,
    pub(super) guard: StreamGuard,
    /// What was given out, in front of what the operator wrote.
    watch: QuoteWatch,
    /// The same, in front of all rules.
    late: LateWatch,
    /// Whether it was told already that this text says it back.
    told: bool,
}

impl Guarded {
    fn new(lane: Lane, number: u64) -> Self {
        let escape = match (lane.channel, lane.field) {
            // What goes into a tool of the caller's own making is any text.
            (Channel::ToolArguments, field) if field != "custom" => Escape::Json,
            _ => Escape::None,
        };
        Self {
            lane,
            number,
            guard: StreamGuard::new(escape),
            watch: QuoteWatch::new(escape),
            late: LateWatch::default(),
            told: false,
        }
    }

    /// Looks back at what has arrived, as it arrived: findings that are told from more than a word,
    /// and what is done about them. Most of it has gone out, so what is sure enough ends the stream.
    pub(super) fn look_back(
        &mut self,
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        (text, ends): (&str, bool),
    ) -> Vec<(Finding, GuardAction)> {
        let mut all = Vec::new();
        self.late.push(inspector, text, ends, |finding, value| {
            let action = match profile.answer_action(&finding, value, surrogates) {
                GuardAction::Pseudonymise | GuardAction::Redact if finding.score < CERTAIN => {
                    GuardAction::Flag
                }
                GuardAction::Pseudonymise | GuardAction::Redact => GuardAction::Block,
                other => other,
            };
            all.push((finding, action));
        });
        all
    }

    /// Reads what is about to be given out; true once, when it says the instructions back.
    pub(super) fn quotes(
        &mut self,
        instructions: Option<&Instructions>,
        text: &str,
        ends: bool,
    ) -> bool {
        let Some(instructions) = instructions.filter(|_| !self.told) else {
            return false;
        };
        self.told = self.watch.push(instructions, text);
        self.told |= ends && self.watch.end(instructions);
        self.told
    }
}

/// The texts that go on.
#[derive(Default)]
pub(super) struct Guards {
    all: HashMap<Lane, Guarded>,
    /// Texts that were ever begun.
    begun: u64,
}

impl Guards {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn has(&self, lane: Lane) -> bool {
        self.all.contains_key(&lane)
    }

    /// The guard of a text, made when the text begins.
    pub(super) fn of(&mut self, lane: Lane) -> &mut Guarded {
        self.all.entry(lane).or_insert_with(|| {
            self.begun += 1;
            Guarded::new(lane, self.begun)
        })
    }

    /// Forgets a text that has ended.
    pub(super) fn end(&mut self, lane: Lane) {
        self.all.remove(&lane);
    }

    /// Takes the texts of a choice or block, or all, in the order in which they began.
    pub(super) fn take(&mut self, index: Option<u64>) -> Vec<Guarded> {
        let ends = |lane: &Lane| index.is_none_or(|index| index == lane.index);
        let ending = self.all.extract_if(|lane, _| ends(lane));
        let mut ending: Vec<_> = ending.map(|(_, guarded)| guarded).collect();
        ending.sort_unstable_by_key(|guarded| guarded.number);
        ending
    }
}
