//! The customer, written and read back: contract, sections 3 to 5.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Emulator, customers};

/// The contract's customer of ordinary size, less what cannot be written.
fn emma() -> Value {
    json!({
        "external_id": "8932456123789", "email": "emma.johnson@example.com", "phone_number": "+14155552671",
        "first_name": "Emma", "last_name": "Johnson", "gender": "F",
        "account_created_at": "2021-03-27T04:37:34", "account_updated_at": "2023-08-29T16:30:07",
        "account_status": "enabled", "default_language": "en", "default_currency": "USD", "tags": "vip,summer_sale,repeat_buyer",
        "address": {
            "address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": null, "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"
        },
        "accepts_sms_marketing": true, "accepts_email_marketing": true
    })
}

#[test]
fn a_customer_with_all_fields_comes_back_as_written() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.upsert(emma()), @"
    200
    x-yotpo-mock-note: customers.phone_number: Yotpo says phone_number can no longer be set here; with deprecations enforced it only identifies the customer
    {}
    ");
    assert_snapshot!(emulator.get(&customers("")), @r#"
    200
    {
      "customers":[
        {
          "external_id":"8932456123789",
          "email":"emma.johnson@example.com",
          "phone_number":"+14155552671",
          "first_name":"Emma",
          "last_name":"Johnson",
          "gender":"F",
          "account_created_at":"2021-03-27T04:37:34",
          "account_updated_at":"2023-08-29T16:30:07",
          "account_status":"enabled",
          "default_language":"en",
          "default_currency":"USD",
          "tags":"vip,summer_sale,repeat_buyer",
          "address":{
            "address1":"12 Harbour Street",
            "address2":"Flat 3",
            "city":"Austin",
            "company":null,
            "state":"Texas",
            "zip":"73301",
            "province_code":"TX",
            "country_code":"US",
            "phone_number":"+14155552671"
          },
          "accepts_sms_marketing":true,
          "accepts_email_marketing":true,
          "lists":[],
          "channels":{}
        }
      ],
      "pagination":{"next_page_info":null}
    }
    "#);
}

#[test]
fn unset_fields_are_null_or_empty() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1"}));
    assert_snapshot!(emulator.get(&customers("?include_custom_properties=true&expand=loyalty,reviews")), @r#"
    200
    {
      "customers":[
        {
          "external_id":"c-1",
          "email":null,
          "phone_number":null,
          "first_name":null,
          "last_name":null,
          "gender":null,
          "account_created_at":null,
          "account_updated_at":"2026-01-01T00:00:00",
          "account_status":null,
          "default_language":null,
          "default_currency":null,
          "tags":null,
          "address":null,
          "accepts_sms_marketing":null,
          "accepts_email_marketing":null,
          "lists":[],
          "channels":{},
          "custom_properties":{},
          "loyalty":null,
          "yotpo_ugc":null
        }
      ],
      "pagination":{"next_page_info":null}
    }
    "#);
}

#[test]
fn an_address_has_all_nine_keys_or_is_null() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "address": {"city": "Austin"}}));
    emulator.upsert(json!({"external_id": "c-2", "address": {}}));
    emulator.upsert(json!({"external_id": "c-3", "address": {"city": null}}));
    let page = emulator.get(&customers("")).json();
    assert_eq!(
        page["customers"][0]["address"],
        json!({
            "address1": null, "address2": null, "city": "Austin", "company": null, "state": null, "zip": null,
            "province_code": null, "country_code": null, "phone_number": null
        })
    );
    assert_eq!(page["customers"][1]["address"], Value::Null);
    assert_eq!(page["customers"][2]["address"], Value::Null);
}

#[test]
fn null_and_absent_fields_stay_as_they_are() {
    let emulator = Emulator::new();
    emulator.upsert(emma());
    let nulls = emma().as_object().unwrap().keys().map(|key| (key.clone(), Value::Null)).collect::<Value>();
    let before = emulator.all_customers();
    let mut update = nulls;
    update["external_id"] = json!("8932456123789");
    assert_eq!(emulator.upsert(update).status(), 200);
    assert_eq!(emulator.upsert(json!({"external_id": "8932456123789", "address": {"city": null}})).status(), 200);
    assert_eq!(emulator.all_customers(), before);
}

#[test]
fn an_empty_string_is_stored_in_free_text() {
    let emulator = Emulator::new();
    emulator.upsert(emma());
    emulator.upsert(json!({"external_id": "8932456123789", "first_name": "", "last_name": "", "tags": "", "address": {"address2": ""}}));
    let customer = &emulator.get(&customers("")).json()["customers"][0];
    assert_eq!(
        [&customer["first_name"], &customer["last_name"], &customer["tags"], &customer["address"]["address2"]],
        [""; 4]
    );
}

#[test]
fn address_and_custom_properties_are_merged_key_by_key_and_tags_are_replaced() {
    let emulator = Emulator::new();
    emulator.upsert(json!({
        "external_id": "c-1", "tags": "a,,b", "address": {"city": "Austin", "zip": "73301"},
        "custom_properties": {"shoe_size": 38, "club": "gold"}
    }));
    emulator.upsert(json!({
        "external_id": "c-1", "tags": "c", "address": {"city": "Dallas", "state": "Texas"},
        "custom_properties": {"club": "silver", "is_wholesale": true, "score": 1.5, "since": "2021-03-27"}
    }));
    assert_snapshot!(emulator.all_customers(), @r#"address: {"city":"Dallas","state":"Texas","zip":"73301"}, custom_properties: {"club":"silver","is_wholesale":true,"score":1.5,"shoe_size":38,"since":"2021-03-27"}, external_id: "c-1", tags: "c""#);
}

#[test]
fn an_empty_text_removes_a_custom_property() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "custom_properties": {"club": "gold", "shoe_size": 38}}));
    emulator.upsert(json!({"external_id": "c-1", "custom_properties": {"club": "", "never_set": ""}}));
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"shoe_size":38}, external_id: "c-1""#);
    // The write wins over the profile that is merged, too.
    emulator.upsert(json!({"email": "ann@example.com", "custom_properties": {"club": "silver", "size": "M"}}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com", "custom_properties": {"club": ""}}));
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"shoe_size":38,"size":"M"}, email: "ann@example.com", external_id: "c-1""#);
    emulator.event(json!({
        "type": "joined", "unique_id": "e-1", "customer": {"external_id": "c-1", "custom_properties": {"size": ""}},
        "properties": {"carrier": "", "parcels": 2}
    }));
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"shoe_size":38}, email: "ann@example.com", external_id: "c-1""#);
    assert_snapshot!(crate::event::all_events(&emulator), @r#"e-1: joined by nobody at 2026-01-01T00:00:00 of c-1 ann@example.com {"parcels":2}"#);
}

#[test]
fn tags_keep_their_empty_segments() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "tags": "vip,,wholesale,"}));
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", tags: "vip,,wholesale,""#);
}

#[test]
fn unknown_and_read_only_keys_are_ignored_and_noted() {
    let emulator = Emulator::new();
    let response = emulator
        .request("PATCH", &customers(""))
        .json(json!({
            "customer": {
                "external_id": "c-1", "frist_name": "Ann", "lists": [{"id": "1"}], "channels": {"sms": {}}, "loyalty": 7,
                "yotpo_ugc": null, "address": {"city": "Austin", "planet": "Earth"}
            },
            "customers": [], "extra": 1
        }))
        .send();
    assert_snapshot!(response, @"
    200
    x-yotpo-mock-note: customers.unknown_field: an unknown field was sent and ignored
    x-yotpo-mock-note: customers.read_only_field: a read-only field was sent and ignored
    {}
    ");
    assert_snapshot!(emulator.all_customers(), @r#"address: {"city":"Austin"}, external_id: "c-1""#);
}

#[test]
fn numbers_as_external_id_and_texts_as_booleans_are_coerced_and_noted() {
    let emulator = Emulator::new();
    let response = emulator.upsert(json!({
        "external_id": 8932456123789_u64, "accepts_sms_marketing": "true", "accepts_email_marketing": "false"
    }));
    assert_snapshot!(response, @"
    200
    x-yotpo-mock-note: customers.coerced: a number as external_id or a string as boolean was accepted
    {}
    ");
    assert_snapshot!(emulator.all_customers(), @r#"accepts_email_marketing: false, accepts_sms_marketing: true, external_id: "8932456123789""#);
    emulator.upsert(json!({"external_id": "8932456123789", "first_name": "Emma"}));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["8932456123789"]);
}

#[test]
fn emails_are_kept_trimmed_and_as_last_written() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"email": "  Ann@Example.com "}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "Ann@Example.com""#);
    emulator.upsert(json!({"email": "ANN@example.com", "external_id": " "}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ANN@example.com""#);
}

#[test]
fn the_server_sets_account_updated_at_at_each_write_that_does_not_send_it() {
    let emulator = Emulator::new();
    let updated_at = || {
        let page = emulator.get(&customers("")).json();
        page["customers"][0]["account_updated_at"].as_str().map(str::to_owned)
    };
    emulator.upsert(json!({"external_id": "c-1"}));
    assert_eq!(updated_at().as_deref(), Some("2026-01-01T00:00:00"));
    emulator.mock.advance(Duration::from_secs(61));
    emulator.upsert(json!({"external_id": "c-1", "account_updated_at": null}));
    assert_eq!(updated_at().as_deref(), Some("2026-01-01T00:01:01"));
    emulator.upsert(json!({"external_id": "c-1", "account_updated_at": "1999-12-31T23:59:59Z"}));
    assert_eq!(updated_at().as_deref(), Some("1999-12-31T23:59:59"), "a sent value is kept even if it is older");
    emulator.event(json!({"type": "order_shipped", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
    assert_eq!(updated_at().as_deref(), Some("2026-01-01T00:01:01"), "an event counts as a write");
}

#[test]
fn times_are_returned_in_utc_to_the_second_without_a_zone() {
    let emulator = Emulator::new();
    for (sent, read) in [
        ("2021-03-27T04:37:34Z", "2021-03-27T04:37:34"),
        ("2021-03-27T04:37:34.999+02:00", "2021-03-27T02:37:34"),
        ("2021-03-27T04:37:34", "2021-03-27T04:37:34"),
        ("2021-03-27", "2021-03-27T00:00:00"),
    ] {
        emulator.upsert(json!({"external_id": "c-1", "account_created_at": sent}));
        assert_eq!(emulator.get(&customers("")).json()["customers"][0]["account_created_at"], read, "{sent}");
    }
}

#[test]
fn deprecated_fields_are_accepted_and_noted() {
    let emulator = Emulator::new();
    let response = emulator
        .upsert(json!({"external_id": "c-1", "phone_number": "+14155552671", "custom_properties": {"club": "gold"}}));
    assert_snapshot!(response, @"
    200
    x-yotpo-mock-note: customers.phone_number: Yotpo says phone_number can no longer be set here; with deprecations enforced it only identifies the customer
    x-yotpo-mock-note: customers.custom_properties: Yotpo says custom_properties can no longer be set here; with deprecations enforced they are ignored
    {}
    ");
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"club":"gold"}, external_id: "c-1", phone_number: "+14155552671""#);
}

#[test]
fn enforced_deprecations_drop_fields_and_reject_no_request() {
    let emulator = Emulator::with(|builder| builder.enforce_deprecations(true));
    let beside_an_id = emulator
        .upsert(json!({"external_id": "c-1", "phone_number": "+14155552671", "custom_properties": {"club": "gold"}}));
    assert_snapshot!(beside_an_id, @"
    200
    x-yotpo-mock-note: customers.phone_number: Yotpo says phone_number can no longer be set here; with deprecations enforced it only identifies the customer
    x-yotpo-mock-note: customers.custom_properties: Yotpo says custom_properties can no longer be set here; with deprecations enforced they are ignored
    {}
    ");
    let beside_an_email = emulator.request("PATCH", &customers("")).nonconforming();
    let beside_an_email = beside_an_email
        .json(
            json!({"customer": {"email": "ann@example.com", "phone_number": "no number", "custom_properties": [null]}}),
        )
        .send();
    assert_eq!(
        beside_an_email.status(),
        200,
        "a dropped field is not validated, and does not make the customer ambiguous"
    );
    let alone = emulator.upsert(json!({"phone_number": "+14155552672"}));
    assert_eq!(alone.status(), 200, "as the only identifier it still identifies");
    let event = json!({"type": "order_shipped", "unique_id": "e-1", "customer": {
        "external_id": "c-4", "phone_number": "+14155552673", "custom_properties": {"club": "gold"}}});
    assert_eq!(emulator.event(event).status(), 200, "events are not affected");
    assert_snapshot!(emulator.all_customers(), @r#"
    external_id: "c-1"
    email: "ann@example.com"
    phone_number: "+14155552672"
    custom_properties: {"club":"gold"}, external_id: "c-4", phone_number: "+14155552673"
    "#);
}

#[test]
fn any_json_text_is_kept() {
    let emulator = Emulator::new();
    let text = "NUL \0, quotes \"\\, a line\nbreak, 👩‍🔧 and العربية";
    emulator.upsert(json!({"external_id": text, "first_name": text, "custom_properties": {"key": text}}));
    let page = emulator.get(&customers("?include_custom_properties=true")).json();
    let customer = &page["customers"][0];
    assert_eq!([&customer["external_id"], &customer["first_name"], &customer["custom_properties"]["key"]], [text; 3]);
}

#[test]
fn of_duplicate_keys_the_last_wins() {
    let emulator = Emulator::new();
    let body =
        r#"{"customer":{"external_id":"c-0"},"customer":{"external_id":"c-1","first_name":"Ann","first_name":"Beth"}}"#;
    emulator.request("PATCH", &customers("")).body("application/json", body).send();
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", first_name: "Beth""#);
}

#[test]
fn a_missing_content_type_and_any_charset_are_read_as_json() {
    let emulator = Emulator::undeclared();
    let body = r#"{"customer":{"external_id":"c-1"}}"#;
    let response = emulator.raw(
        format!(
            "PATCH /core/v3/stores/shop/customers HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    for declared in ["application/json; charset=utf-8", "application/vnd.api+json"] {
        let response =
            emulator.request("PATCH", &customers("")).body(declared, r#"{"customer":{"external_id":"c-2"}}"#).send();
        assert_eq!(response.status(), 200, "{declared}");
    }
}

#[test]
fn stores_are_independent() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1"}));
    assert_eq!(emulator.get("/core/v3/stores/other/customers").json()["customers"], json!([]));
}

#[test]
fn a_store_id_is_compared_decoded() {
    let emulator = Emulator::undeclared();
    emulator
        .request("PATCH", "/core/v3/stores/caf%C3%A9%2F1/customers")
        .json(json!({"customer": {"external_id": "c-1"}}))
        .send();
    assert_eq!(emulator.get("/core/v3/stores/caf%c3%a9%2f1/customers").identifiers(), ["c-1"]);
}

#[test]
fn a_reset_restores_the_seed() {
    let emulator = Emulator::seeded(r#"{"stores":[{"id":"shop","customers":[{"external_id":"seeded"}]}]}"#);
    emulator.upsert(json!({"external_id": "written"}));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["seeded", "written"]);
    emulator.mock.reset();
    assert_eq!(emulator.get(&customers("")).identifiers(), ["seeded"]);
}

#[test]
fn special_keys_of_serde_json_are_ordinary_keys() {
    let emulator = Emulator::undeclared();
    let raw = "$serde_json::private::RawValue";
    let response = emulator.upsert(json!({"external_id": {raw: "\"smuggled\""}}));
    assert_eq!(response.rule(), Some("customer.external_id.type"));
    let response = emulator.upsert(json!({"external_id": "c-1", "custom_properties": {raw: "hello"}}));
    assert_snapshot!(response, @r#"
    400
    x-yotpo-mock-rule: customer.custom_properties.key
    x-yotpo-mock-note: token.undeclared: a token that nobody issued was accepted because this store is not declared
    x-yotpo-mock-note: customers.custom_properties: Yotpo says custom_properties can no longer be set here; with deprecations enforced they are ignored
    {
      "errors":[
        {
          "message":"customer.custom_properties[\"$serde_json::private::RawValue\"] may have only a-z, 0-9 and _ in its name, 1 to 32 of them"
        }
      ]
    }
    "#);
}

#[test]
fn numbers_are_unchanged_by_later_writes() {
    let emulator = Emulator::new();
    let numbers = json!({"a": 389.73573066838253, "b": 0.1 + 0.2, "c": 1e300, "d": u64::MAX, "e": i64::MIN});
    emulator.upsert(json!({"external_id": "c-1", "custom_properties": numbers}));
    for _ in 0..5 {
        emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann"}));
    }
    let page = emulator.get(&customers("?include_custom_properties=true")).json();
    assert_eq!(page["customers"][0]["custom_properties"], numbers);
}

#[test]
fn an_empty_phone_number_is_absent_and_gets_no_note() {
    let response = Emulator::new().upsert(json!({"external_id": "c-1", "phone_number": " "}));
    assert_eq!(response.notes(), Vec::<&str>::new());
}
