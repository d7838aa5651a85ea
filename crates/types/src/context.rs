// SPDX-License-Identifier: Apache-2.0
//! The circumstances of an access: every attribute a policy may read.

use crate::{DataClass, class::words};

words! {
    /// Where an upstream computes.
    Locality {
        /// At a provider outside the operator's control.
        External = "external",
        /// On the operator's own machines.
        Local = "local",
    }
}

words! {
    /// What is known of a version of a model.
    Standing {
        /// Somebody else than the caller approved it for this alias.
        Approved = "approved",
        /// Its number lies below the model's floor.
        BelowFloor = "below-floor",
        /// A bill of materials is recorded.
        Bom = "bom",
        /// The scan of every file was clean.
        Clean = "clean",
        /// An evaluation is recorded.
        Evaluation = "evaluation",
        /// Provenance is recorded.
        Provenance = "provenance",
        /// Somebody or the patrol stopped it.
        Quarantined = "quarantined",
        /// The scan found nothing worse than what a person has to judge.
        Review = "review",
        /// Its signature is valid now, by a signer the model allows.
        Signed = "signed",
    }
}

/// The alias and version that an access to the registry is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Release {
    /// The alias that is to be moved, or through which the version is asked for; empty for none.
    pub alias: String,
    /// What is known of the version, sorted.
    pub standing: Vec<Standing>,
}

/// The context of one access. The field names are the attribute names of the Cedar schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessContext {
    /// Classes whose guard action is `block`, sorted.
    pub blocked: Vec<DataClass>,
    /// Classes found in or declared for the content, sorted.
    pub data_classes: Vec<DataClass>,
    /// Wire format of the request, `openai` or `anthropic`, or `admin`.
    pub dialect: &'static str,
    /// Hour of the day in UTC, 0-23.
    pub hour: u8,
    /// Highest injection score, in thousandths.
    pub injection: u16,
    /// Where the upstream computes.
    pub locality: Locality,
    /// What the caller says the request is for; empty when it does not say.
    pub purpose: String,
    /// The upstream's region; empty when unknown.
    pub region: String,
    /// The alias and version, for accesses to the registry. Policies read `alias` and `standing`.
    pub release: Release,
    /// The caller's risk score.
    pub risk: u8,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// How strongly the caller proved itself.
    pub strength: crate::Strength,
    /// Tokens the request may use at most.
    pub tokens: u64,
    /// Whether the request offers tools to the model.
    pub tools: bool,
    /// Whether text reached the request that the operator does not stand behind as a document or
    /// tool result.
    pub untrusted: bool,
    /// The upstream's configured name; empty for administrative accesses.
    pub upstream: String,
}

impl AccessContext {
    /// The context of an administrative access: no content, no upstream.
    #[must_use]
    pub fn admin(hour: u8, risk: u8, strength: crate::Strength) -> Self {
        Self {
            blocked: Vec::new(),
            data_classes: Vec::new(),
            dialect: "admin",
            hour,
            injection: 0,
            locality: Locality::Local,
            purpose: String::new(),
            region: String::new(),
            release: Release::default(),
            risk,
            stream: false,
            strength,
            tokens: 0,
            tools: false,
            untrusted: false,
            upstream: String::new(),
        }
    }
}
