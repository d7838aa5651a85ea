// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask generate injection`: training rows for the injection model, written by grammars.
//!
//! The same seed gives the same rows. Carriers come in pairs: once with a foreign request and once
//! with an ordinary sentence in its place, so that what surrounds it says nothing.

mod code;
mod grammar;
mod random;

use std::{
    collections::{BTreeMap, HashSet},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::tool;
use code::CODES;
use grammar::Grammar;
use random::Random;

/// Where the grammars stand.
const GRAMMARS: &str = "crates/inspect/training/injection/grammar";

/// Documents and sources of this project, as they stood when the model was trained.
const OWN: &str = "crates/inspect/training/injection/own";

/// The seed of the rows that the model in the repository was trained on.
const SEED: u64 = 20_261_122;

/// How many in a hundred rows of users are also written in a code, and how long they are at most.
const CODED: usize = 4;
const LONGEST_CODED: usize = 1000;

/// What can be generated.
#[derive(Debug, Subcommand)]
pub(crate) enum Generate {
    /// Rows for the injection model: `{"id", "text", "label", "role", "kind", "class", "family"}`
    Injection(Injection),
}

#[derive(Args, Debug)]
pub(crate) struct Injection {
    /// Where to write them [default: .xtask/injection.jsonl]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seed of all choices
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// How many rows, in percent of the usual number
    #[arg(long, default_value_t = 100)]
    percent: usize,
}

impl Injection {
    /// The rows that the model in the repository was trained on.
    pub(crate) const fn usual() -> Self {
        Self {
            out: None,
            seed: SEED,
            percent: 100,
        }
    }
}

pub(crate) fn run(generate: &Generate) -> Result<()> {
    let Generate::Injection(injection) = generate;
    let root = tool::root();
    let out = match &injection.out {
        Some(out) => out.clone(),
        None => root.join(".xtask/injection.jsonl"),
    };
    if let Some(directory) = out.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut writer = Writer::new(&out, injection)?;
    let grammars = read(&root.join(GRAMMARS))?;
    let payloads = payloads(&grammars);
    let calm = calm(&grammars);
    let around = Around {
        payloads: &payloads,
        calm: &calm,
        wrapper: grammars.get("wrapper"),
    };
    for (name, grammar) in &grammars {
        for (root, section) in grammar.sections("out.") {
            let attribute = |key: &str| section.attributes.get(key).map(String::as_str);
            let family = attribute("family").unwrap_or(root.trim_start_matches("out."));
            let carrier = ["out.tool.", "out.document.", "out.technical."]
                .iter()
                .any(|head| root.starts_with(head));
            if carrier {
                writer.carrier(name, grammar, root, family, attribute("role"), &around)?;
            } else {
                writer.plain(name, grammar, root, family, &section.attributes)?;
            }
        }
    }
    writer.own(&root.join(OWN), &payloads)?;
    writer.finish()
}

fn read(directory: &Path) -> Result<BTreeMap<String, Grammar>> {
    let shared = Grammar::read(&directory.join("common.grammar"), None)?;
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.extension().is_some_and(|end| end == "grammar") && name != "common" {
            all.insert(name.to_owned(), Grammar::read(&path, Some(&shared))?);
        }
    }
    Ok(all)
}

/// Sections of ordinary sentences in languages other than English.
fn calm(grammars: &BTreeMap<String, Grammar>) -> Vec<(&Grammar, &str)> {
    let mut all = Vec::new();
    for (name, grammar) in grammars {
        all.extend(
            grammar
                .sections("calm.")
                .map(|(section, _)| (grammar, section)),
        );
        if name.starts_with("lang-") {
            let parts = ["da1", "da2", "db1", "db2", "dc2", "dc3", "dd1"];
            let parts = parts.into_iter().filter(|part| grammar.has(part));
            all.extend(parts.map(|part| (grammar, part)));
        }
    }
    all
}

/// A section of foreign requests, with its grammar and language.
struct Payload<'a> {
    grammar: &'a Grammar,
    section: String,
    class: &'static str,
    language: String,
}

fn payloads(grammars: &BTreeMap<String, Grammar>) -> Vec<Payload<'_>> {
    let mut all = Vec::new();
    for (name, grammar) in grammars {
        let language = name.strip_prefix("lang-").unwrap_or("en");
        for (section, what) in grammar.sections("payload.") {
            // A section that stands for much is drawn more often.
            let weight = what.attributes.get("weight");
            let weight = weight.and_then(|weight| weight.parse().ok()).unwrap_or(1);
            let payload = || Payload {
                grammar,
                section: section.to_owned(),
                class: if section.starts_with("payload.exfil") {
                    "exfiltration"
                } else {
                    "override"
                },
                language: what
                    .attributes
                    .get("lang")
                    .map_or(language, String::as_str)
                    .to_owned(),
            };
            all.extend(std::iter::repeat_with(payload).take(weight));
        }
    }
    all
}

/// What is put into carriers and around them.
struct Around<'a> {
    payloads: &'a [Payload<'a>],
    calm: &'a [(&'a Grammar, &'a str)],
    wrapper: Option<&'a Grammar>,
}

struct Writer {
    out: std::io::BufWriter<std::fs::File>,
    path: PathBuf,
    random: Random,
    percent: usize,
    seen: HashSet<String>,
    counts: BTreeMap<String, usize>,
    number: usize,
}

impl Writer {
    fn new(path: &Path, injection: &Injection) -> Result<Self> {
        let file = std::fs::File::create(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            out: std::io::BufWriter::new(file),
            path: path.to_owned(),
            random: Random::new(injection.seed),
            percent: injection.percent,
            seen: HashSet::new(),
            counts: BTreeMap::new(),
            number: 0,
        })
    }

    /// Pieces of our own documents and sources: ordinary texts full of code and imperatives, and the
    /// same with a request in the middle.
    fn own(&mut self, directory: &Path, payloads: &[Payload<'_>]) -> Result<()> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let lines: Vec<&str> = text.lines().collect();
            let mut from = 0;
            while from < lines.len() {
                let length = 8 + self.random.below(60);
                let piece = &lines[from..(from + length).min(lines.len())];
                from += length;
                let role = ["document", "document", "tool", "user"][self.random.below(4)];
                let family = "own-sources";
                self.row(&piece.join("\n"), "0", role, "own", "", family)?;
                if role == "user" || !self.random.percent(50) {
                    continue;
                }
                if let Some(payload) = self.payload(payloads, "en") {
                    let request = payload
                        .grammar
                        .expand(&payload.section, &mut self.random, "");
                    let at = self.random.below(piece.len() + 1);
                    let planted = [&piece[..at], &[request.trim()], &piece[at..]].concat();
                    let class = payload.class;
                    self.row(&planted.join("\n"), "1", role, "own-planted", class, family)?;
                }
            }
        }
        Ok(())
    }

    /// Texts that stand for themselves.
    fn plain(
        &mut self,
        file: &str,
        grammar: &Grammar,
        root: &str,
        family: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<()> {
        let attribute = |key: &str, other: &'static str| {
            attributes
                .get(key)
                .cloned()
                .unwrap_or_else(|| other.to_owned())
        };
        let label = attribute(
            "label",
            if root.starts_with("out.benign") {
                "0"
            } else {
                "1"
            },
        );
        let role = attribute("role", "user");
        let class = attribute("class", "");
        let wanted = attributes.get("count").and_then(|count| count.parse().ok());
        let count = self.share(match (file, root) {
            _ if wanted.is_some() => wanted.unwrap_or_default(),
            (file, _) if file.starts_with("lang-") => 45,
            ("lookalike-user", _) => 70,
            ("task-multilingual", root) if root.ends_with("-en") => 600,
            ("task-multilingual", _) => 130,
            ("payload-languages", _) => 20,
            (_, "out.benign.chat") => 3000,
            (_, "out.benign.trigger" | "out.benign.roleplay") => 2200,
            (_, "out.benign.tasks-role") => 2500,
            (_, "out.benign.tasks-plain") => 1500,
            (_, "out.override.roleplay" | "out.persuasion.direct") => 2000,
            (_, "out.persuasion.plain") => 500,
            (_, root) if root.starts_with("out.suffix") => 200,
            (_, root) if root.starts_with("out.benign") => 400,
            (_, root) if root.starts_with("out.extraction") => 220,
            _ => 280,
        });
        for _ in 0..count {
            let text = grammar.expand(root, &mut self.random, "");
            self.row(&text, &label, &role, root, &class, family)?;
            if role == "user" && text.len() <= LONGEST_CODED && self.random.percent(CODED) {
                let (code, encode) = CODES[self.random.below(CODES.len())];
                let family = format!("coded-{code}");
                self.row(
                    &encode(&tidied(&text)),
                    &label,
                    &role,
                    root,
                    &class,
                    &family,
                )?;
            }
        }
        Ok(())
    }

    /// Carriers with a foreign request, and the same without.
    fn carrier(
        &mut self,
        file: &str,
        grammar: &Grammar,
        root: &str,
        family: &str,
        role: Option<&str>,
        around: &Around<'_>,
    ) -> Result<()> {
        let role = role.unwrap_or(if root.starts_with("out.tool") {
            "tool"
        } else {
            "document"
        });
        let language = file.strip_prefix("lang-").unwrap_or("en");
        let count = self.share(match (file, root) {
            (file, _) if file.starts_with("lang-") => 40,
            (_, root) if root.starts_with("out.technical.md-long") => 250,
            (_, root) if root.starts_with("out.technical.md-") => 200,
            (_, root) if root.starts_with("out.technical") => 110,
            (_, root) if root.starts_with("out.tool") => 110,
            (_, root) if root.starts_with("out.document.prose") => 300,
            _ => 110,
        });
        let twin = format!("twin.{family}");
        for _ in 0..count {
            let payload = self.payload(around.payloads, language);
            let Some(payload) = payload else { continue };
            let request = payload
                .grammar
                .expand(&payload.section, &mut self.random, "");
            let mut other = String::new();
            let foreign = payload.language != language;
            if foreign && self.random.percent(50) {
                // A foreign language alone must say nothing either.
                other = self.calm(around.calm);
            } else if grammar.has(&twin) && self.random.percent(85) {
                other = grammar.expand(&twin, &mut self.random, "");
            }
            let mut carrier = grammar.expand(root, &mut self.random, MARK);
            if role == "document" && self.random.percent(15) {
                carrier = self.wrapped(&carrier, around.wrapper, language);
            }
            let attack = planted(&carrier, request.trim());
            self.row(&attack, "1", role, root, payload.class, family)?;
            self.row(
                &planted(&carrier, other.trim()),
                "0",
                role,
                root,
                "",
                family,
            )?;
        }
        Ok(())
    }

    /// A carrier behind what somebody asks of it, as it stands where an application pastes both into
    /// one text.
    fn wrapped(&mut self, carrier: &str, wrapper: Option<&Grammar>, language: &str) -> String {
        let section = format!("wrap.{language}");
        let Some(wrapper) = wrapper.filter(|wrapper| wrapper.has(&section)) else {
            return carrier.to_owned();
        };
        let asked = wrapper.expand(&section, &mut self.random, "");
        let (open, close) = [
            (" '", "'"),
            ("\n", ""),
            ("\n\n", ""),
            (" \"", "\""),
            ("\n```\n", "\n```"),
        ][self.random.below(5)];
        format!("{asked}{open}{carrier}{close}")
    }

    /// One or two ordinary sentences in another language.
    fn calm(&mut self, calm: &[(&Grammar, &str)]) -> String {
        let Some((grammar, section)) = self.random.pick(calm).copied() else {
            return String::new();
        };
        let text = grammar.expand(section, &mut self.random, "");
        let end = text
            .match_indices(['.', '。', '।'])
            .nth(self.random.below(2));
        end.and_then(|(at, stop)| text.get(..at + stop.len()))
            .unwrap_or(&text)
            .to_owned()
    }

    /// A request in the carrier's language, or in English, or in any.
    fn payload<'a, 'p>(
        &mut self,
        payloads: &'p [Payload<'a>],
        language: &str,
    ) -> Option<&'p Payload<'a>> {
        let wanted = match self.random.below(100) {
            0..18 => None,
            18..30 => Some("en"),
            _ => Some(language),
        };
        let fits: Vec<_> = payloads
            .iter()
            .filter(|payload| wanted.is_none_or(|wanted| payload.language == wanted))
            .collect();
        self.random.pick(&fits).copied()
    }

    const fn share(&self, count: usize) -> usize {
        count * self.percent / 100
    }

    fn row(
        &mut self,
        text: &str,
        label: &str,
        role: &str,
        kind: &str,
        class: &str,
        family: &str,
    ) -> Result<()> {
        // In a code every blank counts.
        let text = match family.starts_with("coded-") {
            true => text.to_owned(),
            false => tidied(text),
        };
        if text.chars().count() < 3 || !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.number += 1;
        *self.counts.entry(format!("{role} {label}")).or_default() += 1;
        let row = json!({
            "id": format!("gen{:06}", self.number), "text": text,
            "label": u8::from(label == "1"), "role": role,
            "kind": kind.trim_start_matches("out."), "class": class, "family": family,
            "source": "generated",
        });
        writeln!(self.out, "{row}")?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        println!("{} rows in {}", self.number, self.path.display());
        for (what, count) in self.counts {
            println!("  {what}: {count}");
        }
        Ok(())
    }
}

/// Stands for the payload while a carrier is expanded.
const MARK: &str = "\u{1}";

/// Puts a text where the mark stands, escaped where that is inside a JSON string.
fn planted(carrier: &str, text: &str) -> String {
    let Some(at) = carrier.find(MARK) else {
        return carrier.to_owned();
    };
    let line = carrier[..at].rsplit('\n').next().unwrap_or_default();
    let json = line.contains("\": \"") || line.contains("\":\"") || line.contains("\", \"");
    let text = if json {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    } else {
        text.to_owned()
    };
    carrier.replace(MARK, &text)
}

/// What an empty payload leaves behind says nothing: no double blanks, no empty lines in a row.
fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    for line in text.lines() {
        let line = line.trim_end();
        breaks = if line.trim().is_empty() {
            breaks + 1
        } else {
            0
        };
        if breaks > 1 || matches!(line.trim(), "-" | "*") {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        out.push_str(&line[..indent]);
        let mut blank = false;
        for c in line[indent..].chars() {
            if c == ' ' && blank {
                continue;
            }
            blank = c == ' ';
            out.push(c);
        }
        out.push('\n');
    }
    out.trim().to_owned()
}
