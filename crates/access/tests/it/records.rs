// SPDX-License-Identifier: Apache-2.0
//! What stands in the clear part of a record, and what does not.

use casemate_ledger::Kind;
use casemate_types::{
    RecordId,
    event::{Facts, Phase},
};

use crate::house::{House, ask, commit, lines, permit, service};

/// What must never stand in clear.
const PERSONAL: [&str; 3] = ["203.0.113.77", "Ada Lovelace", "the text of a person"];

#[test]
fn nothing_personal_stands_in_clear() {
    let house = House::new();
    let door = house.open();
    let recorder = door.recorder();
    recorder
        .authentication(&service(), false, "no such key")
        .unwrap();
    recorder.authentication(&service(), true, "").unwrap();
    recorder.notice(&service(), "drill").unwrap();
    let mut decided = ask(&door, &service());
    decided.sealed("prompt", PERSONAL[2].to_owned());
    decided.operation("chat.completions");
    decided.model("openai", "gpt-x");
    drop(commit(&door, decided));
    recorder
        .finding(&service(), permit(&door).record(), true, Facts::default())
        .unwrap();
    door.close();
    let mut sealed = Vec::new();
    for record in door.reader().list(0, 100).unwrap() {
        let clear = String::from_utf8(record.bytes.clone())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        for word in PERSONAL {
            assert!(!clear.contains(word), "{word} in {clear}");
        }
        let json: serde_json::Value = serde_json::from_slice(&record.entry.event).unwrap();
        assert_eq!(json["metadata"]["version"], "1.8.0");
        sealed.extend(record.entry.sealed.into_iter().map(|part| part.name));
    }
    assert_eq!(sealed, ["source", "source", "source", "prompt", "source"]);
}

#[test]
fn records_that_are_no_answers() {
    let house = House::new();
    let door = house.open();
    let recorder = door.recorder();
    let request = RecordId::from_bytes([9; 16]);
    recorder
        .authentication(&service(), false, "revoked")
        .unwrap();
    recorder
        .finding(&service(), request, false, Facts::default())
        .unwrap();
    recorder
        .finding(&service(), request, true, Facts::default())
        .unwrap();
    recorder.notice(&service(), "drill").unwrap();
    door.close();
    assert_eq!(
        lines(door.reader()),
        ["notice deny revoked", "finding", "finding", "notice drill"]
    );
    let records = door.reader().list(0, 9).unwrap();
    let classes: Vec<_> = records
        .iter()
        .map(|record| {
            serde_json::from_slice::<serde_json::Value>(&record.entry.event).unwrap()["class_uid"]
                .clone()
        })
        .collect();
    assert_eq!(classes, [3002, 2006, 2004, 3004]);
    for record in &records {
        let facts = Facts::from_event(&record.entry.event).unwrap();
        let about_request = record.entry.kind == Kind::Finding;
        assert_eq!(record.entry.about == request, about_request);
        assert_eq!(facts.phase == Some(Phase::Finding), about_request);
    }
}
