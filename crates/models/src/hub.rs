// SPDX-License-Identifier: Apache-2.0
//! The part of the Hub's API that its clients need to list and download models.
//!
//! `HF_ENDPOINT` and a key of Casemate are all a client needs. What it gets is what the registry
//! hands out: versions that policies let this caller have and that are verified now. Everything else
//! is 403 with the reason; a file that a version does not have is 404, because clients ask for files
//! that are optional. Of other projects, and of models that a key is not made for, nothing is told
//! that is not told of what does not exist.

mod answer;
mod path;

use std::{net::IpAddr, sync::Arc};

use casemate_http::{Body, Peer, full};
use casemate_types::{Caller, Problem, ProjectId, actions::ModelPull, key_fits};
use http::{HeaderMap, Method, Request, Response, header};

use crate::registry::{Place, Reference, Registry, RegistryError, VersionInfo, may_know};
use answer::{Range, Refused};
use path::{Asked, Repository};

/// Who asks, as the binary finds out.
pub trait HubCallers: Send + Sync {
    /// Who holds this key.
    ///
    /// # Errors
    /// [`Problem`] saying why it is refused.
    fn caller(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        certified: bool,
    ) -> Result<HubCaller, Problem>;

    /// A project by its name.
    fn project(&self, name: &str) -> Option<ProjectId>;

    /// A project's name.
    fn project_name(&self, id: ProjectId) -> Option<String>;
}

/// A caller with what its key is made for.
#[derive(Debug, Clone)]
pub struct HubCaller {
    /// Who.
    pub caller: Caller,
    /// Names of models its key is for, `*` at the end for any ending; empty for all.
    pub models: Arc<[String]>,
}

/// Answers the Hub's clients. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    registry: Registry,
    callers: Arc<dyn HubCallers>,
}

impl Hub {
    /// The Hub's API over a registry.
    #[must_use]
    pub fn new(registry: Registry, callers: Arc<dyn HubCallers>) -> Self {
        Self { registry, callers }
    }

    /// Whether an address is one of the Hub's.
    #[must_use]
    pub fn takes(path: &str) -> bool {
        path::is_of_the_hub(path)
    }

    /// Answers one request. Bodies are not read: nothing is written here.
    pub async fn handle<B>(self, request: Request<B>, peer: Peer) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let head = parts.method == Method::HEAD;
        let answered = self
            .answer(&parts.method, parts.uri.path(), &parts.headers, peer)
            .await;
        let response = answered.unwrap_or_else(|refused| refused.response());
        match head {
            // What is told is the same; an empty body keeps the length that was said.
            true => response.map(|_| full(bytes::Bytes::new())),
            false => response,
        }
    }

    async fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        peer: Peer,
    ) -> Result<Response<Body>, Refused> {
        let asker = self.asker(headers, peer)?;
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Refused::denied(
                "models are read here; `casemate model push` adds them",
            ));
        }
        match Asked::parse(path) {
            Some(Asked::List) => self.list(&asker).await,
            Some(Asked::Info(of, revision)) => self.info(&asker, &of, &revision).await,
            Some(Asked::Tree(of, revision, below)) => {
                self.tree(&asker, &of, &revision, &below).await
            }
            Some(Asked::File(of, revision, name)) => {
                self.file(&asker, &of, &revision, &name, headers, method)
                    .await
            }
            None => Err(Refused::denied(
                "Casemate hands out models of its registry only",
            )),
        }
    }

    fn asker(&self, headers: &HeaderMap, peer: Peer) -> Result<HubCaller, Refused> {
        let value = headers.get(header::AUTHORIZATION);
        let key = value
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let (address, certified) = match peer {
            Peer::Tcp { address, certified } => (Some(address.ip()), certified),
            Peer::Unix { .. } => (None, false),
        };
        Ok(self.callers.caller(key, address, certified)?)
    }

    /// The model a caller names, if the caller may know its project and the key is made for it.
    /// INVARIANT: nothing else of an address is looked at before.
    async fn place(&self, asker: &HubCaller, of: &Repository) -> Result<Place, Refused> {
        let known = |project: &ProjectId| may_know(&asker.caller, *project).is_ok();
        let project = self.callers.project(&of.project).filter(known);
        let project = project.ok_or_else(Refused::no_model)?;
        let model = of.model.parse().map_err(|_| Refused::no_model())?;
        let place = Place { project, model };
        match key_fits(&asker.models, place.model.as_str()) {
            true => Ok(place),
            // The answer is that for a model that is not there.
            false => {
                let refused = self.registry.refuse_key::<ModelPull>(&asker.caller, &place);
                Err(Refused::no_model().recorded(&refused.await.problem()))
            }
        }
    }

    async fn list(&self, asker: &HubCaller) -> Result<Response<Body>, Refused> {
        let models = self.registry.list(&asker.caller, None).await?;
        let mut listed = Vec::new();
        for model in models {
            let Some(project) = self.callers.project_name(model.project) else {
                continue;
            };
            if !key_fits(&asker.models, &model.name) {
                continue;
            }
            let place = Place {
                project: model.project,
                model: model.name.parse().map_err(RegistryError::from)?,
            };
            // What cannot be had is not listed; that it was asked for stands in the book.
            if let Ok(version) = self.registry.pull(&asker.caller, &place, &default()).await {
                let id = format!("{project}/{}", model.name);
                listed.push(answer::model(&id, &version));
            }
        }
        Ok(answer::json(&serde_json::Value::Array(listed)))
    }

    async fn info(
        &self,
        asker: &HubCaller,
        of: &Repository,
        revision: &str,
    ) -> Result<Response<Body>, Refused> {
        let version = self.version(asker, of, revision).await?;
        Ok(answer::json(&answer::model(&of.id(), &version)))
    }

    async fn tree(
        &self,
        asker: &HubCaller,
        of: &Repository,
        revision: &str,
        below: &str,
    ) -> Result<Response<Body>, Refused> {
        let version = self.version(asker, of, revision).await?;
        Ok(answer::json(&answer::tree(&version, below)))
    }

    /// A version, if policies let the caller have it.
    async fn version(
        &self,
        asker: &HubCaller,
        of: &Repository,
        revision: &str,
    ) -> Result<VersionInfo, Refused> {
        let place = self.place(asker, of).await?;
        let (registry, caller) = (&self.registry, &asker.caller);
        let found = registry.pull(caller, &place, &revision_of(revision)).await;
        found.map_err(|error| refusal(error, revision))
    }

    async fn file(
        &self,
        asker: &HubCaller,
        of: &Repository,
        revision: &str,
        name: &str,
        headers: &HeaderMap,
        method: &Method,
    ) -> Result<Response<Body>, Refused> {
        let place = self.place(asker, of).await?;
        let reference = revision_of(revision);
        // What is no name of a file is looked up like one: no version has it.
        let (registry, caller) = (&self.registry, &asker.caller);
        let opened = registry.open_file(caller, &place, &reference, name).await;
        let file = opened.map_err(|error| match error {
            RegistryError::NotFound("file") => Refused::no_file(name),
            other => refusal(other, revision),
        })?;
        let range = Range::of(headers, &file.file)?;
        let mut response = answer::head(&file.file, &range);
        if *method == Method::HEAD {
            file.told();
            return Ok(response);
        }
        *response.body_mut() = file.body(range.start..range.end);
        Ok(response)
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hub({:?})", self.registry)
    }
}

fn default() -> Reference {
    // INVARIANT: `main` is a reference; clients send it when they name none.
    revision_of("main")
}

/// What a revision leads to. One that is none leads nowhere, for versions are counted from 1: whether
/// the model is there, and may be had, is asked all the same.
fn revision_of(text: &str) -> Reference {
    text.parse().unwrap_or(Reference::Number(0))
}

fn refusal(error: RegistryError, revision: &str) -> Refused {
    match (error, revision.parse::<Reference>()) {
        (RegistryError::NotFound("version"), Err(_)) => Refused::no_version(revision),
        (error, _) => error.into(),
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::of(problem)
    }
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::NotFound("version") => Self::no_version(""),
            // A model that is not there, or of somebody else, is one more that may not be had.
            RegistryError::NotFound(_) | RegistryError::Name(_) => Self::no_model(),
            other => Self::of(other.problem()),
        }
    }
}
