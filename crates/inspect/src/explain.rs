// SPDX-License-Identifier: Apache-2.0
//! Why something was found: the rule, what it checked, the words that counted, the score's parts.
//!
//! Nothing is kept while inspecting. An explanation looks at the finding's surroundings again, so it
//! costs nothing where nobody asks. It has words of rule files and places, and never a character of
//! the text.

mod attack;
mod meaning;
mod rules;

use std::ops::Range;

use casemate_types::{DataClass, Finding};

use crate::{Inspector, Segment};
use rules::Packs;

/// Explains the findings of an [`Inspector`].
#[derive(Debug)]
pub struct Explainer<'a> {
    inspector: &'a Inspector,
    packs: Packs,
}

/// Why something was found.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// What the rule finds.
    pub description: String,
    /// The file and line of the rule, for rules that are lines of files.
    pub source: Option<String>,
    /// What was checked and held, beside the form.
    pub checks: Vec<Checked>,
    /// Words of the rule's list that stand near, the nearest first.
    pub words: Vec<ContextWord>,
    /// What the score is made of.
    pub score: Vec<ScorePart>,
    /// The window, the model and the words, for attempts at injection.
    pub attack: Option<AttackReason>,
}

/// A check that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// As the rule writes it.
    pub check: String,
    /// What that means.
    pub meaning: String,
}

/// A word that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextWord {
    /// The word, as it stands in the rule's list; none when it is a part of the finding.
    pub word: Option<&'static str>,
    /// Where it stands.
    pub side: Side,
    /// Characters between it and the finding.
    pub distance: usize,
}

/// Where a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Behind the finding.
    After,
    /// In front of it.
    Before,
    /// In it.
    Inside,
}

impl Side {
    /// The word for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
            Self::Inside => "inside",
        }
    }
}

/// A part of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct ScorePart {
    /// Its name.
    pub part: &'static str,
    /// Its value.
    pub value: f32,
    /// What it says.
    pub meaning: &'static str,
}

/// What made a text an attempt at injection.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttackReason {
    /// The head of the model: `user` or `embedded`.
    pub judged_as: &'static str,
    /// Bytes of the window with the highest score; the whole text when it was decoded.
    pub window: Range<usize>,
    /// What the model says alone.
    pub model: f32,
    /// What words of attacks that stand together say, if there are any.
    pub words: Option<WordScore>,
    /// The codes that were undone to read it, outermost first.
    pub codes: Vec<&'static str>,
    /// Where the words stand that raised the model's score most, and by how much its logit falls
    /// without them.
    pub raised_by: Vec<(Range<usize>, f32)>,
}

/// The score of word rules.
#[derive(Debug, Clone, PartialEq)]
pub struct WordScore {
    /// The rule.
    pub rule: &'static str,
    /// Its score.
    pub score: f32,
    /// Whether it is high enough to raise the model's.
    pub counts: bool,
}

/// A rule as lists of rules show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// What it finds.
    pub description: String,
    /// Where its issuer documents it.
    pub address: Option<&'static str>,
}

impl<'a> Explainer<'a> {
    /// Reads the rule files again, with all that inspection itself does not need.
    #[must_use]
    pub fn new(inspector: &'a Inspector) -> Self {
        let packs = Packs::new();
        Self { inspector, packs }
    }

    /// What the rule of a finding finds.
    #[must_use]
    pub fn rule(&self, finding: &Finding) -> RuleText {
        self.packs.rule(finding)
    }

    /// Why `finding` was found in `segment`, which must be the text it was found in.
    #[must_use]
    pub fn explain(&self, segment: Segment<'_>, finding: &Finding) -> Explanation {
        let mut why = Explanation {
            description: self.rule(finding).description,
            ..Explanation::default()
        };
        // What is found by something new gets its arm here, and says in `score` what it thought.
        match finding.kind.class() {
            DataClass::Attack => attack::explain(self.inspector, segment, finding, &mut why),
            DataClass::Health => meaning::health(finding, &mut why),
            DataClass::Person => {
                let name = segment.text.get(finding.span.clone()).unwrap_or_default();
                meaning::name(&self.inspector.lists_of(name), finding, &mut why);
            }
            _ => self.packs.explain(segment.text, finding, &mut why),
        }
        why
    }
}

/// A word at `word` as seen from a finding.
fn context_word(
    text: &str,
    finding: &Range<usize>,
    word: &'static str,
    at: &Range<usize>,
) -> ContextWord {
    let characters = |range: Range<usize>| text.get(range).unwrap_or_default().chars().count();
    let (side, distance) = if at.end <= finding.start {
        (Side::Before, characters(at.end..finding.start))
    } else if at.start >= finding.end {
        (Side::After, characters(finding.end..at.start))
    } else {
        (Side::Inside, 0)
    };
    ContextWord {
        word: (side != Side::Inside).then_some(word),
        side,
        distance,
    }
}

#[cfg(test)]
mod tests;
