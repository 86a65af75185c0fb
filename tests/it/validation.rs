//! Validation of every field: contract, section 3 with its fine print.

use insta::assert_snapshot;
use serde_json::{Map, Value, json};
use yotpo_mock::Validation;

use crate::support::{EVENTS, Emulator, customers};

/// The rules that reject a customer, `""` if none does.
fn rules(emulator: &Emulator, customer: Value) -> String {
    let response = emulator.upsert(customer);
    response.rule().unwrap_or_default().to_owned()
}

fn with(field: &str, value: Value) -> Value {
    match field.split_once('.') {
        Some((parent, child)) => json!({"external_id": "c-1", parent: {child: value}}),
        None => json!({"external_id": "c-1", field: value}),
    }
}

#[test]
fn all_broken_rules_are_reported_at_once() {
    let response = Emulator::new().upsert(json!({
        "external_id": "c-1", "first_name": 7, "tags": ["vip"], "accepts_sms_marketing": "yes",
        "gender": "female", "account_status": "active", "account_created_at": "27/03/2021"
    }));
    assert_snapshot!(response, @r#"
    400
    x-yotpo-mock-rule: customer.first_name.type, customer.gender.enum, customer.account_created_at.format, customer.account_status.enum, customer.tags.type, customer.accepts_sms_marketing.type
    {
      "errors":[
        {"message":"customer.first_name must be a string (got 7)"},
        {"message":"customer.gender must be `F`, `M` or `Other` (got `female`)"},
        {
          "message":"customer.account_created_at must be a date like 2021-03-27 or a time like 2021-03-27T04:37:34Z (got `27/03/2021`)"
        },
        {
          "message":"customer.account_status must be `enabled`, `disabled`, `invited` or `declined` (got `active`)"
        },
        {"message":"customer.tags must be a string of comma-separated tags (got [\"vip\"])"},
        {"message":"customer.accepts_sms_marketing must be true or false (got `yes`)"}
      ]
    }
    "#);
    assert_eq!(response.json()["errors"].as_array().map(Vec::len), Some(6));
}

#[test]
fn of_more_than_a_hundred_errors_the_others_are_counted() {
    let errors = |count: usize| {
        let properties: Map<String, Value> = (0..count).map(|n| (format!("Wrong {n}"), json!(1))).collect();
        let response = Emulator::new().upsert(json!({"external_id": "c-1", "custom_properties": properties}));
        response.json()["errors"].as_array().expect("a list").clone()
    };
    assert_eq!(errors(100).len(), 100);
    let [hundred_and_one, many] = [errors(101), errors(20_000)];
    assert_eq!((hundred_and_one.len(), &hundred_and_one[100]), (101, &json!({"message": "1 more error"})));
    assert_eq!((many.len(), &many[100]), (101, &json!({"message": "19900 more errors"})));
}

#[test]
fn a_rule_broken_twice_is_reported_twice_and_named_once() {
    let response = Emulator::new()
        .upsert(json!({"external_id": "c-1", "custom_properties": {"a": null, "b": null, "c d": 1, "E": 2}}));
    assert_snapshot!(response, @r#"
    400
    x-yotpo-mock-rule: customer.custom_properties.key, customer.custom_properties.null
    x-yotpo-mock-note: customers.custom_properties: Yotpo says custom_properties can no longer be set here; with deprecations enforced they are ignored
    {
      "errors":[
        {
          "message":"customer.custom_properties[\"E\"] may have only a-z, 0-9 and _ in its name, 1 to 32 of them"
        },
        {"message":"customer.custom_properties.a must not be null"},
        {"message":"customer.custom_properties.b must not be null"},
        {
          "message":"customer.custom_properties[\"c d\"] may have only a-z, 0-9 and _ in its name, 1 to 32 of them"
        }
      ]
    }
    "#);
}

#[test]
fn each_field_rejects_what_its_rules_forbid() {
    let emulator = Emulator::new();
    let long = "é".repeat(256);
    let long_email = format!("{}@example.com", "a".repeat(250));
    for (field, value, rule) in [
        ("external_id", json!(true), "customer.external_id.type"),
        ("external_id", json!(1.5), "customer.external_id.type"),
        ("external_id", json!({}), "customer.external_id.type"),
        ("external_id", json!(long), "customer.external_id.length"),
        ("email", json!(7), "customer.email.type"),
        ("email", json!("ann"), "customer.email.format"),
        ("email", json!("ann@"), "customer.email.format"),
        ("email", json!("a b@example.com"), "customer.email.format"),
        ("email", json!("ann@example.com\u{200b}"), "customer.email.format"),
        ("email", json!("ann@exa\u{ad}mple.com"), "customer.email.format"),
        // With a Cyrillic а.
        ("email", json!("ann@ex\u{430}mple.com"), "customer.email.format"),
        ("email", json!("ann@ｅｘａｍｐｌｅ.com"), "customer.email.format"),
        ("email", json!("аnn@example.com"), "customer.email.format"),
        ("email", json!(long_email), "customer.email.length, customer.email.format"),
        ("phone_number", json!(14155552671_u64), "customer.phone_number.type"),
        ("phone_number", json!("14155552671"), "customer.phone_number.format"),
        ("phone_number", json!("+123456"), "customer.phone_number.format"),
        ("phone_number", json!("+0170123456"), "customer.phone_number.format"),
        ("phone_number", json!("+00491701234567"), "customer.phone_number.format"),
        ("phone_number", json!("+1234567890123456"), "customer.phone_number.format"),
        ("phone_number", json!("+1 415 555 2671"), "customer.phone_number.format"),
        ("first_name", json!(7), "customer.first_name.type"),
        ("first_name", json!(long), "customer.first_name.length"),
        ("last_name", json!([]), "customer.last_name.type"),
        ("last_name", json!(long), "customer.last_name.length"),
        ("gender", json!(1), "customer.gender.type"),
        ("gender", json!("f"), "customer.gender.enum"),
        ("gender", json!(""), "customer.gender.enum"),
        ("account_created_at", json!(1616819854), "customer.account_created_at.type"),
        ("account_created_at", json!("yesterday"), "customer.account_created_at.format"),
        ("account_created_at", json!(""), "customer.account_created_at.format"),
        ("account_updated_at", json!(false), "customer.account_updated_at.type"),
        ("account_updated_at", json!("2021-02-29"), "customer.account_updated_at.format"),
        ("account_status", json!(0), "customer.account_status.type"),
        ("account_status", json!("Enabled"), "customer.account_status.enum"),
        ("default_language", json!(1), "customer.default_language.type"),
        ("default_language", json!("EN"), "customer.default_language.code"),
        ("default_language", json!("xx"), "customer.default_language.code"),
        ("default_language", json!(""), "customer.default_language.code"),
        ("default_currency", json!(1), "customer.default_currency.type"),
        ("default_currency", json!("usd"), "customer.default_currency.code"),
        ("default_currency", json!("ZZZ"), "customer.default_currency.code"),
        ("default_currency", json!("HRK"), "customer.default_currency.code"),
        ("default_currency", json!("ANG"), "customer.default_currency.code"),
        ("default_language", json!("sh"), "customer.default_language.code"),
        ("address.country_code", json!("XK"), "customer.address.country_code.code"),
        ("tags", json!(["vip"]), "customer.tags.type"),
        ("address", json!("12 Harbour Street"), "customer.address.type"),
        ("address.address1", json!(12), "customer.address.address1.type"),
        ("address.address2", json!(12), "customer.address.address2.type"),
        ("address.city", json!(12), "customer.address.city.type"),
        ("address.company", json!(12), "customer.address.company.type"),
        ("address.state", json!(12), "customer.address.state.type"),
        ("address.zip", json!(73301), "customer.address.zip.type"),
        ("address.province_code", json!(13), "customer.address.province_code.type"),
        ("address.country_code", json!(1), "customer.address.country_code.type"),
        ("address.country_code", json!("USA"), "customer.address.country_code.code"),
        ("address.country_code", json!("us"), "customer.address.country_code.code"),
        ("address.phone_number", json!(1), "customer.address.phone_number.type"),
        ("address.phone_number", json!(""), "customer.address.phone_number.format"),
        ("address.phone_number", json!("+0170123456"), "customer.address.phone_number.format"),
        ("accepts_sms_marketing", json!(1), "customer.accepts_sms_marketing.type"),
        ("accepts_sms_marketing", json!(""), "customer.accepts_sms_marketing.type"),
        ("accepts_email_marketing", json!("TRUE"), "customer.accepts_email_marketing.type"),
        ("custom_properties", json!([]), "customer.custom_properties.type"),
        ("custom_properties.club", Value::Null, "customer.custom_properties.null"),
        ("custom_properties.club", json!({}), "customer.custom_properties.nested"),
        ("custom_properties.club", json!(["gold"]), "customer.custom_properties.nested"),
        ("custom_properties.club", json!("x".repeat(256)), "customer.custom_properties.length"),
        ("custom_properties.the club", json!("gold"), "customer.custom_properties.key"),
        ("custom_properties.ShoeSize", json!("gold"), "customer.custom_properties.key"),
        ("custom_properties.favourite-store", json!("gold"), "customer.custom_properties.key"),
        ("custom_properties.ключ", json!("gold"), "customer.custom_properties.key"),
        ("custom_properties.abcdefghijklmnopqrstuvwxyz_123456", json!("gold"), "customer.custom_properties.key"),
        ("custom_properties.", json!("gold"), "customer.custom_properties.key"),
    ] {
        assert_eq!(rules(&emulator, with(field, value.clone())), rule, "{field}: {value}");
        let of_event = json!({"type": "order_shipped", "unique_id": "e-1", "customer": with(field, value.clone())});
        let response = emulator.event(of_event);
        assert_eq!(response.rule(), Some(rule), "{field}: {value}, inside an event");
        let path = match field.split_once('.') {
            Some((parent, key)) if rule.ends_with(".key") => format!("customer_event.customer.{parent}[\"{key}\"]"),
            _ => format!("customer_event.customer.{field}"),
        };
        let message = response.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&path), "{message} names {path}");
    }
    assert_eq!(emulator.get(&customers("")).identifiers(), [""; 0], "a rejected write leaves nothing behind");
    assert_eq!(emulator.events().len(), 0);
}

#[test]
fn each_field_accepts_what_its_rules_allow() {
    let emulator = Emulator::new();
    let longest = "é".repeat(255);
    for (field, value) in [
        ("external_id", json!(longest)),
        ("external_id", json!(0)),
        ("external_id", json!(-7)),
        ("external_id", json!(u64::MAX)),
        ("email", json!("o'brien+tag@sub.example.co.uk")),
        ("phone_number", json!("+1234567")),
        ("phone_number", json!("+123456789012345")),
        ("first_name", json!(longest)),
        ("last_name", json!(longest)),
        ("gender", json!("M")),
        ("gender", json!("Other")),
        ("account_created_at", json!("2021-03-27T04:37")),
        ("account_updated_at", json!("2021-03-27T04:37:34-0500")),
        ("account_status", json!("disabled")),
        ("account_status", json!("invited")),
        ("account_status", json!("declined")),
        ("default_language", json!("he")),
        ("default_currency", json!("ILS")),
        ("tags", json!(",")),
        ("tags", json!("x".repeat(10_000))),
        ("address.address1", json!("x".repeat(10_000))),
        ("address.country_code", json!("GB")),
        ("address.phone_number", json!("+14155552671")),
        ("accepts_sms_marketing", json!(false)),
        ("accepts_email_marketing", json!("true")),
        ("custom_properties.club", json!("")),
        ("custom_properties.club", json!(longest)),
        ("custom_properties.abcdefghijklmnopqrstuvwxyz_12345", json!(-0.5)),
        ("email", json!("ann@bücher.example")),
        ("email", json!("ann@xn--bcher-kva.example")),
        ("default_currency", json!("XCG")),
    ] {
        assert_eq!(rules(&emulator, with(field, value.clone())), "", "{field}: {value}");
    }
}

#[test]
fn a_customer_is_identified_by_external_id_or_by_exactly_one_of_email_and_phone_number() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.upsert(json!({"first_name": "Ann"})), @r#"
    400
    x-yotpo-mock-rule: customer.identifier.missing
    {"errors":[{"message":"customer needs `external_id`, or one of `email` and `phone_number`"}]}
    "#);
    assert_snapshot!(emulator.upsert(json!({"email": "ann@example.com", "phone_number": "+14155552671"})), @r#"
    400
    x-yotpo-mock-rule: customer.identifier.ambiguous
    x-yotpo-mock-note: customers.phone_number: Yotpo says phone_number can no longer be set here; with deprecations enforced it only identifies the customer
    {
      "errors":[
        {"message":"customer must not have both `email` and `phone_number` without `external_id`"}
      ]
    }
    "#);
    for absent in [Value::Null, json!(""), json!(" \t")] {
        let customer = json!({"external_id": absent, "email": absent, "phone_number": absent});
        assert_eq!(rules(&emulator, customer), "customer.identifier.missing", "{absent} counts as absent");
    }
    assert_eq!(
        rules(&emulator, json!({"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671"})),
        ""
    );
    assert_eq!(rules(&emulator, json!({"email": "ann@example.com", "phone_number": ""})), "");
    assert_eq!(rules(&emulator, json!({"email": null, "phone_number": "+14155552671"})), "");
}

#[test]
fn an_invalid_identifier_is_reported_as_invalid_and_not_as_missing() {
    assert_eq!(rules(&Emulator::new(), json!({"email": "ann"})), "customer.email.format");
}

#[test]
fn lenient_validation_lets_enumerations_codes_and_dates_pass() {
    let emulator = Emulator::with(|builder| builder.validation(Validation::Lenient));
    let lenient = json!({"customer": {
        "external_id": "c-1", "gender": "female", "account_status": "active", "default_language": "english",
        "default_currency": "dollar", "account_created_at": "yesterday", "address": {"country_code": "USA"}
    }});
    let response = emulator.request("PATCH", &customers("")).nonconforming().json(lenient).send();
    assert_eq!(response.status(), 200);
    assert_snapshot!(emulator.all_customers(), @r#"account_created_at: "yesterday", account_status: "active", address: {"country_code":"USA"}, default_currency: "dollar", default_language: "english", external_id: "c-1", gender: "female""#);
    for (field, value, rule) in [
        ("gender", json!(1), "customer.gender.type"),
        ("email", json!("ann"), "customer.email.format"),
        ("phone_number", json!("1"), "customer.phone_number.format"),
        ("first_name", json!("x".repeat(256)), "customer.first_name.length"),
        ("custom_properties.a b", json!(1), "customer.custom_properties.key"),
    ] {
        assert_eq!(rules(&emulator, with(field, value)), rule);
    }
}

#[test]
fn the_body_must_hold_a_customer() {
    let emulator = Emulator::new();
    let send = |body: Value| emulator.request("PATCH", &customers("")).json(body).send();
    assert_snapshot!(send(json!([])), @r#"
    400
    x-yotpo-mock-rule: body.object
    {"errors":[{"message":"the body must be a JSON object"}]}
    "#);
    assert_snapshot!(send(json!({"external_id": "c-1"})), @r#"
    400
    x-yotpo-mock-rule: customer.required
    x-yotpo-mock-note: customers.unknown_field: an unknown field was sent and ignored
    {"errors":[{"message":"customer is required and must be an object"}]}
    "#);
    assert_snapshot!(send(json!({"customer": null})), @r#"
    400
    x-yotpo-mock-rule: customer.required
    {"errors":[{"message":"customer is required and must be an object"}]}
    "#);
    assert_snapshot!(send(json!({"customer": "c-1"})), @r#"
    400
    x-yotpo-mock-rule: customer.required
    {"errors":[{"message":"customer is required and must be an object"}]}
    "#);
}

/// The JSON pointer of every value in a document.
fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    for (key, value) in document.as_object().into_iter().flatten() {
        places.extend(self::places(value).iter().map(|rest| format!("/{key}{rest}")));
    }
    places
}

#[test]
fn a_rejected_write_changes_nothing() {
    let emulator = Emulator::seeded(
        r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1","email":"ann@example.com"},{"email":"bob@example.com"}],
            "events":[{"unique_id":"e-1","type":"t","timestamp":"2025-01-01","customer":{"email":"bob@example.com"}}]}]}"#,
    );
    let customer = json!({
        "external_id": "c-1", "email": "bob@example.com", "phone_number": "+14155552671", "first_name": "Bob",
        "gender": "M", "account_created_at": "2021-03-27", "tags": "vip", "accepts_sms_marketing": true,
        "address": {"city": "Austin", "country_code": "US"}, "custom_properties": {"club": "gold"}
    });
    let event = json!({
        "source": "crm", "type": "t", "timestamp": "2025-01-02", "unique_id": "e-1", "properties": {"n": 1},
        "customer": {"external_id": "c-2", "email": "bob@example.com"}
    });
    let content = || (emulator.all_customers(), crate::event::all_events(&emulator));
    let before = content();
    let (mut accepted, mut rejected) = (0, 0);
    for (path, whole) in
        [(customers(""), json!({ "customer": customer })), (EVENTS.to_owned(), json!({ "customer_event": event }))]
    {
        for place in places(&whole) {
            for value in [json!(null), json!(7.5), json!(" "), json!("\u{0}"), json!([]), json!({"": null})] {
                let mut body = whole.clone();
                *body.pointer_mut(&place).expect("it has this place") = value;
                let response = emulator.request("PATCH", &path).json(body).nonconforming().send();
                match response.status() {
                    200 => {
                        accepted += 1;
                        emulator.mock.reset();
                    }
                    400 => {
                        rejected += 1;
                        assert_eq!(content(), before, "{response}");
                    }
                    _ => panic!("{response}"),
                }
            }
        }
    }
    assert!(accepted > 30 && rejected > 60, "{accepted} were accepted and {rejected} rejected");
}
