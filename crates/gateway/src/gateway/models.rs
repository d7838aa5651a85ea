// SPDX-License-Identifier: Apache-2.0
//! The list of models: those that the key and the policies allow.

use casemate_http::{Body, Peer};
use casemate_types::{
    AccessContext, Problem, ProblemCode, ResourceKind, ResourceRef,
    actions::{ModelInvoke, ModelList},
    event::Ending,
};
use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::{Gateway, Guest, dialect_of, json_response};
use crate::{dialect::Dialect, steps::model_resource, upstream::Route};

impl Gateway {
    pub(super) async fn models(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let dialect = dialect_of(&request);
        match self.model_list(dialect, request, peer).await {
            Ok(response) => response,
            Err(problem) => self.refusal(dialect, problem),
        }
    }

    async fn model_list(
        &self,
        dialect: Dialect,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response<Body>, Problem> {
        if request.method() != Method::GET {
            return Err(Problem::new(
                ProblemCode::Invalid,
                "this address takes GET only",
            ));
        }
        let key = |name: &str| request.headers().get(name)?.to_str().ok();
        let key = key("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .or_else(|| key("x-api-key"));
        let (address, certified) = match peer {
            Peer::Tcp { address, certified } => (Some(address.ip()), certified),
            Peer::Unix { .. } => (None, false),
        };
        let guest = self
            .inner
            .parts
            .authenticator
            .authenticate(key, address, certified)
            .map_err(|problem| self.unauthenticated(peer, problem))?;
        let project = guest.caller.principal.project;
        let kind = if project.is_some() {
            ResourceKind::Project
        } else {
            ResourceKind::Model
        };
        let resource = ResourceRef {
            kind,
            id: "models".into(),
            project,
        };
        let door = &self.inner.parts.door;
        let permit = door.admit::<ModelList>(&guest.caller, resource, "").await;
        let permit = permit.map_err(|error| error.problem())?;
        let (_, receipt) = permit
            .enter()
            .ok_or_else(|| Problem::new(ProblemCode::Internal, "the permit has expired"))?;
        let names = self.model_names(dialect, &guest);
        receipt.settle(Ending::Completed, |_| ());
        Ok(json_response(model_list_body(dialect, &names)))
    }

    /// Models the guest's key and the policies allow, with harmless content.
    fn model_names(&self, dialect: Dialect, guest: &Guest) -> Vec<String> {
        let active = self.inner.active.load();
        let project = guest.caller.principal.project;
        let allowed = |route: &&Route| {
            let mut context = AccessContext::admin(self.inner.hour(), 0, guest.caller.strength);
            context.dialect = dialect.as_str();
            context.locality = route.upstream.locality;
            context.region.clone_from(&route.upstream.region);
            context.upstream.clone_from(&route.upstream.name);
            let resource = model_resource(&route.config.model, project);
            guest.allows_model(&route.config.model)
                && self.inner.parts.door.would_allow::<ModelInvoke>(
                    &guest.caller,
                    &resource,
                    &context,
                )
        };
        active
            .routes
            .models(dialect)
            .filter(allowed)
            .map(|r| r.config.model.clone())
            .collect()
    }
}

fn model_list_body(dialect: Dialect, names: &[String]) -> Vec<u8> {
    let data: Vec<_> = names
        .iter()
        .map(|name| match dialect {
            Dialect::OpenAi => serde_json::json!({
                "id": name, "object": "model", "created": 0, "owned_by": "casemate",
            }),
            Dialect::Anthropic => serde_json::json!({
                "id": name, "type": "model", "display_name": name,
                "created_at": "1970-01-01T00:00:00Z",
            }),
        })
        .collect();
    let body = match dialect {
        Dialect::OpenAi => serde_json::json!({"object": "list", "data": data}),
        Dialect::Anthropic => serde_json::json!({
            "data": data, "has_more": false,
            "first_id": names.first(), "last_id": names.last(),
        }),
    };
    body.to_string().into_bytes()
}
