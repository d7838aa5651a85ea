// SPDX-License-Identifier: Apache-2.0
//! What the demonstration plays on: two stand-ins, a gateway, some keys.

use anyhow::Context as _;
use casemate_demo::StandIn;
use casemate_gateway::UpstreamKind;
use casemate_http::Shutdown;
use casemate_iam::{KeySecret, NewKey};
use casemate_quota::Limits;
use casemate_types::{Caller, Locality, ResourceKind, ResourceRef, actions::KeyRevoke};
use hyper::Method;
use indicatif::ProgressBar;
use serde_json::Value;

use super::{Row, models::Chapter};
use crate::{
    backup::Scratch,
    client,
    config::Config,
    home::Home,
    up::{open, route, trial_key_of, upstream},
    wire::{Casemate, Listening, open_reader},
};

/// Money of the small budget, in millionths: enough for a few requests of the scene that spends it.
const SMALL_BUDGET: u64 = 5_000;

/// The key somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Ordinary,
    OtherModelsOnly,
    Revoked,
    SmallBudget,
}

pub(crate) struct Stage {
    casemate: Casemate,
    listening: Listening,
    shutdown: Shutdown,
    pub(crate) cloud: StandIn,
    pub(crate) local: StandIn,
    keys: Vec<(Key, KeySecret)>,
    scratch: Scratch,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) request: String,
    pub(crate) body: String,
}

impl Stage {
    pub(crate) async fn build() -> anyhow::Result<Self> {
        let scratch = Scratch::beside(&std::env::temp_dir().join("casemate-demo"))?;
        let home = Home::new(
            Some(&scratch.path().join("data")),
            Some(&scratch.path().join("keys/machine.key")),
        )?;
        home.create(false)?;
        let (cloud, local) = (StandIn::start().await?, StandIn::start().await?);
        let config = config(&cloud.url(), &local.url());
        let casemate = open(&home, &config, None).await?;
        let shutdown = Shutdown::default();
        let listening = casemate.listen(&config, &shutdown).await?;
        let keys = make_keys(&casemate).await?;
        Ok(Self {
            casemate,
            listening,
            shutdown,
            cloud,
            local,
            keys,
            scratch,
        })
    }

    /// Sends a request as a client would, over TCP.
    pub(crate) async fn send(
        &self,
        key: Key,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> anyhow::Result<Reply> {
        let secret = self
            .keys
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, secret)| secret);
        let bearer = format!("Bearer {}", secret.context("no such key")?.expose());
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let request = client::json_request(Method::POST, path, Some(body), &all)?;
        let stream = tokio::net::TcpStream::connect(self.listening.data).await?;
        let response = client::send(stream, request).await?;
        let status = response.status().as_u16();
        let request = response.headers().get("x-request-id");
        let request = request
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = client::read(response).await?;
        Ok(Reply {
            status,
            request,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// What the book says about a request: the determining policy, in words.
    pub(crate) fn why(&self, request: &str) -> anyhow::Result<String> {
        use casemate_types::event::Facts;
        let id = request.parse()?;
        // The record may still be on its way to disk; a checkpoint waits for it.
        let records = self.casemate.door.reader().find(id)?;
        let facts: Vec<_> = records
            .iter()
            .filter_map(|r| Facts::from_event(&r.entry.event))
            .collect();
        let reason = facts.iter().flat_map(|facts| &facts.reasons).next();
        Ok(reason
            .map(|why| format!("{} ({})", why.text, why.policy))
            .unwrap_or_default())
    }

    /// Waits until everything handed in is durable and signed.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let recorder = self.casemate.door.recorder();
        recorder.notice(&Caller::job("demo"), "scene ended")?;
        let size = self.casemate.door.reader().size();
        for _ in 0..200 {
            if self.casemate.door.reader().size() > size {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        anyhow::bail!("the ledger does not write")
    }

    /// The chapter about models.
    pub(crate) async fn models(&self) -> anyhow::Result<Vec<Row>> {
        let casemate = &self.casemate;
        let project = casemate.iam.project_named("demo");
        let project = project.context("the demo has no project")?.id;
        let (scratch, store) = (self.scratch.path(), casemate.home.models());
        let chapter = Chapter::open(&casemate.registry, project, scratch, store).await?;
        chapter.play().await
    }

    /// Stops the gateway, verifies its ledger, edits one record on disk and verifies again.
    pub(crate) async fn close_and_tamper(self, bar: &ProgressBar) -> anyhow::Result<(Row, Row)> {
        let home = self.casemate.home.clone();
        self.shutdown.trigger();
        self.listening.ended().await;
        let door = self.casemate.door.clone();
        tokio::task::spawn_blocking(move || door.close()).await?;
        let victim = self.casemate.door.reader().list(0, 64)?;
        let victim = victim
            .into_iter()
            .find(|record| record.entry.kind == casemate_ledger::Kind::Decision)
            .context("the ledger has no decision")?;
        drop(self.casemate);
        let report = open_reader(&home)?.verify(&|_, _| ())?;
        let whole = Row {
            what: "the ledger is verified",
            happened: format!("{} records whole, {} signed", report.entries, report.signed),
            why: "every byte leads to the signed root".into(),
            expected: report.is_whole() && report.entries > 0,
        };
        bar.inc(1);
        edit_on_disk(&home, &victim.bytes)?;
        let report = open_reader(&home)?.verify(&|_, _| ())?;
        let named = report
            .faults
            .iter()
            .find(|fault| fault.index == victim.index);
        let edited = Row {
            what: "one record is edited on disk",
            happened: named.map_or("NOT FOUND".into(), |fault| {
                format!(
                    "found: record #{} {}",
                    fault.index,
                    fault.record.clone().unwrap_or_default()
                )
            }),
            why: named.map_or(String::new(), |fault| fault.what.clone()),
            expected: named.is_some(),
        };
        drop(self.scratch);
        Ok((whole, edited))
    }
}

/// Changes one byte of a record in the ledger's file, as somebody with access to the disk would.
fn edit_on_disk(home: &Home, record: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let path = home.ledger_file();
    let bytes = std::fs::read(&path)?;
    // The record's head, which stands in one piece, and in it the byte that says allow or deny.
    let head = &record[..60];
    let at = bytes.windows(head.len()).position(|window| window == head);
    let at = at.context("the record is not in the file")? + 9;
    let file = std::fs::OpenOptions::new().write(true).open(&path)?;
    file.write_all_at(&[bytes[at] ^ 1], at as u64)?;
    Ok(file.sync_all()?)
}

fn config(cloud: &str, local: &str) -> Config {
    let mut config = Config::default();
    config.data_plane.listen.set_port(0);
    config.admin_plane.listen.set_port(0);
    config.ledger.reserve_mib = 1;
    let gateway = &mut config.gateway;
    let external = Locality::External;
    gateway
        .upstream
        .push(upstream("cloud", UpstreamKind::OpenAi, cloud, external));
    gateway.upstream.push(upstream(
        "cloud-a",
        UpstreamKind::Anthropic,
        cloud,
        external,
    ));
    gateway.upstream.push(upstream(
        "house",
        UpstreamKind::OpenAi,
        local,
        Locality::Local,
    ));
    let mut large = route("cloud-large", "cloud");
    large.input_micros_per_million = 1_000_000;
    large.output_micros_per_million = 10_000_000;
    gateway.route.push(large);
    gateway.route.push(route("cloud-writer", "cloud-a"));
    gateway.route.push(route("house-model", "house"));
    config
}

async fn make_keys(casemate: &Casemate) -> anyhow::Result<Vec<(Key, KeySecret)>> {
    let mut keys = Vec::new();
    for key in [
        Key::Ordinary,
        Key::OtherModelsOnly,
        Key::Revoked,
        Key::SmallBudget,
    ] {
        let mut new = NewKey {
            label: format!("{key:?}"),
            ..NewKey::default()
        };
        match key {
            Key::OtherModelsOnly => new.models.push("house-*".into()),
            Key::SmallBudget => {
                new.limits = Limits {
                    micros_per_day: Some(SMALL_BUDGET),
                    ..Limits::default()
                };
            }
            Key::Ordinary | Key::Revoked => {}
        }
        let (id, secret) = trial_key_of(casemate, "demo", new).await?;
        if key == Key::Revoked {
            let caller = Caller::operator(rustix::process::geteuid().as_raw());
            let resource = ResourceRef::system(ResourceKind::Key, &id.to_string());
            let permit = casemate
                .door
                .admit::<KeyRevoke>(&caller, resource, "demo")
                .await?;
            casemate.iam.key_revoke(permit)?;
        }
        keys.push((key, secret));
    }
    Ok(keys)
}
