// SPDX-License-Identifier: Apache-2.0
//! Core ML: a version, a description and one kind of model.

use super::{
    super::proto::{self, Value},
    DEPTH,
};
use crate::{place::Place, rule, scan::Scan};

/// The field of a model whose class somebody has to write.
const CUSTOM: u32 = 555;
/// The field of a model that is a file of its own.
const LINKED: u32 = 556;

type Message<'a> = [(u32, Value<'a>)];

/// Reads a model, if these are its fields.
pub(super) fn scan(scan: &mut Scan<'_>, fields: &[(u32, Value<'_>)], place: &Place) -> bool {
    let version = proto::number(fields, 1).is_some_and(|version| (1..=32).contains(&version));
    let description = proto::parts(fields, 2).next().and_then(proto::message);
    let (true, Some(description), Some(_)) = (version, description, kind_of(fields)) else {
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
    model(scan, fields, place, 0);
    true
}

/// One model, with those that it is a pipeline of.
fn model(scan: &mut Scan<'_>, fields: &Message<'_>, place: &Place, depth: usize) {
    // Whatever is taken of several: those that come with code or stand elsewhere are said of all.
    let dangerous = fields.iter().map(|(field, _)| *field);
    for dangerous in dangerous.filter(|field| matches!(*field, CUSTOM | LINKED)) {
        let what = match dangerous {
            CUSTOM => "of a class of its author",
            _ => "that stands elsewhere",
        };
        let why = format!("a model {what}");
        scan.found(&rule::COREML_CUSTOM, place.whole(), why);
    }
    for network in [303, 403, 500]
        .iter()
        .flat_map(|field| proto::parts(fields, *field))
    {
        layers(scan, network, place);
    }
    // Pipelines of classifiers and regressors hold a pipeline, which holds models.
    let inner = [200, 201]
        .iter()
        .flat_map(|field| proto::parts(fields, *field));
    let inner = inner.filter_map(proto::message);
    let pipelines: Vec<&[u8]> = inner
        .flat_map(|outer| proto::parts(&outer, 1).collect::<Vec<_>>())
        .chain(proto::parts(fields, 202))
        .collect();
    for pipeline in pipelines {
        let models = proto::message(pipeline).filter(|_| depth < DEPTH);
        let Some(models) = models else {
            unreadable(scan, place, "a pipeline that cannot be read");
            continue;
        };
        for part in proto::parts(&models, 1) {
            match proto::message(part) {
                Some(part) => model(scan, &part, place, depth + 1),
                None => unreadable(scan, place, "a model that cannot be read"),
            }
        }
    }
}

fn layers(scan: &mut Scan<'_>, network: &[u8], place: &Place) {
    let Some(network) = proto::message(network) else {
        unreadable(scan, place, "a network that cannot be read");
        return;
    };
    for layer in proto::parts(&network, 1).filter_map(proto::message) {
        // The field of layers that the author writes.
        if layer.iter().any(|(field, _)| *field == 500) {
            let name = proto::text(&layer, 1);
            let why = format!("the layer `{name}` of a class of its author");
            scan.found(&rule::COREML_CUSTOM, place.whole(), why);
        }
    }
}

/// The field that says what a model is: of several, readers take the last.
fn kind_of(fields: &Message<'_>) -> Option<u32> {
    let mut fields = fields.iter().rev();
    let kind = fields
        .find(|(field, value)| matches!(value, Value::Bytes(_)) && (200..=3_000).contains(field));
    kind.map(|(field, _)| *field)
}

fn unreadable(scan: &mut Scan<'_>, place: &Place, why: &str) {
    scan.found(&rule::PROTOBUF_MALFORMED, place.whole(), why.to_owned());
}
