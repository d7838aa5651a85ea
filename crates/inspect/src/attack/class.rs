// SPDX-License-Identifier: Apache-2.0
//! What an attack is after, and the score that says so.

use super::net::CLASSES;

/// What an attack is after. A guess of the model, learnt from generated texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttackClass {
    /// To make the model send something away.
    Exfiltration,
    /// To have the system prompt, a secret or somebody's data told.
    Extraction,
    /// To put other instructions in the place of the operator's: to have tools used for somebody
    /// else, or a part played that knows no rules.
    Override,
    /// To talk the model into what it refuses: a story, an authority, a plea.
    Persuasion,
    /// Signs behind a request that were searched for by a machine.
    Suffix,
}

impl AttackClass {
    /// All classes, in the order of the model.
    pub const ALL: [Self; CLASSES] = [
        Self::Exfiltration,
        Self::Extraction,
        Self::Override,
        Self::Persuasion,
        Self::Suffix,
    ];

    /// The name, as files and records write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exfiltration => "exfiltration",
            Self::Extraction => "extraction",
            Self::Override => "override",
            Self::Persuasion => "persuasion",
            Self::Suffix => "suffix",
        }
    }
}

/// How much a text reads like an attack, and whether that is beyond the threshold that ships.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct InjectionScore {
    /// From 0 to 1.
    pub score: f32,
    /// Whether it is one as far as the threshold that ships is concerned.
    pub flag: bool,
    /// How the score divides among the classes, in their order.
    shares: [f32; CLASSES],
}

impl InjectionScore {
    pub(crate) fn new(score: f32, threshold: f32, shares: [f32; CLASSES]) -> Self {
        Self {
            score,
            flag: score >= threshold,
            shares,
        }
    }

    /// The part of the score that is due to a class; those of all classes add up to the score.
    #[must_use]
    pub fn class(&self, class: AttackClass) -> f32 {
        self.score * self.shares[class as usize]
    }

    /// The class that says most.
    #[must_use]
    pub fn likeliest(&self) -> AttackClass {
        let classes = AttackClass::ALL.into_iter();
        classes
            .max_by(|one, other| self.class(*one).total_cmp(&self.class(*other)))
            .unwrap_or(AttackClass::Override)
    }
}
