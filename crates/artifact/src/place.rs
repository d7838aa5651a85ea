// SPDX-License-Identifier: Apache-2.0
//! Places inside of a file: members of containers, and offsets.

/// Where the bytes that are looked at come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(String);

impl Place {
    /// A member of what stands here.
    pub(crate) fn member(&self, name: &str) -> Self {
        // Names are other people's, and only as long as they please.
        let short: String = name.chars().take(200).collect();
        match self.0.is_empty() {
            true => Self(short),
            false => Self(format!("{}!{short}", self.0)),
        }
    }

    /// Bytes from an offset on, as a member.
    pub(crate) fn part(&self, at: usize) -> Self {
        Self(self.at(at))
    }

    /// An offset, as a finding says it.
    pub(crate) fn at(&self, at: usize) -> String {
        format!("{}@{at}", self.0)
    }

    /// The whole of it.
    pub(crate) fn whole(&self) -> String {
        self.0.clone()
    }
}
