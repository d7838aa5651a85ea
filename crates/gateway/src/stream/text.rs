// SPDX-License-Identifier: Apache-2.0
//! One text of a streamed answer: its guard, and what it says back.

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
    pub(super) guard: StreamGuard,
    /// What was given out, in front of what the operator wrote.
    watch: QuoteWatch,
    /// The same, in front of all rules.
    late: LateWatch,
    /// Whether it was told already that this text says it back.
    told: bool,
}

impl Guarded {
    fn new(lane: Lane) -> Self {
        let escape = match (lane.channel, lane.field) {
            // What goes into a tool of the caller's own making is any text.
            (Channel::ToolArguments, field) if field != "custom" => Escape::Json,
            _ => Escape::None,
        };
        Self {
            lane,
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

/// The guard of a text, made when the text begins.
pub(super) fn guard_of(guards: &mut Vec<Guarded>, lane: Lane) -> &mut Guarded {
    let at = guards.iter().position(|known| known.lane == lane);
    let at = at.unwrap_or_else(|| {
        guards.push(Guarded::new(lane));
        guards.len() - 1
    });
    &mut guards[at]
}
