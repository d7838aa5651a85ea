// SPDX-License-Identifier: Apache-2.0
//! The first administrator: a link that works once.

use std::time::Duration;

use casemate_access::Permit;
use casemate_types::{PersonId, actions::PersonBootstrap};

use crate::{ApiKey, Iam, IamError, KeyInfo, KeySecret, NewKey, PersonInfo, store};

/// How long the link works.
const LIFE: Duration = Duration::from_secs(24 * 3600);

impl Iam {
    /// Whether there is an administrator.
    #[must_use]
    pub fn has_person(&self) -> bool {
        !self.directory().persons.is_empty()
    }

    /// Makes the one-time token of the first administrator; an earlier one stops working.
    ///
    /// # Errors
    /// [`IamError::Conflict`] when there is an administrator already.
    pub fn bootstrap_token(&self) -> Result<KeySecret, IamError> {
        if self.has_person() {
            return Err(IamError::Conflict("an administrator".into()));
        }
        let token = ApiKey::generate(self.inner.parts.entropy.as_ref());
        let digest = self
            .inner
            .pepper
            .digest(&[b"bootstrap", token.expose().as_bytes()]);
        let expires = self.inner.parts.clock.now().plus(LIFE);
        self.inner.parts.database.tx("iam.bootstrap_token", |tx| {
            store::bootstrap_put(tx, &digest, expires)
        })?;
        Ok(token)
    }

    /// Makes the first administrator and a key for them.
    ///
    /// # Errors
    /// [`IamError::NotFound`] for a token that is wrong, used or expired; nothing says which.
    pub fn bootstrap(
        &self,
        permit: Permit<PersonBootstrap>,
        token: &str,
        name: &str,
    ) -> Result<(PersonInfo, KeyInfo, KeySecret), IamError> {
        self.effect(permit, |_| {
            let trimmed = name.trim();
            if trimmed.is_empty() || trimmed.chars().count() > 128 {
                return Err(IamError::Invalid("a name has 1 to 128 characters".into()));
            }
            let parts = &self.inner.parts;
            let now = parts.clock.now();
            let digest = self.inner.pepper.digest(&[b"bootstrap", token.as_bytes()]);
            let person = PersonInfo {
                id: PersonId::from_parts(now, parts.entropy.id_bytes()),
                name: trimmed.to_owned(),
                roles: vec!["admin".into()],
                created: now,
            };
            let sealed = store::sealed_name(&parts.keyring, &person)?;
            self.change(|directory| {
                parts.database.tx("iam.bootstrap", |tx| {
                    let expires = store::bootstrap_get(tx, &digest)?;
                    if expires.is_none_or(|expires| expires < now) || !directory.persons.is_empty()
                    {
                        return Err(IamError::NotFound("such token; it works once, for a day"));
                    }
                    store::person_insert(tx, &person, &sealed)?;
                    store::bootstrap_remove(tx)?;
                    Ok(())
                })?;
                directory.put_person(person.clone());
                Ok(())
            })?;
            let new = NewKey {
                label: "first administrator".into(),
                ..NewKey::default()
            };
            let (key, secret) = self.key_make(person.id.into(), new, None)?;
            Ok((person, key, secret))
        })
    }
}
