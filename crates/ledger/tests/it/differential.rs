// SPDX-License-Identifier: Apache-2.0
//! What we write is read, and what others write we read: the crates `tlog_tiles` and `signed_note`
//! (ports of Go's implementation) as second opinion. Proof paths are compared in `src/merkle/tests.rs`.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use casemate_ledger::{Note, VerifierKey, export, leaf_hash, node_hash, tile_path};
use casemate_testkit::ManualClock;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, VerifierList, Verifiers};
use tlog_tiles::{Checkpoint, Tile, TileHashReader, TileReader, tlog};

use crate::fixture::{Book, checkpoint, log_keys, unbundle};

const ORIGIN: &str = "casemate.local/log/1";

fn knows(key: &VerifierKey) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(&key.text()).unwrap())])
}

#[test]
fn hashes_agree() {
    for entry in [b"".as_slice(), b"x", &[0; 65_535]] {
        assert_eq!(tlog::Hash(leaf_hash(entry)), tlog::record_hash(entry));
    }
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let theirs = tlog::node_hash(tlog::Hash(a), tlog::Hash(b));
    assert_eq!(tlog::Hash(node_hash(&a, &b)), theirs);
    assert_eq!(tlog::Hash(casemate_ledger::empty_root()), tlog::EMPTY_HASH);
}

#[test]
fn they_read_and_verify_our_notes() {
    let keys = log_keys(ORIGIN, 1);
    let note = keys.sign(17, [7; 32], ManualClock::START).unwrap();
    let read = signed_note::Note::from_bytes(note.text().as_bytes()).unwrap();
    let [classic, quantum] = keys.public();
    let (verified, unknown) = read.verify(&knows(&classic)).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 1));
    assert_eq!(unknown[0].id(), u32::from_be_bytes(quantum.key_id()));
    assert_eq!(read.to_bytes(), note.text().as_bytes());
    // The checkpoint is the body up to the blank line.
    let checkpoint = Checkpoint::from_bytes(format!("{}\n", note.body).as_bytes());
    let checkpoint = checkpoint.or_else(|_| Checkpoint::from_bytes(note.body.as_bytes()));
    let checkpoint = checkpoint.unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 17));
    assert_eq!(*checkpoint.hash(), tlog::Hash([7; 32]));
    // Nor do they take another's key for it.
    let [stranger, _] = log_keys(ORIGIN, 2).public();
    assert!(read.verify(&knows(&stranger)).is_err());
    let altered = note.text().replacen("\n17\n", "\n18\n", 1);
    let altered = signed_note::Note::from_bytes(altered.as_bytes()).unwrap();
    assert!(altered.verify(&knows(&classic)).is_err());
}

#[test]
fn we_read_and_verify_their_notes() {
    // Their signer reads the private key as a text with the id of its public half: the same key in
    // both implementations.
    let seed = casemate_crypto::Secret32::from_bytes([5; 32]);
    let private = seed.derive("log-signer/ed25519");
    let ours = log_keys(ORIGIN, 5).public();
    let mut raw = vec![1];
    raw.extend_from_slice(private.expose());
    let id = u32::from_be_bytes(ours[0].key_id());
    let text = format!("PRIVATE+KEY+{ORIGIN}+{id:08x}+{}", BASE64.encode(raw));
    let signer = StandardSigner::new(&text).unwrap();
    assert_eq!(signer.key_id(), id);
    let body = format!("{ORIGIN}\n3\n{}\n", BASE64.encode([9; 32]));
    let mut note = signed_note::Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let text = String::from_utf8(note.to_bytes()).unwrap();
    let read = Note::parse(&text).unwrap();
    assert_eq!(read.verify(&ours[..1]).unwrap().size, 3);
    assert_eq!(read.text(), text);
    assert!(read.verify(&ours).is_err(), "ML-DSA is still missing");
    assert!(knows(&ours[0]).verifier(ORIGIN, id).is_ok());
}

/// Reads our export with their tile reader.
struct Export(std::path::PathBuf);

impl TileReader for Export {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        Ok(tiles
            .iter()
            .map(|tile| {
                let width = u64::from(tile.width());
                let path = tile_path(Some(tile.level()), tile.level_index(), width);
                std::fs::read(self.0.join(path)).unwrap()
            })
            .collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn they_read_our_exports_and_check_our_proofs() {
    for size in [1, 255, 256, 257, 700] {
        let book = Book::new();
        let (writer, reader) = book.open();
        book.fill(&writer, size);
        checkpoint(&writer, &reader);
        let target = book.dir.join("export");
        let ours = export(&reader, &target, &|_, _| ()).unwrap();
        let root = tlog::Hash(ours.root);
        let tiles = Export(target.clone());
        let theirs = TileHashReader::new(size, root, &tiles);
        assert_eq!(tlog::tree_hash(size, &theirs).unwrap(), root, "{size}");

        let mut entries = Vec::new();
        for number in 0..size.div_ceil(256) {
            let path = tile_path(None, number, 256.min(size - number * 256));
            entries.extend(unbundle(&std::fs::read(target.join(path)).unwrap()));
        }
        assert_eq!(entries.len() as u64, size);
        for index in (0..size).step_by(37).chain([size - 1]) {
            let proof = reader.prove(index).unwrap();
            let path: Vec<_> = proof.path.iter().map(|hash| tlog::Hash(*hash)).collect();
            let entry = &entries[usize::try_from(index).unwrap()];
            assert_eq!(proof.extra.as_ref(), Some(entry));
            let leaf = tlog::record_hash(entry);
            tlog::check_record(&path, size, root, index, leaf).unwrap();
            assert_eq!(path, tlog::prove_record(size, index, &theirs).unwrap());
        }
    }
}
