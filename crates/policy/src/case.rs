// SPDX-License-Identifier: Apache-2.0
//! Policy tests as people write them: who, what, of what, and what should come out.

use casemate_types::{
    AccessContext, ActionName, DataClass, Decision, Locality, Principal, PrincipalId,
    PrincipalKind, ProjectId, ResourceKind, ResourceRef, Strength,
};
use serde::Deserialize;

use crate::{Answer, CompiledSet, PolicyError, Question};

/// One case of a policy test. What is not given has a harmless default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// Sort of principal, `service` if not given.
    #[serde(default)]
    pub principal: Option<String>,
    /// Role templates of the principal.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The action, e.g. `model:invoke`.
    pub action: String,
    /// Sort of resource, `Model` if not given.
    #[serde(default)]
    pub resource_kind: Option<String>,
    /// Id of the resource.
    #[serde(default)]
    pub resource: String,
    /// Whether the resource is in the principal's project; true if not given.
    #[serde(default)]
    pub foreign_project: bool,
    /// Data classes of the content.
    #[serde(default)]
    pub data_classes: Vec<String>,
    /// Classes a guard blocks.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// `local` or `external` (the default).
    #[serde(default)]
    pub locality: Option<String>,
    /// Region of the upstream.
    #[serde(default)]
    pub region: String,
    /// Purpose the caller gives.
    #[serde(default)]
    pub purpose: String,
    /// Risk score.
    #[serde(default)]
    pub risk: u8,
    /// Hour in UTC.
    #[serde(default)]
    pub hour: u8,
    /// `allow` or `deny`.
    pub expect: String,
    /// A policy that must be among the reasons.
    #[serde(default)]
    pub because: Option<String>,
}

/// How a case went.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What was expected.
    pub expected: String,
    /// What came out.
    pub decision: Decision,
    /// Ids of the determining policies.
    pub because: Vec<String>,
}

impl Case {
    /// Runs the case against a set.
    ///
    /// # Errors
    /// [`PolicyError::Case`] when it names something that does not exist.
    pub fn run(&self, set: &CompiledSet) -> Result<CaseResult, PolicyError> {
        let expected = Decision::from_word(&self.expect)
            .ok_or_else(|| self.wrong(format!("`{}` is no decision", self.expect)))?;
        let answer = self.answer(set)?;
        let because: Vec<_> = answer
            .reasons
            .iter()
            .map(|reason| reason.policy.clone())
            .collect();
        let named = self
            .because
            .as_ref()
            .is_none_or(|policy| because.contains(policy));
        let wanted = self
            .because
            .as_ref()
            .map_or(String::new(), |by| format!(" by {by}"));
        Ok(CaseResult {
            name: self.name.clone(),
            passed: answer.decision == expected && named,
            expected: format!("{expected}{wanted}"),
            decision: answer.decision,
            because,
        })
    }

    /// The set's answer to the case.
    ///
    /// # Errors
    /// [`PolicyError::Case`] when it names something that does not exist.
    pub fn answer(&self, set: &CompiledSet) -> Result<Answer, PolicyError> {
        let project = ProjectId::from_bytes([1; 16]);
        let kind = match self.principal.as_deref() {
            None => PrincipalKind::Service,
            Some(word) => PrincipalKind::from_word(word)
                .ok_or_else(|| self.wrong(format!("`{word}` is no sort of principal")))?,
        };
        let principal = Principal {
            id: PrincipalId::from_bytes([1; 16]),
            kind,
            project: Some(project),
            roles: self.roles.clone(),
            name: String::new(),
        };
        let action = ActionName::from_word(&self.action)
            .ok_or_else(|| self.wrong(format!("`{}` is no action", self.action)))?;
        let kind = match self.resource_kind.as_deref() {
            None => ResourceKind::Model,
            Some(word) => ResourceKind::from_word(word)
                .ok_or_else(|| self.wrong(format!("`{word}` is no sort of resource")))?,
        };
        let other = if self.foreign_project {
            ProjectId::from_bytes([2; 16])
        } else {
            project
        };
        let resource = ResourceRef::of(kind, &self.resource, other);
        let context = self.context()?;
        let question = Question {
            principal: &principal,
            action,
            resource: &resource,
            context: &context,
        };
        Ok(set.decide(&question))
    }

    fn context(&self) -> Result<AccessContext, PolicyError> {
        let mut context = AccessContext::admin(self.hour, self.risk, Strength::Secret);
        context.blocked = self.classes(&self.blocked)?;
        context.data_classes = self.classes(&self.data_classes)?;
        context.locality = match self.locality.as_deref() {
            None => Locality::External,
            Some(word) => Locality::from_word(word)
                .ok_or_else(|| self.wrong(format!("`{word}` is no locality")))?,
        };
        context.region.clone_from(&self.region);
        context.purpose.clone_from(&self.purpose);
        Ok(context)
    }

    fn classes(&self, words: &[String]) -> Result<Vec<DataClass>, PolicyError> {
        words
            .iter()
            .map(|word| {
                DataClass::from_word(word)
                    .ok_or_else(|| self.wrong(format!("`{word}` is no data class")))
            })
            .collect()
    }

    fn wrong(&self, why: String) -> PolicyError {
        PolicyError::Case {
            name: self.name.clone(),
            why,
        }
    }
}
