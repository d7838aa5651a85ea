// SPDX-License-Identifier: Apache-2.0
//! Signatures that do not hold: each differs from a good one in one thing.

use casemate_crypto::{Curve, EcdsaPrivate};
use casemate_models::signing::{Irregularity, Trust};
use serde_json::{Value, json};

use crate::fixture::{Fixture, refused, seal, statement, verified};

#[test]
fn every_curve_holds() {
    for curve in Curve::ALL {
        let fixture = Fixture::on(curve);
        verified(curve.as_str(), fixture.verify(&fixture.sign()), &[]);
    }
}

/// What is around the statement.
#[test]
fn envelopes() {
    let fixture = Fixture::new();
    let other = EcdsaPrivate::generate(Curve::P256).unwrap();
    let mut cases: Vec<(&str, fn(&mut Value), &str)> = Vec::new();
    let mut case = |what, change: fn(&mut Value), why| cases.push((what, change, why));
    case(
        "another media type",
        |bundle| bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.2+json".into(),
        "media type",
    );
    case(
        "another type of payload",
        |bundle| bundle["dsseEnvelope"]["payloadType"] = "application/json".into(),
        "payload",
    );
    case(
        "no envelope",
        |bundle| _ = bundle.as_object_mut().unwrap().remove("dsseEnvelope"),
        "DSSE",
    );
    case(
        "no material",
        |bundle| bundle["verificationMaterial"] = json!({}),
        "neither key nor certificate",
    );
    case(
        "two materials",
        |bundle| bundle["verificationMaterial"]["certificate"] = json!({"rawBytes": "AA=="}),
        "more than one",
    );
    case(
        "keyless signing",
        |bundle| {
            bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": "AA=="}});
        },
        match cfg!(feature = "keyless") {
            true => "X.509",
            false => "keyless",
        },
    );
    case(
        "no signatures",
        |bundle| bundle["dsseEnvelope"]["signatures"] = json!([]),
        "0 signatures",
    );
    case(
        "two signatures",
        |bundle| {
            let one = bundle["dsseEnvelope"]["signatures"][0].clone();
            bundle["dsseEnvelope"]["signatures"] = json!([one.clone(), one]);
        },
        "2 signatures",
    );
    case(
        "a signature that is cut",
        |bundle| cut(&mut bundle["dsseEnvelope"]["signatures"][0]["sig"]),
        "not base64",
    );
    case(
        "a payload that is cut",
        |bundle| cut(&mut bundle["dsseEnvelope"]["payload"]),
        "not base64",
    );
    case(
        "an empty signature",
        |bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = "".into(),
        "signature is wrong",
    );
    case(
        "another hint",
        |bundle| bundle["verificationMaterial"]["publicKey"]["hint"] = "00".repeat(32).into(),
        "another key",
    );
    case(
        "a chain that is empty",
        |bundle| {
            bundle["verificationMaterial"] = json!({"x509CertificateChain": {"certificates": []}});
        },
        "0 certificates",
    );
    case(
        "a chain of no certificates",
        |bundle| {
            bundle["verificationMaterial"] =
                json!({"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}});
        },
        "X.509",
    );
    for (what, change, why) in cases {
        let bundle = fixture.rewrapped(change);
        refused(what, fixture.verify(&bundle), why);
    }
    // Signed by another key, with the hint of the one that is asked for.
    let bundle = fixture.rewrapped(|bundle| {
        let payload = statement(&fixture.sign()).to_string();
        seal(bundle, payload.as_bytes(), &other);
    });
    refused("another key", fixture.verify(&bundle), "signature is wrong");
    // The signature of another model by the same key.
    let second = Fixture::new();
    second.write("config.json", b"[]");
    let theirs: Value = serde_json::from_slice(&second.sign()).unwrap();
    let swapped = fixture.rewrapped(|bundle| {
        let from = &theirs["dsseEnvelope"]["signatures"];
        bundle["dsseEnvelope"]["signatures"] = from.clone();
    });
    refused(
        "a swapped signature",
        fixture.verify(&swapped),
        "signature is wrong",
    );
}

fn cut(text: &mut Value) {
    let whole = text.as_str().unwrap();
    *text = whole[..whole.len() - 1].into();
}

#[test]
fn one_changed_byte_of_the_payload() {
    let fixture = Fixture::new();
    let payload = statement(&fixture.sign()).to_string();
    for place in [0, payload.len() / 2, payload.len() - 1] {
        let mut bundle: Value = serde_json::from_slice(&fixture.sign()).unwrap();
        let mut bytes = payload.clone().into_bytes();
        seal(&mut bundle, &bytes, &fixture.key);
        bytes[place] ^= 1;
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        bundle["dsseEnvelope"]["payload"] = STANDARD.encode(&bytes).into();
        let bundle = bundle.to_string();
        refused(
            "a bit",
            fixture.verify(bundle.as_bytes()),
            "signature is wrong",
        );
    }
}

#[test]
fn keys_of_others() {
    let fixture = Fixture::new();
    let bundle = fixture.sign();
    for curve in Curve::ALL {
        let other = Fixture::on(curve);
        let result = other.verify_at(&fixture.model, &bundle);
        refused("another key", result, "another key");
        // Without the hint the signature itself must tell.
        let bundle = fixture.rewrapped(|bundle| {
            bundle["verificationMaterial"]["publicKey"] = json!({"rawBytes": "AA=="});
        });
        let result = other.verify_at(&fixture.model, &bundle);
        refused("another key", result, "signature is wrong");
        let result = fixture.verify_at(&fixture.model, &bundle);
        verified("before hints", result, &[Irregularity::NoHint]);
    }
    let roots = Trust::Roots(casemate_crypto::Roots::default());
    let parsed = casemate_models::signing::Bundle::parse(&bundle).unwrap();
    let refusal = parsed.verify(&roots, crate::fixture::NOW).unwrap_err();
    assert!(refusal.to_string().contains("public key"), "{refusal}");
}

/// What is signed, signed again after the change: the signature itself holds.
#[test]
fn statements() {
    let fixture = Fixture::new();
    let cases: Vec<(&str, fn(&mut Value), &str)> = vec![
        (
            "another type",
            |it| it["_type"] = "https://in-toto.io/Statement/v0.1".into(),
            "type",
        ),
        (
            "another predicate",
            |it| it["predicateType"] = "https://slsa.dev/provenance/v1".into(),
            "predicate",
        ),
        (
            "before 1.0",
            |it| it["predicateType"] = "https://model_signing/Digests/v0.1".into(),
            "before OMS 1.0",
        ),
        (
            "two subjects",
            |it| {
                let one = it["subject"][0].clone();
                it["subject"] = json!([one.clone(), one]);
            },
            "2 subjects",
        ),
        ("no subject", |it| it["subject"] = json!([]), "0 subjects"),
        (
            "no digest of the subject",
            |it| it["subject"][0]["digest"] = json!({"sha512": "00"}),
            "sha256",
        ),
        (
            "another root",
            |it| it["subject"][0]["digest"]["sha256"] = "00".repeat(32).into(),
            "root digest",
        ),
        (
            "capitals in the root",
            |it| {
                let root = it["subject"][0]["digest"]["sha256"]
                    .as_str()
                    .unwrap()
                    .to_uppercase();
                it["subject"][0]["digest"]["sha256"] = root.into();
            },
            "root digest",
        ),
        (
            "no files",
            |it| it["predicate"]["resources"] = json!([]),
            "no files",
        ),
        (
            "another order",
            |it| {
                it["predicate"]["resources"]
                    .as_array_mut()
                    .unwrap()
                    .reverse()
            },
            "root digest",
        ),
        (
            "a file less",
            |it| _ = it["predicate"]["resources"].as_array_mut().unwrap().pop(),
            "root digest",
        ),
        (
            "an unknown digest",
            |it| it["predicate"]["serialization"]["hash_type"] = "md5".into(),
            "`md5`",
        ),
        (
            "another digest of one file",
            |it| it["predicate"]["resources"][1]["algorithm"] = "blake3".into(),
            "another way",
        ),
        (
            "shards in a model of files",
            |it| it["predicate"]["resources"][1]["algorithm"] = "sha256-sharded-1000".into(),
            "another way",
        ),
        (
            "a short digest",
            |it| it["predicate"]["resources"][0]["digest"] = "ab".into(),
            "is none",
        ),
        (
            "an odd digest",
            |it| it["predicate"]["resources"][0]["digest"] = "a".repeat(63).into(),
            "is none",
        ),
        (
            "no digits",
            |it| it["predicate"]["resources"][0]["digest"] = "zz".repeat(32).into(),
            "is none",
        ),
        (
            "an unknown serialization",
            |it| it["predicate"]["serialization"]["method"] = "tensors".into(),
            "`tensors`",
        ),
        (
            "no size of shards",
            |it| it["predicate"]["serialization"]["method"] = "shards".into(),
            "how large",
        ),
        (
            "links by a text",
            |it| it["predicate"]["serialization"]["allow_symlinks"] = "false".into(),
            "boolean",
        ),
        (
            "no predicate",
            |it| _ = it.as_object_mut().unwrap().remove("predicate"),
            "predicate",
        ),
        (
            "no serialization",
            |it| {
                _ = it["predicate"]
                    .as_object_mut()
                    .unwrap()
                    .remove("serialization")
            },
            "serialization",
        ),
    ];
    for name in [
        "../up",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "./a",
        "a/.",
        "a/",
        "",
        "nul\0",
        "..",
    ] {
        let named = fixture.restated(|it| it["predicate"]["resources"][0]["name"] = name.into());
        refused(name, fixture.verify(&named), "stay within");
    }
    for (what, change, why) in cases {
        refused(what, fixture.verify(&fixture.restated(change)), why);
    }
}

#[test]
fn texts_around() {
    let fixture = Fixture::new();
    let good = String::from_utf8(fixture.sign()).unwrap();
    for (what, text, why) in [
        ("nothing", String::new(), "EOF"),
        ("no JSON", "model".to_owned(), "expected"),
        ("a list", "[]".to_owned(), "malformed"),
        ("more behind", format!("{good} {{}}"), "trailing"),
        ("cut", good[..good.len() - 1].to_owned(), "EOF"),
        (
            "two media types",
            good.replacen('{', "{\"mediaType\":\"x\",", 1),
            "duplicate field",
        ),
    ] {
        refused(what, fixture.verify(text.as_bytes()), why);
    }
    let payload = statement(&fixture.sign()).to_string();
    for (what, text, why) in [
        (
            "a member twice",
            payload.replacen('{', "{\"_type\":\"x\",", 1),
            "duplicate field",
        ),
        ("more behind", format!("{payload}x"), "trailing"),
        (
            "half a character",
            payload.replacen("config", "\\ud800", 1),
            "hex escape",
        ),
    ] {
        refused(what, fixture.verify(&fixture.sealed(text.as_bytes())), why);
    }
    let mut large = good.into_bytes();
    large.resize(casemate_models::signing::Bundle::MAX + 1, b' ');
    refused("too large", fixture.verify(&large), "128 MiB");
}

#[test]
fn what_is_irregular_around_the_statement() {
    let fixture = Fixture::new();
    let logged = fixture.rewrapped(|bundle| {
        bundle["verificationMaterial"]["tlogEntries"] = json!([{"logIndex": "1"}]);
    });
    verified(
        "a log",
        fixture.verify(&logged),
        &[Irregularity::LogEntries],
    );
    let fuller = fixture.rewrapped(|bundle| {
        bundle["verificationMaterial"]["publicKey"]["hint"] = "".into();
    });
    verified(
        "an empty hint",
        fixture.verify(&fuller),
        &[Irregularity::NoHint],
    );
    let extended = fixture.restated(|it| {
        it["predicate"]["model_card"] = json!({"a": [1, 2]});
        it["predicate"]["resources"][0]["annotations"] = json!({});
        it["subject"][0]["digest"]["sha512"] = "x".into();
    });
    verified("members of later versions", fixture.verify(&extended), &[]);
}
