// SPDX-License-Identifier: Apache-2.0
//! `casemate up`: the server.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use casemate_demo::StandIn;
use casemate_gateway::{GatewayConfig, RouteConfig, UpstreamConfig, UpstreamKind};
use casemate_http::Shutdown;
use casemate_iam::{KeySecret, NewKey, NewProject, NewService};
use casemate_quota::Limits;
use casemate_types::{
    Caller, Locality, ResourceKind, ResourceRef,
    actions::{KeyCreate, ProjectCreate, ServiceCreate},
};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::Config,
    home::Home,
    wire::{Casemate, Listening},
};

/// What `casemate up` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// Configuration file; defaults without one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Add a stand-in model and print a key that works at once
    #[arg(long = "try")]
    trial: bool,
    /// Print the recovery kit as three lines of which two are enough (first start only)
    #[arg(long)]
    shares: bool,
    /// Print one line of JSON when ready, and nothing else, to standard output
    #[arg(long)]
    ready_json: bool,
}

impl UpArgs {
    pub(crate) async fn run(self, home: &Home) -> anyhow::Result<ExitCode> {
        init_logs(self.ready_json);
        let (mut config, _) = match Config::load(self.config.as_deref()) {
            Ok(found) => found,
            Err(error) => {
                eprintln!("{:?}", miette::Report::new(error));
                return Ok(ExitCode::from(1));
            }
        };
        if !home.exists() {
            home.create(self.shares)?;
        }
        let stand_in = if self.trial {
            Some(StandIn::start().await?)
        } else {
            None
        };
        if let Some(stand_in) = &stand_in {
            add_stand_in(&mut config.gateway, &stand_in.url());
        }
        let file = self.config.as_ref().map(std::path::absolute).transpose()?;
        let casemate = open(home, &config, file).await?;
        if let Some(stand_in) = &stand_in {
            let _ = casemate.system.stand_in.set(stand_in.url());
        }
        let shutdown = Shutdown::default();
        let listening = casemate.listen(&config, &shutdown).await?;
        let key = match self.trial {
            true => Some(trial_key(&casemate, "try", Limits::default()).await?),
            false => None,
        };
        // Whoever reads that it is ready may send a signal at once.
        let signals = Signals::listen()?;
        self.announce(home, &casemate, &listening, key.as_ref())?;
        signals.wait(&casemate, &shutdown).await;
        listening.ended().await;
        let door = casemate.door.clone();
        tokio::task::spawn_blocking(move || door.close()).await?;
        let _ = std::fs::remove_file(home.socket());
        Ok(ExitCode::SUCCESS)
    }

    fn announce(
        &self,
        home: &Home,
        casemate: &Casemate,
        listening: &Listening,
        key: Option<&KeySecret>,
    ) -> anyhow::Result<()> {
        let (data, admin) = (listening.data_url(), listening.admin_url());
        if self.ready_json {
            let line = json!({
                "ready": true, "data_url": data, "admin_url": admin,
                "socket": home.socket(), "key": key.map(KeySecret::expose),
            });
            println!("{line}");
            return Ok(());
        }
        println!("Casemate runs.\n");
        println!("  models   {data}/v1");
        println!("  admin    {admin}   (OpenAPI: {admin}/openapi.json)");
        println!("  data     {}", home.data.display());
        if casemate.recovered.unknown > 0 {
            let count = casemate.recovered.unknown;
            println!("\n{count} request(s) were cut off by the last stop; recorded as unknown.");
        }
        // Said at every start until somebody has put it away.
        if home.kit_file().exists() {
            announce_kit(home)?;
        }
        if !casemate.iam.has_person() {
            let token = casemate.iam.bootstrap_token()?;
            println!("\nFirst administrator (works once, for a day):");
            println!("  {admin}/start#{}", token.expose());
        }
        match key {
            Some(key) => announce_trial(&data, key),
            None => println!("\nHow to go on: docs/guides/first-steps.md, or `casemate doctor`."),
        }
        Ok(())
    }
}

/// The kit goes to a file, not to a terminal that may be recorded, and never to a log.
fn announce_kit(home: &Home) -> anyhow::Result<()> {
    println!("\nThe recovery kit is in {}", home.kit_file().display());
    println!("  Print it, keep it in a safe, and delete the file. Without it, a lost machine");
    println!("  key loses the data. Prove that it works: casemate recovery drill --kit FILE");
    Ok(())
}

fn announce_trial(url: &str, key: &KeySecret) {
    println!("\nTry it (a stand-in model, nothing leaves this machine):\n");
    println!(
        "  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={}\n",
        key.expose()
    );
    println!(
        "  curl {url}/v1/chat/completions -H \"Authorization: Bearer {}\" \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"model\":\"stand-in\",\"messages\":[{{\"role\":\"user\",\"content\":\
         \"write to ada@example.org\"}}]}}'",
        key.expose()
    );
}

/// Opening reads and may replay the book, so it does not hold up the threads that serve.
pub(crate) async fn open(
    home: &Home,
    config: &Config,
    file: Option<PathBuf>,
) -> anyhow::Result<Casemate> {
    let (home, config) = (home.clone(), config.clone());
    tokio::task::spawn_blocking(move || Casemate::open(&home, &config, file)).await?
}

/// Adds the routes of a stand-in. They come last, so that those of the file win.
pub(crate) fn add_stand_in(config: &mut GatewayConfig, url: &str) {
    for (name, kind) in [
        ("stand-in", UpstreamKind::OpenAi),
        ("stand-in-a", UpstreamKind::Anthropic),
    ] {
        config
            .upstream
            .push(upstream(name, kind, url, Locality::Local));
        config.route.push(route("stand-in", name));
    }
}

/// An upstream on this machine.
pub(crate) fn upstream(
    name: &str,
    kind: UpstreamKind,
    url: &str,
    locality: Locality,
) -> UpstreamConfig {
    UpstreamConfig {
        name: name.into(),
        kind,
        url: url.into(),
        credential: None,
        locality,
        region: String::new(),
        digest: None,
        allow_private: true,
        stream_usage: true,
        timeout: casemate_gateway::TimeoutConfig::default(),
    }
}

/// A route to an upstream.
pub(crate) fn route(model: &str, upstream: &str) -> RouteConfig {
    RouteConfig {
        model: model.into(),
        upstream: upstream.into(),
        fallback: None,
        verified: None,
        upstream_model: None,
        input_micros_per_million: 0,
        output_micros_per_million: 0,
        provider_state: Vec::new(),
    }
}

/// A key of a service called like its project, made through the door like any other.
pub(crate) async fn trial_key(
    casemate: &Casemate,
    name: &str,
    limits: Limits,
) -> anyhow::Result<KeySecret> {
    let new = NewKey {
        label: "trial".into(),
        limits,
        ..NewKey::default()
    };
    Ok(trial_key_of(casemate, name, new).await?.1)
}

/// The same with settings of the key; gives its id too.
pub(crate) async fn trial_key_of(
    casemate: &Casemate,
    name: &str,
    new: NewKey,
) -> anyhow::Result<(casemate_types::KeyId, KeySecret)> {
    let (door, iam) = (&casemate.door, &casemate.iam);
    let caller = Caller::operator(rustix::process::geteuid().as_raw());
    let project = match iam.project_named(name) {
        Some(project) => project,
        None => {
            let resource = ResourceRef::system(ResourceKind::System, "projects");
            let permit = door.admit::<ProjectCreate>(&caller, resource, name).await?;
            let new = NewProject {
                name: name.into(),
                limits: Limits::default(),
            };
            iam.project_create(permit, new)?.into()
        }
    };
    let service = match iam.service_named(Some(project.id), name) {
        Some(service) => service,
        None => {
            let resource = ResourceRef::of(ResourceKind::Project, project.id, project.id);
            let permit = door.admit::<ServiceCreate>(&caller, resource, name).await?;
            let limits = Limits::default();
            iam.service_create(
                permit,
                NewService {
                    name: name.into(),
                    roles: Vec::new(),
                    limits,
                },
            )?
        }
    };
    let resource = ResourceRef::of(ResourceKind::Service, service.id, project.id);
    let permit = door.admit::<KeyCreate>(&caller, resource, "trial").await?;
    let (key, secret) = iam.key_create(permit, new)?;
    Ok((key.id, secret))
}

/// What the process is told from outside.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on the signals are ours; before, each of them ends the process.
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal to end; reloads the configuration on SIGHUP.
    async fn wait(mut self, casemate: &Casemate, shutdown: &Shutdown) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => reload(casemate).await,
                _ = self.interrupt.recv() => break,
                _ = self.terminate.recv() => break,
            }
        }
        tracing::info!("ending; running requests have ten seconds");
        shutdown.trigger();
    }
}

/// Whatever goes wrong here, the server goes on as it was.
async fn reload(casemate: &Casemate) {
    let resource = ResourceRef::system(ResourceKind::System, "casemate");
    let caller = Caller::operator(rustix::process::geteuid().as_raw());
    let system = casemate.system.clone();
    let result = match casemate.door.admit(&caller, resource, "SIGHUP").await {
        Ok(permit) => {
            let work = move || casemate_api::SystemOps::reload(&*system, permit);
            let result = tokio::task::spawn_blocking(work).await;
            result.unwrap_or_else(|error| {
                let code = casemate_types::ProblemCode::Internal;
                Err(casemate_types::Problem::new(code, error.to_string()))
            })
        }
        Err(error) => Err(error.problem()),
    };
    match result {
        Ok(text) => tracing::info!("{text}"),
        Err(problem) => {
            let why = problem.detail;
            tracing::error!(%why, "the new configuration is refused; the old one stays in force");
        }
    }
}

fn init_logs(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CASEMATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process, as tests do it, keeps the first subscriber.
    let _ = if json || !std::io::stderr().is_terminal() {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}
