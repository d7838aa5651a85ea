// SPDX-License-Identifier: Apache-2.0
//! How far a key reaches: for which models, from which networks, until when. None gives another a
//! further reach than its own, or a limit on a key would be a limit on its first use.

use casemate_types::{Caller, Credential, KeyId};

use crate::{Cidr, Iam, IamError, NewKey, directory::KnownKey};

impl Iam {
    /// Settings of a new key that a caller asks for: what they leave open is as it is for the
    /// caller's own key.
    pub(crate) fn inherited(&self, giver: &Caller, mut new: NewKey) -> Result<NewKey, IamError> {
        let Credential::Key(id) = giver.credential else {
            return Ok(new);
        };
        let directory = self.directory();
        let own = &directory.key(id).ok_or(IamError::NotFound("key"))?.info;
        if new.models.is_empty() {
            new.models.clone_from(&own.models);
        }
        if new.networks.is_empty() {
            new.networks.clone_from(&own.networks);
        }
        new.expires = new.expires.or(own.expires);
        Ok(new)
    }

    /// Whether a caller may hold the secret of a key with these settings. Who shows no key, at the
    /// local socket, has none to measure by.
    pub(crate) fn may_reach(&self, giver: &Caller, new: &NewKey) -> Result<(), IamError> {
        match giver.credential {
            Credential::Key(id) => self.reaches(id, new),
            Credential::Internal | Credential::Peer(_) => Ok(()),
        }
    }

    fn reaches(&self, giver: KeyId, new: &NewKey) -> Result<(), IamError> {
        let directory = self.directory();
        let own = directory.key(giver).ok_or(IamError::NotFound("key"))?;
        if !reaches_models(&own.info.models, &new.models) {
            return Err(IamError::Reach("models"));
        }
        if !reaches_networks(own, &new.networks)? {
            return Err(IamError::Reach("networks"));
        }
        let sooner = |end| new.expires.is_some_and(|expires| expires <= end);
        match own.info.expires.is_none_or(sooner) {
            true => Ok(()),
            false => Err(IamError::Reach("time")),
        }
    }
}

fn reaches_models(own: &[String], new: &[String]) -> bool {
    let reached = |name: &String| own.iter().any(|pattern| holds(pattern, name));
    own.is_empty() || (!new.is_empty() && new.iter().all(reached))
}

/// Whether every name that fits `inner` fits `outer`.
fn holds(outer: &str, inner: &str) -> bool {
    match (outer.strip_suffix('*'), inner.strip_suffix('*')) {
        (Some(beginning), Some(longer)) => longer.starts_with(beginning),
        (Some(beginning), None) => inner.starts_with(beginning),
        (None, Some(_)) => false,
        (None, None) => outer == inner,
    }
}

fn reaches_networks(own: &KnownKey, new: &[String]) -> Result<bool, IamError> {
    if own.networks.is_empty() {
        return Ok(true);
    }
    for network in new {
        let network: Cidr = network.parse().map_err(IamError::Invalid)?;
        if !own.networks.iter().any(|range| range.holds(&network)) {
            return Ok(false);
        }
    }
    Ok(!new.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_within_patterns() {
        for (outer, inner, held) in [
            ("gpt", "gpt", true),
            ("gpt", "gpt-4", false),
            ("gpt", "gpt*", false),
            ("gpt", "*", false),
            ("gpt-*", "gpt-4", true),
            ("gpt-*", "gpt-4*", true),
            ("gpt-*", "gpt-*", true),
            ("gpt-*", "gpt*", false),
            ("gpt-*", "gpt", false),
            ("*", "*", true),
            ("*", "gpt", true),
            // Names that begin with a star are not all names.
            ("**", "*", false),
            ("**", "**", true),
            ("*", "**", true),
        ] {
            assert_eq!(holds(outer, inner), held, "{outer} {inner}");
        }
    }

    #[test]
    fn of_many_models_each_is_within_reach() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
        for (own, new, reached) in [
            (&[][..], &[][..], true),
            (&[], &["x"], true),
            (&["x"], &[], false),
            (&["x", "y*"], &["y1", "x"], true),
            (&["x", "y*"], &["y1", "z"], false),
        ] {
            assert_eq!(
                reaches_models(&list(own), &list(new)),
                reached,
                "{own:?} {new:?}"
            );
        }
    }
}
