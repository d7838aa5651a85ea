// SPDX-License-Identifier: Apache-2.0
//! Who made a service or a key is kept, and tells principals apart.

use std::time::Duration;

use casemate_access::EntitySource as _;
use casemate_iam::{NewKey, NewService, Project, ServiceInfo};
use casemate_quota::Limits;
use casemate_store::{Database, Keyring, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir};
use casemate_types::{
    Caller, ResourceKind, ResourceRef,
    actions::{KeyCreate, ServiceCreate, ServiceRead},
};

use crate::fixture::Fixture;

impl Fixture {
    /// An administrator of a project, made by somebody.
    fn chief(&self, maker: &Caller, project: &Project, name: &str) -> ServiceInfo {
        let resource = ResourceRef::of(ResourceKind::Project, project.id, project.id);
        let new = NewService {
            name: name.into(),
            roles: vec!["admin".into()],
            limits: Limits::default(),
        };
        let permit = self.permit_of::<ServiceCreate>(maker, resource);
        self.iam.service_create(permit, new).unwrap()
    }

    /// Whoever holds a new key of a service, made by somebody.
    fn holder(&self, maker: &Caller, service: &ServiceInfo) -> Caller {
        let resource = ResourceRef::of(ResourceKind::Service, service.id, service.project);
        let permit = self.permit_of::<KeyCreate>(maker, resource);
        let (info, secret) = self.iam.key_create(permit, NewKey::default()).unwrap();
        assert_eq!(info.made_by, Some(maker.principal.id));
        self.shows(secret.expose()).unwrap().caller
    }
}

#[test]
fn makers_are_known_after_a_restart() {
    let fixture = Fixture::new();
    let project = fixture.project("team").unwrap();
    let operator = Caller::operator(0);
    let ada = fixture.chief(&operator, &project, "ada");
    let bob = fixture.chief(&operator, &project, "bob");
    let carol = fixture.chief(&operator, &project, "carol");
    assert_eq!(ada.made_by, Some(operator.principal.id));
    let holder = fixture.holder(&operator, &ada);
    let made = fixture.chief(&holder, &project, "made");
    // A key of somebody else is as good as a service of one's own.
    fixture.holder(&holder, &bob);
    let check = |fixture: &Fixture| {
        for (one, other, expected) in [
            (&ada, &ada, true),
            (&ada, &made, true),
            (&ada, &bob, true),
            (&made, &bob, true),
            (&ada, &carol, false),
            (&made, &carol, false),
        ] {
            let (one, other) = (one.id.into(), other.id.into());
            assert_eq!(fixture.iam.one_hand(one, other), expected, "{one} {other}");
            assert_eq!(fixture.iam.one_hand(other, one), expected, "{other} {one}");
        }
        assert!(!fixture.iam.one_hand(ada.id.into(), operator.principal.id));
        let root = Caller::operator(1).principal.id;
        assert!(!fixture.iam.one_hand(root, operator.principal.id));
    };
    check(&fixture);
    let before = fixture.everything();
    let fixture = fixture.reopen();
    check(&fixture);
    assert_eq!(fixture.everything(), before);
}

#[test]
fn what_was_made_before_makers_were_kept_was_made_by_nobody() {
    let dir = TempDir::new();
    let before = [
        Keyring::MIGRATIONS,
        casemate_access::MIGRATIONS,
        casemate_iam::MIGRATIONS.get(..1).unwrap(),
    ]
    .concat();
    let database = Database::open(&dir.join("state.db"), Options::default(), &before).unwrap();
    let insert = |sql: &str| {
        let done = database.tx("test.insert", |tx| tx.execute(sql, &[]));
        done.unwrap();
    };
    let (project, service) = (
        "x'01010101010101010101010101010101'",
        "x'02020202020202020202020202020202'",
    );
    insert(&format!(
        "INSERT INTO iam_project VALUES ({project}, 'old', '{{}}', 1)"
    ));
    insert(&format!(
        "INSERT INTO iam_service VALUES ({service}, {project}, 'app', '[\"service\"]', '{{}}', 1)"
    ));
    insert(&format!(
        "INSERT INTO iam_key VALUES ({service}, {service}, {project}, zeroblob(32), '', '[]', '[]',
             '{{}}', 1, NULL, NULL)"
    ));
    drop(database);
    let fixture = Fixture::inside(dir, ManualClock::shared(), SeededEntropy::shared(1));
    let services = fixture.iam.service_list(fixture.system::<ServiceRead>());
    let services = services.unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].made_by, None);
    let (_, keys) = fixture.iam.members(services[0].project);
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].made_by, None);
    // It goes on as it was.
    let operator = Caller::operator(0);
    fixture.clock.advance(Duration::from_secs(1));
    let holder = fixture.holder(&operator, &services[0]);
    assert_eq!(holder.principal.name, "app");
}
