// SPDX-License-Identifier: Apache-2.0
//! Texts in metadata, where nobody expects anything that runs.

use super::{config, jinja};
use crate::{
    pickle,
    place::Place,
    rule,
    scan::{Expect, Scan},
};

/// What no description of a model says, and programs that were hidden in one do.
const CALLS: &[&str] = &[
    "__import__(",
    "os.system(",
    "os.popen(",
    "subprocess.",
    "eval(",
    "exec(",
    "pickle.loads(",
    "<script",
    "powershell ",
];

/// Looks at a text of the metadata of a model.
pub(super) fn text(scan: &mut Scan<'_>, text: &str, place: &Place) {
    if let Some(call) = CALLS.iter().find(|call| is_call(text, call)) {
        let why = format!("`{call}` in metadata: `{}`", config::short(text));
        scan.found(&rule::CODE_SOURCE, place.whole(), why);
    }
    if jinja::may_be_template(text) {
        jinja::scan_unsure(scan, text, place);
    }
    pickle::scan(scan, text.as_bytes(), place, Expect::Opaque);
}

/// Whether a call stands in a text and does not only end another word.
fn is_call(text: &str, call: &str) -> bool {
    text.match_indices(call).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "_.`".contains(c))
    })
}
