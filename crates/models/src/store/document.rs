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

/// Adds a document; the same once more is none more.
pub(crate) fn document_insert(
    tx: &Tx<'_>,
    version: i64,
    document: &DocumentRow,
) -> Result<(), StoreError> {
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
    Ok(())
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
