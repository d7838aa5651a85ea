// SPDX-License-Identifier: Apache-2.0
//! One flipped bit is found before anybody loads it, and by the patrol if nobody asks.

use std::path::Path;

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
    for harm in ["flip", "cut", "empty", "gone", "swap"] {
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
    // Pushing the same bytes again heals them.
    house.push(&model(2));
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
