// SPDX-License-Identifier: Apache-2.0
//! Readers of foreign bytes are total, whatever the bytes and wherever they are divided.

use casemate_gateway::fuzz;
use proptest::prelude::*;
use serde_json::Value;

/// Documents that look like those of the wire formats, with things to be found in them.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("ada.lovelace@example.org".to_owned()),
        Just("call +49 30 901820 or ada@example.org, \"now\"\n".to_owned()),
        Just(r#"{"to":"ada@example.org","l":["4111 1111 1111 1111","\n\u00e9"]}"#.to_owned()),
        Just("EMAIL_bcdfghjkmnpqrt".to_owned()),
        "[a-z\\\\\"\n\u{e9}\u{1d11e} @.]{0,24}",
    ];
    let name = prop_oneof![
        Just("arguments".to_owned()),
        Just("choices".to_owned()),
        Just("content".to_owned()),
        Just("delta".to_owned()),
        Just("index".to_owned()),
        Just("input".to_owned()),
        Just("messages".to_owned()),
        Just("model".to_owned()),
        Just("role".to_owned()),
        Just("tool_calls".to_owned()),
        Just("type".to_owned()),
        "[a-z@.]{0,12}",
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::dialects(&bytes);
        let _ = fuzz::round_trip(&bytes);
        let whole = fuzz::events(&bytes, usize::MAX);
        for size in [1, 2, 3, 7] {
            prop_assert_eq!(&fuzz::events(&bytes, size), &whole);
        }
    }

    #[test]
    fn frames_do_not_depend_on_pieces(
        lines in prop::collection::vec(
            prop::sample::select(vec!["data: {\"a\":1}", "data:x", "event: e", ": c", "", "data", "id: 1"]),
            0..30,
        ),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 30),
        size in 1usize..20,
    ) {
        let stream: String = lines.iter().zip(&ends).map(|(l, e)| format!("{l}{e}")).collect();
        prop_assert_eq!(
            fuzz::events(stream.as_bytes(), size),
            fuzz::events(stream.as_bytes(), usize::MAX)
        );
    }

    #[test]
    fn documents_are_read(value in document()) {
        fuzz::dialects(value.to_string().as_bytes());
    }

    /// Putting stand-ins in and taking them out again gives the document that was there.
    #[test]
    fn edits_can_be_undone(value in document()) {
        let text = value.to_string();
        if let Some((edited, restored)) = fuzz::round_trip(text.as_bytes()) {
            let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            prop_assert!(!String::from_utf8(edited.clone()).unwrap().contains("ada@example.org"));
            read(&edited);
            prop_assert_eq!(read(&restored), value);
        }
    }
}
