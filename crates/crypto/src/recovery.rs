// SPDX-License-Identifier: Apache-2.0
//! The offline recovery kit: a private key on paper whose public half wraps the root key.
//!
//! Being asymmetric, the kit stays valid when the root key is rotated: the machine needs only the
//! public half to wrap the new root. The wrap is an ephemeral X25519 agreement (RFC 7748), HKDF and
//! AES-256-GCM-SIV.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use casemate_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    CryptoError, DataKey, Place, RootKey, Secret32, Share, combine, digest::sha256_parts, split,
};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const WRAP: Place<'static> = Place {
    table: "keyslots",
    row: b"recovery",
    column: "root",
};
/// Check bytes behind the 32 of a key or share.
const CHECK: usize = 3;

/// The public half, kept in the key-slot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPublic(pub [u8; 32]);

/// The private half, shown once and kept on paper.
pub struct RecoveryKit(Secret32);

impl RecoveryKit {
    /// A new kit.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret32::random(entropy))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses the key.
    pub fn public(&self) -> Result<RecoveryPublic, CryptoError> {
        let key = self.private()?;
        let public = key
            .compute_public_key()
            .map_err(|_| CryptoError::Provider("X25519"))?;
        public
            .as_ref()
            .try_into()
            .map(RecoveryPublic)
            .map_err(|_| CryptoError::Provider("X25519 public key"))
    }

    /// The line for the page: letters in groups of five with a check at the end.
    #[must_use]
    pub fn to_line(&self) -> Zeroizing<String> {
        line(0, self.0.expose())
    }

    /// Three lines of which any two are enough.
    #[must_use]
    pub fn to_share_lines(&self, entropy: &dyn Entropy) -> [Zeroizing<String>; 3] {
        split(&self.0, entropy).map(|share| line(share.index, &share.bytes))
    }

    /// Reads one line, or two share lines, as typed by a person: case, spaces and dashes do not
    /// matter, and `I`, `L` and `O` are taken for the digits they look like.
    ///
    /// # Errors
    /// [`CryptoError::Recovery`] saying which line is mistyped or missing.
    pub fn from_lines(text: &str) -> Result<Self, CryptoError> {
        let lines: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let parsed = lines
            .iter()
            .map(|line| parse_line(line))
            .collect::<Result<Vec<_>, _>>()?;
        match parsed.as_slice() {
            [(0, key)] => Ok(Self(Secret32::from_bytes(**key))),
            [(a, x), (b, y), ..] if *a > 0 && *b > 0 => {
                let share = |index: u8, bytes: &Zeroizing<[u8; 32]>| Share {
                    index,
                    bytes: bytes.clone(),
                };
                combine(&share(*a, x), &share(*b, y)).map(Self)
            }
            [(_, _)] => Err(CryptoError::Recovery("one more share is needed".into())),
            [] => Err(CryptoError::Recovery("no line was given".into())),
            _ => Err(CryptoError::Recovery(
                "give the one line, or two share lines".into(),
            )),
        }
    }

    /// Opens a root key wrapped by [`RecoveryPublic::wrap`].
    ///
    /// # Errors
    /// [`CryptoError::Recovery`] when this kit is not the one of that data.
    pub fn unwrap_root(&self, wrapped: &[u8]) -> Result<RootKey, CryptoError> {
        let wrong = || CryptoError::Recovery("it belongs to another installation".into());
        let (ephemeral, sealed) = wrapped.split_at_checked(32).ok_or_else(wrong)?;
        let key = wrap_key(&self.private()?, ephemeral, ephemeral)?;
        let root = DataKey::new(0, &key)
            .open(WRAP, sealed)
            .map_err(|_| wrong())?;
        Secret32::from_slice(&root)
            .map(RootKey::new)
            .ok_or_else(wrong)
    }

    fn private(&self) -> Result<PrivateKey, CryptoError> {
        PrivateKey::from_private_key(&X25519, self.0.expose())
            .map_err(|_| CryptoError::Provider("X25519 private key"))
    }
}

impl RecoveryPublic {
    /// Wraps the root key for the kit.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn wrap(&self, root: &RootKey, entropy: &dyn Entropy) -> Result<Vec<u8>, CryptoError> {
        let ephemeral = RecoveryKit::generate(entropy);
        let public = ephemeral.public()?.0;
        let key = wrap_key(&ephemeral.private()?, &self.0, &public)?;
        let mut out = public.to_vec();
        let root = root.secret().expose();
        out.extend_from_slice(&DataKey::new(0, &key).seal(entropy, WRAP, root));
        Ok(out)
    }
}

fn wrap_key(mine: &PrivateKey, theirs: &[u8], ephemeral: &[u8]) -> Result<Secret32, CryptoError> {
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    let refused = CryptoError::Provider("X25519 agreement");
    agree(mine, theirs, refused, |shared| {
        let shared = Secret32::from_slice(shared).ok_or(CryptoError::Provider("X25519"))?;
        Ok(shared.derive_with("recovery-wrap", ephemeral))
    })
}

fn line(index: u8, bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut raw = Zeroizing::new(vec![index]);
    raw.extend_from_slice(bytes);
    raw.extend_from_slice(&check(index, bytes));
    let mut out = Zeroizing::new(String::with_capacity(72));
    for (count, digit) in digits(&raw).enumerate() {
        if count > 0 && count % 5 == 0 {
            out.push('-');
        }
        out.push(char::from(ALPHABET[usize::from(digit)]));
    }
    out
}

/// Groups of five bits, the last one filled with zeros.
fn digits(raw: &[u8]) -> impl Iterator<Item = u8> + '_ {
    (0..(raw.len() * 8).div_ceil(5)).map(|group| {
        (0..5).fold(0, |digit, bit| {
            let at = group * 5 + bit;
            let byte = raw.get(at / 8).copied().unwrap_or(0);
            digit << 1 | (byte >> (7 - at % 8) & 1)
        })
    })
}

fn parse_line(text: &str) -> Result<(u8, Zeroizing<[u8; 32]>), CryptoError> {
    let mistyped = |why: &str| CryptoError::Recovery(format!("a line is mistyped: {why}"));
    let mut raw = Zeroizing::new(vec![0_u8; 1 + 32 + CHECK]);
    let (mut bit, mut spare) = (0, 0);
    for letter in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let digit = ALPHABET
            .iter()
            .position(|known| char::from(*known) == letter)
            .ok_or_else(|| mistyped("it has a letter that no kit uses"))?;
        for shift in (0..5).rev() {
            let value = (digit >> shift & 1) as u8;
            match raw.get_mut(bit / 8) {
                Some(byte) => *byte |= value << (7 - bit % 8),
                None => spare |= value,
            }
            bit += 1;
        }
    }
    if bit != (raw.len() * 8).div_ceil(5) * 5 {
        return Err(mistyped("it has the wrong length"));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&raw[1..33]);
    if spare != 0 || raw[33..] != check(raw[0], &bytes) {
        return Err(mistyped("its check letters do not fit"));
    }
    Ok((raw[0], bytes))
}

fn check(index: u8, bytes: &[u8; 32]) -> [u8; CHECK] {
    let digest = sha256_parts(&[b"casemate recovery line", &[index], bytes]);
    [digest[0], digest[1], digest[2]]
}
