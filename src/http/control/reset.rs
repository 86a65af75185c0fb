//! Starting over: `/_mock/reset` and `/_mock/settle`.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::ControlRequest;
use crate::world::ResetTo;
use crate::world::text::truncate;

/// `POST /_mock/reset`, `?store=`: back to the seeds of the start, or with `{"to":"empty"}` to nothing.
pub(super) async fn reset(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    let body = request.object(&["to"]).await?;
    let to = match body.get("to") {
        None => ResetTo::Seed,
        Some(Value::String(to)) if to == "seed" => ResetTo::Seed,
        Some(Value::String(to)) if to == "empty" => ResetTo::Empty,
        Some(other) => {
            return Err(ControlError::bad(
                format!("`to` is `{}`", truncate(other)),
                "it is `seed` or `empty`",
            ));
        }
    };
    world.reset(store.as_deref(), to);
    Ok(HttpResponse::Ok().json(json!({})))
}

/// `POST /_mock/settle`, `?store=`: makes every accepted write visible now.
pub(super) async fn settle(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    request.object(&[]).await?;
    Ok(HttpResponse::Ok().json(json!({ "applied": world.settle(store.as_deref()) })))
}
