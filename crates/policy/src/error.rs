// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a policy text.

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PolicyFault {
    /// What is wrong, in words.
    pub message: String,
    /// What to do about it, if known.
    pub hint: Option<String>,
    /// Byte offset in the text, if known.
    pub offset: Option<usize>,
    /// Length in bytes from there.
    pub length: usize,
}

/// A policy text cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text does not parse or does not fit the schema.
    #[error("the policies have {} fault(s), first: {}", .0.len(), .0.first().map_or("", |f| f.message.as_str()))]
    Invalid(Vec<PolicyFault>),
    /// Nobody could replace the set once it is in force.
    #[error(
        "with these policies not even the local operator may `policy:apply`, so nothing could ever \
         replace them; keep `role.operator` of the base policies"
    )]
    LockOut,
    /// A test case speaks of something that does not exist.
    #[error("case `{name}`: {why}")]
    Case {
        /// The case's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}
