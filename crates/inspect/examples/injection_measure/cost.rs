// SPDX-License-Identifier: Apache-2.0
//! Microseconds for a kilobyte, by role, and the slowest texts of 8 KB.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use casemate_inspect::Inspector;

use crate::{Row, disguises::DISGUISES, segment};

/// Texts as long as this are put together from rows of a role.
const LONG: usize = 8 << 10;

pub(crate) fn measure(inspector: &Inspector, rows: &[Row]) {
    let mut roles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        roles.entry(&row.role).or_default().push(&row.text);
    }
    for (role, texts) in roles {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let all: Duration = texts.iter().map(|text| least(inspector, role, text)).sum();
        let rate = all.as_secs_f64() * 1e6 / bytes as f64 * 1024.0;
        let (middle, late) = long(inspector, role, &texts.join("\n"));
        println!(
            "{role:9} {rate:.1} µs/KB as they stand; 8 KB: {middle} µs in the middle, {late} µs p99"
        );
        // As many codes in one text as anybody may write.
        let short = texts.iter().filter(|text| text.len() < 600);
        let coded: Vec<String> = short
            .zip(DISGUISES.iter().cycle())
            .map(|(text, (_, hide))| hide(text))
            .collect();
        let (middle, late) = long(inspector, role, &coded.join("\n"));
        println!("{role:9} in twelve codes, 8 KB: {middle} µs in the middle, {late} µs p99");
    }
}

fn time(inspector: &Inspector, role: &str, text: &str) -> Duration {
    let start = Instant::now();
    std::hint::black_box(inspector.injection(segment(role, text)));
    start.elapsed()
}

/// The shortest of some, since other programs run beside.
fn least(inspector: &Inspector, role: &str, text: &str) -> Duration {
    (0..5)
        .map(|_| time(inspector, role, text))
        .min()
        .unwrap_or_default()
}

fn long(inspector: &Inspector, role: &str, all: &str) -> (u128, u128) {
    let mut times = Vec::new();
    let mut from = 0;
    while from + LONG < all.len() && times.len() < 400 {
        let (start, end) = (
            all.floor_char_boundary(from),
            all.floor_char_boundary(from + LONG),
        );
        from += LONG;
        times.push(least(inspector, role, &all[start..end]));
    }
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    (at(50), at(99))
}
