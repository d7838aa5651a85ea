// SPDX-License-Identifier: Apache-2.0
//! `casemate.toml`: strict before anything listens, swapped while requests run.

use std::io::Read as _;

use rustix::process::Signal;
use serde_json::json;

use crate::{
    harness::{CONFIG, Home, chat, open_post},
    upstream::Upstream,
};

/// A file that must be refused, with everything the refusal must say: its place, what is wrong, a
/// mark, and a hint.
#[track_caller]
fn check(text: &str, said: &[&str]) {
    let home = Home::new();
    home.configure(text);
    let ran = home
        .fails_to_start()
        .says(said)
        .says(&["casemate.toml:", "here", "help: "]);
    assert!(ran.out.is_empty(), "{}", ran.out);
    assert!(
        !home.data.exists(),
        "something was made for a wrong configuration"
    );
    // The doctor says the same.
    let config = home.config();
    home.run(&["doctor", "--config", config.to_str().unwrap()])
        .exits(1)
        .says(&said[1..2]);
}

#[test]
fn an_unknown_key_is_refused() {
    check(
        "[data_plane]\nlisten = \"127.0.0.1:0\"\nlissten = \"127.0.0.1:1\"\n",
        &[
            "toml:3:1]",
            "unknown field `lissten`",
            "nothing is ignored here",
        ],
    );
    check(
        "[date_plane]\n",
        &[
            "toml:1:2]",
            "unknown field `date_plane`",
            "nothing is ignored",
        ],
    );
    check(
        "[[gateway.route]]\nmodel = \"m\"\nupstream = \"u\"\nprice = 3\n",
        &[
            "toml:4:1]",
            "unknown field `price`",
            "nothing is ignored here",
        ],
    );
}

#[test]
fn a_wrong_type_is_refused() {
    check(
        "[gateway.request]\nbody_bytes = \"many\"\n",
        &[
            "toml:2:14]",
            "invalid type: string \"many\"",
            "docs/reference/config.md",
        ],
    );
    check(
        "[admin_plane]\nlisten = \"localhost\"\n",
        &[
            "toml:2:10]",
            "invalid socket address",
            "docs/reference/config.md",
        ],
    );
    check(
        "[[gateway.upstream]]\nname = \"x\"\nkind = \"openai\"\nlocality = \"local\"\n",
        &["toml:1:1]", "missing field `url`", "add the line"],
    );
    check(
        "[ledger\n",
        &["toml:1:8]", "unclosed table", "this is not TOML"],
    );
}

#[test]
fn impossible_settings_are_refused() {
    for (text, said) in [
        (
            "[data_plane]\nlisten = \"127.0.0.1:9000\"\n[admin_plane]\nlisten = \"127.0.0.1:9000\"\n",
            ["toml:2:11]", "listen on the same address", "another port"],
        ),
        (
            "[ledger]\nreserve_mib = 20\nmax_mib = 10\n",
            [
                "toml:3:1]",
                "leaves no room beside the reserve",
                "larger than `reserve_mib`",
            ],
        ),
        (
            "[tls]\ncertificate = \"a.pem\"\n",
            ["toml:1:1]", "belong together", "give both, or neither"],
        ),
        (
            "[tls]\nrequire_client = true\n",
            ["toml:2:1]", "needs `tls.client_authority`", "PEM file"],
        ),
        (
            "[gateway.request]\nbody_bytes = 0\n",
            [
                "toml:1:1]",
                "a limit of zero lets nothing pass",
                "leave the line out",
            ],
        ),
        (
            "[gateway.guard]\nattack_threshold = 7.5\n",
            ["toml:2:1]", "is not between 0 and 1", "0.75"],
        ),
        (
            "[gateway.guard]\nembedded_threshold = -1.0\n",
            ["toml:2:1]", "is not between 0 and 1", "0.75"],
        ),
    ] {
        check(text, &said);
    }
}

#[test]
fn a_profile_nobody_knows_is_refused() {
    check(
        "[gateway.guard]\nprofile = \"lax\"\n",
        &[
            "toml:2:11]",
            "unknown variant `lax`, expected one of `balanced`, `observe`, `strict`",
            "docs/reference/config.md",
        ],
    );
    check(
        "[gateway]\nguard = \"strict\"\n",
        &["toml:2:9]", "invalid type", "docs/reference/config.md"],
    );
    check(
        "[gateway.guard]\nprofil = \"strict\"\n",
        &["toml:2:1]", "unknown field `profil`", "nothing is ignored"],
    );
    check(
        "[gateway.guard]\nprofile = \"strict\"\npersonal = { output = \"flag\" }\n",
        &["toml:3:12]", "missing field", "add the line"],
    );
    // What holds for a setting holds with a profile too.
    check(
        "[gateway.guard]\nprofile = \"strict\"\nattack_threshold = 2.0\n",
        &["toml:3:1]", "is not between 0 and 1", "0.75"],
    );
}

#[test]
fn a_guard_that_would_never_act_is_refused() {
    let rule = |word: &str, untrusted: &str, output: &str| {
        format!(
            "[gateway.guard.{word}]\ntrusted = \"allow\"\nuntrusted = \"{untrusted}\"\n\
             output = \"{output}\"\n"
        )
    };
    for (word, untrusted, output, why) in [
        (
            "attack",
            "flag",
            "block",
            "answers are not searched for `attack`",
        ),
        (
            "person",
            "flag",
            "redact",
            "answers are not searched for `person`",
        ),
        (
            "special",
            "flag",
            "redact",
            "answers are not searched for `special`",
        ),
        (
            "active",
            "redact",
            "flag",
            "requests are not searched for `active`",
        ),
        (
            "leak",
            "block",
            "flag",
            "requests are not searched for `leak`",
        ),
        (
            "link",
            "redact",
            "flag",
            "requests are not searched for `link`",
        ),
        (
            "link",
            "allow",
            "block",
            "no link is looked at without a list of hosts",
        ),
    ] {
        check(&rule(word, untrusted, output), &["toml:1:", why]);
    }
}

#[test]
fn the_profile_decides_what_arrives() {
    const MAIL: &str = "Please write to ada@example.org";
    const KEY: &str = "My key is AKIAQYLPMN5HHHFPZAM2";
    let (home, upstream) = (Home::new(), Upstream::new(usize::MAX));
    home.configure(&upstream.config());
    let server = home.up(&[]);
    let key = home.key(&[]);
    let blocks = "secret = { trusted = \"flag\", untrusted = \"redact\", output = \"flag\" }";
    // The section, what arrives of an address, and whether and how a secret does.
    for (section, mail, secret) in [
        ("", "EMAIL_", None),
        ("profile = \"balanced\"", "EMAIL_", None),
        (
            "profile = \"observe\"",
            "ada@example.org",
            Some("AKIAQYLPMN5HHHFPZAM2"),
        ),
        ("profile = \"strict\"", "[redacted:email]", None),
        (
            &format!("profile = \"strict\"\n{blocks}"),
            "[redacted:email]",
            Some("[redacted:cloud_key]"),
        ),
    ] {
        home.configure(&format!(
            "{}\n[gateway.guard]\n{section}\n",
            upstream.config()
        ));
        home.run(&["config", "reload"]).exits(0);
        let last = || {
            let all = upstream.received();
            all.last().unwrap()["messages"][0]["content"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(server.chat(&key, "load-1", MAIL).status, 200, "{section}");
        assert!(last().contains(mail), "{section}: {}", last());
        let before = upstream.received().len();
        let reply = server.chat(&key, "load-1", KEY);
        match secret {
            Some(secret) => {
                assert_eq!(reply.status, 200, "{section}: {}", reply.body);
                assert!(last().contains(secret), "{section}: {}", last());
            }
            None => {
                assert_eq!(reply.status, 403, "{section}: {}", reply.body);
                assert_eq!(upstream.received().len(), before);
            }
        }
    }
}

const UPSTREAM: &str = "[[gateway.upstream]]\nname = \"there\"\nkind = \"openai\"\n\
    url = \"http://127.0.0.1:9\"\nlocality = \"local\"\nallow_private = true\n";

#[test]
fn a_route_that_leads_nowhere_is_refused() {
    let route = "[[gateway.route]]\nmodel = \"m\"\nupstream = \"their\"\n";
    check(
        &format!("{UPSTREAM}{route}"),
        &[
            "toml:9:12]",
            "the route of `m` leads to `their`",
            "there is `there`",
        ],
    );
    check(
        route,
        &[
            "toml:3:12]",
            "leads to `their`",
            "add a `[[gateway.upstream]]`",
        ],
    );
    let route = "[[gateway.route]]\nmodel = \"m\"\nupstream = \"there\"\nfallback = \"then\"\n";
    check(
        &format!("{UPSTREAM}{route}"),
        &["toml:10:12]", "leads to `then`", "there is `there`"],
    );
    check(
        &format!("{UPSTREAM}{UPSTREAM}"),
        &["toml:2:8]", "two upstreams `there`", "another name"],
    );
}

#[test]
fn an_upstream_that_cannot_be_used_is_refused() {
    for (line, said) in [
        (
            "credential = \"env:CASEMATE_TEST_NOT_SET\"",
            "`CASEMATE_TEST_NOT_SET`",
        ),
        ("credential = \"file:/nonexistent\"", "`/nonexistent`"),
        (
            "credential = \"sk-in-clear\"",
            "secrets do not stand in the configuration",
        ),
    ] {
        let home = Home::new();
        home.configure(&format!("{CONFIG}{UPSTREAM}{line}\n"));
        let ran = home.fails_to_start().says(&["`there`", said]);
        assert!(!ran.err.contains("sk-in-clear"), "a secret was printed");
    }
    let clear = UPSTREAM
        .replace("127.0.0.1:9", "models.example.org")
        .replace("true", "false");
    let home = Home::new();
    home.configure(&format!("{CONFIG}{clear}"));
    home.fails_to_start().says(&["`there`", "use https"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let home = Home::new();
    std::fs::remove_file(home.config()).unwrap();
    home.fails_to_start()
        .says(&["casemate.toml` cannot be read"]);
}

#[test]
fn a_reload_swaps_what_is_valid_and_drops_nothing() {
    let (old, new) = (Upstream::new(0), Upstream::new(usize::MAX));
    let home = Home::new();
    home.configure(&old.config());
    let mut server = home.up(&[]);
    let key = home.key(&[]);
    let mut body = chat("load-1", "Hello?");
    body["stream"] = json!(true);
    let mut open = open_post(server.data_url(), "/v1/chat/completions", &key, &body).unwrap();
    old.has_received(1);

    // By command, and then by signal.
    home.configure(&new.config());
    home.run(&["config", "reload"])
        .exits(0)
        .says(&["read again"]);
    assert_eq!(server.chat(&key, "load-2", "Hello?").status, 200);
    assert_eq!(new.received().len(), 1);
    home.configure(&new.config().replace("load-*", "other-*"));
    server.signal(Signal::HUP);
    let logged = server.logs(0, "read again");
    assert_eq!(server.chat(&key, "load-3", "Hello?").status, 404);
    assert_eq!(server.chat(&key, "other-3", "Hello?").status, 200);

    // What is wrong is refused, and everything stays as it was.
    for wrong in [
        "nonsense = true\n".to_owned(),
        new.config()
            .replace("upstream = \"there\"", "upstream = \"their\""),
        new.config() + "[gateway.guard]\nattack_threshold = 3.0\n",
    ] {
        home.configure(&wrong);
        home.run(&["config", "reload"])
            .exits(1)
            .says(&["error:", "casemate.toml"]);
        server.signal(Signal::HUP);
    }
    server.logs(logged, "the new configuration is refused");
    assert_eq!(server.chat(&key, "other-4", "Hello?").status, 200);
    assert!(server.runs());

    // The stream of before all this ends as if nothing had happened.
    old.answer(1);
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert!(text.contains("200 OK") && text.contains("[DONE]"), "{text}");
    assert!(text.contains("one too."), "{text}");
}

#[test]
fn a_reload_keeps_the_stand_in() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    home.ok(&["config", "reload"]);
    assert_eq!(server.chat(server.key(), "stand-in", "Hello?").status, 200);
}

#[test]
fn a_refused_signal_does_not_end_the_server() {
    let home = Home::new();
    let mut server = home.up(&["--try"]);
    // A policy set under which the operator may not reload.
    let base = home.ok(&["policy", "show"]);
    let file = home.dir.join("no-reload.cedar");
    let rule = "\n@id(\"no.reload\") @reason(\"no reload today\")\n\
        forbid (principal, action == Action::\"config:reload\", resource);\n";
    std::fs::write(&file, base + rule).unwrap();
    home.ok(&["policy", "apply", file.to_str().unwrap()]);
    home.run(&["config", "reload"])
        .exits(3)
        .says(&["no reload today"]);
    server.signal(Signal::HUP);
    server.logs(0, "no reload today");
    assert!(server.runs());
    assert_eq!(server.chat(server.key(), "stand-in", "Hello?").status, 200);
}
