// SPDX-License-Identifier: Apache-2.0
//! The tree: RFC 6962 hashing over C2SP tiles of 256 hashes.

use casemate_crypto::sha256_parts;

/// A SHA-256 node of the tree.
pub type Hash = [u8; 32];

/// Hashes in a full tile.
pub(crate) const WIDTH: u64 = 256;

/// Hash of a leaf (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256_parts(&[&[0], entry])
}

/// Hash of an inner node (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_parts(&[&[1], left, right])
}

/// Root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    sha256_parts(&[])
}

/// Root of a perfect subtree whose leaves are `hashes`; their number is a power of two.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        [] => empty_root(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

/// The right edge of a growing tree: enough to append and to tell the root.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    /// Roots of perfect subtrees, largest first (the binary digits of `size`).
    edge: Vec<Hash>,
}

impl Tree {
    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            // INVARIANT: each one-bit of the size has its subtree on the edge.
            if let Some(left) = self.edge.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// Appends a perfect subtree of 256 leaves at once; the size must be a multiple of 256.
    pub(crate) fn push_tile(&mut self, root: Hash) {
        debug_assert!(self.size.is_multiple_of(WIDTH));
        let mut hash = root;
        for _ in 0..(self.size / WIDTH).trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.edge.push(hash);
        self.size += WIDTH;
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut parts = self.edge.iter().rev();
        let Some(first) = parts.next() else {
            return empty_root();
        };
        parts.fold(*first, |right, left| node_hash(left, &right))
    }
}

/// A tile that became full: level, number, root, hashes.
pub(crate) type FullTile = (u8, u64, Hash, Vec<Hash>);

/// Adds the leaf of an index to the unfinished tiles, one a level, and moves those it fills to
/// `done`.
pub(crate) fn tile_push(
    partial: &mut Vec<Vec<Hash>>,
    index: u64,
    leaf: Hash,
    done: &mut Vec<FullTile>,
) {
    let mut hash = leaf;
    let mut number = index;
    for level in 0..8_u8 {
        number /= WIDTH;
        if partial.len() <= usize::from(level) {
            partial.push(Vec::new());
        }
        let tile = &mut partial[usize::from(level)];
        tile.push(hash);
        if tile.len() < 256 {
            return;
        }
        let full = std::mem::take(tile);
        hash = perfect_root(&full);
        done.push((level, number, hash, full));
    }
}

/// Gives tiles of a tree of known size.
pub(crate) trait Tiles {
    /// The error of reading.
    type Error;

    /// The first `width` hashes of tile `number` at tile level `level`.
    fn tile(&mut self, level: u8, number: u64, width: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// Hash of the leaves `start..end`, where the range is one that RFC 6962 proofs use.
pub(crate) fn range_hash<T: Tiles>(
    tiles: &mut T,
    size: u64,
    start: u64,
    end: u64,
) -> Result<Hash, T::Error> {
    let length = end - start;
    if length == 0 {
        return Ok(empty_root());
    }
    if length.is_power_of_two() && start.is_multiple_of(length) {
        return subtree_hash(tiles, size, length.trailing_zeros(), start / length);
    }
    let split = start + largest_power_below(length);
    let left = range_hash(tiles, size, start, split)?;
    let right = range_hash(tiles, size, split, end)?;
    Ok(node_hash(&left, &right))
}

/// Hash of the perfect subtree of 2^`height` leaves with number `index`.
fn subtree_hash<T: Tiles>(
    tiles: &mut T,
    size: u64,
    height: u32,
    index: u64,
) -> Result<Hash, T::Error> {
    let level = u8::try_from(height / 8).unwrap_or(7);
    let within = height % 8;
    let first = index << within;
    let (number, offset) = (first / WIDTH, first % WIDTH);
    let total = size >> (8 * u32::from(level));
    let width = total.saturating_sub(number * WIDTH).min(WIDTH);
    let hashes = tiles.tile(level, number, width)?;
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let upto = from.saturating_add(1 << within);
    Ok(perfect_root(hashes.get(from..upto).unwrap_or_default()))
}

/// Inclusion proof of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1), leaf's
/// sibling first.
pub(crate) fn inclusion<T: Tiles>(
    tiles: &mut T,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, T::Error> {
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let split = start + largest_power_below(end - start);
        if index < split {
            path.push(range_hash(tiles, size, split, end)?);
            end = split;
        } else {
            path.push(range_hash(tiles, size, start, split)?);
            start = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// Consistency proof between two sizes (RFC 6962 section 2.1.2).
pub(crate) fn consistency<T: Tiles>(
    tiles: &mut T,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, T::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut start, mut end, mut whole) = (0, new, true);
    while old != end {
        let split = start + largest_power_below(end - start);
        if old <= split {
            path.push(range_hash(tiles, new, split, end)?);
            end = split;
        } else {
            path.push(range_hash(tiles, new, start, split)?);
            start = split;
            whole = false;
        }
    }
    if !whole {
        path.push(range_hash(tiles, new, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Root that an inclusion proof leads to; `None` when the proof has the wrong length.
#[must_use]
pub(crate) fn root_of_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `path` proves that the tree of `old` leaves is the beginning of the one of `new`.
#[must_use]
pub(crate) fn consistent(old: (u64, Hash), new: (u64, Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return path.is_empty();
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut parts = path.iter();
    let mut seed = old_root;
    if node > 0 {
        match parts.next() {
            Some(first) => seed = *first,
            None => return false,
        }
    }
    let (mut from_old, mut from_new) = (seed, seed);
    for sibling in parts {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == old_root && from_new == new_root
}

/// Path of a tile below an export (C2SP tlog-tiles): `tile/0/x001/067`, partial ones with `.p/W`.
/// `level` is `None` for entry bundles.
#[must_use]
pub fn tile_path(level: Option<u8>, number: u64, width: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1000)];
    let mut rest = number / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    let level = level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
    let partial = if width == WIDTH {
        String::new()
    } else {
        format!(".p/{width}")
    };
    format!("tile/{level}/{}{partial}", groups.join("/"))
}

/// Largest power of two smaller than `length`, which is at least 2.
const fn largest_power_below(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

#[cfg(test)]
mod tests;
