// SPDX-License-Identifier: Apache-2.0
//! Evidence files: they come back, prove one entry, and nothing else.

use casemate_ledger::{LedgerError, Proof, Witness, leaf_hash, tile_path};

use crate::fixture::{Book, checkpoint, log_keys};

#[test]
fn tiles_stand_where_c2sp_puts_them() {
    for (level, number, width, path) in [
        (Some(0), 0, 256, "tile/0/000"),
        (Some(0), 0, 1, "tile/0/000.p/1"),
        (Some(1), 67, 255, "tile/1/067.p/255"),
        (Some(0), 999, 256, "tile/0/999"),
        (Some(0), 1_000, 256, "tile/0/x001/000"),
        (Some(2), 1_234_067, 256, "tile/2/x001/x234/067"),
        (Some(0), 1_234_067, 8, "tile/0/x001/x234/067.p/8"),
        (None, 1_234_067, 256, "tile/entries/x001/x234/067"),
        (None, 5, 100, "tile/entries/005.p/100"),
        (Some(0), 1_000_000_000, 256, "tile/0/x001/x000/x000/000"),
    ] {
        assert_eq!(tile_path(level, number, width), path);
    }
}

/// A proof of the only interesting entry of a small log.
fn proof() -> (Book, Proof, Vec<u8>) {
    let book = Book::new();
    let (writer, reader) = book.open();
    book.fill(&writer, 13);
    checkpoint(&writer, &reader);
    let proof = reader.prove(5).unwrap();
    let entry = reader.list(5, 1).unwrap().remove(0).bytes;
    writer.close();
    (book, proof, entry)
}

#[test]
fn a_proof_comes_back_and_proves_its_entry() {
    let (book, proof, entry) = proof();
    let keys = {
        let (_, reader) = book.open();
        reader.public_keys()
    };
    let read = Proof::parse(&proof.text()).unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.extra.as_ref(), Some(&entry));
    assert!(proof.text().starts_with("c2sp.org/tlog-proof@v1\nextra "));
    assert_eq!(read.verify(&entry, &keys).unwrap().size, 13);

    let refused = |proof: &Proof, entry: &[u8]| {
        let verified = proof.verify(entry, &keys);
        assert!(
            matches!(verified, Err(LedgerError::Tampered(_))),
            "{verified:?}"
        );
    };
    refused(&proof, b"another entry");
    refused(&proof, &[]);
    for index in [0, 4, 6, 13, 1 << 40, u64::MAX] {
        let moved = Proof {
            index,
            ..proof.clone()
        };
        refused(&moved, &entry);
    }
    for at in 0..proof.path.len() {
        let mut altered = proof.clone();
        altered.path[at][0] ^= 1;
        refused(&altered, &entry);
        let mut shorter = proof.clone();
        shorter.path.remove(at);
        refused(&shorter, &entry);
        let mut longer = proof.clone();
        longer.path.insert(at, [0; 32]);
        refused(&longer, &entry);
    }
    let mut resized = proof.clone();
    resized.note.body = resized.note.body.replacen("\n13\n", "\n14\n", 1);
    refused(&resized, &entry);
    let strangers = log_keys("casemate.local/log/1", 9).public();
    assert!(proof.verify(&entry, &strangers).is_err());
    assert!(proof.verify(&entry, &[]).is_err());
}

#[test]
fn an_inner_node_is_no_entry() {
    // Without the prefixes of RFC 6962 the two children of a node would pass as a leaf.
    let (book, proof, entry) = proof();
    let (_, reader) = book.open();
    let sibling = proof.path[0];
    let node = [sibling.as_slice(), &leaf_hash(&entry)].concat();
    let forged = Proof {
        index: 2,
        path: proof.path[1..].to_vec(),
        ..proof
    };
    assert!(forged.verify(&node, &reader.public_keys()).is_err());
}

#[test]
fn what_is_no_proof_is_refused() {
    let (_book, proof, _) = proof();
    let text = proof.text();
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let long = swap("index 5\n", &format!("index 5\n{}", hash.repeat(60)));
    for (what, text) in [
        ("nothing", String::new()),
        ("another version", swap("@v1", "@v2")),
        ("no index", swap("index 5\n", "")),
        ("a signed index", swap("index 5", "index +5")),
        ("leading zeros", swap("index 5", "index 05")),
        (
            "extra after index",
            swap("index 5\n", "index 5\nextra AAAA\n"),
        ),
        ("extra twice", swap("extra ", "extra AAAA\nextra ")),
        ("extra that is no base64", swap("extra ", "extra !")),
        ("a hash cut", swap("index 5\n", "index 5\nAAAA\n")),
        ("a path too long", long),
        ("no note", text.split("\n\n").next().unwrap().to_owned()),
        ("a note cut", text[..text.len() - 1].to_owned()),
    ] {
        let read = Proof::parse(&text);
        assert!(matches!(read, Err(LedgerError::Malformed { .. })), "{what}");
    }
    let without = Proof {
        extra: None,
        ..proof
    };
    assert_eq!(Proof::parse(&without.text()).unwrap(), without);
}

#[test]
fn proofs_of_a_stored_log_hold_across_tiles() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let keys = reader.public_keys();
    let mut roots = Vec::new();
    for upto in [1, 2, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, 66_000] {
        book.fill(&writer, upto - reader.size());
        let note = checkpoint(&writer, &reader);
        let newest = note.verify(&keys).unwrap();
        assert_eq!(newest.size, upto);
        for index in [0, 1, 254, 255, 256, 511, 65_279, 65_535, 65_536, upto - 1] {
            if index >= upto {
                assert!(matches!(reader.prove(index), Err(LedgerError::NotFound)));
                continue;
            }
            let proof = reader.prove(index).unwrap();
            let entry = proof.extra.clone().unwrap();
            assert_eq!(
                proof.verify(&entry, &keys).unwrap(),
                newest,
                "{index} in {upto}"
            );
        }
        roots.push((newest.size, newest.root));
        for old in &roots {
            let path = reader.prove_consistency(old.0, upto).unwrap();
            assert!(
                Witness::accepts(*old, &newest, &path),
                "{} to {upto}",
                old.0
            );
        }
    }
    // Also between sizes that are long past.
    for new in &roots {
        for old in &roots {
            let path = reader.prove_consistency(old.0, new.0).unwrap();
            let checkpoint = casemate_ledger::Checkpoint {
                origin: String::new(),
                size: new.0,
                root: new.1,
            };
            let accepted = Witness::accepts(*old, &checkpoint, &path);
            assert_eq!(accepted, old.0 <= new.0, "{} to {}", old.0, new.0);
        }
    }
    let beyond = reader.prove_consistency(1, 66_001);
    assert!(matches!(beyond, Err(LedgerError::NotFound)), "{beyond:?}");

    // The state is rebuilt from two levels of tiles and goes on as if nothing had happened.
    writer.close();
    drop((writer, reader));
    let (writer, reader) = book.open();
    assert_eq!(reader.size(), 66_000);
    book.fill(&writer, 65_536 * 2 - 66_000 + 1);
    let newest = checkpoint(&writer, &reader).verify(&keys).unwrap();
    for old in &roots {
        let path = reader.prove_consistency(old.0, newest.size).unwrap();
        assert!(Witness::accepts(*old, &newest, &path), "{}", old.0);
    }
    let report = reader.verify(&|_, _| ()).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.entries, report.signed), (newest.size, newest.size));
}
