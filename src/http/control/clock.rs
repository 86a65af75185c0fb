//! The clock: `/_mock/clock`. A store's time is the clock of all plus an offset of its own; neither goes back.

use std::time::Duration;

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::ControlRequest;
use crate::domain::timestamp::rfc3339;
use crate::world::World;
use crate::world::clock::{ClockError, LAST_YEAR};
use crate::world::text::truncate;

/// `GET /_mock/clock`, `?store=`
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    Ok(told(&request.world, store.as_deref()))
}

/// `PUT /_mock/clock`, `?store=` with `now` (RFC 3339), and for all stores `frozen`: sets it, lets it stand still or run on.
pub(super) async fn put(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    let body = request.object(&["now", "frozen"]).await?;
    let now = match body.get("now").filter(|now| !now.is_null()) {
        None => None,
        Some(now) => Some(moment(now).ok_or_else(|| {
            ControlError::bad(
                format!("`now` is `{}`", truncate(now)),
                "it is a time such as `2026-01-01T00:00:00Z`",
            )
        })?),
    };
    let frozen = match body.get("frozen") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(_)) if store.is_some() => {
            return Err(ControlError::bad(
                "`frozen` is of the clock of all stores",
                "leave out `store`, or `frozen`",
            ));
        }
        Some(Value::Bool(frozen)) => Some(*frozen),
        Some(other) => {
            return Err(ControlError::bad(
                format!("`frozen` is `{}`", truncate(other)),
                "it is true or false",
            ));
        }
    };
    world.clock.set(store.as_deref(), now, frozen).map_err(complaint)?;
    Ok(told(&world, store.as_deref()))
}

/// `POST /_mock/clock/advance`, `?store=` with `{"seconds":…}`
pub(super) async fn advance(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    let body = request.object(&["seconds"]).await?;
    let seconds = body.get("seconds").unwrap_or(&Value::Null);
    let by = seconds
        .as_f64()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let by = by.ok_or_else(|| {
        let hint = "it is a number of seconds that is not negative; a clock never goes back";
        ControlError::bad(format!("`seconds` is `{}`", truncate(seconds)), hint)
    })?;
    world.clock.advance(store.as_deref(), by).map_err(complaint)?;
    Ok(told(&world, store.as_deref()))
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?)
        .ok()
        .map(|moment| moment.to_utc())
}

fn complaint(error: ClockError) -> ControlError {
    match error {
        ClockError::Back { now } => ControlError::bad(
            format!("it is `{}` already", rfc3339(now)),
            "a clock never goes back: set a later time",
        ),
        ClockError::TooFar => ControlError::bad(format!("that is beyond the year {LAST_YEAR}"), "set an earlier time"),
    }
}

fn told(world: &World, store: Option<&str>) -> HttpResponse {
    let offset = store.map(|store| world.clock.offset(store)).unwrap_or_default();
    let offset_ms = offset.num_milliseconds();
    HttpResponse::Ok().json(json!({
        "now": rfc3339(world.clock.now() + offset),
        "frozen": world.clock.is_frozen(),
        "offset_ms": offset_ms,
    }))
}
