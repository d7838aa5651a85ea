// SPDX-License-Identifier: Apache-2.0
use super::*;

const CASES: &str = include_str!("../../../tests/data/personal-cases.tsv");

/// Every case of the table: what is right passes a rule of its type, what is wrong passes none.
#[test]
fn every_form_is_told_from_what_looks_like_it() {
    let all = Identifiers::new().unwrap();
    let mut wrong = Vec::new();
    for line in CASES
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let fields: Vec<_> = line.split('\t').collect();
        let (name, value, right) = (fields[0], fields[1], fields[2] == "1");
        let rules: Vec<_> = all.rules.iter().filter(|rule| rule.name == name).collect();
        if rules.is_empty() {
            continue;
        }
        let passes = rules.iter().any(|rule| {
            let accepts = |end: usize| end == value.len();
            let mut memory = Memory::new(&all.remembered);
            rule.matcher
                .match_at(value.as_bytes(), 0, &mut memory, accepts)
                .is_some()
                && rule.check.passes(value.as_bytes())
        });
        if passes != right {
            wrong.push(line);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
