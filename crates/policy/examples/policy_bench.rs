// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench policy`: one decision with 50 policies that read 15 attributes, uncached and
//! cached.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::{fmt::Write as _, time::Instant};

use casemate_policy::{BASE_POLICIES, CompiledSet, DecisionCache, Question};
use casemate_types::{
    AccessContext, ActionName, DataClass, Locality, Principal, PrincipalId, PrincipalKind,
    ProjectId, ResourceKind, ResourceRef, Strength,
};

fn main() {
    let mut text = BASE_POLICIES.to_owned();
    let base = CompiledSet::parse(BASE_POLICIES)
        .unwrap()
        .policies()
        .count();
    // Each reads another attribute; together they read all fifteen.
    let conditions = [
        "context.dialect == \"none\"",
        "context.hour > 30",
        "context.injection > 990",
        "context.locality == \"moon\"",
        "context.purpose == \"weapons\"",
        "context.region == \"nowhere\"",
        "context.risk > 90",
        "context.stream && context.hour > 40",
        "context.strength == \"anonymous\"",
        "context.tokens > 9000000",
        "context.tools && context.tokens > 9000000",
        "context.untrusted && context.risk > 95",
        "context.upstream == \"forbidden\"",
        "context.data_classes.contains(\"canary\")",
        "context.blocked.contains(\"canary\")",
    ];
    for number in base..50 {
        let condition = conditions[number % conditions.len()];
        writeln!(
            text,
            "@id(\"bench.{number}\") forbid (principal, action == Action::\"model:invoke\", \
             resource) when {{ {condition} }};"
        )
        .unwrap();
    }
    let set = CompiledSet::parse(&text).unwrap();
    let project = ProjectId::from_bytes([1; 16]);
    let principal = Principal {
        id: PrincipalId::from_bytes([2; 16]),
        kind: PrincipalKind::Service,
        project: Some(project),
        roles: vec!["service".into()],
        name: String::new(),
    };
    let resource = ResourceRef::of(ResourceKind::Model, "gpt-4o", project);
    let mut context = AccessContext::admin(12, 0, Strength::Secret);
    context.data_classes = vec![DataClass::Personal];
    context.locality = Locality::External;
    let question = Question {
        principal: &principal,
        action: ActionName::ModelInvoke,
        resource: &resource,
        context: &context,
    };
    println!(
        "{} policies, of them for this action all but the roles of others",
        set.policies().count()
    );
    measure("uncached", 20_000, || {
        drop(std::hint::black_box(set.decide(&question)));
    });
    let cache = DecisionCache::default();
    measure("cached", 500_000, || {
        drop(std::hint::black_box(
            cache.decide(&set, &[1; 16], 1, &question),
        ));
    });
}

/// Median of ten rounds, in microseconds a call.
fn measure(name: &str, times: u32, body: impl Fn()) {
    let mut rounds: Vec<f64> = (0..10)
        .map(|_| {
            let started = Instant::now();
            (0..times / 10).for_each(|_| body());
            started.elapsed().as_secs_f64() * 1e6 / f64::from(times / 10)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!(
        "{name}: {:.2} µs a decision (best {:.2})",
        rounds[5], rounds[0]
    );
}
