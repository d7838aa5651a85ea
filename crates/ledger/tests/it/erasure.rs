// SPDX-License-Identifier: Apache-2.0
//! Destroying a subject's key takes the text away and nothing else.

use casemate_ledger::{Draft, LedgerError, export, verify_export};
use casemate_store::Scope;
use casemate_types::PrincipalId;

use crate::fixture::{Book, append, checkpoint};

fn subject(number: u8) -> Scope {
    Scope::Subject(PrincipalId::from_bytes([number; 16]))
}

#[test]
fn text_is_gone_and_every_proof_still_holds() {
    let book = Book::new();
    let (writer, reader) = book.open();
    for number in [1, 2] {
        let draft = book.draft("{}");
        let part = writer
            .seal(subject(number), draft.id, "source", b"192.0.2.7, Ada")
            .unwrap();
        let sealed = vec![part];
        append(&writer, Draft { sealed, ..draft }).unwrap();
    }
    book.fill(&writer, 300);
    checkpoint(&writer, &reader);
    let records = reader.list(0, 2).unwrap();
    let proofs = [0, 1].map(|index| reader.prove(index).unwrap());
    let before = book.dir.join("before");
    export(&reader, &before, &|_, _| ()).unwrap();
    for record in &records {
        let plain = reader.unseal(record, "source").unwrap().unwrap();
        assert_eq!(*plain, b"192.0.2.7, Ada");
        assert_eq!(reader.unseal(record, "name").unwrap(), None, "no such part");
    }

    assert_eq!(book.keyring.danger_destroy(subject(1)).unwrap(), 1);
    assert_eq!(reader.unseal(&records[0], "source").unwrap(), None);
    assert!(reader.unseal(&records[1], "source").unwrap().is_some());

    let keys = reader.public_keys();
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
    assert_eq!(
        reader.list(0, 2).unwrap(),
        records,
        "the record itself stays"
    );
    let after = book.dir.join("after");
    export(&reader, &after, &|_, _| ()).unwrap();
    for directory in [before, after] {
        let report = verify_export(&directory, &keys, None, &|_, _| ()).unwrap();
        assert!(report.is_whole());
    }
    for (record, proof) in records.iter().zip(&proofs) {
        proof.verify(&record.bytes, &keys).unwrap();
        let again = reader.prove(record.index).unwrap();
        again.verify(&record.bytes, &keys).unwrap();
    }

    // Still gone after a restart, and for a new key of the same subject.
    writer
        .seal(subject(1), book.id(), "source", b"new")
        .unwrap();
    writer.close();
    drop((writer, reader));
    let (_, reader) = book.open();
    assert_eq!(reader.unseal(&records[0], "source").unwrap(), None);
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}

#[test]
fn a_sealed_part_opens_only_in_its_record_and_under_its_name() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let draft = book.draft("{}");
    let part = writer.seal(subject(1), draft.id, "source", b"Ada").unwrap();
    let renamed = casemate_ledger::SealedPart {
        name: "name".into(),
        ..part.clone()
    };
    let moved = Draft {
        sealed: vec![part.clone()],
        ..book.draft("{}")
    };
    let sealed = vec![part, renamed];
    append(&writer, Draft { sealed, ..draft }).unwrap();
    append(&writer, moved).unwrap();
    let records = reader.list(0, 2).unwrap();
    assert_eq!(
        *reader.unseal(&records[0], "source").unwrap().unwrap(),
        b"Ada"
    );
    for (record, name) in [(&records[0], "name"), (&records[1], "source")] {
        let refused = reader.unseal(record, name);
        assert!(matches!(refused, Err(LedgerError::Store(_))), "{name}");
    }
}

#[test]
fn nothing_personal_is_readable_in_the_files() {
    let book = Book::new();
    let (writer, _) = book.open();
    let text = b"Ada Lovelace of St James's Square";
    let draft = book.draft("{}");
    let part = writer.seal(subject(1), draft.id, "name", text).unwrap();
    let sealed = vec![part];
    append(&writer, Draft { sealed, ..draft }).unwrap();
    writer.close();
    drop(writer);
    for file in std::fs::read_dir(book.dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(text.len()).any(|part| part == text);
        assert!(!found, "{}", path.display());
    }
}
