// SPDX-License-Identifier: Apache-2.0
//! Keyless signatures: a good one holds, and each that differs from it in one thing does not.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_models::signing::{
    Effort, Identity, Irregularity, LocalModel, Refusal, SignerIdentity, SigstoreRoots, Trust,
    VerifiedModel, verify,
};
use casemate_types::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, NOW, refused, verified},
    world::{
        self, Ephemeral, PROVIDER, SIGNED_AT, Timestamped, WHO, World, dsse, issuer_v1, issuer_v2,
    },
};

/// A model, its statement, and a world in which it is signed.
struct Place {
    fixture: Fixture,
    world: World,
    payload: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let fixture = Fixture::new();
        let bundle: Value = serde_json::from_slice(&fixture.sign()).unwrap();
        let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
        Self {
            payload: STANDARD.decode(payload).unwrap(),
            world: World::new(),
            fixture,
        }
    }

    fn bundle(&self) -> Value {
        self.bundle_of(&self.world.signer())
    }

    fn bundle_of(&self, signer: &Ephemeral) -> Value {
        self.world.bundle(&self.payload, signer)
    }

    fn trust(&self) -> Trust {
        self.trust_in(&self.world.trusted_root(), WHO, PROVIDER)
    }

    fn trust_in(&self, root: &Value, who: &str, provider: &str) -> Trust {
        let roots = SigstoreRoots::from_json(root.to_string().as_bytes()).unwrap();
        Trust::Sigstore(roots, Identity::new(who.to_owned(), provider.to_owned()))
    }

    fn verify(&self, bundle: &Value) -> Result<VerifiedModel, Refusal> {
        self.verify_by(bundle, &self.trust(), NOW)
    }

    fn verify_by(
        &self,
        bundle: &Value,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<VerifiedModel, Refusal> {
        let model = LocalModel::open(&self.fixture.model)?;
        let bytes = bundle.to_string();
        verify(bytes.as_bytes(), trust, now, &model, &Effort::default())
    }

    /// The bundle with an entry about another body.
    fn with_body(&self, signer: &Ephemeral, body: impl FnOnce(&[u8], &[u8]) -> Value) -> Value {
        let mut bundle = self.bundle_of(signer);
        let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"]
            .as_str()
            .unwrap();
        let body = body(&self.payload, &STANDARD.decode(signature).unwrap());
        *entry(&mut bundle) = self.world.entry(&body, SIGNED_AT);
        bundle
    }
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

#[test]
fn a_good_one_holds() {
    let place = Place::new();
    let model = place.verify(&place.bundle()).unwrap();
    let SignerIdentity::Keyless {
        identity,
        issuer,
        signed_at,
        ..
    } = model.signer()
    else {
        panic!("{:?}", model.signer());
    };
    assert_eq!((identity.as_str(), issuer.as_str()), (WHO, PROVIDER));
    assert_eq!(signed_at.as_secs(), SIGNED_AT);
    let said = model.signer().to_string();
    let start = format!("{WHO} signed in at {PROVIDER} on 2026-06-15T12:00:00.000Z");
    assert!(said.starts_with(&start), "{said}");
    verified("strictly", place.verify(&place.bundle()), &[]);
    // Another file is another model, whoever signed.
    place.fixture.write("config.json", b"[]");
    refused("changed", place.verify(&place.bundle()), "was changed");
}

#[test]
fn every_kind_of_entry_holds_and_none_for_another_signature() {
    let place = Place::new();
    let signer = place.world.signer();
    let stranger = place.world.signer();
    for (what, kind) in [
        ("dsse", dsse as fn(&[u8], &[u8], &Ephemeral) -> Value),
        ("intoto", world::intoto),
        ("hashedrekord", world::hashedrekord),
    ] {
        let good = place.with_body(&signer, |payload, sig| kind(payload, sig, &signer));
        verified(what, place.verify(&good), &[]);
        let bundle = place.with_body(&signer, |_, sig| kind(b"{}", sig, &signer));
        refused(what, place.verify(&bundle), "another payload");
        let bundle = place.with_body(&signer, |payload, _| kind(payload, b"other", &signer));
        refused(what, place.verify(&bundle), "another signature");
        let bundle = place.with_body(&signer, |payload, sig| kind(payload, sig, &stranger));
        refused(what, place.verify(&bundle), "another certificate");
    }
    let odd = place.with_body(&signer, |payload, sig| {
        let mut body = dsse(payload, sig, &signer);
        body["kind"] = "rpm".into();
        body
    });
    refused("another kind", place.verify(&odd), "`rpm 0.0.1`");
    let two = place.with_body(&signer, |payload, sig| {
        let mut body = dsse(payload, sig, &signer);
        let one = body["spec"]["signatures"][0].clone();
        body["spec"]["signatures"] = json!([one.clone(), one]);
        body
    });
    refused(
        "two signatures",
        place.verify(&two),
        "not about one signature",
    );
    let sha1 = place.with_body(&signer, |payload, sig| {
        let mut body = dsse(payload, sig, &signer);
        body["spec"]["payloadHash"]["algorithm"] = "sha1".into();
        body
    });
    refused("another hash", place.verify(&sha1), "another payload");
}

/// What logs say, changed after they said it or said by somebody else.
#[test]
fn logs() {
    let place = Place::new();
    let other = World::new();
    let root = |hash: u8| STANDARD.encode([hash; 32]);
    let cases: Vec<(&str, Box<dyn Fn(&mut Value) + '_>, &str)> = vec![
        (
            "no entry",
            Box::new(|entry| *entry = Value::Null),
            "malformed",
        ),
        (
            "a time that nobody promised",
            Box::new(|entry| entry["integratedTime"] = "1781524801".into()),
            "promise",
        ),
        (
            "an index that nobody promised",
            Box::new(|entry| entry["logIndex"] = "1003".into()),
            "promise",
        ),
        (
            "a promise of another log",
            Box::new(|entry| {
                entry["inclusionPromise"]["signedEntryTimestamp"] = other.log.promise(entry).into();
            }),
            "promise",
        ),
        (
            "no promise",
            Box::new(|entry| entry["inclusionPromise"] = Value::Null),
            "vouches for the time",
        ),
        (
            "no proof",
            Box::new(|entry| entry["inclusionProof"] = Value::Null),
            "no proof",
        ),
        (
            "an unknown log",
            Box::new(|entry| {
                entry["logId"]["keyId"] = STANDARD.encode(other.log.id()).into();
                entry["inclusionPromise"]["signedEntryTimestamp"] = other.log.promise(entry).into();
            }),
            "not known",
        ),
        (
            "a log before its time",
            Box::new(|entry| {
                entry["integratedTime"] = "1700000000".into();
                entry["inclusionPromise"]["signedEntryTimestamp"] =
                    place.world.log.promise(entry).into();
            }),
            "not known, or was not at that time",
        ),
        (
            "a time to come",
            Box::new(|entry| {
                entry["integratedTime"] = "1790000001".into();
                entry["inclusionPromise"]["signedEntryTimestamp"] =
                    place.world.log.promise(entry).into();
            }),
            "yet to come",
        ),
        (
            "no time",
            Box::new(|entry| entry["integratedTime"] = "0".into()),
            "no time",
        ),
        (
            "a path that leads elsewhere",
            Box::new(|entry| entry["inclusionProof"]["hashes"][1] = root(9).into()),
            "does not lead",
        ),
        (
            "a path that is longer",
            Box::new(|entry| {
                entry["inclusionProof"]["hashes"]
                    .as_array_mut()
                    .unwrap()
                    .push(root(9).into());
            }),
            "does not lead",
        ),
        (
            "a path without end",
            Box::new(|entry| {
                entry["inclusionProof"]["hashes"] = vec![root(9); 65].into();
            }),
            "too long",
        ),
        (
            "another place",
            Box::new(|entry| entry["inclusionProof"]["logIndex"] = "3".into()),
            "does not lead",
        ),
        (
            "another size",
            Box::new(|entry| entry["inclusionProof"]["treeSize"] = "6".into()),
            "another tree",
        ),
        (
            "another root",
            Box::new(|entry| entry["inclusionProof"]["rootHash"] = root(9).into()),
            "does not lead",
        ),
        (
            "a checkpoint of another log",
            Box::new(|entry| checkpoint(entry, &other)),
            "checkpoint",
        ),
        (
            "a checkpoint of another tree",
            Box::new(|entry| {
                let note = place.world.log.checkpoint(5, &[9; 32]);
                entry["inclusionProof"]["checkpoint"]["envelope"] = note.into();
            }),
            "another tree",
        ),
        (
            "a checkpoint that was changed",
            Box::new(|entry| {
                let note = &mut entry["inclusionProof"]["checkpoint"]["envelope"];
                *note = note.as_str().unwrap().replace(" - 1\n", " - 2\n").into();
            }),
            "not signed by the log",
        ),
        (
            "a checkpoint without signatures",
            Box::new(|entry| {
                entry["inclusionProof"]["checkpoint"]["envelope"] = "a\n5\nAAAA\n\n".into();
            }),
            "not signed by the log",
        ),
        (
            "no note",
            Box::new(|entry| {
                entry["inclusionProof"]["checkpoint"]["envelope"] = "a".into();
            }),
            "no signed note",
        ),
        (
            "another body",
            Box::new(|entry| {
                entry["canonicalizedBody"] = STANDARD.encode("{}").into();
            }),
            "promise",
        ),
        (
            "another kind",
            Box::new(|entry| entry["kindVersion"]["kind"] = "intoto".into()),
            "another kind",
        ),
        (
            "a log of version 2",
            Box::new(|entry| entry["kindVersion"]["version"] = "0.0.2".into()),
            "version 2",
        ),
        (
            "a number with a sign",
            Box::new(|entry| entry["logIndex"] = "+1002".into()),
            "64 bits",
        ),
    ];
    for (what, change, why) in cases {
        let mut bundle = place.bundle();
        change(entry(&mut bundle));
        refused(what, place.verify(&bundle), why);
    }
    let mut bundle = place.bundle();
    entry(&mut bundle)["logIndex"] = 1_002.into();
    verified("a number as a number", place.verify(&bundle), &[]);
}

/// The same text signed by another log under the name of the known one.
fn checkpoint(entry: &mut Value, other: &World) {
    let proof = &mut entry["inclusionProof"];
    let root = STANDARD
        .decode(proof["rootHash"].as_str().unwrap())
        .unwrap();
    proof["checkpoint"]["envelope"] = other.log.checkpoint(5, &root).into();
}

#[test]
fn entries_are_counted() {
    let place = Place::new();
    let mut bundle = place.bundle();
    let one = entry(&mut bundle).clone();
    let mut with = |entries: Vec<Value>| {
        bundle["verificationMaterial"]["tlogEntries"] = entries.into();
        place.verify(&bundle)
    };
    refused("none", with(Vec::new()), "no entry of a log");
    refused("one twice", with(vec![one.clone(); 2]), "twice");
    refused("many", with(vec![one.clone(); 17]), "too many");
    let mut second = one.clone();
    second["logIndex"] = "1003".into();
    refused(
        "a bad second",
        with(vec![one.clone(), second.clone()]),
        "promise",
    );
    second["inclusionPromise"]["signedEntryTimestamp"] = place.world.log.promise(&second).into();
    verified("two", with(vec![one, second]), &[]);
    let mut bundle = place.bundle();
    bundle["verificationMaterial"]
        .as_object_mut()
        .unwrap()
        .remove("tlogEntries");
    refused("no list", place.verify(&bundle), "no entry of a log");
}

/// Whom the certificate names, and what it is.
#[test]
fn signers() {
    let place = Place::new();
    let cases: Vec<(&str, fn(&mut world::Leaf), &str)> = vec![
        (
            "somebody else",
            |leaf| {
                leaf.params.subject_alt_names =
                    vec![SanType::Rfc822Name("eve@example.org".try_into().unwrap())];
            },
            "signed by `eve@example.org`",
        ),
        (
            "almost the name",
            |leaf| {
                leaf.params.subject_alt_names =
                    vec![SanType::Rfc822Name("Maker@example.org".try_into().unwrap())];
            },
            "not by whom was asked for",
        ),
        (
            "no name",
            |leaf| leaf.params.subject_alt_names.clear(),
            "not by whom was asked for",
        ),
        (
            "another provider",
            |leaf| {
                leaf.params.custom_extensions = vec![issuer_v2("https://accounts.example.com")];
            },
            "https://accounts.example.com",
        ),
        (
            "two providers",
            |leaf| {
                leaf.params.custom_extensions =
                    vec![issuer_v2(PROVIDER), issuer_v1("https://example.com")];
            },
            "two identity providers",
        ),
        (
            "no provider",
            |leaf| leaf.params.custom_extensions.clear(),
            "no identity provider",
        ),
        (
            "not for code",
            |leaf| leaf.params.extended_key_usages.clear(),
            "not for code signing",
        ),
        (
            "for servers",
            |leaf| {
                leaf.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            },
            "not for code signing",
        ),
        (
            "expired when it was signed",
            |leaf| {
                leaf.params.not_before = date_time_ymd(2026, 6, 13);
                leaf.params.not_after = date_time_ymd(2026, 6, 14);
            },
            "expired at 2026-06-14",
        ),
        (
            "not valid yet when it was signed",
            |leaf| {
                leaf.params.not_before = date_time_ymd(2026, 6, 16);
                leaf.params.not_after = date_time_ymd(2026, 6, 17);
            },
            "not valid before 2026-06-16",
        ),
        (
            "unknown to logs of certificates",
            |leaf| leaf.timestamp = Timestamped::Never,
            "no log of certificates",
        ),
        (
            "known to a log that is not known",
            |leaf| leaf.timestamp = Timestamped::ByAnother,
            "no known log of certificates",
        ),
        (
            "a false timestamp",
            |leaf| leaf.timestamp = Timestamped::Falsely,
            "a log's signature",
        ),
    ];
    for (what, change, why) in cases {
        let bundle = place.bundle_of(&place.world.signer_with(change));
        refused(what, place.verify(&bundle), why);
    }
    let good: [(&str, fn(&mut world::Leaf)); 3] = [
        ("a provider in the older form", |leaf| {
            leaf.params.custom_extensions = vec![issuer_v1(PROVIDER)]
        }),
        ("a provider in the newer form", |leaf| {
            leaf.params.custom_extensions = vec![issuer_v2(PROVIDER)]
        }),
        ("names beside", |leaf| {
            leaf.params
                .subject_alt_names
                .push(SanType::DnsName("example.org".try_into().unwrap()));
        }),
    ];
    for (what, change) in good {
        let bundle = place.bundle_of(&place.world.signer_with(change));
        verified(what, place.verify(&bundle), &[]);
    }
}

#[test]
fn names_of_workflows_and_users_are_compared_as_they_stand() {
    let place = Place::new();
    let root = place.world.trusted_root();
    // A comma and a backslash, which are escaped for people.
    let uri = "https://example.org/a,b/.workflows/release.yml@refs/tags/v1";
    let workflow = place.world.signer_with(|leaf| {
        leaf.params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    });
    let user = place.world.signer_with(|leaf| {
        let kind = vec![1, 3, 6, 1, 4, 1, 57_264, 1, 7];
        leaf.params.subject_alt_names = vec![SanType::OtherName((kind, "maker!org".into()))];
    });
    for (name, signer) in [(uri, &workflow), ("maker!org", &user)] {
        let bundle = place.bundle_of(signer);
        let verify =
            |who: &str| place.verify_by(&bundle, &place.trust_in(&root, who, PROVIDER), NOW);
        verified(name, verify(name), &[]);
        refused(name, verify(&name[1..]), "not by whom was asked for");
        refused(name, verify(""), "not by whom was asked for");
    }
    let trust = place.trust_in(&root, uri, "");
    let result = place.verify_by(&place.bundle_of(&workflow), &trust, NOW);
    refused("no provider asked for", result, "not by whom was asked for");
}

#[test]
fn the_signature_is_the_certificates() {
    let place = Place::new();
    let (signer, stranger) = (place.world.signer(), place.world.signer());
    // Everything of the first but the key that signed, with an entry that says so.
    let mut bundle = place.bundle_of(&stranger);
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].clone();
    let bytes = STANDARD.decode(signature.as_str().unwrap()).unwrap();
    let body = dsse(&place.payload, &bytes, &signer);
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = STANDARD.encode(&signer.der).into();
    *entry(&mut bundle) = place.world.entry(&body, SIGNED_AT);
    refused(
        "another key",
        place.verify(&bundle),
        "the signature is wrong",
    );
}

#[test]
fn the_trust_root_is_the_operators() {
    let place = Place::new();
    let bundle = place.bundle();
    let (ours, theirs) = (place.world.trusted_root(), World::new().trusted_root());
    let verify = |root: &Value| place.verify_by(&bundle, &place.trust_in(root, WHO, PROVIDER), NOW);
    let mixed = |part: &str| {
        let mut root = ours.clone();
        root[part] = theirs[part].clone();
        verify(&root)
    };
    refused("another log", mixed("tlogs"), "not known");
    refused(
        "another log of certificates",
        mixed("ctlogs"),
        "no known log of certificates",
    );
    let result = mixed("certificateAuthorities").unwrap_err();
    assert!(matches!(result, Refusal::Chain(_)), "{result}");
    let mut ended = ours.clone();
    ended["certificateAuthorities"][0]["validFor"]["end"] = "2026-06-15T11:59:59.999Z".into();
    refused(
        "an authority that had ended",
        verify(&ended),
        "no trusted root",
    );
    for part in ["tlogs", "ctlogs"] {
        let mut ended = ours.clone();
        ended[part][0]["publicKey"]["validFor"]["end"] = "2026-06-15T11:59:59.999Z".into();
        refused(part, verify(&ended), "known");
    }
    // Of two authorities and two logs the fitting ones are found, and other kinds of keys are left.
    let mut both = ours.clone();
    for part in ["certificateAuthorities", "tlogs", "ctlogs"] {
        let mut list = vec![theirs[part][0].clone(), ours[part][0].clone()];
        if part != "certificateAuthorities" {
            let mut other = theirs[part][0].clone();
            other["publicKey"]["keyDetails"] = "PKIX_ED25519".into();
            other["publicKey"]["rawBytes"] = "AAAA".into();
            list.push(other);
        }
        both[part] = list.into();
    }
    both["mediaType"] = "application/vnd.dev.sigstore.trustedroot+json;version=0.2".into();
    verified("two of each", verify(&both), &[]);
}

#[test]
fn trust_roots_that_are_none() {
    let good = World::new().trusted_root();
    let cases: Vec<(&str, fn(&mut Value), &str)> = vec![
        (
            "another media type",
            |root| root["mediaType"] = "x\u{1b}".into(),
            r"`x\u{1b}`",
        ),
        (
            "no authority",
            |root| root["certificateAuthorities"] = json!([]),
            "no certificate authority",
        ),
        ("no log", |root| root["tlogs"] = json!([]), "no log"),
        (
            "no log of certificates",
            |root| _ = root.as_object_mut().unwrap().remove("ctlogs"),
            "no log",
        ),
        (
            "an empty chain",
            |root| {
                root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([]);
            },
            "no certificate",
        ),
        (
            "no certificate",
            |root| {
                root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] =
                    "AAAA".into();
            },
            "X.509",
        ),
        (
            "no key",
            |root| root["tlogs"][0]["publicKey"]["rawBytes"] = "AAAA".into(),
            "DER",
        ),
        (
            "no base64",
            |root| root["tlogs"][0]["logId"]["keyId"] = "!".into(),
            "base64",
        ),
        (
            "no time",
            |root| {
                root["tlogs"][0]["publicKey"]["validFor"]["start"] = "2026-02-30T00:00:00Z".into()
            },
            "RFC 3339",
        ),
        (
            "no validity",
            |root| {
                _ = root["ctlogs"][0]["publicKey"]
                    .as_object_mut()
                    .unwrap()
                    .remove("validFor");
            },
            "validFor",
        ),
    ];
    for (what, change, why) in cases {
        let mut root = good.clone();
        change(&mut root);
        let error = SigstoreRoots::from_json(root.to_string().as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{what}: {error}");
    }
    assert!(SigstoreRoots::from_json(&vec![b' '; SigstoreRoots::MAX + 1]).is_err());
}

#[test]
fn ways_of_signing_are_not_mixed_up() {
    let place = Place::new();
    let keyless = place.bundle();
    let by_key = place.verify_by(&keyless, &place.fixture.trust(), NOW);
    refused("keyless by a key", by_key, "trust root of Sigstore");
    let with_key: Value = serde_json::from_slice(&place.fixture.sign()).unwrap();
    refused(
        "a key by an identity",
        place.verify(&with_key),
        "not by keyless signing",
    );
    let mut stamped = place.bundle();
    stamped["verificationMaterial"]["timestampVerificationData"] = json!({"rfc3161Timestamps": []});
    verified(
        "timestamps",
        place.verify(&stamped),
        &[Irregularity::Timestamps],
    );
}

#[test]
fn one_byte_changed_is_never_another_signer() {
    let place = Place::new();
    let trust = place.trust();
    let model = LocalModel::open(&place.fixture.model).unwrap();
    let good = place.bundle().to_string().into_bytes();
    let root = place.verify(&place.bundle()).unwrap().root();
    for at in (0..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x01;
        if let Ok(model) = verify(&bytes, &trust, NOW, &model, &Effort::default()) {
            assert_eq!(model.root(), root);
        }
        assert!(verify(&good[..at], &trust, NOW, &model, &Effort::default()).is_err());
    }
}
