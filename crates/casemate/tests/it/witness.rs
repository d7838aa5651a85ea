// SPDX-License-Identifier: Apache-2.0
//! Witnesses on the other side of a connection, written from C2SP tlog-witness: they sign a log that
//! grows, and nothing else counts as their signature.

use std::{
    fmt::Write as _,
    io::{Result, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use casemate_crypto::{LogSigner, Secret32, sha256_parts};
use casemate_ledger::{Checkpoint, Note, Proof, VerifierKey};
use casemate_store::{Database, Options, StoreError};
use serde_json::Value;

use crate::{
    harness::{CONFIG, Home, Server, until},
    inbox::Inbox,
    provider::silence,
};

/// What the witness says that it is now.
const NOW: u64 = 1_795_248_000;
/// Kinds of keys: Ed25519 and ML-DSA-44.
const ED25519: u8 = 4;
const ML_DSA: u8 = 6;

/// How a witness behaves.
#[derive(Clone)]
enum Mood {
    /// As the specification says.
    Well,
    /// Signs, and loses the answer on its way.
    Mute,
    /// Signs the same a hundred times over.
    Often,
    /// This status and body, whatever it is asked.
    Says(u16, Vec<u8>),
    /// Knows the size it is shown, and signs nothing.
    Parrot,
    /// An answer without end.
    Flood,
    /// Nothing.
    Silent,
}

/// What a witness knows.
struct Mind {
    log: Vec<VerifierKey>,
    size: u64,
    root: [u8; 32],
    mood: Mood,
}

/// The key of a witness that could be there.
pub(crate) fn some_key() -> String {
    Signer::new("witness.example/w", ED25519, 1).vkey()
}

struct Signer {
    name: String,
    kind: u8,
    keys: LogSigner,
}

impl Signer {
    fn new(name: &str, kind: u8, seed: u8) -> Self {
        Self {
            name: name.into(),
            kind,
            keys: LogSigner::from_seed(&Secret32::from_bytes([seed; 32])).unwrap(),
        }
    }

    fn public(&self) -> Vec<u8> {
        let public = match self.kind {
            ED25519 => self.keys.ed25519_public(),
            _ => self.keys.ml_dsa_public(),
        };
        [&[self.kind], public].concat()
    }

    fn id(&self) -> [u8; 4] {
        let digest = sha256_parts(&[self.name.as_bytes(), b"\n", &self.public()]);
        digest[..4].try_into().unwrap()
    }

    fn vkey(&self) -> String {
        let (id, key) = (u32::from_be_bytes(self.id()), BASE64.encode(self.public()));
        format!("{}+{id:08x}+{key}", self.name)
    }

    /// A line under a checkpoint (C2SP tlog-cosignature).
    fn cosign(&self, body: &str, shown: &Checkpoint) -> String {
        let signature = if self.kind == ED25519 {
            let message = format!("cosignature/v1\ntime {NOW}\n{body}");
            self.keys.sign_ed25519(message.as_bytes())
        } else {
            let mut message = b"subtree/v1\n\0".to_vec();
            for (name, number) in [(&self.name, NOW), (&shown.origin, 0)] {
                message.push(u8::try_from(name.len()).unwrap());
                message.extend(name.as_bytes());
                message.extend(number.to_be_bytes());
            }
            message.extend(shown.size.to_be_bytes());
            message.extend(shown.root);
            self.keys.sign_ml_dsa(&message).unwrap()
        };
        let raw = [&self.id()[..], &NOW.to_be_bytes(), &signature].concat();
        format!("\u{2014} {} {}\n", self.name, BASE64.encode(raw))
    }
}

/// A witness that can be asked.
struct StandIn {
    signer: Arc<Signer>,
    mind: Arc<Mutex<Mind>>,
    inbox: Inbox,
}

impl StandIn {
    fn new(name: &str, kind: u8) -> Self {
        let signer = Arc::new(Signer::new(name, kind, kind));
        let mind = Arc::new(Mutex::new(Mind {
            log: Vec::new(),
            size: 0,
            root: sha256_parts(&[]),
            mood: Mood::Well,
        }));
        let (hand, thoughts) = (signer.clone(), mind.clone());
        let inbox = Inbox::new(move |letter, stream| {
            let mood = thoughts.lock().unwrap().mood.clone();
            match mood {
                Mood::Well => {
                    let mut mind = thoughts.lock().unwrap();
                    let (status, body) = add_checkpoint(&mut mind, &hand, letter.text());
                    drop(mind);
                    say(stream, status, body.as_bytes())
                }
                Mood::Often => {
                    let mut mind = thoughts.lock().unwrap();
                    let (status, body) = add_checkpoint(&mut mind, &hand, letter.text());
                    drop(mind);
                    say(stream, status, body.repeat(100).as_bytes())
                }
                Mood::Mute => {
                    add_checkpoint(&mut thoughts.lock().unwrap(), &hand, letter.text());
                    Ok(())
                }
                Mood::Says(status, body) => say(stream, status, &body),
                Mood::Parrot => {
                    let note = letter.text().split_once("\n\n").unwrap().1;
                    let size = Checkpoint::parse(&Note::parse(note).unwrap().body).unwrap();
                    say(stream, 409, format!("{}\n", size.size).as_bytes())
                }
                Mood::Flood => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                    loop {
                        stream.write_all(&[b'a'; 1 << 16])?;
                    }
                }
                Mood::Silent => silence(stream),
            }
        });
        Self {
            signer,
            mind,
            inbox,
        }
    }

    fn mood(&self, mood: Mood) {
        self.mind.lock().unwrap().mood = mood;
    }

    fn size(&self) -> u64 {
        self.mind.lock().unwrap().size
    }

    fn forget(&self) {
        let mut mind = self.mind.lock().unwrap();
        (mind.size, mind.root) = (0, sha256_parts(&[]));
    }

    /// The sizes that it was asked from, one a request.
    fn asked(&self) -> Vec<u64> {
        let letters = self.inbox.letters();
        let old = |text: &str| text.lines().next()?.strip_prefix("old ")?.parse().ok();
        letters.iter().map(|one| old(one.text()).unwrap()).collect()
    }

    /// The lines of the configuration about it.
    fn config(&self) -> String {
        entry(&self.inbox.url, &self.signer.vkey())
    }
}

fn entry(url: &str, key: &str) -> String {
    format!("[[ledger.witness]]\nurl = \"{url}\"\nkey = \"{key}\"\nallow_private = true\n")
}

fn say(stream: &mut TcpStream, status: u16, body: &[u8]) -> Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

/// `POST <prefix>/add-checkpoint`: status and body.
fn add_checkpoint(mind: &mut Mind, signer: &Signer, body: &str) -> (u16, String) {
    let bad = || (400, String::new());
    let Some((head, text)) = body.split_once("\n\n") else {
        return bad();
    };
    let mut lines = head.lines();
    let old = lines.next().and_then(|line| line.strip_prefix("old "));
    let Some(old) = old.and_then(|size| size.parse::<u64>().ok()) else {
        return bad();
    };
    let path: Option<Vec<[u8; 32]>> = lines
        .map(|line| BASE64.decode(line).ok()?.try_into().ok())
        .collect();
    let (Some(path), Ok(note)) = (path, Note::parse(text)) else {
        return bad();
    };
    if path.len() > 63 {
        return bad();
    }
    let Ok(shown) = note.verify(&mind.log) else {
        return (403, String::new());
    };
    if old > shown.size {
        return bad();
    }
    if old != mind.size {
        return (409, format!("{}\n", mind.size));
    }
    if old == shown.size && mind.root != shown.root {
        return (409, format!("{}\n", mind.size));
    }
    if !grew((old, mind.root), (shown.size, shown.root), &path) {
        return (422, String::new());
    }
    (mind.size, mind.root) = (shown.size, shown.root);
    (200, signer.cosign(&note.body, &shown))
}

/// Whether the larger tree begins with the smaller one (RFC 9162, section 2.1.4.2).
fn grew(old: (u64, [u8; 32]), new: (u64, [u8; 32]), path: &[[u8; 32]]) -> bool {
    let node = |left: &[u8; 32], right: &[u8; 32]| sha256_parts(&[&[1], left, right]);
    if old.0 == 0 || old.0 == new.0 {
        return path.is_empty() && (old.0 == 0 || old.1 == new.1);
    }
    let mut path = path.to_vec();
    if old.0.is_power_of_two() {
        path.insert(0, old.1);
    }
    let (mut at, mut last) = (old.0 - 1, new.0 - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let mut path = path.into_iter();
    let Some(first) = path.next() else {
        return false;
    };
    let (mut of_old, mut of_new) = (first, first);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            of_old = node(&hash, &of_old);
            of_new = node(&hash, &of_new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            of_new = node(&of_new, &hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && of_old == old.1 && of_new == new.1
}

/// An installation whose checkpoints come when they are asked for, and never else.
struct House {
    home: Home,
    server: Server,
}

impl House {
    fn new(witnesses: &[&StandIn]) -> Self {
        let entries: String = witnesses.iter().map(|one| one.config()).collect();
        let house = Self::of(Home::new(), &entries);
        for one in witnesses {
            one.mind.lock().unwrap().log = house.log();
        }
        house
    }

    fn of(home: Home, entries: &str) -> Self {
        configure(
            &home,
            "checkpoint_ms = 3600000\nwitness_every_s = 3600",
            entries,
        );
        let server = home.up(&[]);
        Self { home, server }
    }

    fn log(&self) -> Vec<VerifierKey> {
        keys(&self.home)
    }

    /// `ledger witness`: exit code, and what it says as JSON.
    fn visit(&self) -> (Option<i32>, Vec<Value>) {
        let ran = self.home.run(&["ledger", "witness", "--format", "json"]);
        let list = serde_json::from_str(&ran.out);
        (ran.code, list.unwrap_or_else(|_| panic!("{ran:?}")))
    }

    /// Everybody signs; gives the size.
    #[track_caller]
    fn signs(&self) -> u64 {
        let (code, list) = self.visit();
        assert_eq!(code, Some(0), "{list:?}");
        let sizes: Vec<_> = list.iter().map(|one| one["signed"].as_u64()).collect();
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{list:?}");
        sizes[0].unwrap()
    }

    /// The only witness does not sign, for this reason; gives all that was said.
    #[track_caller]
    fn refuses(&self, why: &str) -> String {
        let (code, list) = self.visit();
        assert_eq!(code, Some(3), "{why}: {list:?}");
        assert!(list[0]["signed"].is_null(), "{why}: {list:?}");
        let error = list[0]["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "no `{why}` in `{error}`");
        error
    }

    /// The id of a record that is there now.
    fn record(&self) -> (u64, String) {
        let last = &self.home.json(&["ledger", "tail", "-n", "1"])[0];
        let about = last["about"].as_str().unwrap().to_owned();
        (last["index"].as_u64().unwrap(), about)
    }

    fn proof(&self, record: &str) -> PathBuf {
        let file = self.home.dir.join("record.tlog-proof");
        let out = file.to_str().unwrap();
        self.home.ok(&["ledger", "prove", record, "--out", out]);
        file
    }
}

fn configure(home: &Home, ledger: &str, entries: &str) {
    home.configure(&format!("{CONFIG}{ledger}\n{entries}"));
}

fn keys(home: &Home) -> Vec<VerifierKey> {
    let text = home.ok(&["ledger", "keys"]);
    let keys = text.lines().map(VerifierKey::parse);
    keys.collect::<std::result::Result<_, _>>().unwrap()
}

/// A file with keys, for commands that check.
fn key_file(home: &Home, keys: &[VerifierKey], more: &[&StandIn]) -> PathBuf {
    let mut text = String::new();
    for key in keys {
        writeln!(text, "{}", key.text()).unwrap();
    }
    for one in more {
        writeln!(text, "{}", one.signer.vkey()).unwrap();
    }
    let file = home.dir.join(format!("keys-{}.txt", more.len()));
    std::fs::write(&file, text).unwrap();
    file
}

fn both() -> [StandIn; 2] {
    [
        StandIn::new("witness.example/ed25519", ED25519),
        StandIn::new("witness.example/ml-dsa", ML_DSA),
    ]
}

#[test]
fn every_form_says_who_signed() {
    let [first, second] = both();
    let house = House::new(&[&first, &second]);
    let human = house.home.ok(&["ledger", "witness"]);
    for word in [
        "witness.example/ed25519",
        "witness.example/ml-dsa",
        &first.inbox.url,
        "records signed",
        "│",
    ] {
        assert!(human.contains(word), "no `{word}` in:\n{human}");
    }
    let plain = house.home.ok(&["ledger", "witness", "--format", "plain"]);
    let rows: Vec<Vec<_>> = plain
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let size = first.size().to_string();
    assert_eq!(
        rows,
        [
            ["witness.example/ed25519", &first.inbox.url, &size, ""],
            ["witness.example/ml-dsa", &second.inbox.url, &size, ""],
        ]
    );
    let (code, list) = house.visit();
    assert_eq!(code, Some(0));
    for (one, stand_in) in list.iter().zip([&first, &second]) {
        assert_eq!(one["witness"], stand_in.signer.name.as_str());
        assert_eq!(one["url"], stand_in.inbox.url.as_str());
        assert_eq!(one["signed"], stand_in.size());
        assert!(one["error"].is_null(), "{one}");
    }
    // What was sent is what the specification has, and nothing else.
    for letter in first.inbox.letters() {
        assert!(letter.head.starts_with("POST /add-checkpoint HTTP/1.1"));
        assert_eq!(letter.header("authorization"), None);
    }
}

#[test]
fn without_a_witness_there_is_nobody_to_ask() {
    let house = House::new(&[]);
    let said = house.home.ok(&["ledger", "witness"]);
    assert!(said.contains("no witness is configured"), "{said}");
    assert_eq!(
        house.home.ok(&["ledger", "witness", "--format", "plain"]),
        ""
    );
    assert_eq!(house.visit(), (Some(0), Vec::new()));
}

#[test]
fn cosignatures_stand_in_checkpoints_and_proofs() {
    let [first, second] = both();
    let house = House::new(&[&first, &second]);
    let log = house.log();
    let every = [&log[..], &[vkey(&first), vkey(&second)]].concat();
    let (index, record) = house.record();
    let size = house.signs();
    assert!(index < size);

    let note = Note::parse(&house.home.ok(&["ledger", "checkpoint"])).unwrap();
    assert_eq!(note.verify(&every).unwrap().size, size);
    // The proof is one that demands the witnesses, offline, too.
    let file = house.proof(&record);
    let (own, all) = (
        key_file(&house.home, &log, &[]),
        key_file(&house.home, &log, &[&first, &second]),
    );
    let check = |file: &Path, keys: &Path| {
        let (file, keys) = (file.to_str().unwrap(), keys.to_str().unwrap());
        house
            .home
            .run(&["ledger", "check-proof", file, "--keys", keys])
    };
    check(&file, &own).exits(0).says(&["proved"]);
    check(&file, &all).exits(0).says(&["proved"]);

    // A record that no witness has seen is proved by the log alone, until they sign again.
    let (index, young) = house.record();
    assert!(index >= size);
    let file = house.proof(&young);
    check(&file, &own).exits(0).says(&["proved"]);
    check(&file, &all).exits(3).says(&["is missing"]);
    let larger = house.signs();
    assert!(larger > index, "{larger} {index}");
    let file = house.proof(&young);
    check(&file, &all).exits(0).says(&["proved"]);
    let proof = Proof::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let entry = proof.extra.clone().unwrap();
    assert_eq!(proof.verify(&entry, &every).unwrap().size, larger);

    // They were shown growth from where they stood, and the book is still what it was.
    assert_eq!(first.asked(), [0, size]);
    assert_eq!(second.asked(), [0, size]);
    house.home.run(&["ledger", "verify"]).exits(0);
    // All of it is there after a restart.
    let House { home, server } = house;
    assert!(server.end().success());
    let house = House::of(home, &(first.config() + &second.config()));
    let file = house.proof(&young);
    check_offline(&house.home, &file, &all);
    house.signs();
    assert_eq!(first.asked(), [0, size, larger]);
}

fn vkey(one: &StandIn) -> VerifierKey {
    VerifierKey::parse(&one.signer.vkey()).unwrap()
}

#[track_caller]
fn check_offline(home: &Home, file: &Path, keys: &Path) {
    let (file, keys) = (file.to_str().unwrap(), keys.to_str().unwrap());
    let check = ["ledger", "check-proof", file, "--keys", keys];
    home.run(&check).exits(0).says(&["proved"]);
}

#[test]
fn a_witness_that_knows_another_size_is_asked_from_there() {
    let one = StandIn::new("witness.example/w", ED25519);
    let house = House::new(&[&one]);
    let size = house.signs();
    // It forgot.
    one.forget();
    let second = house.signs();
    assert_eq!(one.asked(), [0, size, 0]);
    // Its answer was lost, so it knows more than we do.
    one.mood(Mood::Mute);
    house.refuses("");
    one.mood(Mood::Well);
    let lost = one.size();
    assert!(lost > second);
    house.signs();
    assert_eq!(one.asked(), [0, size, 0, second, second, lost]);
    // We forgot.
    let known = one.size();
    let House { home, server } = house;
    assert!(server.end().success());
    let database = Database::open(&home.data.join("ledger.db"), Options::default(), &[]).unwrap();
    let forgotten = database.tx("test.forget", |tx| {
        tx.execute("DELETE FROM ledger_cosignature", &[])
    });
    assert!(forgotten.unwrap_or_else(|error: StoreError| panic!("{error}")) > 0);
    drop(database);
    let house = House::of(home, &one.config());
    house.signs();
    assert_eq!(one.asked()[6..], [0, known]);
}

#[test]
fn a_size_without_a_signature_is_none() {
    // Who knows no key can claim to know the size.
    let one = StandIn::new("witness.example/w", ED25519);
    let house = House::new(&[&one]);
    one.mood(Mood::Parrot);
    house.refuses("");
    // Nor does it count later.
    house.signs_not_yet(&one);
}

impl House {
    /// Nothing of a witness stands under the newest checkpoint, and it signs when it is well.
    #[track_caller]
    fn signs_not_yet(&self, one: &StandIn) {
        let note = Note::parse(&self.home.ok(&["ledger", "checkpoint"])).unwrap();
        let all = [self.log(), vec![vkey(one)]].concat();
        assert!(note.verify(&all).is_err(), "{}", note.text());
        assert!(note.verify(&self.log()).is_ok(), "{}", note.text());
        one.mood(Mood::Well);
        self.signs();
        let note = Note::parse(&self.home.ok(&["ledger", "checkpoint"])).unwrap();
        assert!(note.verify(&all).is_ok(), "{}", note.text());
    }
}

#[test]
fn what_proves_nothing_is_no_cosignature() {
    let one = StandIn::new("witness.example/w", ED25519);
    let house = House::new(&[&one]);
    let other = Signer::new("witness.example/w", ED25519, 99);
    let checkpoint = Checkpoint {
        origin: "another.example/log".into(),
        size: 7,
        root: [7; 32],
    };
    let another = one.signer.cosign(&checkpoint.body(), &checkpoint);
    let strangers = other.cosign(&checkpoint.body(), &checkpoint);
    let says = |status, body: &[u8]| Mood::Says(status, body.to_vec());
    for (mood, why) in [
        (says(200, b""), "did not sign"),
        (says(200, b"<html>it works</html>"), "did not sign"),
        (says(200, &[0xFF, 0xFE]), "not text"),
        (says(200, another.as_bytes()), "did not sign"),
        (says(200, strangers.as_bytes()), "did not sign"),
        (says(200, &[b'a'; 1 << 20]), ""),
        (Mood::Flood, ""),
        (Mood::Mute, ""),
        (says(302, b""), "302"),
        (says(400, b""), "400"),
        (says(403, b""), "403"),
        (says(404, b""), "404"),
        (says(422, b""), "422"),
        (says(500, b"oh"), "500"),
        (says(409, b"many\n"), "size"),
        (says(409, b"18446744073709551615\n"), "old copy"),
        (says(409, b"1\n"), "contradicts itself"),
    ] {
        one.mood(mood);
        let error = house.refuses(why);
        // Not what it said: that may be anything.
        assert!(error.len() < 300 && !error.contains("<html>"), "{error}");
    }
    let (human, plain) = (
        house.home.run(&["ledger", "witness"]).exits(3),
        house
            .home
            .run(&["ledger", "witness", "--format", "plain"])
            .exits(3),
    );
    assert!(human.out.contains("contradicts"), "{}", human.out);
    assert!(plain.out.contains("\t\tit contradicts"), "{}", plain.out);
    house.server.logs(0, "no cosignature");
    // The book says how it ended, and everything else goes on.
    let all = house.home.json(&["ledger", "tail", "-n", "1000"]);
    let failed = all.as_array().unwrap().iter().filter(|record| {
        let facts = &record["facts"];
        facts["ending"] == "failed" && facts["note"] == "no cosignature of witness.example/w"
    });
    assert_eq!(failed.count(), 19);
    one.forget();
    house.signs_not_yet(&one);
}

#[test]
fn a_witness_cannot_spoil_proofs_with_signatures() {
    let [often, well] = both();
    let house = House::new(&[&often, &well]);
    let (_, record) = house.record();
    often.mood(Mood::Often);
    house.visit();
    let all = [house.log(), vec![vkey(&well)]].concat();
    let note = Note::parse(&house.home.ok(&["ledger", "checkpoint"])).unwrap();
    assert!(note.verify(&all).is_ok(), "{}", note.text());
    let file = house.proof(&record);
    let keys = key_file(&house.home, &house.log(), &[&well]);
    check_offline(&house.home, &file, &keys);
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let [well, mute] = both();
    let wrong = Signer::new("witness.example/wrong", ED25519, 77);
    let right = StandIn::new("witness.example/wrong", ED25519);
    let entries = [
        entry(
            &Inbox::nobody(),
            &Signer::new("witness.example/down", ML_DSA, 1).vkey(),
        ),
        entry(&right.inbox.url, &wrong.vkey()),
        mute.config(),
        well.config(),
    ];
    let house = House::of(Home::new(), &entries.concat());
    for one in [&well, &mute, &right] {
        one.mind.lock().unwrap().log = house.log();
    }
    mute.mood(Mood::Mute);
    let (code, list) = house.visit();
    assert_eq!(code, Some(3), "{list:?}");
    let signed: Vec<_> = list.iter().map(|one| one["signed"].as_u64()).collect();
    assert_eq!(signed, [None, None, None, Some(well.size())], "{list:?}");
    let why = |at: usize| list[at]["error"].as_str().unwrap().to_owned();
    assert!(why(0).contains("127.0.0.1"), "{}", why(0));
    assert!(why(1).contains("did not sign"), "{}", why(1));
    assert!(list[3]["error"].is_null(), "{list:?}");
    // What the wrong key signed is kept nowhere.
    let note = house.home.ok(&["ledger", "checkpoint"]);
    assert!(note.contains("witness.example/ed25519"), "{note}");
    assert!(!note.contains("witness.example/wrong"), "{note}");
}

#[test]
fn two_keys_of_one_name_are_two_witnesses() {
    // As it is while a witness changes its key.
    let [first, second] = [ED25519, ML_DSA].map(|kind| StandIn::new("witness.example/w", kind));
    let house = House::new(&[&first, &second]);
    let size = house.signs();
    assert_eq!((first.size(), second.size()), (size, size));
    let note = Note::parse(&house.home.ok(&["ledger", "checkpoint"])).unwrap();
    let all = [house.log(), vec![vkey(&first), vkey(&second)]].concat();
    assert_eq!(note.verify(&all).unwrap().size, size);
}

#[test]
fn an_old_copy_is_named_by_a_witness_that_saw_more() {
    let one = StandIn::new("witness.example/w", ED25519);
    let House { home, server } = House::new(&[&one]);
    let house = House { home, server };
    house.signs();
    let House { home, server } = house;
    assert!(server.end().success());
    let old = home.dir.join("old");
    copy_dir(&home.data, &old);
    let house = House::of(home, &one.config());
    for number in 0..20 {
        let name = format!("project-{number}");
        house.home.ok(&["project", "create", &name]);
    }
    let seen = house.signs();
    let House { home, server } = house;
    assert!(server.end().success());
    // Somebody with the disk puts the old book back.
    std::fs::remove_dir_all(&home.data).unwrap();
    copy_dir(&old, &home.data);
    let house = House::of(home, &one.config());
    let error = house.refuses("this is an old copy, or its end was cut off");
    assert!(
        error.contains(&format!("has signed {seen} entries")),
        "{error}"
    );
    let ran = house.home.run(&["ledger", "witness"]).exits(3);
    assert!(ran.out.contains("witness.example/w"), "{}", ran.out);
    // Nor does it help to write until it is longer: that is another history.
    let mut index = 0;
    while index <= seen {
        index = house.record().0;
    }
    house.refuses("422");
    assert_eq!(one.size(), seen);
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(to, private).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// An installation that asks by itself.
fn busy(one: &StandIn) -> (Home, Server) {
    let home = Home::new();
    configure(
        &home,
        "checkpoint_ms = 50\nwitness_every_s = 1",
        &one.config(),
    );
    let server = home.up(&["--try"]);
    one.mind.lock().unwrap().log = keys(&home);
    (home, server)
}

#[test]
fn the_job_asks_by_itself_and_has_everything_signed() {
    let one = StandIn::new("witness.example/w", ED25519);
    let (home, server) = busy(&one);
    for number in 0..3 {
        let reply = server.chat(server.key(), "stand-in", &format!("question {number}"));
        let shown = home.json(&["ledger", "show", reply.request()]);
        let index = shown.as_array().unwrap().last().unwrap()["index"].as_u64();
        until("a cosignature", || (Some(one.size()) > index).then_some(()));
    }
    // It asks as itself, and says how it went.
    let shown = home.json(&["ledger", "tail", "-n", "1000"]);
    let jobs = shown.as_array().unwrap().iter().filter(|record| {
        let facts = &record["facts"];
        facts["action"] == "ledger:witness" && facts["note"] == "1 witness(es) signed"
    });
    assert!(jobs.count() >= 3, "{shown}");
    // Everything it had signed is consistent, or the stand-in had not signed.
    home.run(&["ledger", "verify"]).exits(0);
}

#[test]
fn the_job_is_quiet_when_nothing_else_happens() {
    let one = StandIn::new("witness.example/w", ED25519);
    let (_home, _server) = busy(&one);
    let count = one.inbox.until("a visit", |letters| {
        (!letters.is_empty()).then_some(letters.len())
    });
    // What its own visits write is no reason for more of them.
    let more = one.inbox.within(Duration::from_secs(8), |letters| {
        (letters.len() > count + 3).then_some(())
    });
    assert!(more.is_none(), "{:?}", one.asked());
}

#[test]
fn a_witness_that_comes_back_is_asked_again() {
    let one = StandIn::new("witness.example/w", ED25519);
    one.mood(Mood::Says(503, Vec::new()));
    let (_home, server) = busy(&one);
    server.logs(0, "no cosignature");
    one.mood(Mood::Well);
    // Nobody has to do anything for that.
    until("a cosignature", || (one.size() > 0).then_some(()));
}

#[test]
fn a_witness_that_says_nothing_is_given_up() {
    let one = StandIn::new("witness.example/w", ED25519);
    let house = House::new(&[&one]);
    one.mood(Mood::Silent);
    let start = Instant::now();
    house.refuses("");
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_witness_that_says_nothing_does_not_hold_up_the_end() {
    let one = StandIn::new("witness.example/w", ED25519);
    one.mood(Mood::Silent);
    let (_home, server) = busy(&one);
    one.inbox
        .until("a visit", |letters| letters.first().map(drop));
    let start = Instant::now();
    assert!(server.end().success());
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_witness_that_cannot_be_meant_is_refused_before_anything_listens() {
    let good = Signer::new("witness.example/w", ED25519, 1).vkey();
    let id = good.split('+').nth(1).unwrap();
    let url = "http://127.0.0.1:9";
    let allow = "allow_private = true";
    for (entry, said) in [
        (entry(url, ""), "verifier key"),
        (entry(url, "witness.example/w"), "verifier key"),
        (entry(url, &good[..good.len() - 4]), "verifier key"),
        (
            entry(url, &good.replace(id, "00000000")),
            "its id does not fit",
        ),
        (
            entry(url, &good.replace("example/w", "example/x")),
            "its id does not fit",
        ),
        (entry("ftp://127.0.0.1:9", &good), "ftp://127.0.0.1:9"),
        (entry("nowhere", &good), "nowhere"),
        (entry("http://me@127.0.0.1:9", &good), "127.0.0.1:9"),
        (entry(url, &good).replace(allow, ""), url),
        (
            entry(url, &good).replace(allow, "allow = true"),
            "unknown field `allow`",
        ),
    ] {
        let home = Home::new();
        configure(&home, "", &entry);
        let ran = home.fails_to_start().says(&[said]);
        assert!(ran.out.is_empty(), "{}", ran.out);
        assert!(!home.data.join("casemate.sock").exists());
    }
}

/// Puts the base set in force with one rule more.
fn apply(home: &Home, rule: &str) {
    let base = home.ok(&["policy", "show"]);
    let file = home.dir.join("more.cedar");
    std::fs::write(&file, base + rule).unwrap();
    home.ok(&["policy", "apply", file.to_str().unwrap()]);
}

#[test]
fn nobody_is_asked_against_the_policies() {
    let one = StandIn::new("witness.example/w", ED25519);
    let House { home, server } = House::new(&[&one]);
    apply(
        &home,
        "\n@id(\"no.witness\") @reason(\"no witnesses today\")\n\
         forbid (principal, action == Action::\"ledger:witness\", resource);\n",
    );
    home.run(&["ledger", "witness"])
        .exits(3)
        .says(&["no witnesses today"]);
    assert!(server.end().success());
    configure(
        &home,
        "checkpoint_ms = 50\nwitness_every_s = 1",
        &one.config(),
    );
    let server = home.up(&[]);
    let logged = server.logs(0, "witnesses may not be asked");
    // Again when there is something new.
    home.ok(&["project", "create", "team"]);
    server.logs(logged, "witnesses may not be asked");
    let shown = home.json(&["ledger", "tail", "-n", "1000"]);
    let denied = shown.as_array().unwrap().iter().filter(|record| {
        let facts = &record["facts"];
        facts["action"] == "ledger:witness"
            && facts["decision"] == "deny"
            && facts["reasons"][0]["policy"] == "no.witness"
    });
    assert!(denied.count() >= 3, "{shown}");
    assert!(one.asked().is_empty(), "{:?}", one.asked());
}

#[test]
fn a_witness_that_does_not_know_the_log_does_not_sign() {
    let one = StandIn::new("witness.example/w", ED25519);
    let house = House::new(&[&one]);
    let others = House::new(&[]);
    one.mind.lock().unwrap().log = others.log();
    house.refuses("403");
    assert_eq!(one.size(), 0);
}
