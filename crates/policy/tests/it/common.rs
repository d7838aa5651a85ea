// SPDX-License-Identifier: Apache-2.0
//! Who asks for what, in the least words.

use casemate_policy::{BASE_POLICIES, CompiledSet, Question};
use casemate_types::{
    AccessContext, ActionName, Locality, Principal, PrincipalId, PrincipalKind, ProjectId, Release,
    ResourceKind, ResourceRef, Standing, Strength, Verdict,
};

pub(crate) const OWN: ProjectId = ProjectId::from_bytes([1; 16]);
pub(crate) const FOREIGN: ProjectId = ProjectId::from_bytes([2; 16]);

pub(crate) const GOOD: [Standing; 5] = [
    Standing::Approved,
    Standing::Bom,
    Standing::Clean,
    Standing::Evaluation,
    Standing::Signed,
];

pub(crate) fn base() -> CompiledSet {
    CompiledSet::parse(BASE_POLICIES).unwrap()
}

pub(crate) fn parse(text: &str) -> CompiledSet {
    CompiledSet::parse(text).unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) fn principal(kind: PrincipalKind, roles: &[&str]) -> Principal {
    Principal {
        id: PrincipalId::from_bytes([7; 16]),
        kind,
        project: Some(OWN),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        name: "ada".to_owned(),
    }
}

/// A call of an external model with nothing in it.
pub(crate) fn context() -> AccessContext {
    AccessContext {
        dialect: "openai",
        locality: Locality::External,
        upstream: "up".to_owned(),
        // A version of a model that passes every gate.
        release: Release {
            alias: "production".to_owned(),
            standing: GOOD.to_vec(),
        },
        ..AccessContext::admin(12, 0, Strength::Secret)
    }
}

/// The answer to a service of role `service` that wants to call a model of its project.
pub(crate) fn invoke(set: &CompiledSet, context: &AccessContext) -> Verdict {
    set.decide(&Question {
        principal: &principal(PrincipalKind::Service, &["service"]),
        action: ActionName::ModelInvoke,
        resource: &ResourceRef::of(ResourceKind::Model, "m", OWN),
        context,
    })
}

/// Ids of the determining policies.
pub(crate) fn because(verdict: &Verdict) -> Vec<&str> {
    verdict
        .reasons
        .iter()
        .map(|reason| reason.policy.as_str())
        .collect()
}
