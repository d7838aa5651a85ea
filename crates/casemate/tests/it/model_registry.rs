// SPDX-License-Identifier: Apache-2.0
//! A model's way through the registry by the command line, and out to the Hub's own client.

use std::{
    io::{Read as _, Write as _},
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    harness::{Home, Server, post, until},
    sdk::python,
    upstream::Upstream,
};

/// A pickle that would run a command that does nothing. It is never loaded.
const HOSTILE: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

fn safetensors(data: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"w":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#,
        data.len()
    );
    let padded = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    [
        &(padded.len() as u64).to_le_bytes()[..],
        padded.as_bytes(),
        data,
    ]
    .concat()
}

/// A directory as the Hub's client leaves it.
fn download(home: &Home, name: &str, number: u8) -> String {
    let path = home.dir.join(name);
    std::fs::create_dir_all(path.join("onnx")).unwrap();
    std::fs::create_dir_all(path.join(".cache/huggingface")).unwrap();
    std::fs::write(path.join(".gitattributes"), "*.bin filter=lfs").unwrap();
    std::fs::write(path.join(".cache/huggingface/x.lock"), "").unwrap();
    std::fs::write(path.join("config.json"), r#"{"model_type": "bert"}"#).unwrap();
    let weights = safetensors(&vec![number; 300_000]);
    std::fs::write(path.join("onnx/weights.safetensors"), weights).unwrap();
    path.to_str().unwrap().to_owned()
}

struct Scene {
    home: Home,
    server: Server,
    key: String,
    /// Of an administrator, the second person.
    boss: String,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let server = home.up(&["--try"]);
        let key = home.dir.join("team.pem").to_str().unwrap().to_owned();
        home.ok(&["model", "keygen", "--out", &key]);
        let public = home.dir.join("team.pub.pem");
        home.ok(&[
            "model",
            "signers",
            "try/fraud",
            "--key",
            public.to_str().unwrap(),
        ]);
        home.ok(&["service", "create", "try", "boss", "--role", "admin"]);
        let boss = home.json(&["key", "create", "try", "boss"]);
        let boss = boss[0]["secret"].as_str().unwrap().to_owned();
        Self {
            home,
            server,
            key,
            boss,
        }
    }

    fn import(&self, path: &str) -> Value {
        let verb = ["model", "import", path, "try/fraud", "--key", &self.key];
        self.home.json(&verb)[0].clone()
    }

    fn to_production(&self, number: &str) {
        let version = format!("try/fraud@{number}");
        let evaluation = self.home.dir.join("evaluation.json");
        std::fs::write(
            &evaluation,
            r#"{"name": "holdout", "metrics": {"auc": 0.97}}"#,
        )
        .unwrap();
        let file = evaluation.to_str().unwrap();
        self.home
            .ok(&["model", "attest", &version, "evaluation", file]);
        let path = format!("/v1/projects/try/models/fraud/versions/{number}/approve");
        let body = json!({"alias": "production", "why": "read the report"});
        let url = self.server.admin_url();
        assert_eq!(post(url, &path, &self.boss, &body).status, 200);
        self.home
            .ok(&["model", "promote", &version, "--why", "better"]);
    }

    fn version(&self, version: &str) -> Value {
        self.home.json(&["model", "show", version])
    }

    /// Sealed files, the largest first.
    fn blobs(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        for shelf in std::fs::read_dir(self.home.data.join("models")).unwrap() {
            let entries = std::fs::read_dir(shelf.unwrap().path()).unwrap();
            all.extend(entries.map(|entry| entry.unwrap().path()));
        }
        all.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
        all
    }
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_model_goes_to_production_and_back() {
    let scene = Scene::new();
    let home = &scene.home;
    let (one, two) = (download(home, "one", 1), download(home, "two", 2));
    let first = scene.import(&one);
    assert_eq!(
        (&first["version"], &first["outcome"]),
        (&json!(1), &json!("clean"))
    );
    let names: Vec<_> = first["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["name"])
        .collect();
    assert_eq!(names, ["config.json", "onnx/weights.safetensors"]);
    assert_eq!(scene.import(&one)["version"], 1, "the same once more");

    // Signed elsewhere and pushed.
    let signature = home.dir.join("two.sig");
    let signature = signature.to_str().unwrap();
    let ignore = [".cache", "--signature", signature, &two];
    home.ok(&[
        &["model", "sign", "--key", &scene.key, "--ignore"][..],
        &ignore,
    ]
    .concat());
    let push = ["model", "push", &two, "try/fraud", "--signature", signature];
    assert_eq!(home.json(&push)[0]["version"], 2);
    let diff = home.json(&["model", "diff", "try/fraud", "1", "2"]);
    assert_eq!(diff["changed"], json!(["onnx/weights.safetensors"]));

    // No gate opens without what it asks for.
    let promote = ["model", "promote", "try/fraud@1"];
    let ran = home.run(&promote).exits(3);
    assert!(ran.err.contains("production needs"), "{}", ran.err);
    scene.to_production("1");
    let ran = home.run(&["model", "promote", "try/fraud@2"]).exits(3);
    assert!(ran.err.contains("bill of materials"), "{}", ran.err);
    let bom = home
        .run(&["model", "scan", &two, "--format", "cyclonedx"])
        .out;
    let file = home.dir.join("bom.json");
    std::fs::write(&file, bom).unwrap();
    home.ok(&[
        "model",
        "attest",
        "try/fraud@2",
        "bom",
        file.to_str().unwrap(),
    ]);
    scene.to_production("2");
    assert_eq!(scene.version("try/fraud@production")["version"], 2);
    let began = std::time::Instant::now();
    home.ok(&["model", "rollback", "try/fraud", "--why", "it is worse"]);
    assert!(began.elapsed().as_secs_f32() < 1.0, "{:?}", began.elapsed());
    assert_eq!(scene.version("try/fraud@production")["version"], 1);

    let out = home.dir.join("copy");
    let out = out.to_str().unwrap();
    let copied = home.dir.join("copy.sig");
    let pull = [
        "model",
        "pull",
        "try/fraud@production",
        out,
        "--signature",
        copied.to_str().unwrap(),
    ];
    home.ok(&pull);
    let read = |base: &str, name: &str| std::fs::read(Path::new(base).join(name)).unwrap();
    for name in ["config.json", "onnx/weights.safetensors"] {
        assert_eq!(read(out, name), read(&one, name));
    }
    let public = home.dir.join("team.pub.pem");
    let public = public.to_str().unwrap();
    let verify = [
        "model",
        "verify",
        "--public-key",
        public,
        "--signature",
        copied.to_str().unwrap(),
        out,
    ];
    home.ok(&verify);
    // As an OCI layout, and from there into another model.
    let layout = format!("oci:{}", home.dir.join("layout").to_str().unwrap());
    home.ok(&["model", "pull", "try/fraud@1", &layout]);
    let read_json = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(home.dir.join("layout").join(name)).unwrap()).unwrap()
    };
    let index = read_json("index.json");
    let digest = index["manifests"][0]["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    let manifest = read_json(&format!("blobs/{digest}"));
    assert_eq!(
        manifest["artifactType"],
        "application/vnd.cncf.model.manifest.v1+json"
    );
    assert_eq!(
        manifest["layers"][1]["annotations"]["org.cncf.model.filepath"],
        "onnx/weights.safetensors"
    );
    home.ok(&["model", "signers", "try/copy", "--key", public]);
    let pushed = home.json(&["model", "push", &layout, "try/copy"]);
    assert_eq!(pushed[0]["digest"], first["digest"]);
    // A blob that was changed is not sent.
    let weights = manifest["layers"][1]["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    flip(&home.dir.join("layout/blobs").join(weights));
    let ran = home.run(&["model", "push", &layout, "try/other"]).exits(1);
    assert!(ran.err.contains("another digest"), "{}", ran.err);

    // A directory that is there is not touched.
    home.run(&pull).exits(1);
    let lineage: Value =
        serde_json::from_str(&home.ok(&["model", "show", "try/fraud@1", "--lineage"])).unwrap();
    assert_eq!(
        lineage["subject"]["digest"]["sha256"],
        first["digest"].as_str().unwrap()[7..]
    );
    assert_eq!(
        home.json(&["model", "list", "try"])[1]["aliases"][0]["version"],
        1
    );
}

#[test]
fn a_hostile_file_is_neither_signed_nor_sent() {
    let scene = Scene::new();
    let path = download(&scene.home, "bad", 3);
    std::fs::write(Path::new(&path).join("tokenizer.json"), HOSTILE).unwrap();
    let verb = ["model", "import", &path, "try/fraud", "--key", &scene.key];
    let ran = scene.home.run(&verb).exits(3);
    assert!(ran.out.contains("pickle-dangerous-call"), "{}", ran.out);
    assert!(ran.err.contains("nothing was imported"), "{}", ran.err);
    assert_eq!(
        scene.home.json(&["model", "list", "try"])[0]["versions"],
        json!([])
    );
}

/// The Hub's cache of one revision, made of links as its client makes them.
fn cached(home: &Home, number: u8) -> PathBuf {
    let source = download(home, "cached", number);
    let root = home.dir.join("hub/models--acme--fraud");
    let snapshot = root.join("snapshots/0123456789abcdef0123456789abcdef01234567");
    std::fs::create_dir_all(snapshot.join("onnx")).unwrap();
    std::fs::create_dir_all(root.join("blobs")).unwrap();
    for (name, etag, up) in [
        ("config.json", "5f1c", "../.."),
        ("onnx/weights.safetensors", "a2e9", "../../.."),
    ] {
        std::fs::copy(Path::new(&source).join(name), root.join("blobs").join(etag)).unwrap();
        symlink(format!("{up}/blobs/{etag}"), snapshot.join(name)).unwrap();
    }
    snapshot
}

#[test]
fn links_lead_into_the_cache_and_nowhere_else() {
    let scene = Scene::new();
    let home = &scene.home;
    let snapshot = cached(home, 1);
    let snapshot = snapshot.to_str().unwrap();
    assert_eq!(scene.import(snapshot)["version"], 1);
    let secret = home.dir.join("credentials");
    std::fs::write(&secret, r#"{"secret": "AKIA"}"#).unwrap();
    let clone = download(home, "clone", 2);
    let signature = home.dir.join("clone.sig");
    let signature = signature.to_str().unwrap();
    let sign = [
        "model",
        "sign",
        "--key",
        &scene.key,
        "--ignore",
        ".cache",
        "--allow-symlinks",
        "--signature",
        signature,
        &clone,
    ];
    for (target, place) in [(&*secret, &*clone), (&*secret, snapshot)] {
        let link = Path::new(place).join("notes.json");
        symlink(target, &link).unwrap();
        let import = ["model", "import", place, "try/fraud", "--key", &scene.key];
        let ran = home.run(&import).exits(1);
        assert!(
            ran.err.contains("notes.json") && ran.err.contains("leads out"),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("AKIA"), "{}", ran.err);
        if place == clone {
            // Signing names it, and keeps to what was asked for; nothing of it is sent.
            let signed = home.run(&sign).exits(0);
            assert!(signed.err.contains("notes.json"), "{}", signed.err);
        }
        let push = [
            "model",
            "push",
            place,
            "try/fraud",
            "--signature",
            signature,
        ];
        let ran = home.run(&push).exits(1);
        assert!(ran.err.contains("leads out"), "{}", ran.err);
        std::fs::remove_file(link).unwrap();
    }
    // A link within is the file it leads to.
    symlink("config.json", Path::new(&clone).join("copy.json")).unwrap();
    assert_eq!(scene.import(&clone)["version"], 2);
    // A layout is made of files.
    let layout = home.dir.join("layout");
    let place = format!("oci:{}", layout.to_str().unwrap());
    home.ok(&["model", "pull", "try/fraud@1", &place]);
    let index = layout.join("index.json");
    std::fs::rename(&index, home.dir.join("moved.json")).unwrap();
    symlink(home.dir.join("moved.json"), &index).unwrap();
    let ran = home.run(&["model", "push", &place, "try/other"]).exits(1);
    assert!(ran.err.contains("leads out"), "{}", ran.err);
}

/// Answers as a server does whose alias is moved after each time that it is asked for.
fn moving(home: &Home, files: [&'static [u8]; 2]) -> std::sync::mpsc::Receiver<String> {
    std::fs::create_dir_all(&home.data).unwrap();
    let listener = UnixListener::bind(home.data.join("casemate.sock")).unwrap();
    let (told, paths) = std::sync::mpsc::channel();
    let digest = |bytes: &[u8]| {
        let digest = casemate_crypto::sha256(bytes);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    // The root of a version is another digest than its file's; here it is made of the number.
    let root = |version: usize| format!("{version:064x}");
    std::thread::spawn(move || {
        let mut moved = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let version = match path.contains("versions/production") {
                true => {
                    moved += 1;
                    moved.min(2)
                }
                false if path.contains(&root(1)) => 1,
                false => 2,
            };
            let file = files[version - 1];
            let (kind, body) = if path.ends_with("/signature") {
                ("json", format!("the signature of {version}").into_bytes())
            } else if path.contains("/blobs/") {
                ("octet-stream", file.to_vec())
            } else {
                let body = json!({
                    "version": version, "digest": format!("sha256:{}", root(version)),
                    "files": [{"name": "a.bin", "sha256": format!("sha256:{}", digest(file)), "bytes": file.len()}],
                });
                ("json", body.to_string().into_bytes())
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/{kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[answer.as_bytes(), &body].concat());
            if told.send(path).is_err() {
                return;
            }
        }
    });
    paths
}

#[test]
fn a_pull_is_of_one_version_while_its_alias_moves() {
    let home = Home::new();
    let paths = moving(&home, [b"one", b"two"]);
    let (out, signature) = (home.dir.join("copy"), home.dir.join("copy.sig"));
    home.ok(&[
        "model",
        "pull",
        "try/fraud@production",
        out.to_str().unwrap(),
        "--signature",
        signature.to_str().unwrap(),
    ]);
    assert_eq!(std::fs::read(out.join("a.bin")).unwrap(), b"one");
    assert_eq!(std::fs::read(signature).unwrap(), b"the signature of 1");
    let asked: Vec<_> = paths.try_iter().collect();
    let by_alias = asked.iter().filter(|path| path.contains("production"));
    assert_eq!(by_alias.count(), 1, "{asked:?}");
}

#[test]
fn one_flipped_bit_is_caught() {
    let scene = Scene::new();
    let home = &scene.home;
    scene.import(&download(home, "one", 1));
    scene.to_production("1");
    flip(&scene.blobs()[0]);
    let out = home.dir.join("copy");
    let ran = home.run(&["model", "pull", "try/fraud@1", out.to_str().unwrap()]);
    assert_ne!(ran.code, Some(0));
    let left: Vec<_> = std::fs::read_dir(home.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_str().unwrap().contains("copy")),
        "{left:?}"
    );
    let version = scene.version("try/fraud@1");
    assert!(
        version["quarantined"]["why"]
            .as_str()
            .unwrap()
            .contains("damaged"),
        "{version}"
    );
    // And who asks again is told.
    let ran = home
        .run(&["model", "pull", "try/fraud@1", out.to_str().unwrap()])
        .exits(3);
    assert!(ran.err.contains("quarantined"), "{}", ran.err);
}

#[test]
fn the_patrol_catches_what_nobody_asks_for() {
    let home = Home::new();
    let config = format!("{}\n[models]\npatrol_every_s = 1\n", crate::harness::CONFIG);
    home.configure(&config);
    let server = home.up(&["--try"]);
    let key = home.dir.join("team.pem").to_str().unwrap().to_owned();
    home.ok(&["model", "keygen", "--out", &key]);
    let public = home.dir.join("team.pub.pem");
    home.ok(&[
        "model",
        "signers",
        "try/fraud",
        "--key",
        public.to_str().unwrap(),
    ]);
    let path = download(&home, "one", 1);
    home.ok(&["model", "import", &path, "try/fraud", "--key", &key]);
    let scene = Scene {
        home,
        server,
        key,
        boss: String::new(),
    };
    flip(&scene.blobs()[0]);
    until("the quarantine", || {
        let version = scene.version("try/fraud@1");
        version["quarantined"].is_object().then_some(())
    });
    let tail = scene
        .home
        .ok(&["ledger", "tail", "-n", "200", "--format", "json"]);
    let records: Value = serde_json::from_str(&tail).unwrap();
    let alerts = records
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["event"]["is_alert"] == true);
    assert_eq!(alerts.count(), 1);
}

#[test]
fn the_hub_s_own_client_gets_what_is_verified() {
    let Some(python) = python() else { return };
    let scene = Scene::new();
    let home = &scene.home;
    let source = download(home, "one", 1);
    scene.import(&source);
    scene.to_production("1");
    // What the client is to get, without what the Hub keeps beside it.
    std::fs::remove_file(Path::new(&source).join(".gitattributes")).unwrap();
    std::fs::remove_dir_all(Path::new(&source).join(".cache")).unwrap();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python/huggingface_client.py");
    let client = |verb: &str, reason: &str| {
        let output = Command::new(&python)
            .arg(&file)
            .arg(verb)
            .env("HF_ENDPOINT", scene.server.data_url())
            .env("HF_HOME", home.dir.join("hf"))
            .env("HF_HUB_DISABLE_TELEMETRY", "1")
            .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            .env("CASEMATE_KEY", scene.server.key())
            .env("CASEMATE_MODEL", "try/fraud")
            .env("CASEMATE_SOURCE", &source)
            .env("CASEMATE_CACHES", home.dir.join("caches"))
            .env("CASEMATE_REASON", reason)
            .env("NO_PROXY", "*")
            .env_remove("HF_TOKEN")
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{out}\n{err}");
    };
    client("works", "");
    home.ok(&[
        "model",
        "quarantine",
        "try/fraud@1",
        "--why",
        "it leaks claims",
    ]);
    client("fails", "it leaks claims");
    home.ok(&[
        "model",
        "quarantine",
        "try/fraud@1",
        "--why",
        "a false alarm",
        "--lift",
    ]);
    flip(&scene.blobs()[0]);
    let out = home.dir.join("copy");
    let ran = home.run(&["model", "pull", "try/fraud@1", out.to_str().unwrap()]);
    assert_ne!(ran.code, Some(0));
    client("fails", "damaged");
}

#[test]
fn requests_go_only_to_a_server_of_the_verified_version() {
    let scene = Scene::new();
    let home = &scene.home;
    let first = scene.import(&download(home, "one", 1));
    let digest = first["digest"].as_str().unwrap();
    scene.to_production("1");
    let upstream = Upstream::new(usize::MAX);
    let config = upstream.config();
    let declared = format!("name = \"there\"\ndigest = \"{digest}\"\n");
    let config = config.replace("name = \"there\"\n", &declared);
    let verified = "verified = \"try/fraud@production\"\nupstream_model = \"load-1\"\n";
    let config = format!("{config}{verified}");
    home.configure(&config);
    home.run(&["config", "reload"]).exits(0);
    let (server, key) = (&scene.server, home.key(&[]));
    assert_eq!(server.chat(&key, "load-1", "Well?").status, 200);
    home.ok(&["model", "quarantine", "try/fraud@1", "--why", "a test"]);
    let reply = server.chat(&key, "load-1", "Well?");
    assert_eq!(reply.status, 403, "{}", reply.body);
    let why = home.run(&["explain", reply.request()]).out;
    assert!(why.contains("route.unverified"), "{why}");
    assert_eq!(upstream.received().len(), 1);
}
