// SPDX-License-Identifier: Apache-2.0
//! What a scan ends with: an outcome, and findings that say why.

use crate::rule::Rule;

/// What may be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanOutcome {
    /// Everything in it is known and harmless.
    Clean,
    /// It holds what runs code, reads or writes files, or hides from scanners. Do not load it.
    Refuse,
    /// It holds something that a person has to judge.
    Review,
    /// It is not what it says it is, or broken. What cannot be read is not known to be harmless.
    Unreadable,
}

impl ScanOutcome {
    /// The word for it in output and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Refuse => "refuse",
            Self::Review => "review",
            Self::Unreadable => "unreadable",
        }
    }

    /// How grave findings are that lead to it.
    #[must_use]
    pub const fn severity(self) -> &'static str {
        match self {
            Self::Clean => "info",
            Self::Refuse => "critical",
            Self::Review => "medium",
            Self::Unreadable => "high",
        }
    }

    /// The graver of two.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        if self.rank() < other.rank() {
            other
        } else {
            self
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Review => 1,
            Self::Unreadable => 2,
            Self::Refuse => 3,
        }
    }
}

impl std::fmt::Display for ScanOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One reason for an outcome.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// Where: members of containers parted by `!`, and the offset in the innermost, as in
    /// `archive/data.pkl@17`.
    pub place: String,
    /// What was seen there. It can hold text of the file; escape it where it is shown.
    pub why: String,
}

/// All there is to say about one file.
#[derive(Debug, Clone)]
pub struct ScanReport {
    /// The gravest of the findings', or clean.
    pub outcome: ScanOutcome,
    /// Formats that were read, outermost first, each once.
    pub formats: Vec<&'static str>,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
}
