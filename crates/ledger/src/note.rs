// SPDX-License-Identifier: Apache-2.0
//! Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use casemate_crypto::{LogSigner, sha256_parts, verify_ed25519, verify_ml_dsa_44};
use casemate_types::Timestamp;

use crate::{Hash, LedgerError};

const ED25519: u8 = 0x01;
const ED25519_COSIGNATURE: u8 = 0x04;
const ML_DSA_44_COSIGNATURE: u8 = 0x06;
/// Signature lines a note may have; more is not read.
const MAX_SIGNATURES: usize = 64;
const MAX_NOTE: usize = 1 << 20;

/// What a log says about itself: origin, size, root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note's body: three lines.
    #[must_use]
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(self.root)
        )
    }

    /// Reads a note's body.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] saying which line is wrong.
    pub fn parse(body: &str) -> Result<Self, LedgerError> {
        let malformed = |why: &str| LedgerError::malformed("checkpoint", why);
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin
            .ok_or_else(|| malformed("it has no origin"))?
            .to_owned();
        let size = lines
            .next()
            .and_then(decimal)
            .ok_or_else(|| malformed("its size is wrong"))?;
        let root = lines
            .next()
            .and_then(|line| BASE64.decode(line).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| malformed("its root is wrong"))?;
        Ok(Self { origin, size, root })
    }
}

/// A decimal without sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    (plain && !leading).then(|| text.parse().ok()).flatten()
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signer's name.
    pub name: String,
    /// The first four bytes of the key's digest.
    pub key_id: [u8; 4],
    /// What follows them.
    pub bytes: Vec<u8>,
}

impl Signature {
    pub(crate) fn line(&self) -> String {
        let mut raw = self.key_id.to_vec();
        raw.extend_from_slice(&self.bytes);
        format!("\u{2014} {} {}\n", self.name, BASE64.encode(raw))
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let raw = BASE64.decode(encoded).ok()?;
        let (key_id, bytes) = raw.split_first_chunk::<4>()?;
        let valid = valid_name(name) && !bytes.is_empty();
        valid.then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            bytes: bytes.to_vec(),
        })
    }
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, ending with a newline.
    pub body: String,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything the specification does not allow.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let malformed = |why: &str| LedgerError::malformed("note", why);
        if text.len() > MAX_NOTE {
            return Err(malformed("it is too large"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(malformed("it has control characters"));
        }
        let split = text
            .rfind("\n\n")
            .ok_or_else(|| malformed("it has no signatures"))?;
        let (body, lines) = (&text[..=split], &text[split + 2..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or_else(|| malformed("its last line is cut"))?;
        let signatures = lines
            .split('\n')
            .take(MAX_SIGNATURES + 1)
            .map(|line| {
                Signature::parse(line).ok_or_else(|| malformed("a signature line is wrong"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.is_empty() || signatures.len() > MAX_SIGNATURES {
            return Err(malformed("it has none or too many signatures"));
        }
        Ok(Self {
            body: body.to_owned(),
            signatures,
        })
    }

    /// The note's text.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: String = self.signatures.iter().map(Signature::line).collect();
        format!("{}\n{lines}", self.body)
    }

    /// Checks the note with the keys given: each of them must have signed, and every line of it
    /// must be right. Lines of other keys are ignored, as the specification asks.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] naming the key that does not fit, or when no key is given: without
    /// one nothing is proved.
    pub fn verify(&self, needed: &[VerifierKey]) -> Result<Checkpoint, LedgerError> {
        if needed.is_empty() {
            return Err(LedgerError::Tampered(
                "no key was given to check with".into(),
            ));
        }
        let checkpoint = Checkpoint::parse(&self.body)?;
        let size = checkpoint.size;
        for key in needed {
            let mut signed = self
                .signatures
                .iter()
                .filter(|line| line.name == key.name && line.key_id == key.key_id())
                .peekable();
            if signed.peek().is_none() {
                let name = &key.name;
                return Err(LedgerError::Tampered(format!(
                    "a required signature of `{name}` is missing under the checkpoint of size {size}"
                )));
            }
            if !signed.all(|line| key.verifies(&self.body, &checkpoint, &line.bytes)) {
                let name = &key.name;
                return Err(LedgerError::Tampered(format!(
                    "the signature of `{name}` under the checkpoint of size {size} is wrong"
                )));
            }
        }
        Ok(checkpoint)
    }
}

/// A public key with the name it signs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    /// The signer's name.
    pub name: String,
    kind: u8,
    public: Vec<u8>,
}

impl VerifierKey {
    /// Reads a C2SP vkey, `name+keyid+base64`.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when parts are missing, the id does not fit or the kind of key is
    /// not known.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let malformed = |why: &str| LedgerError::malformed("verifier key", why);
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("it is not `name+id+key`"));
        };
        let raw = BASE64
            .decode(key)
            .map_err(|_| malformed("its key is not base64"))?;
        let (kind, public) = raw
            .split_first()
            .ok_or_else(|| malformed("its key is empty"))?;
        let length = match *kind {
            ED25519 | ED25519_COSIGNATURE => 32,
            ML_DSA_44_COSIGNATURE => 1312,
            _ => return Err(malformed("its kind is not known")),
        };
        if public.len() != length || !valid_name(name) {
            return Err(malformed("its key or name is wrong"));
        }
        let key = Self {
            name: name.to_owned(),
            kind: *kind,
            public: public.to_vec(),
        };
        if id != hex4(key.key_id()) {
            return Err(malformed("its id does not fit its key"));
        }
        Ok(key)
    }

    /// The vkey text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut raw = vec![self.kind];
        raw.extend_from_slice(&self.public);
        format!(
            "{}+{}+{}",
            self.name,
            hex4(self.key_id()),
            BASE64.encode(raw)
        )
    }

    /// The first four bytes of SHA-256 over name, newline, kind and key.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        let parts: [&[u8]; 4] = [self.name.as_bytes(), b"\n", &[self.kind], &self.public];
        let digest = sha256_parts(&parts);
        [digest[0], digest[1], digest[2], digest[3]]
    }

    pub(crate) fn verifies(&self, body: &str, checkpoint: &Checkpoint, bytes: &[u8]) -> bool {
        match self.kind {
            ED25519 => verify_ed25519(&self.public, body.as_bytes(), bytes),
            _ => bytes
                .split_first_chunk::<8>()
                .is_some_and(|(time, signature)| {
                    let time = u64::from_be_bytes(*time);
                    if self.kind == ED25519_COSIGNATURE {
                        let message = format!("cosignature/v1\ntime {time}\n{body}");
                        verify_ed25519(&self.public, message.as_bytes(), signature)
                    } else {
                        let message = cosigned_message(&self.name, time, checkpoint);
                        message.is_some_and(|m| verify_ml_dsa_44(&self.public, &m, signature))
                    }
                }),
        }
    }
}

fn hex4(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// The structure an ML-DSA-44 cosignature signs; `None` when a name is longer than 255 bytes.
fn cosigned_message(name: &str, time: u64, checkpoint: &Checkpoint) -> Option<Vec<u8>> {
    let mut out = b"subtree/v1\n\0".to_vec();
    out.push(u8::try_from(name.len()).ok()?);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&time.to_be_bytes());
    out.push(u8::try_from(checkpoint.origin.len()).ok()?);
    out.extend_from_slice(checkpoint.origin.as_bytes());
    out.extend_from_slice(&0_u64.to_be_bytes());
    out.extend_from_slice(&checkpoint.size.to_be_bytes());
    out.extend_from_slice(&checkpoint.root);
    Some(out)
}

/// The log's own keys.
#[derive(Debug)]
pub struct LogKeys {
    origin: String,
    signer: LogSigner,
}

impl LogKeys {
    /// Keys of the log called `origin`.
    #[must_use]
    pub const fn new(origin: String, signer: LogSigner) -> Self {
        Self { origin, signer }
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The two public keys, Ed25519 first.
    #[must_use]
    pub fn public(&self) -> [VerifierKey; 2] {
        let key = |kind, public: &[u8]| VerifierKey {
            name: self.origin.clone(),
            kind,
            public: public.to_vec(),
        };
        [
            key(ED25519, self.signer.ed25519_public()),
            key(ML_DSA_44_COSIGNATURE, self.signer.ml_dsa_public()),
        ]
    }

    /// Signs a checkpoint with both keys.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the origin is too long to sign.
    pub fn sign(&self, size: u64, root: Hash, at: Timestamp) -> Result<Note, LedgerError> {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            root,
        };
        let body = checkpoint.body();
        let [classic, quantum] = self.public();
        let time = u64::try_from(at.as_secs()).unwrap_or(0);
        let message = cosigned_message(&self.origin, time, &checkpoint)
            .ok_or_else(|| LedgerError::malformed("origin", "it is too long"))?;
        let mut stamped = time.to_be_bytes().to_vec();
        let signed = self
            .signer
            .sign_ml_dsa(&message)
            .map_err(casemate_store::StoreError::Key)?;
        stamped.extend_from_slice(&signed);
        let signature = |key: &VerifierKey, bytes| Signature {
            name: self.origin.clone(),
            key_id: key.key_id(),
            bytes,
        };
        let signatures = vec![
            signature(&classic, self.signer.sign_ed25519(body.as_bytes())),
            signature(&quantum, stamped),
        ];
        Ok(Note { body, signatures })
    }
}
