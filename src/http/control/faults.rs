//! Making the vendor misbehave: `/_mock/faults`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::asked::{Asked, Complaint};

/// `POST /_mock/faults`: adds a fault; 201 with its id.
pub(super) async fn add(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    asked.query([])?;
    let memory = asked.world.memory();
    let spec = asked.any_object().await?;
    let added = memory.faults.add(spec);
    let id = added.map_err(|error| {
        Complaint::bad(
            error,
            "for example {\"match\":{\"operation\":\"upsertCustomer\"},\"times\":2,\"status\":503}",
        )
    })?;
    Ok(HttpResponse::Created().json(memory.faults.get(id).expect("it was just added")))
}

/// `GET /_mock/faults`, `?store=`: all, or those for one store only, with what became of them.
pub(super) async fn list(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    Ok(HttpResponse::Ok().json(json!({ "faults": asked.world.memory().faults.list(store.as_deref()) })))
}

/// `DELETE /_mock/faults`, `?store=`
pub(super) async fn clear(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    Ok(HttpResponse::Ok().json(json!({ "removed": asked.world.memory().faults.clear(store.as_deref()) })))
}

/// `GET /_mock/faults/{id}`
pub(super) async fn get(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    asked.query([])?;
    let fault = id_of(&asked).and_then(|id| asked.world.memory().faults.get(id));
    fault
        .map(|fault| HttpResponse::Ok().json(fault))
        .ok_or_else(|| unknown(&asked))
}

/// `DELETE /_mock/faults/{id}`
pub(super) async fn remove(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    asked.query([])?;
    let removed = id_of(&asked).is_some_and(|id| asked.world.memory().faults.remove(id));
    removed
        .then(|| HttpResponse::Ok().json(json!({ "removed": 1 })))
        .ok_or_else(|| unknown(&asked))
}

fn id_of(asked: &Asked) -> Option<u64> {
    asked.path("fault_id").parse().ok()
}

fn unknown(asked: &Asked) -> Complaint {
    Complaint::new(
        StatusCode::NOT_FOUND,
        format!("there is no fault `{}`", asked.path("fault_id")),
        "`GET /_mock/faults` lists those there are",
    )
}
