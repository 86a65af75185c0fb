//! Named states: `/_mock/snapshots`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::ControlRequest;
use crate::domain::timestamp::rfc3339;
use crate::world::World;
use crate::world::snapshot::{self, CAPACITY, SaveOutcome, Snapshot};
use crate::world::text::{join_quoted, truncate};

/// `GET /_mock/snapshots`
pub(super) async fn list(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let all = request.world.snapshots.all();
    let all: Vec<_> = all.iter().map(|(name, snapshot)| told(name, snapshot)).collect();
    Ok(HttpResponse::Ok().json(json!({ "snapshots": all })))
}

/// `PUT /_mock/snapshots/{name}`: keeps what is there now.
pub(super) async fn put(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let name = name(&request)?;
    let world = request.world.clone();
    request.object(&[]).await?;
    let snapshot = Snapshot {
        taken_at: world.clock.now(),
        state: world.state(),
    };
    let body = told(&name, &snapshot);
    match world.snapshots.put(&name, snapshot) {
        SaveOutcome::Created => Ok(HttpResponse::Created().json(body)),
        SaveOutcome::Replaced => Ok(HttpResponse::Ok().json(body)),
        SaveOutcome::Full => Err(ControlError::new(
            StatusCode::CONFLICT,
            format!("there are {CAPACITY} snapshots, and `{name}` is none of them"),
            format!("replace or delete one of {}", join_quoted(&names(&world))),
        )),
    }
}

/// `GET /_mock/snapshots/{name}`
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let name = name(&request)?;
    let snapshot = request
        .world
        .snapshots
        .get(&name)
        .ok_or_else(|| unknown(&request.world, &name))?;
    Ok(HttpResponse::Ok().json(told(&name, &snapshot)))
}

/// `POST /_mock/snapshots/{name}/restore`: puts it in the place of what is there, the time included.
pub(super) async fn restore(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let name = name(&request)?;
    let world = request.world.clone();
    request.object(&[]).await?;
    let snapshot = world.snapshots.get(&name).ok_or_else(|| unknown(&world, &name))?;
    let body = told(&name, &snapshot);
    world.restore(snapshot.state);
    Ok(HttpResponse::Ok().json(body))
}

/// `DELETE /_mock/snapshots/{name}`
pub(super) async fn delete(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let name = name(&request)?;
    let world = request.world.clone();
    request.object(&[]).await?;
    match world.snapshots.remove(&name) {
        true => Ok(HttpResponse::Ok().json(json!({}))),
        false => Err(unknown(&world, &name)),
    }
}

fn name(request: &ControlRequest) -> Result<String, ControlError> {
    let name = request.path("name");
    if snapshot::is_name(name) {
        return Ok(name.to_owned());
    }
    Err(ControlError::bad(
        format!("`{}` does not name a snapshot", truncate(name)),
        "a name is 1 to 64 letters, digits, `.`, `_` and `-`",
    ))
}

fn names(world: &World) -> Vec<String> {
    world.snapshots.all().into_iter().map(|(name, _)| name).collect()
}

fn unknown(world: &World, name: &str) -> ControlError {
    let hint = match names(world) {
        names if names.is_empty() => "there is none: `PUT /_mock/snapshots/{name}` takes one".to_owned(),
        names => format!("those that are there: {}", join_quoted(&names)),
    };
    ControlError::new(StatusCode::NOT_FOUND, format!("there is no snapshot `{name}`"), hint)
}

/// What a snapshot holds, in numbers.
fn told(name: &str, snapshot: &Snapshot) -> Value {
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
