// SPDX-License-Identifier: Apache-2.0
//! Names, conflicts, what is kept, and who is told of changes.

use std::time::Duration;

use casemate_access::EntitySource as _;
use casemate_iam::{IamError, NewKey, NewService};
use casemate_quota::Limits;
use casemate_types::{
    ResourceKind, ResourceRef,
    actions::{KeyCreate, ProjectUpdate, ServiceCreate},
};

use crate::fixture::Fixture;

#[test]
fn names_are_plain() {
    let fixture = Fixture::new();
    for good in ["a", "Team-1", "a.b_c", &"x".repeat(64)] {
        assert!(fixture.project(good).is_ok(), "{good}");
    }
    let project = fixture.project("p").unwrap();
    for bad in [
        "",
        " ",
        "two words",
        "a/b",
        "ä",
        "a\n",
        "a\0",
        "<b>",
        &"x".repeat(65),
    ] {
        assert!(
            matches!(fixture.project(bad), Err(IamError::Invalid(_))),
            "{bad}"
        );
        assert!(
            matches!(fixture.service(&project, bad), Err(IamError::Invalid(_))),
            "{bad}"
        );
    }
}

#[test]
fn a_name_is_taken_once() {
    let fixture = Fixture::new();
    let (one, two) = (
        fixture.project("one").unwrap(),
        fixture.project("two").unwrap(),
    );
    fixture.service(&one, "app").unwrap();
    // The same name in another project is another service.
    fixture.service(&two, "app").unwrap();
    let before = (fixture.everything(), fixture.iam.epoch());
    assert!(matches!(fixture.project("one"), Err(IamError::Conflict(name)) if name == "one"));
    assert!(matches!(
        fixture.service(&one, "app"),
        Err(IamError::Conflict(_))
    ));
    assert_eq!(
        (fixture.everything(), fixture.iam.epoch()),
        before,
        "a refusal changed something"
    );
    let found =
        |project: casemate_types::ProjectId| fixture.iam.service_named(Some(project), "app");
    assert_ne!(found(one.id).unwrap().id, found(two.id).unwrap().id);
    // By id, but only within the project.
    let id = found(one.id).unwrap().id.to_string();
    assert!(fixture.iam.service_named(Some(one.id), &id).is_some());
    assert!(fixture.iam.service_named(Some(two.id), &id).is_none());
}

#[test]
fn every_change_moves_the_epoch() {
    let fixture = Fixture::new();
    let mut last = fixture.iam.epoch();
    let mut moved = |what: &str| {
        let now = fixture.iam.epoch();
        assert!(now > last, "{what}");
        last = now;
    };
    let project = fixture.project("team").unwrap();
    moved("a project");
    let app = fixture.service(&project, "app").unwrap();
    moved("a service");
    let (key, _) = fixture.key(&app, NewKey::default()).unwrap();
    moved("a key");
    fixture.rotate(key.id, Duration::from_secs(60)).unwrap();
    moved("a rotation");
    fixture.revoke(key.id).unwrap();
    moved("a revocation");
    let resource = ResourceRef::of(ResourceKind::Project, project.id, project.id);
    let limits = Limits {
        concurrency: Some(3),
        ..Limits::default()
    };
    fixture
        .iam
        .project_update(fixture.permit::<ProjectUpdate>(resource), limits)
        .unwrap();
    moved("limits");
    let token = fixture.iam.bootstrap_token().unwrap();
    fixture.bootstrap(token.expose(), "Grace").unwrap();
    moved("a person");
    assert_eq!(fixture.iam.project(project.id).unwrap().limits, limits);
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let limits = Limits {
        micros_per_day: Some(7),
        tokens_per_minute: Some(9),
        ..Limits::default()
    };
    let new = NewKey {
        label: "with everything".into(),
        models: vec!["m-*".into(), "n".into()],
        networks: vec!["10.0.0.0/8".into()],
        limits,
        expires: Some(fixture.iam.now().plus(Duration::from_secs(3600))),
    };
    let (_, secret) = fixture.key(&app, new).unwrap();
    let (old, _) = fixture.key(&app, NewKey::default()).unwrap();
    fixture.rotate(old.id, Duration::from_secs(60)).unwrap();
    let (gone, _) = fixture.key(&app, NewKey::default()).unwrap();
    fixture.revoke(gone.id).unwrap();
    let token = fixture.iam.bootstrap_token().unwrap();
    fixture.bootstrap(token.expose(), "Grace Hopper").unwrap();
    let before = fixture.everything();
    let fixture = fixture.reopen();
    assert_eq!(fixture.everything(), before);
    assert!(before.contains("Grace Hopper"));
    let found = fixture
        .shows_from(secret.expose(), Some("10.0.0.1"))
        .unwrap();
    assert_eq!(found.accounts[0].1, limits);
}

#[test]
fn a_caller_of_a_project_hands_out_no_more_than_it_has() {
    let fixture = Fixture::new();
    let project = fixture.project("team").unwrap();
    let resource = || ResourceRef::of(ResourceKind::Project, project.id, project.id);
    let new = |name: &str, role: &str| NewService {
        name: name.into(),
        roles: vec![role.into()],
        limits: Limits::default(),
    };
    let by_operator = |name: &str, role: &str| {
        let permit = fixture.permit::<ServiceCreate>(resource());
        fixture.iam.service_create(permit, new(name, role)).unwrap()
    };
    let (dev, chief) = (
        by_operator("dev", "developer"),
        by_operator("chief", "admin"),
    );
    let (_, secret) = fixture.key(&dev, NewKey::default()).unwrap();
    let caller = fixture.shows(secret.expose()).unwrap().caller;
    for (role, may) in [
        ("service", true),
        ("developer", true),
        ("admin", false),
        ("x", false),
    ] {
        let permit = fixture.permit_of::<ServiceCreate>(&caller, resource());
        let made = fixture
            .iam
            .service_create(permit, new(&format!("of-{role}"), role));
        match may {
            true => assert!(made.is_ok(), "{role}"),
            false => assert!(matches!(made, Err(IamError::Role(found)) if found == role)),
        }
    }
    let resource = ResourceRef::of(ResourceKind::Service, chief.id, project.id);
    let permit = fixture.permit_of::<KeyCreate>(&caller, resource);
    let made = fixture.iam.key_create(permit, NewKey::default());
    assert!(matches!(made, Err(IamError::Role(role)) if role == "admin"));
}
