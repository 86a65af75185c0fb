//! Named snapshots of the state: `/_mock/snapshots`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::request::ControlRequest;
use super::{ControlError, ControlResult, ok};
use crate::domain::text::{join_quoted, truncate};
use crate::domain::timestamp::rfc3339;
use crate::world::World;
use crate::world::snapshot::{self, CAPACITY, SaveOutcome, TimedState};

/// `GET /_mock/snapshots`
pub(super) async fn list(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let snapshots = request.world.snapshots.all();
    let snapshots: Vec<_> = snapshots.iter().map(|(name, snapshot)| to_json(name, snapshot)).collect();
    ok(json!({ "snapshots": snapshots }))
}

/// `PUT /_mock/snapshots/{name}`: saves the current state.
pub(super) async fn put(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let name = name(&request)?;
    request.no_body().await?;
    let world = &request.world;
    let snapshot = TimedState { taken_at: world.clock.now(), state: world.state() };
    let body = to_json(&name, &snapshot);
    match world.snapshots.put(&name, snapshot) {
        SaveOutcome::Created => Ok(HttpResponse::Created().json(body)),
        SaveOutcome::Replaced => ok(body),
        SaveOutcome::Full => Err(ControlError::new(
            StatusCode::CONFLICT,
            format!("there are {CAPACITY} snapshots already, and none is named `{name}`"),
            format!("replace or delete one of {}", join_quoted(&names(world))),
        )),
    }
}

/// `GET /_mock/snapshots/{name}`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let (name, snapshot) = find(&request)?;
    ok(to_json(&name, &snapshot))
}

/// `POST /_mock/snapshots/{name}/restore`: replaces the current state, and the time.
pub(super) async fn restore(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    name(&request)?;
    request.no_body().await?;
    let (name, snapshot) = find(&request)?;
    let body = to_json(&name, &snapshot);
    request.world.restore(snapshot.state);
    ok(body)
}

/// `DELETE /_mock/snapshots/{name}`
pub(super) async fn delete(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let name = name(&request)?;
    request.no_body().await?;
    match request.world.snapshots.remove(&name) {
        true => ok(json!({})),
        false => Err(unknown_snapshot(&request.world, &name)),
    }
}

fn name(request: &ControlRequest) -> Result<String, ControlError> {
    let name = request.path("name");
    if snapshot::is_name(&name) {
        return Ok(name);
    }
    Err(ControlError::bad(
        format!("`{}` is not a valid name of a snapshot", truncate(&name)),
        "a name is 1 to 64 letters, digits, `.`, `_` and `-`",
    ))
}

fn find(request: &ControlRequest) -> Result<(String, TimedState), ControlError> {
    let name = name(request)?;
    match request.world.snapshots.get(&name) {
        Some(snapshot) => Ok((name, snapshot)),
        None => Err(unknown_snapshot(&request.world, &name)),
    }
}

fn names(world: &World) -> Vec<String> {
    world.snapshots.all().into_iter().map(|(name, _)| name).collect()
}

fn unknown_snapshot(world: &World, name: &str) -> ControlError {
    let hint = match names(world) {
        names if names.is_empty() => "there are none: `PUT /_mock/snapshots/{name}` saves one".to_owned(),
        names => format!("existing snapshots: {}", join_quoted(&names)),
    };
    ControlError::not_found(format!("there is no snapshot `{name}`"), hint)
}

fn to_json(name: &str, snapshot: &TimedState) -> Value {
    let stores = &snapshot.state.memory.stores;
    let (customers, events) = stores.values().fold((0, 0), |(customers, events), store| {
        let counts = store.counts();
        (customers + counts.0, events + counts.1)
    });
    json!({
        "name": name,
        "taken_at": rfc3339(snapshot.taken_at),
        "stores": stores.len(),
        "customers": customers,
        "events": events,
    })
}
