// SPDX-License-Identifier: Apache-2.0
//! Any bytes as keys and certificates.
#![no_main]

use casemate_crypto::{Certificate, EcdsaPrivate, EcdsaPublic, Roots, certificates_from_pem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = certificate.public_key();
        assert!(!certificate.subject().chars().any(char::is_control));
        let chain = [certificate.clone(), certificate.clone()];
        let _ = Roots::new(vec![certificate]).verify(&chain, 1_790_000_000);
    }
    if let Ok(certificates) = certificates_from_pem(bytes) {
        let _ = Roots::new(certificates.clone()).verify(&certificates, 1_790_000_000);
    }
    let keys = [EcdsaPublic::from_spki(bytes), EcdsaPublic::from_pem(bytes)];
    for key in keys.into_iter().flatten() {
        assert_eq!(
            EcdsaPublic::from_pem(key.to_pem().as_bytes()).ok(),
            Some(key)
        );
    }
    // Without a password: deriving keys from one would take all the time there is.
    let _ = EcdsaPrivate::from_pem(bytes, None);
});
