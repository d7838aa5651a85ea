// SPDX-License-Identifier: Apache-2.0
//! Names of people and places, addresses: word lists and a small tagger, trained by
//! `cargo xtask train names` on what `crates/inspect/model/README-names.md` says.
//!
//! A text is cut into tokens. Only around those that may be names (written large and no ordinary
//! word, or in a list) the tagger looks at all: most of a text costs a table lookup a word.

mod features;
mod site;
mod table;
mod tagger;
mod token;

use casemate_types::{Finding, FindingKind};

use features::Page;
use table::{Known, Table};
use tagger::{Entity, Tagger};

const MAGIC: &[u8; 5] = b"CMNM\x01";

/// Lists and weights.
#[derive(Debug)]
pub(crate) struct Names {
    table: Table,
    tagger: Tagger,
}

impl Names {
    /// Reads the model.
    pub(crate) fn new(bytes: &'static [u8]) -> Result<Self, String> {
        let read = || {
            let (table, rest) = Table::read(bytes.strip_prefix(MAGIC)?)?;
            let tagger = Tagger::read(rest)?;
            Some(Self { table, tagger })
        };
        read().ok_or_else(|| "the model of names is not one of this version".into())
    }

    /// What is named in a text, in its order and without overlaps.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut found: Vec<Finding> = site::sites(text)
            .map(|span| Finding {
                kind: FindingKind::Entity,
                span,
                rule: "DOMAIN_NAME",
                score: 0.9,
            })
            .collect();
        let sites = found.len();
        for name in self.tagged(text) {
            let next = found[..sites].partition_point(|site| site.span.end <= name.span.start);
            let free = found[..sites]
                .get(next)
                .is_none_or(|site| site.span.start >= name.span.end);
            if free {
                found.push(name);
            }
        }
        if sites > 0 {
            found.sort_by_key(|finding| finding.span.start);
        }
        found
    }

    /// What the tagger finds.
    fn tagged(&self, text: &str) -> Vec<Finding> {
        let page = Page::new(text, token::tokens(text, &self.table));
        let mut found = Vec::new();
        for island in page.islands() {
            for tagged in self.tagger.tag(&page, island) {
                let (first, last) = (tagged.tokens.start, tagged.tokens.end - 1);
                let (kind, rule) = kind(tagged.entity);
                found.push(Finding {
                    kind,
                    span: page.tokens[first].span().start..page.tokens[last].span().end,
                    rule,
                    score: 1.0 / (1.0 + (-tagged.margin).exp()),
                });
            }
        }
        found
    }
}

impl Names {
    /// The lists that words of a name stand in, in the order of the lists.
    pub(crate) fn lists_of(&self, name: &str) -> Vec<&'static str> {
        let tokens = token::tokens(name, &self.table);
        let known = tokens
            .iter()
            .fold(Known::default(), |all, token| all.and(token.known));
        let named = LIST_WORDS.iter().filter(|(list, _)| known.has(*list));
        named.map(|(_, words)| *words).collect()
    }
}

/// Lists whose words speak for a name or address, in words.
const LIST_WORDS: &[(Known, &str)] = &[
    (Known::GIVEN, "given names"),
    (Known::SURNAME, "surnames"),
    (Known::TITLE, "titles"),
    (Known::CITY, "towns"),
    (Known::REGION, "regions"),
    (Known::COUNTRY, "countries"),
    (Known::STREET_BEFORE, "words for streets"),
    (Known::STREET_AFTER, "words for streets"),
    (Known::STREET_END, "words that end as streets do"),
    (Known::UNIT, "parts of addresses"),
];

/// The words for an entity.
const fn kind(entity: Entity) -> (FindingKind, &'static str) {
    match entity {
        Entity::Person => (FindingKind::Person, "PERSON"),
        Entity::Address => (FindingKind::Address, "STREET_ADDRESS"),
        Entity::Zip => (FindingKind::Address, "ZIP_CODE"),
        Entity::Place => (FindingKind::Entity, "GPE"),
        Entity::Organisation => (FindingKind::Entity, "ORGANIZATION"),
        Entity::Group => (FindingKind::Entity, "NRP"),
        Entity::Title => (FindingKind::Entity, "TITLE"),
        Entity::Age => (FindingKind::Entity, "AGE"),
        Entity::Date => (FindingKind::Entity, "DATE_TIME"),
    }
}

/// The same for the program that trains the model.
pub(crate) mod training {
    use std::ops::Range;

    use super::{
        MAGIC,
        features::{self, Page},
        table::{self, Known},
        tagger,
        token::{self, Kind},
    };

    /// Whether a label may follow another.
    #[must_use]
    pub fn may_follow(label: usize, before: usize) -> bool {
        tagger::may_follow(label, before)
    }

    /// Rows of weights.
    pub const BUCKETS: usize = features::BUCKETS;
    /// Labels: none, then for each entity its first token and its others.
    pub const LABELS: usize = tagger::LABELS;
    /// Weights of a row.
    pub const WIDTH: usize = tagger::WIDTH;
    /// What a model begins with.
    pub const HEAD: &[u8] = MAGIC;

    /// The names of lists, as bits.
    pub const LISTS: &[(&str, u32)] = &[
        ("age", Known::AGE.0),
        ("calls", Known::CALLS.0),
        ("acts", Known::ACTS.0),
        ("city", Known::CITY.0),
        ("common", Known::COMMON.0),
        ("country", Known::COUNTRY.0),
        ("firm", Known::FIRM.0),
        ("firm_after", Known::FIRM_AFTER.0),
        ("firm_word", Known::FIRM_WORD.0),
        ("given", Known::GIVEN.0),
        ("group", Known::GROUP.0),
        ("heading", Known::HEADING.0),
        ("region", Known::REGION.0),
        ("street_after", Known::STREET_AFTER.0),
        ("street_before", Known::STREET_BEFORE.0),
        ("surname", Known::SURNAME.0),
        ("title", Known::TITLE.0),
        ("unit", Known::UNIT.0),
    ];

    /// Word lists.
    #[derive(Debug)]
    pub struct Lists(table::Table);

    impl Lists {
        /// Word lists from bytes that [`encode`] made.
        #[must_use]
        pub fn new(bytes: &'static [u8]) -> Option<Self> {
            Some(Self(table::Table::read(bytes)?.0))
        }
    }

    /// Bytes of word lists: pairs of words and bits.
    #[must_use]
    pub fn encode(words: &[(String, u32)]) -> Vec<u8> {
        let empty = table::Table::read(&[0; 4]).map(|(table, _)| table);
        let mut all = std::collections::BTreeMap::<u32, u32>::new();
        for (word, bits) in words {
            let tokens = empty
                .as_ref()
                .map(|table| token::tokens(word, table))
                .unwrap_or_default();
            let Some(first) = tokens.first() else {
                continue;
            };
            let mut hash = first.hash;
            for next in &tokens[1..] {
                hash = token::phrase(hash, next.hash);
            }
            *all.entry(hash).or_default() |= bits;
            if tokens.len() > 1 {
                *all.entry(first.hash).or_default() |= Known::BEGINS.0;
            }
        }
        let mut bytes = (all.len() as u32).to_le_bytes().to_vec();
        for (hash, bits) in all {
            bytes.extend_from_slice(&hash.to_le_bytes());
            bytes.extend_from_slice(&bits.to_le_bytes());
        }
        bytes
    }

    /// Words of a text as they stand in it, for counting; with whether each begins large.
    #[must_use]
    pub fn words<'a>(text: &'a str, lists: &Lists) -> Vec<(&'a str, bool)> {
        let tokens = token::tokens(text, &lists.0);
        let words = tokens.into_iter().filter(|token| token.kind == Kind::Word);
        words
            .map(|token| (&text[token.span()], token.is_large()))
            .collect()
    }

    /// Tokens that are looked at together.
    #[derive(Debug)]
    pub struct Island {
        /// Bytes of each token.
        pub spans: Vec<Range<usize>>,
        /// Rows of weights of each token.
        pub features: Vec<Vec<u32>>,
    }

    /// The islands of a text. `forget` says of which words lists and letters are left out.
    #[must_use]
    pub fn islands(text: &str, lists: &Lists, forget: impl Fn(u32) -> bool) -> Vec<Island> {
        let page = Page::new(text, token::tokens(text, &lists.0));
        let island = |range: Range<usize>| {
            let features = range.clone().map(|at| {
                let mut all = Vec::new();
                page.features(at, &forget, |bucket| all.push(bucket));
                all
            });
            Island {
                features: features.collect(),
                spans: range.map(|at| page.tokens[at].span()).collect(),
            }
        };
        page.islands().into_iter().map(island).collect()
    }

    /// The likeliest labels of a row of tokens.
    #[must_use]
    pub fn best(scores: &[[f32; WIDTH]], transitions: &[[f32; WIDTH]; LABELS]) -> Vec<usize> {
        let mut transitions = *transitions;
        tagger::forbid(&mut transitions);
        tagger::best(scores, &transitions)
    }
}
