// SPDX-License-Identifier: Apache-2.0
//! One text of a streamed answer: its guard, and what it says back.

use casemate_inspect::{Escape, Instructions, QuoteWatch, StreamGuard};
use casemate_types::Channel;

use crate::dialect::Lane;

/// One text of the answer.
pub(super) struct Guarded {
    pub(super) lane: Lane,
    pub(super) guard: StreamGuard,
    /// What was given out, in front of what the operator wrote.
    watch: QuoteWatch,
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
            told: false,
        }
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
