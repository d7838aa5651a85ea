// SPDX-License-Identifier: Apache-2.0
//! Twelve disguises of the same texts: how many are still found, and how many ordinary ones are then
//! taken for attacks.

use casemate_inspect::Inspector;

use crate::{
    Row,
    disguises::{DISGUISES, LONGEST},
    segment,
};

pub(crate) fn measure(inspector: &Inspector, rows: &[Row]) {
    let fits = |row: &&Row| {
        let mostly_ascii =
            row.text.chars().filter(char::is_ascii).count() * 10 >= row.text.len() * 9;
        !row.source.starts_with("obfuscated") && row.text.len() <= LONGEST && mostly_ascii
    };
    for role in ["user", "tool", "document"] {
        let rows: Vec<&Row> = rows
            .iter()
            .filter(fits)
            .filter(|row| row.role == role)
            .collect();
        let share = |label: u8, hide: fn(&str) -> String| {
            let own: Vec<_> = rows.iter().filter(|row| row.label == label).collect();
            let flagged = own
                .iter()
                .filter(|row| inspector.injection(segment(role, &hide(&row.text))).flag);
            100.0 * flagged.count() as f64 / own.len().max(1) as f64
        };
        let plain = ("plain", str::to_owned as fn(&str) -> String);
        for (name, hide) in [plain].into_iter().chain(DISGUISES) {
            let (attacks, others) = (share(1, hide), share(0, hide));
            println!("{role:9} {name:14} {attacks:5.1} % of attacks, {others:5.1} % of others");
        }
    }
}
