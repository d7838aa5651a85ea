// SPDX-License-Identifier: Apache-2.0
//! That a log holds an entry: the way from its leaf to a root (RFC 9162) that the log signed (C2SP
//! signed note, tlog-checkpoint).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::sha256_parts;

use super::{Refusal, entry::decimal, log, roots::Log};

type Hash = [u8; 32];

/// A proof of inclusion. Nothing of it is believed yet.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    /// In this tree.
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The leaf's sibling first.
    pub(super) path: Vec<Hash>,
    pub(super) checkpoint: String,
}

impl Proof {
    /// A tree of 2^64 leaves has paths of this length.
    pub(super) const MAX_PATH: usize = 64;

    pub(super) fn verify(&self, leaf: &[u8], known: &Log) -> Result<(), Refusal> {
        let leaf = sha256_parts(&[&[0], leaf]);
        if root_of(leaf, self.index, self.size, &self.path) != Some(self.root) {
            return Err(log(
                "the proof of its entry does not lead to the root of the log",
            ));
        }
        let (size, root) = checkpoint(&self.checkpoint, known)?;
        match (size, root) == (self.size, self.root) {
            true => Ok(()),
            false => Err(log(
                "the checkpoint of its entry is of another tree than the proof",
            )),
        }
    }
}

/// The root that a leaf and its path lead to (RFC 9162, 2.1.3.2).
fn root_of(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut place, mut hash) = (index, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node(sibling, &hash);
            // The last node of a level without a sibling moves up as it is.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256_parts(&[&[1], left, right])
}

/// Size and root of a checkpoint that this log signed.
fn checkpoint(note: &str, known: &Log) -> Result<(u64, Hash), Refusal> {
    let malformed = || Refusal::malformed("the checkpoint of a log", "it is no signed note");
    if note.len() > MAX_NOTE {
        return Err(malformed());
    }
    let (text, signatures) = note.rsplit_once("\n\n").ok_or_else(malformed)?;
    // The newline behind the last line is signed, the empty line is not.
    let signed = note.get(..=text.len()).ok_or_else(malformed)?;
    let hint = known.id.first_chunk::<4>().ok_or_else(malformed)?;
    let mut ours = 0;
    for line in signatures.lines() {
        let (theirs, signature) = signature(line).ok_or_else(malformed)?;
        if theirs != *hint {
            continue;
        }
        if !known.key.verify(signed.as_bytes(), &signature) {
            return Err(log("the checkpoint of its entry was not signed by the log"));
        }
        ours += 1;
    }
    if ours == 0 {
        return Err(log("the checkpoint of its entry was not signed by the log"));
    }
    content(text).ok_or_else(malformed)
}

/// `— name base64(hint, signature)`.
fn signature(line: &str) -> Option<([u8; 4], Vec<u8>)> {
    let (name, data) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(data).ok()?;
    let (hint, signature) = bytes.split_first_chunk()?;
    (!name.is_empty()).then(|| (*hint, signature.to_vec()))
}

/// Origin, size, root, and lines that mean nothing here.
fn content(text: &str) -> Option<(u64, Hash)> {
    let mut lines = text.split('\n');
    lines.next().filter(|origin| !origin.is_empty())?;
    let size = decimal(lines.next()?)?;
    let root = STANDARD.decode(lines.next()?).ok()?;
    Some((size, root.try_into().ok()?))
}

const MAX_NOTE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree by its definition (RFC 9162, 2.1.1).
    fn tree(leaves: &[Hash]) -> Hash {
        match leaves {
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&tree(left), &tree(right))
            }
        }
    }

    fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, sibling) = match index.checked_sub(left.len()) {
            None => (path(left, index), tree(right)),
            Some(index) => (path(right, index), tree(left)),
        };
        path.push(sibling);
        path
    }

    #[test]
    fn every_leaf_of_every_small_tree() {
        let leaves: Vec<Hash> = (0..20).map(|n| [n; 32]).collect();
        for size in 1..=leaves.len() {
            let root = tree(&leaves[..size]);
            for (index, &leaf) in leaves[..size].iter().enumerate() {
                let path = path(&leaves[..size], index);
                let of = |index, size, path: &[Hash]| root_of(leaf, index, size, path);
                let (index, size) = (index as u64, size as u64);
                assert_eq!(of(index, size, &path), Some(root), "{index} of {size}");
                assert_ne!(of(index ^ 1, size, &path), Some(root), "{index} of {size}");
                assert_eq!(of(size, size, &path), None);
                let longer = [path.as_slice(), &[[0; 32]]].concat();
                assert_ne!(of(index, size, &longer), Some(root));
                if let Some((_, shorter)) = path.split_last() {
                    assert_ne!(of(index, size, shorter), Some(root));
                }
            }
        }
        assert_eq!(root_of([0; 32], 0, 0, &[]), None);
        assert_eq!(root_of([0; 32], u64::MAX, u64::MAX, &[]), None);
    }
}
