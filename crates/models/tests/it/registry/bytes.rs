// SPDX-License-Identifier: Apache-2.0
//! Bytes come in whole or not at all, and go out as they came.

use bytes::Bytes;
use casemate_crypto::sha256;
use casemate_models::registry::{Patrol, PatrolConfig, RegistryError};
use http_body_util::Full;

use super::house::{House, developer, model, place};

#[test]
fn what_is_not_what_was_announced_leaves_nothing() {
    let house = House::new();
    let bytes = vec![5; 100_000];
    let send = |length: u64, digest| {
        let body = Full::new(Bytes::from(bytes.clone()));
        let (caller, place) = (developer(), place());
        let sent = house
            .registry
            .receive(&caller, &place, digest, length, body);
        house.run(sent).map(drop)
    };
    let digest = sha256(&bytes);
    assert!(matches!(
        send(100_001, digest),
        Err(RegistryError::Transfer(_))
    ));
    assert!(matches!(
        send(99_999, digest),
        Err(RegistryError::Transfer(_))
    ));
    assert!(matches!(send(0, digest), Err(RegistryError::Transfer(_))));
    let wrong = send(100_000, sha256(b"another")).unwrap_err();
    assert!(
        wrong.problem().detail.contains("do not have the digest"),
        "{wrong:?}"
    );
    assert_eq!(house.blobs().len(), 0);
    let place = place();
    let missing = house.run(house.registry.missing(&developer(), &place, vec![digest]));
    assert_eq!(missing.unwrap(), [digest]);
    send(100_000, digest).unwrap();
    let missing = house.run(house.registry.missing(&developer(), &place, vec![digest]));
    assert_eq!(missing.unwrap().len(), 0);
    // Sent once more, it is there once.
    send(100_000, digest).unwrap();
    assert_eq!(house.blobs().len(), 1);
}

/// Gives some bytes, then an error.
struct Breaks(Vec<Option<Bytes>>);

impl http_body::Body for Breaks {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let next = self.0.pop();
        std::task::Poll::Ready(next.map(|piece| {
            piece
                .map(http_body::Frame::data)
                .ok_or("the connection is gone")
        }))
    }
}

#[test]
fn a_push_that_breaks_off_leaves_nothing() {
    let house = House::new();
    for pieces in [
        vec![None, Some(Bytes::from(vec![1; 50_000]))],
        vec![Some(Bytes::from(vec![1; 50_000]))],
        vec![],
    ] {
        let digest = sha256(&[1; 100_000]);
        let (caller, place) = (developer(), place());
        let sent = house
            .registry
            .receive(&caller, &place, digest, 100_000, Breaks(pieces));
        assert!(matches!(house.run(sent), Err(RegistryError::Transfer(_))));
    }
    assert_eq!(house.blobs().len(), 0);
    let records = house.book();
    let failed = records
        .iter()
        .filter(|line| line.starts_with("model:push failed"));
    assert_eq!(failed.count(), 3, "{records:#?}");
}

#[test]
fn every_range_is_what_stands_there() {
    let house = House::new();
    house.push(&model(1));
    let bytes = &model(1)[1].1;
    let length = bytes.len() as u64;
    let name = "onnx/weights.safetensors";
    assert_eq!(&house.pull("1", name).unwrap(), bytes);
    for (start, end) in [
        (0, 1),
        (0, 65_536),
        (65_535, 65_537),
        (1, length),
        (length - 1, length),
        (7, 7),
    ] {
        let got = house
            .pull_range(&developer(), "1", name, start..end)
            .unwrap();
        let expected = &bytes[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
        assert_eq!(got, expected, "{start}..{end}");
    }
    for absent in [
        "",
        "nothing",
        "../config.json",
        "onnx",
        "onnx/",
        "CONFIG.json",
        "/etc/passwd",
    ] {
        assert!(house.pull("1", absent).is_err(), "{absent}");
    }
}

#[test]
fn what_never_became_a_version_is_swept_after_a_day() {
    let house = House::new();
    house.push(&model(1));
    house.send(&developer(), b"{\"left\": \"over\"}").unwrap();
    let patrol = Patrol::new(house.registry.clone(), PatrolConfig::default());
    let round = || house.run(patrol.round(None)).unwrap();
    assert_eq!((round().removed, house.blobs().len()), (0, 3));
    house
        .clock
        .advance(std::time::Duration::from_secs(25 * 3600));
    let last = round();
    assert_eq!((last.removed, last.blobs, last.damaged), (1, 2, 0));
    assert_eq!(house.blobs().len(), 2);
    assert!(house.pull("1", "config.json").is_ok());
}
