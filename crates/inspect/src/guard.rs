// SPDX-License-Identifier: Apache-2.0
//! What is done about findings: one action per class, direction and trust.

use casemate_types::{DataClass, Direction, Finding, GuardAction, Trust};
use serde::{Deserialize, Serialize};

/// Actions for one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRule {
    /// In text the operator wrote, on the way to the model.
    pub trusted: GuardAction,
    /// In text anyone may have written, on the way to the model.
    pub untrusted: GuardAction,
    /// In text of the model, on the way to the caller.
    pub output: GuardAction,
}

impl GuardRule {
    /// The same action everywhere.
    #[must_use]
    pub const fn everywhere(action: GuardAction) -> Self {
        Self {
            trusted: action,
            untrusted: action,
            output: action,
        }
    }
}

/// Actions for every class, and how certain a detector must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardProfile {
    /// Prompt injection.
    pub attack: GuardRule,
    /// Canaries.
    pub canary: GuardRule,
    /// Health data; policies decide where it may go.
    pub health: GuardRule,
    /// Cards and bank accounts.
    pub payment: GuardRule,
    /// Names and addresses of people.
    pub person: GuardRule,
    /// Numbers and addresses that point at a person.
    pub personal: GuardRule,
    /// Keys and tokens.
    pub secret: GuardRule,
    /// Injection scores from here on are acted upon; lower ones are recorded. Between 0 and 1.
    pub attack_threshold: f32,
}

impl Default for GuardProfile {
    fn default() -> Self {
        use GuardAction::{Allow, Block, Flag, Pseudonymise, Redact};
        Self {
            attack: GuardRule {
                trusted: Allow,
                untrusted: Block,
                output: Allow,
            },
            canary: GuardRule::everywhere(Block),
            health: GuardRule::everywhere(Flag),
            payment: GuardRule {
                trusted: Pseudonymise,
                untrusted: Pseudonymise,
                output: Redact,
            },
            // Most questions that name somebody are about what the model knows of them.
            person: GuardRule::everywhere(Flag),
            personal: GuardRule {
                trusted: Flag,
                untrusted: Pseudonymise,
                output: Flag,
            },
            secret: GuardRule {
                trusted: Block,
                untrusted: Block,
                output: Redact,
            },
            attack_threshold: 0.75,
        }
    }
}

impl GuardProfile {
    /// The action for one finding.
    #[must_use]
    pub fn action(&self, finding: &Finding, direction: Direction, trust: Trust) -> GuardAction {
        let class = finding.kind.class();
        let action = self.class_action(class, direction, trust);
        let weak = class == DataClass::Attack && finding.score < self.attack_threshold;
        if weak {
            action.min(GuardAction::Flag)
        } else {
            action
        }
    }

    /// The action for a class.
    #[must_use]
    pub const fn class_action(
        &self,
        class: DataClass,
        direction: Direction,
        trust: Trust,
    ) -> GuardAction {
        let rule = match class {
            DataClass::Attack => &self.attack,
            DataClass::Canary => &self.canary,
            DataClass::Health => &self.health,
            // Opaque parts have no text; policies decide about them.
            DataClass::Opaque => return GuardAction::Flag,
            DataClass::Payment => &self.payment,
            DataClass::Person => &self.person,
            DataClass::Personal => &self.personal,
            DataClass::Secret => &self.secret,
        };
        match (direction, trust) {
            (Direction::Output, _) => rule.output,
            (Direction::Input, Trust::Trusted) => rule.trusted,
            (Direction::Input, Trust::Untrusted) => rule.untrusted,
        }
    }
}
