// SPDX-License-Identifier: Apache-2.0
//! A policy set that was checked and sorted by action.

use std::{collections::BTreeMap, str::FromStr, sync::LazyLock};

use casemate_types::{ActionName, Obligation};
use cedar_policy::{
    ActionConstraint, Authorizer, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};

use crate::{
    PolicyError, PolicyFault, SCHEMA,
    decide::action_uid,
    reads::{Attribute, attributes_read},
    shape,
};

static COMPILED_SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|e| e.to_string())
});

/// Longest policy text that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// What people want to know about one policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PolicyInfo {
    /// Its `@id`.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// Its `@reason`.
    pub reason: String,
    /// Its `@obligation`s.
    pub obligations: Vec<Obligation>,
}

/// What is evaluated for one action.
pub(crate) struct Plan {
    pub(crate) set: PolicySet,
    pub(crate) reads: Vec<Attribute>,
    pub(crate) action: EntityUid,
}

/// A set of policies, ready to decide.
pub struct CompiledSet {
    text: String,
    infos: BTreeMap<String, PolicyInfo>,
    plans: BTreeMap<ActionName, Plan>,
    pub(crate) authorizer: Authorizer,
}

impl CompiledSet {
    /// Parses, checks against the schema (strict mode) and sorts policies.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] with every fault and its place.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_TEXT {
            return Err(invalid("the policies are longer than 1 MiB"));
        }
        if let Some(fault) = shape::fault(text) {
            return Err(PolicyError::Invalid(vec![fault]));
        }
        let parsed = PolicySet::from_str(text).map_err(|error| faults_of(&error))?;
        let mut set = PolicySet::new();
        let mut infos = BTreeMap::new();
        let mut faults = Vec::new();
        for Placed { place, policy } in placed(text, &parsed) {
            let Some(policy) = policy else {
                faults.push(place.fault(
                    "policy templates (`?principal`, `?resource`) are not used here",
                    "name a role: `principal in Role::\"developer\"`",
                ));
                continue;
            };
            let Some(info) = info_of(policy, &place, &mut faults) else {
                continue;
            };
            if set.add(policy.new_id(PolicyId::new(&info.id))).is_err() {
                let message = format!("two policies have the id `{}`", info.id);
                faults.push(place.fault(&message, "give each policy an @id of its own"));
            }
            infos.insert(info.id.clone(), info);
        }
        if !faults.is_empty() {
            return Err(PolicyError::Invalid(faults));
        }
        validate(&set)?;
        let plans = ActionName::ALL
            .iter()
            .map(|action| plan(&set, *action).map(|plan| (*action, plan)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            infos,
            plans,
            authorizer: Authorizer::new(),
        })
    }

    /// The text it was made from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All policies, by id.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyInfo> {
        self.infos.values()
    }

    /// One policy.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        self.infos.get(id)
    }

    /// Whether the operating-system user that runs Casemate could still put another set in force.
    /// A set in which nobody can is a trap: nothing could ever replace it.
    #[must_use]
    pub fn keeps_operator(&self) -> bool {
        use casemate_types::{
            AccessContext, Caller, Decision, ResourceKind, ResourceRef, Strength,
        };
        let caller = Caller::operator(0);
        let resource = ResourceRef::system(ResourceKind::PolicySet, "policies");
        let context = AccessContext::admin(12, 0, Strength::Local);
        let question = crate::Question {
            principal: &caller.principal,
            action: ActionName::PolicyApply,
            resource: &resource,
            context: &context,
        };
        self.decide(&question).decision == Decision::Allow
    }

    pub(crate) fn plan(&self, action: ActionName) -> &Plan {
        self.plans
            .get(&action)
            .expect("`parse` made a plan for every action")
    }
}

impl std::fmt::Debug for CompiledSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CompiledSet({} policies)", self.infos.len())
    }
}

fn schema() -> Result<&'static Schema, PolicyError> {
    COMPILED_SCHEMA.as_ref().map_err(|error| invalid(error))
}

fn validate(set: &PolicySet) -> Result<(), PolicyError> {
    let validator = Validator::new(schema()?.clone());
    let result = validator.validate(set, ValidationMode::Strict);
    let faults: Vec<_> = result
        .validation_errors()
        .flat_map(|error| faults(error))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(PolicyError::Invalid(faults))
    }
}

fn plan(set: &PolicySet, action: ActionName) -> Result<Plan, PolicyError> {
    let uid = action_uid(action);
    let mut chosen = PolicySet::new();
    let mut reads = Vec::new();
    for policy in set.policies() {
        let matters = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(only) => only == uid,
            ActionConstraint::In(many) => many.contains(&uid),
        };
        if matters {
            let json = policy
                .to_json()
                .map_err(|error| invalid(&error.to_string()))?;
            reads.extend(attributes_read(&json));
            chosen
                .add(policy.clone())
                .map_err(|error| invalid(&error.to_string()))?;
        }
    }
    reads.sort_unstable();
    reads.dedup();
    Ok(Plan {
        set: chosen,
        reads,
        action: uid,
    })
}

/// Where a policy stands in the text.
struct Place {
    offset: Option<usize>,
    length: usize,
}

impl Place {
    fn fault(&self, message: &str, hint: &str) -> PolicyFault {
        PolicyFault {
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
            offset: self.offset,
            length: self.length,
        }
    }
}

/// A policy, or a template, which has no place in a set.
struct Placed<'a> {
    place: Place,
    policy: Option<&'a Policy>,
}

/// Policies and templates in the order of the text, with their places. Cedar numbers them in that
/// order, gives them out in none, and keeps the text of each.
fn placed<'a>(text: &str, parsed: &'a PolicySet) -> Vec<Placed<'a>> {
    let number = |id: &PolicyId| {
        let id: &str = id.as_ref();
        id.trim_start_matches("policy").parse().unwrap_or(u64::MAX)
    };
    let policies = parsed
        .policies()
        .map(|policy| (number(policy.id()), policy.to_cedar(), Some(policy)));
    let templates = parsed
        .templates()
        .map(|template| (number(template.id()), Some(template.to_cedar()), None));
    let mut all: Vec<_> = policies.chain(templates).collect();
    all.sort_by_key(|(number, ..)| *number);
    let mut from = 0;
    all.into_iter()
        .map(|(_, own, policy)| {
            let own = own.unwrap_or_default();
            let offset = text
                .get(from..)
                .and_then(|rest| rest.find(&own))
                .map(|at| at + from);
            from = offset.unwrap_or(from) + own.len();
            let place = Place {
                offset,
                length: own.len(),
            };
            Placed { place, policy }
        })
        .collect()
}

fn info_of(policy: &Policy, place: &Place, faults: &mut Vec<PolicyFault>) -> Option<PolicyInfo> {
    let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
        faults.push(place.fault(
            "a policy has no @id",
            "write `@id(\"…\")` before it; records name policies by their ids",
        ));
        return None;
    };
    let mut obligations = Vec::new();
    for text in policy
        .annotation("obligation")
        .into_iter()
        .flat_map(|list| list.split(','))
    {
        match Obligation::parse(text) {
            Some(obligation) => obligations.push(obligation),
            None => faults.push(place.fault(
                &format!("policy `{id}`: `{text}` is no obligation"),
                "write `redact:payment`, `pseudonymise:personal` or `datamark`, several with commas",
            )),
        }
    }
    Some(PolicyInfo {
        id: id.to_owned(),
        effect: policy.effect().to_string(),
        reason: policy.annotation("reason").unwrap_or_default().to_owned(),
        obligations,
    })
}

fn invalid(message: &str) -> PolicyError {
    PolicyError::Invalid(vec![PolicyFault {
        message: message.to_owned(),
        hint: None,
        offset: None,
        length: 0,
    }])
}

fn faults_of(error: &dyn miette::Diagnostic) -> PolicyError {
    PolicyError::Invalid(faults(error))
}

/// Cedar's diagnostics, flattened.
fn faults(error: &dyn miette::Diagnostic) -> Vec<PolicyFault> {
    let label = error.labels().and_then(|mut labels| labels.next());
    let own = PolicyFault {
        message: error.to_string(),
        hint: error.help().map(|help| help.to_string()),
        offset: label.as_ref().map(miette::LabeledSpan::offset),
        length: label.as_ref().map_or(0, miette::LabeledSpan::len),
    };
    let related = error.related().into_iter().flatten().flat_map(faults);
    std::iter::once(own).chain(related).collect()
}
