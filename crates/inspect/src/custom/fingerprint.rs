// SPDX-License-Identifier: Apache-2.0
//! Documents known by fingerprints, chosen by winnowing.
//!
//! S. Schleimer, D. S. Wilkerson and A. Aiken, *Winnowing: Local Algorithms for Document
//! Fingerprinting*, SIGMOD 2003. Letters and digits are all that counts of a text. Of every window of
//! digests of neighbouring stretches of [`Winnowing::gram`] characters the smallest is kept: what two
//! texts share in `window + gram - 1` characters, both keep at least one fingerprint of.

use std::ops::Range;

use super::{
    CustomError,
    file::{Reader, Writer},
    table::Table,
};

const MAGIC: [u8; 4] = *b"CMFP";
const VERSION: u8 = 1;
/// Fingerprints of all documents.
const MOST: usize = 2_000_000;
/// Documents.
const DOCUMENTS: usize = 65_536;
/// Bytes of a document's name.
const NAME: usize = 255;
/// Places of one fingerprint that are kept, the first ones: a phrase of every document is of none.
const PLACES: usize = 8;
/// Odd, and not small; what the digest of a stretch is made with.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// How fingerprints are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winnowing {
    /// Letters and digits of a stretch, 16 to 64: shorter ones stand in any text.
    pub gram: u8,
    /// Neighbouring stretches of which one is kept, 1 to 256.
    pub window: u16,
    /// Fingerprints in a row that make a match, 1 to 255.
    pub run: u8,
}

impl Default for Winnowing {
    fn default() -> Self {
        Self {
            gram: 30,
            window: 20,
            run: 4,
        }
    }
}

impl Winnowing {
    /// Letters and digits in common from which on a match is certain.
    #[must_use]
    pub const fn certain(self) -> usize {
        self.run as usize * self.window as usize + self.gram as usize - 1
    }

    fn checked(self) -> Option<Self> {
        let sound =
            (16..=64).contains(&self.gram) && (1..=256).contains(&self.window) && self.run >= 1;
        sound.then_some(self)
    }
}

/// A document and the stretch of a text that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    document: u32,
    /// Which of the document's fingerprints it is.
    number: u32,
}

#[derive(Debug)]
struct Document {
    name: String,
    fingerprints: u32,
}

/// Fingerprints of documents.
#[derive(Debug)]
pub struct Fingerprints {
    winnowing: Winnowing,
    documents: Vec<Document>,
    table: Table,
    places: Vec<Place>,
}

/// A stretch of a text that stands in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The document's number.
    pub document: usize,
    /// Bytes of the text.
    pub span: Range<usize>,
    /// Fingerprints in a row.
    pub fingerprints: u32,
}

/// Makes a file of documents, one after the other.
#[derive(Debug)]
pub struct FingerprintTable {
    winnowing: Winnowing,
    /// Names, and how many fingerprints each document has.
    named: Vec<(String, u32)>,
    /// Digest, document, and number in it.
    all: Vec<(u64, u32, u32)>,
}

impl FingerprintTable {
    /// A table without documents.
    ///
    /// # Errors
    /// [`CustomError::TooMuch`] for a winnowing out of its bounds.
    pub fn new(winnowing: Winnowing) -> Result<Self, CustomError> {
        Ok(Self {
            winnowing: winnowing.checked().ok_or(CustomError::TooMuch)?,
            named: Vec::new(),
            all: Vec::new(),
        })
    }

    /// Adds a document; tells whether it is long enough for a copy of all of it to be found.
    ///
    /// # Errors
    /// [`CustomError::TooMuch`] for more than 65,536 documents or 2,000,000 fingerprints, or a name
    /// of more than 255 bytes.
    pub fn add(&mut self, name: &str, text: &str) -> Result<bool, CustomError> {
        let document = u32::try_from(self.named.len()).map_err(|_| CustomError::TooMuch)?;
        let mut number = 0;
        for kept in kept(text, self.winnowing) {
            self.all.push((kept.digest, document, number));
            number += 1;
        }
        self.named.push((name.to_owned(), number));
        let much = self.all.len() > MOST || self.named.len() > DOCUMENTS || name.len() > NAME;
        match much {
            true => Err(CustomError::TooMuch),
            false => Ok(number >= u32::from(self.winnowing.run)),
        }
    }

    /// The file.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.all.sort_unstable();
        let mut places = 0;
        let mut last = None;
        self.all.retain(|(digest, ..)| {
            places = if last == Some(*digest) { places + 1 } else { 1 };
            last = Some(*digest);
            places <= PLACES
        });
        write(self.winnowing, &self.named, &self.all)
    }
}

impl Fingerprints {
    /// The file of fingerprints of documents: pairs of a name and a text.
    ///
    /// # Errors
    /// As those of [`FingerprintTable`].
    pub fn build<'a>(
        winnowing: Winnowing,
        documents: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<u8>, CustomError> {
        let mut table = FingerprintTable::new(winnowing)?;
        for (name, text) in documents {
            table.add(name, text)?;
        }
        Ok(table.finish())
    }

    /// Reads a file that [`FingerprintTable`] made.
    ///
    /// # Errors
    /// [`CustomError`] when the file is none, of another version, too large or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, CustomError> {
        let mut file = Reader::new(bytes, MAGIC, VERSION)?;
        let winnowing = Winnowing {
            gram: file.u8()?,
            window: file.u16()?,
            run: file.u8()?,
        };
        let winnowing = winnowing.checked().ok_or(CustomError::Damaged)?;
        let documents = (0..file.count(5)?)
            .map(|_| document(&mut file))
            .collect::<Result<Vec<_>, _>>()?;
        let count = file.count(16)?;
        if documents.len() > DOCUMENTS || count > MOST {
            return Err(CustomError::TooMuch);
        }
        let (mut keys, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            keys.push(file.u64()?);
            let place = Place {
                document: file.u32()?,
                number: file.u32()?,
            };
            let known = documents.get(place.document as usize);
            if known.is_none_or(|document| place.number >= document.fingerprints) {
                return Err(CustomError::Damaged);
            }
            places.push(place);
        }
        file.finish()?;
        // What is looked up is bounded by the places of one fingerprint.
        let crowded = keys.windows(PLACES + 1).any(|keys| keys[0] == keys[PLACES]);
        let table = Table::new(keys).filter(|_| !crowded);
        Ok(Self {
            winnowing,
            documents,
            table: table.ok_or(CustomError::Damaged)?,
            places,
        })
    }

    /// How the fingerprints were chosen.
    #[must_use]
    pub const fn winnowing(&self) -> Winnowing {
        self.winnowing
    }

    /// The name of a document.
    #[must_use]
    pub fn document(&self, number: usize) -> Option<&str> {
        self.documents.get(number).map(|one| one.name.as_str())
    }

    /// Stretches of a text that share fingerprints in a row with a document, in the order in which
    /// they end. Those of different documents may overlap.
    #[must_use]
    pub fn matches(&self, text: &str) -> Vec<Match> {
        let mut runs = Runs {
            least: u32::from(self.winnowing.run),
            ..Runs::default()
        };
        for kept in kept(text, self.winnowing) {
            let places = self.places.get(self.table.find(kept.digest));
            runs.next(&kept.span, places.unwrap_or_default());
        }
        runs.finish()
    }

    /// How much of each document that matches stands in a text: its number, and a share of its
    /// fingerprints between 0 and 1, the largest first.
    #[must_use]
    pub fn shares(&self, text: &str) -> Vec<(usize, f32)> {
        let mut seen = std::collections::BTreeMap::<usize, u32>::new();
        for one in self.matches(text) {
            *seen.entry(one.document).or_default() += one.fingerprints;
        }
        let share = |(document, count): (usize, u32)| {
            let all = self
                .documents
                .get(document)
                .map_or(1, |one| one.fingerprints.max(1));
            // A text that has a stretch twice has not seen more of the document.
            (document, (count as f32 / all as f32).min(1.0))
        };
        let mut shares: Vec<_> = seen.into_iter().map(share).collect();
        shares.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        shares
    }
}

fn write(winnowing: Winnowing, named: &[(String, u32)], all: &[(u64, u32, u32)]) -> Vec<u8> {
    let mut file = Writer::new(MAGIC, VERSION);
    file.u8(winnowing.gram);
    file.u16(winnowing.window);
    file.u8(winnowing.run);
    // INVARIANT: both counts, and the length of a name, were checked by `build`.
    file.u32(named.len() as u32);
    for (name, fingerprints) in named {
        file.u8(name.len() as u8);
        file.bytes(name.as_bytes());
        file.u32(*fingerprints);
    }
    file.u32(all.len() as u32);
    for (digest, document, number) in all {
        file.u64(*digest);
        file.u32(*document);
        file.u32(*number);
    }
    file.finish()
}

fn document(file: &mut Reader<'_>) -> Result<Document, CustomError> {
    let length = usize::from(file.u8()?);
    let name = std::str::from_utf8(file.bytes(length)?).map_err(|_| CustomError::Damaged)?;
    Ok(Document {
        name: name.to_owned(),
        fingerprints: file.u32()?,
    })
}

/// Matches that go on, at most [`PLACES`] at a time.
#[derive(Debug, Default)]
struct Runs {
    least: u32,
    open: Vec<(Place, Match)>,
    matches: Vec<Match>,
}

impl Runs {
    /// Goes on with the places of the next fingerprint of the text.
    fn next(&mut self, span: &Range<usize>, places: &[Place]) {
        if places.is_empty() && self.open.is_empty() {
            return;
        }
        let open = std::mem::take(&mut self.open);
        let follows = |last: &Place, place: &Place| {
            last.document == place.document && last.number.checked_add(1) == Some(place.number)
        };
        for place in places {
            let before = open.iter().find(|(last, _)| follows(last, place));
            let longer = match before {
                Some((_, run)) => Match {
                    span: run.span.start..span.end.max(run.span.end),
                    fingerprints: run.fingerprints + 1,
                    ..*run
                },
                None => Match {
                    document: place.document as usize,
                    span: span.clone(),
                    fingerprints: 1,
                },
            };
            self.open.push((*place, longer));
        }
        for (last, run) in open {
            let goes_on = places.iter().any(|place| follows(&last, place));
            if !goes_on && run.fingerprints >= self.least {
                self.matches.push(run);
            }
        }
    }

    fn finish(mut self) -> Vec<Match> {
        self.next(&(0..0), &[]);
        self.matches
    }
}

/// A fingerprint that was kept, and the bytes of its stretch.
struct Kept {
    digest: u64,
    span: Range<usize>,
}

/// The fingerprints of a text, in its order: of each window the smallest digest, the last of equals.
fn kept(text: &str, winnowing: Winnowing) -> impl Iterator<Item = Kept> {
    let window = usize::from(winnowing.window);
    let mut grams = Grams::new(text, usize::from(winnowing.gram));
    // The stretches of the window that may still be the smallest of one, in rising order.
    let mut rising: std::collections::VecDeque<(usize, Kept)> = std::collections::VecDeque::new();
    let (mut number, mut last) = (0_usize, None);
    std::iter::from_fn(move || {
        loop {
            let gram = grams.next()?;
            while rising
                .back()
                .is_some_and(|(_, other)| other.digest >= gram.digest)
            {
                rising.pop_back();
            }
            rising.push_back((number, gram));
            number += 1;
            while rising.front().is_some_and(|(at, _)| at + window < number) {
                rising.pop_front();
            }
            let (at, smallest) = rising.front()?;
            if number >= window && last != Some(*at) {
                last = Some(*at);
                return Some(Kept {
                    digest: smallest.digest,
                    span: smallest.span.clone(),
                });
            }
        }
    })
}

/// Digests of all stretches of letters and digits.
struct Grams<'a> {
    letters: std::str::CharIndices<'a>,
    /// The letters of the stretch: what each counts, and its bytes.
    ring: std::collections::VecDeque<(u64, Range<usize>)>,
    gram: usize,
    digest: u64,
    /// What the letter that leaves counted.
    leaving: u64,
}

impl<'a> Grams<'a> {
    fn new(text: &'a str, gram: usize) -> Self {
        Self {
            letters: text.char_indices(),
            ring: std::collections::VecDeque::with_capacity(gram + 1),
            gram,
            digest: 0,
            leaving: (0..gram).fold(1, |power: u64, _| power.wrapping_mul(BASE)),
        }
    }
}

impl Iterator for Grams<'_> {
    type Item = Kept;

    fn next(&mut self) -> Option<Kept> {
        loop {
            let (at, letter) = self.letters.next()?;
            let Some(value) = value(letter) else {
                continue;
            };
            self.digest = self.digest.wrapping_mul(BASE).wrapping_add(value);
            self.ring.push_back((value, at..at + letter.len_utf8()));
            if self.ring.len() > self.gram {
                let (gone, _) = self.ring.pop_front()?;
                self.digest = self.digest.wrapping_sub(gone.wrapping_mul(self.leaving));
            }
            if self.ring.len() == self.gram {
                let (first, last) = (self.ring.front()?, self.ring.back()?);
                return Some(Kept {
                    digest: mixed(self.digest),
                    span: first.1.start..last.1.end,
                });
            }
        }
    }
}

/// What a letter or digit counts, large and small the same; nothing else counts.
fn value(letter: char) -> Option<u64> {
    if letter.is_ascii() {
        return letter
            .is_ascii_alphanumeric()
            .then(|| u64::from(letter.to_ascii_lowercase()));
    }
    let small = || letter.to_lowercase().next().unwrap_or(letter);
    letter.is_alphanumeric().then(|| u64::from(small()))
}

/// Spreads a digest evenly, so that the smallest is any (the last steps of SplitMix64).
const fn mixed(digest: u64) -> u64 {
    let digest = (digest ^ (digest >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let digest = (digest ^ (digest >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    digest ^ (digest >> 31)
}
