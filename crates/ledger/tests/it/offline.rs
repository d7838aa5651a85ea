// SPDX-License-Identifier: Apache-2.0
//! The offline verifier: nothing but an export, the public keys and perhaps a kept checkpoint.

use std::path::{Path, PathBuf};

use casemate_ledger::{
    LedgerError, Note, Report, VerifierKey, export, leaf_hash, tile_path, verify_export,
};

use crate::fixture::{Book, checkpoint, copy_dir, falsify, rebundle, unbundle};

/// Three bundles, the last of them partial, and a level of tiles above.
const SIZE: u64 = 600;

/// An export, its keys, and checkpoints kept from before.
struct Copy {
    book: Book,
    export: PathBuf,
    keys: [VerifierKey; 2],
    kept: Vec<Note>,
}

fn copy() -> Copy {
    let book = Book::new();
    let (writer, reader) = book.open();
    let mut kept = Vec::new();
    for upto in [100, 256, 300, 512, SIZE] {
        book.fill(&writer, upto - reader.size());
        kept.push(checkpoint(&writer, &reader));
    }
    let target = book.dir.join("export");
    export(&reader, &target, &|_, _| ()).unwrap();
    writer.close();
    Copy {
        keys: reader.public_keys(),
        export: target,
        kept,
        book,
    }
}

impl Copy {
    fn verify(&self, kept: Option<&Note>) -> Result<Report, LedgerError> {
        verify_export(&self.export, &self.keys, kept, &|_, _| ())
    }

    /// The faults found, the first of them naming a record in the range.
    fn names(&self, what: &str, range: std::ops::RangeInclusive<u64>) -> Report {
        let report = self.verify(None).unwrap();
        let first = report.faults.first();
        assert!(first.is_some(), "{what}: nothing found");
        let index = first.map_or(0, |fault| fault.index);
        assert!(range.contains(&index), "{what}: {report:?}");
        report
    }

    fn says(&self, kept: Option<&Note>, words: &str) {
        let report = self.verify(kept).unwrap();
        assert!(
            report.faults.iter().any(|fault| fault.what.contains(words)),
            "{words}: {report:?}"
        );
    }

    fn bundle(&self, number: u64) -> PathBuf {
        self.export
            .join(tile_path(None, number, 256.min(SIZE - number * 256)))
    }

    fn edit(&self, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(file).unwrap();
        change(&mut bytes);
        std::fs::write(file, bytes).unwrap();
    }

    fn edit_entries(&self, number: u64, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        self.edit(&self.bundle(number), |bytes| {
            let mut entries = unbundle(bytes);
            change(&mut entries);
            *bytes = rebundle(&entries);
        });
    }
}

#[test]
fn an_honest_export_is_whole() {
    let copy = copy();
    let report = copy.verify(None).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.entries, report.signed), (SIZE, SIZE));
    for kept in &copy.kept {
        let report = copy.verify(Some(kept)).unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.checkpoints, 2);
    }
    // The keys that lie beside it are those of the log, for convenience.
    let keys = std::fs::read_to_string(copy.export.join("keys")).unwrap();
    let keys: Vec<_> = keys
        .lines()
        .map(|key| VerifierKey::parse(key).unwrap())
        .collect();
    assert_eq!(keys, copy.keys);
}

#[test]
fn an_export_of_any_size_is_whole() {
    for size in [0, 1, 255, 256, 257, 512, 513] {
        let book = Book::of(size);
        let target = book.export("export");
        let (_, reader) = book.open();
        let report = verify_export(&target, &reader.public_keys(), None, &|_, _| ()).unwrap();
        assert!(report.is_whole(), "{size}: {report:?}");
        assert_eq!(report.entries, size);
    }
}

#[test]
fn an_edited_entry_is_named() {
    for index in [0, 1, 255, 256, 400, 511, 512, 599] {
        let copy = copy();
        let mut record = None;
        copy.edit_entries(index / 256, |entries| {
            let entry = &mut entries[usize::try_from(index % 256).unwrap()];
            record = casemate_ledger::Entry::peek_id(entry).map(|id| id.to_string());
            falsify(entry);
        });
        let report = copy.names("edited", index..=index);
        assert_eq!(report.faults.len(), 1, "{report:?}");
        assert_eq!(report.faults[0].record, record);
    }
}

#[test]
fn an_entry_edited_together_with_its_tile_is_found_and_narrowed_down() {
    for index in [3_u64, 300, 550] {
        let copy = copy();
        let within = usize::try_from(index % 256).unwrap();
        let mut hash = [0; 32];
        copy.edit_entries(index / 256, |entries| {
            falsify(&mut entries[within]);
            hash = leaf_hash(&entries[within]);
        });
        let width = 256.min(SIZE - index / 256 * 256);
        let tile = copy.export.join(tile_path(Some(0), index / 256, width));
        copy.edit(&tile, |bytes| {
            bytes[within * 32..within * 32 + 32].copy_from_slice(&hash);
        });
        copy.says(None, "do not lead to the root");
        if index < 512 {
            // The tile above tells which 256 records it is among.
            let first = index / 256 * 256;
            copy.names("edited with its tile", first..=first);
        }
    }
}

#[test]
fn deleted_entries_are_found() {
    for index in [0_u64, 200, 255, 256, 598, 599] {
        let copy = copy();
        copy.edit_entries(index / 256, |entries| {
            entries.remove(usize::try_from(index % 256).unwrap());
        });
        let first = index / 256 * 256;
        let report = copy.names("deleted", first..=index);
        assert!(report.faults.len() > 1 || report.faults[0].what.contains("expected"));
    }
    for number in 0..3 {
        let copy = copy();
        std::fs::remove_file(copy.bundle(number)).unwrap();
        copy.names("bundle deleted", number * 256..=number * 256);
    }
}

#[test]
fn added_entries_are_found() {
    for at in [0, 100, 256] {
        let copy = copy();
        copy.edit_entries(0, |entries| entries.insert(at, entries[0].clone()));
        copy.names("added", 0..=u64::try_from(at).unwrap());
    }
}

#[test]
fn reordered_entries_are_found() {
    let copy = copy();
    copy.edit_entries(1, |entries| entries.swap(10, 20));
    let report = copy.names("swapped", 266..=266);
    let indices: Vec<_> = report.faults.iter().map(|fault| fault.index).collect();
    assert_eq!(indices, [266, 276]);
}

#[test]
fn reordered_bundles_are_found() {
    let copy = copy();
    let (one, two) = (copy.bundle(0), copy.bundle(1));
    let first = std::fs::read(&one).unwrap();
    std::fs::copy(&two, &one).unwrap();
    std::fs::write(&two, first).unwrap();
    copy.names("bundles swapped", 0..=0);
    // With their tiles, so that every tile fits its bundle.
    for number in [0, 1] {
        let tile = copy.export.join(tile_path(Some(0), number, 256));
        let hashes: Vec<u8> = unbundle(&std::fs::read(copy.bundle(number)).unwrap())
            .iter()
            .flat_map(|entry| leaf_hash(entry))
            .collect();
        std::fs::write(tile, hashes).unwrap();
    }
    copy.says(None, "do not lead to the root");
}

#[test]
fn an_edited_tile_is_found() {
    for (level, number, width) in [(0, 0, 256), (0, 1, 256), (0, 2, 88), (1, 0, 2)] {
        let path = tile_path(Some(level), number, width);
        for at in [0_usize, 33, usize::try_from(width).unwrap() * 32 - 1] {
            let copy = copy();
            copy.edit(&copy.export.join(&path), |bytes| bytes[at] ^= 1);
            let report = copy.verify(None).unwrap();
            assert!(!report.is_whole(), "{path} byte {at}");
        }
        for change in [
            (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 32)) as fn(&mut Vec<u8>),
            |bytes| bytes.extend_from_slice(&[0; 32]),
            |bytes| bytes.push(0),
            |bytes| bytes.truncate(bytes.len() - 1),
            Vec::clear,
        ] {
            let copy = copy();
            copy.edit(&copy.export.join(&path), change);
            assert!(!copy.verify(None).unwrap().is_whole(), "{path}");
        }
        let copy = copy();
        std::fs::remove_file(copy.export.join(&path)).unwrap();
        assert!(!copy.verify(None).unwrap().is_whole(), "{path} removed");
    }
}

/// The same log when it was younger: whole in itself.
fn older(size: u64) -> (Copy, Note) {
    let young = copy();
    let (writer, reader) = young.book.open();
    book_grows(&young, &writer, size);
    let newest = checkpoint(&writer, &reader);
    writer.close();
    (young, newest)
}

fn book_grows(copy: &Copy, writer: &casemate_ledger::Writer, by: u64) {
    copy.book.fill(writer, by);
}

#[test]
fn truncation_and_old_copies_show_against_a_kept_checkpoint() {
    let (copy, newest) = older(10);
    // By itself nothing is wrong with an old copy; a newer checkpoint in the verifier's hands says
    // that something is missing.
    assert!(copy.verify(None).unwrap().is_whole());
    assert!(copy.verify(copy.kept.last()).unwrap().is_whole());
    copy.says(Some(&newest), "it was cut, or is an old copy");
}

#[test]
fn a_cut_without_a_matching_checkpoint_is_found() {
    let copy = copy();
    std::fs::remove_file(copy.bundle(2)).unwrap();
    std::fs::remove_file(copy.export.join(tile_path(Some(0), 2, 88))).unwrap();
    copy.names("the end cut off", 512..=512);
    // An older checkpoint put over the newer log, as if it ended there: its last tile is missing.
    let copy = self::copy();
    std::fs::write(copy.export.join("checkpoint"), copy.kept[2].text()).unwrap();
    copy.names("shortened by its checkpoint", 0..=256);
    // One that ends with a tile leaves a whole log of 512, and only the kept checkpoint tells.
    std::fs::write(copy.export.join("checkpoint"), copy.kept[3].text()).unwrap();
    copy.says(copy.kept.last(), "it was cut, or is an old copy");
}

#[test]
fn a_rewritten_history_shows_against_a_kept_checkpoint() {
    // The owner of the keys makes a second log of the same name and keys: whole in itself.
    let original = copy();
    let other = Book::new();
    let (writer, reader) = other.open();
    other.clock.advance(std::time::Duration::from_millis(1));
    other.fill(&writer, 700);
    writer.close();
    let keys = reader.public_keys();
    assert_eq!(keys, original.keys, "the same seed gives the same keys");
    let target = other.dir.join("export");
    export(&reader, &target, &|_, _| ()).unwrap();
    assert!(
        verify_export(&target, &keys, None, &|_, _| ())
            .unwrap()
            .is_whole()
    );
    for kept in &original.kept {
        let report = verify_export(&target, &keys, Some(kept), &|_, _| ()).unwrap();
        assert!(
            report.faults[0].what.contains("no longer begins"),
            "{report:?}"
        );
    }
}

#[test]
fn a_swapped_or_altered_checkpoint_is_refused() {
    let copy = copy();
    let file = copy.export.join("checkpoint");
    let good = std::fs::read_to_string(&file).unwrap();
    let stranger = Book::with_seed(2);
    let (writer, reader) = stranger.open();
    stranger.fill(&writer, SIZE);
    let foreign = checkpoint(&writer, &reader).text();
    writer.close();
    let root = good.lines().nth(2).unwrap();
    let flipped = root.replacen(&root[..1], if root.starts_with('A') { "B" } else { "A" }, 1);
    for (what, text) in [
        ("of another log", foreign.clone()),
        ("another size", good.replacen("\n600\n", "\n599\n", 1)),
        ("another root", good.replacen(root, &flipped, 1)),
        (
            "without ML-DSA",
            good.lines().take(5).map(|l| format!("{l}\n")).collect(),
        ),
        ("nothing", String::new()),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = copy.verify(None);
        assert!(
            matches!(
                refused,
                Err(LedgerError::Tampered(_) | LedgerError::Malformed { .. })
            ),
            "{what}: {refused:?}"
        );
    }
    // An honest checkpoint of an earlier size, over the tiles of the later one.
    std::fs::write(&file, copy.kept[0].text()).unwrap();
    assert!(!copy.verify(None).unwrap().is_whole());
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(copy.verify(None), Err(LedgerError::Path { .. })));

    std::fs::write(&file, &good).unwrap();
    assert!(copy.verify(None).unwrap().is_whole());
    let refused = verify_export(&copy.export, &[], None, &|_, _| ());
    assert!(
        matches!(refused, Err(LedgerError::Tampered(_))),
        "without keys"
    );
    let refused = verify_export(&copy.export, &reader.public_keys(), None, &|_, _| ());
    assert!(
        matches!(refused, Err(LedgerError::Tampered(_))),
        "others' keys"
    );
    let foreign = Note::parse(&foreign).unwrap();
    assert!(copy.verify(Some(&foreign)).is_err(), "kept, of another log");
}

#[test]
fn an_export_is_never_written_over() {
    let copy = copy();
    let (_, reader) = copy.book.open();
    let again = export(&reader, &copy.export, &|_, _| ());
    assert!(matches!(again, Err(LedgerError::Path { .. })));
    let moved = copy.book.dir.join("moved");
    copy_dir(&copy.export, &moved);
    let report = verify_export(&moved, &copy.keys, None, &|_, _| ()).unwrap();
    assert!(report.is_whole());
}

#[test]
fn an_export_of_a_file_with_a_hole_ends() {
    let book = Book::new();
    let (writer, reader) = book.open();
    for _ in 0..5 {
        book.fill(&writer, 1);
    }
    checkpoint(&writer, &reader);
    writer.close();
    drop((writer, reader));
    book.edit_sql("DELETE FROM ledger_group WHERE first = 2");
    // The tail no longer adds up, so the file does not open; a hole in its middle is found live.
    assert!(matches!(
        book.open_with(book.options()),
        Err(LedgerError::Tampered(_))
    ));

    let book = Book::new();
    let (writer, _) = book.open();
    for _ in 0..5 {
        book.fill(&writer, 1);
    }
    book.fill(&writer, 300);
    writer.close();
    drop(writer);
    book.edit_sql("DELETE FROM ledger_group WHERE first = 2");
    let (_, reader) = book.open();
    let ended = export(&reader, &book.dir.join("export"), &|_, _| ());
    assert!(
        matches!(&ended, Err(LedgerError::Tampered(why)) if why.contains("record 2 is missing")),
        "{ended:?}"
    );
}
