// SPDX-License-Identifier: Apache-2.0
//! The form of API keys: `cm_`, 32 random letters, 6 letters of check.

use casemate_crypto::{Hmac, Sha256};
use casemate_types::Entropy;
use zeroize::Zeroizing;

const PREFIX: &str = "cm_";
const RANDOM: usize = 32;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key's secret, shown once. Wiped when dropped.
pub struct KeySecret(Zeroizing<String>);

impl KeySecret {
    /// The text to show, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret(…)")
    }
}

/// A key as a client sends it, whose form is right; whether it is known is another question.
#[derive(Clone, Copy)]
pub struct ApiKey<'a>(&'a str);

impl<'a> ApiKey<'a> {
    /// Makes a new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> KeySecret {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM + CHECK));
        text.push_str(PREFIX);
        while text.len() < PREFIX.len() + RANDOM {
            let mut bytes = Zeroizing::new([0; 48]);
            entropy.fill(bytes.as_mut());
            // Six bits at a time, values beyond 61 thrown away, so that all letters are equally
            // likely: 190 bits in all.
            for value in bytes
                .iter()
                .map(|byte| byte & 63)
                .filter(|value| *value < 62)
            {
                if text.len() < PREFIX.len() + RANDOM {
                    text.push(char::from(ALPHABET[usize::from(value)]));
                }
            }
        }
        let check = check_of(&text);
        text.push_str(std::str::from_utf8(&check).unwrap_or_default());
        KeySecret(text)
    }

    /// Reads a key's form; `None` when it is mistyped or no key of ours.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let form = body.len() == RANDOM + CHECK && body.bytes().all(|b| b.is_ascii_alphanumeric());
        if !form {
            return None;
        }
        let (head, check) = text.split_at(PREFIX.len() + RANDOM);
        (check.as_bytes() == check_of(head)).then_some(Self(text))
    }

    /// The keyed digest under which the key is stored and looked up. Looking up a digest in a table
    /// leaks nothing useful about the key by its timing: who does not know the digest key cannot
    /// steer the digest.
    #[must_use]
    pub fn digest(&self, pepper: &Hmac) -> Sha256 {
        pepper.digest(&[self.0.as_bytes()])
    }
}

fn check_of(head: &str) -> [u8; CHECK] {
    let mut value = crc32fast::hash(head.as_bytes());
    let mut out = [b'0'; CHECK];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use casemate_crypto::SystemEntropy;

    #[test]
    fn every_single_typo_is_seen() {
        let secret = ApiKey::generate(&SystemEntropy);
        assert!(ApiKey::parse(secret.expose()).is_some());
        for at in 0..secret.expose().len() {
            let mut typo = secret.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(ApiKey::parse(std::str::from_utf8(&typo).unwrap()).is_none());
        }
        for bad in ["", "cm_", "sk-abc", &secret.expose()[..40], "cm_é"] {
            assert!(ApiKey::parse(bad).is_none());
        }
    }
}
