// SPDX-License-Identifier: Apache-2.0
//! Versions of policy sets.

use casemate_store::{Migration, Row, StoreError, Tx};
use casemate_types::{PolicySetId, Timestamp};

use crate::PolicyVersion;

/// Tables of this crate, for the database of state.
pub const MIGRATIONS: &[Migration] = &[Migration {
    owner: "access",
    number: 1,
    sql: "CREATE TABLE access_policy (
              number BIGINT PRIMARY KEY,
              id BLOB NOT NULL UNIQUE,
              time BIGINT NOT NULL,
              author TEXT NOT NULL,
              note TEXT NOT NULL,
              text TEXT NOT NULL);",
}];

fn version(row: &Row<'_>) -> Result<PolicyVersion, StoreError> {
    Ok(PolicyVersion {
        number: row.int(0)?,
        id: PolicySetId::from_bytes(row.id(1)?),
        time: Timestamp::from_millis(row.int(2)?),
        author: row.text(3)?,
        note: row.text(4)?,
        text: row.text(5)?,
    })
}

pub(crate) fn policy_insert(tx: &Tx<'_>, version: &PolicyVersion) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO access_policy (number, id, time, author, note, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            version.number.into(),
            version.id.as_bytes().into(),
            version.time.as_millis().into(),
            (&version.author).into(),
            (&version.note).into(),
            (&version.text).into(),
        ],
    )?;
    Ok(())
}

/// All versions, newest first; the newest is in force.
pub(crate) fn policy_list(tx: &Tx<'_>) -> Result<Vec<PolicyVersion>, StoreError> {
    tx.query(
        "SELECT number, id, time, author, note, text FROM access_policy ORDER BY number DESC",
        &[],
        version,
    )
}

pub(crate) fn policy_newest(tx: &Tx<'_>) -> Result<Option<PolicyVersion>, StoreError> {
    tx.query_one(
        "SELECT number, id, time, author, note, text FROM access_policy
         ORDER BY number DESC LIMIT 1",
        &[],
        version,
    )
}
