// SPDX-License-Identifier: Apache-2.0
//! Any address at all, as somebody at the Hub's listener could send it.

use casemate_models::hub::Hub;
use proptest::prelude::*;

use super::{
    house::House,
    hub::{get, house},
};

/// Parts of addresses that have a meaning, plain and in percent signs.
const PARTS: &[&str] = &[
    "api",
    "models",
    "datasets",
    "spaces",
    "acme",
    "fraud",
    "resolve",
    "revision",
    "tree",
    "main",
    "1",
    "onnx",
    "weights.safetensors",
    "config.json",
    "",
    ".",
    "..",
    "%2e%2e",
    "%252e%252e",
    "%2f",
    "%2F",
    "%252f",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%",
    "%4",
    "%zz",
    "%ff",
    "%e2%80%ae",
    "%c3%28",
    "%5c",
    "sha256%3aab",
    "@1",
    "99999999999999999999",
    "-1",
];

/// What a file of the house is asked for by, and nothing else is.
const FILES: [&str; 2] = ["config.json", "onnx/weights.safetensors"];

/// Percent signs undone once, by what the standard says and by nothing that is tested here.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let pair = [*high, *low];
                let digits = pair.iter().all(u8::is_ascii_hexdigit);
                let pair = std::str::from_utf8(&pair).ok().filter(|_| digits)?;
                out.push(u8::from_str_radix(pair, 16).ok()?);
                behind
            }
            (b'%', _) => return None,
            (plain, behind) => {
                out.push(*plain);
                behind
            }
        };
    }
    String::from_utf8(out).ok()
}

/// Whether an address is one of those that give a file, decoded once.
fn is_a_file(path: &str) -> bool {
    let parts: Option<Vec<_>> = path.split('/').map(decoded).collect();
    let Some(parts) = parts else { return false };
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [
            "",
            "acme",
            "fraud",
            "resolve",
            "main" | "@main" | "1" | "@1",
            name @ ..,
        ] => FILES.contains(&name.join("/").as_str()),
        _ => false,
    }
}

/// Every letter that an address can hold as it is.
fn encoded(text: &str, every: bool) -> String {
    let plain = |byte: u8| !every && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Asks; what is no address for the library of HTTP never comes this far.
fn asked(house: &House, path: &str) -> Option<(u16, Vec<u8>)> {
    let path_alone = path.split(['?', '#']).next().unwrap_or_default();
    path.parse::<http::Uri>().ok()?;
    (path_alone == path && path.starts_with('/')).then(|| get(house, path))
}

#[test]
fn only_the_name_of_a_file_gives_it() {
    let house = house();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let parts = proptest::collection::vec(proptest::sample::select(PARTS), 0..9);
    runner
        .run(&parts, |parts| {
            let path = format!("/{}", parts.join("/"));
            let _ = Hub::takes(&path);
            if let Some((status, body)) = asked(&house, &path) {
                prop_assert!(status < 500, "{path}: {status}");
                let resolves = parts.get(2) == Some(&"resolve");
                prop_assert!(
                    !resolves || (status == 200) == is_a_file(&path),
                    "{path}: {status}"
                );
                let text = String::from_utf8_lossy(&body);
                prop_assert!(!text.contains("root:"), "{path}");
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn names_are_decoded_once() {
    let house = house();
    let of = |name: &str| format!("/acme/fraud/resolve/main/{name}");
    for file in FILES {
        // Divided before or behind the percent signs, a name is the same name, and data.
        for (name, status) in [
            (file.to_owned(), 200),
            (encoded(file, true), 200),
            (encoded(&encoded(file, true), false), 404),
            (format!("{file}/"), 404),
            (format!("./{file}"), 404),
            (format!("x/../{file}"), 404),
            (format!("x%2F..%2F{file}"), 404),
            (format!("{file}%20"), 404),
            (file.to_ascii_uppercase(), 404),
        ] {
            let (told, _) = asked(&house, &of(&name)).unwrap();
            assert_eq!(told, status, "{name}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_none(path in "\\PC{0,60}", rest in "[/%.a-z0-9]{0,60}") {
        let _ = Hub::takes(&path);
        let _ = Hub::takes(&format!("/{rest}"));
    }
}

#[test]
fn any_name_is_looked_up_and_never_followed() {
    let house = house();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&("\\PC{1,40}", any::<bool>()), |(name, every)| {
            for place in 0..3 {
                let mut parts = ["acme", "fraud", "resolve", "main"].map(str::to_owned);
                let mut file = FILES[0].to_owned();
                match place {
                    0 => file = encoded(&name, every),
                    1 => parts[3] = encoded(&name, every),
                    _ => parts[1] = encoded(&name, every),
                }
                let path = format!("/{}/{file}", parts.join("/"));
                let (status, _) = asked(&house, &path).unwrap();
                prop_assert!(status < 500, "{path}: {status}");
                prop_assert_eq!(status == 200, is_a_file(&path), "{}", path);
            }
            Ok(())
        })
        .unwrap();
}
