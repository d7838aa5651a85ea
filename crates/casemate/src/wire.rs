// SPDX-License-Identifier: Apache-2.0
//! Plugs everything together. Capabilities do not know one another; here they meet.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use casemate_access::{Door, DoorParts, Projection, Recovered};
use casemate_api::{AdminApi, ApiParts};
use casemate_crypto::{Place, Secret32, SystemEntropy};
use casemate_gateway::{Authenticator, Gateway, GatewayParts, Guest, VerifiedModels};
use casemate_http::{
    Client, ClientOptions, Limits, Listener, Origin, ServerTls, Shutdown, Timeouts,
    generate_authority, serve,
};
use casemate_iam::{Iam, IamParts};
use casemate_ledger::{Ledger, LedgerOptions, Record};
use casemate_models::{
    hub::{Hub, HubCaller, HubCallers},
    registry::{
        AliasName, NameError, Patrol, Place as ModelPlace, Reference, Registry, RegistryParts,
    },
};
use casemate_quota::{Account, Quota};
use casemate_store::{Blobs, Database, Keyring, Options, Scope};
use casemate_types::{Caller, Decision, Problem, ProjectId, SystemClock, event::Facts};
use hyper::{Request, body::Incoming};
use zeroize::Zeroizing;

use crate::{
    config::Config,
    home::Home,
    system::System,
    telemetry::{self, Exporter},
    witness::Witnesses,
};

/// How long running requests may take to end at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// A client for somebody the configuration names, who must answer within `patience`.
pub(crate) fn outside(
    url: &str,
    allow_private: bool,
    patience: Duration,
) -> anyhow::Result<Client> {
    let origin = Origin::parse(url)?;
    anyhow::ensure!(
        !origin.is_clear() || origin.names_private() || allow_private,
        "what is sent would travel in clear: use https"
    );
    let timeouts = Timeouts {
        connect: patience.min(Duration::from_secs(5)),
        first_byte: patience,
        idle: patience,
        total: patience,
    };
    let options = ClientOptions {
        timeouts,
        allow_private,
    };
    Ok(Client::new(origin, options)?)
}

/// A running installation.
pub(crate) struct Casemate {
    pub(crate) home: Home,
    pub(crate) door: Door,
    pub(crate) iam: Iam,
    pub(crate) registry: Registry,
    pub(crate) gateway: Gateway,
    pub(crate) system: Arc<System>,
    pub(crate) recovered: Recovered,
    exporter: Mutex<Option<Exporter>>,
}

impl Casemate {
    /// Opens the data and everything over it. Nothing listens yet.
    pub(crate) fn open(
        home: &Home,
        config: &Config,
        config_file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let entropy = Arc::new(SystemEntropy);
        let clock = Arc::new(SystemClock);
        let migrations = [
            Keyring::MIGRATIONS,
            casemate_access::MIGRATIONS,
            casemate_iam::MIGRATIONS,
            casemate_models::MIGRATIONS,
        ];
        let database = Database::open(&home.state_file(), Options::default(), &migrations.concat())
            .context(
                "the installation cannot be opened; is another `casemate up` running on it?",
            )?;
        let (root, generation) = home.open_root(&database)?;
        let keyring = Keyring::open(
            database.clone(),
            &root,
            generation,
            entropy.clone(),
            clock.clone(),
        )
        .context("the root key does not open this data")?;
        let options = LedgerOptions {
            file: home.ledger_file(),
            reserve: config.ledger.reserve_mib << 20,
            max_bytes: config.ledger.max_mib.map(|mib| mib << 20),
            checkpoint_every: config.ledger.checkpoint_every(),
        };
        let (writer, reader) =
            Ledger::open(options, keyring.clone(), entropy.clone(), clock.clone())?;
        let parts = IamParts {
            database: database.clone(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let iam = Iam::open(parts)?;
        let door = Door::open(DoorParts {
            writer,
            reader,
            database: database.clone(),
            entities: Arc::new(iam.clone()),
            clock: clock.clone(),
            entropy: entropy.clone(),
        })?;
        let blobs = Blobs::open(
            &home.models(),
            config.models.keep_free(),
            keyring.clone(),
            entropy,
        )
        .with_context(|| format!("`{}` cannot be used", home.models().display()))?;
        let registry = Registry::new(RegistryParts {
            door: door.clone(),
            database: database.clone(),
            keyring: keyring.clone(),
            blobs,
            clock: clock.clone(),
        });
        let quota = Quota::default();
        let recovered = door.recover(&mut QuotaProjection(quota.clone()))?;
        door.recorder()
            .notice(&Caller::job("start"), "casemate started")?;
        let credentials = credential_source(keyring.clone());
        let (exporter, spans) = telemetry::exporter(&config.telemetry, &credentials)?.unzip();
        let gateway = Gateway::open(
            config.gateway.clone(),
            &credentials,
            GatewayParts {
                door: door.clone(),
                quota: quota.clone(),
                authenticator: Arc::new(IamAuthenticator(iam.clone())),
                keyring: keyring.clone(),
                clock,
                models: Some(Arc::new(RegistryModels {
                    registry: registry.clone(),
                    iam: iam.clone(),
                })),
                spans,
            },
        )?;
        let system = Arc::new(System {
            home: home.clone(),
            config_file,
            door: door.clone(),
            keyring,
            database,
            gateway: gateway.clone(),
            backup_key: Mutex::new(backup_key(&root)),
            stand_in: OnceLock::new(),
            quota,
            witnesses: Witnesses::new(&config.ledger, door.clone())?,
        });
        Ok(Self {
            home: home.clone(),
            door,
            iam,
            registry,
            gateway,
            system,
            recovered,
            exporter: Mutex::new(exporter),
        })
    }

    /// Listens on both planes and the local socket.
    pub(crate) async fn listen(
        &self,
        config: &Config,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Listening> {
        let limits = Limits {
            connections: config.data_plane.connections,
            ..Limits::default()
        };
        let tls = |address: SocketAddr| self.tls(config, address);
        let data_tls = tls(config.data_plane.listen)?;
        let admin_tls = tls(config.admin_plane.listen)?;
        let secure = (data_tls.is_some(), admin_tls.is_some());
        let data = Listener::tcp(config.data_plane.listen, data_tls, limits).await?;
        let admin = Listener::tcp(config.admin_plane.listen, admin_tls, Limits::default()).await?;
        let socket = Listener::unix(&self.home.socket(), Limits::default())?;
        let address = |listener: &Listener| listener.address().context("a listener has no address");
        let (data_address, admin_address) = (address(&data)?, address(&admin)?);
        let gateway = self.gateway.clone();
        let hub = Hub::new(
            self.registry.clone(),
            Arc::new(IamAuthenticator(self.iam.clone())),
        );
        let handler = move |request: Request<Incoming>, peer| {
            let (gateway, hub) = (gateway.clone(), hub.clone());
            async move {
                match Hub::takes(request.uri().path()) {
                    true => hub.handle(request, peer).await,
                    false => gateway.handle(request, peer).await,
                }
            }
        };
        let api = AdminApi::new(ApiParts {
            door: self.door.clone(),
            iam: self.iam.clone(),
            registry: self.registry.clone(),
            system: self.system.clone(),
            operator: rustix::process::geteuid().as_raw(),
        });
        let patrol = Patrol::new(self.registry.clone(), config.models.patrol());
        let tasks = vec![
            tokio::spawn(serve(data, handler, shutdown.clone(), GRACE)),
            tokio::spawn(serve(admin, api.handler(), shutdown.clone(), GRACE)),
            tokio::spawn(serve(socket, api.handler(), shutdown.clone(), GRACE)),
            tokio::spawn(patrol.run(shutdown.clone())),
            tokio::spawn(self.system.witnesses.clone().run(shutdown.clone())),
        ];
        let exporter = self
            .exporter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // It ends after the listeners, so that the spans of the last requests go out too.
        let late = Shutdown::default();
        let exporter =
            exporter.map(|exporter| tokio::spawn(exporter.run(self.door.clone(), late.clone())));
        Ok(Listening {
            data: data_address,
            admin: admin_address,
            secure,
            tasks,
            late,
            exporter,
        })
    }

    fn tls(&self, config: &Config, address: SocketAddr) -> anyhow::Result<Option<ServerTls>> {
        let tls = &config.tls;
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .with_context(|| format!("`{}` cannot be read", path.display()))
        };
        let authority = tls.client_authority.as_ref().map(read).transpose()?;
        match (&tls.certificate, &tls.key) {
            (Some(chain), Some(key)) => {
                let key = Zeroizing::new(read(key)?);
                let made = ServerTls::from_pem(
                    &read(chain)?,
                    &key,
                    authority.as_deref(),
                    tls.require_client,
                )?;
                Ok(Some(made))
            }
            // Clients can only show certificates where there is TLS.
            _ if address.ip().is_loopback() && authority.is_none() => Ok(None),
            _ => {
                // One certificate for both planes.
                let mut names = tls.names.clone();
                names.push("localhost".into());
                let planes = [config.data_plane.listen, config.admin_plane.listen];
                let addresses = planes.iter().map(SocketAddr::ip);
                names.extend(
                    addresses
                        .filter(|address| !address.is_unspecified())
                        .map(|address| address.to_string()),
                );
                names.sort();
                names.dedup();
                Ok(Some(generate_authority(
                    &self.home.data.join("tls"),
                    &names,
                    authority.as_deref(),
                    tls.require_client,
                )?))
            }
        }
    }
}

/// Open listeners and their tasks.
pub(crate) struct Listening {
    pub(crate) data: SocketAddr,
    pub(crate) admin: SocketAddr,
    secure: (bool, bool),
    tasks: Vec<tokio::task::JoinHandle<()>>,
    late: Shutdown,
    exporter: Option<tokio::task::JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn data_url(&self) -> String {
        url(self.data, self.secure.0)
    }

    pub(crate) fn admin_url(&self) -> String {
        url(self.admin, self.secure.1)
    }

    /// Waits until all listeners have ended.
    pub(crate) async fn ended(self) {
        for task in self.tasks {
            let _ = task.await;
        }
        self.late.trigger();
        if let Some(exporter) = self.exporter {
            let _ = exporter.await;
        }
    }
}

fn url(address: SocketAddr, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    // Nobody can go to `0.0.0.0`, and no certificate names it.
    let local = address.ip().is_loopback() && address.port() == 8081;
    if local || address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

/// The key of encrypted backups, from the root key.
pub(crate) fn backup_key(root: &casemate_crypto::RootKey) -> Secret32 {
    root.derive("backup")
}

/// Resolves `env:`, `file:` and `sealed:` references.
pub(crate) fn credential_source(
    keyring: Keyring,
) -> impl Fn(&str) -> Result<Zeroizing<String>, String> {
    move |reference| {
        let text = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
            Ok::<_, String>(Zeroizing::new(text.trim().to_owned()))
        };
        match reference.split_once(':') {
            Some(("env", name)) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                format!("the environment variable `{name}` of its credential is not set")
            }),
            Some(("file", path)) => {
                let bytes = std::fs::read(path).map(Zeroizing::new);
                text(&bytes.map_err(|error| format!("credential file `{path}`: {error}"))?)
            }
            Some(("sealed", path)) => {
                let bytes = std::fs::read(path);
                let bytes = bytes.map_err(|error| format!("sealed file `{path}`: {error}"))?;
                let opened = keyring.open_value(sealed_place(), &bytes);
                let opened = opened.map_err(|error| format!("sealed file `{path}`: {error}"))?;
                text(&opened.ok_or_else(|| format!("the key of `{path}` was destroyed"))?)
            }
            _ => Err(format!(
                "`{}` is no reference such as `env:NAME`, `file:PATH` or `sealed:PATH`; secrets do \
                 not stand in the configuration",
                reference.chars().take(4).collect::<String>() + "…"
            )),
        }
    }
}

/// The place that sealed credential files are bound to.
pub(crate) const fn sealed_place() -> Place<'static> {
    Place {
        table: "credential",
        row: b"file",
        column: "value",
    }
}

/// Seals a credential for a `sealed:` reference.
pub(crate) fn seal_credential(keyring: &Keyring, secret: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(keyring.seal(Scope::System, sealed_place(), secret)?)
}

/// iam as the gateway wants it.
struct IamAuthenticator(Iam);

impl Authenticator for IamAuthenticator {
    fn authenticate(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        certified: bool,
    ) -> Result<Guest, Problem> {
        let found = self
            .0
            .authenticate(key, address, certified)
            .map_err(|rejection| rejection.problem())?;
        let models = found.key().models.clone().into();
        Ok(Guest {
            caller: found.caller,
            accounts: found.accounts,
            models,
        })
    }
}

/// iam as the Hub's clients meet it.
impl HubCallers for IamAuthenticator {
    fn caller(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        certified: bool,
    ) -> Result<HubCaller, Problem> {
        let found = self.0.authenticate(key, address, certified);
        let found = found.map_err(|rejection| rejection.problem())?;
        Ok(HubCaller {
            models: found.key().models.clone().into(),
            caller: found.caller,
        })
    }

    fn project(&self, name: &str) -> Option<ProjectId> {
        self.0.project_named(name).map(|project| project.id)
    }

    fn project_name(&self, id: ProjectId) -> Option<String> {
        self.0.project(id).map(|project| project.name.clone())
    }
}

/// The registry, as the gateway asks it.
struct RegistryModels {
    registry: Registry,
    iam: Iam,
}

impl RegistryModels {
    /// Place and version of `project/model@alias`; `production` where no alias is named.
    fn find(&self, reference: &str) -> Result<(ModelPlace, Reference), String> {
        let (project, rest) = reference
            .split_once('/')
            .ok_or("it is not written as `project/model@alias`")?;
        let (model, version) = rest.split_once('@').unwrap_or((rest, AliasName::DEFAULT));
        let project = self
            .iam
            .project_named(project)
            .ok_or_else(|| format!("there is no project `{project}`"))?;
        let place = ModelPlace {
            project: project.id,
            model: model
                .parse()
                .map_err(|error: NameError| error.to_string())?,
        };
        let version = version
            .parse()
            .map_err(|error: NameError| error.to_string())?;
        Ok((place, version))
    }
}

impl VerifiedModels for RegistryModels {
    fn served<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>> {
        Box::pin(async move {
            let (place, version) = self.find(reference)?;
            self.registry.served(&place, &version).await
        })
    }
}

/// Quota as a reader of the book.
struct QuotaProjection(Quota);

impl Projection for QuotaProjection {
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.restore(bytes)
    }

    fn apply(&mut self, record: &Record, facts: &Facts) {
        let accounts: Vec<Account> = facts
            .accounts
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        let entry = &record.entry;
        match (entry.kind, facts.booking) {
            (casemate_ledger::Kind::Decision, Some(booking))
                if facts.decision == Some(Decision::Allow) =>
            {
                self.0
                    .apply_decision(entry.id, entry.time, &accounts, booking);
            }
            (casemate_ledger::Kind::Outcome, used) => {
                self.0.apply_outcome(entry.about, &accounts, used);
            }
            _ => {}
        }
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }
}

/// Opens the ledger of an installation that does not run, to read it.
pub(crate) fn open_reader(home: &Home) -> anyhow::Result<casemate_ledger::Reader> {
    let entropy = Arc::new(SystemEntropy);
    let clock = Arc::new(SystemClock);
    let migrations = [
        Keyring::MIGRATIONS,
        casemate_access::MIGRATIONS,
        casemate_iam::MIGRATIONS,
        casemate_models::MIGRATIONS,
    ];
    let database = Database::open(&home.state_file(), Options::default(), &migrations.concat())?;
    let (root, generation) = home.open_root(&database)?;
    let keyring = Keyring::open(database, &root, generation, entropy.clone(), clock)?;
    Ok(Ledger::open_reader(
        &home.ledger_file(),
        keyring,
        entropy.as_ref(),
    )?)
}

/// Whether a path is a directory that only its owner may open.
pub(crate) fn is_private_directory(path: &Path) -> bool {
    path.is_dir() && !crate::home::is_open_to_others(path)
}
