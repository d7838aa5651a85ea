// SPDX-License-Identifier: Apache-2.0
//! Persons, and the token that makes the first one.

use casemate_crypto::{Place, Sha256};
use casemate_store::{Keyring, Scope, StoreError, Tx};
use casemate_types::{PersonId, Timestamp};

use super::{list_text, parse};
use crate::PersonInfo;

fn name_place(id: &PersonId) -> Place<'_> {
    Place {
        table: "iam_person",
        row: id.as_bytes(),
        column: "name",
    }
}

/// A person's name as it is stored: sealed under the person's own key. Sealing opens a transaction
/// of its own, so it comes before the one that stores.
pub(crate) fn sealed_name(keyring: &Keyring, person: &PersonInfo) -> Result<Vec<u8>, StoreError> {
    let scope = Scope::Subject(person.id.into());
    keyring.seal(scope, name_place(&person.id), person.name.as_bytes())
}

pub(crate) fn person_insert(
    tx: &Tx<'_>,
    person: &PersonInfo,
    sealed_name: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO iam_person (id, name, roles, created) VALUES (?1, ?2, ?3, ?4)",
        &[
            person.id.as_bytes().into(),
            sealed_name.into(),
            (&list_text(&person.roles)).into(),
            person.created.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Persons with their names still sealed.
pub(crate) fn person_list(tx: &Tx<'_>) -> Result<Vec<(PersonInfo, Vec<u8>)>, StoreError> {
    tx.query(
        "SELECT id, name, roles, created FROM iam_person ORDER BY id",
        &[],
        |row| {
            let person = PersonInfo {
                id: PersonId::from_bytes(row.id(0)?),
                name: String::new(),
                roles: parse(&row.text(2)?)?,
                created: Timestamp::from_millis(row.int(3)?),
            };
            Ok((person, row.blob(1)?))
        },
    )
}

/// Opens a person's name; empty when the person was erased.
pub(crate) fn open_name(
    keyring: &Keyring,
    id: &PersonId,
    sealed: &[u8],
) -> Result<String, StoreError> {
    let name = keyring.open_value(name_place(id), sealed)?;
    Ok(name
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .unwrap_or_default())
}

pub(crate) fn bootstrap_put(
    tx: &Tx<'_>,
    digest: &Sha256,
    expires: Timestamp,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM iam_bootstrap", &[])?;
    tx.execute(
        "INSERT INTO iam_bootstrap (digest, expires) VALUES (?1, ?2)",
        &[digest.into(), expires.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn bootstrap_get(tx: &Tx<'_>, digest: &Sha256) -> Result<Option<Timestamp>, StoreError> {
    tx.query_one(
        "SELECT expires FROM iam_bootstrap WHERE digest = ?1",
        &[digest.into()],
        |row| Ok(Timestamp::from_millis(row.int(0)?)),
    )
}

pub(crate) fn bootstrap_remove(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.execute("DELETE FROM iam_bootstrap", &[])?;
    Ok(())
}
