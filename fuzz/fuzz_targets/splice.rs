// SPDX-License-Identifier: Apache-2.0
//! Edits: stand-ins put into a document and taken out again give the document that was there.
#![no_main]

use casemate_gateway::fuzz::round_trip;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Some((edited, restored)) = round_trip(bytes) else {
        return;
    };
    // Numbers that do not fit are JSON for us and not for this reader.
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    assert!(serde_json::from_slice::<Value>(&edited).is_ok());
    let back: Value = serde_json::from_slice(&restored).expect("a document stays one");
    assert_eq!(said(back), said(document));
});

/// A document with the documents in its texts read: what stands in them with escapes may come back
/// without.
fn said(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(said).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(name, value)| (name, said(value))).collect()
        }
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(inner @ (Value::Array(_) | Value::Object(_) | Value::String(_))) => said(inner),
            _ => Value::String(text),
        },
        other => other,
    }
}
