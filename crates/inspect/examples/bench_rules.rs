// SPDX-License-Identifier: Apache-2.0
//! How fast a text is searched, and how many findings it has: `cargo xtask bench inspect`.
//!
//! All texts are made here: prose from a list of words, code and documents from this repository,
//! dense text from identifiers and keys with right check digits, one in about a hundred bytes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use casemate_inspect::{Inspector, Segment};
use casemate_types::{Channel, Role};

/// Bytes of a text.
const SIZE: usize = 1 << 20;
/// Bytes of a text that is scored as an attack, which takes longer.
const SCORED: usize = 1 << 16;
/// Runs of which the shortest counts.
const ROUNDS: usize = 7;

const WORDS: &str = "the of and to in is that for it as was with be by on not he his but at are this \
    have from or had an they which one you were her all she there would their we him been has when \
    who will more no if out so said what up its about into than them can only other new some could \
    time these two may then do first any my now such like our over man me even most made after also \
    did many before must through back years where much your way well down should because each just \
    those people how too little state good very make world still own see men work long get here \
    between both life being under never day same another know while last might us great old year \
    off come since against go came right used take three states himself few house use during \
    without again place around however home small found thought went say part once general high \
    upon school every report letter meeting customer project answer question system service";

fn main() {
    let inspector = Inspector::new(&[]).expect("the detectors that ship are whole");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut random = Random(0x5EED);
    let texts = [
        ("prose", prose(&mut random, SIZE)),
        ("code", sources(&root.join("crates"), "rs")),
        ("documents", sources(&root.join("docs"), "md")),
        ("dense: numbers", dense(&mut random, &[0, 1, 2, 3, 4, 5])),
        ("dense: secrets", dense(&mut random, &[6, 7, 8, 9])),
        (
            "dense: both",
            dense(&mut random, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ),
    ];
    println!("| text | findings per KB | personal data and secrets, MB/s | injection, µs/KB |");
    println!("|---|---:|---:|---:|");
    for (name, text) in &texts {
        let found = inspector.structured(text).len();
        let search = best_of(|| inspector.structured(text).len());
        let some = &text[..text.floor_char_boundary(SCORED)];
        let segment = Segment::new(some, Role::Tool, Channel::ToolResult);
        let score = best_of(|| usize::from(inspector.injection(segment).flag));
        println!(
            "| {name} | {:.2} | {:.0} | {:.1} |",
            found as f64 * 1024.0 / text.len() as f64,
            text.len() as f64 / 1e6 / search.as_secs_f64(),
            score.as_secs_f64() * 1e6 * 1024.0 / some.len() as f64,
        );
    }
}

/// The shortest of several runs: other programs only ever make one longer.
fn best_of(run: impl Fn() -> usize) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn of(&mut self, alphabet: &[u8], count: usize) -> String {
        let one = |_| char::from(alphabet[self.below(alphabet.len())]);
        (0..count).map(one).collect()
    }

    fn digits(&mut self, count: usize) -> String {
        self.of(b"0123456789", count)
    }
}

/// Sentences of at least that many bytes together, in paragraphs.
fn prose(random: &mut Random, size: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = String::with_capacity(size + 128);
    while text.len() < size {
        let first = random.pick(&words);
        text.push_str(&first[..1].to_ascii_uppercase());
        text.push_str(&first[1..]);
        for _ in 0..5 + random.below(15) {
            text.push_str(random.pick(&[" ", " ", " ", " ", " ", " ", " ", " ", ", "]));
            // Years and amounts stand in most texts.
            if random.below(40) == 0 {
                let _ = write!(text, "{}", random.below(2100));
            } else {
                text.push_str(random.pick(&words));
            }
        }
        text.push_str(random.pick(&[". ", ". ", ". ", ".\n\n"]));
    }
    text
}

/// What stands in the files of a folder, in the order of their names.
fn sources(folder: &Path, extension: &str) -> String {
    let mut files = Vec::new();
    collect(folder, extension, &mut files);
    files.sort();
    let texts = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    let mut text: String = texts.collect();
    while text.len() < SIZE && !text.is_empty() {
        text.extend_from_within(..);
    }
    text.truncate(text.floor_char_boundary(SIZE));
    text
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, extension, files);
        } else if path.extension().is_some_and(|known| known == extension) {
            files.push(path);
        }
    }
}

/// Prose with one finding of the given sorts in about a hundred bytes.
fn dense(random: &mut Random, sorts: &[usize]) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = String::with_capacity(SIZE + 256);
    while text.len() < SIZE {
        let from = text.len();
        let sort = sorts[random.below(sorts.len())];
        identifier(random, sort, &mut text);
        while text.len() < from + 100 {
            text.push(' ');
            text.push_str(random.pick(&words));
        }
        text.push('\n');
    }
    text
}

/// One identifier or key, with the word that explains it where it needs one.
fn identifier(random: &mut Random, sort: usize, text: &mut String) {
    const ALNUM: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let written = match sort {
        0 => format!("card {}", card(random)),
        1 => format!("IBAN {}", iban(random)),
        2 => format!(
            "{}.{}@{}.example.org",
            random.pick(&words),
            random.pick(&words),
            random.pick(&words)
        ),
        3 => format!(
            "SSN {}-{}-{}",
            100 + random.below(500),
            10 + random.below(89),
            1000 + random.below(8999)
        ),
        4 => format!(
            "host 10.{}.{}.{}",
            random.below(255),
            random.below(255),
            1 + random.below(250)
        ),
        5 => format!("call +49 {} {}", 170 + random.below(9), random.digits(7)),
        6 => format!("aws_key = AKIA{}", random.of(UPPER, 16)),
        7 => format!("token ghp_{}", random.of(ALNUM, 36)),
        8 => format!("password: \"{}$9x\"", random.of(ALNUM, 14)),
        _ => format!("mistral_key=\"{}7\"", random.of(ALNUM, 31)),
    };
    let _ = write!(text, "{written}");
}

/// Sixteen digits of a payment card.
fn card(random: &mut Random) -> String {
    let body = format!("4{}", random.digits(14));
    let sum: u32 = body
        .bytes()
        .enumerate()
        .map(|(at, byte)| u32::from(byte - b'0') << ((at + 1) % 2))
        .map(|value| if value > 9 { value - 9 } else { value })
        .sum();
    let digits = format!("{body}{}", (10 - sum % 10) % 10);
    format!(
        "{} {} {} {}",
        &digits[..4],
        &digits[4..8],
        &digits[8..12],
        &digits[12..]
    )
}

/// A German account number.
fn iban(random: &mut Random) -> String {
    let account = random.digits(18);
    // Behind the account stand the country as digits and two zeros (ISO 13616).
    let rest = format!("{account}131400")
        .bytes()
        .fold(0_u32, |rest, byte| {
            (rest * 10 + u32::from(byte - b'0')) % 97
        });
    format!("DE{:02}{account}", 98 - rest)
}
