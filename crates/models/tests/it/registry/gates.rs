// SPDX-License-Identifier: Apache-2.0
//! Aliases move through the gates, one at a time, and back at once.

use casemate_crypto::{Curve, EcdsaPrivate};
use casemate_models::registry::{DocumentKind, Move, Moved, RegistryError};
use serde_json::json;

use super::house::{House, admin, alias, bom, caller, developer, gate, model, place, reference};

fn moved(from: Option<i64>, to: i64, alias: &str) -> Moved {
    let alias = alias.to_owned();
    Moved { alias, from, to }
}

#[test]
fn production_asks_for_everything() {
    let house = House::new();
    let version = house.push(&model(1));
    assert_eq!(
        house.promote("1", "staging").unwrap(),
        moved(None, 1, "staging")
    );
    let (evidence, second) = ("gate.production.evidence", "gate.production.second-person");
    assert_eq!(gate(house.promote("1", "production")), [evidence, second]);
    house.attest("1", DocumentKind::Bom, bom(&version)).unwrap();
    assert_eq!(gate(house.promote("1", "production")), [evidence, second]);
    let evaluation = json!({"name": "holdout", "metrics": {"auc": 0.9}});
    house
        .attest("1", DocumentKind::Evaluation, evaluation)
        .unwrap();
    assert_eq!(gate(house.promote("1", "production")), [second]);
    // Who may promote may not approve, and who approves does not count for itself.
    assert_eq!(
        gate(house.approve(&developer(), "1", "production")),
        ["policy.default"]
    );
    house.approve(&admin(), "1", "staging").unwrap();
    assert_eq!(gate(house.promote("1", "production")), [second]);
    house.approve(&admin(), "1", "production").unwrap();
    assert_eq!(
        gate(house.promote_by(&admin(), "1", "production", None)),
        [second]
    );
    assert_eq!(
        house.promote("1", "production").unwrap(),
        moved(None, 1, "production")
    );
    let info = house.show("production");
    assert_eq!(info.aliases, ["production", "staging"]);
    let who = developer().principal.id;
    let shown = house
        .run(house.registry.show(&developer(), &place()))
        .unwrap();
    assert!(
        shown
            .aliases
            .iter()
            .all(|alias| alias.author == who && alias.number == 1)
    );
    let why = "`production` to version 1: tests passed";
    let records = house.book();
    let line = format!("model:promote allow role.developer {why}");
    assert!(records.contains(&line), "{records:#?}");
}

#[test]
fn of_many_who_promote_at_once_one_does() {
    let house = House::new();
    let numbers: Vec<_> = (1..=6)
        .map(|number| house.push(&model(number)).summary.number)
        .collect();
    house.promote("1", "staging").unwrap();
    let promote = |number: i64| {
        let registry = house.registry.clone();
        async move {
            let wanted = Move {
                alias: alias("staging"),
                to: reference(&number.to_string()),
                from: Some(1),
                why: String::new(),
            };
            registry.promote(&developer(), &place(), wanted).await
        }
    };
    let results = house.run(async {
        let tasks: Vec<_> = numbers[1..]
            .iter()
            .map(|number| tokio::spawn(promote(*number)))
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    });
    let winners: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().ok())
        .collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Ok(_) | Err(RegistryError::Conflict(_))))
    );
    assert_eq!(house.show("staging").summary.number, winners[0].to);
}

#[test]
fn going_back_needs_nobody_and_stops_at_the_floor() {
    let house = House::new();
    for number in 1..=3 {
        house.push(&model(number));
        house.promote(&number.to_string(), "staging").unwrap();
    }
    assert_eq!(
        house.rollback("staging").unwrap(),
        moved(Some(3), 2, "staging")
    );
    assert_eq!(
        house.rollback("staging").unwrap(),
        moved(Some(2), 1, "staging")
    );
    assert!(matches!(
        house.rollback("staging"),
        Err(RegistryError::Conflict(_))
    ));
    house.promote("3", "staging").unwrap();
    let why = "versions before 3 leak training data";
    house
        .run(house.registry.set_floor(&admin(), &place(), 3, why))
        .unwrap();
    assert_eq!(gate(house.rollback("staging")), ["gate.floor"]);
    assert_eq!(gate(house.promote("1", "staging")), ["gate.floor"]);
    house.approve(&admin(), "1", "staging").unwrap();
    assert_eq!(
        house.rollback("staging").unwrap(),
        moved(Some(3), 1, "staging")
    );
}

#[test]
fn a_rollback_passes_what_is_in_quarantine() {
    let house = House::new();
    for number in 1..=3 {
        house.push(&model(number));
        house.promote(&number.to_string(), "staging").unwrap();
    }
    let (place, two) = (place(), reference("2"));
    house
        .run(
            house
                .registry
                .quarantine(&developer(), &place, &two, "biased"),
        )
        .unwrap();
    assert_eq!(
        house.rollback("staging").unwrap(),
        moved(Some(3), 1, "staging")
    );
}

#[test]
fn a_quarantined_version_goes_nowhere() {
    let house = House::new();
    for number in 1..=2 {
        house.push(&model(number));
        house.prepare(&number.to_string());
        house.promote(&number.to_string(), "production").unwrap();
    }
    let (place, two) = (place(), reference("2"));
    let led = house
        .run(
            house
                .registry
                .quarantine(&developer(), &place, &two, "it leaks"),
        )
        .unwrap();
    assert_eq!(led, [moved(Some(2), 1, "production")]);
    assert_eq!(
        gate(house.promote("2", "staging")),
        ["registry.quarantined"]
    );
    assert_eq!(
        gate(house.approve(&admin(), "2", "production")),
        ["registry.quarantined"]
    );
    let why = house.pull("2", "config.json").unwrap_err();
    assert!(why.contains("it leaks"), "{why}");
    assert!(house.pull("production", "config.json").is_ok());
    // Who may stop may not let go; and what was approved before counts no more.
    let released = house.run(house.registry.release(&developer(), &place, &two, "fixed"));
    assert_eq!(gate(released), ["policy.default"]);
    house
        .run(
            house
                .registry
                .release(&admin(), &place, &two, "a false alarm"),
        )
        .unwrap();
    assert!(house.pull("2", "config.json").is_ok());
    assert_eq!(
        gate(house.promote("2", "production")),
        ["gate.production.second-person"]
    );
}

#[test]
fn who_is_struck_off_signs_nothing_that_is_handed_out() {
    let house = House::new();
    house.push(&model(1));
    house.promote("1", "staging").unwrap();
    assert!(house.pull("staging", "config.json").is_ok());
    let other = EcdsaPrivate::generate(Curve::P384).unwrap();
    house.allow(&[&other]);
    let why = house.pull("staging", "config.json").unwrap_err();
    assert!(why.contains("signed"), "{why}");
    assert_eq!(gate(house.promote("1", "next")), ["gate.signature"]);
    assert!(house.show("1").signer.is_err());
    house.allow(&[&other, &house.key]);
    assert!(house.pull("staging", "config.json").is_ok());
}

#[test]
fn without_a_role_there_is_nothing() {
    let house = House::new();
    house.push(&model(1));
    let nobody = caller(9, "nothing", Some(super::house::PROJECT));
    let (place, one) = (place(), reference("1"));
    let denied = ["policy.default"];
    let registry = &house.registry;
    assert_eq!(gate(house.run(registry.list(&nobody, None))), denied);
    assert_eq!(gate(house.run(registry.show(&nobody, &place))), denied);
    assert_eq!(
        gate(house.run(registry.version(&nobody, &place, &one))),
        denied
    );
    // Whether there is a version is told to those only who may read the model.
    assert_eq!(
        gate(house.run(registry.version(&nobody, &place, &reference("77")))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.lineage(&nobody, &place, &one))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.pull(&nobody, &place, &one))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.missing(&nobody, &place, Vec::new()))),
        denied
    );
    assert_eq!(gate(house.send(&nobody, b"{}")), denied);
    assert_eq!(
        gate(house.promote_by(&nobody, "1", "staging", None)),
        denied
    );
    assert_eq!(gate(house.approve(&nobody, "1", "staging")), denied);
    assert_eq!(
        gate(house.run(registry.quarantine(&nobody, &place, &one, ""))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.release(&nobody, &place, &one, ""))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.set_floor(&nobody, &place, 1, ""))),
        denied
    );
    assert_eq!(
        gate(house.run(registry.set_signers(&nobody, &place, Vec::new()))),
        denied
    );
    let reader = caller(8, "analyst", Some(super::house::PROJECT));
    assert!(house.run(registry.version(&reader, &place, &one)).is_ok());
    assert_eq!(
        gate(house.run(registry.pull(&reader, &place, &one))),
        denied
    );
}
