//! Seeding: `/_mock/seed` and `/_mock/stores/{store_id}/generate`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{ControlRequest, whole_number};
use super::{ControlError, ControlResult, add_warnings, ok, run_blocking};
use crate::world::generate::{GenerateRequest, MAX_GENERATED};
use crate::world::seed::{SeedCounts, Seeded};

/// `POST /_mock/seed` with a seed in JSON or NDJSON: adds all of it, or nothing.
pub(super) async fn add(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let text = request.text().await?;
    let world = request.world.clone();
    let seeded = run_blocking(move || world.seed(&text)).await?.map_err(|error| {
        let hint = r#"nothing was added; a seed is `{"stores":[{"id":"shop","customers":[…],"events":[…]}]}`"#;
        ControlError::bad(format!("invalid seed: {error}"), hint)
    })?;
    let stores: Vec<_> = seeded.iter().map(|(id, seeded)| seeded_json(id, seeded)).collect();
    let warning = stores.is_empty().then(|| "the seed has no store".to_owned());
    let mut body = json!({ "stores": stores });
    add_warnings(warning, &mut body);
    ok(body)
}

fn seeded_json(id: &str, seeded: &Seeded) -> Value {
    let counts = |counts: SeedCounts| json!({ "created": counts.created, "replaced": counts.replaced });
    json!({ "id": id, "customers": counts(seeded.customers), "events": counts(seeded.events) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, MAX_GENERATED>")]
    customers: u64,
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, MAX_GENERATED>")]
    events: u64,
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, { u64::MAX }>")]
    seed: u64,
}

/// `POST /_mock/stores/{store_id}/generate`: adds plausible customers and events, the same for the same seed and store.
pub(super) async fn generate(mut request: ControlRequest) -> ControlResult {
    const EXAMPLE: &str = r#"for example `{"customers":100,"events":10}`"#;
    request.query([])?;
    let Generate { customers, events, seed } = request.json(EXAMPLE).await?;
    if customers == 0 && events == 0 {
        return Err(ControlError::bad("`customers` and `events` are both 0", EXAMPLE));
    }
    let (world, store) = (request.world.clone(), request.path("store_id"));
    let memory = world.memory();
    if memory.declared_only && memory.store(&store).is_none() {
        return Err(ControlError::not_found(
            format!("there is no store `{store}`"),
            "seed it with a `secret` first: the emulated API only accepts stores that have one, since other stores have one",
        ));
    }
    let order = GenerateRequest { customers, events, seed };
    let generated = run_blocking(move || world.generate(&store, order)).await?;
    generated.map_err(|error| ControlError::bad(error.to_string(), "nothing was added; also generate `customers`"))?;
    ok(json!({ "customers": customers, "events": events, "seed": seed }))
}
