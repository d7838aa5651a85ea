// SPDX-License-Identifier: Apache-2.0
//! Versions of models.

use casemate_crypto::Sha256;
use casemate_store::{Row, StoreError, Tx};
use casemate_types::{PrincipalId, ProjectId, Timestamp};

use super::digest;
use crate::registry::Reference;

/// A version, but for its list of files and its signature, which are large.
#[derive(Debug, Clone)]
pub(crate) struct VersionRow {
    pub(crate) id: i64,
    pub(crate) model: i64,
    pub(crate) number: i64,
    pub(crate) root: Sha256,
    pub(crate) created: Timestamp,
    pub(crate) author: PrincipalId,
    pub(crate) quarantined: Option<Timestamp>,
    /// Why it is quarantined, sealed.
    pub(crate) why: Option<Vec<u8>>,
}

/// What a new version is made of.
pub(crate) struct NewVersion<'a> {
    pub(crate) model: i64,
    pub(crate) project: ProjectId,
    pub(crate) root: &'a Sha256,
    pub(crate) created: Timestamp,
    pub(crate) author: PrincipalId,
    /// Names, digests and lengths of files, sealed.
    pub(crate) manifest: &'a [u8],
    /// The signature's bundle, sealed.
    pub(crate) bundle: &'a [u8],
    pub(crate) blobs: &'a [Sha256],
}

const COLUMNS: &str = "id, model, number, root, created, author, quarantined, why";

fn version(row: &Row<'_>) -> Result<VersionRow, StoreError> {
    Ok(VersionRow {
        id: row.int(0)?,
        model: row.int(1)?,
        number: row.int(2)?,
        root: digest(row.blob(3)?)?,
        created: Timestamp::from_millis(row.int(4)?),
        author: PrincipalId::from_bytes(row.id(5)?),
        quarantined: row.int_opt(6)?.map(Timestamp::from_millis),
        why: row.blob_opt(7)?,
    })
}

/// Adds a version under the next number; gives the number.
pub(crate) fn version_insert(tx: &Tx<'_>, new: &NewVersion<'_>) -> Result<i64, StoreError> {
    let next = tx.query_one(
        "SELECT COALESCE(MAX(number), 0) + 1 FROM models_version WHERE model = ?1",
        &[new.model.into()],
        |row| row.int(0),
    )?;
    let number = next.unwrap_or(1);
    tx.execute(
        "INSERT INTO models_version (model, number, root, created, author, manifest, bundle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            new.model.into(),
            number.into(),
            new.root.into(),
            new.created.as_millis().into(),
            new.author.as_bytes().into(),
            new.manifest.into(),
            new.bundle.into(),
        ],
    )?;
    for blob in new.blobs {
        tx.execute(
            "INSERT INTO models_use (version, project, digest)
             SELECT id, ?3, ?4 FROM models_version WHERE model = ?1 AND number = ?2",
            &[
                new.model.into(),
                number.into(),
                new.project.as_bytes().into(),
                blob.into(),
            ],
        )?;
    }
    Ok(number)
}

/// Versions of a model, newest first.
pub(crate) fn version_list(tx: &Tx<'_>, model: i64) -> Result<Vec<VersionRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM models_version WHERE model = ?1 ORDER BY number DESC");
    tx.query(&sql, &[model.into()], version)
}

/// The version a reference leads to.
pub(crate) fn version_find(
    tx: &Tx<'_>,
    model: i64,
    reference: &Reference,
) -> Result<Option<VersionRow>, StoreError> {
    let select = |condition: &str| {
        format!("SELECT {COLUMNS} FROM models_version WHERE model = ?1 AND {condition}")
    };
    match reference {
        Reference::Alias(alias) => tx.query_one(
            &select("id = (SELECT version FROM models_alias WHERE model = ?1 AND name = ?2)"),
            &[model.into(), alias.as_str().into()],
            version,
        ),
        Reference::Digest(root) => {
            tx.query_one(&select("root = ?2"), &[model.into(), root.into()], version)
        }
        Reference::Number(number) => tx.query_one(
            &select("number = ?2"),
            &[model.into(), (*number).into()],
            version,
        ),
        Reference::Prefix(prefix) => tx.query_one(
            &select("substr(root, 1, 20) = ?2 ORDER BY number"),
            &[model.into(), prefix.into()],
            version,
        ),
    }
}

/// The list of files of a version, sealed.
pub(crate) fn version_manifest(tx: &Tx<'_>, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT manifest FROM models_version WHERE id = ?1";
    tx.query_one(sql, &[id.into()], |row| row.blob(0))
}

/// The bundle of a version's signature, sealed.
pub(crate) fn version_bundle(tx: &Tx<'_>, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bundle FROM models_version WHERE id = ?1";
    tx.query_one(sql, &[id.into()], |row| row.blob(0))
}

/// Puts another signature over the same contents in the place of one.
pub(crate) fn version_bundle_set(tx: &Tx<'_>, id: i64, sealed: &[u8]) -> Result<(), StoreError> {
    let params = [id.into(), sealed.into()];
    tx.execute(
        "UPDATE models_version SET bundle = ?2 WHERE id = ?1",
        &params,
    )?;
    Ok(())
}

/// Versions of a model with these bytes that are quarantined or have smaller numbers than `floor`.
pub(crate) fn version_stopped_with(
    tx: &Tx<'_>,
    model: i64,
    floor: i64,
    digest: &Sha256,
) -> Result<Vec<VersionRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM models_version AS v
         WHERE model = ?1 AND (quarantined IS NOT NULL OR number < ?2)
           AND EXISTS (SELECT 1 FROM models_use AS u WHERE u.version = v.id AND u.digest = ?3)"
    );
    tx.query(&sql, &[model.into(), floor.into(), digest.into()], version)
}

/// Stops a version. One that is stopped already is stopped anew, for what is known now.
pub(crate) fn version_quarantine(
    tx: &Tx<'_>,
    id: i64,
    at: Timestamp,
    why: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE models_version SET quarantined = ?2, why = ?3 WHERE id = ?1",
        &[id.into(), at.as_millis().into(), why.into()],
    )?;
    Ok(())
}

/// Lets a version go again that was stopped at this instant, and not once more since; whether it
/// was.
pub(crate) fn version_release(
    tx: &Tx<'_>,
    id: i64,
    stopped: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let stopped = stopped.map(Timestamp::as_millis);
    let changed = tx.execute(
        "UPDATE models_version SET quarantined = NULL, why = NULL
         WHERE id = ?1 AND quarantined IS NOT DISTINCT FROM ?2",
        &[id.into(), stopped.into()],
    )?;
    Ok(changed > 0)
}

impl VersionRow {
    /// One version by its row.
    pub(crate) fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM models_version WHERE id = ?1");
        tx.query_one(&sql, &[id.into()], version)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use casemate_store::{Database, Options};
    use casemate_testkit::TempDir;

    use super::*;

    #[test]
    fn only_the_stop_that_was_looked_at_is_lifted() {
        let dir = TempDir::new();
        let migrations = super::super::MIGRATIONS;
        let database = Database::open(&dir.join("state.db"), Options::default(), migrations);
        let at = Timestamp::from_millis;
        let read = |tx: &Tx<'_>| {
            let new = NewVersion {
                model: 1,
                project: ProjectId::from_bytes([1; 16]),
                root: &[7; 32],
                created: at(0),
                author: PrincipalId::from_bytes([2; 16]),
                manifest: b"manifest",
                bundle: b"bundle",
                blobs: &[[8; 32]],
            };
            let number = version_insert(tx, &new)?;
            let found = version_find(tx, 1, &Reference::Number(number))?.unwrap();
            let stopped =
                || Ok::<_, StoreError>(VersionRow::by_id(tx, found.id)?.unwrap().quarantined);
            // Nothing to lift, and nobody stopped it meanwhile.
            assert!(version_release(tx, found.id, None)?);
            version_quarantine(tx, found.id, at(1), b"one")?;
            assert!(!version_release(tx, found.id, None)?);
            version_quarantine(tx, found.id, at(2), b"another")?;
            assert!(!version_release(tx, found.id, Some(at(1)))?);
            assert_eq!(stopped()?, Some(at(2)));
            assert!(version_release(tx, found.id, Some(at(2)))?);
            assert_eq!(stopped()?, None);
            Ok::<_, StoreError>(())
        };
        database.unwrap().tx("test", read).unwrap();
    }
}
