// SPDX-License-Identifier: Apache-2.0
//! The frozen leaf format: the vectors, the round trip, every input answered.

use casemate_ledger::{Entry, Kind, LedgerError, MAX_ENTRY, SealedPart, leaf_hash};
use casemate_types::{ProjectId, RecordId, Timestamp};
use proptest::prelude::*;

const VECTORS: &str = include_str!("../../vectors/leaf-v1.txt");
/// SHA-256 of the file, so that a vector is not changed by mistake.
const VECTORS_DIGEST: &str = "f9350330e0c2f61452c2cbc15981fb3bc1530e26f7bcf112c7d6a6752dbb9b66";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn id(text: &str) -> [u8; 16] {
    unhex(text).try_into().unwrap()
}

/// The entry, the leaf and the leaf hash of one vector.
fn read_vector(text: &str) -> (Entry, String, String) {
    let values = |name: &str| -> Vec<&str> {
        text.lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter_map(|rest| rest.strip_prefix(' ').or((rest.is_empty()).then_some("")))
            .collect()
    };
    let value = |name: &str| values(name)[0];
    let project = value("project");
    let sealed = values("sealed").into_iter().map(|part| {
        let (name, bytes) = part.split_once(' ').unwrap_or_default();
        SealedPart {
            name: name.to_owned(),
            sealed: unhex(bytes),
        }
    });
    let entry = Entry {
        kind: match value("kind") {
            "1" => Kind::Decision,
            "2" => Kind::Outcome,
            "3" => Kind::Finding,
            "4" => Kind::Notice,
            other => panic!("kind {other}"),
        },
        time: Timestamp::from_millis(value("time").parse().unwrap()),
        id: RecordId::from_bytes(id(value("id"))),
        about: RecordId::from_bytes(id(value("about"))),
        project: (project != "-").then(|| ProjectId::from_bytes(id(project))),
        event: value("event").as_bytes().to_vec(),
        sealed: sealed.collect(),
    };
    (entry, value("leaf").to_owned(), value("hash").to_owned())
}

#[test]
fn the_vectors_hold() {
    assert_eq!(
        hex(&casemate_crypto::sha256(VECTORS.as_bytes())),
        VECTORS_DIGEST,
        "vectors are frozen"
    );
    let vectors: Vec<_> = VECTORS.split("\nvector ").skip(1).collect();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let (entry, leaf, hash) = read_vector(vector);
        let encoded = entry.encode().unwrap();
        assert_eq!(hex(&encoded), leaf, "{vector}");
        assert_eq!(hex(&leaf_hash(&encoded)), hash, "{vector}");
        assert_eq!(Entry::decode(&unhex(&leaf)).unwrap(), entry);
        assert_eq!(Entry::peek_id(&encoded), Some(entry.id));
        assert_eq!(Entry::peek_about(&encoded), Some(entry.about));
    }
}

fn plain(event: Vec<u8>) -> Entry {
    Entry {
        kind: Kind::Notice,
        time: Timestamp::from_millis(0),
        id: RecordId::from_bytes([1; 16]),
        about: RecordId::from_bytes([1; 16]),
        project: None,
        event,
        sealed: Vec::new(),
    }
}

fn part(name: usize, sealed: usize) -> SealedPart {
    SealedPart {
        name: "n".repeat(name),
        sealed: vec![7; sealed],
    }
}

fn with_parts(sealed: Vec<SealedPart>) -> Entry {
    Entry {
        sealed,
        ..plain(b"{}".to_vec())
    }
}

#[test]
fn limits_are_exact() {
    let room = MAX_ENTRY - 61;
    for (what, entry, fits) in [
        ("the largest event", plain(vec![b' '; room]), true),
        ("an event too large", plain(vec![b' '; room + 1]), false),
        (
            "an event beyond its field",
            plain(vec![b' '; 70_000]),
            false,
        ),
        (
            "the largest part",
            with_parts(vec![part(1, room - 2 - 4)]),
            true,
        ),
        (
            "a part too large",
            with_parts(vec![part(1, room - 2 - 3)]),
            false,
        ),
        (
            "a part beyond its field",
            with_parts(vec![part(1, 70_000)]),
            false,
        ),
        ("the longest name", with_parts(vec![part(255, 0)]), true),
        ("a name too long", with_parts(vec![part(256, 0)]), false),
        ("the most parts", with_parts(vec![part(0, 0); 255]), true),
        ("too many parts", with_parts(vec![part(0, 0); 256]), false),
        (
            "an event that is not UTF-8",
            plain(vec![b'"', 0xFF, b'"']),
            false,
        ),
    ] {
        match entry.encode() {
            Ok(bytes) => {
                assert!(fits && bytes.len() <= MAX_ENTRY, "{what}");
                assert_eq!(Entry::decode(&bytes).unwrap(), entry, "{what}");
            }
            Err(error) => {
                assert!(!fits, "{what}: {error}");
                assert!(matches!(
                    error,
                    LedgerError::Malformed { what: "entry", .. }
                ));
            }
        }
    }
}

#[test]
fn what_is_no_entry_is_refused() {
    let good = with_parts(vec![part(3, 4), part(2, 1)]).encode().unwrap();
    let edit = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for (what, bytes) in [
        ("nothing", vec![]),
        ("version 0", edit(0, 0)),
        ("version 2", edit(0, 2)),
        ("kind 0", edit(1, 0)),
        ("kind 5", edit(1, 5)),
        ("an event longer than the rest", edit(58, 0xFF)),
        ("one part more than there is", edit(62, 3)),
        ("one part less than there is", edit(62, 1)),
        ("an event that is not UTF-8", edit(60, 0xC3)),
        ("a name that is not UTF-8", edit(64, 0xFF)),
        (
            "something behind its end",
            [good.as_slice(), b"\0"].concat(),
        ),
    ] {
        assert!(Entry::decode(&bytes).is_err(), "{what}");
    }
    for cut in 0..good.len() {
        assert!(Entry::decode(&good[..cut]).is_err(), "cut to {cut}");
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        Just(Kind::Decision),
        Just(Kind::Outcome),
        Just(Kind::Finding),
        Just(Kind::Notice),
    ];
    let part = (".{0,20}", proptest::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(name, sealed)| SealedPart { name, sealed });
    let ids = any::<([u8; 16], [u8; 16], Option<[u8; 16]>)>();
    let parts = proptest::collection::vec(part, 0..5);
    (kind, any::<i64>(), ids, ".*", parts).prop_map(
        |(kind, time, (id, about, project), event, sealed)| Entry {
            kind,
            time: Timestamp::from_millis(time),
            id: RecordId::from_bytes(id),
            about: RecordId::from_bytes(about),
            // Zeros mean "none" and are nobody's id.
            project: project
                .filter(|id| *id != [0; 16])
                .map(ProjectId::from_bytes),
            event: event.into_bytes(),
            sealed,
        },
    )
}

proptest! {
    #[test]
    fn every_entry_comes_back(entry in any_entry()) {
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&bytes).unwrap(), entry);
    }

    /// Whatever decodes, encodes to the same bytes: no two byte strings are the same entry.
    #[test]
    fn every_input_gets_an_answer(bytes: Vec<u8>) {
        for bytes in [bytes.clone(), [b"\x01\x01".as_slice(), &bytes].concat()] {
            if let Ok(entry) = Entry::decode(&bytes) {
                prop_assert_eq!(entry.encode().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn every_altered_byte_is_another_entry_or_none(
        entry in any_entry(), at: prop::sample::Index, by in 1..=255_u8,
    ) {
        let mut bytes = entry.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        if let Ok(other) = Entry::decode(&bytes) {
            prop_assert_ne!(&other, &entry);
            prop_assert_eq!(other.encode().unwrap(), bytes);
        }
    }
}
