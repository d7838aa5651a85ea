// SPDX-License-Identifier: Apache-2.0
//! A cached answer is the answer.

use casemate_policy::{CompiledSet, DecisionCache, Question};
use casemate_types::{
    AccessContext, ActionName, DataClass, Decision, Locality, Principal, PrincipalId,
    PrincipalKind, ProjectId, Release, ResourceKind, ResourceRef, Standing, Strength,
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::common::{FOREIGN, OWN, base, context, parse, principal};

/// Conditions that between them read everything there is to read.
const CONDITIONS: &[&str] = &[
    "context.blocked.isEmpty()",
    "context.data_classes.contains(\"health\")",
    "context.data_classes.containsAll([\"health\", \"personal\"])",
    "context.dialect == \"openai\"",
    "context.hour > 1",
    "context.injection > 1",
    "context.locality == \"local\"",
    "context.purpose like \"a*\"",
    "context.region == \"\"",
    "context.risk > 1",
    "context.stream && context.tools",
    "context.strength == \"secret\"",
    "context.tokens * 4611686018427387904 > 0",
    "context.untrusted",
    "context.alias == \"a\"",
    "context.standing.contains(\"signed\")",
    "context has upstream && context.upstream == \"a\"",
    "{ all: context }.all.hour > 1",
    "principal has project && resource in principal.project",
    "principal in Role::\"a\"",
    "resource is Model && resource == Model::\"a\"",
    "principal is Service",
    "principal has project && principal.project == Project::\"prj_000000000000g40r40m30e209\"",
];

fn set(chosen: &[(usize, bool, u8)]) -> CompiledSet {
    let policy = |(number, (condition, permit, scope)): (usize, &(usize, bool, u8))| {
        let effect = if *permit { "permit" } else { "forbid" };
        let action = match scope % 3 {
            0 => "action",
            1 => "action == Action::\"model:invoke\"",
            _ => "action in [Action::\"model:invoke\", Action::\"model:list\"]",
        };
        let condition = CONDITIONS[condition % CONDITIONS.len()];
        let obligation = if *permit {
            "@obligation(\"redact:payment\")"
        } else {
            ""
        };
        format!(
            "@id(\"p{number}\") {obligation} {effect} (principal, {action}, resource) when {{ {condition} }};\n"
        )
    };
    let text: String = chosen.iter().enumerate().map(policy).collect();
    // Ill-typed for resources that are no models, where the rule is scoped to all actions.
    match CompiledSet::parse(&text) {
        Ok(set) => set,
        Err(error) => panic!("{error:?} in {text}"),
    }
}

fn word() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["", "a", "ab", "b"]).prop_map(str::to_owned)
}

fn classes() -> impl Strategy<Value = Vec<DataClass>> {
    let some = [DataClass::Attack, DataClass::Health, DataClass::Personal];
    proptest::sample::subsequence(some.to_vec(), 0..=3)
}

fn project() -> impl Strategy<Value = Option<ProjectId>> {
    let zeros = ProjectId::from_bytes([0; 16]);
    let odd = ProjectId::from_bytes([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 9]);
    proptest::sample::select(vec![None, Some(zeros), Some(odd), Some(OWN)])
}

fn release() -> impl Strategy<Value = Release> {
    let some = [Standing::Approved, Standing::Clean, Standing::Signed];
    let standing = proptest::sample::subsequence(some.to_vec(), 0..=3);
    (word(), standing).prop_map(|(alias, standing)| Release { alias, standing })
}

fn circumstances() -> impl Strategy<Value = AccessContext> {
    let lists = (classes(), classes());
    let words = (word(), word(), word());
    let numbers = (0_u8..3, 0_u16..3, 0_u8..3, 0_u64..3);
    let flags = any::<[bool; 4]>();
    let picks = (
        proptest::sample::select(Locality::ALL),
        proptest::sample::select(vec!["openai", "anthropic"]),
        proptest::sample::select(vec![Strength::Secret, Strength::Bound]),
    );
    let parts = (lists, words, numbers, flags, picks, release());
    parts.prop_map(
        |(lists, words, numbers, flags, picks, release)| AccessContext {
            blocked: lists.0,
            data_classes: lists.1,
            dialect: picks.1,
            hour: numbers.0,
            injection: numbers.1,
            locality: picks.0,
            purpose: words.0,
            region: words.1,
            release,
            risk: numbers.2,
            stream: flags[0],
            strength: picks.2,
            tokens: numbers.3,
            tools: flags[1],
            untrusted: flags[2],
            upstream: words.2,
        },
    )
}

/// Few principals, so that the same id comes with different roles and projects.
fn asker() -> impl Strategy<Value = Principal> {
    let roles = proptest::sample::subsequence(vec!["a", "b", "ab"], 0..=3);
    let kind = proptest::sample::select(vec![PrincipalKind::Service, PrincipalKind::Person]);
    (0_u8..2, kind, project(), roles).prop_map(|(id, kind, project, roles)| Principal {
        id: PrincipalId::from_bytes([id; 16]),
        kind,
        project,
        roles: roles.into_iter().map(str::to_owned).collect(),
        name: String::new(),
    })
}

fn resource() -> impl Strategy<Value = ResourceRef> {
    let kind = proptest::sample::select(vec![ResourceKind::Model, ResourceKind::Project]);
    (kind, word(), project()).prop_map(|(kind, id, project)| ResourceRef { kind, id, project })
}

type Asked = (Principal, ActionName, ResourceRef, AccessContext, u64);

fn asked() -> impl Strategy<Value = Asked> {
    let action = proptest::sample::select(vec![ActionName::ModelInvoke, ActionName::ModelList]);
    (asker(), action, resource(), circumstances(), 0_u64..2)
}

proptest! {
    #![proptest_config(Config {
        cases: 60,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        max_shrink_iters: 2000,
        ..Config::default()
    })]

    #[test]
    fn cached_is_uncached(
        sets in proptest::collection::vec(
            proptest::collection::vec((any::<usize>(), any::<bool>(), any::<u8>()), 0..5), 1..3),
        questions in proptest::collection::vec(asked(), 1..120),
        changes in proptest::collection::vec((0..120_usize, circumstances(), 0..15_usize), 0..60),
    ) {
        let sets: Vec<_> = sets.iter().map(|chosen| set(chosen)).collect();
        let cache = DecisionCache::default();
        // Also questions that differ in one attribute only.
        let mut all = questions.clone();
        for (at, other, attribute) in changes {
            let mut next = questions[at % questions.len()].clone();
            change(&mut next.3, other, attribute);
            all.push(next);
        }
        for _ in 0..2 {
            for (principal, action, resource, context, epoch) in &all {
                for (number, set) in sets.iter().enumerate() {
                    let question = Question { principal, action: *action, resource, context };
                    let id = [number as u8; 16];
                    let cached = cache.decide(set, &id, *epoch, &question);
                    prop_assert_eq!(&*cached, &set.decide(&question), "{:?}", question);
                }
            }
        }
    }
}

fn change(context: &mut AccessContext, other: AccessContext, attribute: usize) {
    match attribute {
        0 => context.blocked = other.blocked,
        1 => context.data_classes = other.data_classes,
        2 => context.dialect = other.dialect,
        3 => context.hour = other.hour,
        4 => context.injection = other.injection,
        5 => context.locality = other.locality,
        6 => context.purpose = other.purpose,
        7 => context.region = other.region,
        8 => context.risk = other.risk,
        9 => context.stream = other.stream,
        10 => context.strength = other.strength,
        11 => context.tokens = other.tokens,
        12 => context.tools = other.tools,
        13 => context.untrusted = other.untrusted,
        _ => context.upstream = other.upstream,
    }
}

#[test]
fn a_role_that_was_taken_away_does_not_live_on_in_the_cache() {
    let (set, cache) = (base(), DecisionCache::default());
    let resource = ResourceRef::of(ResourceKind::PolicySet, "base", OWN);
    let ask = |roles: &[&str]| {
        let question = Question {
            principal: &principal(PrincipalKind::Person, roles),
            action: ActionName::PolicyApply,
            resource: &resource,
            context: &context(),
        };
        cache.decide(&set, &[1; 16], 5, &question).decision
    };
    // A request authenticated before the change is answered after it, in the new epoch.
    assert_eq!(ask(&["admin"]), Decision::Allow);
    assert_eq!(ask(&[]), Decision::Deny);
    assert_eq!(ask(&["developer"]), Decision::Deny);
}

#[test]
fn a_project_of_zeros_is_not_none() {
    let set = parse(
        "@id(\"a\") permit (principal, action, resource) when { principal has project && resource in principal.project && context.purpose == \"\" };",
    );
    let cache = DecisionCache::default();
    for project in [None, Some(ProjectId::from_bytes([0; 16])), Some(FOREIGN)] {
        let mut asker = principal(PrincipalKind::Person, &[]);
        asker.project = Some(ProjectId::from_bytes([0; 16]));
        let resource = ResourceRef {
            kind: ResourceKind::Model,
            id: String::new(),
            project,
        };
        let question = Question {
            principal: &asker,
            action: ActionName::ModelInvoke,
            resource: &resource,
            context: &context(),
        };
        assert_eq!(
            *cache.decide(&set, &[1; 16], 0, &question),
            set.decide(&question)
        );
    }
}

#[test]
fn a_full_cache_still_answers() {
    let (set, cache) = (base(), DecisionCache::default());
    let asker = principal(PrincipalKind::Service, &["service"]);
    for number in 0..20_000 {
        let resource = ResourceRef::of(
            ResourceKind::Model,
            number,
            if number % 2 == 0 { OWN } else { FOREIGN },
        );
        let question = Question {
            principal: &asker,
            action: ActionName::ModelInvoke,
            resource: &resource,
            context: &context(),
        };
        let expected = if number % 2 == 0 {
            Decision::Allow
        } else {
            Decision::Deny
        };
        assert_eq!(
            cache.decide(&set, &[1; 16], 0, &question).decision,
            expected
        );
    }
}
