// SPDX-License-Identifier: Apache-2.0
//! To another project nothing of a model exists, not even its bytes.

use casemate_models::registry::{Place, RegistryError};

use super::house::{House, OTHER, caller, developer, model, place, reference};

#[test]
fn a_foreign_model_is_a_missing_one() {
    let house = House::new();
    house.push(&model(1));
    house.promote("1", "staging").unwrap();
    let stranger = caller(7, "admin", Some(OTHER));
    let (place, one) = (place(), reference("1"));
    let missing = |result: Result<(), RegistryError>| {
        assert!(
            matches!(result, Err(RegistryError::NotFound("model"))),
            "{result:?}"
        );
    };
    let registry = &house.registry;
    missing(
        house
            .run(registry.list(&stranger, Some(place.project)))
            .map(drop),
    );
    missing(house.run(registry.show(&stranger, &place)).map(drop));
    missing(
        house
            .run(registry.version(&stranger, &place, &one))
            .map(drop),
    );
    missing(
        house
            .run(registry.lineage(&stranger, &place, &one))
            .map(drop),
    );
    missing(house.run(registry.pull(&stranger, &place, &one)).map(drop));
    missing(
        house
            .run(registry.open_file(&stranger, &place, &one, "config.json"))
            .map(drop),
    );
    missing(
        house
            .run(registry.missing(&stranger, &place, Vec::new()))
            .map(drop),
    );
    missing(house.send(&stranger, b"{}"));
    missing(house.promote_by(&stranger, "1", "staging", None).map(drop));
    missing(
        house
            .run(registry.quarantine(&stranger, &place, &one, ""))
            .map(drop),
    );
    missing(house.run(registry.set_signers(&stranger, &place, Vec::new())));
    assert_eq!(house.run(registry.list(&stranger, None)).unwrap().len(), 0);
    assert_eq!(
        house.run(registry.list(&developer(), None)).unwrap().len(),
        1
    );
}

#[test]
fn that_another_project_has_the_same_bytes_does_not_show() {
    let house = House::new();
    house.push(&model(1));
    let bytes = &model(1)[0].1;
    let digest = casemate_crypto::sha256(bytes);
    let elsewhere = Place {
        project: OTHER,
        ..place()
    };
    let stranger = caller(7, "admin", Some(OTHER));
    let missing = house.run(house.registry.missing(&stranger, &elsewhere, vec![digest]));
    assert_eq!(missing.unwrap(), [digest]);
    let here = house.run(house.registry.missing(&developer(), &place(), vec![digest]));
    assert_eq!(here.unwrap(), [[0; 32]; 0]);
}
