// SPDX-License-Identifier: Apache-2.0
//! Keys as other tools write them.

use std::{fs, path::Path};

use casemate_crypto::{CryptoError, Curve, EcdsaPrivate, EcdsaPublic, HashAlgorithm, sha256};

const PASSWORD: &[u8] = b"geheim";

fn file(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keys");
    fs::read(directory.join(name)).unwrap()
}

#[test]
fn every_form_is_the_same_key() {
    let public = EcdsaPublic::from_pem(&file("pub.pem")).unwrap();
    for name in ["plain", "sha1", "sha256", "sha384", "sha512"] {
        let text = file(&format!("{name}.pem"));
        let key = EcdsaPrivate::from_pem(&text, Some(PASSWORD)).unwrap();
        assert_eq!(key.public().unwrap(), public, "{name}");
        if name != "plain" {
            let without = EcdsaPrivate::from_pem(&text, None).unwrap_err();
            assert!(
                matches!(without, CryptoError::PasswordNeeded),
                "{name}: {without}"
            );
            let wrong = EcdsaPrivate::from_pem(&text, Some(b"Geheim")).unwrap_err();
            assert!(
                matches!(wrong, CryptoError::PasswordWrong),
                "{name}: {wrong}"
            );
        }
    }
}

#[test]
fn what_is_not_used_is_named() {
    for (name, why) in [
        ("scrypt.pem", "openssl pkcs8 -topk8"),
        ("des3.pem", "openssl pkcs8 -topk8"),
        ("legacy.pem", "openssl pkcs8 -topk8"),
        ("k1.pem", "P-256, P-384 or P-521"),
        ("ed.pem", "P-256, P-384 or P-521"),
        ("rsa.pem", "P-256, P-384 or P-521"),
        ("pub.pem", "it holds `PUBLIC KEY`"),
    ] {
        let error = EcdsaPrivate::from_pem(&file(name), Some(PASSWORD)).unwrap_err();
        assert!(error.to_string().contains(why), "{name}: {error}");
    }
    for (name, why) in [
        ("k1.pub.pem", "P-256, P-384 or P-521"),
        ("ed.pub.pem", "no elliptic-curve key"),
        ("rsa.pub.pem", "no elliptic-curve key"),
        ("comp.pub.pem", "compressed"),
        ("plain.pem", "it holds `EC PARAMETERS`"),
    ] {
        let error = EcdsaPublic::from_pem(&file(name)).unwrap_err();
        assert!(error.to_string().contains(why), "{name}: {error}");
    }
    let two = [file("pub.pem"), file("pub.pem")].concat();
    assert!(EcdsaPublic::from_pem(&two).is_err());
}

#[test]
fn the_hint_is_of_the_text_that_others_write() {
    let text = file("pub.pem");
    let public = EcdsaPublic::from_pem(&text).unwrap();
    assert_eq!(public.to_pem().as_bytes(), text);
    assert_eq!(public.hint(), sha256(&text));
    // Whatever the layout of the file is.
    let windows = String::from_utf8(text).unwrap().replace('\n', "\r\n");
    let again = EcdsaPublic::from_pem(format!("a key:\r\n\r\n{windows}").as_bytes()).unwrap();
    assert_eq!(again.hint(), public.hint());
}

#[test]
fn signatures_are_of_one_key_and_one_message() {
    for curve in Curve::ALL {
        let key = EcdsaPrivate::generate(curve).unwrap();
        let public = key.public().unwrap();
        assert_eq!(
            EcdsaPublic::from_pem(public.to_pem().as_bytes()).unwrap(),
            public
        );
        let again = EcdsaPrivate::from_pem(key.to_pem().unwrap().as_bytes(), None).unwrap();
        assert_eq!(again.public().unwrap(), public);
        let mut signature = key.sign(b"message").unwrap();
        assert!(public.verify(b"message", &signature));
        assert!(!public.verify(b"Message", &signature));
        for other in Curve::ALL {
            let stranger = EcdsaPrivate::generate(other).unwrap().public().unwrap();
            assert!(!stranger.verify(b"message", &signature));
        }
        signature.push(0);
        assert!(!public.verify(b"message", &signature));
        assert!(!public.verify(b"message", &[]));
    }
}

#[test]
fn a_point_beside_the_curve_is_no_key() {
    let text = String::from_utf8(file("pub.pem")).unwrap();
    // The last characters of the second coordinate.
    let moved = text.replace("D17Q==", "D17A==");
    assert_ne!(moved, text);
    let error = EcdsaPublic::from_pem(moved.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("not on the curve"), "{error}");
}

/// Of the empty message and of `abc`, from the specifications.
#[test]
fn digests_of_files() {
    for (algorithm, bytes, start) in [
        (HashAlgorithm::Sha256, &b""[..], "e3b0c44298fc1c14"),
        (HashAlgorithm::Sha256, b"abc", "ba7816bf8f01cfea"),
        (HashAlgorithm::Blake3, b"", "af1349b9f5f9a1a6"),
        (HashAlgorithm::Blake3, b"abc", "6437b3ac38465133"),
        (HashAlgorithm::Blake2b, b"", "786a02f742015903"),
        (HashAlgorithm::Blake2b, b"abc", "ba80a53f981c4d0d"),
    ] {
        let digest = algorithm.digest(bytes);
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text.starts_with(start), "{algorithm:?}: {text}");
        assert_eq!(digest.len(), algorithm.length());
        let mut stream = algorithm.stream();
        bytes.iter().for_each(|byte| stream.update(&[*byte]));
        assert_eq!(stream.finish(), digest);
    }
}
