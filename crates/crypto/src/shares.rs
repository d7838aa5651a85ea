// SPDX-License-Identifier: Apache-2.0
//! Two of three shares (Shamir 1979) over GF(2^8).

use casemate_types::Entropy;
use zeroize::Zeroizing;

use crate::{CryptoError, Secret32};

/// One of three shares; any two give the secret back, one alone says nothing about it.
#[derive(Clone)]
pub struct Share {
    /// 1, 2 or 3.
    pub index: u8,
    /// The share's bytes.
    pub bytes: Zeroizing<[u8; 32]>,
}

/// Splits a secret into three shares of which two are needed.
#[must_use]
pub fn split(secret: &Secret32, entropy: &dyn Entropy) -> [Share; 3] {
    let slope = Secret32::random(entropy);
    [1, 2, 3].map(|index| {
        let mut bytes = Zeroizing::new([0; 32]);
        for ((out, s), m) in bytes.iter_mut().zip(secret.expose()).zip(slope.expose()) {
            *out = s ^ mul(*m, index);
        }
        Share { index, bytes }
    })
}

/// Puts two different shares together.
///
/// # Errors
/// [`CryptoError::Recovery`] when the two are the same or an index is not 1 to 3.
pub fn combine(a: &Share, b: &Share) -> Result<Secret32, CryptoError> {
    let valid = |index| (1..=3).contains(&index);
    if a.index == b.index || !valid(a.index) || !valid(b.index) {
        return Err(CryptoError::Recovery(
            "two different shares are needed".into(),
        ));
    }
    // Lagrange at 0: s = a * b.x/(a.x+b.x) + b * a.x/(a.x+b.x), with + being xor.
    let over = invert(a.index ^ b.index);
    let (wa, wb) = (mul(b.index, over), mul(a.index, over));
    let mut out = [0; 32];
    for ((out, x), y) in out.iter_mut().zip(a.bytes.iter()).zip(b.bytes.iter()) {
        *out = mul(*x, wa) ^ mul(*y, wb);
    }
    Ok(Secret32::from_bytes(out))
}

/// Product in GF(2^8) modulo x^8+x^4+x^3+x+1, without branches on secrets.
fn mul(a: u8, b: u8) -> u8 {
    let (mut a, mut out) = (a, 0);
    for bit in 0..8 {
        out ^= a & 0_u8.wrapping_sub(b >> bit & 1);
        a = a << 1 ^ (0x1b & 0_u8.wrapping_sub(a >> 7));
    }
    out
}

/// Inverse by a^254; 0 has none and stays 0.
fn invert(a: u8) -> u8 {
    (0..253).fold(a, |acc, _| mul(acc, a))
}
