//! Valid documents with every field, and the pointers to their values.

use serde_json::{Value, json};

/// A customer with every writable field.
fn customer() -> Value {
    json!({
        "external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671", "first_name": "Ann",
        "last_name": "Ångström", "gender": "F", "account_created_at": "2021-03-27T04:37:34",
        "account_updated_at": "2023-08-29T16:30:07+02:00", "account_status": "enabled", "default_language": "en",
        "default_currency": "USD", "tags": "vip,summer_sale", "address": {
            "address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": "Acme", "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"
        },
        "accepts_sms_marketing": true, "accepts_email_marketing": false,
        "custom_properties": {"club": "gold", "shoe_size": 38.5, "is_wholesale": false}
    })
}

pub fn customer_body() -> Value {
    json!({ "customer": customer() })
}

pub fn event_body() -> Value {
    json!({"customer_event": {
        "source": "crm", "type": "order_shipped", "timestamp": "2025-01-01T10:00:00", "unique_id": "e-1",
        "properties": {"carrier": "UPS", "parcels": 2}, "customer": {"external_id": "b-1", "email": "bob@example.com"}
    }})
}

pub fn seed() -> Value {
    let mut customer = customer();
    customer["lists"] = json!([{"id": "1", "since": "2023-05-22T11:08:52"}]);
    customer["channels"] = json!({
        "sms": {"marketing": {"consent": "unsubscribed"}},
        "email": {"marketing": {"consent": "subscribed", "timestamp": "2022-02-27",
            "suppressions": {"suppression_reason": "SOFT_BOUNCE", "timestamp": "2019-11-09"}}}
    });
    customer["loyalty"] =
        json!({"points_balance": 420, "credit_balance": 12.5, "is_opt_in": true, "vip_tier_name": "Gold"});
    customer["yotpo_ugc"] = json!({"total_reviews": 7, "top_topics": ["fit"], "last_review_date": "2023-07-30"});
    let event = json!({"unique_id": "e-1", "type": "t", "timestamp": "2025-01-01", "customer": {"external_id": "c-1"}});
    json!({"stores": [{
        "id": "shop", "secret": "s", "customers": [customer, {"email": "bob@example.com"}], "events": [event]
    }]})
}

/// A line of an NDJSON seed.
pub fn seed_line() -> Value {
    let seed = seed();
    let store = &seed["stores"][0];
    json!({"store": "shop", "secret": "s", "customer": store["customers"][0], "event": store["events"][0]})
}

/// The JSON pointers to all values of a document, itself included.
pub fn pointers(document: &Value) -> Vec<String> {
    let mut pointers = vec![String::new()];
    let children: Vec<(String, &Value)> = match document {
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(values) => values.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in children {
        pointers.extend(self::pointers(value).iter().map(|rest| format!("/{name}{rest}")));
    }
    pointers
}
