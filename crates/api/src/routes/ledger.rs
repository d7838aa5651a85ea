// SPDX-License-Identifier: Apache-2.0
//! The book.

use axum::{
    Json,
    extract::{Path, State},
};
use casemate_access::Receipt;
use casemate_ledger::{Checkpoint, Kind, LedgerError, Reader, Record, export as export_ledger};
use casemate_types::{
    Caller, ProblemCode, RecordId, ResourceKind, ResourceRef,
    actions::{LedgerExport, LedgerRead, LedgerWitness},
    event::Ending,
};
use serde_json::{Value, json};

use super::blocking;
use crate::{
    AdminApi, ApiError,
    body::{Asked, Form},
    caller::Asker,
    dto::{ExportBody, RecordDto, RecordQuery},
};

/// Records in one answer at most.
const MAX_PAGE: usize = 1000;
/// How often a checkpoint is looked for, and the pause between.
const SIGNING_TRIES: u32 = 400;
const SIGNING_PATIENCE: std::time::Duration = std::time::Duration::from_millis(5);

/// Asks to read the book; readers of one project get only its records.
async fn may_read(api: &AdminApi, caller: &Caller, what: &str) -> Result<Receipt, ApiError> {
    let resource = ResourceRef {
        kind: ResourceKind::Ledger,
        id: "ledger".into(),
        project: caller.principal.project,
    };
    let permit = api
        .door()
        .admit::<LedgerRead>(caller, resource, what)
        .await?;
    let entered = permit.enter();
    let (_, receipt) = entered
        .ok_or_else(|| ApiError::new(ProblemCode::Denied, "the permit has expired; ask again"))?;
    Ok(receipt)
}

/// Ends a reading access.
fn done<T>(receipt: Receipt, result: &Result<T, LedgerError>) {
    match result {
        Ok(_) => receipt.settle(Ending::Completed, |_| ()),
        Err(error) => receipt.settle(Ending::Failed, |facts| facts.note = error.to_string()),
    }
}

fn visible(caller: &Caller, record: &Record) -> bool {
    caller.principal.project.is_none() || record.entry.project == caller.principal.project
}

/// Waits until everything that is durable now is signed too, so that proofs and exports hold it.
async fn signed(api: &AdminApi) -> Result<(), ApiError> {
    let reader = api.door().reader().clone();
    let size = reader.size();
    api.door().checkpoint_soon();
    for _ in 0..SIGNING_TRIES {
        let (reader, patience) = (reader.clone(), SIGNING_PATIENCE);
        let note = blocking(move || reader.checkpoint()).await?;
        let covered = note
            .and_then(|note| Checkpoint::parse(&note.body))
            .map(|c| c.size);
        if covered.is_ok_and(|covered| covered >= size) {
            return Ok(());
        }
        tokio::time::sleep(patience).await;
    }
    Err(ApiError::new(
        ProblemCode::Unavailable,
        "the ledger does not sign checkpoints now",
    ))
}

pub(crate) async fn keys(State(api): State<AdminApi>) -> Json<Vec<String>> {
    Json(
        api.door()
            .reader()
            .public_keys()
            .iter()
            .map(|key| key.text())
            .collect(),
    )
}

pub(crate) async fn checkpoint(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Result<Json<Value>, ApiError> {
    let receipt = may_read(&api, &caller, "checkpoint").await?;
    let reader = api.door().reader().clone();
    let result = blocking(move || reader.checkpoint()).await?;
    done(receipt, &result);
    if matches!(result, Err(LedgerError::NotFound)) {
        let text = "nothing is signed yet; the first checkpoint comes within a moment";
        return Err(ApiError::new(ProblemCode::NotFound, text));
    }
    Ok(Json(json!({"note": result?.text()})))
}

pub(crate) async fn records(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Asked(query): Asked<RecordQuery>,
) -> Result<Json<Vec<RecordDto>>, ApiError> {
    let limit = query.limit.unwrap_or(50).min(MAX_PAGE);
    let size = api.door().reader().size();
    let from = query
        .from
        .unwrap_or_else(|| size.saturating_sub(limit as u64));
    let receipt = may_read(&api, &caller, "records").await?;
    let reader = api.door().reader().clone();
    let result = blocking(move || reader.list(from, limit)).await?;
    done(receipt, &result);
    let shown = result?
        .into_iter()
        .filter(|record| visible(&caller, record));
    Ok(Json(shown.map(Into::into).collect()))
}

fn record_id(text: &str) -> Result<RecordId, ApiError> {
    text.parse().map_err(|error: casemate_types::ParseIdError| {
        ApiError::new(ProblemCode::Invalid, error.to_string())
    })
}

/// Everything about a request. A second attempt, such as a fallback, has a decision of its own,
/// whose outcome is about that decision.
fn find_all(reader: &Reader, id: RecordId) -> Result<Vec<Record>, LedgerError> {
    let mut all = reader.find(id)?;
    let attempts: Vec<_> = all
        .iter()
        .filter(|record| record.entry.kind == Kind::Decision && record.entry.id != id)
        .map(|record| record.entry.id)
        .collect();
    for attempt in attempts {
        all.extend(reader.find(attempt)?);
    }
    all.sort_by_key(|record| record.index);
    all.dedup_by_key(|record| record.index);
    Ok(all)
}

async fn find(api: &AdminApi, caller: &Caller, text: &str) -> Result<Vec<Record>, ApiError> {
    let id = record_id(text)?;
    let receipt = may_read(api, caller, text).await?;
    let reader = api.door().reader().clone();
    let result = blocking(move || find_all(&reader, id)).await?;
    done(receipt, &result);
    let found: Vec<_> = result?
        .into_iter()
        .filter(|record| visible(caller, record))
        .collect();
    if found.is_empty() {
        Err(ApiError::not_found("such record"))
    } else {
        Ok(found)
    }
}

pub(crate) async fn record(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(record): Path<String>,
) -> Result<Json<Vec<RecordDto>>, ApiError> {
    let found = find(&api, &caller, &record).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

pub(crate) async fn proof(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(record): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = find(&api, &caller, &record).await?;
    let index = found.first().map(|record| record.index).unwrap_or_default();
    let reader = api.door().reader().clone();
    signed(&api).await?;
    let proof = blocking(move || reader.prove(index)).await??;
    Ok(Json(json!({"index": index, "proof": proof.text()})))
}

pub(crate) async fn verify(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Result<Json<Value>, ApiError> {
    let receipt = may_read(&api, &caller, "verify").await?;
    let reader = api.door().reader().clone();
    let result = blocking(move || reader.verify(&|_, _| ())).await?;
    done(receipt, &result);
    Ok(Json(serde_json::to_value(result?).unwrap_or_default()))
}

pub(crate) async fn export(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<ExportBody>,
) -> Result<Json<Value>, ApiError> {
    let resource = ResourceRef::system(ResourceKind::Ledger, "ledger");
    let permit = api
        .door()
        .admit::<LedgerExport>(&caller, resource, &body.directory)
        .await?;
    let entered = permit.enter();
    let (_, receipt) = entered
        .ok_or_else(|| ApiError::new(ProblemCode::Denied, "the permit has expired; ask again"))?;
    if caller.principal.project.is_some() {
        // Whatever the policies say: an export holds the records of all.
        let text = "an export holds the records of every project, and this key belongs to one";
        receipt.settle(Ending::Failed, |facts| text.clone_into(&mut facts.note));
        return Err(ApiError::new(ProblemCode::Denied, text));
    }
    signed(&api).await?;
    let reader = api.door().reader().clone();
    let directory = std::path::PathBuf::from(body.directory);
    let result = blocking(move || export_ledger(&reader, &directory, &|_, _| ())).await?;
    done(receipt, &result);
    Ok(Json(json!({"records": result?.size})))
}

pub(crate) async fn witness(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Result<Json<Value>, ApiError> {
    let resource = ResourceRef::system(ResourceKind::Ledger, "ledger");
    let permit = api
        .door()
        .admit::<LedgerWitness>(&caller, resource, "")
        .await?;
    signed(&api).await?;
    let system = api.system();
    Ok(Json(blocking(move || system.witness(permit)).await?))
}
