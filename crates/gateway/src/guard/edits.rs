// SPDX-License-Identifier: Apache-2.0
//! From findings to edits: each stretch of a document is edited once, as strictly as any finding in
//! it asks.
//!
//! What has a form never overlaps, but what operators list, what is said about people, and attacks
//! may stand over it, in part or in whole.

use std::ops::Range;

use casemate_types::GuardAction;

use super::Found;

/// One stretch of the document, and the finding that says what to put in its place.
pub(super) struct Edit<'a> {
    pub(super) range: Range<usize>,
    /// How it is edited: by this finding's action and kind.
    pub(super) found: &'a Found,
    /// Whether the finding is of the whole stretch, so that its value can have a stand-in.
    whole: bool,
}

impl Edit<'_> {
    /// Whether a stand-in goes in the place of the value; otherwise a mark.
    pub(super) fn is_pseudonym(&self) -> bool {
        self.whole && self.found.action == GuardAction::Pseudonymise
    }

    fn join(&mut self, other: &Self) {
        let strictest = self.found.action.max(other.found.action);
        let covers = self.range.end >= other.range.end;
        self.range.end = self.range.end.max(other.range.end);
        // The wider one, which comes first, may stay as it is if it asks for no less.
        if !covers || self.found.action < strictest {
            self.whole = false;
        }
    }
}

/// The edits of findings that must not pass as they are, in the order of the document and without
/// overlaps. `None` when one of them stands where nothing can be edited.
pub(super) fn edits(found: &[Found]) -> Option<Vec<Edit<'_>>> {
    let mut all = Vec::new();
    for found in found {
        if matches!(
            found.action,
            GuardAction::Pseudonymise | GuardAction::Redact
        ) {
            all.push(Edit {
                range: found.range.clone()?,
                found,
                whole: true,
            });
        }
    }
    all.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    all.dedup_by(|next, kept| {
        let overlap = next.range.start < kept.range.end;
        if overlap {
            kept.join(next);
        }
        overlap
    });
    Some(all)
}

#[cfg(test)]
mod tests {
    use casemate_types::FindingKind;

    use super::*;

    fn found(range: Range<usize>, action: GuardAction) -> Found {
        Found {
            kind: FindingKind::Email,
            rule: "test",
            score: 1.0,
            action,
            range: Some(range),
            value: String::new(),
            place: String::new(),
            own: false,
        }
    }

    fn check(found: &[Found], wanted: &[(Range<usize>, bool)]) {
        let edits = edits(found).unwrap();
        let got: Vec<_> = edits
            .iter()
            .map(|edit| (edit.range.clone(), edit.is_pseudonym()))
            .collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn a_stretch_is_edited_once_and_as_strictly_as_any_finding_asks() {
        use GuardAction::{Block, Flag, Pseudonymise, Redact};
        let (p, r) = (Pseudonymise, Redact);
        check(
            &[found(5..9, p), found(0..4, r)],
            &[(0..4, false), (5..9, true)],
        );
        check(
            &[found(0..4, p), found(4..9, p)],
            &[(0..4, true), (4..9, true)],
        );
        check(&[found(2..4, p), found(0..9, p)], &[(0..9, true)]);
        check(&[found(2..4, r), found(0..9, p)], &[(0..9, false)]);
        check(&[found(2..4, p), found(0..9, r)], &[(0..9, false)]);
        check(&[found(0..5, p), found(3..9, p)], &[(0..9, false)]);
        check(
            &[
                found(0..5, p),
                found(3..9, r),
                found(8..12, p),
                found(12..13, p),
            ],
            &[(0..12, false), (12..13, true)],
        );
        check(
            &[found(0..5, Flag), found(0..9, Block), found(1..2, p)],
            &[(1..2, true)],
        );
    }

    #[test]
    fn what_cannot_be_edited_is_not_passed_over() {
        let mut stuck = found(0..1, GuardAction::Redact);
        stuck.range = None;
        assert!(edits(&[stuck]).is_none());
    }
}
