// SPDX-License-Identifier: Apache-2.0
//! The second person that `production` asks for is one: nobody is two by making services.

use serde_json::json;

use crate::fixture::{Fixture, OPERATOR, Reply, Who};

const VERSION: &str = "/v1/projects/a/models/m/versions/1";

struct House(Fixture);

impl House {
    /// A model with everything that production asks for but an approval.
    fn new() -> Self {
        let fixture = Fixture::new();
        fixture.model();
        let house = Self(fixture);
        let digest = crate::fixture::digest(crate::fixture::CONTENT);
        let bom = json!({"bomFormat": "CycloneDX", "components": [{
            "name": "config.json", "hashes": [{"alg": "SHA-256", "content": digest}],
        }]});
        let evaluation = json!({"name": "holdout", "metrics": {"auc": 1}});
        for (kind, body) in [("bom", bom), ("evaluation", evaluation)] {
            let path = format!("{VERSION}/documents/{kind}");
            house.ok(&house.0.admin, "POST", &path, &body.to_string());
        }
        house
    }

    fn ok(&self, who: &Who, method: &str, path: &str, body: &str) -> Reply {
        let reply = self.0.call(who, method, path, body);
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
        reply
    }

    /// A service with a role and a key for it, both made by `maker`.
    fn service(&self, maker: &Who, name: &str) -> Who {
        let body = json!({"name": name, "roles": ["admin"]}).to_string();
        self.ok(maker, "POST", "/v1/projects/a/services", &body);
        self.key(maker, name)
    }

    fn key(&self, maker: &Who, service: &str) -> Who {
        let path = format!("/v1/projects/a/services/{service}/keys");
        let made = self.ok(maker, "POST", &path, "{}").json();
        Who::Key(made["secret"].as_str().unwrap().to_owned())
    }

    /// Whether `mover` may promote after `approver` agreed, for no longer than that.
    fn are_two(&self, approver: &Who, mover: &Who) -> bool {
        let agreed = json!({"alias": "production", "why": "read it"}).to_string();
        self.ok(approver, "POST", &format!("{VERSION}/approve"), &agreed);
        let path = "/v1/projects/a/models/m/aliases/production";
        let moved = self.0.call(mover, "PUT", path, r#"{"to": "1"}"#);
        // A quarantine takes approvals back.
        let why = r#"{"why": "a test"}"#;
        self.ok(&self.0.admin, "POST", &format!("{VERSION}/quarantine"), why);
        self.ok(&self.0.admin, "POST", &format!("{VERSION}/release"), why);
        match moved.status {
            200 => true,
            403 => {
                assert!(moved.text.contains("second person"), "{moved:?}");
                false
            }
            _ => panic!("{moved:?}"),
        }
    }

    #[track_caller]
    fn check(&self, one: &Who, other: &Who, are_two: bool) {
        assert_eq!(self.are_two(one, other), are_two);
        assert_eq!(self.are_two(other, one), are_two, "the other way round");
    }
}

#[test]
fn who_makes_a_service_is_no_second_person_by_it() {
    let house = House::new();
    let ada = house.0.member("a", "ada", &["admin"]).1;
    let made = house.service(&ada, "b");
    house.check(&made, &ada, false);
    // Nor two of them together, nor one that they made.
    let another = house.service(&ada, "c");
    house.check(&made, &another, false);
    let grandchild = house.service(&made, "d");
    house.check(&grandchild, &ada, false);
    house.check(&grandchild, &another, false);
    // An administrator of the whole installation is one person, too.
    let grace = house.0.admin.clone();
    let made = house.service(&grace, "e");
    house.check(&made, &grace, false);
}

#[test]
fn who_makes_a_key_holds_it() {
    let house = House::new();
    let ada = house.0.member("a", "ada", &["admin"]).1;
    let (of_bob, bob) = house.0.member("a", "bob", &["admin"]);
    house.check(&ada, &bob, true);
    let stolen = house.key(&ada, "bob");
    house.check(&stolen, &ada, false);
    // Which of his keys it was is not known afterwards.
    house.check(&bob, &ada, false);
    // A new key for oneself changes nothing.
    let (_, carol) = house.0.member("a", "carol", &["admin"]);
    house.key(&carol, "carol");
    house.check(&carol, &ada, true);
    // Whoever rotates a key sees the secret, too.
    house.check(&carol, &bob, true);
    house.ok(
        &carol,
        "POST",
        &format!("/v1/keys/{of_bob}/rotate"),
        r#"{"overlap_seconds": 60}"#,
    );
    house.check(&carol, &bob, false);
}

#[test]
fn services_that_two_people_made_are_two() {
    let house = House::new();
    let ada = house.0.member("a", "ada", &["admin"]).1;
    let bob = house.0.member("a", "bob", &["admin"]).1;
    house.check(&ada, &bob, true);
    let (of_ada, of_bob) = (house.service(&ada, "x"), house.service(&bob, "y"));
    house.check(&of_ada, &of_bob, true);
    house.check(&of_ada, &bob, true);
    // Users of the local socket are roots: what they make belongs to whom they give it.
    let operator = Who::Socket(OPERATOR);
    let made = house.service(&operator, "z");
    house.check(&made, &operator, true);
    house.check(&made, &ada, true);
    house.check(&operator, &Who::Socket(0), true);
    house.check(&operator, &operator, false);
}
