// SPDX-License-Identifier: Apache-2.0
//! The ways in which other programs write the same.

use casemate_crypto::HashAlgorithm;
use casemate_models::signing::{Method, SignOptions};
use serde_json::{Value, json};

use crate::fixture::{Fixture, refused, statement, verified};

fn sharded(fixture: &Fixture) -> Value {
    let options = SignOptions {
        method: Method::Shards { bytes: 1_000 },
        ..SignOptions::default()
    };
    statement(&fixture.sign_with(&options).bundle)
}

/// Signs a statement about shards that is changed.
fn shards(fixture: &Fixture, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut it = sharded(fixture);
    change(&mut it);
    fixture.sealed(it.to_string().as_bytes())
}

#[test]
fn sizes_of_shards() {
    let fixture = Fixture::new();
    for (size, right) in [
        ("1000", true),
        ("1000.0", true),
        ("1e3", true),
        ("1000.5", false),
        ("-1000", false),
        ("0", false),
        ("999", false),
        ("2000", false),
        ("1e300", false),
        ("\"1000\"", false),
    ] {
        let text = sharded(&fixture).to_string();
        assert!(text.contains("\"shard_size\":1000"));
        let text = text.replace("\"shard_size\":1000", &format!("\"shard_size\":{size}"));
        let result = fixture.verify(&fixture.sealed(text.as_bytes()));
        assert_eq!(result.is_ok(), right, "{size}: {result:?}");
    }
}

#[test]
fn names_of_algorithms() {
    let fixture = Fixture::new();
    for (name, right) in [
        ("sha256", true),
        ("sha256-sharded-1000", true),
        ("sha256-sharded-1000.0", true),
        ("sha256-sharded-1001", false),
        ("sha256-sharded-", false),
        ("blake3-sharded-1000", false),
        ("SHA256", false),
        ("", false),
    ] {
        let bundle = shards(&fixture, |it| {
            for one in it["predicate"]["resources"].as_array_mut().unwrap() {
                one["algorithm"] = name.into();
            }
        });
        let result = fixture.verify(&bundle);
        assert_eq!(result.is_ok(), right, "{name}: {result:?}");
    }
    let options = SignOptions {
        algorithm: HashAlgorithm::Blake2b,
        ..SignOptions::default()
    };
    let mut it = statement(&fixture.sign_with(&options).bundle);
    assert_eq!(
        it["predicate"]["resources"][0]["digest"]
            .as_str()
            .unwrap()
            .len(),
        128
    );
    it["predicate"]["serialization"]["hash_type"] = "blake2".into();
    let bundle = fixture.sealed(it.to_string().as_bytes());
    verified("blake2", fixture.verify(&bundle), &[]);
}

#[test]
fn shards_that_are_none() {
    let fixture = Fixture::new();
    for name in [
        "sub/weights.bin",
        "sub/weights.bin:0",
        "sub/weights.bin:0:0",
        "sub/weights.bin:1000:0",
        "sub/weights.bin:0:1001",
        "sub/weights.bin:1:1000",
        "sub/weights.bin:+0:1000",
        "sub/weights.bin: 0:1000",
        "sub/weights.bin:0:99999999999999999999999",
        ":0:1000",
        "../x:0:1000",
    ] {
        let bundle = shards(&fixture, |it| {
            it["predicate"]["resources"][2]["name"] = name.into()
        });
        refused(name, fixture.verify(&bundle), "malformed");
    }
    // A shard that is left out, in the middle and at the end.
    for gone in [3, 4] {
        let mut it = sharded(&fixture);
        let list = it["predicate"]["resources"].as_array_mut().unwrap();
        assert!(
            list[gone]["name"]
                .as_str()
                .unwrap()
                .starts_with("sub/weights.bin:")
        );
        list.remove(gone);
        let digests = list
            .iter()
            .map(|one| one["digest"].as_str().unwrap().to_owned());
        let bytes: Vec<u8> = digests.flat_map(|text| unhex(&text)).collect();
        it["subject"][0]["digest"]["sha256"] = hex(&casemate_crypto::sha256(&bytes)).into();
        let bundle = fixture.sealed(it.to_string().as_bytes());
        refused(
            "left out",
            fixture.verify(&bundle),
            "`sub/weights.bin` was changed",
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn names_with_colons_and_of_all_scripts() {
    let fixture = Fixture::new();
    for name in [
        "a:0:10",
        "ünï/€ 模型",
        "quote\"back\\slash",
        "new\nline",
        "-rf",
        "~",
        "con:",
    ] {
        fixture.write(name, b"some content");
    }
    for method in [Method::Files, Method::Shards { bytes: 5 }] {
        let options = SignOptions {
            method,
            ..SignOptions::default()
        };
        let bundle = fixture.sign_with(&options).bundle;
        verified("names", fixture.verify(&bundle), &[]);
    }
    // Every character beyond ASCII as an escape, as Python writes it.
    let mut escaped = String::new();
    for c in statement(&fixture.sign()).to_string().chars() {
        match c.is_ascii() {
            true => escaped.push(c),
            false => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    assert!(escaped.contains("\\u20ac"));
    verified(
        "escapes",
        fixture.verify(&fixture.sealed(escaped.as_bytes())),
        &[],
    );
}

#[test]
fn any_layout_and_order_of_json() {
    let fixture = Fixture::new();
    let mut it = statement(&fixture.sign());
    let pretty = serde_json::to_string_pretty(&it).unwrap();
    verified(
        "lines",
        fixture.verify(&fixture.sealed(pretty.as_bytes())),
        &[],
    );
    // In the reference's order `sub/weights.bin` stands before `sub.txt`.
    let list = it["predicate"]["resources"].as_array_mut().unwrap();
    list.swap(1, 2);
    let digests = list
        .iter()
        .map(|one| one["digest"].as_str().unwrap().to_owned());
    let bytes: Vec<u8> = digests.flat_map(|text| unhex(&text)).collect();
    let root = hex(&casemate_crypto::sha256(&bytes));
    it["subject"][0]["digest"]["sha256"] = root.clone().into();
    let result = fixture.verify(&fixture.sealed(it.to_string().as_bytes()));
    assert_eq!(result.as_ref().unwrap().root().to_string(), root);
    verified("another order", result, &[]);
    let without = fixture.restated(|it| {
        it["predicate"]["serialization"] = json!({"method": "files", "hash_type": "sha256"});
    });
    verified("nothing but what must be", fixture.verify(&without), &[]);
}
