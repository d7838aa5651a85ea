// SPDX-License-Identifier: Apache-2.0
//! The engines of this half, each behind a feature so that it can be built alone.

#[cfg(feature = "rusqlite")]
mod rusqlite;
#[cfg(feature = "tokio-postgres")]
mod tokio_postgres;

#[cfg(feature = "rusqlite")]
pub(crate) use self::rusqlite::Rusqlite;
#[cfg(feature = "tokio-postgres")]
pub(crate) use self::tokio_postgres::TokioPostgres;
