//! Adding to what is there: `/_mock/seed`.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::asked::{Asked, Complaint, apart};
use crate::world::seed::{Seeded, Tally};

/// `POST /_mock/seed` with a seed, JSON or NDJSON: adds what it says, or nothing.
pub(super) async fn add(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    asked.query([])?;
    let world = asked.world.clone();
    let text = asked.text().await?;
    let seeded = apart(move || world.seed(&text)).await?;
    let seeded = seeded.map_err(|error| {
        let hint = "nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`";
        Complaint::bad(format!("the seed is not taken: {error}"), hint)
    })?;
    let stores: Vec<_> = seeded.iter().map(|(id, seeded)| told(id, seeded)).collect();
    Ok(HttpResponse::Ok().json(json!({ "stores": stores })))
}

fn told(id: &str, seeded: &Seeded) -> Value {
    let tally = |tally: Tally| json!({ "created": tally.created, "replaced": tally.replaced });
    json!({ "id": id, "customers": tally(seeded.customers), "events": tally(seeded.events) })
}
