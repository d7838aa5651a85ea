// SPDX-License-Identifier: Apache-2.0
//! The registry of models.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use casemate_models::registry::{DocumentKind, Place, Reference, Submission};
use casemate_types::{
    Action, Caller, ProblemCode, ResourceKind, ResourceRef,
    actions::{
        ModelApprove, ModelAttest, ModelGovern, ModelPromote, ModelPull, ModelPush,
        ModelQuarantine, ModelRead, ModelRollback,
    },
};
use serde_json::{Value, json};

use super::identity::project;
use crate::{
    AdminApi, ApiError,
    body::{Asked, Form},
    caller::Asker,
    dto::model::{
        ApproveBody, DiffQuery, DigestsBody, FloorBody, ModelDto, MoveBody, MovedDto, RollbackBody,
        SignersBody, VersionBody, VersionDto, WhyBody, digest, hex,
    },
};

type Answer<T> = Result<Json<T>, ApiError>;
type Named = Path<(String, String)>;
type Versioned = Path<(String, String, String)>;

/// A model that the caller names and its key is made for. Of any other, nothing is looked up; that
/// it was asked for `A` stands in the book.
async fn place<A: Action>(
    api: &AdminApi,
    caller: &Caller,
    of: &str,
    model: &str,
) -> Result<Place, ApiError> {
    let place = Place {
        project: project(api, caller, of)?.id,
        model: parse(model)?,
    };
    if api.iam().key_allows(caller, place.model.as_str()) {
        return Ok(place);
    }
    let refused = api.registry().refuse_key::<A>(caller, &place);
    Err(refused.await.into())
}

/// Refuses at once what would be refused after waiting for a turn: who may not have one takes none.
async fn told_at_once<A: Action>(
    api: &AdminApi,
    caller: &Caller,
    place: &Place,
) -> Result<(), ApiError> {
    let (door, context) = (api.door(), api.door().admin_context(caller));
    let resource = ResourceRef::of(ResourceKind::Model, &place.model, place.project);
    if !door.would_allow::<A>(caller, &resource, &context) {
        // If other policies came in force just now, the question behind the wait counts.
        drop(door.admit::<A>(caller, resource, "").await?);
    }
    Ok(())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ApiError> {
    let wrong = |error: T::Err| ApiError::new(ProblemCode::Invalid, error.to_string());
    text.parse().map_err(wrong)
}

fn done() -> Json<Value> {
    Json(json!({"done": true}))
}

pub(crate) async fn list(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(of): Path<String>,
) -> Answer<Vec<ModelDto>> {
    let project = project(&api, &caller, &of)?.id;
    let models = api.registry().list(&caller, Some(project)).await?;
    let own = models
        .into_iter()
        .filter(|model| api.iam().key_allows(&caller, &model.name));
    Ok(Json(own.map(Into::into).collect()))
}

pub(crate) async fn show(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
) -> Answer<ModelDto> {
    let place = place::<ModelRead>(&api, &caller, &of, &model).await?;
    Ok(Json(api.registry().show(&caller, &place).await?.into()))
}

pub(crate) async fn signers(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
    Form(body): Form<SignersBody>,
) -> Answer<Value> {
    let place = place::<ModelGovern>(&api, &caller, &of, &model).await?;
    api.registry()
        .set_signers(&caller, &place, body.into())
        .await?;
    Ok(done())
}

pub(crate) async fn floor(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
    Form(body): Form<FloorBody>,
) -> Answer<Value> {
    let place = place::<ModelGovern>(&api, &caller, &of, &model).await?;
    let (floor, why) = (body.floor, &body.why);
    api.registry()
        .set_floor(&caller, &place, floor, why)
        .await?;
    Ok(done())
}

pub(crate) async fn missing(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
    Form(body): Form<DigestsBody>,
) -> Answer<Value> {
    let place = place::<ModelPush>(&api, &caller, &of, &model).await?;
    let wanted: Result<Vec<_>, _> = body.digests.iter().map(|text| digest(text)).collect();
    let missing = api.registry().missing(&caller, &place, wanted?).await?;
    let missing: Vec<_> = missing.iter().map(|digest| hex(digest)).collect();
    Ok(Json(json!({"missing": missing})))
}

pub(crate) async fn blob_put(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, sha256)): Versioned,
    request: Request,
) -> Answer<Value> {
    let place = place::<ModelPush>(&api, &caller, &of, &model).await?;
    let digest = digest(&sha256)?;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.ok_or_else(|| {
        let text = "say in `Content-Length` how many bytes there are";
        ApiError::new(ProblemCode::Invalid, text)
    })?;
    let body = request.into_body();
    told_at_once::<ModelPush>(&api, &caller, &place).await?;
    let report = api
        .registry()
        .receive(&caller, &place, digest, length, body);
    Ok(Json(report.await?))
}

pub(crate) async fn register(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
    Form(body): Form<VersionBody>,
) -> Answer<VersionDto> {
    let place = place::<ModelPush>(&api, &caller, &of, &model).await?;
    let files = body.files.iter();
    let files = files.map(|file| Ok((parse(&file.name)?, digest(&file.sha256)?)));
    let submission = Submission {
        files: files.collect::<Result<_, ApiError>>()?,
        bundle: body.signature.into_bytes(),
    };
    let version = api.registry().register(&caller, &place, submission).await?;
    Ok(Json(version.into()))
}

pub(crate) async fn version(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
) -> Answer<VersionDto> {
    let place = place::<ModelRead>(&api, &caller, &of, &model).await?;
    let reference: Reference = parse(&version)?;
    let found = api.registry().version(&caller, &place, &reference);
    Ok(Json(found.await?.into()))
}

pub(crate) async fn lineage(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
) -> Answer<Value> {
    let place = place::<ModelRead>(&api, &caller, &of, &model).await?;
    let reference: Reference = parse(&version)?;
    let found = api.registry().lineage(&caller, &place, &reference);
    let mut found = found.await?;
    // Models it was made from are models of the list.
    if let Some(Value::Array(parents)) = found.pointer_mut("/lineage/parents") {
        let name = |parent: &Value| parent["model"].as_str().unwrap_or_default().to_owned();
        parents.retain(|parent| api.iam().key_allows(&caller, &name(parent)));
    }
    Ok(Json(found))
}

pub(crate) async fn signature(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
) -> Result<Response, ApiError> {
    let place = place::<ModelPull>(&api, &caller, &of, &model).await?;
    let reference: Reference = parse(&version)?;
    let bundle = api.registry().pull_signature(&caller, &place, &reference);
    Ok(([(header::CONTENT_TYPE, "application/json")], bundle.await?).into_response())
}

pub(crate) async fn blob_get(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version, sha256)): Path<(String, String, String, String)>,
) -> Result<Response, ApiError> {
    let place = place::<ModelPull>(&api, &caller, &of, &model).await?;
    let (reference, digest) = (parse(&version)?, digest(&sha256)?);
    let registry = api.registry();
    let file = registry
        .open_digest(&caller, &place, &reference, &digest)
        .await?;
    let length = file.file.length;
    let mut response = Response::new(axum::body::Body::new(file.body(0..length)));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

pub(crate) async fn document(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version, kind)): Path<(String, String, String, String)>,
    Form(body): Form<Value>,
) -> Answer<Value> {
    let place = place::<ModelAttest>(&api, &caller, &of, &model).await?;
    let kind = DocumentKind::from_word(&kind).ok_or_else(|| {
        let text = "a document is a `bom`, an `evaluation` or `provenance`";
        ApiError::new(ProblemCode::Invalid, text)
    })?;
    let reference: Reference = parse(&version)?;
    api.registry()
        .attest(&caller, &place, &reference, kind, body)
        .await?;
    Ok(done())
}

pub(crate) async fn approve(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
    Form(body): Form<ApproveBody>,
) -> Answer<Value> {
    let place = place::<ModelApprove>(&api, &caller, &of, &model).await?;
    let (alias, reference) = (parse(&body.alias)?, parse(&version)?);
    let registry = api.registry();
    registry
        .approve(&caller, &place, &alias, &reference, &body.why)
        .await?;
    Ok(done())
}

pub(crate) async fn quarantine(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
    Form(body): Form<WhyBody>,
) -> Answer<Vec<MovedDto>> {
    let place = place::<ModelQuarantine>(&api, &caller, &of, &model).await?;
    let reference: Reference = parse(&version)?;
    let moved = api
        .registry()
        .quarantine(&caller, &place, &reference, &body.why);
    Ok(Json(moved.await?.into_iter().map(Into::into).collect()))
}

pub(crate) async fn release(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, version)): Versioned,
    Form(body): Form<WhyBody>,
) -> Answer<Value> {
    let place = place::<ModelGovern>(&api, &caller, &of, &model).await?;
    let reference: Reference = parse(&version)?;
    api.registry()
        .release(&caller, &place, &reference, &body.why)
        .await?;
    Ok(done())
}

pub(crate) async fn diff(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model)): Named,
    Asked(query): Asked<DiffQuery>,
) -> Answer<Value> {
    let place = place::<ModelRead>(&api, &caller, &of, &model).await?;
    let (from, to) = (parse(&query.from)?, parse(&query.to)?);
    let diff = api.registry().diff(&caller, &place, &from, &to).await?;
    let (added, changed, removed) = (diff.added, diff.changed, diff.removed);
    Ok(Json(
        json!({"added": added, "changed": changed, "removed": removed}),
    ))
}

pub(crate) async fn promote(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, alias)): Versioned,
    Form(body): Form<MoveBody>,
) -> Answer<MovedDto> {
    let place = place::<ModelPromote>(&api, &caller, &of, &model).await?;
    let wanted = body.into_move(parse(&alias)?, &parse)?;
    Ok(Json(
        api.registry()
            .promote(&caller, &place, wanted)
            .await?
            .into(),
    ))
}

pub(crate) async fn rollback(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((of, model, alias)): Versioned,
    Form(body): Form<RollbackBody>,
) -> Answer<MovedDto> {
    let place = place::<ModelRollback>(&api, &caller, &of, &model).await?;
    let to = body.to.as_deref().map(parse).transpose()?;
    let alias = parse(&alias)?;
    let moved = api
        .registry()
        .rollback(&caller, &place, &alias, to, &body.why);
    Ok(Json(moved.await?.into()))
}
