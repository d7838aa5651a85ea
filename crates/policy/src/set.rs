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
        let parsed = PolicySet::from_str(text).map_err(|error| faults_of(&error))?;
        if parsed.templates().next().is_some() {
            return Err(invalid("policy templates (`?principal`) are not used here"));
        }
        let mut set = PolicySet::new();
        let mut infos = BTreeMap::new();
        for policy in parsed.policies() {
            let info = info_of(policy)?;
            let policy = policy.new_id(PolicyId::new(&info.id));
            set.add(policy)
                .map_err(|_| invalid(&format!("two policies have the id `{}`", info.id)))?;
            infos.insert(info.id.clone(), info);
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

fn info_of(policy: &Policy) -> Result<PolicyInfo, PolicyError> {
    let id = policy
        .annotation("id")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| invalid(&format!("a policy has no @id: {}", first_line(policy))))?;
    let mut obligations = Vec::new();
    for text in policy
        .annotation("obligation")
        .into_iter()
        .flat_map(|list| list.split(','))
    {
        let parsed = Obligation::parse(text).ok_or_else(|| {
            invalid(&format!(
                "policy `{id}`: `{text}` is no obligation such as `redact:payment`"
            ))
        })?;
        obligations.push(parsed);
    }
    Ok(PolicyInfo {
        id: id.to_owned(),
        effect: policy.effect().to_string(),
        reason: policy.annotation("reason").unwrap_or_default().to_owned(),
        obligations,
    })
}

fn first_line(policy: &Policy) -> String {
    policy
        .to_string()
        .split_whitespace()
        .take(8)
        .collect::<Vec<_>>()
        .join(" ")
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
