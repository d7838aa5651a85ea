// SPDX-License-Identifier: Apache-2.0
//! Rows with names and addresses, written from templates and word lists.

use crate::lists::{Pools, Words};

/// A text with what it names: bytes, and the place of the entity in `ENTITIES`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) spans: Vec<(usize, usize, usize)>,
    /// The template it was made from, so that templates can be left out together.
    pub(crate) template: String,
    pub(crate) real: bool,
}

/// Entities in the order of the model, as the development data calls them.
pub(crate) const ENTITIES: &[&str] = &[
    "PERSON",
    "STREET_ADDRESS",
    "GPE",
    "ORGANIZATION",
    "NRP",
    "TITLE",
    "AGE",
    "DATE_TIME",
    "ZIP_CODE",
];

/// A generator of numbers (SplitMix64, Steele et al. 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T: ?Sized + 'a, R: AsRef<T>>(&mut self, all: &'a [R]) -> &'a T {
        all[self.below(all.len())].as_ref()
    }

    fn of(&mut self, words: &Words, key: &str) -> String {
        match words.get(key).filter(|words| !words.is_empty()) {
            Some(words) => self.pick::<str, _>(words).to_owned(),
            None => {
                let keys: Vec<_> = words.keys().cloned().collect();
                let key = self.pick::<str, _>(&keys).to_owned();
                self.pick::<str, _>(&words[&key]).to_owned()
            }
        }
    }
}

/// Writes what templates ask for.
pub(crate) struct Generator<'a> {
    pub(crate) pools: &'a Pools,
    pub(crate) random: Random,
}

const LANGUAGES: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "da", "no", "fi", "hu", "cs", "ro",
    "el", "ru",
];

impl Generator<'_> {
    /// Fills a template: `{PERSON}`, `{CITY}` and so on; `\n` is a new line.
    pub(crate) fn fill(&mut self, template: &str, language: &str) -> Row {
        let mut row = Row {
            template: template.to_owned(),
            ..Row::default()
        };
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            row.text.push_str(&before.replace("\\n", "\n"));
            let Some((slot, after_slot)) = after.split_once('}') else {
                row.text.push('{');
                rest = after;
                continue;
            };
            match self.slot(slot, language) {
                Some((text, entity)) => {
                    let start = row.text.len();
                    row.text.push_str(&text);
                    if let Some(entity) = entity {
                        row.spans.push((start, row.text.len(), place(entity)));
                    }
                    rest = after_slot;
                }
                None => {
                    row.text.push('{');
                    rest = after;
                }
            }
        }
        row.text.push_str(&rest.replace("\\n", "\n"));
        row
    }

    fn slot(&mut self, slot: &str, language: &str) -> Option<(String, Option<&'static str>)> {
        let from = self.language(language);
        let named = |text, entity| Some((text, Some(entity)));
        match slot {
            "PERSON" => named(self.person(&from), "PERSON"),
            "FIRST" => named(self.given(&from), "PERSON"),
            "LAST" => named(self.surname(&from), "PERSON"),
            "FIRST_OR_LAST" => match self.random.chance(60) {
                true => named(self.given(&from), "PERSON"),
                false => named(self.surname(&from), "PERSON"),
            },
            "CITY" => named(self.city(&from), "GPE"),
            "GPE" => {
                let text = match self.random.below(10) {
                    0..3 => self.random.pick::<str, _>(&self.pools.country).to_owned(),
                    3 => self.random.pick::<str, _>(&self.pools.region).to_owned(),
                    _ => self.city(&from),
                };
                named(text, "GPE")
            }
            "COUNTRY" => named(
                self.random.pick::<str, _>(&self.pools.country).to_owned(),
                "GPE",
            ),
            "ORG" | "ORGANIZATION" => named(self.firm(&from), "ORGANIZATION"),
            "NRP" => named(
                self.random.pick::<str, _>(&self.pools.group).to_owned(),
                "NRP",
            ),
            "TITLE" => named(self.random.of(&self.pools.title, &from), "TITLE"),
            "JOB" => named(self.job(), "TITLE"),
            "STREET" => named(self.street(&from), "STREET_ADDRESS"),
            "ADDRESS" => named(self.address(&from), "STREET_ADDRESS"),
            "LINES" => named(self.lines(&from), "STREET_ADDRESS"),
            "HOUSE" => named(format!("{}", 1 + self.random.below(9999)), "STREET_ADDRESS"),
            "UNIT" => named(self.unit(), "STREET_ADDRESS"),
            "BOX" => named(self.military(), "STREET_ADDRESS"),
            "ZIP" => named(self.zip(&from), "ZIP_CODE"),
            "ZIP_IN_ADDRESS" => named(self.zip(&from), "STREET_ADDRESS"),
            "AGE" => named(format!("{}", 1 + self.random.below(99)), "AGE"),
            "DATE" => Some(self.date()),
            "YEAR" => named(format!("{}", 1930 + self.random.below(100)), "DATE_TIME"),
            "WEEKDAY" => {
                let days = [
                    "Monday",
                    "Tuesday",
                    "Wednesday",
                    "Thursday",
                    "Friday",
                    "Saturday",
                    "Sunday",
                ];
                named(self.random.pick::<str, _>(&days).to_owned(), "DATE_TIME")
            }
            "PHONE" => Some((self.phone(), None)),
            "EMAIL" => {
                let name = self.given(&from).to_lowercase();
                Some((format!("{name}{}@example.org", self.random.below(99)), None))
            }
            "NUMBER" => Some((
                format!("{}", self.random.next() >> (34 + self.random.below(24))),
                None,
            )),
            _ => None,
        }
    }

    /// English texts name people and places of everywhere.
    fn language(&mut self, language: &str) -> String {
        let elsewhere = if language == "en" { 60 } else { 12 };
        match self.random.chance(elsewhere) {
            true => self.random.pick::<str, _>(LANGUAGES).to_owned(),
            false => language.to_owned(),
        }
    }

    fn given(&mut self, language: &str) -> String {
        if self.random.chance(8) {
            return self.invented();
        }
        self.random.of(&self.pools.given, language)
    }

    fn surname(&mut self, language: &str) -> String {
        match self.random.below(100) {
            0..10 => self.invented(),
            10..13 => format!(
                "{}-{}",
                self.random.of(&self.pools.surname, language),
                self.random.of(&self.pools.surname, language)
            ),
            13..15 => format!(
                "{} {}",
                self.random.pick::<str, _>(&[
                    "de", "van", "van der", "von", "da", "dos", "di", "la", "Mc", "O'", "el"
                ]),
                self.random.of(&self.pools.surname, language)
            ),
            _ => self.random.of(&self.pools.surname, language),
        }
    }

    fn person(&mut self, language: &str) -> String {
        let (given, surname) = (self.given(language), self.surname(language));
        let initial = char::from(b'A' + self.random.below(26) as u8);
        match self.random.below(100) {
            0..12 => format!("{given} {initial} {surname}"),
            12..20 => format!("{given} {initial}. {surname}"),
            20..26 => format!("{given} {} {surname}", self.given(language)),
            26..31 => format!("{given} {surname} {}", self.surname(language)),
            31..33 => format!("{initial}. {surname}"),
            33..35 => format!(
                "{given} {surname} {}",
                self.random
                    .pick::<str, _>(&["Jr.", "III", "PhD", "MD", "Sr."])
            ),
            _ => format!("{given} {surname}"),
        }
    }

    fn city(&mut self, language: &str) -> String {
        let countries: &[&str] = match language {
            "en" => &["US", "GB", "CA", "AU", "IE", "NZ", "ZA", "IN"],
            "de" => &["DE", "AT", "CH"],
            "fr" => &["FR", "BE", "CH", "CA"],
            "es" => &["ES", "MX", "AR", "CO", "CL"],
            "pt" => &["PT", "BR"],
            "nl" => &["NL", "BE"],
            "sv" => &["SE"],
            "da" => &["DK"],
            "cs" => &["CZ"],
            "el" => &["GR", "CY"],
            other => &[other][..0],
        };
        let text = match self.random.below(100) {
            0..12 => self.place(),
            _ if countries.is_empty() => self.random.of(&self.pools.city, &language.to_uppercase()),
            _ => {
                let country = self.random.pick::<str, _>(countries).to_owned();
                self.random.of(&self.pools.city, &country)
            }
        };
        match self.random.below(100) {
            0..10 => text.to_uppercase(),
            10..13 => format!(
                "{text} {}",
                self.random
                    .pick::<str, _>(&["K", "N", "S", "Ext", "West", "am See", "Heights", "Nord"])
            ),
            _ => text,
        }
    }

    /// A place in no list.
    fn place(&mut self) -> String {
        let stem = self.invented();
        match self.random.below(5) {
            0 => {
                let ends = [
                    "ville", "berg", "dorf", "by", "stad", "hausen", "ton", "ford", "ów", "heim",
                    "wil", "næs", "vik", "mäe", "å", "ice",
                ];
                format!("{stem}{}", self.random.pick::<str, _>(&ends))
            }
            1 => {
                let begins = [
                    "San",
                    "Santa",
                    "Saint",
                    "Villa",
                    "Castel",
                    "Quinta de",
                    "Bad",
                    "Novo",
                    "São",
                    "Los",
                    "La",
                    "Le",
                    "Port",
                    "North",
                    "New",
                    "Upper",
                ];
                format!("{} {stem}", self.random.pick::<str, _>(&begins))
            }
            2 => {
                let middles = ["de", "del", "sur", "di", "upon", "an der", "do", "da"];
                format!(
                    "{stem} {} {}",
                    self.random.pick::<str, _>(&middles),
                    self.invented()
                )
            }
            _ => stem,
        }
    }

    /// Syllables, the first written large.
    fn invented(&mut self) -> String {
        let begins = [
            "b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s",
            "st", "t", "tr", "v", "w", "z", "",
        ];
        let vowels = [
            "a", "e", "i", "o", "u", "ai", "ie", "ö", "á", "é", "å", "ou", "ı",
        ];
        let ends = ["", "", "n", "r", "l", "s", "t", "nd", "rt", "ck", "m", "x"];
        let mut word = String::new();
        for _ in 0..2 + self.random.below(2) {
            word.push_str(self.random.pick::<str, _>(&begins));
            word.push_str(self.random.pick::<str, _>(&vowels));
            word.push_str(self.random.pick::<str, _>(&ends));
        }
        large(&word)
    }

    fn firm(&mut self, language: &str) -> String {
        let stem = self.invented();
        let after = self
            .random
            .pick::<str, _>(&self.pools.firm_after)
            .to_owned();
        let word = self.random.pick::<str, _>(&self.pools.firm_word).to_owned();
        match self.random.below(100) {
            0..14 => self.random.pick::<str, _>(&self.pools.firm).to_owned(),
            14..22 => format!(
                "{}, {} and {}",
                self.surname(language),
                self.surname(language),
                self.surname(language)
            ),
            22..30 => format!("{}-{}", self.surname(language), self.surname(language)),
            30..42 => format!("{} {after}", self.surname(language)),
            42..50 => format!("{stem} {after}"),
            50..62 => stem,
            62..74 => self.brand(),
            74..80 => format!("{} {after}", self.brand()),
            80..86 => format!("{stem} {word}"),
            86..90 => format!("{} {word}", self.city(language)),
            90..94 => (0..3 + self.random.below(2))
                .map(|_| char::from(b'A' + self.random.below(26) as u8))
                .collect(),
            _ => format!("{} & {}", self.surname(language), self.surname(language)),
        }
    }

    /// Two ordinary words made one name, as firms like it.
    fn brand(&mut self) -> String {
        let first = [
            "Open", "Data", "Clear", "Cloud", "Green", "Smart", "Health", "Map", "Red", "Blue",
            "Legal", "Social", "Public", "True", "Fast", "Bright", "Lending", "Solar", "Patient",
            "Panja", "Enig", "Info", "Civic", "Weather", "Energy", "Credit", "Trans", "Farm",
            "Code", "Next", "Urban", "Zonal", "Way", "Sky", "Iron", "Silver",
        ];
        let second = [
            "Gov", "ma", "wise", "ly", "Logix", "Works", "Metrics", "Bridge", "Labs", "Spark",
            "Advisor", "Base", "Point", "Mine", "Compass", "Club", "ify", "stat", "vana", "Scout",
            "Path", "Fish", "Street", "Wave", "mix", "hub", "io", "Stone", "Tree", "House",
        ];
        let (a, b) = (
            self.random.pick::<str, _>(&first).to_owned(),
            self.random.pick::<str, _>(&second).to_owned(),
        );
        match self.random.below(3) {
            0 => format!("{a} {}", large(&b)),
            1 => format!("{a}{}", b.to_lowercase()),
            _ => format!("{a}{b}"),
        }
    }

    fn job(&mut self) -> String {
        let what = [
            "Senior",
            "Junior",
            "Assistant",
            "Chief",
            "Lead",
            "Regional",
            "Medical",
            "Technical",
            "Sales",
            "Labor",
            "Marine",
            "Dental",
            "Postal",
            "Building",
            "Metal",
            "Insurance",
            "Cable",
            "Software",
            "Clinical",
            "Data",
        ];
        let who = [
            "engineer",
            "manager",
            "nurse",
            "teacher",
            "consultant",
            "technician",
            "inspector",
            "installer",
            "clerk",
            "director",
            "driver",
            "analyst",
            "scientist",
            "singer",
            "painter",
            "cleaner",
            "accountant",
            "lawyer",
            "operator",
            "designer",
            "baker",
            "welder",
            "librarian",
            "surveyor",
        ];
        let job = match self.random.chance(70) {
            true => format!(
                "{} {}",
                self.random.pick::<str, _>(&what),
                self.random.pick::<str, _>(&who)
            ),
            false => large(self.random.pick::<str, _>(&who)),
        };
        match self.random.below(3) {
            0 => job.to_lowercase(),
            _ => job,
        }
    }

    fn street(&mut self, language: &str) -> String {
        const GLUED: &[&str] = &["de", "nl", "sv", "no", "da", "fi"];
        let stem = match self.random.below(6) {
            0 => self.given(language),
            1 => self.city(language),
            2 | 3 => self.invented(),
            _ => self.surname(language),
        };
        let before = self.pools.street_before.get(language);
        let after = self.pools.street_after.get(language);
        let use_before = match (before, after) {
            (Some(_), Some(_)) => {
                self.random.chance(30)
                    || matches!(language, "fr" | "es" | "it" | "pt" | "pl" | "ro")
            }
            (Some(_), None) => true,
            _ => false,
        };
        let name = if use_before {
            let word = self.random.of(&self.pools.street_before, language);
            let of = ["", "", "", " de", " del", " du", " di", " da", " dos"];
            let of = if matches!(language, "fr" | "es" | "it" | "pt") {
                self.random.pick::<str, _>(&of)
            } else {
                ""
            };
            format!(
                "{}{of} {stem}",
                if self.random.chance(60) {
                    large(&word)
                } else {
                    word
                }
            )
        } else {
            let word = match after {
                Some(_) => self.random.of(&self.pools.street_after, language),
                None => self.random.of(&self.pools.street_after, "en"),
            };
            match GLUED.contains(&language) && word.chars().next().is_some_and(char::is_lowercase) {
                true => format!("{}{word}", stem.replace(' ', "")),
                false => format!("{stem} {word}"),
            }
        };
        let number = self.house();
        let street = match (language, self.random.below(10)) {
            (_, 0) => name,
            ("en" | "fr", _) => format!("{number} {name}"),
            ("es" | "pt" | "it", 1..4) => format!("{name}, {number}"),
            ("tr", 1..6) => format!("{name} No: {number}"),
            _ => format!("{name} {number}"),
        };
        match self.random.below(100) {
            0..8 => format!("{street}, {}", self.unit()),
            8..16 => format!("{} {street}", self.house()),
            _ => street,
        }
    }

    fn house(&mut self) -> String {
        let number = match self.random.below(3) {
            0 => self.random.below(30),
            1 => self.random.below(300),
            _ => self.random.below(10_000),
        };
        match self.random.below(10) {
            0 => format!(
                "{}{}",
                number + 1,
                char::from(b'A' + self.random.below(5) as u8)
            ),
            1 => format!(
                "{}{}",
                number + 1,
                char::from(b'a' + self.random.below(5) as u8)
            ),
            _ => format!("{}", number + 1),
        }
    }

    fn unit(&mut self) -> String {
        let word = match self.random.chance(60) {
            true => self
                .random
                .pick::<str, _>(&["Apt.", "Suite", "Apt", "Unit", "Flat", "Floor", "Room"])
                .to_owned(),
            false => self.random.of(&self.pools.unit, "en"),
        };
        format!("{word} {}", self.house())
    }

    fn military(&mut self) -> String {
        let number = |random: &mut Random| format!("{:04}", random.below(10_000));
        let (a, b) = (number(&mut self.random), number(&mut self.random));
        let kind = self.random.pick::<str, _>(&["PSC", "Unit", "CMR"]);
        let fleet = self.random.pick::<str, _>(&["APO", "FPO", "DPO"]);
        let area = self.random.pick::<str, _>(&["AE", "AP", "AA"]);
        match self.random.below(3) {
            0 => format!(
                "USS {}\n{fleet} {area} {:05}",
                self.pools.surname["en"][self.random.below(500)],
                self.random.below(100_000)
            ),
            1 => format!("PO Box {a}"),
            _ => format!(
                "{kind} {a}, Box {b}\n{fleet} {area} {:05}",
                self.random.below(100_000)
            ),
        }
    }

    /// An address in one line.
    fn address(&mut self, language: &str) -> String {
        let (street, city, zip) = (
            self.street(language),
            self.city(language),
            self.zip(language),
        );
        let country = self.random.pick::<str, _>(&self.pools.country).to_owned();
        let region = self.random.pick::<str, _>(&self.pools.region).to_owned();
        match self.random.below(9) {
            0 => format!("{street}, {city}"),
            1 => format!("{street}, {zip} {city}"),
            2 => format!("{street}, {city} {zip}"),
            3 => format!("{street}, {city}, {region} {zip}"),
            4 => format!("{street}, {zip} {city}, {country}"),
            5 => format!("{street} {} {city} {country} {zip}", self.unit()),
            6 => format!("{street} {city} {region}"),
            7 => self.corner(language),
            _ => street,
        }
    }

    fn corner(&mut self, language: &str) -> String {
        let (a, b) = (self.street(language), self.street(language));
        match self.random.below(2) {
            0 => format!("the corner of {a} and {b}"),
            _ => format!("{a} and {b}"),
        }
    }

    /// An address in several lines.
    fn lines(&mut self, language: &str) -> String {
        let (street, city, zip) = (
            self.street(language),
            self.city(language),
            self.zip(language),
        );
        let country = self.random.pick::<str, _>(&self.pools.country).to_owned();
        match self.random.below(6) {
            0 => format!("{street} {}\n{city}\n, nan\n {country} {zip}", self.unit()),
            1 => format!("{street}\n{zip} {city}\n{country}"),
            2 => format!("{street}\n{city}, {zip}"),
            3 => format!("{street} {}\n {city}\n {country} {zip}", self.unit()),
            4 => format!("{street}\n{}\n{city} {zip}", self.unit()),
            _ => self.military(),
        }
    }

    fn zip(&mut self, language: &str) -> String {
        let forms: &[&str] = match language {
            "en" => &[
                "ddddd",
                "ddddd",
                "ddddd-dddd",
                "Ad dAA",
                "AAdd dAA",
                "AdA dAd",
                "dddd",
            ],
            "nl" => &["dddd AA"],
            "pt" => &["dddd-ddd", "ddddd-ddd"],
            "pl" => &["dd-ddd"],
            "sv" => &["ddd dd", "SE-ddd dd"],
            "da" | "no" | "hu" => &["dddd"],
            "cs" | "el" => &["ddd dd"],
            "ru" | "ro" => &["dddddd"],
            _ => &["ddddd", "dddd"],
        };
        let form = self.random.pick::<str, _>(forms);
        form.chars()
            .map(|c| match c {
                'd' => char::from(b'0' + self.random.below(10) as u8),
                'A' => char::from(b'A' + self.random.below(26) as u8),
                other => other,
            })
            .collect()
    }

    /// A row with numbers that have labels, and perhaps somebody they belong to.
    pub(crate) fn labelled(&mut self, labels: &[String]) -> Row {
        let forms = [
            "{LABEL} {CODE}",
            "{LABEL}: {CODE}",
            "{LABEL} {CODE}.",
            "{LABEL}: {CODE}\\n{LABEL}: {CODE}",
            "{LABEL} {CODE}, {LABEL} {CODE}",
            "{LABEL} {CODE} for {PERSON}",
            "{LABEL} {CODE} {PERSON}",
            "{PERSON}, {LABEL} {CODE}",
            "{PERSON}: {LABEL} {CODE}, {LABEL}: {CODE}",
            "{LABEL} of {PERSON} is {CODE}",
            "my {LABEL} is {CODE}",
            "The {LABEL} {CODE} was sent to {FIRST} on {DATE}.",
            "{LABEL}={CODE}",
            "{LABEL}: {CODE} ({LABEL} {CODE})",
            "{LABEL} {CODE}, {EMAIL}",
            "{LABEL} {CODE}, tel {PHONE}",
        ];
        let mut form = self.random.pick::<str, _>(&forms).to_owned();
        while form.contains("{LABEL}") {
            let label = self.random.pick::<str, _>(labels);
            let label = match (label.len(), self.random.below(4)) {
                (_, 0) => label.to_owned(),
                (0..5, _) => label.to_uppercase(),
                _ => large(label),
            };
            form = form.replacen("{LABEL}", &label, 1);
        }
        while form.contains("{CODE}") {
            form = form.replacen("{CODE}", &self.code(), 1);
        }
        self.fill(&form, "en")
    }

    /// A number such as authorities and machines give.
    fn code(&mut self) -> String {
        let groups = 1 + self.random.below(4);
        let sign = self
            .random
            .pick::<str, _>(&["", " ", " ", "-", "-", ".", "/"])
            .to_owned();
        let letters = self.random.below(4);
        let one = |random: &mut Random| {
            let length = 1 + random.below(if sign.is_empty() { 7 } else { 5 });
            (0..length)
                .map(|_| match letters == 0 && random.chance(40) {
                    true => char::from(b'A' + random.below(26) as u8),
                    false => char::from(b'0' + random.below(10) as u8),
                })
                .collect::<String>()
        };
        let all: Vec<String> = (0..groups).map(|_| one(&mut self.random)).collect();
        all.join(&sign)
    }

    /// Full dates are left to the rules; years and weekdays are entities.
    fn date(&mut self) -> (String, Option<&'static str>) {
        let months = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let (day, month, year) = (
            1 + self.random.below(28),
            self.random.below(12),
            1950 + self.random.below(80),
        );
        match self.random.below(5) {
            0 => (format!("{year}"), Some("DATE_TIME")),
            1 => (
                format!("{} {day}, {year}", months[month]),
                Some("DATE_TIME"),
            ),
            2 => (format!("{year}-{:02}-{day:02}", month + 1), None),
            3 => (format!("{day:02}/{:02}/{year}", month + 1), None),
            _ => (format!("{day} {} {year}", months[month]), Some("DATE_TIME")),
        }
    }

    fn phone(&mut self) -> String {
        let digits = 10_000_000 + self.random.below(89_999_999);
        let area = 100 + self.random.below(899);
        match self.random.below(3) {
            0 => format!("+{} {area} {digits}", 1 + self.random.below(98)),
            1 => format!("({area}) 555-{:04}", digits % 10_000),
            _ => format!("0{area} {digits}"),
        }
    }
}

/// The place of an entity in the list.
pub(crate) fn place(entity: &str) -> usize {
    ENTITIES.iter().position(|known| *known == entity).unwrap()
}

fn large(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// The template of a row of the development data.
pub(crate) fn template(text: &str, spans: &[(usize, usize, &str)]) -> String {
    let (mut out, mut from) = (String::new(), 0);
    for (start, end, kind) in spans {
        out.push_str(&text[from..*start].replace('\n', "\\n"));
        out.push_str(&format!("{{{}}}", slot(kind, &text[*start..*end])));
        from = *end;
    }
    out.push_str(&text[from..].replace('\n', "\\n"));
    out
}

/// What to write where this stood.
fn slot(kind: &str, text: &str) -> &'static str {
    let begins = |heads: &[&str]| heads.iter().any(|head| text.starts_with(head));
    match kind {
        "STREET_ADDRESS" if text.bytes().all(|b| b.is_ascii_digit()) && text.len() < 5 => "HOUSE",
        "STREET_ADDRESS"
            if text
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b' ')) =>
        {
            "ZIP_IN_ADDRESS"
        }
        "STREET_ADDRESS"
            if begins(&["PSC", "Unit ", "CMR", "USS", "USNS", "USCGC", "USNV"])
                && text.contains('\n') =>
        {
            "BOX"
        }
        "STREET_ADDRESS" if begins(&["Apt", "Suite"]) => "UNIT",
        "STREET_ADDRESS" if text.contains('\n') => "LINES",
        "STREET_ADDRESS" if text.split_whitespace().count() > 6 => "ADDRESS",
        "STREET_ADDRESS" => "STREET",
        "PERSON" if text.contains(' ') => "PERSON",
        // A template that shows one word mostly wants one.
        "PERSON" => "FIRST_OR_LAST",
        "GPE" => "GPE",
        "ORGANIZATION" => "ORGANIZATION",
        "NRP" => "NRP",
        "TITLE" if text.ends_with('.') => "TITLE",
        "TITLE" => "JOB",
        "AGE" => "AGE",
        "DATE_TIME" if text.bytes().all(|b| b.is_ascii_digit()) => "YEAR",
        "DATE_TIME" => "WEEKDAY",
        "ZIP_CODE" => "ZIP",
        "PHONE" => "PHONE",
        "EMAIL" => "EMAIL",
        _ => "NUMBER",
    }
}
