// SPDX-License-Identifier: Apache-2.0
//! `sealed:` credentials: made by the command, used by the gateway, in clear nowhere else.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    harness::{CONFIG, Home, Ran, Server, chat, get, post},
    provider::{Provider, send, well},
};

/// One that no rule would find, and one that every rule finds.
const PLAIN: &str = "grue-vault-7Qm2xLr9ZpT4";
const TYPICAL: &str = concat!("sk-ant-", "api03-Zq8rT2vLx9Kp4Wm7Nc3Jd6Hs1Gf5Ba0YeUiOoP");
const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// An installation whose two upstreams have sealed credentials.
struct House {
    home: Home,
    provider: Provider,
}

impl House {
    fn new() -> Self {
        let provider = Provider::new(|seen, stream| match seen.model() {
            // A provider that does not like the key says which one it got.
            "sealed-angry" => {
                let key = seen.header("authorization").unwrap_or_default();
                let words = format!("{{\"error\":{{\"message\":\"bad key: {key}\"}}}}");
                send(stream, 401, &words)
            }
            _ => send(stream, 200, &well(seen)),
        });
        Self {
            home: Home::new(),
            provider,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.dir.join(name)
    }

    /// The configuration with both upstreams.
    fn config(&self) -> String {
        let upstream = |name: &str, kind: &str| {
            format!(
                "[[gateway.upstream]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{}\"\n\
                 locality = \"external\"\nallow_private = true\ncredential = \"sealed:{}\"\n\
                 [[gateway.route]]\nmodel = \"sealed*\"\nupstream = \"{name}\"\n",
                self.provider.url,
                text(&self.file(name)),
            )
        };
        [
            CONFIG,
            &upstream("plain", "openai"),
            &upstream("typical", "anthropic"),
        ]
        .concat()
    }

    /// A server that logs everything there is.
    fn up(&self) -> Server {
        let config = self.home.config();
        let arguments = ["up", "--ready-json", "--config", text(&config)];
        let mut command = self.home.command(&arguments);
        command.env("CASEMATE_LOG", "trace");
        Server::start(command)
    }

    /// Both upstreams get their credential, and nothing of the caller's.
    #[track_caller]
    fn both_work(&self, server: &Server, key: &str) {
        for (path, header, value) in [
            (CHAT, "authorization", format!("Bearer {PLAIN}")),
            (MESSAGES, "x-api-key", TYPICAL.to_owned()),
        ] {
            let reply = post(server.data_url(), path, key, &chat("sealed", "Hello?"));
            assert_eq!(reply.status, 200, "{}", reply.body);
            let seen = self.provider.take();
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].header(header), Some(value.as_str()));
            let secrets = ["authorization", "x-api-key"];
            let shown = secrets.iter().filter(|name| seen[0].header(name).is_some());
            assert_eq!(shown.count(), 1, "{:?}", seen[0].headers);
            assert!(!format!("{seen:?}").contains(key), "the caller's key");
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `casemate key seal`, with a secret at its standard input.
fn seal(home: &Home, file: &Path, secret: &str) -> std::process::Output {
    let mut child = home
        .command(&["key", "seal", text(file)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(secret.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

/// The ways in which bytes may carry a secret and still be read by whoever looks.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let wide = secret.bytes().flat_map(|byte| [byte, 0]).collect();
    let mut forms = vec![
        secret.as_bytes().to_vec(),
        hex.to_ascii_uppercase().into_bytes(),
        hex.into_bytes(),
        // What Rust shows of a list of bytes.
        format!("{:?}", secret.as_bytes())
            .trim_matches(['[', ']'])
            .into(),
        secret.bytes().rev().collect(),
        wide,
    ];
    // In base64 a text looks different by where it begins.
    for skip in 0..3 {
        forms.push(base64(&secret.as_bytes()[skip..]));
    }
    forms
}

/// Whole groups only: what follows is not known.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let all = three
            .iter()
            .fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| LETTERS[all >> shift & 63])
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// Neither secret stands here in any form.
#[track_caller]
fn clean(what: &str, bytes: &[u8]) {
    // All forms are ASCII, which stays what it is between bytes that are no text.
    let text = String::from_utf8_lossy(bytes);
    for secret in [PLAIN, TYPICAL] {
        for form in forms(secret) {
            let form = String::from_utf8(form).unwrap();
            assert!(!text.contains(&form), "`{form}` stands in {what}");
        }
    }
}

#[track_caller]
fn said_nothing(ran: Ran) -> Ran {
    clean("what a command printed", ran.out.as_bytes());
    clean("what a command printed", ran.err.as_bytes());
    ran
}

fn clean_below(directory: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files += clean_below(&path);
        } else if kind.is_file() {
            clean(text(&path), &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for form in forms(PLAIN) {
        let mut bytes = b"around ".to_vec();
        bytes.extend(&form);
        bytes.extend(b" it");
        let found = std::panic::catch_unwind(|| clean("a test", &bytes));
        assert!(found.is_err(), "{}", String::from_utf8_lossy(&form));
    }
    // `casemate` in base64, as other tools write it.
    assert_eq!(base64(b"casemate!"), b"Y2FzZW1hdGUh");
    clean("a test", b"grue-vault-");
}

#[test]
fn a_sealed_credential_reaches_its_upstream_and_nobody_else() {
    let house = House::new();
    let home = &house.home;
    let server = house.up();
    let key = home.key(&[]);
    // With and without an end of line.
    for (name, secret) in [
        ("plain", PLAIN.to_owned()),
        ("typical", format!("{TYPICAL}\n")),
    ] {
        let output = seal(home, &house.file(name), &secret);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("sealed:"), "{said}");
        clean("the answer of `key seal`", said.as_bytes());
        clean("the errors of `key seal`", &output.stderr);
        let mode = std::fs::metadata(house.file(name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        // What is there is not written over.
        let before = std::fs::read(house.file(name)).unwrap();
        let output = seal(home, &house.file(name), "another");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(std::fs::read(house.file(name)).unwrap(), before);
    }
    home.configure(&house.config());
    said_nothing(home.run(&["config", "reload"]).exits(0));
    house.both_work(&server, &key);

    // An upstream that shouts the key back.
    let angry = chat("sealed-angry", "Hello?");
    let reply = post(server.data_url(), CHAT, &key, &angry);
    assert_eq!(reply.status, 502, "{}", reply.body);
    clean("an error", reply.body.as_bytes());

    // Everything that can be read, and everything that is kept.
    let config = home.config();
    let (export, backup) = (house.file("export"), house.file("backup.cmb"));
    for command in [
        &["explain", reply.request()][..],
        &["ledger", "show", reply.request()],
        &["ledger", "show", reply.request(), "--format", "json"],
        &["ledger", "tail", "-n", "1000", "--format", "json"],
        &["ledger", "verify", "--format", "json"],
        &["ledger", "export", text(&export)],
        &["key", "list", "team", "--format", "json"],
        &["policy", "show"],
        &["policy", "history", "--format", "json"],
        &["doctor", "--config", text(&config), "--format", "json"],
        &["backup", text(&backup)],
        &["recovery", "drill", "--kit", text(&home.kit())],
    ] {
        said_nothing(home.run(command).exits(0));
    }
    home.ok(&["service", "create", "team", "watch", "--role", "auditor"]);
    let auditor = home.json(&["key", "create", "team", "watch"]);
    let auditor = auditor[0]["secret"].as_str().unwrap();
    for path in ["/metrics", "/v1/system", "/readyz", "/openapi.json"] {
        let reply = get(server.admin_url(), path, auditor);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        clean(path, reply.body.as_bytes());
    }
    let listed = get(server.data_url(), "/v1/models", &key);
    clean("the list of models", listed.body.as_bytes());
    assert!(clean_below(&export) >= 4);
    assert!(clean_below(&home.data) >= 3);
    // The whole place: backup, sealed files, configuration, key file, kit.
    assert!(clean_below(home.dir.path()) >= 12);
    server.logs(0, "an upstream answered with an error");
    let log = server.logged();
    assert!(log.contains("\"TRACE\""), "nothing was traced");
    clean("the log", log.as_bytes());
    assert!(server.end().success());
    clean_below(home.dir.path());
}

#[test]
fn a_sealed_credential_survives_a_rotation_and_a_start() {
    let house = House::new();
    let home = &house.home;
    let server = house.up();
    let key = home.key(&[]);
    for (name, secret) in [("plain", PLAIN), ("typical", TYPICAL)] {
        assert!(seal(home, &house.file(name), secret).status.success());
    }
    home.configure(&house.config());
    home.ok(&["config", "reload"]);
    house.both_work(&server, &key);
    home.ok(&["key", "rotate", "--root"]);
    home.ok(&["config", "reload"]);
    house.both_work(&server, &key);
    assert!(server.end().success());
    let server = house.up();
    house.both_work(&server, &key);
    clean("the log", server.logged().as_bytes());
    clean_below(home.dir.path());
}

#[test]
fn a_sealed_file_opens_here_and_unchanged_only() {
    let house = House::new();
    let home = &house.home;
    let server = house.up();
    let key = home.key(&[]);
    for (name, secret) in [("plain", PLAIN), ("typical", TYPICAL)] {
        assert!(seal(home, &house.file(name), secret).status.success());
    }
    home.configure(&house.config());
    home.ok(&["config", "reload"]);
    let file = house.file("plain");
    let whole = std::fs::read(&file).unwrap();
    let refused = |why: &str| {
        let ran = home.run(&["config", "reload"]).exits(1);
        said_nothing(ran.says(&["`plain`", text(&file)]));
        // The old one stays in force.
        let reply = post(server.data_url(), CHAT, &key, &chat("sealed", "Hello?"));
        assert_eq!(reply.status, 200, "{why}: {}", reply.body);
    };
    for at in 0..whole.len() {
        // A byte here and there, and all of the first and last ones.
        if (8..whole.len() - 8).contains(&at) && at % 7 != 0 {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        refused(&format!("byte {at}"));
    }
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], b"\0"].concat()),
        ("in clear", PLAIN.as_bytes().to_vec()),
    ] {
        std::fs::write(&file, bytes).unwrap();
        refused(what);
    }
    std::fs::remove_file(&file).unwrap();
    refused("gone");
    assert!(server.end().success());
    said_nothing(home.fails_to_start().says(&["`plain`", text(&file)]));

    // Another installation has the file, and not the key.
    std::fs::write(&file, &whole).unwrap();
    let other = Home::new();
    other.configure(&house.config());
    said_nothing(other.fails_to_start().says(&["`plain`", text(&file)]));
    // Here it is as it was.
    let server = house.up();
    house.provider.take();
    house.both_work(&server, &key);
}
