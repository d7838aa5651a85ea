// SPDX-License-Identifier: Apache-2.0
//! The admin plane: an HTTP API over the façades, without logic of its own.
//!
//! Handlers parse, call a façade with a permit from the door, and map the answer. [`ROUTES`] is the
//! one list of addresses; the OpenAPI document is made from it and tests compare it with what is
//! served.

mod api;
mod body;
mod caller;
mod dto;
mod error;
mod openapi;
mod routes;
mod table;

pub use api::{AdminApi, ApiParts, BoxedAnswer, SystemOps};
pub use error::ApiError;
pub use openapi::document;
pub use table::{Access, ROUTES, RouteDoc};
