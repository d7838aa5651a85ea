// SPDX-License-Identifier: Apache-2.0
//! A version is what was signed, by somebody who may, and nothing else.

use casemate_crypto::{Curve, EcdsaPrivate, HashAlgorithm};
use casemate_models::{
    registry::{DocumentKind, RegistryError, Submission},
    signing::SignOptions,
};
use serde_json::json;

use super::house::{
    HOSTILE, House, admin, bundle, bundle_with, copy, developer, gate, hex, listed, model, place,
    reference,
};

fn refused<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> String {
    match result {
        Err(RegistryError::Signature(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_count_and_the_same_version_is_the_same() {
    let house = House::new();
    let first = house.push(&model(1));
    assert_eq!((first.summary.number, first.outcome), (1, "clean"));
    assert_eq!(first.signer, Ok("team-0".into()));
    assert_eq!(house.push(&model(2)).summary.number, 2);
    let again = house.push(&model(1));
    assert_eq!(again.summary.number, 1);
    assert_eq!(again.summary.root, first.summary.root);
    // Each way to name it leads to it.
    let root = hex(&first.summary.root);
    for name in ["1", &root, &format!("@sha256:{root}"), &root[..40]] {
        assert_eq!(house.show(name).summary.root, first.summary.root, "{name}");
    }
    let list = house.run(house.registry.list(&developer(), None)).unwrap();
    assert_eq!(list.len(), 1);
    let numbers: Vec<_> = list[0]
        .versions
        .iter()
        .map(|version| version.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
}

#[test]
fn only_whom_the_model_allows_may_sign() {
    let house = House::new();
    let stranger = EcdsaPrivate::generate(Curve::P256).unwrap();
    let by_stranger = bundle(&model(1), stranger);
    refused(house.push_with(&developer(), &model(1), by_stranger));
    // Nobody is not everybody.
    house.allow(&[]);
    let why = refused(house.push_with(&developer(), &model(1), house.bundle(&model(1))));
    assert!(why.contains("nobody may sign"), "{why}");
    assert!(
        house
            .run(house.registry.version(&admin(), &place(), &reference("1")))
            .is_err()
    );
}

#[test]
fn a_signature_covers_every_file_and_nothing_else() {
    let house = House::new();
    let signed = house.bundle(&model(1));
    let mut more = model(1);
    more.push(("extra.json".into(), b"{}".to_vec()));
    refused(house.push_with(&developer(), &more, signed.clone()));
    refused(house.push_with(&developer(), &model(1)[..1], signed.clone()));
    let mut changed = model(1);
    changed[1].1[150_000] ^= 1;
    refused(house.push_with(&developer(), &changed, signed.clone()));
    let mut swapped = model(1);
    swapped[0].0 = "conf1g.json".into();
    refused(house.push_with(&developer(), &swapped, signed.clone()));
    // What a verifier passes over by its name is not signed either.
    let mut hidden = model(1);
    hidden.push((".github/workflow".into(), b"hm".to_vec()));
    refused(house.push_with(&developer(), &hidden, signed));
    for junk in [&b""[..], b"{}", b"null", &[0xff; 100]] {
        refused(house.push_with(&developer(), &model(1), junk.to_vec()));
    }
}

#[test]
fn names_that_cannot_stand_beside_one_another_are_refused() {
    let house = House::new();
    let both = vec![
        ("Model.bin".to_owned(), b"{}".to_vec()),
        ("model.bin".to_owned(), b"[]".to_vec()),
    ];
    let result = house.push_with(&developer(), &both, house.bundle(&both));
    assert!(
        matches!(result, Err(RegistryError::Invalid(_))),
        "{result:?}"
    );
}

#[test]
fn the_same_contents_under_other_names_are_no_version_there_is() {
    let house = House::new();
    let first = house.push(&model(1));
    let mut renamed = model(1);
    renamed[0].0 = "conf.json".into();
    let result = house.push_with(&developer(), &renamed, house.bundle(&renamed));
    assert!(
        matches!(result, Err(RegistryError::Conflict(_))),
        "{result:?}"
    );
    let names: Vec<_> = house
        .show("1")
        .files
        .into_iter()
        .map(|file| file.name)
        .collect();
    let before: Vec<_> = first.files.into_iter().map(|file| file.name).collect();
    assert_eq!(names, before);
}

#[test]
fn bytes_that_were_not_sent_make_no_version() {
    let house = House::new();
    let submission = Submission {
        files: listed(&model(1)),
        bundle: house.bundle(&model(1)),
    };
    let result = house.run(house.registry.register(&developer(), &place(), submission));
    assert!(matches!(result, Err(RegistryError::Invalid(why)) if why.contains("were not sent")));
}

#[test]
fn a_hostile_file_is_kept_as_evidence_and_given_to_nobody() {
    let house = House::new();
    let files = vec![("model.pkl".to_owned(), HOSTILE.to_vec())];
    let version = house.push(&files);
    assert_eq!(version.outcome, "refuse");
    assert_eq!(
        version.files[0].report["findings"][0]["rule"],
        "pickle-dangerous-call"
    );
    assert_eq!(gate(house.promote("1", "staging")), ["gate.scan"]);
    let why = house.pull("1", "model.pkl").unwrap_err();
    assert!(why.contains("scan"), "{why}");
    assert_eq!(
        gate(house.run(house.registry.pull(&admin(), &place(), &reference("1")))),
        ["gate.scan"]
    );
}

#[test]
fn documents_speak_of_exactly_these_bytes() {
    let house = House::new();
    let (one, two) = (house.push(&model(1)), house.push(&model(2)));
    let bom = super::house::bom(&two);
    assert!(house.attest("1", DocumentKind::Bom, bom.clone()).is_err());
    house.attest("2", DocumentKind::Bom, bom).unwrap();
    for bad in [
        json!({}),
        json!({"name": "x"}),
        json!({"name": "x", "metrics": {}}),
        json!([]),
    ] {
        assert!(house.attest("1", DocumentKind::Evaluation, bad).is_err());
    }
    let provenance = |root: &[u8]| {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{"name": "fraud", "digest": {"sha256": hex(root)}}],
            "predicate": {
                "buildDefinition": {"resolvedDependencies": [
                    {"uri": "dataset:claims@7", "digest": {"sha256": "00"}},
                    {"name": "parent", "digest": {"sha256": hex(&one.summary.root)}},
                ]},
                "runDetails": {"metadata": {"invocationId": "run-42"}},
            },
        })
    };
    let (of_one, of_two) = (provenance(&one.summary.root), provenance(&two.summary.root));
    assert!(house.attest("2", DocumentKind::Provenance, of_one).is_err());
    house.attest("2", DocumentKind::Provenance, of_two).unwrap();

    let lineage = house
        .run(
            house
                .registry
                .lineage(&developer(), &place(), &reference("2")),
        )
        .unwrap();
    let root = hex(&two.summary.root);
    assert_eq!(lineage["subject"]["digest"]["sha256"], root);
    for statement in lineage["statements"].as_array().unwrap() {
        assert_eq!(statement["subject"][0]["digest"]["sha256"], root);
    }
    assert_eq!(lineage["statements"][0]["predicate"]["outcome"], "clean");
    assert_eq!(lineage["lineage"]["runs"], json!(["run-42"]));
    assert_eq!(lineage["lineage"]["parents"][0]["version"], 1);
    assert_eq!(
        lineage["signature"]["mediaType"],
        "application/vnd.dev.sigstore.bundle.v0.3+json"
    );
}

#[test]
fn versions_differ_file_by_file() {
    let house = House::new();
    house.push(&model(1));
    let mut other = model(2);
    other.push(("added.json".into(), b"{}".to_vec()));
    other[0].0 = "renamed.json".into();
    house.push(&other);
    let (place, one, two) = (place(), reference("1"), reference("2"));
    let diff = house
        .run(house.registry.diff(&developer(), &place, &one, &two))
        .unwrap();
    assert_eq!(diff.added, ["added.json", "renamed.json"]);
    assert_eq!(diff.changed, ["onnx/weights.safetensors"]);
    assert_eq!(diff.removed, ["config.json"]);
}

#[test]
fn a_version_is_signed_anew_when_its_signature_holds_no_more() {
    let house = House::new();
    house.push(&model(1));
    let next = EcdsaPrivate::generate(Curve::P256).unwrap();
    house.allow(&[&next]);
    let shut = house.pull("1", "config.json").unwrap_err();
    assert!(shut.contains("sign"), "{shut}");
    let again = house.push_with(&developer(), &model(1), bundle(&model(1), next));
    assert_eq!(again.unwrap().summary.number, 1);
    assert!(house.pull("1", "config.json").is_ok());
}

#[test]
fn another_signature_makes_no_other_version_of_what_was_stopped() {
    let house = House::new();
    house.push(&model(1));
    let options = SignOptions {
        algorithm: HashAlgorithm::Blake3,
        ..SignOptions::default()
    };
    let other = || bundle_with(&model(1), copy(&house.key), &options);
    let push = || house.push_with(&developer(), &model(1), other());
    let (place, one) = (place(), reference("1"));
    house
        .run(house.registry.quarantine(&admin(), &place, &one, "odd"))
        .unwrap();
    assert!(matches!(push(), Err(RegistryError::Conflict(_))));
    house
        .run(house.registry.release(&admin(), &place, &one, "fine"))
        .unwrap();
    house
        .run(house.registry.set_floor(&admin(), &place, 2, "old"))
        .unwrap();
    assert!(matches!(push(), Err(RegistryError::Conflict(_))));
    house
        .run(house.registry.set_floor(&admin(), &place, 0, "fine"))
        .unwrap();
    assert_eq!(push().unwrap().summary.number, 2);
}

#[test]
fn documents_of_one_kind_are_numbered() {
    let house = House::new();
    house.push(&model(1));
    let say = |number: usize| {
        let body = json!({"name": "holdout", "metrics": {"auc": number}});
        house.attest("1", DocumentKind::Evaluation, body)
    };
    (0..32).for_each(|number| say(number).unwrap());
    assert!(matches!(say(32), Err(RegistryError::Conflict(_))));
    // What is there already may be said again.
    say(0).unwrap();
    assert_eq!(house.show("1").documents.len(), 32);
}
