// SPDX-License-Identifier: Apache-2.0
//! Digests that say nothing of a value to whoever does not have the key.

use sha2::{Digest as _, Sha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// HMAC-SHA-256 (RFC 2104), its first 8 bytes.
#[derive(Debug, Clone)]
pub(super) struct Mac {
    inner: Sha256,
    outer: Sha256,
}

impl Mac {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        match block.get_mut(..key.len()) {
            Some(start) => start.copy_from_slice(key),
            None => block[..32].copy_from_slice(&Sha256::digest(key)),
        }
        let padded = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Self {
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    /// All of it.
    pub(super) fn full(&self, value: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(value).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }

    /// The first 8 bytes.
    pub(super) fn short(&self, value: &[u8]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.full(value);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// SipHash-2-4 (Aumasson and Bernstein 2012): a keyed digest for what comes before the MAC, cheap
/// enough for every word of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sip([u64; 2]);

impl Sip {
    pub(super) const fn new(key: [u64; 2]) -> Self {
        Self(key)
    }

    pub(super) fn of(self, value: &[u8]) -> u64 {
        let [k0, k1] = self.0;
        let mut state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let (words, rest) = value.as_chunks::<8>();
        for word in words {
            compress(&mut state, u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The length counts modulo 256 in the last word's first byte.
        last[7] = value.len() as u8;
        compress(&mut state, u64::from_le_bytes(last));
        state[2] ^= 0xff;
        (0..4).for_each(|_| round(&mut state));
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

const fn compress(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

const fn round(state: &mut [u64; 4]) {
    let [mut v0, mut v1, mut v2, mut v3] = *state;
    v0 = v0.wrapping_add(v1);
    v1 = v1.rotate_left(13) ^ v0;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v3);
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.wrapping_add(v3);
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.wrapping_add(v1);
    v1 = v1.rotate_left(17) ^ v2;
    v2 = v2.rotate_left(32);
    *state = [v0, v1, v2, v3];
}

#[cfg(test)]
mod tests {
    use super::{Mac, Sip};

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mac = Mac::new(b"Jefe").full(b"what do ya want for nothing?");
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(mac[28..], [0x64, 0xec, 0x38, 0x43]);
        let long = Mac::new(&[0xaa; 131]);
        let mac = long.full(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(mac[..4], [0x60, 0xe4, 0x31, 0x59]);
        assert_eq!(
            Mac::new(b"Jefe").short(b"what do ya want for nothing?"),
            0x5bdc_c146_bf60_754e
        );
    }

    #[test]
    fn the_digest_is_that_of_the_paper() {
        let sip = Sip::new([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        let value: Vec<u8> = (0..15).collect();
        assert_eq!(sip.of(&value), 0xa129_ca61_49be_45e5);
        assert_eq!(sip.of(b""), 0x726f_db47_dd0e_0e31);
    }
}
