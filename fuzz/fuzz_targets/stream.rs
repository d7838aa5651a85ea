// SPDX-License-Identifier: Apache-2.0
//! A guarded stream: however it is divided, it gives what the whole text gives.
#![no_main]

use std::sync::LazyLock;

use casemate_inspect::{
    Escape, GuardProfile, GuardRule, Hosts, Inspector, StreamGuard, SurrogateKey, Surrogates, mark,
};
use casemate_types::{FindingKind, GuardAction};
use libfuzzer_sys::fuzz_target;

static INSPECTOR: LazyLock<Inspector> = LazyLock::new(|| {
    let canaries = ["CANARY-7f3a9c", "the heron flies at noon"].map(str::to_owned);
    let hosts = Hosts::new(&["example.org", "*.example.com"]).expect("these are hosts");
    let inspector = Inspector::new(&canaries).expect("the canaries are long enough");
    inspector.with_hosts(hosts)
});

/// Stand-ins with tags that a fuzzer can guess.
static SURROGATES: LazyLock<Surrogates> = LazyLock::new(|| {
    let mut surrogates = Surrogates::default();
    for (kind, value) in [
        (FindingKind::Email, "ada@example.org"),
        (FindingKind::Ip, "\"q\\\n\u{1}é𝄞\""),
    ] {
        let made = surrogates.replace(&Zeros, kind, value);
        assert!(made.is_some());
    }
    surrogates
});

struct Zeros;

impl SurrogateKey for Zeros {
    fn tag(&self, _: &str, _: &str) -> [u8; 8] {
        [0; 8]
    }
}

#[derive(Debug, Default, PartialEq)]
struct Out {
    text: String,
    findings: Vec<(FindingKind, usize, GuardAction)>,
    cut: bool,
}

fn profile(choice: u8) -> GuardProfile {
    use GuardAction::{Allow, Block, Flag, Redact};
    let rule = match choice % 5 {
        0 => return GuardProfile::default(),
        1 => GuardRule::everywhere(Allow),
        2 => GuardRule::everywhere(Flag),
        3 => GuardRule::everywhere(Redact),
        _ => GuardRule::everywhere(Block),
    };
    GuardProfile {
        active: rule,
        attack: rule,
        canary: rule,
        health: rule,
        link: rule,
        payment: rule,
        personal: rule,
        secret: rule,
        ..GuardProfile::default()
    }
}

fn stream<'a>(
    escape: Escape,
    profile: &GuardProfile,
    pieces: impl Iterator<Item = &'a str>,
) -> Out {
    let mut guard = StreamGuard::new(escape);
    let mut out = Out::default();
    let mut take = |piece: casemate_inspect::Piece| {
        assert!(!out.cut || piece.text.is_empty());
        out.text.push_str(&piece.text);
        let short = piece.findings.into_iter();
        out.findings
            .extend(short.map(|(finding, action)| (finding.kind, finding.span.start, action)));
        out.cut = piece.cut;
    };
    for piece in pieces {
        take(guard.push(&INSPECTOR, profile, &SURROGATES, piece));
    }
    take(guard.finish(&INSPECTOR, profile, &SURROGATES));
    assert_eq!(guard.held(), 0);
    out
}

/// What should come out, worked out from the whole text by other means.
fn expected(profile: &GuardProfile, text: &str) -> Out {
    let mut out = Out::default();
    let mut done = 0;
    for finding in INSPECTOR.inspect_exact(text) {
        let rest = &text[finding.span.start..];
        if finding.rule == "secret.private_key" && !rest.starts_with("-----BEGIN ") {
            // What follows a canary in a key block, which a stream knows to be inside of one.
            continue;
        }
        let value = &text[finding.span.clone()];
        let mut action = profile.answer_action(&finding, value, &SURROGATES);
        if finding.kind == FindingKind::PrivateKey && action >= GuardAction::Pseudonymise {
            action = GuardAction::Block;
        }
        out.findings
            .push((finding.kind, finding.span.start, action));
        if action >= GuardAction::Pseudonymise {
            out.text
                .push_str(&SURROGATES.restore(&text[done..finding.span.start]));
            done = finding.span.end;
        }
        if action == GuardAction::Block {
            out.cut = true;
            return out;
        }
        if action >= GuardAction::Pseudonymise {
            out.text.push_str(&mark(finding.kind));
        }
    }
    out.text.push_str(&SURROGATES.restore(&text[done..]));
    out
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, count, rest @ ..] = bytes else {
        return;
    };
    let count = usize::from(count % 16).min(rest.len());
    let (cuts, text) = rest.split_at(count);
    let text = String::from_utf8_lossy(text);
    let profile = profile(choice >> 1);
    let escape = if choice & 1 == 0 {
        Escape::None
    } else {
        Escape::Json
    };
    let mut borders: Vec<_> = cuts
        .iter()
        .map(|cut| text.floor_char_boundary(usize::from(*cut) * text.len() / 256))
        .collect();
    borders.push(text.len());
    borders.sort_unstable();
    let pieces = borders.iter().scan(0, |from, to| {
        let piece = &text[*from..*to];
        *from = *to;
        Some(piece)
    });
    let whole = stream(escape, &profile, std::iter::once(&*text));
    assert_eq!(stream(escape, &profile, pieces), whole);
    let read = |raw: &str| serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
    match escape {
        Escape::None => assert_eq!(whole, expected(&profile, &text)),
        Escape::Json => {
            if let Some(plain) = read(&text) {
                let wanted = expected(&profile, &plain);
                assert_eq!(read(&whole.text).as_ref(), Some(&wanted.text));
                assert_eq!((whole.findings, whole.cut), (wanted.findings, wanted.cut));
            }
        }
    }
});
