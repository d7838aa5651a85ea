// SPDX-License-Identifier: Apache-2.0
//! Digests and derived keys never change: stored data hang on them.

use casemate_crypto::{Hmac, RootKey, Secret32, sha256, sha256_parts};

use crate::{counting, hex, unhex};

#[test]
fn derived_keys_are_those_of_rfc_5869() {
    for (purpose, of, by_python) in [
        (
            "key-wrap",
            "",
            "1ce49c316a4d618ae033ef7dec5eab817299fb77128cb34974d127c900d85720",
        ),
        (
            "machine-wrap",
            "salt",
            "e0818970f73d4f37b5110d10020218ef824748dea5142eea48454105be331e0f",
        ),
    ] {
        let derived = counting().derive_with(purpose, of.as_bytes());
        assert_eq!(hex(derived.expose()), by_python, "{purpose}");
    }
    let root = RootKey::new(counting());
    assert_eq!(
        root.derive("key-wrap").expose(),
        counting().derive("key-wrap").expose()
    );
}

#[test]
fn derived_keys_differ_by_secret_purpose_and_thing() {
    let other = Secret32::from_bytes([9; 32]);
    let all = [
        counting().derive("a"),
        counting().derive("b"),
        counting().derive_with("a", b"1"),
        counting().derive_with("a", b"2"),
        counting().derive_with("a1", b""),
        other.derive("a"),
    ];
    for (at, one) in all.iter().enumerate() {
        for another in &all[at + 1..] {
            assert_ne!(one.expose(), another.expose());
        }
    }
}

#[test]
fn digests_are_those_of_the_standards() {
    // FIPS 180-4, the example "abc".
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex(&sha256(b"abc")), abc);
    assert_eq!(hex(&sha256_parts(&[b"a", b"", b"bc"])), abc);
    // RFC 4231, test case 1 has a key of 20 bytes; HMAC pads with zeros, so 32 bytes are the same.
    let mut key = [0; 32];
    key[..20].copy_from_slice(&[0x0b; 20]);
    let hmac = Hmac::new(&Secret32::from_bytes(key));
    let expected = unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_eq!(hmac.digest(&[b"Hi ", b"There"]).to_vec(), expected);
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", counting(), RootKey::new(counting()));
    assert_eq!(shown, "Secret32(…) RootKey(Secret32(…))");
}
