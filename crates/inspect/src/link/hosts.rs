// SPDX-License-Identifier: Apache-2.0
//! Hosts that links may lead to.

/// Hosts that links may lead to.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// In small letters.
    exact: Vec<String>,
    /// What a host must end with, the dot in front.
    below: Vec<String>,
}

/// A pattern is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: write `example.org`, or `*.example.org` for all below it")]
pub struct HostError(String);

impl Hosts {
    /// Hosts by name; `*.` in front stands for every name below one.
    ///
    /// # Errors
    /// [`HostError`] when a pattern has anything but letters, digits, dots and dashes.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, HostError> {
        let mut hosts = Self::default();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let (below, name) = match pattern.strip_prefix("*.") {
                Some(name) => (true, name),
                None => (false, pattern),
            };
            let is_label = |label: &str| {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                !label.is_empty() && label.len() <= 63 && label.bytes().all(fits)
            };
            if name.len() > 253 || !name.split('.').all(is_label) {
                return Err(HostError(pattern.to_owned()));
            }
            match below {
                true => hosts.below.push(format!(".{}", name.to_ascii_lowercase())),
                false => hosts.exact.push(name.to_ascii_lowercase()),
            }
        }
        Ok(hosts)
    }

    /// Whether a host is listed.
    #[must_use]
    pub fn lists(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let same = |name: &String| name.eq_ignore_ascii_case(host);
        let under = |tail: &String| {
            let cut = host.len().checked_sub(tail.len()).filter(|cut| *cut > 0);
            let end = cut.and_then(|cut| host.get(cut..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(tail))
        };
        self.exact.iter().any(same) || self.below.iter().any(under)
    }
}
