// SPDX-License-Identifier: Apache-2.0
use super::*;

fn found(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    Active::new().unwrap().find(text, 0, &mut all);
    all.sort_by_key(|one| one.span.start);
    all.into_iter().map(|one| &text[one.span]).collect()
}

#[test]
fn what_runs_is_found_by_the_part_that_makes_it_run() {
    for (text, wanted) in [
        ("<script>alert(1)</script>", &["script"] as &[&str]),
        ("<SCRIPT src=x>", &["SCRIPT"]),
        ("<iframe/src=x>", &["iframe"]),
        ("<img src=x onerror=alert(1)>", &["onerror="]),
        ("<img/src='x'onerror=alert(1)>", &["onerror="]),
        ("<a href=\"javascript:alert(1)\">", &["javascript:"]),
        ("[x](JavaScript:alert`1`)", &["JavaScript:"]),
        ("data:text/html;base64,PHN2Zz4=", &["data:text/html"]),
        ("\u{1b}]8;;http://x\u{7}", &["\u{1b}"]),
        ("\u{9b}31m", &["\u{9b}"]),
        ("\u{9d}8;;http://x\u{9c}", &["\u{9d}"]),
        (
            "\u{90}q\u{98}\u{9e}\u{9f}",
            &["\u{90}", "\u{98}", "\u{9e}", "\u{9f}"],
        ),
        ("<img src=x\nonerror=alert(1)>", &["onerror="]),
        ("<img src=x\tonerror=alert(1)>", &["onerror="]),
        ("<img src=x\u{c}onerror=alert(1)>", &["onerror="]),
        ("<img src=x onerror =alert(1)>", &["="]),
        ("<img src=x onerror\n =alert(1)>", &["="]),
        (
            "<p onwebkitanimationiteration=x>",
            &["onwebkitanimationiteration="],
        ),
        ("<img alt=\">\" onerror=x>", &["onerror="]),
        ("<img alt='a<b' onerror=x>", &["onerror="]),
        ("<img alt = '>' onerror=x>", &["onerror="]),
        ("<input value=it's onfocus=x>", &["onfocus="]),
        ("<a href=\"javascript: alert(1)\">", &["javascript:"]),
        ("<a href=' javascript: alert(1)'>", &["javascript:"]),
        ("[x](javascript: alert(1))", &["javascript:"]),
        ("<a href=\"java\nscript:alert(1)\">", &["script:"]),
        ("<a href=\"j\tavascript:alert(1)\">", &["avascript:"]),
        ("<a href=\"javascript\n:alert(1)\">", &[":"]),
        ("<a href=\"javascript&colon;alert(1)\">", &[";"]),
        ("<a href=\"javascript&#58;alert(1)\">", &[";"]),
    ] {
        assert_eq!(found(text), wanted, "{text}");
    }
}

#[test]
fn what_is_only_said_is_none() {
    for text in [
        "a script is a program; a < script",
        "<scripts> <object-fit>",
        "JavaScript: The Good Parts",
        "set onload=true in the file",
        "x > 1 onerror=1",
        "turn the light on=off",
        "for i in one, on= x",
        "<b>bold</b> onclick=x",
        "<b title='a'>bold onclick=x",
        "caf\u{e9} and \u{ab}quoted\u{bb}",
        "we use java\nscript: the first is a language",
        "TypeScript: typed; PostScript: printed",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn a_tag_may_be_long() {
    let long = "x".repeat(400);
    let text = format!("<img src=\"https://example.org/{long}\" onerror=alert(1)>");
    assert_eq!(found(&text), ["onerror="]);
    assert!(found(&format!("{long} \u{201c}on\u{201d} oncall=x")).is_empty());
}
