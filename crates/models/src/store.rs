// SPDX-License-Identifier: Apache-2.0
//! Tables of the registry. What people wrote and what files say stands sealed.

mod alias;
mod blob;
mod document;
mod model;
mod version;

pub(crate) use alias::{
    AliasRow, alias_get, alias_list, alias_move, alias_stopped, approval_clear, approval_insert,
    approval_list, step_clear, step_list,
};
pub(crate) use blob::{
    BlobRow, Stored, blob_delete, blob_get, blob_is_of, blob_is_stopped, blob_list, blob_orphans,
    blob_outcomes, blob_put, blob_sent, blob_sent_before, blob_versions,
};
pub(crate) use document::{DocumentRow, document_insert, document_kinds, document_list};
pub(crate) use model::{
    ModelRow, model_by_id, model_floor, model_get, model_insert, model_list, model_signers,
};
pub(crate) use version::{
    NewVersion, VersionRow, version_bundle, version_bundle_set, version_find, version_insert,
    version_list, version_manifest, version_quarantine, version_release, version_stopped_with,
};

use casemate_store::{Migration, StoreError};

/// Tables of this crate, for the database of state.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        owner: "models",
        number: 1,
        sql: "CREATE TABLE models_model (
                  id INTEGER PRIMARY KEY,
                  project BLOB NOT NULL,
                  name TEXT NOT NULL,
                  created BIGINT NOT NULL,
                  floor BIGINT NOT NULL,
                  signers BLOB,
                  UNIQUE (project, name));
              CREATE TABLE models_blob (
                  project BLOB NOT NULL,
                  digest BLOB NOT NULL,
                  length BIGINT NOT NULL,
                  outcome TEXT NOT NULL,
                  report BLOB NOT NULL,
                  created BIGINT NOT NULL,
                  PRIMARY KEY (project, digest));
              CREATE TABLE models_version (
                  id INTEGER PRIMARY KEY,
                  model BIGINT NOT NULL,
                  number BIGINT NOT NULL,
                  root BLOB NOT NULL,
                  created BIGINT NOT NULL,
                  author BLOB NOT NULL,
                  manifest BLOB NOT NULL,
                  bundle BLOB NOT NULL,
                  quarantined BIGINT,
                  why BLOB,
                  UNIQUE (model, number),
                  UNIQUE (model, root));
              CREATE TABLE models_use (
                  version BIGINT NOT NULL,
                  project BLOB NOT NULL,
                  digest BLOB NOT NULL,
                  PRIMARY KEY (version, digest));
              CREATE INDEX models_use_digest ON models_use (project, digest);
              CREATE TABLE models_alias (
                  model BIGINT NOT NULL,
                  name TEXT NOT NULL,
                  version BIGINT NOT NULL,
                  generation BIGINT NOT NULL,
                  changed BIGINT NOT NULL,
                  author BLOB NOT NULL,
                  PRIMARY KEY (model, name));
              CREATE TABLE models_step (
                  model BIGINT NOT NULL,
                  alias TEXT NOT NULL,
                  generation BIGINT NOT NULL,
                  version BIGINT NOT NULL,
                  PRIMARY KEY (model, alias, generation));
              CREATE TABLE models_approval (
                  version BIGINT NOT NULL,
                  alias TEXT NOT NULL,
                  author BLOB NOT NULL,
                  created BIGINT NOT NULL,
                  PRIMARY KEY (version, alias, author));
              CREATE TABLE models_document (
                  id INTEGER PRIMARY KEY,
                  version BIGINT NOT NULL,
                  kind TEXT NOT NULL,
                  digest BLOB NOT NULL,
                  body BLOB NOT NULL,
                  created BIGINT NOT NULL,
                  author BLOB NOT NULL,
                  UNIQUE (version, kind, digest));",
    },
    // Who stored bytes may stand for them: the same bytes sent for one model say nothing of who
    // may register them as another.
    Migration {
        owner: "models",
        number: 2,
        sql: "CREATE TABLE models_sent (
                  project BLOB NOT NULL,
                  model TEXT NOT NULL,
                  digest BLOB NOT NULL,
                  created BIGINT NOT NULL,
                  PRIMARY KEY (project, digest, model));",
    },
];

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    let wrong = |_| StoreError::Corrupt("a digest of the wrong length".into());
    bytes.try_into().map_err(wrong)
}
