// SPDX-License-Identifier: Apache-2.0
//! Any bytes as a signature over a model of two files, or as the trust root of one without a key.
#![no_main]

use std::{io, sync::LazyLock};

use casemate_crypto::{Curve, EcdsaPrivate};
use casemate_models::signing::{
    Content, Effort, Entry, EntryKind, Identity, LinkTarget, Links, ModelSource, SigstoreRoots,
    SourceError, Trust, verify,
};
use casemate_types::Timestamp;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const FILES: [(&str, &[u8]); 2] = [("a", b"a"), ("b/c", b"bcbcb")];

static KEY: LazyLock<EcdsaPrivate> =
    LazyLock::new(|| EcdsaPrivate::generate(Curve::P256).expect("a key"));

/// Two files, a link and something ignored.
struct Model;

struct Bytes(&'static [u8]);

impl ModelSource for Model {
    fn name(&self) -> String {
        "model".to_owned()
    }

    fn entries(&self) -> Result<Vec<Entry>, SourceError> {
        let file = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.len() as u64);
        let files = FILES.into_iter().map(file);
        let mut entries: Vec<_> = files
            .map(|(name, bytes)| Entry {
                name,
                kind: EntryKind::File { bytes },
            })
            .collect();
        let name = ".git/link".to_owned();
        entries.push(Entry {
            name,
            kind: EntryKind::Link(LinkTarget::Directory),
        });
        Ok(entries)
    }

    /// Only what was listed is ever opened.
    fn open(&self, name: &str, _: Links) -> Result<Box<dyn Content>, SourceError> {
        let found = FILES.into_iter().find(|(known, _)| *known == name);
        Ok(Box::new(Bytes(found.expect("a file that was listed").1)))
    }
}

impl Content for Bytes {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let effort = Effort {
        threads: 1,
        progress: &|_| {},
    };
    let trust = Trust::Key(KEY.public().expect("its public key"));
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    if choice & 2 == 2 {
        return keyless(rest, &effort);
    }
    if choice & 1 == 0 {
        // Nobody guesses a signature.
        assert!(verify(rest, &trust, NOW, &Model, &effort).is_err());
        return;
    }
    let bundle = sealed(rest);
    if let Ok(model) = verify(&bundle, &trust, NOW, &Model, &effort) {
        assert_eq!((model.files(), model.bytes()), (2, 6));
        // Something lies under an ignored path.
        assert!(model.strict().is_err());
    }
});

/// A trust root and a bundle, with a zero between them. The seeds hold such that fit, for a model
/// that is not this one.
fn keyless(bytes: &[u8], effort: &Effort<'_>) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(root), Some(bundle)) = (parts.next(), parts.next()) else {
        return;
    };
    let Ok(roots) = SigstoreRoots::from_json(root) else {
        return;
    };
    let who = Identity::new(
        "maker@example.org".into(),
        "https://accounts.example.org".into(),
    );
    let trust = Trust::Sigstore(roots, who);
    assert!(verify(bundle, &trust, NOW, &Model, effort).is_err());
}

/// A signature over any statement.
fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut signed = b"DSSEv1 28 application/vnd.in-toto+json ".to_vec();
    signed.extend(payload.len().to_string().as_bytes());
    signed.push(b' ');
    signed.extend(payload);
    let signature = KEY.sign(&signed).expect("a signature");
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {}},
        "dsseEnvelope": {
            "payloadType": "application/vnd.in-toto+json",
            "payload": base64(payload),
            "signatures": [{"sig": base64(&signature)}],
        },
    });
    bundle.to_string().into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
            out.push(if place > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    out
}
