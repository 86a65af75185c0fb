//! Adding to what is there: `/_mock/seed` and `/_mock/stores/{id}/generate`.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::{ControlRequest, run_blocking};
use crate::world::generate::{GenerateRequest, MAX_GENERATED};
use crate::world::seed::{SeedCounts, Seeded};
use crate::world::text::truncate;

/// `POST /_mock/seed` with a seed, JSON or NDJSON: adds what it says, or nothing.
pub(super) async fn add(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let world = request.world.clone();
    let text = request.text().await?;
    let seeded = run_blocking(move || world.seed(&text)).await?;
    let seeded = seeded.map_err(|error| {
        let hint = "nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`";
        ControlError::bad(format!("the seed is not taken: {error}"), hint)
    })?;
    let stores: Vec<_> = seeded.iter().map(|(id, seeded)| told(id, seeded)).collect();
    Ok(HttpResponse::Ok().json(json!({ "stores": stores })))
}

fn told(id: &str, seeded: &Seeded) -> Value {
    let tally = |tally: SeedCounts| json!({ "created": tally.created, "replaced": tally.replaced });
    json!({ "id": id, "customers": tally(seeded.customers), "events": tally(seeded.events) })
}

/// `POST /_mock/stores/{id}/generate` with `{"customers":10000,"events":500,"seed":42}`: appends plausible data, the same for
/// the same seed and the same store.
pub(super) async fn generate(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let store = request.path("store_id").to_owned();
    let world = request.world.clone();
    let body = request.object(&["customers", "events", "seed"]).await?;
    let number = |name: &str, default: u64, most: u64| match body.get(name) {
        None => Ok(default),
        Some(value) => value.as_u64().filter(|number| *number <= most).ok_or_else(|| {
            ControlError::bad(
                format!("`{name}` is `{}`", truncate(value)),
                format!("it is a whole number from 0 to {most}"),
            )
        }),
    };
    let order = GenerateRequest {
        customers: number("customers", 0, MAX_GENERATED)?,
        events: number("events", 0, MAX_GENERATED)?,
        seed: number("seed", 0, u64::MAX)?,
    };
    if order.customers == 0 && order.events == 0 {
        return Err(ControlError::bad(
            "nothing is asked for",
            "say how many, for example `{\"customers\":100,\"events\":10}`",
        ));
    }
    let generated = run_blocking(move || world.generate(&store, order)).await?;
    generated.map_err(|error| ControlError::bad(error, "nothing was added; ask for `customers`, too"))?;
    Ok(HttpResponse::Ok().json(json!({ "customers": order.customers, "events": order.events, "seed": order.seed })))
}
