// SPDX-License-Identifier: Apache-2.0
//! `casemate model scan`: outcomes, forms, exit codes.

use serde_json::Value;

use crate::harness::Home;

/// A pickle that would run a command that does nothing. It is never loaded.
const HOSTILE: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
/// A pickle of an empty dict.
const HARMLESS: &[u8] = b"\x80\x02}.";

fn lines(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A directory with files of several outcomes.
fn models(home: &Home) -> String {
    let path = home.dir.join("models");
    std::fs::create_dir_all(path.join("inner")).unwrap();
    std::fs::write(path.join("a.txt"), HOSTILE).unwrap();
    std::fs::write(path.join("b.bin"), HARMLESS).unwrap();
    std::fs::write(path.join("inner/c"), b"\x80\x04}\xff").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_line_for_each_file() {
    let home = Home::new();
    let path = models(&home);
    let found = lines(
        &home
            .run(&["model", "scan", &path, "--format", "json"])
            .exits(3)
            .out,
    );
    let seen: Vec<_> = found
        .iter()
        .map(|line| {
            (
                line["path"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("a.txt", "refuse"),
            ("b.bin", "clean"),
            ("inner/c", "unreadable")
        ]
    );
    let line = &found[0];
    let mut members: Vec<_> = line.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(
        members,
        ["findings", "formats", "outcome", "path", "sha256"]
    );
    assert_eq!(line["formats"], serde_json::json!(["pickle"]));
    assert_eq!(line["sha256"].as_str().unwrap().len(), 64);
    let finding = &line["findings"][0];
    assert_eq!(finding["rule"], "pickle-dangerous-call");
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["reference"], "CWE-502");
    assert_eq!(finding.as_object().unwrap().len(), 5);
}

#[test]
fn exit_codes_say_whether_all_is_clean() {
    let home = Home::new();
    let path = models(&home);
    let file = |name: &str| format!("{path}/{name}");
    home.run(&["model", "scan", &file("b.bin")])
        .exits(0)
        .says(&["1 file: 1 clean"]);
    home.run(&["model", "scan", &file("a.txt")])
        .exits(3)
        .says(&["pickle-dangerous-call"]);
    home.run(&["model", "scan", &file("b.bin"), &file("inner")])
        .exits(3);
    home.run(&["model", "scan", &file("nothing")]).exits(1);
    home.run(&["model", "scan", &file("b.bin"), &file("nothing")])
        .exits(1);
    let none = home.dir.join("none");
    std::fs::create_dir(&none).unwrap();
    home.run(&["model", "scan", none.to_str().unwrap()])
        .exits(0)
        .says(&["no files"]);
}

#[test]
fn other_forms() {
    let home = Home::new();
    let path = models(&home);
    let sarif = home
        .run(&["model", "scan", &path, "--format", "sarif"])
        .exits(3)
        .out;
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 2);
    assert_eq!(run["results"][0]["ruleId"], "pickle-dangerous-call");
    assert_eq!(run["artifacts"].as_array().unwrap().len(), 3);
    let bom = home
        .run(&["model", "scan", &path, "--format", "cyclonedx"])
        .exits(3)
        .out;
    let bom: Value = serde_json::from_str(&bom).unwrap();
    assert_eq!(bom["bomFormat"], "CycloneDX");
    assert_eq!(bom["components"][1]["type"], "machine-learning-model");
    let plain = home
        .run(&["model", "scan", &path, "--format", "plain"])
        .exits(3)
        .out;
    assert_eq!(plain.lines().count(), 5);
    home.run(&["project", "list", "--format", "cyclonedx"])
        .exits(2);
}

#[test]
fn a_large_file_is_read_in_pieces() {
    let home = Home::new();
    let path = home.dir.join("large");
    let numbers = vec![7_u8; 40 << 20];
    let header = format!(
        r#"{{"a":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#,
        numbers.len()
    );
    let header = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let whole = [&header[..], &numbers].concat();
    std::fs::write(&path, &whole).unwrap();
    let arguments = ["model", "scan", path.to_str().unwrap(), "--format", "json"];
    let found = lines(&home.run(&arguments).exits(0).out);
    assert_eq!(found[0]["formats"], serde_json::json!(["safetensors"]));
    let digest = casemate_crypto::sha256(&whole);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found[0]["sha256"], digest);
    std::fs::write(&path, [&whole[..], HOSTILE].concat()).unwrap();
    home.run(&arguments).exits(3);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_not_clean() {
    let home = Home::new();
    let path = home.dir.join("links");
    std::fs::create_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", path.join("broken")).unwrap();
    std::os::unix::fs::symlink(home.dir.path(), path.join("directory")).unwrap();
    let arguments = ["model", "scan", path.to_str().unwrap(), "--format", "json"];
    let found = lines(&home.run(&arguments).exits(3).out);
    assert_eq!(found[0]["outcome"], "unreadable");
    assert_eq!(found[0]["sha256"], Value::Null);
    assert_eq!(found[1]["outcome"], "review");
}

/// A torch file of three tensors that are one, kept by the tests of the library.
fn tied() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../artifact/tests/data/convert/tied-zip"
    );
    path.to_owned()
}

#[test]
fn torch_files_become_safetensors() {
    let home = Home::new();
    let out = home.dir.join("out.safetensors");
    let out = out.to_str().unwrap();
    let said = home.run(&["model", "convert", &tied(), out]).exits(0).out;
    assert!(said.contains("3 tensors, 332 bytes"), "{said}");
    let expected = std::fs::read(tied().replace("tied-zip", "tied.safetensors")).unwrap();
    assert_eq!(std::fs::read(out).unwrap(), expected);
    home.run(&["model", "scan", out]).exits(0);
    // What is there is kept, unless somebody says otherwise.
    let again = home.run(&["model", "convert", &tied(), out]).exits(1);
    assert!(again.err.contains("`--force` replaces it"), "{}", again.err);
    let said = home.run(&[
        "model",
        "convert",
        &tied(),
        out,
        "--force",
        "--once",
        "--format",
        "json",
    ]);
    let line: Value = serde_json::from_str(&said.exits(0).out).unwrap();
    assert_eq!((&line["tensors"], &line["shared"]), (&1.into(), &2.into()));
}

#[test]
fn nothing_is_written_of_a_hostile_file() {
    let home = Home::new();
    let directory = home.dir.join("converted");
    std::fs::create_dir_all(&directory).unwrap();
    let (input, out) = (home.dir.join("model.pt"), directory.join("out.safetensors"));
    std::fs::write(&input, HOSTILE).unwrap();
    let (input, out) = (input.to_str().unwrap(), out.to_str().unwrap());
    let found = home
        .run(&["model", "convert", input, out, "--format", "json"])
        .exits(3);
    let line: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(line["findings"][0]["rule"], "pickle-dangerous-call");
    assert_eq!(line["outcome"], "refuse");
    for (bytes, why) in [(&b"words"[..], "no pickle"), (HARMLESS, "no tensor")] {
        std::fs::write(input, bytes).unwrap();
        let said = home.run(&["model", "convert", input, out]).exits(1).err;
        assert!(said.contains(why), "{said}");
    }
    home.run(&["model", "convert", "nowhere", out]).exits(1);
    home.run(&["model", "convert", input]).exits(1);
    let part = home
        .run(&["model", "convert", &tied(), out, "--key", "nowhere"])
        .exits(1)
        .err;
    assert!(part.contains("there is no `nowhere`"), "{part}");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}

/// The same file with an object of a class that no list has.
fn for_review(home: &Home) -> String {
    let path = home.dir.join("review.pkl");
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x01\x85cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbI00\nc_codecs\nencode\nX\x01\0\0\0aU\x06latin1\x86Rtb";
    let pickle = [
        &b"\x80\x02}(U\x01w"[..],
        array,
        b"U\x01ocacme.models\nSettings\n)\x81u.",
    ]
    .concat();
    std::fs::write(&path, pickle).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_for_review_is_converted_with_a_warning() {
    let home = Home::new();
    let input = for_review(&home);
    let scanned = home.run(&["model", "scan", &input, "--format", "json"]);
    let scanned = lines(&scanned.exits(3).out);
    assert_eq!(scanned[0]["outcome"], "review");
    let out = home.dir.join("out.safetensors");
    let out = out.to_str().unwrap();
    let strict = ["model", "convert", &input, out, "--strict"];
    let refused = home.run(&strict).exits(3);
    assert!(
        refused.out.contains("pickle-unlisted-class"),
        "{}",
        refused.out
    );
    assert!(!std::path::Path::new(out).exists());
    let converted = home.run(&["model", "convert", &input, out, "--format", "json"]);
    let converted = converted.exits(0);
    for part in [
        "warning",
        "for review",
        "pickle-unlisted-class",
        "`@",
        "acme.models.Settings",
        "--strict",
    ] {
        assert!(converted.err.contains(part), "{part}: {}", converted.err);
    }
    let line: Value = serde_json::from_str(&converted.out).unwrap();
    assert_eq!(line["outcome"], "review");
    assert_eq!(line["findings"], scanned[0]["findings"]);
    home.run(&["model", "scan", out]).exits(0);
    // Of a clean file nothing is said.
    let quiet = home.run(&["model", "convert", &tied(), out, "--force", "--strict"]);
    assert_eq!(quiet.exits(0).err, "");
}

#[test]
fn names_of_a_file_do_not_reach_the_terminal() {
    let home = Home::new();
    let input = home.dir.join("odd.pkl");
    let name = b"\x1b[2J".as_slice();
    let pickle = [
        &b"\x80\x02}U\x04"[..],
        name,
        b"ctorch._utils\n_rebuild_qtensor\n)Rs.",
    ]
    .concat();
    std::fs::write(&input, pickle).unwrap();
    let out = home.dir.join("out.safetensors");
    let arguments = [
        "model",
        "convert",
        input.to_str().unwrap(),
        out.to_str().unwrap(),
    ];
    let said = home.run(&arguments).exits(1).err;
    assert!(said.contains("[2J") && !said.contains('\u{1b}'), "{said:?}");
}
