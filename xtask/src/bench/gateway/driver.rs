// SPDX-License-Identifier: Apache-2.0
//! The load: connections that each send the next request when the last answer is complete.
//!
//! Prints `warm` after the warm-up and waits for a line, so that whoever measures can read the
//! processor times at the very edges of the run; then prints a [`Report`] as JSON.

use std::io::BufRead;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::wire::Load;

/// How a load is described.
#[derive(Args, Clone, Debug)]
pub(crate) struct Driver {
    /// `http://ADDRESS:PORT`, numbers only.
    #[arg(long)]
    pub(crate) url: String,
    #[arg(long, default_value = "sk-test")]
    pub(crate) key: String,
    #[arg(long, default_value_t = 16)]
    pub(crate) connections: usize,
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm: f64,
    #[arg(long)]
    pub(crate) load: Load,
}

/// What a run was like from outside.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    /// Complete, correct answers.
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Answers with another status or content, broken or late ones.
    pub(crate) bad: u64,
    /// What was wrong with the first of those.
    pub(crate) first_bad: Option<String>,
    /// Connections that the other side closed between two answers.
    pub(crate) reconnects: u64,
}

pub(crate) fn run(driver: &Driver) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut clients = Vec::new();
        for client in 0..driver.connections {
            clients.push(Client::connect(driver, client).await?);
        }
        let (clients, warm) = round(clients, driver.warm).await?;
        ensure!(
            warm.bad == 0,
            "the answers are not as expected: {}",
            warm.first_bad.as_deref().unwrap_or_default()
        );
        println!("warm");
        std::io::stdin().lock().read_line(&mut String::new())?;
        let (_, report) = round(clients, driver.seconds).await?;
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    })
}

/// Lets all clients work for so many seconds, and gives them back for the next round.
async fn round(clients: Vec<Client>, seconds: f64) -> Result<(Vec<Client>, Report)> {
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds);
    let mut working = JoinSet::new();
    for client in clients {
        working.spawn(client.work(end));
    }
    let mut clients = Vec::new();
    let mut all = Tally::default();
    while let Some(done) = working.join_next().await {
        let (client, tally) = done?;
        clients.push(client);
        all.add(tally);
    }
    Ok((clients, all.report(start.elapsed())))
}

#[derive(Default)]
struct Tally {
    nanos: Vec<u64>,
    bad: u64,
    first_bad: Option<String>,
    reconnects: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.nanos.extend(other.nanos);
        self.bad += other.bad;
        self.first_bad = self.first_bad.take().or(other.first_bad);
        self.reconnects += other.reconnects;
    }

    fn bad(&mut self, error: &anyhow::Error) {
        self.bad += 1;
        self.first_bad.get_or_insert_with(|| format!("{error:#}"));
    }

    fn report(mut self, elapsed: Duration) -> Report {
        self.nanos.sort_unstable();
        let requests = self.nanos.len();
        let at = |percent: usize| {
            let index = (requests * percent / 100).min(requests.saturating_sub(1));
            self.nanos
                .get(index)
                .map_or(f64::NAN, |nanos| micros(*nanos))
        };
        Report {
            requests: u64::try_from(requests).unwrap_or(u64::MAX),
            seconds: elapsed.as_secs_f64(),
            p50_us: at(50),
            p99_us: at(99),
            bad: self.bad,
            first_bad: self.first_bad.clone(),
            reconnects: self.reconnects,
        }
    }
}

/// One connection and the request that it repeats.
struct Client {
    address: SocketAddr,
    key: String,
    load: Load,
    /// The number of the next request, as no other client has it.
    number: u64,
    sender: SendRequest<Full<Bytes>>,
    answer: Vec<u8>,
    /// The last answer that was judged fine; one that is the same need not be judged again.
    good: Vec<u8>,
}

impl Client {
    async fn connect(driver: &Driver, client: usize) -> Result<Self> {
        let address = driver
            .url
            .strip_prefix("http://")
            .and_then(|text| text.parse().ok());
        let address = address.context("the URL is not `http://ADDRESS:PORT`")?;
        Ok(Self {
            address,
            key: format!("Bearer {}", driver.key),
            load: driver.load,
            number: u64::from(std::process::id()) << 40 | (client as u64) << 24,
            sender: connect(address).await?,
            answer: Vec::new(),
            good: Vec::new(),
        })
    }

    async fn work(mut self, end: Instant) -> (Self, Tally) {
        let mut tally = Tally::default();
        while Instant::now() < end {
            if self.sender.ready().await.is_err() {
                tally.reconnects += 1;
                match connect(self.address).await {
                    Ok(sender) => self.sender = sender,
                    Err(error) => {
                        tally.bad(&error);
                        break;
                    }
                }
            }
            let start = Instant::now();
            let asked = timeout(PATIENCE, self.ask()).await;
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            match asked
                .context("no answer in time")
                .flatten()
                .and_then(|status| self.judge(status))
            {
                Ok(()) => tally.nanos.push(nanos),
                Err(error) => tally.bad(&error),
            }
            if tally.bad > 100 {
                // It will not get better, and a gateway that refuses is quick at it.
                break;
            }
        }
        (self, tally)
    }

    /// Sends the request and reads the answer to its end.
    async fn ask(&mut self) -> Result<StatusCode> {
        self.number += 1;
        let body = self.load.request(self.number);
        let request = Request::post("/v1/chat/completions")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, &self.key)
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        self.answer.clear();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                self.answer.extend_from_slice(&data);
            }
            ensure!(
                self.answer.len() < LARGEST_ANSWER,
                "the answer does not end"
            );
        }
        Ok(status)
    }

    fn judge(&mut self, status: StatusCode) -> Result<()> {
        if status == StatusCode::OK && !self.good.is_empty() && self.answer == self.good {
            return Ok(());
        }
        let start = self.answer.get(..200).unwrap_or(&self.answer);
        let start = String::from_utf8_lossy(start);
        ensure!(status == StatusCode::OK, "status {status}: {start}");
        self.load
            .judge(&self.answer)
            .with_context(|| format!("in `{start}`…"))?;
        self.good.clone_from(&self.answer);
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(address)
        .await
        .context("cannot connect")?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(async move {
        // What breaks the connection is seen by the one who asks.
        let _ = connection.await;
    });
    Ok(sender)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a latency has far fewer than 52 bits"
)]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

const LARGEST_ANSWER: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(20);
