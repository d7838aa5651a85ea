// SPDX-License-Identifier: Apache-2.0
//! Witnesses: others who sign that the book only grew (C2SP tlog-witness). What they signed stays
//! with them, so an old copy or a cut end is found even by who has only this machine.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use casemate_access::{Door, Permit, Receipt};
use casemate_http::{Client, Shutdown, read_body};
use casemate_ledger::{Checkpoint, VerifierKey, Witness, WitnessAnswer};
use casemate_types::{Caller, ResourceKind, ResourceRef, actions::LedgerWitness, event::Ending};
use hyper::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::{config::LedgerConfig, wire::outside};

/// Bytes of a witness's answer at most.
const MAX_ANSWER: usize = 64 * 1024;
/// Time for a witness's answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time between two visits after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// All configured witnesses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Witnesses {
    door: Door,
    all: Arc<[Peer]>,
    every: Duration,
}

struct Peer {
    witness: Witness,
    client: Client,
    url: String,
}

impl Witnesses {
    /// Reads keys and addresses; nobody is asked yet.
    pub(crate) fn new(config: &LedgerConfig, door: Door) -> anyhow::Result<Self> {
        let peer = |one: &crate::config::WitnessConfig| {
            let key = VerifierKey::parse(&one.key)
                .with_context(|| format!("the key of the witness `{}`", one.url))?;
            let client = outside(&one.url, one.allow_private, PATIENCE)
                .with_context(|| format!("the address of the witness `{}`", one.url))?;
            Ok(Peer {
                witness: Witness { key },
                client,
                url: one.url.clone(),
            })
        };
        let all: anyhow::Result<Arc<[Peer]>> = config.witness.iter().map(peer).collect();
        Ok(Self {
            door,
            all: all?,
            every: Duration::from_secs(config.witness_every_s.max(1)),
        })
    }

    /// Shows the newest checkpoint to every witness and keeps what they sign.
    pub(crate) async fn visit(&self, permit: Permit<LedgerWitness>) -> Vec<Visit> {
        let Some((_, receipt)) = permit.enter() else {
            return Vec::new();
        };
        let mut visits = Vec::with_capacity(self.all.len());
        for peer in self.all.iter() {
            let result = self.visit_one(peer, &receipt).await;
            let text = result.map_err(|error| format!("{error:#}"));
            if let Err(error) = &text {
                tracing::error!(witness = peer.witness.key.name, %error, "no cosignature");
            }
            visits.push(Visit {
                name: peer.witness.key.name.clone(),
                url: peer.url.clone(),
                size: text,
            });
        }
        let failed: Vec<_> = visits.iter().filter(|visit| visit.size.is_err()).collect();
        let ending = match failed.is_empty() {
            true => Ending::Completed,
            false => Ending::Failed,
        };
        let names: Vec<_> = failed.iter().map(|visit| visit.name.as_str()).collect();
        receipt.settle(ending, |facts| {
            facts.note = match names.is_empty() {
                true => format!("{} witness(es) signed", visits.len()),
                false => format!("no cosignature of {}", names.join(", ")),
            };
        });
        visits
    }

    /// Gives the size that the witness has signed now.
    async fn visit_one(&self, peer: &Peer, receipt: &Receipt) -> anyhow::Result<u64> {
        let id = peer.witness.id();
        let (door, witness) = (self.door.clone(), id.clone());
        let known = tokio::task::spawn_blocking(move || door.reader().cosigned(&witness)).await??;
        let known = known.map_or(0, |(size, _)| size);
        let mut old = known;
        // Twice: a witness may know more than we remember, after a restore for example.
        for _ in 0..2 {
            let door = self.door.clone();
            let prepared =
                tokio::task::spawn_blocking(move || Witness::prepare(door.reader(), old)).await??;
            let (note, body) = match prepared {
                Some(prepared) => prepared,
                None if old == known => return Ok(known),
                // It says that it has this size, and its signature is not here: so once more.
                None => {
                    let note = self.door.reader().checkpoint()?;
                    let body = Witness::request(old, &[], &note);
                    (note, body)
                }
            };
            let size = Checkpoint::parse(&note.body)?.size;
            let response = peer
                .client
                .send(
                    Method::POST,
                    "/add-checkpoint",
                    HeaderMap::new(),
                    Bytes::from(body),
                )
                .await?;
            let status = response.status().as_u16();
            let answer = read_body(response.into_body(), MAX_ANSWER, PATIENCE).await?;
            let answer = std::str::from_utf8(&answer).context("its answer is not text")?;
            match peer.witness.answer(status, answer, &note)? {
                WitnessAnswer::Cosigned(signatures) => {
                    self.door
                        .keep_cosignature(receipt, &id, size, &signatures)?;
                    return Ok(size);
                }
                WitnessAnswer::Behind(theirs) => old = theirs,
            }
        }
        anyhow::bail!("it contradicts itself about the size it knows")
    }

    /// Visits from time to time until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        if self.all.is_empty() {
            return;
        }
        let (mut seen, mut pause) = (0, self.every);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.triggered() => return,
            }
            let size = self.door.reader().size();
            if size == seen {
                continue;
            }
            self.sign(size).await;
            let resource = ResourceRef::system(ResourceKind::Ledger, "ledger");
            let caller = Caller::job("witness");
            let visited = match self.door.admit(&caller, resource, "").await {
                Ok(permit) => tokio::select! {
                    visits = self.visit(permit) => visits.iter().all(|visit| visit.size.is_ok()),
                    () = shutdown.triggered() => return,
                },
                Err(error) => {
                    tracing::error!(%error, "witnesses may not be asked");
                    false
                }
            };
            // What a visit itself writes, a decision and an outcome, is no reason for the next one.
            (seen, pause) = match visited {
                true => (size + 2, self.every),
                false => (0, (pause * 2).min(LONGEST_PAUSE.max(self.every))),
            };
        }
    }

    /// Waits until a checkpoint covers so many records, as long as that may take.
    async fn sign(&self, size: u64) {
        self.door.checkpoint_soon();
        for _ in 0..100 {
            let door = self.door.clone();
            let signed = tokio::task::spawn_blocking(move || {
                let note = door.reader().checkpoint().ok()?;
                Checkpoint::parse(&note.body).ok()
            });
            if matches!(signed.await, Ok(Some(checkpoint)) if checkpoint.size >= size) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// How it went with one witness.
pub(crate) struct Visit {
    name: String,
    url: String,
    /// The size it has signed, or why it has not.
    size: Result<u64, String>,
}

impl Visit {
    pub(crate) fn json(&self) -> Value {
        json!({
            "witness": self.name,
            "url": self.url,
            "signed": self.size.as_ref().ok(),
            "error": self.size.as_ref().err(),
        })
    }
}
