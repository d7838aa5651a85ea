// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench ledger`: durable records per second end to end (OCSF, sealing, Merkle, group
//! commit), proof and verification, beside the floor of the same run.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use casemate_crypto::SystemEntropy;
use casemate_ledger::{Draft, Kind, Lane, Ledger, LedgerOptions, Urgency, export, verify_export};
use casemate_store::Scope;
use casemate_testkit::{TempDir, keyring};
use casemate_types::{
    ActionName, Booking, Caller, Decision, Entropy, PrincipalId, RecordId, SystemClock, Timestamp,
    event::{Class, Event, Facts, Phase, Why},
};

/// Producers, as many requests at once.
const PRODUCERS: usize = 256;

fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(200_000, |text| text.parse().unwrap());
    let large: u64 = std::env::args()
        .nth(2)
        .map_or(1_000_000, |text| text.parse().unwrap());
    let dir = TempDir::new();
    floor(&dir);
    let entropy = Arc::new(SystemEntropy);
    let keys = keyring(
        &dir.join("state.db"),
        Arc::new(SystemClock),
        entropy.clone(),
    );
    let options = LedgerOptions {
        file: dir.join("ledger.db"),
        reserve: 1 << 20,
        max_bytes: None,
        checkpoint_every: Duration::from_secs(1),
    };
    let (writer, reader) =
        Ledger::open(options, keys, entropy.clone(), Arc::new(SystemClock)).unwrap();
    let started = Instant::now();
    std::thread::scope(|scope| {
        // Two threads stand for the processors; each keeps half of the producers' records waiting.
        for _ in 0..2 {
            scope.spawn(|| {
                let mut left = count / 2;
                while left > 0 {
                    let batch = left.min(PRODUCERS as u64 / 2);
                    let tickets: Vec<_> = (0..batch)
                        .map(|_| append(&writer, &entropy, Urgency::Durable))
                        .collect();
                    tickets.into_iter().for_each(|ticket| {
                        ticket.durable_blocking().unwrap();
                    });
                    left -= batch;
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "durable records, {PRODUCERS} waiting: {:.0}/s ({count} records)",
        count as f64 / seconds
    );
    let mut last = None;
    while reader.size() + 4096 < large {
        let tickets: Vec<_> = (0..4096)
            .map(|_| append(&writer, &entropy, Urgency::Lazy))
            .collect();
        last = tickets.into_iter().last();
        last.take().map(|ticket| ticket.durable_blocking().unwrap());
    }
    drop(last);
    writer.close();
    let size = reader.size();
    let mut times: Vec<_> = (0..200)
        .map(|n| {
            let started = Instant::now();
            let proof = reader.prove(n * (size - 1) / 200).unwrap();
            assert!(!proof.path.is_empty());
            started.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "proof at {size}: p50 {:?}, p99 {:?}",
        times[100], times[197]
    );
    let directory = dir.join("export");
    export(&reader, &directory, &|_, _| ()).unwrap();
    let started = Instant::now();
    let report = verify_export(&directory, &reader.public_keys(), None, &|_, _| ()).unwrap();
    assert!(report.is_whole());
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "offline verification: {:.0} records/s ({} records)",
        size as f64 / seconds,
        size
    );
}

/// What the disk itself does with groups of the same bytes.
fn floor(dir: &TempDir) {
    let mut file = std::fs::File::create(dir.join("floor")).unwrap();
    let group = vec![7; PRODUCERS * 1100];
    let started = Instant::now();
    for _ in 0..100 {
        file.write_all(&group).unwrap();
        file.sync_data().unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "floor, write and fdatasync: {:.0} records/s",
        100.0 * PRODUCERS as f64 / seconds
    );
}

fn append(
    writer: &casemate_ledger::Writer,
    entropy: &SystemEntropy,
    urgency: Urgency,
) -> casemate_ledger::Ticket {
    let id = RecordId::from_parts(
        Timestamp::from_millis(1_795_300_000_000),
        entropy.id_bytes(),
    );
    let caller = Caller::job("bench");
    let facts = Facts {
        phase: Some(Phase::Decision),
        action: Some(ActionName::ModelInvoke),
        resource: "Model::\"gpt-4o\"".into(),
        decision: Some(Decision::Allow),
        reasons: vec![Why {
            policy: "role.service".into(),
            text: "services may use models of their project".into(),
        }],
        policy_set: "pol_01m80azyj4fj62x7tkh0k8mcf3".into(),
        dialect: "openai".into(),
        upstream: "cloud".into(),
        booking: Some(Booking {
            tokens: 512,
            micros: 1200,
        }),
        accounts: vec![
            "key_01m80azyj4fj62x7tkh0k8mcf3".into(),
            "pri_01m80azyj4fj62x7tkh0k8mcf3".into(),
            "prj_01m80azyj4fj62x7tkh0k8mcf3".into(),
        ],
        digest: "00112233445566778899aabbccddeeff".into(),
        ..Facts::default()
    };
    let event = Event {
        class: Class::ApiActivity,
        activity: 1,
        id,
        request: id,
        time: Timestamp::from_millis(1_795_300_000_000),
        caller: &caller,
        operation: "chat.completions",
        model: Some(("openai", "gpt-4o")),
        facts: &facts,
    };
    let subject = Scope::Subject(PrincipalId::from_bytes([1; 16]));
    let sealed = writer.seal(subject, id, "source", b"192.0.2.10").unwrap();
    let draft = Draft {
        kind: Kind::Decision,
        id,
        about: id,
        project: None,
        event: event.to_json(),
        sealed: vec![sealed],
    };
    writer.append(draft, Lane::Essential, urgency).unwrap()
}
