// SPDX-License-Identifier: Apache-2.0
//! Roots and proofs of every small size and of sizes around tile borders, against the definition of
//! RFC 6962 and against the crate `tlog_tiles`.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;

use tlog_tiles::tlog;

use super::*;

/// Sizes at which a tile of some level begins, ends or is nearly full, up to 70,000.
const BORDERS: [u64; 14] = [
    255, 256, 257, 511, 512, 513, 4_096, 32_769, 65_279, 65_535, 65_536, 65_537, 65_792, 70_000,
];

/// The tiles of a list of leaves, made the slow way.
struct Memory(Vec<Vec<Hash>>);

impl Memory {
    fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while levels.last().unwrap().len() >= 256 {
            let below = levels.last().unwrap().as_chunks::<256>().0;
            let above = below.iter().map(|tile| perfect_root(tile)).collect();
            levels.push(above);
        }
        Self(levels)
    }
}

impl Tiles for &Memory {
    type Error = Infallible;

    fn tile(&mut self, level: u8, number: u64, width: u64) -> Result<Vec<Hash>, Infallible> {
        let first = usize::try_from(number * WIDTH).unwrap();
        let level = &self.0[usize::from(level)];
        assert!((1..=256).contains(&width), "width {width}");
        Ok(level[first..first + usize::try_from(width).unwrap()].to_vec())
    }
}

/// The other implementation's storage.
struct Oracle(Vec<tlog::Hash>);

impl tlog::HashReader for Oracle {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let at = |index: &u64| self.0[usize::try_from(*index).unwrap()];
        Ok(indexes.iter().map(at).collect())
    }
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

fn fixture(size: u64) -> (Memory, Oracle) {
    let mut oracle = Oracle(Vec::new());
    for index in 0..size {
        let more = tlog::stored_hashes(index, &index.to_be_bytes(), &oracle).unwrap();
        oracle.0.extend(more);
    }
    (Memory::new((0..size).map(leaf).collect()), oracle)
}

fn theirs(path: &[Hash]) -> Vec<tlog::Hash> {
    path.iter().map(|hash| tlog::Hash(*hash)).collect()
}

/// RFC 6962 section 2.1, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let split = many.len().next_power_of_two() / 2;
            node_hash(&defined_root(&many[..split]), &defined_root(&many[split..]))
        }
    }
}

fn roots(upto: u64) -> Vec<Hash> {
    let mut tree = Tree::default();
    let mut roots = vec![tree.root()];
    for index in 0..upto {
        tree.push(leaf(index));
        assert_eq!(tree.size(), index + 1);
        roots.push(tree.root());
    }
    roots
}

fn check_inclusion(memory: &Memory, oracle: &Oracle, root: Hash, index: u64, size: u64) {
    let path = inclusion(&mut &*memory, index, size).unwrap();
    assert_eq!(
        theirs(&path),
        tlog::prove_record(size, index, oracle).unwrap(),
        "path of {index} in {size}"
    );
    let arrives =
        |leaf, index, size, path: &[Hash]| root_of_inclusion(leaf, index, size, path) == Some(root);
    assert!(
        arrives(leaf(index), index, size, &path),
        "{index} in {size}"
    );
    // Another leaf, another place, a longer, shorter or altered path do not get there.
    assert!(!arrives(leaf(index + 1), index, size, &path));
    assert!(!arrives(leaf(index), index + 1, size, &path));
    assert!(!arrives(leaf(index), size + index, size, &path));
    assert!(!arrives(
        leaf(index),
        index,
        size,
        &[&path[..], &[root]].concat()
    ));
    if let Some((last, shorter)) = path.split_last() {
        assert!(!arrives(leaf(index), index, size, shorter));
        let mut altered = *last;
        altered[31] ^= 1;
        let altered = [shorter, &[altered]].concat();
        assert!(!arrives(leaf(index), index, size, &altered));
    }
}

fn check_consistency(memory: &Memory, oracle: &Oracle, old: (u64, Hash), new: (u64, Hash)) {
    let path = consistency(&mut &*memory, old.0, new.0).unwrap();
    assert_eq!(
        theirs(&path),
        tlog::prove_tree(new.0, old.0, oracle).unwrap(),
        "path from {} to {}",
        old.0,
        new.0
    );
    assert!(consistent(old, new, &path), "{} to {}", old.0, new.0);
    let other = leaf(u64::MAX);
    assert!(!consistent((old.0, other), new, &path));
    assert!(!consistent(old, (new.0, other), &path));
    assert!(!consistent(old, new, &[&path[..], &[other]].concat()));
    if let Some((last, shorter)) = path.split_last() {
        assert!(!consistent(old, new, shorter));
        let mut altered = *last;
        altered[0] ^= 1;
        assert!(!consistent(old, new, &[shorter, &[altered]].concat()));
    }
    if old.0 < new.0 {
        assert!(!consistent(new, old, &path), "backwards");
    }
}

#[test]
fn every_size_to_300_has_the_defined_root_and_proofs_of_every_leaf() {
    let (memory, oracle) = fixture(300);
    let roots = roots(300);
    for size in 0..=300_u64 {
        let root = roots[usize::try_from(size).unwrap()];
        let leaves: Vec<_> = (0..size).map(leaf).collect();
        assert_eq!(root, defined_root(&leaves), "{size}");
        assert_eq!(tlog::Hash(root), tlog::tree_hash(size, &oracle).unwrap());
        assert_eq!(root, range_hash(&mut &memory, size, 0, size).unwrap());
        for index in 0..size {
            check_inclusion(&memory, &oracle, root, index, size);
        }
    }
}

#[test]
fn every_pair_of_sizes_to_300_is_consistent() {
    let (memory, oracle) = fixture(300);
    let roots = roots(300);
    let at = |size: u64| (size, roots[usize::try_from(size).unwrap()]);
    for new in 1..=300 {
        for old in 1..=new {
            check_consistency(&memory, &oracle, at(old), at(new));
        }
        // Everything begins with nothing, and only an empty path says so.
        assert!(consistent(at(0), at(new), &[]));
        assert!(!consistent(at(0), at(new), &[leaf(0)]));
    }
}

#[test]
fn sizes_around_tile_borders_agree_too() {
    let (memory, oracle) = fixture(70_000);
    let roots = roots(70_000);
    let at = |size: u64| (size, roots[usize::try_from(size).unwrap()]);
    for size in BORDERS {
        let root = at(size).1;
        assert_eq!(tlog::Hash(root), tlog::tree_hash(size, &oracle).unwrap());
        assert_eq!(root, range_hash(&mut &memory, size, 0, size).unwrap());
        let spread = (0..size).step_by(usize::try_from(size / 23).unwrap());
        for index in spread.chain([size - 1]).chain(BORDERS.map(|b| b - 1)) {
            if index < size {
                check_inclusion(&memory, &oracle, root, index, size);
            }
        }
        for old in BORDERS.into_iter().chain([1, 2, 3, 100, 10_007, size - 1]) {
            if old <= size {
                check_consistency(&memory, &oracle, at(old), at(size));
            }
        }
    }
}

#[test]
fn whole_tiles_give_the_same_tree_as_single_leaves() {
    let mut tree = Tree::default();
    let roots = roots(256 * 9 + 5);
    for number in 0..9 {
        let leaves: Vec<_> = (number * 256..(number + 1) * 256).map(leaf).collect();
        tree.push_tile(perfect_root(&leaves));
        let size = usize::try_from(tree.size()).unwrap();
        assert_eq!(
            (tree.size(), tree.root()),
            ((number + 1) * 256, roots[size])
        );
    }
    (256 * 9..256 * 9 + 5).for_each(|index| tree.push(leaf(index)));
    assert_eq!(tree.root(), *roots.last().unwrap());
}

#[test]
fn tiles_fill_level_by_level() {
    let (mut partial, mut done) = (Vec::new(), Vec::new());
    for index in 0..65_536 + 256 {
        tile_push(&mut partial, index, leaf(index), &mut done);
    }
    let memory = Memory::new((0..65_536 + 256).map(leaf).collect());
    let levels: Vec<_> = done
        .iter()
        .map(|(level, number, ..)| (*level, *number))
        .collect();
    assert_eq!(levels.len(), 257 + 1);
    assert_eq!(levels[255..], [(0, 255), (1, 0), (0, 256)]);
    for (level, number, root, hashes) in done {
        assert_eq!(hashes, (&memory).tile(level, number, 256).unwrap());
        assert_eq!(root, perfect_root(&hashes));
    }
}
