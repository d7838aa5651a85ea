// SPDX-License-Identifier: Apache-2.0
//! Checksums of cryptocurrency addresses.

use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

/// The alphabet of Bitcoin's base 58.
pub(super) const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The alphabet of Ripple's.
pub(super) const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
/// The characters of bech32 (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// `00,05` as bytes.
pub(super) fn versions(text: &str) -> Result<Vec<u8>, String> {
    let byte =
        |part: &str| u8::from_str_radix(part, 16).map_err(|_| format!("`{part}` is no byte"));
    text.split(',').map(byte).collect()
}

/// A number in base 58, each leading zero of the alphabet a zero byte. Addresses are short, so
/// the work, which grows with the square of the length, is bounded.
pub(super) fn base58(text: &[u8], alphabet: &[u8; 58]) -> Option<Vec<u8>> {
    // Least significant byte first.
    let mut number: Vec<u8> = Vec::new();
    for byte in text {
        let mut carry = alphabet.iter().position(|known| known == byte)?;
        for digit in &mut number {
            carry += usize::from(*digit) * 58;
            *digit = u8::try_from(carry & 0xFF).unwrap_or(0);
            carry >>= 8;
        }
        while carry > 0 {
            number.push(u8::try_from(carry & 0xFF).unwrap_or(0));
            carry >>= 8;
        }
    }
    let zeros = text.iter().take_while(|byte| **byte == alphabet[0]).count();
    number.extend(std::iter::repeat_n(0, zeros));
    number.reverse();
    Some(number)
}

/// Version, 20 bytes, and the first four of their double SHA-256.
pub(super) fn base58_check(text: &[u8], alphabet: &[u8; 58], versions: &[u8]) -> Option<bool> {
    let bytes = base58(text, alphabet)?;
    let (body, sum) = bytes.split_at_checked(21)?;
    if sum.len() != 4 || !versions.contains(&body[0]) {
        return Some(false);
    }
    let double = Sha256::digest(Sha256::digest(body));
    Some(double.as_slice().starts_with(sum))
}

/// A segregated-witness address (BIP 173, BIP 350).
pub(super) fn bech32(raw: &[u8], prefix: &[u8]) -> Option<bool> {
    let upper = raw.iter().any(u8::is_ascii_uppercase);
    if upper && raw.iter().any(u8::is_ascii_lowercase) {
        return Some(false);
    }
    let text = raw.to_ascii_lowercase();
    let data = text.strip_prefix(prefix)?.strip_prefix(b"1")?;
    let values = values(data)?;
    let (version, rest) = values.split_first()?;
    let program = rest.get(..rest.len().checked_sub(6)?)?;
    let expanded = prefix.iter().map(|byte| byte >> 5);
    let expanded = expanded
        .chain([0])
        .chain(prefix.iter().map(|byte| byte & 31));
    let sum = polymod(expanded.chain(values.iter().copied()));
    let wanted = if *version == 0 { 1 } else { 0x2bc8_30a3 };
    let (bytes, padding) = (program.len() * 5 / 8, program.len() * 5 % 8);
    let clean = program
        .last()
        .is_none_or(|last| last & ((1 << padding) - 1) == 0);
    let length = match version {
        0 => bytes == 20 || bytes == 32,
        _ => (2..=40).contains(&bytes),
    };
    Some(*version <= 16 && sum == wanted && padding <= 4 && clean && length)
}

fn values(data: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: &u8| {
        let at = BECH32.iter().position(|known| known == byte)?;
        u8::try_from(at).ok()
    };
    data.iter().map(value).collect()
}

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATORS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let mut next = (sum & 0x01FF_FFFF) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATORS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                next ^= generator;
            }
        }
        next
    })
}

/// A Bitcoin Cash address (CashAddr).
pub(super) fn bitcoin_cash(raw: &[u8]) -> Option<bool> {
    const GENERATORS: [u64; 5] = [
        0x98_f2bc_8e61,
        0x79_b76d_99e2,
        0xf3_3e5f_b3c4,
        0xae_2eab_e2a8,
        0x1e_4f43_e470,
    ];
    const PREFIX: &[u8] = b"bitcoincash";
    let data = raw
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix(b":"))
        .unwrap_or(raw);
    let head = PREFIX.iter().map(|byte| byte & 31).chain([0]);
    let sum = head.chain(values(data)?).fold(1_u64, |sum, value| {
        let top = sum >> 35;
        let mut next = (sum & 0x07_FFFF_FFFF) << 5 ^ u64::from(value);
        for (bit, generator) in GENERATORS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                next ^= generator;
            }
        }
        next
    });
    Some(sum == 1)
}

/// Mixed-case checksum of an Ethereum address (EIP-55); in one case there is none.
pub(super) fn ethereum(raw: &[u8]) -> Option<bool> {
    let hex = raw.get(2..)?;
    let lower = hex.to_ascii_lowercase();
    if hex == lower || hex == hex.to_ascii_uppercase() {
        return Some(true);
    }
    let digest = Keccak256::digest(&lower);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Some(hex.iter().zip(nibbles).all(|(byte, nibble)| {
        !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble >= 8)
    }))
}

/// A Monero address: base 58 by blocks, a network byte, four bytes of Keccak-256.
pub(super) fn monero(text: &[u8]) -> Option<bool> {
    let mut bytes = Vec::with_capacity(77);
    for block in text.chunks(11) {
        let width = match block.len() {
            11 => 8,
            7 => 5,
            _ => return Some(false),
        };
        let number = block.iter().try_fold(0_u128, |number, byte| {
            let digit = BITCOIN.iter().position(|known| known == byte)?;
            Some(number * 58 + digit as u128)
        })?;
        if number >> (8 * width) != 0 {
            return Some(false);
        }
        bytes.extend_from_slice(&number.to_be_bytes()[16 - width..]);
    }
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    let fits = matches!((body.first()?, bytes.len()), (18 | 42, 69) | (19, 77));
    Some(fits && Keccak256::digest(body).as_slice().starts_with(sum))
}
