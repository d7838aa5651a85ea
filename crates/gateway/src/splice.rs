// SPDX-License-Identifier: Apache-2.0
//! Edits of the original bytes: what is not edited stays as it came.

use std::ops::Range;

use bytes::Bytes;

/// A list of replacements in one document.
#[derive(Debug, Default)]
pub(crate) struct Splices {
    edits: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    range: Range<usize>,
    with: Vec<u8>,
    /// Gives way to any other that it overlaps.
    yields: bool,
}

impl Splices {
    /// Replaces a range. Ranges must not overlap; they may come in any order.
    pub(crate) fn replace(&mut self, range: Range<usize>, with: Vec<u8>) {
        self.push(range, with, false);
    }

    /// Replaces a range unless something in it is replaced.
    pub(crate) fn replace_if_free(&mut self, range: Range<usize>, with: Vec<u8>) {
        self.push(range, with, true);
    }

    /// Puts bytes in at a place.
    pub(crate) fn insert(&mut self, at: usize, bytes: Vec<u8>) {
        self.replace(at..at, bytes);
    }

    fn push(&mut self, range: Range<usize>, with: Vec<u8>, yields: bool) {
        self.edits.push(Edit {
            range,
            with,
            yields,
        });
    }

    /// The document with all edits; `None` when two of them overlap, which is a mistake of ours and
    /// must not be sent.
    pub(crate) fn apply(mut self, document: &Bytes) -> Option<Bytes> {
        if self.edits.is_empty() {
            return Some(document.clone());
        }
        self.edits
            .sort_by_key(|edit| (edit.range.start, edit.range.end));
        self.edits.dedup_by(|next, kept| {
            let overlap = next.range.start < kept.range.end;
            if overlap && kept.yields {
                std::mem::swap(next, kept);
            }
            overlap && next.yields
        });
        let added: usize = self.edits.iter().map(|edit| edit.with.len()).sum();
        let mut out = Vec::with_capacity(document.len() + added);
        let mut done = 0;
        for Edit { range, with, .. } in &self.edits {
            out.extend_from_slice(document.get(done..range.start)?);
            out.extend_from_slice(with);
            done = range.end;
        }
        out.extend_from_slice(document.get(done..)?);
        Some(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_any_order_and_never_overlap() {
        let document = Bytes::from_static(b"0123456789");
        let mut splices = Splices::default();
        splices.replace(8..9, b"eight".to_vec());
        splices.replace(0..2, Vec::new());
        splices.insert(5, b"-".to_vec());
        assert_eq!(splices.apply(&document).unwrap(), "234-567eight9");
        let mut bad = Splices::default();
        bad.replace(0..5, Vec::new());
        bad.replace(4..6, Vec::new());
        assert!(bad.apply(&document).is_none());
    }

    #[test]
    fn what_yields_gives_way_on_either_side() {
        for (yields, taken, wanted) in [
            (0..2, 4..6, "Y23T6789"),
            (2..5, 4..6, "0123T6789"),
            (4..6, 2..5, "01T56789"),
            (4..6, 4..6, "0123T6789"),
            (0..9, 4..6, "0123T6789"),
            (4..6, 6..7, "0123YT789"),
        ] {
            let mut splices = Splices::default();
            splices.replace_if_free(yields.clone(), b"Y".to_vec());
            splices.replace(taken.clone(), b"T".to_vec());
            let out = splices.apply(&Bytes::from_static(b"0123456789")).unwrap();
            assert_eq!(out, wanted, "{yields:?} {taken:?}");
        }
    }
}
