// SPDX-License-Identifier: Apache-2.0
//! Signers with certificates. Chains of other makes are in the tests of the program, with the
//! reference implementation.

use casemate_crypto::{Certificate, EcdsaPrivate, Roots, certificates_from_pem};
use casemate_models::signing::{
    Bundle, Effort, LocalModel, SignOptions, Signer, SignerIdentity, SigningError, Trust, sign,
};
use casemate_types::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::fixture::Fixture;

/// In the life of every certificate.
const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

struct Chain {
    roots: Roots,
    chain: Vec<Certificate>,
    key: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn read(certificate: &rcgen::Certificate) -> Certificate {
    Certificate::from_der(certificate.der()).unwrap()
}

/// A root and a signer whose certificate is changed.
fn chain(change: impl FnOnce(&mut CertificateParams)) -> Chain {
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = params("root");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut leaf = params("signer");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.subject_alt_names = vec![rcgen::SanType::Rfc822Name(
        "ml@example.org".try_into().unwrap(),
    )];
    change(&mut leaf);
    let trusted = read(&root.self_signed(&root_key).unwrap());
    let issued = leaf
        .signed_by(&key, &Issuer::from_params(&root, &root_key))
        .unwrap();
    Chain {
        roots: Roots::new(vec![trusted]),
        chain: vec![read(&issued)],
        key: key.serialize_pem(),
    }
}

fn signed(fixture: &Fixture, chain: &Chain) -> Result<Vec<u8>, SigningError> {
    let key = EcdsaPrivate::from_pem(chain.key.as_bytes(), None).unwrap();
    let signer = Signer::with_chain(key, chain.chain.clone(), NOON)?;
    let model = LocalModel::open(&fixture.model).unwrap();
    let signed = sign(&model, &signer, &SignOptions::default(), &Effort::default())?;
    Ok(signed.bundle)
}

/// What is said against a bundle, or who signed it.
fn asked(bundle: &[u8], roots: &Roots, now: Timestamp) -> Result<SignerIdentity, String> {
    let bundle = Bundle::parse(bundle).map_err(|refusal| refusal.to_string())?;
    let verified = bundle.verify(&Trust::Roots(roots.clone()), now);
    verified
        .map(|statement| statement.signer().clone())
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn the_signer_is_named() {
    let (fixture, chain) = (Fixture::new(), chain(|_| {}));
    let bundle = signed(&fixture, &chain).unwrap();
    let signer = asked(&bundle, &chain.roots, NOON).unwrap();
    let SignerIdentity::Certificate {
        subject,
        issuer,
        names,
        ..
    } = &signer
    else {
        panic!("{signer:?}");
    };
    assert_eq!(
        (subject.as_str(), issuer.as_str()),
        ("CN=signer", "CN=root")
    );
    assert_eq!(names, &["ml@example.org"]);
    let by_key = asked_by_key(&fixture, &bundle);
    assert!(by_key.contains("trusted roots"), "{by_key}");
}

fn asked_by_key(fixture: &Fixture, bundle: &[u8]) -> String {
    let bundle = Bundle::parse(bundle).unwrap();
    bundle
        .verify(&fixture.trust(), NOON)
        .unwrap_err()
        .to_string()
}

#[test]
fn time_is_the_clocks() {
    let (fixture, chain) = (Fixture::new(), chain(|_| {}));
    let bundle = signed(&fixture, &chain).unwrap();
    for (seconds, why) in [
        (1_767_225_599, "not valid before 2026-01-01T00:00:00Z"),
        (1_767_225_600, ""),
        (1_798_761_600, ""),
        (1_798_761_601, "expired at 2027-01-01T00:00:00Z"),
        (-1, "not valid before"),
        (i64::MAX / 1_000, "expired"),
    ] {
        let result = asked(
            &bundle,
            &chain.roots,
            Timestamp::from_millis(seconds * 1_000),
        );
        match why {
            "" => assert!(result.is_ok(), "{seconds}: {result:?}"),
            _ => assert!(
                result.as_ref().is_err_and(|said| said.contains(why)),
                "{result:?}"
            ),
        }
    }
}

#[test]
fn who_may_not_sign_does_not() {
    let fixture = Fixture::new();
    let cases: [(&str, fn(&mut CertificateParams), &str); 4] = [
        (
            "no usage",
            |leaf| leaf.key_usages.clear(),
            "not for digital signatures",
        ),
        (
            "another usage",
            |leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyAgreement],
            "not for digital",
        ),
        (
            "expired",
            |leaf| leaf.not_after = date_time_ymd(2026, 2, 1),
            "expired at 2026-02-01",
        ),
        (
            "too early",
            |leaf| leaf.not_before = date_time_ymd(2026, 12, 31),
            "not valid before",
        ),
    ];
    for (what, change, why) in cases {
        let error = signed(&fixture, &chain(change)).unwrap_err().to_string();
        assert!(error.contains(why), "{what}: {error}");
    }
    let coder = chain(|leaf| {
        leaf.key_usages = vec![KeyUsagePurpose::ContentCommitment];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    });
    let bundle = signed(&fixture, &coder).unwrap();
    assert!(asked(&bundle, &coder.roots, NOON).is_ok());
    let stranger = Chain {
        key: chain(|_| {}).key,
        ..chain(|_| {})
    };
    let error = signed(&fixture, &stranger).unwrap_err();
    assert!(matches!(error, SigningError::OtherKey(_)), "{error}");
}

#[test]
fn roots_are_the_operators() {
    let (fixture, ours) = (Fixture::new(), chain(|_| {}));
    let bundle = signed(&fixture, &ours).unwrap();
    let why = |roots: &Roots| asked(&bundle, roots, NOON).unwrap_err();
    assert!(
        why(&Roots::default()).contains("no trusted root"),
        "{}",
        why(&Roots::default())
    );
    // Of the same name, with another key.
    let theirs = chain(|_| {}).roots;
    assert!(
        why(&theirs).contains("signature is wrong") || why(&theirs).contains("no trusted root")
    );
    let itself = Roots::new(ours.chain.clone());
    assert!(asked(&bundle, &itself, NOON).is_ok());
    let now = Timestamp::from_millis(1_900_000_000_000);
    assert!(
        asked(&bundle, &itself, now)
            .unwrap_err()
            .contains("expired")
    );
}

#[test]
fn certificates_in_texts() {
    for (text, why) in [
        ("", "no certificate"),
        ("-----BEGIN CERTIFICATE-----\n", "no end"),
        (
            "-----BEGIN CERTIFICATE-----\nAA\n-----END KEY-----",
            "overlap",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
            "base64",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "X.509",
        ),
    ] {
        let error = certificates_from_pem(text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}
