// SPDX-License-Identifier: Apache-2.0
//! `casemate policy`, with the files under `examples/`.

use std::{collections::BTreeMap, path::PathBuf};

use crate::harness::Home;

fn example(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name);
    file.to_str().unwrap().to_owned()
}

const HEALTH: &str = "Patient John Smith, date of birth 1961-04-02, diagnosed with diabetes \
    (E11.9), medication metformin. Summarise.";

#[test]
fn the_examples_are_valid_and_pass_their_own_tests() {
    let home = Home::new();
    let (policies, cases) = (
        example("policies/company.cedar"),
        example("policy-tests.toml"),
    );
    home.run(&["policy", "check", &policies])
        .exits(0)
        .says(&["all fit the schema"]);
    for set in [&[][..], &["--policies", &policies]] {
        let all = [&["policy", "test", &cases], set].concat();
        let ran = home
            .run(&all)
            .exits(0)
            .says(&["health data does not leave the house"]);
        assert!(!ran.out.contains("WRONG"));
    }
    let results = home.json(&["policy", "test", &cases]);
    let health = results[1].clone();
    assert_eq!(health["because"][0], "health.local-only", "{health}");
}

#[test]
fn a_failing_case_is_a_finding() {
    let home = Home::new();
    let cases = home.dir.join("cases.toml");
    let check = |text: &str, code: i32, said: &[&str]| {
        std::fs::write(&cases, text).unwrap();
        home.run(&["policy", "test", cases.to_str().unwrap()])
            .exits(code)
            .says(said);
    };
    let case = "[[case]]\nname = \"n\"\nroles = [\"service\"]\naction = \"model:invoke\"\n";
    check(&format!("{case}expect = \"allow\"\n"), 0, &["ok"]);
    check(
        &format!("{case}expect = \"deny\"\n"),
        3,
        &["WRONG", "allow by role.service"],
    );
    check(
        &format!("{case}expect = \"allow\"\nbecause = \"other\"\n"),
        3,
        &["WRONG"],
    );
    check(
        &format!("{case}expect = \"perhaps\"\n"),
        1,
        &["`perhaps` is no decision"],
    );
    check(
        &format!("{case}expect = \"allow\"\nclass = 1\n"),
        1,
        &["unknown field `class`"],
    );
    check("", 3, &[]);
}

#[test]
fn what_does_not_fit_is_shown_with_its_place_and_not_applied() {
    let home = Home::new();
    let _server = home.up(&[]);
    let file = home.dir.join("bad.cedar");
    for (text, said) in [
        ("permit (principal, action, resource", "bad.cedar"),
        (
            "@id(\"a\") @reason(\"b\")\npermit (principal, action == Action::\"model:eat\", resource);",
            "model:eat",
        ),
        (
            "@id(\"a\") @reason(\"b\")\npermit (principal, action, resource) when { context.colour == 1 };",
            "colour",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let name = file.to_str().unwrap();
        for verb in ["check", "apply"] {
            home.run(&["policy", verb, name]).exits(1).says(&[said]);
        }
    }
    assert_eq!(
        home.json(&["policy", "history"]).as_array().unwrap().len(),
        1
    );
    home.run(&["policy", "check", "/nonexistent"])
        .exits(1)
        .says(&["`/nonexistent`"]);
}

#[test]
fn an_applied_set_counts_from_the_next_request_and_after_a_restart() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    let key = server.key().to_owned();
    // The stand-in is local, so health data may go there; a stricter set changes that.
    assert_eq!(server.chat(&key, "stand-in", HEALTH).status, 200);
    let strict = home.dir.join("strict.cedar");
    let rule = "\n@id(\"health.never\") @reason(\"health data goes to no model\")\n\
        forbid (principal, action == Action::\"model:invoke\", resource)\n\
        when { context.data_classes.contains(\"health\") };\n";
    std::fs::write(&strict, home.ok(&["policy", "show"]) + rule).unwrap();
    let strict = strict.to_str().unwrap();
    home.run(&["policy", "apply", strict, "--note", "after the audit"])
        .exits(0)
        .says(&["policy set 2 (", "is in force"]);
    let refused = server.chat(&key, "stand-in", HEALTH);
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(
        home.ok(&["explain", refused.request()])
            .contains("health.never")
    );
    assert_eq!(server.chat(&key, "stand-in", "Hello?").status, 200);
    let history = home.ok(&["policy", "history", "--format", "plain"]);
    let newest: Vec<_> = history.lines().next().unwrap().split('\t').collect();
    assert_eq!(
        (newest[0], newest[4]),
        ("2", "after the audit"),
        "{history}"
    );
    assert_eq!(history.lines().count(), 2);
    assert!(home.ok(&["policy", "show"]).contains("health.never"));

    server.kill();
    let server = home.up(&["--try"]);
    assert_eq!(server.chat(&key, "stand-in", HEALTH).status, 403);
    // And the examples can be put in force.
    home.ok(&["policy", "apply", &example("policies/company.cedar")]);
    assert_eq!(server.chat(&key, "stand-in", HEALTH).status, 200);
}

#[test]
fn one_question_is_explained_without_a_server() {
    let home = Home::new();
    let ask = |more: &[&str], code: i32, said: &[&str]| {
        home.run(&[&["policy", "explain"], more].concat())
            .exits(code)
            .says(said);
    };
    ask(&[], 0, &["allow", "role.service"]);
    ask(
        &["--class", "health"],
        3,
        &["deny", "(health.local-only)", "only go to local models"],
    );
    ask(&["--class", "health", "--locality", "local"], 0, &["allow"]);
    ask(&["--class", "opaque"], 3, &["(opaque.refused)"]);
    let company = example("policies/company.cedar");
    ask(
        &["--class", "opaque", "--policies", &company],
        3,
        &["(opaque.local-only)"],
    );
    ask(
        &[
            "--class",
            "opaque",
            "--role",
            "designer",
            "--locality",
            "local",
            "--policies",
            &company,
        ],
        0,
        &["allow", "role.designer"],
    );
    ask(&["--class", "colour"], 1, &["`colour` is no data class"]);
    ask(&["--action", "model:eat"], 1, &["`model:eat` is no action"]);
}

/// Policies of a text by their id.
fn policies(text: &str) -> BTreeMap<&str, String> {
    let blocks = text.split("@id(\"").skip(1);
    blocks
        .map(|block| {
            let (id, rest) = block.split_once('"').unwrap();
            // What the layout and the words for people are does not matter.
            let (_, rule) = rest.split_once("\")\n").unwrap();
            let rule = rule.split("\n//").next().unwrap();
            (id, rule.chars().filter(|c| !c.is_whitespace()).collect())
        })
        .collect()
}

#[test]
fn the_example_has_the_roles_of_the_base_set() {
    // Whoever begins with the example must not get an older door.
    let home = Home::new();
    let _server = home.up(&[]);
    let base = home.ok(&["policy", "show"]);
    let example = std::fs::read_to_string(example("policies/company.cedar")).unwrap();
    let (base, example) = (policies(&base), policies(&example));
    let roles = base.keys().filter(|id| id.starts_with("role."));
    let roles: Vec<_> = roles.collect();
    assert!(roles.len() >= 8, "{base:?}");
    let differ = |id: &&&str| base.get(**id) != example.get(**id);
    let differing: Vec<_> = roles.into_iter().filter(differ).collect();
    assert!(differing.is_empty(), "{differing:?} differ");
}
