// SPDX-License-Identifier: Apache-2.0
//! A sealed blob opens whole or not at all.

use std::io::Read;

use casemate_crypto::{BlobOpener, BlobSealer, CryptoError, Secret32, open_blob, seal_blob};
use casemate_testkit::SeededEntropy;
use proptest::prelude::*;

use crate::{counting, unhex};

const CHUNK: usize = 64 * 1024;
const SEALED_CHUNK: usize = CHUNK + 16;
const HEAD: usize = 8 + 32;

fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn seal(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let entropy = SeededEntropy::new(plain.len() as u64);
    seal_blob(&counting(), &entropy, "backup", &mut &*plain, &mut out).unwrap();
    out
}

fn open(sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut out = Vec::new();
    open_blob(&counting(), "backup", &mut &*sealed, &mut out).map(|()| out)
}

/// Gives at most `self.1` bytes a call, as a socket does.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let now = out.len().min(self.1);
        self.0.read(&mut out[..now])
    }
}

#[test]
fn the_stored_form_is_frozen() {
    const BY_PYTHON: &str = "434d424c4f420001c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2\
                             e3e4e5e6e756f912e42b3a541e471fb23df858675351c781bb82291ee880fcda0d";
    assert_eq!(open(&unhex(BY_PYTHON)).unwrap(), b"Ada Lovelace");
}

#[test]
fn every_length_around_a_chunk_comes_back() {
    for length in [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        2 * CHUNK + 17,
        3 * CHUNK,
    ] {
        let plain = content(length);
        let sealed = seal(&plain);
        let chunks = length.div_ceil(CHUNK).max(1);
        assert_eq!(sealed.len(), HEAD + length + 16 * chunks, "{length}");
        assert!(open(&sealed).unwrap() == plain, "{length}");
    }
}

#[test]
fn short_reads_change_nothing() {
    let plain = content(2 * CHUNK);
    for step in [1, 1000, CHUNK, CHUNK + 1] {
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        let entropy = SeededEntropy::new(plain.len() as u64);
        let mut from = Trickle(&plain, step);
        seal_blob(&counting(), &entropy, "backup", &mut from, &mut sealed).unwrap();
        assert!(sealed == seal(&plain), "{step}");
        let mut from = Trickle(&sealed, step);
        open_blob(&counting(), "backup", &mut from, &mut opened).unwrap();
        assert!(opened == plain, "{step}");
    }
}

#[test]
fn every_cut_is_noticed() {
    for length in [0, CHUNK, 2 * CHUNK, 2 * CHUNK + 100] {
        let sealed = seal(&content(length));
        let borders = (0..=3).map(|chunk| HEAD + chunk * SEALED_CHUNK);
        let around =
            borders.flat_map(|at| [at - 17, at - 16, at - 1, at, at + 1, at + 16, at + 17]);
        for cut in (0..HEAD).chain(around).filter(|cut| *cut < sealed.len()) {
            assert!(open(&sealed[..cut]).is_err(), "{length} cut to {cut}");
        }
    }
}

#[test]
fn chunks_cannot_be_moved_dropped_repeated_or_added() {
    let sealed = seal(&content(3 * CHUNK + 5));
    let (head, body) = sealed.split_at(HEAD);
    let chunks: Vec<_> = body.chunks(SEALED_CHUNK).collect();
    let other = seal(&content(3 * CHUNK + 6));
    let foreign = &other[HEAD..HEAD + SEALED_CHUNK];
    for (what, order) in [
        ("swapped", vec![chunks[1], chunks[0], chunks[2], chunks[3]]),
        ("first dropped", vec![chunks[1], chunks[2], chunks[3]]),
        ("middle dropped", vec![chunks[0], chunks[2], chunks[3]]),
        ("last dropped", vec![chunks[0], chunks[1], chunks[2]]),
        ("only the last", vec![chunks[3]]),
        (
            "repeated",
            vec![chunks[0], chunks[0], chunks[1], chunks[2], chunks[3]],
        ),
        (
            "last repeated",
            vec![chunks[0], chunks[1], chunks[2], chunks[3], chunks[3]],
        ),
        (
            "of another blob",
            vec![foreign, chunks[1], chunks[2], chunks[3]],
        ),
    ] {
        let changed = [head, &order.concat()].concat();
        assert!(open(&changed).is_err(), "{what}");
    }
    assert!(open(&[sealed.as_slice(), b"\0"].concat()).is_err());
    let whole = seal(&content(CHUNK));
    assert!(open(&[whole.as_slice(), &[0; 16]].concat()).is_err());
}

#[test]
fn a_changed_byte_is_noticed() {
    let sealed = seal(&content(CHUNK + 9));
    let late = [
        HEAD + 1,
        HEAD + CHUNK,
        HEAD + SEALED_CHUNK,
        sealed.len() - 1,
    ];
    for at in (0..HEAD).chain(late) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn another_key_or_place_does_not_open() {
    let sealed = seal(b"plain");
    let mut out = Vec::new();
    for (key, place) in [
        (Secret32::from_bytes([1; 32]), "backup"),
        (counting(), "artifact"),
        (counting(), "backup\0"),
        (counting(), ""),
    ] {
        let opened = open_blob(&key, place, &mut sealed.as_slice(), &mut out);
        assert!(matches!(opened, Err(CryptoError::NotAuthentic)), "{place}");
    }
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn foreign_bytes_never_open(bytes: Vec<u8>) {
        prop_assert!(open(&bytes).is_err());
        prop_assert!(open(&[b"CMBLOB\0\x01".as_slice(), &bytes].concat()).is_err());
    }
}

fn opener(sealed: &[u8]) -> BlobOpener<std::io::Cursor<&[u8]>> {
    let length = sealed.len() as u64;
    BlobOpener::new(&counting(), "backup", std::io::Cursor::new(sealed), length).unwrap()
}

#[test]
fn reading_from_the_middle_gives_what_stands_there() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17] {
        let (plain, sealed) = (content(length), seal(&content(length)));
        let mut blob = opener(&sealed);
        assert_eq!(blob.length(), length as u64);
        for offset in [
            0,
            1,
            CHUNK - 1,
            CHUNK,
            CHUNK + 5,
            2 * CHUNK,
            length,
            length + 1,
        ] {
            let piece = blob.read_at(offset as u64).unwrap();
            let end = ((offset / CHUNK + 1) * CHUNK).min(length);
            assert_eq!(
                *piece,
                plain.get(offset..end).unwrap_or_default(),
                "{length} {offset}"
            );
        }
    }
}

#[test]
fn a_flipped_bit_is_seen_where_it_stands_and_a_cut_at_the_end() {
    let mut sealed = seal(&content(3 * CHUNK));
    sealed[HEAD + SEALED_CHUNK + 100] ^= 1;
    let mut blob = opener(&sealed);
    assert!(blob.read_at(0).is_ok());
    assert!(matches!(
        blob.read_at(CHUNK as u64),
        Err(CryptoError::NotAuthentic)
    ));
    assert!(blob.read_at(2 * CHUNK as u64).is_ok());

    let sealed = seal(&content(3 * CHUNK));
    let cut = &sealed[..HEAD + 2 * SEALED_CHUNK];
    let mut blob = opener(cut);
    assert_eq!(blob.length(), 2 * CHUNK as u64);
    assert!(matches!(
        blob.read_at(CHUNK as u64),
        Err(CryptoError::NotAuthentic)
    ));
    let none = BlobOpener::new(
        &counting(),
        "backup",
        std::io::Cursor::new(&sealed[..HEAD + 3]),
        43,
    );
    assert!(matches!(none, Err(CryptoError::Malformed { .. })));
}

proptest! {
    #[test]
    fn pieces_of_any_size_seal_alike(length in 0..3 * CHUNK, piece in 1..2 * CHUNK) {
        let plain = content(length);
        let entropy = SeededEntropy::new(length as u64);
        let mut sealer = BlobSealer::new(&counting(), &entropy, "backup", Vec::new()).unwrap();
        for piece in plain.chunks(piece) {
            sealer.push(piece).unwrap();
        }
        prop_assert!(sealer.finish().unwrap() == seal(&plain));
    }
}
