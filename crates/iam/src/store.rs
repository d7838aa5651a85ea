// SPDX-License-Identifier: Apache-2.0
//! Tables of identities.

mod key;
mod person;
mod project;

pub(crate) use key::{key_insert, key_list, key_set_expiry, key_set_revoked};
pub(crate) use person::{
    bootstrap_get, bootstrap_put, bootstrap_remove, open_name, person_insert, person_list,
    sealed_name,
};
pub(crate) use project::{
    project_insert, project_limits, project_list, service_insert, service_list,
};

use casemate_quota::Limits;
use casemate_store::{Migration, StoreError};

/// Tables of this crate, for the database of state.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        owner: "iam",
        number: 1,
        sql: FIRST_TABLES,
    },
    // Whoever makes a service or a key holds its secret. Of older ones nobody knows.
    Migration {
        owner: "iam",
        number: 2,
        sql: "ALTER TABLE iam_service ADD COLUMN made_by BLOB;
              ALTER TABLE iam_key ADD COLUMN made_by BLOB;",
    },
];

const FIRST_TABLES: &str = "CREATE TABLE iam_project (
              id BLOB PRIMARY KEY,
              name TEXT NOT NULL UNIQUE,
              limits TEXT NOT NULL,
              created BIGINT NOT NULL);
          CREATE TABLE iam_service (
              id BLOB PRIMARY KEY,
              project BLOB NOT NULL REFERENCES iam_project (id),
              name TEXT NOT NULL,
              roles TEXT NOT NULL,
              limits TEXT NOT NULL,
              created BIGINT NOT NULL,
              UNIQUE (project, name));
          CREATE TABLE iam_person (
              id BLOB PRIMARY KEY,
              name BLOB NOT NULL,
              roles TEXT NOT NULL,
              created BIGINT NOT NULL);
          CREATE TABLE iam_key (
              id BLOB PRIMARY KEY,
              owner BLOB NOT NULL,
              project BLOB,
              digest BLOB NOT NULL UNIQUE,
              label TEXT NOT NULL,
              models TEXT NOT NULL,
              networks TEXT NOT NULL,
              limits TEXT NOT NULL,
              created BIGINT NOT NULL,
              expires BIGINT,
              revoked BIGINT);
          CREATE TABLE iam_bootstrap (digest BLOB PRIMARY KEY, expires BIGINT NOT NULL);";

fn limits_text(limits: &Limits) -> String {
    serde_json::to_string(limits).unwrap_or_default()
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn list_text(list: &[String]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}
