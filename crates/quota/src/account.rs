// SPDX-License-Identifier: Apache-2.0
//! Whose counters.

use std::{fmt, str::FromStr};

use casemate_types::{KeyId, PrincipalId, ProjectId};

/// What a limit is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// One API key.
    Key(KeyId),
    /// One person or service, over all its keys.
    Principal(PrincipalId),
    /// One project, over all its principals.
    Project(ProjectId),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "{id}"),
            Self::Principal(id) => write!(f, "{id}"),
            Self::Project(id) => write!(f, "{id}"),
        }
    }
}

impl FromStr for Account {
    type Err = casemate_types::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self::Key)
            .or_else(|_| text.parse().map(Self::Principal))
            .or_else(|_| text.parse().map(Self::Project))
    }
}
