// SPDX-License-Identifier: Apache-2.0
//! Shapes as they are tried: with what may stand behind each part, so that of a class with a count
//! only those lengths are tried that the next byte allows, and mostly that is one.

use std::ops::Range;

use super::{GAPS, Part, Set, Shape};

/// Classes with at most so many characters are counted anew at each place.
const SHORT: usize = 64;

/// A shape, ready to match.
#[derive(Debug)]
pub(crate) struct Matcher {
    steps: Vec<Step>,
    /// The bytes that every match has.
    least: usize,
    gaps: Gaps,
}

/// Where a shape has gaps.
#[derive(Debug, Clone, Copy)]
enum Gaps {
    None,
    /// The first stands so many bytes behind the beginning.
    From(usize),
    Somewhere,
}

#[derive(Debug)]
enum Step {
    Any(Vec<Box<[u8]>>),
    Exactly(Set, usize),
    Gap,
    Text(Box<[u8]>),
    Upto(Upto),
}

/// A class with a count that is open.
#[derive(Debug)]
struct Upto {
    set: Set,
    least: usize,
    most: usize,
    /// What may stand behind.
    behind: Set,
    /// Whether the text may end behind it.
    last: bool,
    /// Whether no character of it may stand behind it, so that only the longest run will do.
    greedy: bool,
    /// Where long runs of the set are remembered.
    run: Option<usize>,
    /// Where it is remembered that the text behind it is absent.
    text: Option<usize>,
}

/// Classes and texts whose places are remembered, for all shapes of a pack.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    sets: Vec<Set>,
    texts: usize,
}

/// What is known of a text from places that were tried before. Many beginnings may stand before one
/// long run; without it each would read the run to its end.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Stretches of nothing but characters of a set.
    runs: Vec<Range<usize>>,
    /// Stretches in which a text does not begin.
    absent: Vec<Range<usize>>,
}

impl Memory {
    pub(crate) fn new(remembered: &Remembered) -> Self {
        Self {
            runs: vec![0..0; remembered.sets.len()],
            absent: vec![0..0; remembered.texts],
        }
    }

    /// Characters of a set from `at` on, at most so many.
    fn run(&mut self, which: usize, set: &Set, bytes: &[u8], at: usize, most: usize) -> usize {
        let run = &mut self.runs[which];
        if at < run.start || at > run.end {
            *run = at..at;
        }
        let limit = bytes.len().min(at + most);
        if let Some(rest) = bytes.get(run.end..limit) {
            run.end += rest.iter().take_while(|byte| set.has(**byte)).count();
        }
        run.end.min(limit) - at
    }

    /// Where a text begins last in a stretch.
    fn last(
        &mut self,
        which: usize,
        text: &[u8],
        bytes: &[u8],
        within: Range<usize>,
    ) -> Option<usize> {
        let absent = &mut self.absent[which];
        if within.start < absent.start || within.start > absent.end {
            *absent = within.start..within.start;
        }
        if within.end <= absent.end {
            return None;
        }
        let from = absent.end;
        let upto = bytes.len().min(within.end + text.len() - 1);
        let place = memchr::memmem::rfind(bytes.get(from..upto)?, text);
        if place.is_none() {
            absent.end = within.end;
        }
        place.map(|place| from + place)
    }
}

impl Matcher {
    /// Of a shape behind which some bytes may not stand.
    pub(crate) fn new(shape: &Shape, refused: Set, remembered: &mut Remembered) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let (mut behind, mut last) = (refused.others(), true);
        for (at, part) in shape.parts.iter().enumerate().rev() {
            let text = match shape.parts.get(at + 1..) {
                Some([Part::Literal(text)]) => Some(text.len()),
                _ => None,
            };
            steps.push(step(part, behind, last, text, remembered));
            (behind, last) = before(part, behind, last);
        }
        steps.reverse();
        let first_gap = shape.parts.iter().position(|part| *part == Part::Gap);
        let gaps = match first_gap {
            None => Gaps::None,
            Some(gap) => {
                let lengths = shape.parts[..gap].iter().map(length);
                let fixed: Option<usize> = lengths
                    .map(|(least, most)| (least == most).then_some(least))
                    .sum();
                fixed.map_or(Gaps::Somewhere, Gaps::From)
            }
        };
        Self {
            least: shape.parts.iter().map(|part| length(part).0).sum(),
            steps,
            gaps,
        }
    }

    /// Where the longest match that begins at `at` and whose end `accepts` ends, longest first.
    pub(crate) fn match_at(
        &self,
        bytes: &[u8],
        at: usize,
        memory: &mut Memory,
        accepts: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        if bytes.len() < at + self.least {
            return None;
        }
        let mut with = |gap| walk(&self.steps, gap, bytes, at, memory, &accepts);
        match self.gaps {
            Gaps::None => with(None),
            Gaps::From(length) => {
                let byte = bytes.get(at + length).copied();
                with(None).or_else(|| with(byte.filter(|byte| GAPS.contains(&Some(*byte)))?.into()))
            }
            Gaps::Somewhere => GAPS.iter().find_map(|gap| with(*gap)),
        }
    }
}

/// The least and most bytes of a part.
fn length(part: &Part) -> (usize, usize) {
    match part {
        Part::Any(texts) => {
            let lengths = texts.iter().map(|text| text.len());
            (
                lengths.clone().min().unwrap_or(0),
                lengths.max().unwrap_or(0),
            )
        }
        Part::Class(_, least, most) => (*least, *most),
        Part::Gap => (0, 1),
        Part::Literal(text) => (text.len(), text.len()),
    }
}

fn step(
    part: &Part,
    behind: Set,
    last: bool,
    text: Option<usize>,
    remembered: &mut Remembered,
) -> Step {
    match part {
        Part::Any(texts) => Step::Any(texts.clone()),
        Part::Gap => Step::Gap,
        Part::Literal(text) => Step::Text(text.clone()),
        Part::Class(set, least, most) if least == most => Step::Exactly(*set, *least),
        Part::Class(set, least, most) => {
            let greedy = !set.meets(behind);
            let long = *most > SHORT;
            Step::Upto(Upto {
                set: *set,
                least: *least,
                most: *most,
                behind,
                last,
                greedy,
                run: long.then(|| remembered.set(*set)),
                text: (long && !greedy).then_some(text).flatten().map(|_| {
                    remembered.texts += 1;
                    remembered.texts - 1
                }),
            })
        }
    }
}

/// What may stand where a part begins, and whether the text may end there.
fn before(part: &Part, behind: Set, last: bool) -> (Set, bool) {
    let byte = |byte: u8| Set::of(&[(byte, byte)]);
    match part {
        Part::Any(texts) => {
            let first = |text: &[u8]| text.first().map_or(behind, |first| byte(*first));
            let all = texts.iter().map(|text| first(text));
            let empty = texts.iter().any(|text| text.is_empty());
            (all.fold(Set::default(), Set::with), empty && last)
        }
        Part::Class(set, 0, _) => (set.with(behind), last),
        Part::Class(set, ..) => (*set, false),
        Part::Gap => {
            let gaps = GAPS.into_iter().flatten().map(byte);
            (gaps.fold(behind, Set::with), last)
        }
        Part::Literal(text) => match text.first() {
            Some(first) => (byte(*first), false),
            None => (behind, last),
        },
    }
}

impl Remembered {
    fn set(&mut self, set: Set) -> usize {
        let known = self.sets.iter().position(|known| *known == set);
        known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        })
    }
}

/// Matches steps from `at` on.
fn walk(
    steps: &[Step],
    gap: Option<u8>,
    bytes: &[u8],
    at: usize,
    memory: &mut Memory,
    accepts: &impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut at = at;
    for (place, step) in steps.iter().enumerate() {
        let rest = &steps[place + 1..];
        let tail = bytes.get(at..)?;
        match step {
            Step::Any(texts) => {
                return texts
                    .iter()
                    .filter(|text| tail.starts_with(text))
                    .find_map(|text| walk(rest, gap, bytes, at + text.len(), memory, accepts));
            }
            Step::Exactly(set, count) => {
                let all = tail.get(..*count)?.iter().all(|byte| set.has(*byte));
                at += all.then_some(*count)?;
            }
            Step::Gap => {
                if gap.is_some() {
                    at += (tail.first().copied() == gap).then_some(1)?;
                }
            }
            Step::Text(text) => at += tail.starts_with(text).then_some(text.len())?,
            Step::Upto(class) => return class.walk(rest, gap, bytes, at, memory, accepts),
        }
    }
    accepts(at).then_some(at)
}

impl Upto {
    fn walk(
        &self,
        rest: &[Step],
        gap: Option<u8>,
        bytes: &[u8],
        at: usize,
        memory: &mut Memory,
        accepts: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let run = match self.run {
            Some(which) => memory.run(which, &self.set, bytes, at, self.most),
            None => {
                let tail = bytes.get(at..)?.iter().take(self.most);
                tail.take_while(|byte| self.set.has(**byte)).count()
            }
        };
        let least = if self.greedy {
            self.least.max(run)
        } else {
            self.least
        };
        let mut longest = run;
        while longest >= least {
            if let (Some(which), [Step::Text(text)]) = (self.text, rest) {
                longest = memory.last(which, text, bytes, at + least..at + longest + 1)? - at;
            }
            let next = bytes.get(at + longest);
            if next.map_or(self.last, |byte| self.behind.has(*byte))
                && let Some(end) = walk(rest, gap, bytes, at + longest, memory, accepts)
            {
                return Some(end);
            }
            longest = longest.checked_sub(1)?;
        }
        None
    }
}
