// SPDX-License-Identifier: Apache-2.0
//! API keys: what works, until when, from where.

use std::time::Duration;

use casemate_iam::{ApiKey, IamError, NewKey, Rejection};
use casemate_quota::Account;
use casemate_testkit::{ManualClock, SeededEntropy};
use casemate_types::{Caller, Credential, ResourceKind, ResourceRef, Strength, actions::KeyCreate};

use crate::fixture::Fixture;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_key_says_who_holds_it() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let (info, secret) = fixture.key(&app, NewKey::default()).unwrap();
    let found = fixture
        .shows_from(secret.expose(), Some("192.0.2.7"))
        .unwrap();
    let caller = &found.caller;
    assert_eq!(caller.principal.id, app.id.into());
    assert_eq!(caller.principal.project, Some(app.project));
    assert_eq!(caller.principal.roles, ["service"]);
    assert_eq!(caller.credential, Credential::Key(info.id));
    assert_eq!(caller.strength, Strength::Secret);
    assert_eq!(caller.address, Some("192.0.2.7".parse().unwrap()));
    let accounts: Vec<_> = found.accounts.iter().map(|(account, _)| *account).collect();
    let owner = Account::Principal(app.id.into());
    assert_eq!(
        accounts,
        [Account::Key(info.id), owner, Account::Project(app.project)]
    );
    let certified = fixture
        .iam
        .authenticate(Some(secret.expose()), None, true)
        .unwrap();
    assert_eq!(certified.caller.strength, Strength::Bound);
}

#[test]
fn what_is_no_key_is_refused() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let (_, secret) = fixture.key(&app, NewKey::default()).unwrap();
    // Right in form, and of another installation.
    let foreign = ApiKey::generate(&SeededEntropy::new(77));
    let good = secret.expose();
    let check = |key: Option<&str>, expected: Rejection| {
        let refused = fixture.iam.authenticate(key, None, false).unwrap_err();
        assert_eq!(refused, expected, "{key:?}");
        assert!(
            !refused.problem().to_json().to_string().contains(good),
            "the key was repeated"
        );
    };
    check(None, Rejection::Missing);
    for typo in [
        String::new(),
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        format!(" {good}"),
        good.replace("cm_", "sk_"),
        good.to_ascii_lowercase(),
        // The last letter is part of the checksum.
        format!(
            "{}{}",
            &good[..good.len() - 1],
            if good.ends_with('0') { '1' } else { '0' }
        ),
        "cm_".to_owned() + &"é".repeat(19),
    ] {
        check(Some(&typo), Rejection::Malformed);
    }
    check(Some(foreign.expose()), Rejection::Unknown);
}

#[test]
fn a_revoked_key_is_refused_by_the_next_call() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let (info, secret) = fixture.key(&app, NewKey::default()).unwrap();
    let (_, other) = fixture.key(&app, NewKey::default()).unwrap();
    assert!(fixture.shows(secret.expose()).is_ok());
    let revoked = fixture.revoke(info.id).unwrap();
    assert_eq!(revoked.revoked, Some(ManualClock::START));
    assert_eq!(
        fixture.shows(secret.expose()).unwrap_err(),
        Rejection::Revoked(info.id)
    );
    assert!(fixture.shows(other.expose()).is_ok());
    // A second revocation does not move the first.
    fixture.clock.advance(HOUR);
    assert_eq!(
        fixture.revoke(info.id).unwrap().revoked,
        Some(ManualClock::START)
    );
    let rotated = fixture.rotate(info.id, HOUR).unwrap_err();
    assert!(matches!(rotated, IamError::NotFound(_)), "{rotated}");
    // Nor does a clock that goes back, or a restart, bring it to life.
    fixture.clock.retreat(HOUR * 48);
    assert_eq!(
        fixture.shows(secret.expose()).unwrap_err(),
        Rejection::Revoked(info.id)
    );
    let fixture = fixture.reopen();
    assert_eq!(
        fixture.shows(secret.expose()).unwrap_err(),
        Rejection::Revoked(info.id)
    );
}

#[test]
fn a_key_expires_at_its_instant() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let expires = Some(ManualClock::START.plus(HOUR));
    let (info, secret) = fixture
        .key(
            &app,
            NewKey {
                expires,
                ..NewKey::default()
            },
        )
        .unwrap();
    fixture.clock.advance(HOUR - Duration::from_millis(1));
    assert!(fixture.shows(secret.expose()).is_ok());
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(
        fixture.shows(secret.expose()).unwrap_err(),
        Rejection::Expired(info.id)
    );
    let late = fixture
        .key(
            &app,
            NewKey {
                expires,
                ..NewKey::default()
            },
        )
        .unwrap_err();
    assert!(matches!(late, IamError::Invalid(_)), "{late}");
}

#[test]
fn a_key_works_from_its_networks_only() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let networks = vec![
        "10.1.0.0/16".into(),
        "2001:db8::/32".into(),
        "192.0.2.7".into(),
    ];
    let (info, secret) = fixture
        .key(
            &app,
            NewKey {
                networks,
                ..NewKey::default()
            },
        )
        .unwrap();
    for (from, works) in [
        (Some("10.1.255.255"), true),
        (Some("::ffff:10.1.0.1"), true),
        (Some("2001:db8::1"), true),
        (Some("192.0.2.7"), true),
        (Some("10.2.0.1"), false),
        (Some("192.0.2.8"), false),
        (Some("2001:db9::1"), false),
        (Some("::1"), false),
        // From where nobody knows.
        (None, false),
    ] {
        let result = fixture.shows_from(secret.expose(), from);
        match works {
            true => assert!(result.is_ok(), "{from:?}"),
            false => assert_eq!(result.unwrap_err(), Rejection::Network(info.id), "{from:?}"),
        }
    }
    let networks = vec!["10.1.0.0/99".into()];
    let wrong = fixture
        .key(
            &app,
            NewKey {
                networks,
                ..NewKey::default()
            },
        )
        .unwrap_err();
    assert!(matches!(wrong, IamError::Invalid(_)), "{wrong}");
}

#[test]
fn a_rotated_key_overlaps_with_its_successor() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let new = NewKey {
        label: "l".into(),
        models: vec!["gpt-*".into()],
        networks: vec!["10.0.0.0/8".into()],
        ..NewKey::default()
    };
    let (old, old_secret) = fixture.key(&app, new).unwrap();
    let (next, next_secret) = fixture.rotate(old.id, HOUR).unwrap();
    assert_ne!(old_secret.expose(), next_secret.expose());
    assert_eq!(next.owner, old.owner);
    assert_eq!(
        (&next.label, &next.models, &next.networks),
        (&old.label, &old.models, &old.networks)
    );
    let works = |key: &str| fixture.shows_from(key, Some("10.0.0.1"));
    fixture.clock.advance(HOUR - Duration::from_millis(1));
    assert!(works(old_secret.expose()).is_ok() && works(next_secret.expose()).is_ok());
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(
        works(old_secret.expose()).unwrap_err(),
        Rejection::Expired(old.id)
    );
    assert!(works(next_secret.expose()).is_ok());
    // Without overlap the old one ends at once.
    let (last, last_secret) = fixture.rotate(next.id, Duration::ZERO).unwrap();
    assert_eq!(
        works(next_secret.expose()).unwrap_err(),
        Rejection::Expired(next.id)
    );
    assert_eq!(works(last_secret.expose()).unwrap().key().id, last.id);
}

#[test]
fn a_rotation_prolongs_nothing() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let expires = Some(ManualClock::START.plus(HOUR));
    let (old, old_secret) = fixture
        .key(
            &app,
            NewKey {
                expires,
                ..NewKey::default()
            },
        )
        .unwrap();
    let (next, next_secret) = fixture.rotate(old.id, HOUR * 24).unwrap();
    assert_eq!(next.expires, expires);
    fixture.clock.advance(HOUR);
    assert!(fixture.shows(old_secret.expose()).is_err());
    assert!(fixture.shows(next_secret.expose()).is_err());
    // Nor does it bring an expired key back.
    assert!(fixture.rotate(old.id, HOUR).is_err());
    assert!(fixture.rotate(next.id, HOUR).is_err());
    assert!(fixture.shows(old_secret.expose()).is_err());
}

#[test]
fn models_are_matched_by_name_or_beginning() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let models = vec!["gpt-*".into(), "house".into()];
    let (info, _) = fixture
        .key(
            &app,
            NewKey {
                models,
                ..NewKey::default()
            },
        )
        .unwrap();
    for (model, allowed) in [
        ("gpt-", true),
        ("gpt-4", true),
        ("house", true),
        ("house-2", false),
        ("GPT-4", false),
    ] {
        assert_eq!(info.allows_model(model), allowed, "{model}");
    }
    assert!(
        fixture
            .key(&app, NewKey::default())
            .unwrap()
            .0
            .allows_model("anything")
    );
}

#[test]
fn a_key_needs_a_principal_that_is_there() {
    let fixture = Fixture::new();
    let app = fixture.app();
    for (kind, id) in [
        (ResourceKind::Service, "svc_nonsense".to_owned()),
        (ResourceKind::Project, app.id.to_string()),
        (ResourceKind::Service, app.project.to_string()),
    ] {
        let resource = ResourceRef {
            kind,
            id,
            project: Some(app.project),
        };
        let permit = fixture.permit::<KeyCreate>(resource);
        let made = fixture.iam.key_create(permit, NewKey::default());
        assert!(matches!(made, Err(IamError::NotFound(_))), "{kind:?}");
    }
}

#[test]
fn a_permit_that_waited_too_long_changes_nothing() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let before = fixture.everything();
    let resource = ResourceRef::of(ResourceKind::Service, app.id, app.project);
    let permit = fixture.permit_of::<KeyCreate>(&Caller::operator(0), resource);
    fixture.clock.advance(HOUR);
    let made = fixture.iam.key_create(permit, NewKey::default());
    assert!(matches!(made, Err(IamError::Expired)));
    assert_eq!(fixture.everything(), before);
}
