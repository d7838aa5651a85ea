// SPDX-License-Identifier: Apache-2.0
//! Private keys that are encrypted by a password: PKCS #8 (RFC 5958) with PBES2 (RFC 8018).

use std::num::NonZeroU32;

use aws_lc_rs::{
    cipher::{
        AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
        UnboundCipherKey,
    },
    iv::FixedLength,
    pbkdf2,
};
use zeroize::Zeroizing;

use crate::{
    CryptoError,
    der::{Der, OCTET_STRING, OID, SEQUENCE, sole},
};

/// Rounds of PBKDF2 that are made at most: some seconds.
const MAX_ROUNDS: u64 = 10_000_000;

/// How a key is encrypted.
struct Scheme<'a> {
    salt: &'a [u8],
    rounds: NonZeroU32,
    digest: pbkdf2::Algorithm,
    cipher: &'static Algorithm,
    key_length: usize,
    iv: [u8; 16],
    data: &'a [u8],
}

/// The `PrivateKeyInfo` inside of an `EncryptedPrivateKeyInfo`.
pub(crate) fn decrypt(bytes: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let scheme = scheme(bytes)?;
    let mut key = Zeroizing::new(vec![0; scheme.key_length]);
    pbkdf2::derive(
        scheme.digest,
        scheme.rounds,
        scheme.salt,
        password,
        &mut key,
    );
    let key = UnboundCipherKey::new(scheme.cipher, &key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| CryptoError::Provider("AES-CBC"))?;
    let mut data = Zeroizing::new(scheme.data.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(scheme.iv));
    let opened = key
        .decrypt(&mut data, context)
        .map_err(|_| CryptoError::PasswordWrong)?;
    Ok(Zeroizing::new(opened.to_vec()))
}

fn scheme(bytes: &[u8]) -> Result<Scheme<'_>, CryptoError> {
    let not_der = || CryptoError::Malformed {
        what: "the encrypted key",
        why: "it is not PKCS #8".to_owned(),
    };
    let mut info = sole(bytes, SEQUENCE).ok_or_else(not_der)?;
    let mut algorithm = info.enter(SEQUENCE).ok_or_else(not_der)?;
    let data = info.expect(OCTET_STRING).ok_or_else(not_der)?;
    if algorithm.expect(OID) != Some(PBES2) {
        return Err(CryptoError::Unsupported(OTHER));
    }
    let mut parameters = algorithm.enter(SEQUENCE).ok_or_else(not_der)?;
    let derivation = parameters.enter(SEQUENCE).ok_or_else(not_der)?;
    let encryption = parameters.enter(SEQUENCE).ok_or_else(not_der)?;
    let (salt, rounds, digest, length) = pbkdf2_of(derivation)?;
    let (cipher, key_length, iv) = cipher_of(encryption)?;
    if length.is_some_and(|length| length != key_length as u64) {
        return Err(not_der());
    }
    Ok(Scheme {
        salt,
        rounds,
        digest,
        cipher,
        key_length,
        iv,
        data,
    })
}

/// Salt, rounds, digest, and the length of the key if it is said.
#[expect(clippy::type_complexity, reason = "the fields of one structure")]
fn pbkdf2_of(
    mut der: Der<'_>,
) -> Result<(&[u8], NonZeroU32, pbkdf2::Algorithm, Option<u64>), CryptoError> {
    let unsupported = CryptoError::Unsupported(OTHER);
    if der.expect(OID) != Some(PBKDF2) {
        return Err(unsupported);
    }
    let mut read = || {
        let mut parameters = der.enter(SEQUENCE)?;
        let salt = parameters.expect(OCTET_STRING)?;
        let rounds = parameters.number().filter(|&rounds| rounds <= MAX_ROUNDS)?;
        let rounds = NonZeroU32::new(u32::try_from(rounds).ok()?)?;
        let mut ahead = parameters;
        let length = ahead.number();
        if length.is_some() {
            parameters = ahead;
        }
        let digest = match parameters.enter(SEQUENCE) {
            // The default of RFC 8018.
            None => pbkdf2::PBKDF2_HMAC_SHA1,
            Some(mut digest) => match digest.expect(OID)?.strip_prefix(RSADSI_DIGEST)? {
                [7] => pbkdf2::PBKDF2_HMAC_SHA1,
                [9] => pbkdf2::PBKDF2_HMAC_SHA256,
                [10] => pbkdf2::PBKDF2_HMAC_SHA384,
                [11] => pbkdf2::PBKDF2_HMAC_SHA512,
                _ => return None,
            },
        };
        Some((salt, rounds, digest, length))
    };
    read().ok_or(unsupported)
}

fn cipher_of(mut der: Der<'_>) -> Result<(&'static Algorithm, usize, [u8; 16]), CryptoError> {
    let mut read = || {
        let (cipher, length) = match der.expect(OID)?.strip_prefix(NIST_AES)? {
            [2] => (&AES_128, 16),
            [22] => (&AES_192, 24),
            [42] => (&AES_256, 32),
            _ => return None,
        };
        let iv = der.expect(OCTET_STRING)?.try_into().ok()?;
        Some((cipher, length, iv))
    };
    read().ok_or(CryptoError::Unsupported(OTHER))
}

/// 1.2.840.113549.1.5.13.
const PBES2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
/// 1.2.840.113549.1.5.12.
const PBKDF2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
/// 1.2.840.113549.2.
const RSADSI_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x02";
/// 2.16.840.1.101.3.4.1.
const NIST_AES: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01";
const OTHER: &str = "it is encrypted in another way than PBKDF2 and AES-CBC; \
     `openssl pkcs8 -topk8 -v2 aes-256-cbc` writes it anew";
