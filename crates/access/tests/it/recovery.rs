// SPDX-License-Identifier: Apache-2.0
//! Starting again: every access ends in the book, and what is computed from it comes out the same.

use std::collections::BTreeMap;

use casemate_access::{Door, Grant, Projection, Recovered};
use casemate_ledger::{Kind, Record};
use casemate_types::{
    Booking, Entropy as _,
    event::{Ending, Facts},
};
use serde::{Deserialize, Serialize};

use crate::house::{House, ask, commit, lines, service};

/// Money by account, and how accesses ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    spent: BTreeMap<String, i64>,
    endings: BTreeMap<String, u64>,
    /// Reserved by decisions without outcome.
    open: BTreeMap<String, Booking>,
    #[serde(skip)]
    refuses_snapshots: bool,
}

impl Projection for Sums {
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.refuses_snapshots {
            return Err("no".into());
        }
        *self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn apply(&mut self, record: &Record, facts: &Facts) {
        let booked = facts.booking.unwrap_or_default();
        let mut change = i64::try_from(booked.micros).unwrap();
        match record.entry.kind {
            Kind::Decision => drop(self.open.insert(record.entry.id.to_string(), booked)),
            Kind::Outcome => {
                let reserved = self
                    .open
                    .remove(&record.entry.about.to_string())
                    .unwrap_or_default();
                if facts.booking.is_none() {
                    change = i64::try_from(reserved.micros).unwrap();
                }
                change -= i64::try_from(reserved.micros).unwrap();
                *self
                    .endings
                    .entry(facts.ending.unwrap().to_string())
                    .or_default() += 1;
            }
            Kind::Finding | Kind::Notice => panic!("only accesses are replayed"),
        }
        for account in &facts.accounts {
            *self.spent.entry(account.clone()).or_default() += change;
        }
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap()
    }
}

/// From zero: nothing that was stored is used.
fn from_zero() -> Sums {
    Sums {
        refuses_snapshots: true,
        ..Sums::default()
    }
}

fn recover(door: &Door, sums: &mut Sums) -> Recovered {
    let recovered = door.recover(sums).unwrap();
    sums.refuses_snapshots = false;
    recovered
}

/// One access: reserved 10, ended as told; `None` leaves it open, as a crash does.
fn access(door: &Door, account: &str, ending: Option<Ending>, used: Option<u64>) {
    let mut decided = ask(door, &service());
    decided.book(
        Booking {
            tokens: 1,
            micros: 10,
        },
        vec![account.to_owned(), "all".to_owned()],
    );
    let Grant::Allowed(permit) = commit(door, decided) else {
        panic!("allowed")
    };
    let (_, receipt) = permit.enter().unwrap();
    match ending {
        Some(ending) => receipt.settle(ending, |facts| {
            facts.booking = used.map(|micros| Booking { tokens: 1, micros });
        }),
        // The process is gone before anything is dropped.
        None => std::mem::forget(receipt),
    }
}

#[test]
fn what_had_no_end_gets_one() {
    let house = House::new();
    let door = house.open();
    access(&door, "a", Some(Ending::Completed), Some(4));
    access(&door, "a", None, None);
    access(&door, "b", None, None);
    assert!(matches!(
        commit(&door, ask(&door, &service()).deny("x", "no")),
        Grant::Denied(_)
    ));
    door.recorder().notice(&service(), "note").unwrap();
    door.close();
    let crashed = house.after_a_crash();
    let door = crashed.open();
    let mut sums = Sums::default();
    let recovered = recover(&door, &mut sums);
    assert_eq!(recovered.unknown, 2);
    assert_eq!(
        sums.endings,
        BTreeMap::from([("completed".into(), 1), ("unknown".into(), 2)])
    );
    // What was reserved may have been used.
    let spent = BTreeMap::from([("a".into(), 14), ("all".into(), 24), ("b".into(), 10)]);
    assert_eq!(sums.spent, spent);
    door.close();
    let lines = lines(door.reader());
    let unknown =
        "outcome model:invoke unknown 1t/10m the process ended before the outcome was known";
    assert_eq!(
        lines.iter().filter(|line| *line == unknown).count(),
        2,
        "{lines:#?}"
    );
    // Each of them belongs to its decision.
    let records = door.reader().list(0, 100).unwrap();
    for record in records
        .iter()
        .filter(|record| record.entry.kind == Kind::Decision)
    {
        let facts = Facts::from_event(&record.entry.event).unwrap();
        let ends = records.iter().filter(|other| {
            other.entry.kind == Kind::Outcome && other.entry.about == record.entry.id
        });
        let expected = usize::from(facts.decision == Some(casemate_types::Decision::Allow));
        assert_eq!(ends.count(), expected);
    }
}

#[test]
fn a_second_start_has_nothing_to_do() {
    let house = House::new();
    let door = house.open();
    access(&door, "a", None, None);
    door.close();
    let crashed = house.after_a_crash();
    let door = crashed.open();
    assert_eq!(recover(&door, &mut Sums::default()).unknown, 1);
    let size = door.reader().size();
    door.close();
    drop(door);
    let door = crashed.open();
    let mut sums = Sums::default();
    assert_eq!(
        recover(&door, &mut sums),
        Recovered {
            replayed: 0,
            unknown: 0
        }
    );
    assert_eq!(door.reader().size(), size);
    let mut again = from_zero();
    assert_eq!(
        recover(&door, &mut again),
        Recovered {
            replayed: size,
            unknown: 0
        }
    );
    assert_eq!(again, sums);
}

#[test]
fn snapshot_and_tail_are_the_whole_after_any_number_of_crashes() {
    let mut house = House::new();
    let dice = casemate_testkit::SeededEntropy::new(77);
    let roll = |sides: u8| {
        let mut byte = [0];
        dice.fill(&mut byte);
        byte[0] % sides
    };
    let mut unknown = 0;
    for start in 0..6 {
        let door = house.open();
        let mut sums = Sums::default();
        let recovered = recover(&door, &mut sums);
        assert_eq!(recovered.unknown, unknown, "start {start}");
        unknown = 0;
        let mut zero = from_zero();
        assert_eq!(recover(&door, &mut zero).replayed, door.reader().size());
        assert_eq!(zero, sums, "start {start}");
        assert!(sums.open.is_empty());
        for _ in 0..roll(12) {
            let account = ["a", "b", "c"][usize::from(roll(3))];
            let ending = [
                Some(Ending::Completed),
                Some(Ending::Failed),
                Some(Ending::Cut),
                None,
            ][usize::from(roll(4))];
            let used = (roll(2) == 0).then(|| u64::from(roll(30)));
            unknown += u64::from(ending.is_none());
            access(&door, account, ending, used);
            house
                .clock
                .advance(std::time::Duration::from_secs(u64::from(roll(200)) * 3600));
        }
        door.close();
        house = house.after_a_crash();
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_is_not_needed() {
    let house = House::new();
    let door = house.open();
    access(&door, "a", Some(Ending::Completed), Some(3));
    let mut sums = Sums::default();
    // The outcome may be on its way still.
    while door.reader().size() < 2 {
        std::thread::yield_now();
    }
    recover(&door, &mut sums);
    let mut refusing = from_zero();
    assert_eq!(recover(&door, &mut refusing).replayed, 2);
    assert_eq!(refusing, sums);
    assert_eq!(sums.spent["a"], 3);
}
