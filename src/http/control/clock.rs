//! The clock: `/_mock/clock`. A store's time is the time of the shared clock plus the store's own offset; neither goes back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::request::ControlRequest;
use super::{ControlError, ControlResult, ok_for_store};
use crate::domain::text::truncate;
use crate::domain::timestamp::rfc3339;
use crate::world::clock::{ClockError, LAST_YEAR};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockUpdate {
    #[serde(default, deserialize_with = "time")]
    now: Option<DateTime<Utc>>,
    frozen: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(deserialize_with = "seconds")]
    seconds: Duration,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(value) = Option::<Value>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let time = time.ok_or_else(|| {
        D::Error::custom(format!("must be a time such as `2026-01-01T00:00:00Z`, and is `{}`", truncate(&value)))
    })?;
    Ok(Some(time.to_utc()))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let duration = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| D::Error::custom(format!("must be a number from 0, and is `{}`", truncate(&value))))
}

/// `GET /_mock/clock`, `?store=`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    current(&request, store.as_deref())
}

/// `PUT /_mock/clock`, `?store=`: sets the time; without a store, also freezes or resumes it.
pub(super) async fn put(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let update: ClockUpdate = request.json("for example `{\"now\":\"2026-01-01T00:00:00Z\",\"frozen\":true}`").await?;
    if store.is_some() && update.frozen.is_some() {
        return Err(ControlError::bad("`frozen` applies to the clock of all stores", "leave out `store` or `frozen`"));
    }
    let clock = &request.world.clock;
    clock.set(store.as_deref(), update.now, update.frozen)?;
    current(&request, store.as_deref())
}

/// `POST /_mock/clock/advance`, `?store=`
pub(super) async fn advance(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let Advance { seconds } = request.json("for example `{\"seconds\":60}`; a clock never goes back").await?;
    request.world.clock.advance(store.as_deref(), seconds)?;
    current(&request, store.as_deref())
}

impl From<ClockError> for ControlError {
    fn from(error: ClockError) -> ControlError {
        match error {
            ClockError::Back { now } => ControlError::bad(
                format!("the clock is already at `{}`", rfc3339(now)),
                "a clock never goes back: set a later time",
            ),
            ClockError::TooFar => {
                ControlError::bad(format!("the time is after the year {LAST_YEAR}"), "set an earlier time")
            }
        }
    }
}

/// The response of each request: the time of a store, or of all.
fn current(request: &ControlRequest, store: Option<&str>) -> ControlResult {
    let clock = &request.world.clock;
    let offset = store.map(|store| clock.offset(store)).unwrap_or_default();
    let body = json!({
        "now": rfc3339(clock.now() + offset),
        "frozen": clock.is_frozen(),
        "offset_ms": offset.num_milliseconds(),
    });
    ok_for_store(request, store, body)
}
