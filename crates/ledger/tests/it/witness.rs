// SPDX-License-Identifier: Apache-2.0
//! Asking a witness, and a stand-in that does what C2SP tlog-witness asks of one.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use casemate_crypto::{LogSigner, Secret32, sha256_parts};
use casemate_ledger::{
    Checkpoint, Hash, LedgerError, Note, Reader, VerifierKey, Witness, WitnessAnswer, Writer,
    empty_root, export, verify_export,
};
use casemate_types::Timestamp;

use crate::fixture::{Book, append, checkpoint, covering, signed_size};

const TIME: u64 = 1_795_248_000;

/// A witness in the same process, written from the specification and not with the ledger's code.
struct StandIn {
    name: &'static str,
    kind: u8,
    signer: LogSigner,
    log: Vec<VerifierKey>,
    seen: (u64, Hash),
}

impl StandIn {
    fn new(kind: u8, log: &[VerifierKey]) -> Self {
        Self {
            name: "witness.example/w1",
            kind,
            signer: LogSigner::from_seed(&Secret32::from_bytes([kind; 32])).unwrap(),
            log: log.to_vec(),
            seen: (0, empty_root()),
        }
    }

    fn public(&self) -> Vec<u8> {
        let public = match self.kind {
            4 => self.signer.ed25519_public(),
            _ => self.signer.ml_dsa_public(),
        };
        [&[self.kind], public].concat()
    }

    fn key_id(&self) -> [u8; 4] {
        let digest = sha256_parts(&[self.name.as_bytes(), b"\n", &self.public()]);
        digest[..4].try_into().unwrap()
    }

    fn vkey(&self) -> VerifierKey {
        let id = u32::from_be_bytes(self.key_id());
        let public = BASE64.encode(self.public());
        VerifierKey::parse(&format!("{}+{id:08x}+{public}", self.name)).unwrap()
    }

    /// `POST add-checkpoint`: status and body.
    fn add_checkpoint(&mut self, body: &str) -> (u16, String) {
        let Some((head, note)) = body.split_once("\n\n") else {
            return (400, String::new());
        };
        let mut lines = head.lines();
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let Some(old) = old.and_then(|size| size.parse::<u64>().ok()) else {
            return (400, String::new());
        };
        let proof: Option<Vec<Hash>> = lines
            .map(|line| BASE64.decode(line).ok()?.try_into().ok())
            .collect();
        let (Some(proof), Ok(note)) = (proof, Note::parse(note)) else {
            return (400, String::new());
        };
        let Ok(checkpoint) = note.verify(&self.log) else {
            return (403, String::new());
        };
        if old > checkpoint.size {
            return (400, String::new());
        }
        if old != self.seen.0 {
            return (409, format!("{}\n", self.seen.0));
        }
        if !Witness::accepts(self.seen, &checkpoint, &proof) {
            return (422, String::new());
        }
        self.seen = (checkpoint.size, checkpoint.root);
        (200, self.cosign(&note, &checkpoint))
    }

    fn cosign(&self, note: &Note, checkpoint: &Checkpoint) -> String {
        let signature = if self.kind == 4 {
            let message = format!("cosignature/v1\ntime {TIME}\n{}", note.body);
            self.signer.sign_ed25519(message.as_bytes())
        } else {
            let mut message = b"subtree/v1\n\0".to_vec();
            message.push(u8::try_from(self.name.len()).unwrap());
            message.extend(self.name.as_bytes());
            message.extend(TIME.to_be_bytes());
            message.push(u8::try_from(checkpoint.origin.len()).unwrap());
            message.extend(checkpoint.origin.as_bytes());
            message.extend(0_u64.to_be_bytes());
            message.extend(checkpoint.size.to_be_bytes());
            message.extend(checkpoint.root);
            self.signer.sign_ml_dsa(&message).unwrap()
        };
        let raw = [&self.key_id()[..], &TIME.to_be_bytes(), &signature].concat();
        format!("\u{2014} {} {}\n", self.name, BASE64.encode(raw))
    }
}

#[test]
fn a_witness_cosigns_a_log_that_grows() {
    for kind in [4, 6] {
        let book = Book::new();
        let (writer, reader) = book.open();
        let mut there = StandIn::new(kind, &reader.public_keys());
        let witness = Witness { key: there.vkey() };
        let mut old = 0;
        for upto in [1, 5, 256, 600] {
            book.fill(&writer, upto - reader.size());
            let note = checkpoint(&writer, &reader);
            let path = reader.prove_consistency(old, upto).unwrap();
            let (status, body) = there.add_checkpoint(&Witness::request(old, &path, &note));
            let answer = witness.answer(status, &body, &note).unwrap();
            let WitnessAnswer::Cosigned(lines) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(lines.len(), 1);
            // The cosigned note is one that demands the witness, too.
            let mut cosigned = note.clone();
            cosigned.signatures.extend(lines);
            let cosigned = Note::parse(&cosigned.text()).unwrap();
            let mut keys = reader.public_keys().to_vec();
            keys.push(there.vkey());
            assert_eq!(cosigned.verify(&keys).unwrap().size, upto);
            assert!(note.verify(&keys).is_err());
            old = upto;
        }
    }
}

#[test]
fn a_witness_that_knows_another_size_says_so_and_is_asked_again() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let mut there = StandIn::new(4, &reader.public_keys());
    let witness = Witness { key: there.vkey() };
    book.fill(&writer, 7);
    let note = checkpoint(&writer, &reader);
    there.add_checkpoint(&Witness::request(0, &[], &note));

    book.fill(&writer, 13);
    let note = checkpoint(&writer, &reader);
    // We forgot that it has seen seven.
    let (status, body) = there.add_checkpoint(&Witness::request(0, &[], &note));
    assert_eq!(status, 409);
    let answer = witness.answer(status, &body, &note).unwrap();
    assert_eq!(answer, WitnessAnswer::Behind(7));
    let path = reader.prove_consistency(7, 20).unwrap();
    let (status, body) = there.add_checkpoint(&Witness::request(7, &path, &note));
    let answer = witness.answer(status, &body, &note).unwrap();
    assert!(matches!(answer, WitnessAnswer::Cosigned(_)));
    assert_eq!(there.seen.0, 20);
}

#[test]
fn a_witness_does_not_cosign_a_rewritten_log() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let mut there = StandIn::new(4, &reader.public_keys());
    book.fill(&writer, 7);
    let note = checkpoint(&writer, &reader);
    there.add_checkpoint(&Witness::request(0, &[], &note));

    // The same keys, another history.
    let other = Book::new();
    let (writer, rewritten) = other.open();
    other.clock.advance(std::time::Duration::from_secs(1));
    other.fill(&writer, 20);
    let forged = checkpoint(&writer, &rewritten);
    assert_eq!(rewritten.public_keys(), reader.public_keys());
    let path = rewritten.prove_consistency(7, 20).unwrap();
    let (status, body) = there.add_checkpoint(&Witness::request(7, &path, &forged));
    assert_eq!(status, 422);
    let witness = Witness { key: there.vkey() };
    assert!(witness.answer(status, &body, &forged).is_err());
    // Nor a shorter one, nor one of a stranger.
    let (status, _) = there.add_checkpoint(&Witness::request(7, &[], &note));
    assert_eq!(status, 200, "the same again is fine");
    let stranger = Book::with_seed(2);
    let (writer, reader) = stranger.open();
    stranger.fill(&writer, 20);
    let foreign = checkpoint(&writer, &reader);
    let path = reader.prove_consistency(7, 20).unwrap();
    let (status, _) = there.add_checkpoint(&Witness::request(7, &path, &foreign));
    assert_eq!(status, 403);
    assert_eq!(there.seen.0, 7);
}

#[test]
fn an_answer_that_proves_nothing_is_refused() {
    let book = Book::new();
    let (writer, reader) = book.open();
    book.fill(&writer, 1);
    let first = checkpoint(&writer, &reader);
    book.fill(&writer, 1);
    let note = checkpoint(&writer, &reader);
    for kind in [4, 6] {
        let mut there = StandIn::new(kind, &reader.public_keys());
        let witness = Witness { key: there.vkey() };
        let (_, of_first) = there.add_checkpoint(&Witness::request(0, &[], &first));
        let checkpoint = Checkpoint::parse(&note.body).unwrap();
        let good = there.cosign(&note, &checkpoint);
        let mut stranger = StandIn::new(kind, &[]);
        stranger.name = "witness.example/w2";
        let foreign = stranger.cosign(&note, &checkpoint);
        assert!(witness.answer(200, &good, &note).is_ok());
        assert!(
            witness
                .answer(200, &(foreign.clone() + &good), &note)
                .is_ok()
        );
        let logs_own = note.text().lines().last().unwrap().to_owned() + "\n";
        for (what, body) in [
            ("nothing", String::new()),
            ("garbage", "<html>502</html>".into()),
            ("another checkpoint's", of_first.clone()),
            ("a stranger's", foreign),
            ("the log's own", logs_own),
            ("cut", good[..good.len() - 9].to_owned()),
            ("one right and one wrong", good.clone() + &of_first),
        ] {
            let answer = witness.answer(200, &body, &note);
            assert!(
                matches!(answer, Err(LedgerError::Tampered(_))),
                "{what}: {answer:?}"
            );
        }
        for (status, body) in [
            (201, good.as_str()),
            (403, ""),
            (404, ""),
            (422, ""),
            (500, ""),
            (409, ""),
            (409, "-1\n"),
            (409, "07\n"),
            (409, "seven\n"),
            (409, "7 8\n"),
            (409, "18446744073709551616\n"),
        ] {
            let answer = witness.answer(status, body, &note);
            assert!(
                matches!(answer, Err(LedgerError::Malformed { .. })),
                "{status} {body:?}: {answer:?}"
            );
        }
        let behind = witness.answer(409, "2\n", &note).unwrap();
        assert_eq!(behind, WitnessAnswer::Behind(2));
    }
}

/// Shows the newest checkpoint as the ledger itself would, and keeps what comes back.
fn visit(writer: &Writer, reader: &Reader, there: &mut StandIn, time: i64) -> u64 {
    let witness = Witness { key: there.vkey() };
    let old = reader
        .cosigned(there.name)
        .unwrap()
        .map_or(0, |(size, _)| size);
    let (note, body) = Witness::prepare(reader, old).unwrap().unwrap();
    let (status, answer) = there.add_checkpoint(&body);
    let answer = witness.answer(status, &answer, &note).unwrap();
    let WitnessAnswer::Cosigned(lines) = answer else {
        panic!("{answer:?}");
    };
    let (size, time) = (signed_size(&note), Timestamp::from_millis(time));
    writer
        .cosignature_put(there.name, size, time, &lines)
        .unwrap();
    size
}

#[test]
fn what_is_sent_leads_from_what_the_witness_knows() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let nothing = Witness::prepare(&reader, 0);
    assert!(matches!(nothing, Err(LedgerError::NotFound)), "{nothing:?}");
    book.fill(&writer, 300);
    checkpoint(&writer, &reader);
    // Not all of it is signed yet.
    append(&writer, book.draft("{}")).unwrap();
    for old in [0, 1, 7, 255, 256, 257, 299] {
        let (note, body) = Witness::prepare(&reader, old).unwrap().unwrap();
        assert_eq!(note, reader.checkpoint().unwrap());
        let (head, sent) = body.split_once("\n\n").unwrap();
        assert_eq!(sent, note.text());
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some(format!("old {old}").as_str()));
        assert_eq!(lines.count() == 0, old == 0, "{old}");
    }
    assert_eq!(Witness::prepare(&reader, 300).unwrap(), None);
    for more in [301, 302, u64::MAX] {
        let refused = Witness::prepare(&reader, more);
        let Err(LedgerError::Tampered(why)) = refused else {
            panic!("{refused:?}");
        };
        let words = format!("has signed {more} entries of this log, and only 300");
        assert!(why.contains(&words) && why.contains("old copy"), "{why}");
    }
}

#[test]
fn what_a_witness_signed_is_kept_by_size() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let (mut first, mut second) = (StandIn::new(4, &[]), StandIn::new(6, &[]));
    for one in [&mut first, &mut second] {
        one.log = reader.public_keys().to_vec();
    }
    second.name = "witness.example/w2";
    let known = |one: &StandIn| {
        let known = reader.cosigned(one.name).unwrap();
        known.map(|(size, time)| (size, time.as_millis()))
    };
    assert_eq!((known(&first), known(&second)), (None, None));
    let own = reader.public_keys().to_vec();
    let with = |one: &[&StandIn]| {
        let witnesses = one.iter().map(|one| one.vkey());
        own.iter().cloned().chain(witnesses).collect::<Vec<_>>()
    };

    book.fill(&writer, 5);
    checkpoint(&writer, &reader);
    assert_eq!(visit(&writer, &reader, &mut first, 10), 5);
    assert_eq!(visit(&writer, &reader, &mut second, 20), 5);
    assert_eq!(
        (known(&first), known(&second)),
        (Some((5, 10)), Some((5, 20)))
    );
    let all = with(&[&first, &second]);
    let note = reader.checkpoint().unwrap();
    assert_eq!(note.verify(&all).unwrap().size, 5);
    // The log's own lines come first, for readers that look at no others.
    assert_eq!(
        note.signatures[..2]
            .iter()
            .filter(|l| l.name == own[0].name)
            .count(),
        2
    );

    // What was kept is never replaced, and an older one does not count as newer.
    let line = note.signatures[..1].to_vec();
    let time = Timestamp::from_millis(99);
    writer.cosignature_put(first.name, 5, time, &line).unwrap();
    writer.cosignature_put(first.name, 3, time, &line).unwrap();
    assert_eq!(known(&first), Some((5, 10)));
    assert_eq!(reader.checkpoint().unwrap(), note);

    book.fill(&writer, 5);
    let newest = checkpoint(&writer, &reader);
    assert!(newest.verify(&own).is_ok() && newest.verify(&all).is_err());
    assert_eq!(visit(&writer, &reader, &mut second, 30), 10);
    assert_eq!(
        (known(&first), known(&second)),
        (Some((5, 10)), Some((10, 30)))
    );
    let newest = reader.checkpoint().unwrap();
    assert!(newest.verify(&with(&[&second])).is_ok() && newest.verify(&all).is_err());

    // After a restart, and in an export.
    let keys = with(&[&second]);
    writer.close();
    drop((writer, reader));
    let (writer, reader) = book.open();
    assert_eq!(reader.cosigned(second.name).unwrap().unwrap().0, 10);
    let target = book.dir.join("export");
    export(&reader, &target, &|_, _| ()).unwrap();
    let report = verify_export(&target, &keys, None, &|_, _| ()).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let stranger = verify_export(&target, &with(&[&first, &second]), None, &|_, _| ());
    assert!(!stranger.is_ok_and(|report| report.is_whole()));
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
    writer.close();
}

#[test]
fn a_proof_prefers_what_a_witness_signed() {
    for kind in [4, 6] {
        let book = Book::new();
        let (writer, reader) = book.open();
        let own = reader.public_keys().to_vec();
        let mut there = StandIn::new(kind, &own);
        let all = [&own[..], &[there.vkey()]].concat();
        let proved = |index: u64, keys: &[VerifierKey]| {
            let proof = reader.prove(index).unwrap();
            let entry = proof.extra.clone().unwrap();
            proof.verify(&entry, keys).map(|checkpoint| checkpoint.size)
        };
        book.fill(&writer, 300);
        checkpoint(&writer, &reader);
        assert_eq!(proved(0, &own).unwrap(), 300);
        assert!(proved(0, &all).is_err());
        visit(&writer, &reader, &mut there, 1);
        book.fill(&writer, 100);
        checkpoint(&writer, &reader);
        for index in [0, 1, 255, 256, 299] {
            assert_eq!(proved(index, &all).unwrap(), 300, "{index}");
        }
        for index in [300, 301, 399] {
            assert_eq!(proved(index, &own).unwrap(), 400, "{index}");
            assert!(proved(index, &all).is_err(), "{index}");
        }
        assert!(matches!(reader.prove(400), Err(LedgerError::NotFound)));
        visit(&writer, &reader, &mut there, 2);
        for index in [0, 299, 300, 399] {
            assert_eq!(proved(index, &all).unwrap(), 400, "{index}");
        }
        // What is not signed at all yet has no proof.
        append(&writer, book.draft("{}")).unwrap();
        assert!(matches!(reader.prove(400), Err(LedgerError::NotFound)));
        writer.checkpoint_soon();
        covering(&reader, 401);
        assert_eq!(proved(400, &own).unwrap(), 401);
    }
}
