// SPDX-License-Identifier: Apache-2.0
//! Asking a witness, and a stand-in that does what C2SP tlog-witness asks of one.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use casemate_crypto::{LogSigner, Secret32, sha256_parts};
use casemate_ledger::{
    Checkpoint, Hash, LedgerError, Note, VerifierKey, Witness, WitnessAnswer, empty_root,
};

use crate::fixture::{Book, checkpoint};

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
