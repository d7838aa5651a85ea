// SPDX-License-Identifier: Apache-2.0
//! One flipped bit is found before anybody loads it, and by the patrol if nobody asks.

use std::path::Path;

use casemate_crypto::sha256;
use casemate_models::registry::{Patrol, PatrolConfig, RegistryError};

use super::house::{House, admin, developer, model, place, reference};

const WEIGHTS: &str = "onnx/weights.safetensors";

/// Two versions, the second in production.
fn two_versions() -> House {
    let house = House::new();
    for number in ["1", "2"] {
        house.push(&model(number.parse().unwrap()));
        house.prepare(number);
        house.promote(number, "production").unwrap();
    }
    house
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// The sealed file of the weights of the version in production: flipping all and looking which one
/// it is would not be a test, so files are told apart by their time.
fn weights_of_two(house: &House) -> std::path::PathBuf {
    let mut large: Vec<_> = house.blobs();
    large.retain(|file| std::fs::metadata(file).unwrap().len() > 100_000);
    assert_eq!(large.len(), 2);
    let one = house.show("1");
    // Reading version 1 must work whichever is damaged, if it is the other's.
    for file in &large {
        let good = std::fs::read(file).unwrap();
        std::fs::write(file, b"").unwrap();
        let is_two = house.registry_reads(&one);
        std::fs::write(file, &good).unwrap();
        if is_two {
            return file.clone();
        }
    }
    panic!("neither");
}

impl House {
    /// Whether the stored weights of a version can be read, without anybody hearing of it.
    fn registry_reads(&self, version: &casemate_models::registry::VersionInfo) -> bool {
        let digest = version.files[1].sha256;
        let (caller, place) = (developer(), place());
        let missing = self.registry.missing(&caller, &place, vec![digest]);
        self.run(missing).unwrap().is_empty()
    }
}

#[track_caller]
fn is_stopped_and_led_away(house: &House) {
    let two = house.show("2");
    let stopped = two.summary.stopped.expect("it is quarantined");
    assert!(stopped.why.contains("damaged"), "{}", stopped.why);
    assert_eq!(house.show("production").summary.number, 1);
    assert_eq!(&house.pull("production", WEIGHTS).unwrap(), &model(1)[1].1);
    let records = house.book();
    let alerts: Vec<_> = records
        .iter()
        .filter(|line| line.starts_with("alert"))
        .collect();
    assert_eq!(alerts.len(), 1, "{records:#?}");
    assert!(alerts[0].contains("fraud@sha256:") && alerts[0].contains("damaged"));
    for line in [
        "model:quarantine allow role.job",
        "model:rollback allow role.job",
    ] {
        assert!(
            records.iter().any(|record| record.starts_with(line)),
            "{records:#?}"
        );
    }
}

#[test]
fn reading_finds_a_flipped_bit_wherever_it_is() {
    // In the first piece nothing is given at all; further on the body breaks off there.
    for at in [50, 70_000, 199_000] {
        let house = two_versions();
        flip(&weights_of_two(&house), at);
        assert!(house.pull("production", WEIGHTS).is_err(), "{at}");
        is_stopped_and_led_away(&house);
        let why = house.pull("2", WEIGHTS).unwrap_err();
        assert!(why.contains("quarantined"), "{why}");
    }
}

#[test]
fn a_piece_that_is_not_damaged_still_goes_out_as_it_came() {
    let house = two_versions();
    flip(&weights_of_two(&house), 199_000);
    let good = house
        .pull_range(&developer(), "2", WEIGHTS, 0..65_536)
        .unwrap();
    assert_eq!(good, &model(2)[1].1[..65_536]);
    assert!(
        house
            .pull_range(&developer(), "2", WEIGHTS, 150_000..200_000)
            .is_err()
    );
}

#[test]
fn the_patrol_finds_what_nobody_asks_for() {
    for harm in [
        "flip",
        "cut",
        "empty",
        "gone",
        "swap",
        "link",
        "pipe",
        "directory",
    ] {
        let house = two_versions();
        let patrol = Patrol::new(house.registry.clone(), PatrolConfig::default());
        let before = house.run(patrol.round(None)).unwrap();
        // Both versions have the same small file.
        assert_eq!((before.blobs, before.damaged), (3, 0));
        let file = weights_of_two(&house);
        let bytes = std::fs::read(&file).unwrap();
        match harm {
            "flip" => flip(&file, 123_456),
            "cut" => std::fs::write(&file, &bytes[..65_536 + 16 + 40]).unwrap(),
            "empty" => std::fs::write(&file, b"").unwrap(),
            "gone" => std::fs::remove_file(&file).unwrap(),
            "link" => {
                let beside = house.dir.join("weights");
                std::fs::rename(&file, &beside).unwrap();
                std::os::unix::fs::symlink(&beside, &file).unwrap();
            }
            "pipe" => {
                std::fs::remove_file(&file).unwrap();
                let made = std::process::Command::new("mkfifo").arg(&file).status();
                assert!(made.unwrap().success());
            }
            "directory" => {
                std::fs::remove_file(&file).unwrap();
                std::fs::create_dir(&file).unwrap();
            }
            _ => {
                _ = std::fs::copy(
                    house.blobs().iter().rfind(|other| **other != file).unwrap(),
                    &file,
                )
                .unwrap()
            }
        }
        let round = house.run(patrol.round(None)).unwrap();
        assert_eq!((round.blobs, round.damaged), (3, 1), "{harm}");
        is_stopped_and_led_away(&house);
        // What is in quarantine is not looked at again and again, and no second alert is raised.
        let after = house.run(patrol.round(None)).unwrap();
        assert_eq!((after.blobs, after.damaged), (2, 0), "{harm}");
        is_stopped_and_led_away(&house);
    }
}

#[test]
fn a_damaged_version_is_let_go_only_when_it_is_whole_again() {
    let house = two_versions();
    flip(&weights_of_two(&house), 100_000);
    assert!(house.pull("2", WEIGHTS).is_err());
    let (place, two) = (place(), reference("2"));
    let release = || house.run(house.registry.release(&admin(), &place, &two, "healed"));
    assert!(matches!(release(), Err(RegistryError::Damaged { .. })));
    // Pushing again heals it, with nothing but what is said to be missing.
    let digests: Vec<_> = model(2).iter().map(|(_, bytes)| sha256(bytes)).collect();
    let by = developer();
    let missing = house.run(house.registry.missing(&by, &place, digests));
    let missing = missing.unwrap();
    for (_, bytes) in model(2) {
        if missing.contains(&sha256(&bytes)) {
            house.send(&developer(), &bytes).unwrap();
        }
    }
    release().unwrap();
    assert_eq!(&house.pull("2", WEIGHTS).unwrap(), &model(2)[1].1);
}

#[test]
fn shared_bytes_stop_every_version_that_has_them() {
    let house = two_versions();
    let small = house.blobs().into_iter().next().unwrap();
    flip(&small, 60);
    assert!(house.pull("1", "config.json").is_err());
    for number in ["1", "2"] {
        assert!(house.show(number).summary.stopped.is_some(), "{number}");
    }
    // Nothing good is left: the alias stays, and what it points at is not handed out.
    assert!(
        house
            .pull("production", WEIGHTS)
            .unwrap_err()
            .contains("quarantined")
    );
}

#[test]
fn what_cannot_be_read_keeps_the_patrol_from_nothing_else() {
    let house = two_versions();
    house.send(&developer(), b"{\"left\": \"over\"}").unwrap();
    house
        .clock
        .advance(std::time::Duration::from_secs(25 * 3600));
    let patrol = Patrol::new(house.registry.clone(), PatrolConfig::default());
    let bad = weights_of_two(&house);
    let others = house.blobs().into_iter().filter(|file| *file != bad);
    let others: Vec<_> = others
        .filter(|file| file.parent() != bad.parent())
        .collect();
    flip(others.last().unwrap(), 60);
    // The directory it stands in is none any more: that says nothing of the bytes.
    let shelf = bad.parent().unwrap();
    std::fs::rename(shelf, house.dir.join("shelf")).unwrap();
    std::fs::write(shelf, b"").unwrap();
    let round = house.run(patrol.round(None)).unwrap();
    assert_eq!((round.blobs, round.unread, round.damaged), (3, 1, 1));
    assert_eq!(round.removed, 1);
    assert!(house.show("2").summary.stopped.is_none());
    assert!(house.show("1").summary.stopped.is_some());
    let records = house.book();
    let failed = records
        .iter()
        .filter(|line| line.starts_with("model:verify failed"));
    assert_eq!(failed.count(), 1, "{records:#?}");
}

#[test]
fn an_alias_that_was_left_at_a_stopped_version_is_led_away() {
    let house = two_versions();
    // As a process that ended in between leaves it.
    let stopped = house.database.tx("test", |tx| {
        tx.execute(
            "UPDATE models_version SET quarantined = 1 WHERE number = 2",
            &[],
        )
    });
    assert_eq!(stopped.unwrap(), 1);
    assert_eq!(house.show("production").summary.number, 2);
    let patrol = Patrol::new(house.registry.clone(), PatrolConfig::default());
    house.run(patrol.round(None)).unwrap();
    assert_eq!(house.show("production").summary.number, 1);
}

#[test]
fn what_is_stopped_for_one_reason_is_stopped_for_the_next_too() {
    let house = two_versions();
    flip(&weights_of_two(&house), 100_000);
    assert!(house.pull("2", WEIGHTS).is_err());
    let (place, two) = (place(), reference("2"));
    let quarantine = |why: &str| {
        house
            .run(house.registry.quarantine(&admin(), &place, &two, why))
            .unwrap();
        house.show("2").summary.stopped.unwrap()
    };
    let before = house.show("2").summary.stopped.unwrap();
    house.clock.advance(std::time::Duration::from_secs(5));
    let after = quarantine("it answers to a secret word");
    assert!(after.since > before.since);
    assert!(
        after
            .why
            .starts_with("it answers to a secret word; before that: ")
    );
    assert!(after.why.contains("damaged"));
    let endless = "why ".repeat(2000);
    assert_eq!(quarantine(&endless).why.chars().count(), 4000);
}

#[test]
fn nobody_rolls_back_to_what_was_stopped_since() {
    let house = two_versions();
    let (place, one) = (place(), reference("1"));
    house
        .run(house.registry.quarantine(&admin(), &place, &one, "odd"))
        .unwrap();
    house
        .run(
            house
                .registry
                .release(&admin(), &place, &one, "it was nothing"),
        )
        .unwrap();
    // It was approved before that: it has to be approved again.
    let back = house.rollback("production");
    assert!(matches!(back, Err(RegistryError::Conflict(_))), "{back:?}");
    assert_eq!(house.show("production").summary.number, 2);
}

#[test]
fn that_all_files_are_gone_stops_no_version() {
    let house = two_versions();
    let (models, aside) = (house.dir.join("models"), house.dir.join("aside"));
    std::fs::rename(&models, &aside).unwrap();
    std::fs::create_dir(&models).unwrap();
    let patrol = Patrol::new(house.registry.clone(), PatrolConfig::default());
    let round = house.run(patrol.round(None)).unwrap();
    assert_eq!((round.blobs, round.damaged, round.unread), (3, 0, 3));
    assert!(house.pull("production", WEIGHTS).is_err());
    // As after a restore, when the files come back.
    std::fs::remove_dir(&models).unwrap();
    std::fs::rename(&aside, &models).unwrap();
    assert_eq!(house.run(patrol.round(None)).unwrap().damaged, 0);
    assert_eq!(&house.pull("production", WEIGHTS).unwrap(), &model(2)[1].1);
}
