//! Starting over: `/_mock/reset` and `/_mock/settle`.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::asked::{Asked, Complaint};
use crate::world::ResetTo;
use crate::world::words::brief;

/// `POST /_mock/reset`, `?store=`: back to the seeds of the start, or with `{"to":"empty"}` to nothing.
pub(super) async fn reset(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    let world = asked.world.clone();
    let body = asked.object(&["to"]).await?;
    let to = match body.get("to") {
        None => ResetTo::Seed,
        Some(Value::String(to)) if to == "seed" => ResetTo::Seed,
        Some(Value::String(to)) if to == "empty" => ResetTo::Empty,
        Some(other) => {
            return Err(Complaint::bad(
                format!("`to` is `{}`", brief(other)),
                "it is `seed` or `empty`",
            ));
        }
    };
    world.reset(store.as_deref(), to);
    Ok(HttpResponse::Ok().json(json!({})))
}

/// `POST /_mock/settle`, `?store=`: makes every accepted write visible now.
pub(super) async fn settle(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    let world = asked.world.clone();
    asked.object(&[]).await?;
    Ok(HttpResponse::Ok().json(json!({ "applied": world.settle(store.as_deref()) })))
}
