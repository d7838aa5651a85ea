// SPDX-License-Identifier: Apache-2.0
//! Signed notes, checkpoints and verifier keys are read strictly and prove what they say.

use casemate_ledger::{Checkpoint, LedgerError, Note, VerifierKey, empty_root};
use casemate_testkit::ManualClock;

use crate::fixture::log_keys;

const ORIGIN: &str = "casemate.local/log/1";

fn signed(seed: u8, size: u64) -> Note {
    log_keys(ORIGIN, seed)
        .sign(size, [7; 32], ManualClock::START)
        .unwrap()
}

fn keys(seed: u8) -> [VerifierKey; 2] {
    log_keys(ORIGIN, seed).public()
}

fn tampered<T: std::fmt::Debug>(result: Result<T, LedgerError>, words: &str) {
    match result {
        Err(LedgerError::Tampered(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn a_note_comes_back_and_verifies() {
    let note = signed(1, 17);
    let read = Note::parse(&note.text()).unwrap();
    assert_eq!(read, note);
    let checkpoint = read.verify(&keys(1)).unwrap();
    let expected = Checkpoint {
        origin: ORIGIN.into(),
        size: 17,
        root: [7; 32],
    };
    assert_eq!(checkpoint, expected);
    assert_eq!(note.body, expected.body());
    assert_eq!(
        note.body,
        "casemate.local/log/1\n17\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"
    );
}

#[test]
fn any_altered_letter_is_noticed() {
    let note = signed(1, 17);
    let text = note.text();
    for (at, letter) in text.char_indices() {
        // Long base64 of ML-DSA: a sample of its letters is enough.
        if at > 400 && at % 97 != 0 && at + 8 < text.len() {
            continue;
        }
        let other = if letter == 'A' { "B" } else { "A" };
        let mut changed = text.clone();
        changed.replace_range(at..at + letter.len_utf8(), other);
        let read = Note::parse(&changed).and_then(|note| note.verify(&keys(1)));
        assert!(read.is_err(), "letter {at} `{letter}`");
    }
}

#[test]
fn both_signatures_are_needed_and_right() {
    let note = signed(1, 17);
    let lines = |picked: &[usize]| Note {
        body: note.body.clone(),
        signatures: picked
            .iter()
            .map(|at| note.signatures[*at].clone())
            .collect(),
    };
    let other = signed(2, 17);
    tampered(lines(&[0]).verify(&keys(1)), "missing");
    tampered(lines(&[1]).verify(&keys(1)), "missing");
    tampered(lines(&[]).verify(&keys(1)), "missing");
    tampered(note.verify(&keys(2)), "missing");
    tampered(note.verify(&[]), "no key");
    // One of the two is enough for who asks for one.
    assert!(lines(&[0]).verify(&keys(1)[..1]).is_ok());
    assert!(lines(&[1, 0]).verify(&keys(1)).is_ok());

    // A signature of the same keys for another size.
    let newer = signed(1, 18);
    for at in [0, 1] {
        let mut mixed = note.clone();
        mixed.signatures[at] = newer.signatures[at].clone();
        tampered(mixed.verify(&keys(1)), "wrong");
        // Beside the right one, too: a known key whose signature fails rejects the note.
        let mut both = note.clone();
        both.signatures.push(newer.signatures[at].clone());
        tampered(both.verify(&keys(1)), "wrong");
    }
    // Lines of strangers are ignored, whatever they are worth.
    let mut crowded = note.clone();
    crowded.signatures.extend(other.signatures);
    crowded.signatures.reverse();
    assert!(
        Note::parse(&crowded.text())
            .unwrap()
            .verify(&keys(1))
            .is_ok()
    );
}

#[test]
fn what_is_no_note_is_refused() {
    let good = signed(1, 17).text();
    let (body, lines) = good.split_once("\n\n").unwrap();
    let line = lines.lines().next().unwrap();
    let many = |count: usize| format!("{body}\n\n{}", format!("{line}\n").repeat(count));
    assert!(Note::parse(&many(64)).is_ok());
    for (what, text) in [
        ("nothing", String::new()),
        ("only newlines", "\n\n\n".into()),
        ("no signatures", format!("{body}\n")),
        ("no signatures after the blank line", format!("{body}\n\n")),
        ("no blank line", format!("{body}\n{lines}")),
        ("the last line cut", good.trim_end().into()),
        ("a blank line at the end", format!("{good}\n")),
        (
            "a blank line between signatures",
            format!("{body}\n\n{line}\n\n"),
        ),
        ("too many signatures", many(65)),
        ("a carriage return", good.replacen('\n', "\r\n", 1)),
        ("a tab", good.replacen("log", "l\tg", 1)),
        ("a NUL", good.replacen("log", "l\0g", 1)),
        ("a hyphen for the dash", good.replace('\u{2014}', "-")),
        (
            "no space after the dash",
            good.replace("\u{2014} ", "\u{2014}"),
        ),
        (
            "a name with a plus",
            good.replace("\u{2014} casemate", "\u{2014} case+mate"),
        ),
        (
            "no name",
            good.replace("\u{2014} casemate.local/log/1 ", "\u{2014} "),
        ),
        ("an empty name", format!("{body}\n\n\u{2014}  AAAAAAAA\n")),
        ("no base64", format!("{body}\n\n\u{2014} name !!!!\n")),
        (
            "base64 without padding",
            format!("{body}\n\n\u{2014} name AAAAAAA\n"),
        ),
        (
            "only a key id",
            format!("{body}\n\n\u{2014} name AAAAAA==\n"),
        ),
        (
            "something behind the signature",
            format!("{body}\n\n{line} x\n"),
        ),
        ("too large", format!("{}{good}", "x".repeat(1 << 20))),
    ] {
        let read = Note::parse(&text);
        assert!(
            matches!(read, Err(LedgerError::Malformed { what: "note", .. })),
            "{what}: {read:?}"
        );
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    assert!(Checkpoint::parse(&format!("o\n0\n{root}\n")).is_ok());
    assert!(Checkpoint::parse(&format!("o\n18446744073709551615\n{root}\nextension\n")).is_ok());
    for body in [
        String::new(),
        "\n".into(),
        "o\n".into(),
        "o\n1\n".into(),
        format!("\n1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n 1\n{root}\n"),
        format!("o\n1 \n{root}\n"),
        format!("o\n0x1\n{root}\n"),
        format!("o\n١\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{}\n", &root[4..]),
        format!("o\n1\n{}\n", root.trim_end_matches('=')),
        format!("o\n1\n{root}{root}\n"),
        "o\n1\nnot base64\n".into(),
    ] {
        assert!(Checkpoint::parse(&body).is_err(), "{body:?}");
    }
}

#[test]
fn verifier_keys_are_read_strictly() {
    for key in keys(1) {
        assert_eq!(VerifierKey::parse(&key.text()).unwrap(), key);
        assert_eq!(
            VerifierKey::parse(&format!("{}\n", key.text())).unwrap(),
            key
        );
    }
    let [classic, _] = keys(1);
    let text = classic.text();
    let (name, rest) = text.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    for (what, text) in [
        ("nothing", String::new()),
        ("no key", format!("{name}+{id}")),
        ("no name", format!("+{id}+{key}")),
        ("another name", format!("x{name}+{id}+{key}")),
        ("a name with a space", format!("a b+{id}+{key}")),
        ("another id", format!("{name}+00000000+{key}")),
        (
            "an id in capitals",
            format!("{name}+{}+{key}", id.to_uppercase()),
        ),
        ("an id too short", format!("{name}+{}+{key}", &id[1..])),
        ("no base64", format!("{name}+{id}+!!!!")),
        ("an empty key", format!("{name}+{id}+")),
        ("a key cut", format!("{name}+{id}+{}", &key[..40])),
        ("an unknown kind", format!("{name}+{id}+A{}", &key[1..])),
    ] {
        // Capitals only matter where the id has letters.
        if text == classic.text() {
            continue;
        }
        assert!(VerifierKey::parse(&text).is_err(), "{what}: {text}");
    }
}

#[test]
fn an_origin_too_long_for_the_signature_is_refused() {
    let at = ManualClock::START;
    assert!(
        log_keys(&"o".repeat(255), 1)
            .sign(0, empty_root(), at)
            .is_ok()
    );
    assert!(
        log_keys(&"o".repeat(256), 1)
            .sign(0, empty_root(), at)
            .is_err()
    );
}
