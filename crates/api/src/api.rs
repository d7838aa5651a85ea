// SPDX-License-Identifier: Apache-2.0
//! The admin plane as one value that answers requests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use axum::Router;
use casemate_access::Door;
use casemate_http::{Body, HttpError, Peer};
use casemate_iam::Iam;
use casemate_models::registry::Registry;
use casemate_quota::{Account, Spend};
use casemate_types::{
    Caller, Principal, Problem,
    actions::{
        ConfigReload, LedgerErase, LedgerWitness, SystemBackup, SystemDrill, SystemRotate,
        SystemSeal,
    },
};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tower::ServiceExt as _;

use crate::routes;

/// Tries of the one-time link in a minute; more are turned away unrecorded.
const BOOTSTRAPS_PER_MINUTE: u32 = 10;

/// What only the binary can do; it plugs itself in.
pub trait SystemOps: Send + Sync {
    /// Reads the configuration again.
    ///
    /// # Errors
    /// [`Problem`] saying what is wrong with it; the old one stays in force.
    fn reload(&self, permit: casemate_access::Permit<ConfigReload>) -> Result<String, Problem>;

    /// Replaces the root key.
    ///
    /// # Errors
    /// [`Problem`]; the old key stays in force.
    fn rotate(&self, permit: casemate_access::Permit<SystemRotate>) -> Result<String, Problem>;

    /// Writes an encrypted backup to a file of the server.
    ///
    /// # Errors
    /// [`Problem`] when the file exists or cannot be written.
    fn backup(
        &self,
        permit: casemate_access::Permit<SystemBackup>,
        file: &str,
    ) -> Result<String, Problem>;

    /// Opens a copy of the data with the recovery kit.
    ///
    /// # Errors
    /// [`Problem`] when the kit does not open it.
    fn drill(
        &self,
        permit: casemate_access::Permit<SystemDrill>,
        lines: &str,
    ) -> Result<String, Problem>;

    /// Destroys a subject's key.
    ///
    /// # Errors
    /// [`Problem`] when there is no such subject.
    fn erase(
        &self,
        permit: casemate_access::Permit<LedgerErase>,
        subject: &str,
    ) -> Result<String, Problem>;

    /// Seals a credential into a new file of the server.
    ///
    /// # Errors
    /// [`Problem`] when the file exists or cannot be written.
    fn seal(
        &self,
        permit: casemate_access::Permit<SystemSeal>,
        secret: &str,
        file: &str,
    ) -> Result<String, Problem>;

    /// Shows the newest checkpoint to the witnesses; one object each: `witness`, `url`, `signed`
    /// (a size) or `error`.
    fn witness(&self, permit: casemate_access::Permit<LedgerWitness>) -> serde_json::Value;

    /// Money spent and reserved by an account, as of now.
    fn spend(&self, account: Account) -> Spend;

    /// Counters in the Prometheus text format.
    fn metrics(&self) -> String;

    /// What `GET /v1/system` says.
    fn state(&self) -> serde_json::Value;
}

/// What the admin plane is made of.
pub struct ApiParts {
    /// The door.
    pub door: Door,
    /// Identities.
    pub iam: Iam,
    /// Models.
    pub registry: Registry,
    /// What only the binary can do.
    pub system: Arc<dyn SystemOps>,
    /// The user that runs Casemate, whose processes may use the local socket.
    pub operator: u32,
}

/// The admin plane. Cheap to clone.
#[derive(Clone)]
pub struct AdminApi {
    parts: Arc<ApiParts>,
    attempts: Arc<Attempts>,
}

/// Tries of the one-time link in the running minute.
#[derive(Default)]
struct Attempts {
    minute: AtomicI64,
    count: AtomicU32,
}

impl AdminApi {
    /// The admin plane over its parts.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        Self {
            parts: Arc::new(parts),
            attempts: Arc::default(),
        }
    }

    /// The router, for mounting and tests.
    pub fn router(&self) -> Router {
        routes::router().with_state(self.clone())
    }

    /// A function that answers requests of a listener.
    pub fn handler(
        &self,
    ) -> impl Fn(Request<Incoming>, Peer) -> BoxedAnswer + Clone + Send + Sync + 'static {
        let router = self.router();
        move |request, peer| {
            let router = router.clone();
            Box::pin(async move {
                let mut request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(peer);
                let response = router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {});
                response.map(|body| body.map_err(|e| HttpError::Broken(e.into())).boxed_unsync())
            })
        }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.parts.door
    }

    pub(crate) fn iam(&self) -> &Iam {
        &self.parts.iam
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.parts.registry
    }

    pub(crate) fn system(&self) -> Arc<dyn SystemOps> {
        self.parts.system.clone()
    }

    /// Whether the one-time link may be tried once more in this minute.
    pub(crate) fn may_try_bootstrap(&self) -> bool {
        let minute = self.iam().now().as_secs().div_euclid(60);
        if self.attempts.minute.swap(minute, Ordering::Relaxed) != minute {
            self.attempts.count.store(0, Ordering::Relaxed);
        }
        self.attempts.count.fetch_add(1, Ordering::Relaxed) < BOOTSTRAPS_PER_MINUTE
    }

    /// The user that runs the process, and the super-user.
    pub(crate) fn is_operator(&self, uid: u32) -> bool {
        uid == self.parts.operator || uid == 0
    }

    /// The job that signs people in, for the one access nobody can authenticate for yet. Its role
    /// is the only thing policies let it use.
    pub(crate) fn sign_in() -> Caller {
        let mut caller = Caller::job("sign-in");
        caller.principal = Arc::new(Principal {
            roles: vec!["bootstrap".into()],
            ..Principal::clone(&caller.principal)
        });
        caller
    }
}

/// A boxed answer.
pub type BoxedAnswer = std::pin::Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
