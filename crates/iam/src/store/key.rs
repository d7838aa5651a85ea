// SPDX-License-Identifier: Apache-2.0
//! API keys, by digest; the secret is never stored.

use casemate_crypto::Sha256;
use casemate_store::{StoreError, Tx};
use casemate_types::{KeyId, PrincipalId, ProjectId, Timestamp};

use super::{limits_text, list_text, parse};
use crate::KeyInfo;

pub(crate) fn key_insert(tx: &Tx<'_>, key: &KeyInfo, digest: &Sha256) -> Result<(), StoreError> {
    let project = key.project;
    tx.execute(
        "INSERT INTO iam_key
             (id, owner, project, digest, label, models, networks, limits, created, expires, revoked,
              made_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &[
            key.id.as_bytes().into(),
            key.owner.as_bytes().into(),
            project.as_ref().map(ProjectId::as_bytes).into(),
            digest.into(),
            (&key.label).into(),
            (&list_text(&key.models)).into(),
            (&list_text(&key.networks)).into(),
            (&limits_text(&key.limits)).into(),
            key.created.as_millis().into(),
            key.expires.map(Timestamp::as_millis).into(),
            key.revoked.map(Timestamp::as_millis).into(),
            key.made_by.as_ref().map(PrincipalId::as_bytes).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn key_set_revoked(tx: &Tx<'_>, id: KeyId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE iam_key SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL",
        &[id.as_bytes().into(), at.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn key_set_expiry(tx: &Tx<'_>, id: KeyId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE iam_key SET expires = ?2 WHERE id = ?1",
        &[id.as_bytes().into(), at.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn key_list(tx: &Tx<'_>) -> Result<Vec<(KeyInfo, Sha256)>, StoreError> {
    tx.query(
        "SELECT id, owner, project, digest, label, models, networks, limits, created, expires,
             revoked, made_by FROM iam_key ORDER BY id",
        &[],
        |row| {
            let info = KeyInfo {
                id: KeyId::from_bytes(row.id(0)?),
                owner: PrincipalId::from_bytes(row.id(1)?),
                project: row.id_opt(2)?.map(ProjectId::from_bytes),
                label: row.text(4)?,
                models: parse(&row.text(5)?)?,
                networks: parse(&row.text(6)?)?,
                limits: parse(&row.text(7)?)?,
                created: Timestamp::from_millis(row.int(8)?),
                expires: row.int_opt(9)?.map(Timestamp::from_millis),
                revoked: row.int_opt(10)?.map(Timestamp::from_millis),
                made_by: row.id_opt(11)?.map(PrincipalId::from_bytes),
            };
            let digest = row.blob(3)?;
            let digest = digest
                .try_into()
                .map_err(|_| StoreError::Corrupt("a key digest of the wrong length".into()))?;
            Ok((info, digest))
        },
    )
}
