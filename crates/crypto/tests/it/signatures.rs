// SPDX-License-Identifier: Apache-2.0
//! Both signatures hold for the message and key they were made with, and for nothing else.

use casemate_crypto::{LogSigner, Secret32, sha256, verify_ed25519, verify_ml_dsa_44};

use crate::{counting, hex, unhex};

type Verify = fn(&[u8], &[u8], &[u8]) -> bool;

#[test]
fn the_keys_of_a_seed_are_frozen() {
    const ED25519_BY_PYTHON: &str =
        "ded9279e03591cec98b49ea3fb95ed3becaaa83f980915103997d279cffd11aa";
    const SIGNATURE_BY_PYTHON: &str = "33eb82b1199ab7beeea51a2cd8577db27fa26b2ef4c59c76b8bdf13ade17b0aa\
                                       a84f5e8eb772d9d9726e1edf0abde442694a160523e14e44ea20516fa0bfc30b";
    const ML_DSA_DIGEST_BY_PYTHON: &str =
        "8d9422114331da1dc718c73670b8b8bc4af0671760ab06f327727be7b4407ac0";
    let signer = LogSigner::from_seed(&counting()).unwrap();
    assert_eq!(hex(signer.ed25519_public()), ED25519_BY_PYTHON);
    assert_eq!(hex(&signer.sign_ed25519(b"casemate")), SIGNATURE_BY_PYTHON);
    assert_eq!(signer.ml_dsa_public().len(), 1312);
    let digest = sha256(signer.ml_dsa_public());
    assert_eq!(hex(&digest), ML_DSA_DIGEST_BY_PYTHON);
}

#[test]
fn a_signature_of_the_standard_verifies() {
    // RFC 8032 section 7.1, test 1: the empty message.
    let public = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signature = unhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970\
         1cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    assert!(verify_ed25519(&public, b"", &signature));
    assert!(!verify_ed25519(&public, b"\0", &signature));
}

#[test]
fn tampering_is_noticed() {
    let signer = LogSigner::from_seed(&counting()).unwrap();
    let other = LogSigner::from_seed(&Secret32::from_bytes([1; 32])).unwrap();
    let message = b"casemate.local/log/1\n17\n".as_slice();
    let classic: (Verify, _, _, _) = (
        verify_ed25519,
        signer.ed25519_public(),
        other.ed25519_public(),
        signer.sign_ed25519(message),
    );
    let quantum: (Verify, _, _, _) = (
        verify_ml_dsa_44,
        signer.ml_dsa_public(),
        other.ml_dsa_public(),
        signer.sign_ml_dsa(message).unwrap(),
    );
    assert_eq!((classic.3.len(), quantum.3.len()), (64, 2420));
    for (verify, public, foreign, signature) in [classic, quantum] {
        assert!(verify(public, message, &signature));
        assert!(!verify(foreign, message, &signature));
        assert!(!verify(&public[1..], message, &signature));
        assert!(!verify(&[], message, &signature));
        assert!(!verify(public, message, &[]));
        assert!(!verify(public, message, &signature[1..]));
        assert!(!verify(public, message, &[&signature[..], b"\0"].concat()));
        for at in 0..message.len() {
            let mut changed = message.to_vec();
            changed[at] ^= 1;
            assert!(!verify(public, &changed, &signature), "message byte {at}");
            assert!(!verify(public, &message[..at], &signature));
        }
        for at in (0..signature.len()).step_by(signature.len() / 64) {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!verify(public, message, &changed), "signature byte {at}");
        }
    }
}

#[test]
fn the_two_kinds_do_not_stand_for_one_another() {
    let signer = LogSigner::from_seed(&counting()).unwrap();
    let classic = signer.sign_ed25519(b"m");
    let quantum = signer.sign_ml_dsa(b"m").unwrap();
    assert!(!verify_ed25519(signer.ml_dsa_public(), b"m", &quantum));
    assert!(!verify_ed25519(signer.ed25519_public(), b"m", &quantum));
    assert!(!verify_ml_dsa_44(signer.ed25519_public(), b"m", &classic));
    assert!(!verify_ml_dsa_44(signer.ml_dsa_public(), b"m", &classic));
}
