// SPDX-License-Identifier: Apache-2.0
//! Rules about the text of single files.

use super::Breach;

pub(super) fn check(path: &str, content: &[u8]) -> Vec<Breach> {
    let breach = |line: usize, what: String, hint| Breach {
        place: format!("{path}:{line}"),
        what,
        hint,
    };
    let mut breaches = Vec::new();
    if needs_header(path) && !content.starts_with(HEADER.as_bytes()) {
        let what = "no licence header".to_owned();
        breaches.push(breach(
            1,
            what,
            "the first line is `// SPDX-License-Identifier: Apache-2.0`",
        ));
    }
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if let Some(path) = MACHINE_PATHS
            .into_iter()
            .find(|path| names_path(line, path))
        {
            let what = format!("names `{path}`, a path of one machine");
            breaches.push(breach(
                index + 1,
                what,
                "write it relative, or with a variable",
            ));
        }
    }
    breaches
}

/// The number of lines of a source file of the product that has become too long.
pub(super) fn overlong(path: &str, content: &[u8]) -> Option<usize> {
    let mut parts = path.split('/');
    let ours = parts.next() == Some("crates") && parts.nth(1) == Some("src");
    let lines = memchr::memchr_iter(b'\n', content).count();
    (ours && path.ends_with(".rs") && lines > 1_000).then_some(lines)
}

fn needs_header(path: &str) -> bool {
    path.ends_with(".rs")
        && ["crates/", "fuzz/", "xtask/"]
            .iter()
            .any(|dir| path.starts_with(dir))
}

/// Whether `line` names the absolute `path`, rather than some other one that ends like it.
fn names_path(line: &[u8], path: &str) -> bool {
    memchr::memmem::find_iter(line, path).any(|at| {
        let before = at.checked_sub(1).and_then(|at| line.get(at));
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.}*".contains(byte))
    })
}

const HEADER: &str = "// SPDX-License-Identifier: Apache-2.0\n";

/// Put together here so that this file does not break its own rule.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
