// SPDX-License-Identifier: Apache-2.0
//! Any bytes at all: refused, and nothing worse.

use casemate_crypto::{Certificate, EcdsaPrivate, EcdsaPublic, certificates_from_pem};
use casemate_models::signing::{Bundle, Trust};
use proptest::prelude::*;

use crate::fixture::{Fixture, NOW, statement};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Bundle::parse(&bytes).is_err());
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(EcdsaPublic::from_spki(&bytes).is_err());
        prop_assert!(EcdsaPublic::from_pem(&bytes).is_err());
        prop_assert!(EcdsaPrivate::from_pem(&bytes, Some(b"x")).is_err());
        prop_assert!(certificates_from_pem(&bytes).is_err());
    }

    /// Keys and certificates in PEM around anything.
    #[test]
    fn any_block_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let data = STANDARD.encode(&bytes);
        for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY"] {
            let text = format!("-----BEGIN {label}-----\n{data}\n-----END {label}-----\n");
            prop_assert!(EcdsaPrivate::from_pem(text.as_bytes(), Some(b"x")).is_err());
            prop_assert!(EcdsaPublic::from_pem(text.as_bytes()).is_err());
        }
    }
}

#[test]
fn a_good_bundle_with_one_byte_changed_is_never_verified_as_another() {
    let fixture = Fixture::new();
    let good = fixture.sign();
    let root = fixture.verify(&good).unwrap().root();
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x20;
        // Names of members that are not read may change, and spaces.
        if let Ok(verified) = fixture.verify(&bytes) {
            assert_eq!(verified.root(), root);
            assert_eq!(statement(&bytes), statement(&good));
        }
    }
    for length in 0..good.len() {
        assert!(fixture.verify(&good[..length]).is_err());
    }
}

#[test]
fn depth_is_bounded() {
    let fixture = Fixture::new();
    let deep = format!("{{\"mediaType\":{}", "[".repeat(1 << 20));
    assert!(Bundle::parse(deep.as_bytes()).is_err());
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert!(Bundle::parse(deep.as_bytes()).is_err());
    let bundle = Bundle::parse(&fixture.sealed(deep.as_bytes())).unwrap();
    let trust = Trust::Key(fixture.key.public().unwrap());
    assert!(bundle.verify(&trust, NOW).is_err());
}
