// SPDX-License-Identifier: Apache-2.0
//! Source of programs: Python beside a model, TorchScript inside of one.

use crate::{place::Place, rule, scan::Scan};

/// Lines that are looked at to tell a language.
const LINES: usize = 400;

/// Whether a text is a program in Python, and no text about one.
pub(super) fn is_python(text: &str) -> bool {
    let is_name = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || "_.".contains(c))
    };
    let says = |line: &str| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("import"), Some(name), next) => {
                is_name(name.trim_end_matches([',', ';']))
                    && matches!(next, None | Some("as" | "#"))
                    || name.ends_with([',', ';'])
            }
            (Some("from"), Some(name), Some("import")) => {
                is_name(name)
                    && line
                        .split_once(" import ")
                        .is_none_or(|(_, rest)| are_names(rest))
            }
            (Some("def" | "class"), Some(name), _) => {
                line.trim_end().ends_with(':') && name.contains(['(', ':']) || line.contains("):")
            }
            _ => {
                let begins = ["exec(", "eval(", "os.system("];
                begins.iter().any(|call| line.starts_with(call))
                    || line.starts_with("print(open(") && line.trim_end().ends_with(')')
                    || line.contains("__import__(")
                        && !line.contains('`')
                        && !line.starts_with(['{', '[', '"'])
            }
        }
    };
    let says_so = unfenced(text).any(says);
    // A program can be written in another encoding, which only its first two lines tell.
    let mut heads = text.lines().take(2).filter(|line| line.starts_with('#'));
    says_so || heads.any(|line| line.contains("coding:") || line.contains("coding="))
}

/// Whether what stands behind `import` is a list of names, and no sentence.
fn are_names(rest: &str) -> bool {
    let rest = rest.split('#').next().unwrap_or_default().trim();
    let rest = rest
        .trim_start_matches('(')
        .trim_end_matches([')', ';', '\\', ',']);
    rest.split(',').map(str::trim).all(|part| {
        let words: Vec<_> = part.split_whitespace().collect();
        matches!(words[..], [] | [_] | [_, "as", _])
    })
}

/// Lines of a text that are no part of a program that it quotes.
fn unfenced(text: &str) -> impl Iterator<Item = &str> {
    let is_fence = |line: &str| line.trim_start().starts_with("```");
    let has_pairs = text
        .lines()
        .filter(|line| is_fence(line))
        .count()
        .is_multiple_of(2);
    let mut fenced = false;
    text.lines().take(LINES).filter(move |line| {
        fenced ^= has_pairs && is_fence(line);
        !fenced
    })
}

/// Says that a text is a program of another kind, or fetches one.
pub(super) fn script(scan: &mut Scan<'_>, text: &str, place: &Place) {
    if let Some(line) = unfenced(text).find(|line| is_command(line)) {
        let why = format!("`{}`", super::config::short(line.trim()));
        scan.found(&rule::CODE_SOURCE, place.whole(), why);
    }
}

/// Whether a line is a command of a shell or a requirement from an address, as they stand at the
/// beginning of a line and not within a text about them.
fn is_command(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let lower = lower.trim_end();
    let begins = |starts: &[&str]| starts.iter().any(|start| lower.starts_with(start));
    let holds = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let is_piped =
        begins(&["curl ", "wget "]) && holds(&["| sh", "| bash", "|sh", "|bash", "| sudo"]);
    let is_windows = begins(&["@echo off", "powershell ", "cmd /c", "cmd.exe"])
        || begins(&["invoke-webrequest ", "iwr "]) && holds(&["iex", "invoke-expression"])
        || begins(&["createobject(\"wscript", "set "]) && holds(&["wscript.shell"]);
    let is_node = begins(&["require(\"child_process", "require('child_process"])
        || begins(&["const ", "var "])
            && holds(&["require(\"child_process", "require('child_process"]);
    let is_desktop = begins(&["[desktop entry]"]);
    let requirement = lower.trim_start_matches(['-', ' ']);
    let is_requirement = ["git+http", "git+ssh", "git+git"]
        .iter()
        .any(|start| requirement.starts_with(start))
        || begins(&[
            "--index-url http",
            "-i http",
            "--extra-index-url http",
            "--trusted-host ",
        ]) && !holds(&[
            "//pypi.org/",
            "//download.pytorch.org/",
            "//pypi.nvidia.com",
        ])
        || requirement
            .split_once(" @ ")
            .is_some_and(|(name, address)| {
                let is_name = |c: char| c.is_ascii_alphanumeric() || "._-[]".contains(c);
                name.chars().all(is_name)
                    && (address.starts_with("git+") || address.starts_with("http"))
            });
    let is_document = lower.starts_with("%pdf-");
    is_piped || is_windows || is_node || is_desktop || is_requirement || is_document
}

/// Says that there is a program.
pub(super) fn python(scan: &mut Scan<'_>, text: &str, place: &Place) {
    scan.format("python");
    let lines = text.lines().count();
    let s = if lines == 1 { "" } else { "s" };
    let why = format!("{lines} line{s} of Python");
    scan.found(&rule::CODE_SOURCE, place.whole(), why);
}

/// Reads the code of a TorchScript archive: a language without imports, whose operations are known.
pub(crate) fn torchscript(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let why = "code that is no text".to_owned();
        scan.found(&rule::CODE_SOURCE, place.whole(), why);
        return;
    };
    let text = &squeezed(text);
    for line in text.lines() {
        let line = line.trim_start();
        // `import __torch__.…` names other parts of the same archive.
        if let Some(name) = line.strip_prefix("import ")
            && !name.starts_with("__torch__")
        {
            let why = format!("imports `{}`", super::config::short(name));
            scan.found(&rule::CODE_OPERATOR, place.whole(), why);
        }
        for call in HOSTILE {
            let mut places = line.match_indices(call).map(|(at, _)| at);
            if places.any(|at| is_whole(line, at, call)) {
                let why = format!("calls `{}`", call.trim_end_matches('('));
                scan.found(&rule::CODE_OPERATOR, place.whole(), why);
            }
        }
    }
    for namespace in namespaces(text) {
        if !NAMESPACES.contains(&namespace) {
            let why = format!("operations `ops.{namespace}` of a library of the author");
            scan.found(&rule::CODE_SOURCE, place.whole(), why);
        }
    }
}

/// Code without the blanks that may stand around a dot and in front of a bracket.
fn squeezed(text: &str) -> String {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(char::is_whitespace) {
        let (before, blanks) = rest.split_at(at);
        out.push_str(before);
        rest = blanks.trim_start();
        let joined = out.ends_with('.') || rest.starts_with(['.', '(']);
        if !joined {
            out.push_str(blanks.get(..blanks.len() - rest.len()).unwrap_or_default());
        }
    }
    out.push_str(rest);
    out
}

/// Whether a call does not only end another name.
fn is_whole(line: &str, at: usize, call: &str) -> bool {
    let before = line.get(..at).and_then(|before| before.chars().last());
    call.contains('.') || !before.is_some_and(|c| c.is_alphanumeric() || "_.".contains(c))
}

/// Names behind `ops.`.
fn namespaces(text: &str) -> impl Iterator<Item = &str> {
    text.split("ops.").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        (rest.get(end..)?.starts_with('.')).then(|| rest.get(..end))?
    })
}

/// Operations that read or write files.
const HOSTILE: &[&str] = &[
    "aten.save(",
    "torch.save(",
    "torch.from_file(",
    "aten.from_file(",
    "ops.aten.from_file(",
    "ops.aten.save(",
    "prim.PythonOp",
    "ops.prim.PythonOp",
    "torch.load(",
    "ops.prim.rpc",
    "open(",
    "exec(",
    "eval(",
    "__import__(",
];
const NAMESPACES: &[&str] = &[
    "aten",
    "prim",
    "quantized",
    "torchvision",
    "torchaudio",
    "_quantized",
    "quantized_decomposed",
    "inductor",
    "prims",
    "sparse",
    "mkldnn",
    "mkldnn_prepacked",
    "prepacked",
    "metal_prepack",
    "c10d",
    "_caffe2",
    "xnnpack",
    "profiler",
];
