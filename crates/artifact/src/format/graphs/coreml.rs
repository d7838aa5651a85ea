// SPDX-License-Identifier: Apache-2.0
//! Core ML: a version, a description and one kind of model.

use super::super::proto::{self, Value};
use crate::{place::Place, rule, scan::Scan};

/// The field of a model whose class somebody has to write.
const CUSTOM: u32 = 555;

/// Reads a model, if these are its fields.
pub(super) fn scan(scan: &mut Scan<'_>, fields: &[(u32, Value<'_>)], place: &Place) -> bool {
    let version = proto::number(fields, 1).is_some_and(|version| (1..=32).contains(&version));
    let description = proto::parts(fields, 2).next().and_then(proto::message);
    let kind = fields
        .iter()
        .find(|(field, value)| matches!(value, Value::Bytes(_)) && (200..=3_000).contains(field));
    let (true, Some(description), Some((kind, _))) = (version, description, kind) else {
        return false;
    };
    // Inputs, outputs and names of features, metadata.
    if !description
        .iter()
        .all(|(field, _)| matches!(field, 1 | 10 | 11 | 12 | 13 | 20 | 21 | 50 | 100))
    {
        return false;
    }
    scan.format("coreml");
    if *kind == CUSTOM {
        let why = "a model of a class of its author".to_owned();
        scan.found(&rule::COREML_CUSTOM, place.whole(), why);
    }
    for network in [303, 403, 500]
        .iter()
        .flat_map(|field| proto::parts(fields, *field))
    {
        let Some(network) = proto::message(network) else {
            let why = "a network that cannot be read".to_owned();
            scan.found(&rule::PROTOBUF_MALFORMED, place.whole(), why);
            continue;
        };
        for layer in proto::parts(&network, 1).filter_map(proto::message) {
            // The field of layers that the author writes.
            if layer.iter().any(|(field, _)| *field == 500) {
                let why = format!(
                    "the layer `{}` of a class of its author",
                    proto::text(&layer, 1)
                );
                scan.found(&rule::COREML_CUSTOM, place.whole(), why);
            }
        }
    }
    true
}
