// SPDX-License-Identifier: Apache-2.0
//! What is done about findings: one action per class, direction and trust.

use casemate_types::{DataClass, Direction, Finding, FindingKind, GuardAction, Trust};
use serde::{Deserialize, Serialize};

use crate::{Segment, Surrogates, attack::Head};

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
///
/// It is read as one of the profiles that ship, and the settings that differ from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Settings")]
pub struct GuardProfile {
    /// Active content in answers.
    pub active: GuardRule,
    /// Prompt injection.
    pub attack: GuardRule,
    /// Canaries.
    pub canary: GuardRule,
    /// What the operator's own lists, tables and documents hold.
    pub custom: GuardRule,
    /// Health data; policies decide where it may go.
    pub health: GuardRule,
    /// The operator's instructions, said back in an answer.
    pub leak: GuardRule,
    /// Links in answers to hosts that are not listed; none are found without a list.
    pub link: GuardRule,
    /// Cards and bank accounts.
    pub payment: GuardRule,
    /// Names and addresses of people.
    pub person: GuardRule,
    /// Numbers and addresses that point at a person.
    pub personal: GuardRule,
    /// Keys and tokens.
    pub secret: GuardRule,
    /// What somebody believes, is or belongs to.
    pub special: GuardRule,
    /// Injection scores from here on are acted upon; lower ones are recorded. Between 0 and 1.
    pub attack_threshold: f32,
    /// The same in what no user wrote: results of tools, documents.
    pub embedded_threshold: f32,
}

/// A profile that ships: a file in `crates/inspect/profiles`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// What a new installation does.
    #[default]
    Balanced,
    /// Records, and neither stops nor changes anything.
    Observe,
    /// Nowhere weaker than [`ProfileName::Balanced`].
    Strict,
}

impl ProfileName {
    /// Every name, in alphabetical order.
    pub const ALL: &'static [Self] = &[Self::Balanced, Self::Observe, Self::Strict];

    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Observe => "observe",
            Self::Strict => "strict",
        }
    }

    /// The file, as it ships.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Balanced => include_str!("../profiles/balanced.toml"),
            Self::Observe => include_str!("../profiles/observe.toml"),
            Self::Strict => include_str!("../profiles/strict.toml"),
        }
    }
}

/// What can be set: a profile, and what differs from it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    profile: ProfileName,
    active: Option<GuardRule>,
    attack: Option<GuardRule>,
    canary: Option<GuardRule>,
    custom: Option<GuardRule>,
    health: Option<GuardRule>,
    leak: Option<GuardRule>,
    link: Option<GuardRule>,
    payment: Option<GuardRule>,
    person: Option<GuardRule>,
    personal: Option<GuardRule>,
    secret: Option<GuardRule>,
    special: Option<GuardRule>,
    attack_threshold: Option<f32>,
    /// Where it is not set, what is set for users holds.
    embedded_threshold: Option<f32>,
}

impl Settings {
    /// The settings, and those of `base` where there are none.
    fn over(self, base: &GuardProfile) -> GuardProfile {
        GuardProfile {
            active: self.active.unwrap_or(base.active),
            attack: self.attack.unwrap_or(base.attack),
            canary: self.canary.unwrap_or(base.canary),
            custom: self.custom.unwrap_or(base.custom),
            health: self.health.unwrap_or(base.health),
            leak: self.leak.unwrap_or(base.leak),
            link: self.link.unwrap_or(base.link),
            payment: self.payment.unwrap_or(base.payment),
            person: self.person.unwrap_or(base.person),
            personal: self.personal.unwrap_or(base.personal),
            secret: self.secret.unwrap_or(base.secret),
            special: self.special.unwrap_or(base.special),
            attack_threshold: self.attack_threshold.unwrap_or(base.attack_threshold),
            embedded_threshold: self
                .embedded_threshold
                .or(self.attack_threshold)
                .unwrap_or(base.embedded_threshold),
        }
    }
}

impl From<Settings> for GuardProfile {
    fn from(settings: Settings) -> Self {
        let base = Self::named(settings.profile);
        settings.over(&base)
    }
}

impl Default for GuardProfile {
    fn default() -> Self {
        Self::named(ProfileName::default())
    }
}

impl GuardProfile {
    /// A profile that ships.
    #[must_use]
    pub fn named(name: ProfileName) -> Self {
        let file: Settings =
            toml::from_str(name.file()).expect("a test reads every profile that ships");
        // INVARIANT: the files leave nothing out, so what they stand over never shows.
        let strictest = Self {
            active: GuardRule::everywhere(GuardAction::Block),
            attack: GuardRule::everywhere(GuardAction::Block),
            canary: GuardRule::everywhere(GuardAction::Block),
            custom: GuardRule::everywhere(GuardAction::Block),
            health: GuardRule::everywhere(GuardAction::Block),
            leak: GuardRule::everywhere(GuardAction::Block),
            link: GuardRule::everywhere(GuardAction::Block),
            payment: GuardRule::everywhere(GuardAction::Block),
            person: GuardRule::everywhere(GuardAction::Block),
            personal: GuardRule::everywhere(GuardAction::Block),
            secret: GuardRule::everywhere(GuardAction::Block),
            special: GuardRule::everywhere(GuardAction::Block),
            attack_threshold: 0.0,
            embedded_threshold: 0.0,
        };
        file.over(&strictest)
    }

    /// The action for one finding in a segment on its way to the model.
    #[must_use]
    pub fn input_action(&self, finding: &Finding, segment: Segment<'_>) -> GuardAction {
        let class = finding.kind.class();
        let action = self.class_action(class, Direction::Input, segment.trust);
        let threshold = match Head::of(segment) {
            Head::Embedded => self.embedded_threshold,
            Head::User => self.attack_threshold,
        };
        match class == DataClass::Attack && finding.score < threshold {
            true => action.min(GuardAction::Flag),
            false => action,
        }
    }

    /// The action for one finding in an answer on its way to the caller.
    #[must_use]
    pub const fn output_action(&self, finding: &Finding) -> GuardAction {
        self.class_action(finding.kind.class(), Direction::Output, Trust::Untrusted)
    }

    /// The same, for one that spells `value`: what the caller has sent itself it may have back.
    #[must_use]
    pub fn answer_action(
        &self,
        finding: &Finding,
        value: &str,
        surrogates: &Surrogates,
    ) -> GuardAction {
        let said = matches!(
            finding.kind.class(),
            DataClass::Custom
                | DataClass::Payment
                | DataClass::Person
                | DataClass::Personal
                | DataClass::Secret
        );
        // Of a key block only the header is sure to be there.
        match said && finding.kind != FindingKind::PrivateKey && surrogates.is_own(value) {
            true => GuardAction::Allow,
            false => self.output_action(finding),
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
            DataClass::Active => &self.active,
            DataClass::Attack => &self.attack,
            DataClass::Canary => &self.canary,
            DataClass::Custom => &self.custom,
            DataClass::Health => &self.health,
            DataClass::Leak => &self.leak,
            DataClass::Link => &self.link,
            // Opaque parts have no text; policies decide about them.
            DataClass::Opaque => return GuardAction::Flag,
            DataClass::Payment => &self.payment,
            DataClass::Person => &self.person,
            DataClass::Personal => &self.personal,
            DataClass::Secret => &self.secret,
            DataClass::Special => &self.special,
        };
        match (direction, trust) {
            (Direction::Output, _) => rule.output,
            (Direction::Input, Trust::Trusted) => rule.trusted,
            (Direction::Input, Trust::Untrusted) => rule.untrusted,
        }
    }
}
