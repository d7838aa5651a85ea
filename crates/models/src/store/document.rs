// SPDX-License-Identifier: Apache-2.0
//! What was said about versions: bills of materials, evaluations, provenance.

use casemate_crypto::Sha256;
use casemate_store::{StoreError, Tx};
use casemate_types::{PrincipalId, Timestamp};

use super::digest;

/// A document about a version.
#[derive(Debug, Clone)]
pub(crate) struct DocumentRow {
    pub(crate) kind: String,
    pub(crate) digest: Sha256,
    /// Sealed.
    pub(crate) body: Vec<u8>,
    pub(crate) created: Timestamp,
    pub(crate) author: PrincipalId,
}

/// Adds a document; the same once more is none more. Whether there was room among `most` of its
/// kind.
pub(crate) fn document_insert(
    tx: &Tx<'_>,
    version: i64,
    document: &DocumentRow,
    most: i64,
) -> Result<bool, StoreError> {
    let others = tx.query_one(
        "SELECT COUNT(*) FROM models_document WHERE version = ?1 AND kind = ?2 AND digest <> ?3",
        &[
            version.into(),
            (&document.kind).into(),
            (&document.digest).into(),
        ],
        |row| row.int(0),
    )?;
    if others.unwrap_or(0) >= most {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO models_document (version, kind, digest, body, created, author)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        &[
            version.into(),
            (&document.kind).into(),
            (&document.digest).into(),
            (&document.body).into(),
            document.created.as_millis().into(),
            document.author.as_bytes().into(),
        ],
    )?;
    Ok(true)
}

/// Kinds of documents that there are about a version.
pub(crate) fn document_kinds(tx: &Tx<'_>, version: i64) -> Result<Vec<String>, StoreError> {
    tx.query(
        "SELECT DISTINCT kind FROM models_document WHERE version = ?1",
        &[version.into()],
        |row| row.text(0),
    )
}

/// Documents about a version, oldest first.
pub(crate) fn document_list(tx: &Tx<'_>, version: i64) -> Result<Vec<DocumentRow>, StoreError> {
    tx.query(
        "SELECT kind, digest, body, created, author FROM models_document WHERE version = ?1
         ORDER BY id",
        &[version.into()],
        |row| {
            Ok(DocumentRow {
                kind: row.text(0)?,
                digest: digest(row.blob(1)?)?,
                body: row.blob(2)?,
                created: Timestamp::from_millis(row.int(3)?),
                author: PrincipalId::from_bytes(row.id(4)?),
            })
        },
    )
}
