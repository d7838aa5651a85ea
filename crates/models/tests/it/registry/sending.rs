// SPDX-License-Identifier: Apache-2.0
//! Who sends, and for what: nobody takes the place of others, nobody registers what others sent.

use std::{
    pin::Pin,
    sync::mpsc::{Sender, channel},
    task::{Context, Poll},
};

use bytes::Bytes;
use casemate_crypto::sha256;
use casemate_models::registry::{Place, RegistryError, Submission};
use http_body_util::Full;

use super::house::{House, OTHER, caller, developer, listed, model, place, reference};

/// A body that says when it is asked for and never comes.
struct Never(Sender<()>);

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let _ = self.0.send(());
        Poll::Pending
    }
}

#[test]
fn slow_senders_of_one_project_hold_up_nobody_else() {
    let house = House::new();
    let (asked, was_asked) = channel();
    let slow: Vec<_> = (0..8_u8)
        .map(|number| {
            let (registry, body) = (house.registry.clone(), Never(asked.clone()));
            house.spawn(async move {
                let digest = [number; 32];
                let (caller, place) = (developer(), place());
                registry
                    .receive(&caller, &place, digest, 1 << 40, body)
                    .await
            })
        })
        .collect();
    slow.iter().for_each(|_| was_asked.recv().unwrap());
    let busy = house.send(&developer(), b"{}").unwrap_err();
    assert!(matches!(busy, RegistryError::Busy(_)), "{busy:?}");
    assert_eq!(busy.problem().code.status(), 503);
    let elsewhere = Place {
        project: OTHER,
        ..place()
    };
    let stranger = caller(7, "developer", Some(OTHER));
    let body = Full::new(Bytes::from_static(b"{}"));
    let sent = house
        .registry
        .receive(&stranger, &elsewhere, sha256(b"{}"), 2, body);
    house.run(sent).unwrap();
    // Who goes makes room.
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    for one in slow {
        assert!(house.run(one).unwrap_err().is_cancelled());
    }
    house.send(&developer(), b"{}").unwrap();
}

#[test]
fn bytes_count_for_the_model_they_were_sent_for() {
    let house = House::new();
    house.push(&model(1));
    let open = Place {
        model: "open".parse().unwrap(),
        ..place()
    };
    house.allow_for(&open, &[&house.key]);
    let registry = &house.registry;
    let register = || {
        let submission = Submission {
            files: listed(&model(1)),
            bundle: house.bundle(&model(1)),
        };
        house.run(registry.register(&developer(), &open, submission))
    };
    // Whoever may read a model's list of files knows digests, and has no bytes by that.
    let result = register();
    assert!(
        matches!(&result, Err(RegistryError::Invalid(why)) if why.contains("were not sent")),
        "{result:?}"
    );
    let digests: Vec<_> = model(1).iter().map(|(_, bytes)| sha256(bytes)).collect();
    let missing = || {
        house
            .run(registry.missing(&developer(), &open, digests.clone()))
            .unwrap()
    };
    assert_eq!(missing(), digests);
    for (_, bytes) in model(1) {
        let (digest, length) = (sha256(&bytes), bytes.len() as u64);
        let body = Full::new(Bytes::from(bytes));
        house
            .run(registry.receive(&developer(), &open, digest, length, body))
            .unwrap();
    }
    assert_eq!(missing(), [[0; 32]; 0]);
    assert_eq!(register().unwrap().summary.number, 1);
    assert_eq!(house.blobs().len(), 2);
}

#[test]
fn a_version_that_is_registered_already_is_not_read_again() {
    let house = House::new();
    let first = house.push(&model(1));
    for file in house.blobs() {
        std::fs::remove_file(file).unwrap();
    }
    let submission = Submission {
        files: listed(&model(1)),
        bundle: house.bundle(&model(1)),
    };
    let again = house.run(house.registry.register(&developer(), &place(), submission));
    assert_eq!(again.unwrap().summary.root, first.summary.root);
    let still = house
        .run(
            house
                .registry
                .version(&developer(), &place(), &reference("1")),
        )
        .unwrap();
    assert!(still.summary.stopped.is_none());
}

#[test]
fn the_same_model_pushed_many_times_at_once_is_one_version() {
    let house = House::new();
    let bundle = house.bundle(&model(1));
    let pushes: Vec<_> = (0..4)
        .map(|_| {
            let (registry, bundle) = (house.registry.clone(), bundle.clone());
            house.spawn(async move {
                let (caller, place) = (developer(), place());
                for (_, bytes) in model(1) {
                    let (digest, length) = (sha256(&bytes), bytes.len() as u64);
                    let body = Full::new(Bytes::from(bytes));
                    let sent = registry.receive(&caller, &place, digest, length, body);
                    sent.await.unwrap();
                }
                let submission = Submission {
                    files: listed(&model(1)),
                    bundle,
                };
                registry.register(&caller, &place, submission).await
            })
        })
        .collect();
    for push in pushes {
        assert_eq!(house.run(push).unwrap().unwrap().summary.number, 1);
    }
    let shown = house.run(house.registry.show(&developer(), &place()));
    assert_eq!(shown.unwrap().versions.len(), 1);
    assert_eq!(house.blobs().len(), 2);
    for (name, bytes) in model(1) {
        assert_eq!(house.pull("1", &name).unwrap(), bytes, "{name}");
    }
}
