// SPDX-License-Identifier: Apache-2.0
//! The OpenAPI 3.1 document, made from the list of routes.

use serde_json::{Map, Value, json};

use crate::{Access, ROUTES, RouteDoc};

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Casemate admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
        },
    })
}

fn operation(route: &RouteDoc) -> Value {
    let mut operation = json!({
        "summary": route.summary,
        "responses": {
            "200": answer(route.answer),
            "default": {
                "description": "A problem (RFC 9457)",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            },
        },
    });
    match route.access {
        Access::Public => operation["security"] = json!([]),
        Access::Action(action) => {
            operation["security"] = json!([{"key": []}]);
            operation["x-casemate-action"] = json!(action.as_str());
        }
    }
    if !route.body.is_empty() {
        operation["requestBody"] = json!({
            "required": true,
            "content": {media(route.body): {"schema": reference(route.body)}},
        });
    }
    let parameters: Vec<_> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
        })
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    operation
}

fn answer(name: &str) -> Value {
    if name.is_empty() {
        return json!({"description": "Done"});
    }
    let content = json!({media(name): {"schema": reference(name)}});
    json!({"description": name, "content": content})
}

/// What a schema travels as.
fn media(name: &str) -> &'static str {
    match name {
        "Bytes" => "application/octet-stream",
        _ => "application/json",
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn schemas() -> Value {
    let mut all = base_schemas();
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), model_schemas()) {
        all.extend(more);
    }
    all
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": false,
    })
}

/// Those of the registry.
fn model_schemas() -> Value {
    let text = json!({"type": "string"});
    let list = json!({"type": "array", "items": {"type": "string"}});
    let any = json!({"type": "object"});
    json!({
        "Signers": object(&["signers"], json!({"signers": {"type": "array", "items": object(
            &["name", "pem"],
            json!({"name": text, "pem": text, "identity": text}),
        )}})),
        "Floor": object(&["floor"], json!({"floor": {"type": "integer"}, "why": text})),
        "Digests": object(&["digests"], json!({"digests": list})),
        "Bytes": {"type": "string", "contentMediaType": "application/octet-stream"},
        "NewVersion": object(&["files", "signature"], json!({
            "files": {"type": "array", "items": object(
                &["name", "sha256"],
                json!({"name": text, "sha256": text}),
            )},
            "signature": text,
        })),
        "Document": any, "Approve": object(&["alias"], json!({"alias": text, "why": text})),
        "Why": object(&["why"], json!({"why": text})),
        "Move": object(
            &["to"],
            json!({"to": text, "from": {"type": ["integer", "null"]}, "why": text}),
        ),
        "Rollback": object(&[], json!({"to": {"type": ["string", "null"]}, "why": text})),
        "Model": any, "Version": any, "Lineage": any, "Signature": any, "Missing": any,
        "Scan": any, "Moved": any, "Difference": any
    })
}

fn base_schemas() -> Value {
    let text = json!({"type": "string"});
    let list = json!({"type": "array", "items": {"type": "string"}});
    let count = json!({"type": ["integer", "null"], "minimum": 0});
    let limits = object(
        &[],
        json!({
            "requests_per_minute": count, "tokens_per_minute": count, "concurrency": count,
            "micros_per_day": count, "micros_per_month": count,
        }),
    );
    let any = json!({"type": "object"});
    json!({
        "Limits": limits,
        "Bootstrap": object(&["token", "name"], json!({"token": text, "name": text})),
        "BootstrapAnswer": any,
        "NewProject": object(&["name"], json!({"name": text, "limits": reference("Limits")})),
        "NewService": object(
            &["name"],
            json!({"name": text, "roles": list, "limits": reference("Limits")}),
        ),
        "NewKey": object(&[], json!({
            "label": text, "models": list, "networks": list, "limits": reference("Limits"),
            "expires_in_seconds": count,
        })),
        "Rotate": object(&[], json!({"overlap_seconds": count})),
        "PolicyText": object(&["text"], json!({"text": text, "note": text})),
        "Backup": object(&["file"], json!({"file": text})),
        "Export": object(&["directory"], json!({"directory": text})),
        "Drill": object(&["lines"], json!({"lines": text})),
        "Seal": object(&["secret", "file"], json!({"secret": text, "file": text})),
        "Erase": object(&["subject"], json!({"subject": text})),
        "Project": any, "Service": any, "Key": any, "KeySecret": any, "Person": any,
        "PolicyVersion": any, "Record": any, "Checkpoint": any, "ProofText": any, "Report": any, "Spend": any, "Visit": any,
        "LedgerKeys": any, "SystemState": any, "Done": any,
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "code", "detail"],
            "properties": {
                "type": text, "title": text, "status": {"type": "integer"}, "code": text,
                "detail": text, "hint": text, "request_id": text,
            },
        },
    })
}
