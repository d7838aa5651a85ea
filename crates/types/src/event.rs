// SPDX-License-Identifier: Apache-2.0
//! The event model: what stands in the clear part of a record, in OCSF 1.8 vocabulary.
//!
//! An [`Event`] becomes one JSON object of an OCSF class. What OCSF has no field for stands under
//! `unmapped.casemate` as [`Facts`]; that is also what readers of the book parse. Nothing in here
//! may be personal: identities are pseudonymous ids, texts and addresses go to the sealed part.
//! Source: <https://github.com/ocsf/ocsf-schema>, version 1.8.0.

use serde::{Deserialize, Serialize};

use crate::{
    ActionName, Booking, Caller, Credential, DataClass, Decision, FindingKind, GuardAction,
    Locality, Obligation, PrincipalKind, RecordId, Timestamp, Usage, class::words,
    json::JsonWriter,
};

words! {
    /// The OCSF classes Casemate writes.
    Class {
        /// 6003, with profile `ai_operation` for model accesses.
        ApiActivity = "api_activity",
        /// 3002.
        Authentication = "authentication",
        /// 2006.
        DataSecurityFinding = "data_security_finding",
        /// 2004.
        DetectionFinding = "detection_finding",
        /// 3004.
        EntityManagement = "entity_management",
    }
}

impl Class {
    /// The class number.
    #[must_use]
    pub const fn uid(self) -> i64 {
        match self {
            Self::ApiActivity => 6003,
            Self::Authentication => 3002,
            Self::DataSecurityFinding => 2006,
            Self::DetectionFinding => 2004,
            Self::EntityManagement => 3004,
        }
    }
}

words! {
    /// Where in the life of an access a record stands.
    Phase {
        /// What the door answered; durable before the effect.
        Decision = "decision",
        /// Something a guard saw, for detection.
        Finding = "finding",
        /// Housekeeping of the ledger itself.
        Notice = "notice",
        /// How it ended.
        Outcome = "outcome",
    }
}

words! {
    /// How an access ended.
    Ending {
        /// The caller went away before the end.
        Aborted = "aborted",
        /// As intended.
        Completed = "completed",
        /// Casemate cut it: a guard, a budget or a limit.
        Cut = "cut",
        /// The upstream or Casemate failed.
        Failed = "failed",
        /// The process ended before it could be known.
        Unknown = "unknown",
    }
}

/// Findings of one kind in one direction, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// What.
    pub kind: FindingKind,
    /// How many.
    pub count: u32,
    /// What was done.
    pub action: GuardAction,
    /// The rule of the first of them.
    pub rule: String,
    /// Highest certainty, in thousandths.
    pub score: u16,
    /// Where: `messages[2].content`, for people.
    pub place: String,
}

/// What Casemate says beyond OCSF's fields. Absent members are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Phase of the access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The action asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The resource asked for, `Model::"gpt-4o"`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The door's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Determining policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Why>,
    /// Obligations, as policies write them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<String>,
    /// The policy set that answered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy_set: String,
    /// Wire format.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dialect: String,
    /// The upstream's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upstream: String,
    /// Where it computes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<Locality>,
    /// Data classes of the content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<DataClass>,
    /// What guards saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Sighting>,
    /// What is reserved (decision) or settled (outcome).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<Booking>,
    /// The quota accounts the booking counts against.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// HTTP status the caller saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A keyed digest of the request's content, hex.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// One sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A reason as it stands in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Policy id.
    pub policy: String,
    /// Its sentence.
    pub text: String,
}

/// The parts of a record's clear event.
#[derive(Debug)]
pub struct Event<'a> {
    /// OCSF class.
    pub class: Class,
    /// OCSF activity within the class.
    pub activity: i64,
    /// The record's own id.
    pub id: RecordId,
    /// The request it belongs to; for a decision the same as `id`.
    pub request: RecordId,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub caller: &'a Caller,
    /// The operation in the field's words, `chat.completions` or an action's name.
    pub operation: &'a str,
    /// The model and its provider, for model accesses.
    pub model: Option<(&'a str, &'a str)>,
    /// Everything else.
    pub facts: &'a Facts,
}

impl Event<'_> {
    /// The event as one line of OCSF JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut w = JsonWriter::with_capacity(1024);
        let class = self.class.uid();
        w.open()
            .number("activity_id", self.activity)
            .number("category_uid", class / 1000)
            .number("class_uid", class)
            .number("type_uid", class * 100 + self.activity)
            .number("severity_id", self.severity())
            .number("time", self.time.as_millis());
        self.write_status(&mut w);
        self.write_metadata(&mut w);
        self.write_class(&mut w);
        w.key("unmapped")
            .open()
            .value("casemate", self.facts)
            .close();
        w.close();
        w.finish()
    }

    /// 1 informational, 2 low for denials, 3 medium for blocks and cuts.
    fn severity(&self) -> i64 {
        let blocked = self
            .facts
            .findings
            .iter()
            .any(|seen| seen.action == GuardAction::Block);
        match (self.facts.decision, blocked) {
            (_, true) => 3,
            (Some(Decision::Deny), _) => 2,
            _ => 1,
        }
    }

    fn write_status(&self, w: &mut JsonWriter) {
        let finding = matches!(
            self.class,
            Class::DataSecurityFinding | Class::DetectionFinding
        );
        let failed = self.facts.decision == Some(Decision::Deny)
            || matches!(self.facts.ending, Some(Ending::Failed | Ending::Cut));
        // For findings 1 means "New".
        w.number("status_id", if failed && !finding { 2 } else { 1 });
    }

    fn write_metadata(&self, w: &mut JsonWriter) {
        w.key("metadata")
            .open()
            .string("version", "1.8.0")
            .plain("uid", self.id)
            .plain("correlation_uid", self.request)
            .raw(
                "profiles",
                if self.model.is_some() && self.class == Class::ApiActivity {
                    br#"["ai_operation","security_control"]"#
                } else {
                    br#"["security_control"]"#
                },
            )
            .raw(
                "product",
                br#"{"name":"Casemate","vendor_name":"Casemate"}"#,
            );
        if let Some(project) = self.caller.principal.project {
            w.plain("tenant_uid", project);
        }
        w.close();
        let denied = self.facts.decision == Some(Decision::Deny);
        if self.facts.decision.is_some() {
            w.number("action_id", if denied { 2 } else { 1 });
            w.number("disposition_id", if denied { 2 } else { 1 });
        }
        if !self.facts.policy_set.is_empty() {
            w.key("policy")
                .open()
                .string("uid", &self.facts.policy_set)
                .close();
        }
    }

    fn write_class(&self, w: &mut JsonWriter) {
        match self.class {
            Class::ApiActivity => {
                self.write_actor(w);
                w.key("api").open().string("operation", self.operation);
                w.key("request").open().plain("uid", self.request).close();
                if let Some(status) = self.facts.status {
                    w.key("response")
                        .open()
                        .number("code", i64::from(status))
                        .close();
                }
                w.close();
                self.write_source(w);
                if let Some((provider, name)) = self.model {
                    w.key("ai_model")
                        .open()
                        .string("ai_provider", provider)
                        .string("name", name);
                    w.close();
                    self.write_message_context(w);
                }
            }
            Class::Authentication => {
                w.key("user")
                    .open()
                    .plain("uid", self.caller.principal.id)
                    .close();
                w.raw("service", br#"{"name":"casemate"}"#);
                w.number("auth_protocol_id", 99)
                    .string("auth_protocol", self.credential_word());
                self.write_source(w);
            }
            Class::DataSecurityFinding => {
                self.write_finding_info(w);
                self.write_actor(w);
                w.raw(
                    "data_security",
                    br#"{"category_id":1,"data_lifecycle_state_id":2,"detection_system_id":10}"#,
                );
            }
            Class::DetectionFinding => {
                self.write_finding_info(w);
                w.raw("is_alert", b"true");
            }
            Class::EntityManagement => {
                self.write_actor(w);
                w.key("entity")
                    .open()
                    .string("uid", &self.facts.resource)
                    .number("type_id", 99)
                    .string("type", self.operation)
                    .close();
            }
        }
    }

    fn write_finding_info(&self, w: &mut JsonWriter) {
        w.key("finding_info")
            .open()
            .plain("uid", self.id)
            .string("title", self.operation);
        w.close();
    }

    fn write_actor(&self, w: &mut JsonWriter) {
        let kind = match self.caller.principal.kind {
            PrincipalKind::Agent => 99,
            PrincipalKind::Job | PrincipalKind::Operator => 3,
            PrincipalKind::Person => 1,
            PrincipalKind::Service => 4,
        };
        w.key("actor")
            .open()
            .key("user")
            .open()
            .plain("uid", self.caller.principal.id);
        w.number("type_id", kind);
        if kind == 99 {
            w.string("type", self.caller.principal.kind.as_str());
        }
        w.close().close();
    }

    /// The caller's address is personal and stands sealed; in clear only by which credential.
    fn write_source(&self, w: &mut JsonWriter) {
        w.key("src_endpoint").open();
        match self.caller.credential {
            Credential::Key(id) => w.plain("uid", id),
            Credential::Internal => w.string("svc_name", "casemate"),
            Credential::Peer(_) => w.string("svc_name", "local-socket"),
        };
        w.close();
    }

    fn write_message_context(&self, w: &mut JsonWriter) {
        w.key("message_context")
            .open()
            .plain("uid", self.request)
            .raw("service", br#"{"name":"casemate-gateway"}"#);
        if let Some(usage) = self.facts.usage {
            let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
            w.number("prompt_tokens", count(usage.input))
                .number("completion_tokens", count(usage.output))
                .number(
                    "total_tokens",
                    count(usage.input.saturating_add(usage.output)),
                );
        }
        w.close();
    }

    const fn credential_word(&self) -> &'static str {
        match self.caller.credential {
            Credential::Internal => "Internal",
            Credential::Key(_) => "API Key",
            Credential::Peer(_) => "Peer Credential",
        }
    }
}

impl Facts {
    /// Reads the facts back out of a record's event.
    #[must_use]
    pub fn from_event(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            unmapped: Unmapped,
        }
        #[derive(Deserialize)]
        struct Unmapped {
            casemate: Facts,
        }
        serde_json::from_slice::<Envelope>(json)
            .ok()
            .map(|event| event.unmapped.casemate)
    }

    /// Adds obligations in the form that policies write.
    pub fn set_obligations(&mut self, obligations: &[Obligation]) {
        self.obligations = obligations.iter().map(ToString::to_string).collect();
    }
}
