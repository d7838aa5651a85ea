// SPDX-License-Identifier: Apache-2.0
use super::*;

fn hosts() -> Hosts {
    Hosts::new(&["example.org", "*.example.com"]).unwrap()
}

fn found(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    find(text, 0, &hosts(), &mut all);
    all.into_iter().map(|one| &text[one.span]).collect()
}

#[test]
fn listed_hosts_pass() {
    for text in [
        "see https://example.org",
        "see https://EXAMPLE.org/path?query#part",
        "see https://a.example.com, and https://a.b.example.com!",
        "**https://example.org**",
        "(https://example.org)",
        "[text](https://example.org/a \"title\")",
        "<img src=\"//a.example.com/x.png\">",
        "http://example.org:8080/",
        "at www.example.com.",
        "https://example.org. Then",
        "https://example.org.",
        "// a comment with example.net",
        "a//b and C://",
        "no link: example.net",
        "\"https://example.org\"",
        "{\"a\": \"https://example.org/x\"}",
        "<https://example.org>",
        "(https://example.org), (see https://example.org).",
        "see (at https://example.org).",
        "[https://example.org](https://example.org/)",
        "<b>https://example.org</b>",
        "the \"page\" https://example.org is",
        "a = 1; // see example.net",
        "f(a, //nothing\nb)",
        "case x:\n//comment with example.net",
        "http:8080, ftp: x and https: see",
        "a\n//\n// b",
        "nowww.example.net",
    ] {
        let wanted: &[&str] = if text.contains("C://") {
            &["C://"]
        } else {
            &[]
        };
        assert_eq!(found(text), wanted, "{text}");
    }
}

#[test]
fn all_others_are_found_by_their_beginning() {
    for (text, wanted) in [
        ("https://example.net/", "https://"),
        ("![x](https://evil.example/?q=secret)", "https://"),
        ("https://example.org.evil.example/", "https://"),
        ("https://notexample.com/", "https://"),
        ("https://example.com/", "https://"),
        ("https://example.org@evil.example/", "https://"),
        ("https://example.org!@evil.example/", "https://"),
        ("https://example.org,;@evil.example/", "https://"),
        ("https://example.org*****@evil.example", "https://"),
        ("https://example.org$x@evil.example/", "https://"),
        ("https://example.orgé.evil.example", "https://"),
        ("https://example%2eorg/", "https://"),
        ("https://[::1]/", "https://"),
        ("https:///example.org", "https://"),
        ("https://example.org:x@evil.example", "https://"),
        ("ftp://example.net", "ftp://"),
        ("svn+ssh://example.net", "svn+ssh://"),
        ("src=\"//evil.example/x\"", "//"),
        ("](//evil.example)", "//"),
        ("go to www.evil.example now", "www."),
        // Other slashes than browsers need.
        ("https:\\/\\/evil.example", "https:\\"),
        ("https:\\\\evil.example", "https:\\"),
        ("https:/evil.example", "https:/"),
        ("HTTPS:/\\evil.example", "HTTPS:/"),
        ("https:evil.example", "https:"),
        ("http:2130706433/x", "http:"),
        ("https:&#47;&#47;evil.example", "https:&"),
        ("https:&sol;/evil.example", "https:&"),
        ("https&colon;//evil.example", "//"),
        ("https&#58;//evil.example", "//"),
        ("https&#x3A;//evil.example", "//"),
        ("https:\n//evil.example", "//"),
        // Another host behind one that is listed.
        ("https://example.org\\@evil.example", "https://"),
        ("https://example.org\\.evil.example", "https://"),
        ("https://example.org(@evil.example", "https://"),
        ("https://example.org)@evil.example", "https://"),
        ("https://example.org\"@evil.example", "https://"),
        ("https://example.org](@evil.example", "https://"),
        ("[https://example.org](http@evil.example", "https://"),
        ("src=\"https://example.org\n.evil.example/\"", "https://"),
        ("src=\"https://example.org\t@evil.example/\"", "https://"),
        ("src=\"https://example.org @evil.example/\"", "https://"),
        ("src = \" https://example.org @evil.example/\"", "https://"),
        ("](<https://example.org @evil.example/>)", "https://"),
        ("https://evil%2f.example.com", "https://"),
        // The scheme of the page.
        ("](///evil.example)", "//"),
        ("](//[::1]/)", "//"),
        ("//evil.example/x", "//"),
        (" //evil.example/x", "//"),
        ("src= //evil.example", "//"),
        ("[a]: //evil.example", "//"),
        ("[a]( //evil.example)", "//"),
        ("srcset=\"https://example.org/a, //evil.example\"", "//"),
        ("src=//2130706433", "//"),
        ("go to WWW.evil.example now", "WWW."),
        ("_www.evil.example_", "www."),
        ("javascript://evil.example/%0aalert(1)", "//"),
    ] {
        assert_eq!(found(text), [wanted], "{text}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for bad in [
        "",
        "*",
        "*.",
        "https://example.org",
        "a b",
        "é.org",
        "a..b",
        "*.*.a",
    ] {
        assert!(Hosts::new(&[bad]).is_err(), "{bad}");
    }
}
