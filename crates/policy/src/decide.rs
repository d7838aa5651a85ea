// SPDX-License-Identifier: Apache-2.0
//! One decision.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use casemate_types::{
    AccessContext, ActionName, Decision, Principal, PrincipalKind, Reason, ResourceKind,
    ResourceRef, Verdict,
};
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use crate::CompiledSet;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// What.
    pub action: ActionName,
    /// Of what.
    pub resource: &'a ResourceRef,
    /// In which circumstances.
    pub context: &'a AccessContext,
}

/// What the policies say; the same value for the same question and set.
pub type Answer = Verdict;

impl CompiledSet {
    /// Decides. A policy that cannot be evaluated means deny: an error in a `forbid` must not open
    /// the door.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Answer {
        let plan = self.plan(question.action);
        let context = Context::from_pairs(
            plan.reads
                .iter()
                .map(|read| (read.name().to_owned(), read.value(question.context))),
        );
        let (Ok(context), Ok(entities)) = (context, entities(question)) else {
            return Verdict::deny(
                "policy.error",
                "the question could not be put to the policies",
            );
        };
        let request = Request::new(
            principal_uid(question.principal),
            plan.action.clone(),
            resource_uid(question.resource),
            context,
            None,
        );
        let Ok(request) = request else {
            return Verdict::deny(
                "policy.error",
                "the question could not be put to the policies",
            );
        };
        let response = self
            .authorizer
            .is_authorized(&request, &plan.set, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Verdict::deny("policy.error", &error.to_string());
        }
        self.verdict(&response)
    }

    fn verdict(&self, response: &cedar_policy::Response) -> Verdict {
        let mut reasons = Vec::new();
        let mut obligations = Vec::new();
        for id in response.diagnostics().reason() {
            if let Some(info) = self.policy(id.as_ref()) {
                reasons.push(Reason {
                    policy: info.id.clone(),
                    text: info.reason.clone(),
                });
                obligations.extend(info.obligations.iter().cloned());
            }
        }
        // Cedar gives no order; records and snapshots need one.
        reasons.sort_by(|a, b| a.policy.cmp(&b.policy));
        obligations.sort();
        obligations.dedup();
        match response.decision() {
            cedar_policy::Decision::Allow => Verdict {
                decision: Decision::Allow,
                reasons,
                obligations,
            },
            cedar_policy::Decision::Deny if reasons.is_empty() => {
                Verdict::deny("policy.default", "no policy allows it")
            }
            cedar_policy::Decision::Deny => Verdict {
                decision: Decision::Deny,
                reasons,
                obligations: Vec::new(),
            },
        }
    }
}

fn entities(question: &Question<'_>) -> Result<Entities, ()> {
    let principal = question.principal;
    let mut parents: HashSet<_> = principal
        .roles
        .iter()
        .map(|role| uid("Role", role.as_str()))
        .collect();
    let mut attributes = HashMap::new();
    if let Some(project) = principal.project {
        let project = uid("Project", &project.to_string());
        attributes.insert(
            "project".to_owned(),
            RestrictedExpression::new_entity_uid(project.clone()),
        );
        parents.insert(project);
    }
    let asking = Entity::new(principal_uid(principal), attributes, parents).map_err(|_| ())?;
    let inside = question
        .resource
        .project
        .map(|project| uid("Project", &project.to_string()));
    let asked = resource_uid(question.resource);
    let inside = inside.filter(|project| *project != asked);
    let model = model_of(question.resource);
    // Cedar wants every step of the way up: the model stands in the project too.
    let model_entity = model
        .clone()
        .map(|model| Entity::new_no_attrs(model, inside.clone().into_iter().collect()));
    let asked = Entity::new_no_attrs(asked, inside.into_iter().chain(model).collect());
    let all = [asking, asked].into_iter().chain(model_entity);
    Entities::from_entities(all, None).map_err(|_| ())
}

/// The model of a version, whose id is the model's name, `@` and the digest: policies about a model
/// hold for its versions.
fn model_of(resource: &ResourceRef) -> Option<EntityUid> {
    if resource.kind != ResourceKind::ModelVersion {
        return None;
    }
    let (name, _) = resource.id.split_once('@')?;
    Some(uid(ResourceKind::Model.as_str(), name))
}

/// Entity types by name. Making one runs Cedar's whole parser, so each is made once.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let principals = ["Agent", "Job", "Operator", "Person", "Service"];
    let others = ["Action", "Project", "Role"];
    let resources = ResourceKind::ALL.iter().map(|kind| kind.as_str());
    let names = principals.into_iter().chain(others).chain(resources);
    names
        .filter_map(|name| Some((name, name.parse().ok()?)))
        .collect()
});

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = TYPES
        .get(kind)
        .expect("every entity type we use stands in the table");
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

pub(crate) fn action_uid(action: ActionName) -> EntityUid {
    uid("Action", action.as_str())
}

fn principal_uid(principal: &Principal) -> EntityUid {
    let kind = match principal.kind {
        PrincipalKind::Agent => "Agent",
        PrincipalKind::Job => "Job",
        PrincipalKind::Operator => "Operator",
        PrincipalKind::Person => "Person",
        PrincipalKind::Service => "Service",
    };
    uid(kind, &principal.id.to_string())
}

fn resource_uid(resource: &ResourceRef) -> EntityUid {
    match (resource.kind, resource.project) {
        (ResourceKind::Project, Some(project)) => uid("Project", &project.to_string()),
        (kind, _) => uid(kind.as_str(), &resource.id),
    }
}
