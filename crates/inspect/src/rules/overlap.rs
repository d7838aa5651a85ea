// SPDX-License-Identifier: Apache-2.0
//! Of findings that overlap, those that stay.

use std::{cmp::Ordering, collections::BTreeMap, ops::Range};

/// Candidates that compete with so few others are compared with each of those that stay.
const FEW: usize = 32;

/// Of candidates that overlap the first in an order stays, or the one that was found first; what
/// stays is in the order of the text.
pub(crate) fn strongest<T>(
    candidates: Vec<T>,
    span: impl Fn(&T) -> &Range<usize>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    if candidates.len() < 2 {
        return candidates;
    }
    let mut places: Vec<usize> = (0..candidates.len()).collect();
    // Nearly in order already: rules find from the beginning of a text to its end.
    places.sort_by_key(|place| span(&candidates[*place]).start);
    let mut stays = vec![false; candidates.len()];
    let mut rest = places.as_mut_slice();
    while !rest.is_empty() {
        let count = competitors(rest.iter().map(|place| span(&candidates[*place])));
        let (together, behind) = rest.split_at_mut(count);
        if let &mut [alone] = together {
            stays[alone] = true;
        } else {
            together.sort_by(|a, b| order(&candidates[*a], &candidates[*b]).then(a.cmp(b)));
            for place in kept(together, |place| span(&candidates[place])) {
                stays[place] = true;
            }
        }
        rest = behind;
    }
    places.sort_by_key(|place| span(&candidates[*place]).start);
    let mut all: Vec<Option<T>> = candidates.into_iter().map(Some).collect();
    let kept = places.into_iter().filter(|place| stays[*place]);
    kept.filter_map(|place| all[place].take()).collect()
}

/// How many of the first spans, sorted by where they begin, overlap one another or the next.
fn competitors<'a>(mut spans: impl Iterator<Item = &'a Range<usize>>) -> usize {
    let mut end = spans.next().map_or(0, |first| first.end);
    let joined = spans.take_while(|span| {
        let joined = span.start < end;
        end = end.max(span.end);
        joined
    });
    1 + joined.count()
}

/// Those that overlap none before them.
fn kept<'a>(places: &[usize], span: impl Fn(usize) -> &'a Range<usize>) -> Vec<usize> {
    let mut kept = Vec::new();
    if places.len() <= FEW {
        for place in places {
            let new = span(*place);
            let free =
                |other: &usize| span(*other).end <= new.start || new.end <= span(*other).start;
            if kept.iter().all(free) {
                kept.push(*place);
            }
        }
        return kept;
    }
    let mut ends = BTreeMap::new();
    for place in places {
        let new = span(*place);
        let before = ends.range(..new.end).next_back();
        if before.is_none_or(|(_, end)| *end <= new.start) {
            ends.insert(new.start, new.end);
            kept.push(*place);
        }
    }
    kept
}
