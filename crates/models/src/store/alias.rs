// SPDX-License-Identifier: Apache-2.0
//! Pointers to versions, where they pointed before, and who agreed.

use casemate_store::{Row, StoreError, Tx};
use casemate_types::{PrincipalId, Timestamp};

/// A pointer to a version.
#[derive(Debug, Clone)]
pub(crate) struct AliasRow {
    pub(crate) name: String,
    /// The version's row.
    pub(crate) version: i64,
    /// Counts its moves.
    pub(crate) generation: i64,
    pub(crate) changed: Timestamp,
    pub(crate) author: PrincipalId,
}

fn alias(row: &Row<'_>) -> Result<AliasRow, StoreError> {
    Ok(AliasRow {
        name: row.text(0)?,
        version: row.int(1)?,
        generation: row.int(2)?,
        changed: Timestamp::from_millis(row.int(3)?),
        author: PrincipalId::from_bytes(row.id(4)?),
    })
}

pub(crate) fn alias_list(tx: &Tx<'_>, model: i64) -> Result<Vec<AliasRow>, StoreError> {
    tx.query(
        "SELECT name, version, generation, changed, author FROM models_alias
         WHERE model = ?1 ORDER BY name",
        &[model.into()],
        alias,
    )
}

pub(crate) fn alias_get(
    tx: &Tx<'_>,
    model: i64,
    name: &str,
) -> Result<Option<AliasRow>, StoreError> {
    tx.query_one(
        "SELECT name, version, generation, changed, author FROM models_alias
         WHERE model = ?1 AND name = ?2",
        &[model.into(), name.into()],
        alias,
    )
}

/// Writes where an alias points now, and that it did.
pub(crate) fn alias_move(tx: &Tx<'_>, model: i64, to: &AliasRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO models_alias (model, name, version, generation, changed, author)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (model, name) DO UPDATE SET version = excluded.version,
             generation = excluded.generation, changed = excluded.changed,
             author = excluded.author",
        &[
            model.into(),
            (&to.name).into(),
            to.version.into(),
            to.generation.into(),
            to.changed.as_millis().into(),
            to.author.as_bytes().into(),
        ],
    )?;
    tx.execute(
        "INSERT INTO models_step (model, alias, generation, version) VALUES (?1, ?2, ?3, ?4)",
        &[
            model.into(),
            (&to.name).into(),
            to.generation.into(),
            to.version.into(),
        ],
    )?;
    Ok(())
}

/// Rows of the versions an alias pointed to, newest move first.
pub(crate) fn step_list(tx: &Tx<'_>, model: i64, alias: &str) -> Result<Vec<i64>, StoreError> {
    tx.query(
        "SELECT version FROM models_step WHERE model = ?1 AND alias = ?2 ORDER BY generation DESC",
        &[model.into(), alias.into()],
        |row| row.int(0),
    )
}

/// Forgets that aliases pointed at a version, so that nobody rolls back to it.
pub(crate) fn step_clear(tx: &Tx<'_>, version: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM models_step WHERE version = ?1",
        &[version.into()],
    )?;
    Ok(())
}

/// Versions that are quarantined and still have an alias pointing at them, with their models.
pub(crate) fn alias_stopped(tx: &Tx<'_>) -> Result<Vec<(i64, i64)>, StoreError> {
    tx.query(
        "SELECT DISTINCT v.model, v.id FROM models_alias AS a
         JOIN models_version AS v ON v.id = a.version
         WHERE v.quarantined IS NOT NULL ORDER BY v.model, v.id",
        &[],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )
}

pub(crate) fn approval_insert(
    tx: &Tx<'_>,
    version: i64,
    alias: &str,
    author: PrincipalId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO models_approval (version, alias, author, created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        &[
            version.into(),
            alias.into(),
            author.as_bytes().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Takes every approval of a version back.
pub(crate) fn approval_clear(tx: &Tx<'_>, version: i64) -> Result<(), StoreError> {
    let params = [version.into()];
    tx.execute("DELETE FROM models_approval WHERE version = ?1", &params)?;
    Ok(())
}

/// Who approved a version, for which alias, when.
pub(crate) fn approval_list(
    tx: &Tx<'_>,
    version: i64,
) -> Result<Vec<(String, PrincipalId, Timestamp)>, StoreError> {
    tx.query(
        "SELECT alias, author, created FROM models_approval WHERE version = ?1
         ORDER BY alias, created",
        &[version.into()],
        |row| {
            let at = Timestamp::from_millis(row.int(2)?);
            Ok((row.text(0)?, PrincipalId::from_bytes(row.id(1)?), at))
        },
    )
}
