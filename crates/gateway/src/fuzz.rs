// SPDX-License-Identifier: Apache-2.0
//! Doors for fuzz targets into parsers that are otherwise private.

use bytes::Bytes;
use casemate_inspect::{GuardProfile, GuardRule, Inspector, SurrogateKey, Surrogates};
use casemate_types::{GuardAction, Role};

use crate::{
    dialect::{Dialect, Endpoint, Place, Site, answer_sites, parse_event, parse_request},
    guard::{Inspection, restore},
    json::Tape,
    memory::{Memory, Recall},
    splice::Splices,
    sse::Frames,
};

/// Parses bytes as a request of every endpoint, and as an answer.
pub fn dialects(bytes: &[u8]) {
    let Ok(tape) = Tape::parse(bytes) else { return };
    for endpoint in Endpoint::ALL {
        let _ = parse_request(*endpoint, &tape);
    }
    for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
        let _ = parse_event(dialect, &tape);
    }
    for site in answer_sites(&tape) {
        let _ = site.value.text_mapped();
    }
}

/// Cuts bytes into events in pieces of `size`; gives the payloads.
#[must_use]
pub fn events(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        frames.push(piece);
        while let Ok(Some(frame)) = frames.next() {
            out.extend(frame.payload().map(|payload| payload.to_vec()));
        }
    }
    out.extend(
        frames
            .rest()
            .and_then(|frame| frame.payload())
            .map(|payload| payload.to_vec()),
    );
    out
}

/// Puts stand-ins into every text of a document and takes them out again; gives both documents, or
/// none when the bytes are no document or something in it can only be refused.
#[must_use]
pub fn round_trip(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let document = Bytes::copy_from_slice(bytes);
    let tape = Tape::parse(&document).ok()?;
    let sites: Vec<_> = answer_sites(&tape)
        .iter()
        .map(|site| Site {
            value: site.value,
            role: Role::User,
            channel: site.channel,
            is_name: site.is_name,
            is_word: false,
            place: Place {
                field: "fuzz",
                index: None,
            },
        })
        .collect();
    let replace = GuardRule::everywhere(GuardAction::Pseudonymise);
    let profile = GuardProfile {
        attack: GuardRule::everywhere(GuardAction::Allow),
        health: GuardRule::everywhere(GuardAction::Flag),
        payment: replace,
        personal: replace,
        secret: replace,
        ..GuardProfile::default()
    };
    let inspector = Inspector::new(&[]).ok()?;
    let recall = Recall {
        memory: &Memory::new(),
        project: None,
    };
    let inspection = Inspection::of_request(&inspector, &profile, &recall, &sites);
    let (mut surrogates, mut splices) = (Surrogates::default(), Splices::default());
    inspection.edit(&profile, &Key, &mut surrogates, &mut splices)?;
    let edited = splices.apply(&document)?;
    // INVARIANT: edits keep a document a document, which is what this is here to find out.
    let tape = Tape::parse(&edited).expect("an edited document is one");
    let mut splices = Splices::default();
    restore(&surrogates, &answer_sites(&tape), &mut splices);
    let restored = splices.apply(&edited).expect("stand-ins do not overlap");
    Some((edited.to_vec(), restored.to_vec()))
}

/// FNV-1a; no secret.
struct Key;

impl SurrogateKey for Key {
    fn tag(&self, kind: &str, value: &str) -> [u8; 8] {
        let all = kind.bytes().chain([0]).chain(value.bytes());
        all.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
        .to_be_bytes()
    }
}
