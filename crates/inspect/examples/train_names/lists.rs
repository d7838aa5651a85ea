// SPDX-License-Identifier: Apache-2.0
//! Word lists, for the model and for what the generator writes.

use std::{collections::BTreeMap, path::Path};

use casemate_inspect::training::names::{LISTS, Lists, encode, words};

/// A word with the languages or countries it belongs to.
pub(crate) type Words = BTreeMap<String, Vec<String>>;

/// What the files of `training/names` hold.
pub(crate) struct Pools {
    pub(crate) given: Words,
    pub(crate) surname: Words,
    pub(crate) city: Words,
    pub(crate) street_before: Words,
    pub(crate) street_after: Words,
    pub(crate) unit: Words,
    pub(crate) title: Words,
    pub(crate) firm_after: Vec<String>,
    pub(crate) firm_word: Vec<String>,
    pub(crate) firm: Vec<String>,
    pub(crate) group: Vec<String>,
    pub(crate) region: Vec<String>,
    pub(crate) country: Vec<String>,
    /// Every word with its bits.
    bits: Vec<(String, u32)>,
}

impl Pools {
    pub(crate) fn read(folder: &Path) -> Self {
        let mut all = Self {
            given: lines(folder, "given.tsv", 1, |_| true),
            surname: lines(folder, "surname.tsv", 1, |_| true),
            city: lines(folder, "city.tsv", 1, |_| true),
            street_before: lines(folder, "street.tsv", 1, |c| c.get(2) == Some(&"prefix")),
            street_after: lines(folder, "street.tsv", 1, |c| c.get(2) == Some(&"suffix")),
            unit: lines(folder, "street.tsv", 1, |c| {
                matches!(c.get(2), Some(&("unit" | "pobox")))
            }),
            title: lines(folder, "title.txt", 2, |c| c.get(1) == Some(&"title")),
            firm_after: list(folder, "org.tsv", |c| c.get(1) == Some(&"suffix")),
            firm_word: list(folder, "org.tsv", |c| c.get(1) != Some(&"suffix")),
            firm: list(folder, "known-org.txt", |_| true),
            group: list(folder, "nrp.txt", |_| true),
            region: list(folder, "region.txt", |_| true),
            country: list(folder, "country.txt", |_| true),
            bits: Vec::new(),
        };
        let calls = list(folder, "title.txt", |c| c.get(1) == Some(&"before"));
        let acts = list(folder, "title.txt", |c| c.get(1) == Some(&"after"));
        let keys = |words: &Words| -> Vec<String> { words.values().flatten().cloned().collect() };
        let named = [
            ("acts", acts),
            ("age", list(folder, "age.txt", |_| true)),
            ("calls", calls),
            ("city", keys(&all.city)),
            ("country", all.country.clone()),
            ("firm", all.firm.clone()),
            ("firm_after", all.firm_after.clone()),
            ("firm_word", all.firm_word.clone()),
            ("given", keys(&all.given)),
            ("group", all.group.clone()),
            ("heading", list(folder, "common.txt", |_| true)),
            ("region", all.region.clone()),
            ("street_after", keys(&all.street_after)),
            ("street_before", keys(&all.street_before)),
            ("surname", keys(&all.surname)),
            ("title", keys(&all.title)),
            ("unit", keys(&all.unit)),
        ];
        for (name, words) in named {
            let bit = bit(name);
            all.bits.extend(words.into_iter().map(|word| (word, bit)));
        }
        all
    }

    /// The bytes of all lists, with the ordinary words of `texts` and words before numbers.
    pub(crate) fn encode<'a>(
        &self,
        texts: impl Iterator<Item = &'a str>,
        labels: &[String],
    ) -> Vec<u8> {
        let mut bits = self.bits.clone();
        bits.extend(
            ordinary(texts)
                .into_iter()
                .map(|word| (word, bit("common"))),
        );
        bits.extend(labels.iter().map(|label| (label.clone(), bit("heading"))));
        encode(&bits)
    }
}

fn bit(name: &str) -> u32 {
    LISTS.iter().find(|list| list.0 == name).unwrap().1
}

/// Words that stand in small letters, more often than not.
fn ordinary<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let none = Lists::new(&[0; 4]).unwrap();
    let mut counts = BTreeMap::<String, (usize, usize)>::new();
    for text in texts {
        for (word, large) in words(text, &none) {
            let count = counts.entry(word.to_lowercase()).or_default();
            count.0 += usize::from(!large);
            count.1 += 1;
        }
    }
    let often = |(small, all): (usize, usize)| small >= 3 && 2 * small >= all;
    counts
        .into_iter()
        .filter(|(_, count)| often(*count))
        .map(|(word, _)| word)
        .collect()
}

fn rows<'a>(
    text: &'a str,
    keep: impl Fn(&[&str]) -> bool + 'a,
) -> impl Iterator<Item = Vec<&'a str>> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(move |columns| keep(columns))
}

/// Words by what stands in a column, such as the language.
fn lines(folder: &Path, file: &str, by: usize, keep: impl Fn(&[&str]) -> bool) -> Words {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut all = Words::new();
    for columns in rows(&text, keep) {
        for key in columns.get(by).unwrap_or(&"").split(',') {
            all.entry(key.to_owned())
                .or_default()
                .push(columns[0].to_owned());
        }
    }
    all
}

fn list(folder: &Path, file: &str, keep: impl Fn(&[&str]) -> bool) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    rows(&text, keep)
        .map(|columns| columns[0].to_owned())
        .collect()
}
