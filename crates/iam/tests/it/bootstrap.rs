// SPDX-License-Identifier: Apache-2.0
//! The first administrator's token: once, for a day.

use std::time::Duration;

use casemate_iam::IamError;

use crate::fixture::Fixture;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn refused<T: std::fmt::Debug>(result: Result<T, IamError>) {
    assert!(matches!(result, Err(IamError::NotFound(_))), "{result:?}");
}

#[test]
fn the_token_works_once() {
    let fixture = Fixture::new();
    let token = fixture.iam.bootstrap_token().unwrap();
    refused(fixture.bootstrap("", "Eve"));
    refused(fixture.bootstrap(&token.expose()[1..], "Eve"));
    assert!(!fixture.iam.has_person());
    let (person, key, secret) = fixture.bootstrap(token.expose(), " Grace Hopper ").unwrap();
    assert_eq!(
        (person.name.as_str(), &person.roles[..]),
        ("Grace Hopper", &["admin".into()][..])
    );
    assert_eq!((key.owner, key.project), (person.id.into(), None));
    let caller = fixture.shows(secret.expose()).unwrap().caller;
    assert_eq!(
        (caller.principal.id, caller.principal.project),
        (person.id.into(), None)
    );
    refused(fixture.bootstrap(token.expose(), "Eve"));
    assert!(matches!(
        fixture.iam.bootstrap_token(),
        Err(IamError::Conflict(_))
    ));
    // Nor after a restart.
    let fixture = fixture.reopen();
    refused(fixture.bootstrap(token.expose(), "Eve"));
    assert!(fixture.iam.has_person());
    assert!(fixture.shows(secret.expose()).is_ok());
}

#[test]
fn the_token_is_no_key() {
    let fixture = Fixture::new();
    let token = fixture.iam.bootstrap_token().unwrap();
    assert!(fixture.shows(token.expose()).is_err());
}

#[test]
fn the_token_works_for_a_day() {
    let fixture = Fixture::new();
    let token = fixture.iam.bootstrap_token().unwrap();
    fixture.clock.advance(DAY + Duration::from_millis(1));
    refused(fixture.bootstrap(token.expose(), "Eve"));
    // A new one, which ends the one before.
    let second = fixture.iam.bootstrap_token().unwrap();
    let third = fixture.iam.bootstrap_token().unwrap();
    fixture.clock.advance(DAY);
    refused(fixture.bootstrap(second.expose(), "Eve"));
    assert!(fixture.bootstrap(third.expose(), "Grace").is_ok());
}

#[test]
fn a_wrong_name_does_not_use_the_token_up() {
    let fixture = Fixture::new();
    let token = fixture.iam.bootstrap_token().unwrap();
    for name in ["", "  \n", &"x".repeat(129)] {
        let result = fixture.bootstrap(token.expose(), name);
        assert!(matches!(result, Err(IamError::Invalid(_))), "{name}");
    }
    assert!(fixture.bootstrap(token.expose(), &"é".repeat(128)).is_ok());
}

#[test]
fn of_many_at_once_one_wins() {
    let fixture = Fixture::new();
    let token = fixture.iam.bootstrap_token().unwrap();
    let won: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| usize::from(fixture.bootstrap(token.expose(), "Grace").is_ok()))
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
}
