// SPDX-License-Identifier: Apache-2.0
//! Cases of the reader.

use super::*;

#[test]
fn agrees_with_serde_on_what_is_json() {
    for text in [
        "{}",
        "[]",
        "null",
        " [1, -0.5e+3, \"a\\u00e9\\ud834\\udd1e\\n\"] ",
        "{\"a\":{\"b\":[{}]}}",
        "01",
        "1.",
        ".5",
        "-",
        "1e",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "nul",
        "\"\\x\"",
        "\"\u{1}\"",
        "\"a",
        "[",
        "",
        "[1] 2",
        "\"\\u12\"",
        "tru",
        "{\"a\":1 \"b\":2}",
        "\"\t\"",
    ] {
        let ours = Tape::parse(text.as_bytes()).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert_eq!(ours, theirs, "{text}");
    }
}

#[test]
fn refuses_what_parsers_disagree_on() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#""\ud800""#,
        r#""\udc00x""#,
    ] {
        assert!(Tape::parse(text.as_bytes()).is_err(), "{text}");
    }
    let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":0")).collect();
    assert!(Tape::parse(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
    assert!(Tape::parse(format!("{{{},\"k7\":1}}", many.join(",")).as_bytes()).is_err());
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert!(Tape::parse(deep.as_bytes()).is_err());
    assert!(Tape::parse(b"\"\xff\"").is_err());
}

#[test]
fn maps_lead_back_to_the_raw_bytes() {
    let document = r#"{"k":"a\u0041\n\ud834\udd1eé"}"#;
    let tape = Tape::parse(document.as_bytes()).unwrap();
    let value = tape.root().get("k").unwrap();
    let (text, map) = value.text_mapped().unwrap();
    assert_eq!(text, "aA\n𝄞é");
    let map = map.unwrap();
    let raw = &document[value.inside()];
    assert_eq!(&raw[map[1] as usize..map[2] as usize], "\\u0041");
    assert_eq!(&raw[map[3] as usize..map[7] as usize], "\\ud834\\udd1e");
    assert_eq!(map.len(), text.len() + 1);
}
