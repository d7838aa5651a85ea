// SPDX-License-Identifier: Apache-2.0
//! `casemate project spend`: what the book has, in amounts.

use serde_json::{Value, json};

use crate::{
    harness::{CONFIG, Home, Server, chat, get, open_post, until},
    provider::{Provider, send, well},
    upstream::Upstream,
};

/// A project `team` with two services and three keys, and prices: a prompt's token costs half a
/// unit of money, an answer's one and a quarter.
struct House {
    home: Home,
    server: Server,
    keys: [String; 3],
}

fn secret(made: &Value) -> String {
    made[0]["secret"].as_str().unwrap().to_owned()
}

impl House {
    fn new(provider: &Provider) -> Self {
        let home = Home::new();
        home.configure(&format!(
            "{CONFIG}[[gateway.upstream]]\nname = \"far\"\nkind = \"openai\"\nurl = \"{}\"\n\
             locality = \"external\"\nallow_private = true\n[[gateway.route]]\nmodel = \"m\"\n\
             upstream = \"far\"\ninput_micros_per_million = 500000000000\n\
             output_micros_per_million = 1250000000000\n",
            provider.url
        ));
        let server = home.up(&[]);
        home.ok(&["project", "create", "team", "--per-month", "10000.5"]);
        home.ok(&["service", "create", "team", "app", "--per-day", "9000"]);
        home.ok(&["service", "create", "team", "bot"]);
        let key = |service: &str, options: &[&str]| {
            let command = [&["key", "create", "team", service], options].concat();
            secret(&home.json(&command))
        };
        let keys = [
            key("app", &["--label", "first", "--per-day", "8000.000001"]),
            key("app", &["--label", "second"]),
            key("bot", &["--label", "third"]),
        ];
        Self { home, server, keys }
    }

    fn spend(&self) -> Value {
        self.home.json(&["project", "spend", "team"])
    }
}

/// Kind, name, today and this month of every account.
fn amounts(spend: &Value) -> Vec<(String, String, u64, u64)> {
    let all = spend.as_array().unwrap().iter();
    all.map(|one| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        let micros = |name: &str| one[name].as_u64().unwrap();
        let (today, month) = (micros("micros_today"), micros("micros_this_month"));
        (text("kind"), text("name"), today, month)
    })
    .collect()
}

#[track_caller]
fn is(spend: &Value, expected: &[(&str, &str, u64)]) {
    let found = amounts(spend);
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, name, micros)| ((*kind).into(), (*name).into(), *micros, *micros))
        .collect();
    assert_eq!(found, expected);
}

/// Ten prompt tokens and two completion tokens.
const ONE: u64 = 7_500_000;

#[test]
fn money_is_shown_by_account() {
    let provider = Provider::new(|seen, stream| send(stream, 200, &well(seen)));
    let house = House::new(&provider);
    let expected = |app: [u64; 2], bot: u64| {
        [
            ("project", "team", app[0] + app[1] + bot),
            ("service", "app", app[0] + app[1]),
            ("service", "bot", bot),
            ("key", "first", app[0]),
            ("key", "second", app[1]),
            ("key", "third", bot),
        ]
    };
    is(&house.spend(), &expected([0, 0], 0));
    for (key, times) in house.keys.iter().zip([3, 1, 2]) {
        for _ in 0..times {
            let reply = house.server.chat(key, "m", "Hello?");
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
    }
    let all = expected([3 * ONE, ONE], 2 * ONE);
    let spend = house.spend();
    is(&spend, &all);
    let limits: Vec<_> = spend
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["limits"])
        .collect();
    assert_eq!(limits[0]["micros_per_month"], 10_000_500_000_u64);
    assert_eq!(limits[1]["micros_per_day"], 9_000_000_000_u64);
    assert_eq!(limits[3]["micros_per_day"], 8_000_000_001_u64);
    // The account is the one that records name.
    let ids: Vec<_> = spend
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["account"])
        .collect();
    let listed = house.home.json(&["key", "list", "team"]);
    assert!(
        listed.to_string().contains(ids[3].as_str().unwrap()),
        "{ids:?}"
    );
    assert_eq!(ids[0], &house.home.json(&["project", "list"])[0]["id"]);

    let plain = house
        .home
        .ok(&["project", "spend", "team", "--format", "plain"]);
    let expected_lines = [
        "project\tteam\t45.00\t–\t45.00\t10000.50",
        "service\tapp\t30.00\t9000.00\t30.00\t–",
        "service\tbot\t15.00\t–\t15.00\t–",
        "key\tfirst\t22.50\t8000.000001\t22.50\t–",
        "key\tsecond\t7.50\t–\t7.50\t–",
        "key\tthird\t15.00\t–\t15.00\t–",
    ];
    assert_eq!(plain.lines().collect::<Vec<_>>(), expected_lines);
    let human = house.home.ok(&["project", "spend", "team"]);
    for word in [
        "today",
        "of a day",
        "this month",
        "of a month",
        "45.00",
        "8000.000001",
        "│",
    ] {
        assert!(human.contains(word), "no `{word}` in:\n{human}");
    }

    // The counters are the book's: they are the same after a restart, and after a kill.
    let House { home, server, .. } = house;
    assert!(server.end().success());
    let server = home.up(&[]);
    is(&home.json(&["project", "spend", "team"]), &all);
    server.kill();
    let _server = home.up(&[]);
    is(&home.json(&["project", "spend", "team"]), &all);
    home.run(&["project", "spend", "nobody"])
        .exits(1)
        .says(&["error: ", "there is no such project"]);
}

#[test]
fn what_is_reserved_is_shown_until_it_is_settled() {
    let upstream = Upstream::new(0);
    let home = Home::new();
    home.configure(&upstream.config());
    let server = home.up(&[]);
    let key = home.key(&[]);
    let today = || home.json(&["project", "spend", "team"])[0]["micros_today"].as_u64();
    assert_eq!(today(), Some(0));
    let body = chat("load-1", "Hello?");
    let mut open = open_post(server.data_url(), "/v1/chat/completions", &key, &body).unwrap();
    upstream.has_received(1);
    assert_eq!(today(), Some(100), "what it may cost at most");
    let before = home.ok(&["project", "spend", "team", "--format", "plain"]);
    assert!(before.starts_with("project\tteam\t0.0001\t"), "{before}");
    upstream.answer(1);
    let reply = crate::harness::read_reply(&mut open).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(today(), Some(100));
    // A refused request costs nothing.
    assert_eq!(server.chat(&key, "unknown", "Hello?").status, 404);
    assert_eq!(today(), Some(100));
    let (second, third) = (chat("load-2", "Hello?"), "/v1/chat/completions");
    let open = open_post(server.data_url(), third, &key, &second).unwrap();
    upstream.has_received(2);
    assert_eq!(today(), Some(200));
    drop(open);
    // Nobody knows what it cost, so what was reserved counts as used.
    until("the end", || {
        let shown = home.json(&["ledger", "tail", "-n", "20"]);
        shown.to_string().contains("\"aborted\"").then_some(())
    });
    assert_eq!(today(), Some(200));
}

#[test]
fn a_project_shows_its_spend_to_its_own() {
    let provider = Provider::new(|seen, stream| send(stream, 200, &well(seen)));
    let House { home, server, keys } = House::new(&provider);
    home.ok(&["project", "create", "other"]);
    let member = |project: &str, role: &str| {
        home.ok(&["service", "create", project, role, "--role", role]);
        secret(&home.json(&["key", "create", project, role]))
    };
    let url = server.admin_url().to_owned();
    let spend = |project: &str, key: &str| get(&url, &format!("/v1/projects/{project}/spend"), key);
    let auditors = [member("team", "auditor"), member("other", "auditor")];
    let admin = member("team", "admin");
    assert_eq!(server.chat(&keys[0], "m", "Hello?").status, 200);
    for key in [&auditors[0], &admin] {
        let own = spend("team", key);
        assert_eq!(own.status, 200, "{}", own.body);
        let own: Value = serde_json::from_str(&own.body).unwrap();
        assert_eq!(own[0]["micros_today"], ONE);
        // Another project looks like one that is not there.
        let (foreign, missing) = (spend("other", key), spend("nowhere", key));
        assert_eq!((foreign.status, missing.status), (404, 404));
        assert_eq!(foreign.body, missing.body);
    }
    assert_eq!(spend("team", &auditors[1]).status, 404);
    let other: Value = serde_json::from_str(&spend("other", &auditors[1]).body).unwrap();
    assert_eq!(other[0]["micros_today"], 0);
    // A service that may use models may not read the bill.
    assert_eq!(spend("team", &keys[0]).status, 403);
    assert_eq!(spend("team", "cm_wrong").status, 401);
    // Whoever looked stands in the book.
    let shown = home.json(&["ledger", "tail", "-n", "1000"]);
    let looked = shown.as_array().unwrap().iter().filter(|record| {
        let facts = &record["facts"];
        facts["action"] == json!("project:read") && record["kind"] == "decision"
    });
    assert!(looked.count() >= 4, "{shown}");
}
