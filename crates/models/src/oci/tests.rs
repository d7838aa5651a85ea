// SPDX-License-Identifier: Apache-2.0
//! Layouts that are right, changed, and made to hurt.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn layers() -> Vec<Layer> {
    let layer = |name: &str, bytes: &[u8]| Layer {
        name: name.parse().unwrap(),
        sha256: sha256(bytes),
        length: bytes.len() as u64,
    };
    vec![
        layer("config.json", b"{}"),
        layer("onnx/model.onnx", b"onnx"),
    ]
}

fn reread(documents: &Documents) -> Result<Artefact, OciError> {
    read(&documents.index, &mut |digest| {
        let found = documents.blobs.iter().find(|(known, _)| known == digest);
        found
            .map(|(_, bytes)| bytes.clone())
            .ok_or(std::io::ErrorKind::NotFound.into())
    })
}

#[test]
fn what_was_written_is_read() {
    let artefact = reread(&write("fraud", "3", &layers(), b"bundle")).unwrap();
    assert_eq!(artefact.layers, layers());
    assert_eq!(artefact.bundle.as_deref(), Some(&b"bundle"[..]));
}

#[test]
fn a_document_that_was_changed_is_refused() {
    for changed in 0..5 {
        let mut documents = write("fraud", "3", &layers(), b"bundle");
        let Some((_, bytes)) = documents.blobs.get_mut(changed) else {
            continue;
        };
        // As long as before, or the length would tell.
        let end = bytes.last_mut().unwrap();
        *end ^= 1;
        let result = reread(&documents);
        // What nobody asks for is not read: the configuration and the empty one.
        let asked = matches!(changed, 1 | 3 | 4);
        assert_eq!(result.is_err(), asked, "{changed} {result:?}");
    }
}

#[test]
fn hostile_layouts_are_refused() {
    let base = write("fraud", "3", &layers(), b"bundle");
    let (_, manifest) = base.blobs.get(1).unwrap();
    let text = String::from_utf8(manifest.clone()).unwrap();
    for (from, to) in [
        ("onnx/model.onnx", "../../etc/passwd"),
        ("onnx/model.onnx", "/etc/passwd"),
        ("weight.v1.raw", "weight.v1.tar"),
        ("\"digest\":\"sha256:", "\"digest\":\"sha256:../../"),
        ("\"digest\":\"sha256:", "\"digest\":\"md5:"),
    ] {
        let changed = text.replace(from, to).into_bytes();
        assert_ne!(&changed, manifest, "{from}");
        let digest = sha256(&changed);
        let index = json!({"manifests": [{"digest": address(&digest)}]});
        let documents = Documents {
            index: index.to_string().into_bytes(),
            blobs: vec![(digest, changed)],
        };
        assert!(
            matches!(reread(&documents), Err(OciError::Malformed(_))),
            "{to}"
        );
    }
    for index in [
        "",
        "null",
        "7",
        "[]",
        "{\"manifests\":[],\"manifests\":[]}",
        "{\"manifests\":[{}]}",
        "{\"manifests\":{}}",
    ] {
        let result = read(index.as_bytes(), &mut |_| Ok(Vec::new()));
        assert!(result.is_err(), "{index}");
    }
}
/// A layout of manifests that are listed as often as said.
fn listed(manifests: &[(&str, usize)]) -> Documents {
    let mut list = Vec::new();
    let mut blobs = Vec::new();
    for (manifest, times) in manifests {
        let digest = sha256(manifest.as_bytes());
        let descriptor = json!({"digest": address(&digest), "size": manifest.len()});
        list.extend(std::iter::repeat_n(descriptor, *times));
        blobs.push((digest, manifest.as_bytes().to_vec()));
    }
    Documents {
        index: json!({"manifests": list}).to_string().into_bytes(),
        blobs,
    }
}

fn model(layers: &[Layer]) -> String {
    let documents = write("fraud", "3", layers, b"bundle");
    let (_, manifest) = documents.blobs.get(1).unwrap();
    String::from_utf8(manifest.clone()).unwrap()
}

#[test]
fn a_manifest_is_read_once_however_often_it_is_listed() {
    let manifest = model(&layers());
    let documents = listed(&[(&manifest, 10_000)]);
    let mut asked = 0;
    let artefact = read(&documents.index, &mut |_| {
        asked += 1;
        Ok(manifest.clone().into_bytes())
    });
    assert_eq!((artefact.unwrap().layers, asked), (layers(), 1));
}

#[test]
fn the_second_model_ends_it() {
    let many: Vec<_> = (0..50)
        .map(|number| format!("{}{}", model(&layers()), " ".repeat(number)))
        .collect();
    let many: Vec<_> = many.iter().map(|manifest| (manifest.as_str(), 1)).collect();
    let documents = listed(&many);
    let mut asked = 0;
    let error = read(&documents.index, &mut |digest| {
        asked += 1;
        let found = documents.blobs.iter().find(|(known, _)| known == digest);
        Ok(found.unwrap().1.clone())
    });
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "the OCI layout has more than one model");
    assert_eq!(asked, 2);
}

#[test]
fn what_a_layout_says_of_itself_is_held_against_it() {
    let base = model(&layers());
    let check = |documents: &Documents, why: &str| {
        let error = reread(documents).unwrap_err().to_string();
        assert!(error.contains(why) && error.len() < 500, "{error:.500}");
    };
    let long = "x".repeat(1 << 20);
    for (from, to, why) in [
        ("onnx/model.onnx", "config.json", "two layers `config.json`"),
        ("\"size\":4", "\"size\":-4", "a manifest that is none"),
        ("\"size\":4", "\"size\":\"4\"", "a manifest that is none"),
        ("\"size\":4", "\"length\":4", "without a size"),
        ("weight.v1.raw", &long, "only files as they are"),
        (
            "\"digest\":\"sha256:",
            &format!("\"digest\":\"{long}"),
            "has a digest",
        ),
        (
            "\"digest\":\"sha256:",
            "\"digest\":\"sha512:",
            "has a digest",
        ),
        (
            "\"digest\":\"sha256:",
            "\"digest\":\"sha256:A",
            "has a digest",
        ),
    ] {
        let changed = base.replace(from, to);
        assert_ne!(changed, base, "{from}");
        check(&listed(&[(&changed, 1)]), why);
    }
    check(&listed(&[(&model(&[]), 1)]), "without files");
    check(&listed(&[]), "no model");
    let manifest = sha256(base.as_bytes());
    let index = json!({"manifests": [{"digest": address(&manifest), "size": 7}]});
    let lies = Documents {
        index: index.to_string().into_bytes(),
        blobs: vec![(manifest, base.into_bytes())],
    };
    check(&lies, "another size");
    for list in ["manifests", "layers"] {
        let items = vec!["{}"; 10_001].join(",");
        let text = format!("{{\"artifactType\":\"{MODEL}\",\"{list}\":[{items}]}}");
        let documents = match list {
            "layers" => listed(&[(&text, 1)]),
            _ => Documents {
                index: text.into_bytes(),
                blobs: Vec::new(),
            },
        };
        check(&documents, "no more than 10000");
    }
}

#[test]
fn an_index_within_an_index_is_not_followed() {
    let inner = listed(&[(&model(&layers()), 1)]);
    let mut outer = listed(&[(std::str::from_utf8(&inner.index).unwrap(), 1)]);
    outer.blobs.extend(inner.blobs);
    let error = reread(&outer).unwrap_err().to_string();
    assert_eq!(error, "the OCI layout has no model");
}

proptest! {
    #[test]
    fn any_bytes_as_an_index(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(read(&bytes, &mut |_| Ok(bytes.clone())).is_err());
    }

    /// Whatever is changed in a manifest, only digests that stand in a document are asked for, and
    /// names that come out of it are such that can be written.
    #[test]
    fn a_changed_manifest_reads_nothing_else(
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        put in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut manifest = model(&layers()).into_bytes();
        let at = at.index(manifest.len());
        let end = (at + cut.index(24)).min(manifest.len());
        manifest.splice(at..end, put);
        let digest = sha256(&manifest);
        let index = json!({"manifests": [{"digest": address(&digest)}]}).to_string();
        let mut asked = Vec::new();
        let result = read(index.as_bytes(), &mut |digest| {
            asked.push(*digest);
            Ok(manifest.clone())
        });
        prop_assert_eq!(asked, vec![digest]);
        if let Ok(artefact) = result {
            for layer in artefact.layers {
                prop_assert!(!layer.name.as_str().split('/').any(|part| part == ".."));
            }
        }
    }
}
