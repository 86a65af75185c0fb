//! What is there.

use insta::assert_snapshot;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::{Emulator, customers};

#[test]
fn a_store_is_created_by_its_first_token_or_accepted_write_and_not_by_a_read() {
    let emulator = Emulator::undeclared_with(|builder| builder.seed(r#"{"stores":[{"id":"seeded"}]}"#));
    let stores = || {
        let list = emulator.control("GET", "/stores").send().json();
        let ids: Vec<_> =
            list["stores"].as_array().unwrap().iter().map(|store| store["id"].as_str().unwrap().to_owned()).collect();
        ids.join(" ")
    };
    emulator.get(&customers(""));
    emulator.upsert(json!({}));
    assert_eq!(stores(), "seeded");
    emulator.token("shop", "x");
    assert_eq!(stores(), "seeded shop");
    emulator
        .request("PATCH", "/core/v3/stores/other/customers")
        .json(json!({"customer": {"external_id": "c-1"}}))
        .send();
    assert_eq!(stores(), "other seeded shop");
    assert_snapshot!(emulator.control("GET", "/stores?limit=1&after=other").send(), @r#"
    200
    {
      "next_after":"seeded",
      "stores":[{"customers":0,"events":0,"has_secret":false,"id":"seeded","pending":0}]
    }
    "#);
}

#[test]
fn customers_are_listed_with_their_numbers_and_all_fields() {
    let emulator = Emulator::seeded(
        r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1","custom_properties":{"club":"gold"},"loyalty":{"points_balance":7}},
            {"email":"ann@example.com"},{"external_id":"c-3"}]}]}"#,
    );
    let list = |query: &str| emulator.control("GET", &format!("/stores/shop/customers{query}")).send();
    let first = list("?limit=1").json();
    assert_eq!((&first["customers"][0]["number"], &first["next_after"]), (&json!(1), &json!(1)));
    assert_eq!(first["customers"][0]["custom_properties"], json!({"club": "gold"}));
    assert_eq!(first["customers"][0]["loyalty"]["points_balance"], 7);
    let rest = list("?after=1").json();
    assert_eq!(rest["customers"].as_array().map(Vec::len), Some(2));
    assert_eq!((&rest["customers"][1]["number"], &rest["next_after"]), (&json!(3), &json!(null)));
    assert_snapshot!(list("?limit=0"), @r#"
    400
    {"error":"`limit` is `0`","hint":"it is a whole number from 1 to 1000"}
    "#);
    assert_snapshot!(list("?after=-1"), @r#"
    400
    {"error":"`after` is `-1`","hint":"it is a whole number from 0 to 18446744073709551614"}
    "#);
    assert_snapshot!(emulator.control("GET", "/stores/nobody/customers").send(), @r#"
    404
    {
      "error":"there is no store `nobody`",
      "hint":"a store is created by its first token or accepted write; `GET /_mock/stores` lists all stores"
    }
    "#);
}

#[test]
fn pending_writes_are_listed_separately() {
    let emulator = Emulator::undeclared_with(|builder| builder.visibility_delay(std::time::Duration::from_secs(60)));
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann", "custom_properties": {"club": "gold"}}));
    emulator.event(json!({"type": "order_shipped", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
    assert_snapshot!(emulator.control("GET", "/stores/shop/customers").send(), @r#"
    200
    {
      "customers":[],
      "next_after":null,
      "pending":[
        {
          "applies_at":"2026-01-01T00:01:00Z",
          "body":{
            "customer":{
              "account_updated_at":"2026-01-01T00:00:00",
              "custom_properties":{"club":"gold"},
              "external_id":"c-1",
              "first_name":"Ann"
            }
          },
          "request":1
        }
      ]
    }
    "#);
    assert_snapshot!(emulator.control("GET", "/stores/shop/events").send(), @r#"
    200
    {
      "events":[],
      "next_after":null,
      "pending":[
        {
          "applies_at":"2026-01-01T00:01:00Z",
          "body":{
            "customer_event":{
              "customer":{"account_updated_at":"2026-01-01T00:00:00","external_id":"c-1"},
              "properties":{},
              "source":null,
              "timestamp":"2026-01-01T00:00:00",
              "type":"order_shipped",
              "unique_id":"e-1"
            }
          },
          "request":2
        }
      ]
    }
    "#);
}

#[test]
fn events_are_listed_and_found_by_type_unique_id_and_customer() {
    let emulator = Emulator::undeclared();
    for (unique_id, event_type, customer) in [
        ("e-1", "order_shipped", json!({"external_id": "c-1", "email": "ann@example.com"})),
        ("e-2", "item_returned", json!({"external_id": "c-1"})),
        ("e-3", "order_shipped", json!({"phone_number": "+14155552671"})),
    ] {
        emulator.event(json!({"type": event_type, "unique_id": unique_id, "customer": customer}));
    }
    let found = |query: &str| {
        let list = emulator.control("GET", &format!("/stores/shop/events{query}")).send().json();
        let ids: Vec<_> = list["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["unique_id"].as_str().unwrap().to_owned())
            .collect();
        ids.join(" ")
    };
    assert_eq!(found(""), "e-1 e-2 e-3");
    assert_eq!(found("?type=order_shipped"), "e-1 e-3");
    assert_eq!(found("?unique_id=e-2"), "e-2");
    assert_eq!(found("?customer=c-1"), "e-1 e-2");
    assert_eq!(found("?customer=ANN%40example.com&type=order_shipped"), "e-1");
    assert_eq!(found("?customer=%2B14155552671"), "e-3");
    assert_eq!(found("?limit=1&after=1"), "e-2");
    assert_snapshot!(emulator.control("GET", "/stores/shop/events?unique_id=e-1").send(), @r#"
    200
    {
      "events":[
        {
          "customer":{"email":"ann@example.com","external_id":"c-1","phone_number":null},
          "number":1,
          "properties":{},
          "source":null,
          "timestamp":"2026-01-01T00:00:00",
          "type":"order_shipped",
          "unique_id":"e-1"
        }
      ],
      "next_after":null,
      "pending":[]
    }
    "#);
}

#[test]
fn customers_are_found_by_their_identifiers() {
    let emulator = Emulator::undeclared_with(|builder| builder.frozen_at("2026-01-01T00:00:00Z".parse().unwrap()));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671"}));
    emulator.upsert(json!({"external_id": "c-2", "email": "Ann@Example.com"}));
    emulator.upsert(json!({"email": "bob@example.com"}));
    emulator.control("PATCH", "/settings").json(json!({"visibility_delay_ms": 60_000})).send();
    emulator.upsert(json!({"external_id": "c-3", "email": "ann@example.com"}));
    emulator.upsert(json!({"email": "bob@example.com", "tags": "vip"}));
    let find = |query: &str| emulator.control("GET", &format!("/stores/shop/customers{query}")).send();
    for (query, numbers, pending) in [
        ("", &[1, 2, 3][..], 2),
        ("?email=ANN@example.com", &[1, 2], 1),
        ("?email=ann@example.com&limit=1", &[1], 1),
        ("?email=ann@example.com&after=1", &[2], 1),
        ("?phone_number=%2B14155552671", &[1], 0),
        ("?external_id=c-2", &[2], 0),
        ("?external_id=C-2", &[], 0),
        ("?external_id=c-2&phone_number=%2B14155552671", &[], 0),
        ("?external_id=c-3", &[], 1),
        ("?email=bob@example.com", &[3], 1),
    ] {
        let found = find(query).json();
        let found_numbers =
            found["customers"].as_array().unwrap().iter().map(|customer| customer["number"].as_u64().unwrap());
        assert_eq!(found_numbers.collect::<Vec<_>>(), numbers, "{query}");
        assert_eq!(found["pending"].as_array().map(Vec::len), Some(pending), "{query}");
    }
    assert_eq!(find("?email=ann@example.com&limit=1").json()["next_after"], 1);
    assert_snapshot!(find("?phone_number=+14155552671"), @r#"
    400
    {"error":"`phone_number` is ` 14155552671`","hint":"it has no spaces; write `+` as `%2B`"}
    "#);
    assert_snapshot!(find("?email="), @r#"
    400
    {"error":"`email` is empty","hint":"name a value, or leave the parameter out"}
    "#);
    assert_eq!(find("?external_ids=c-1").status(), 400);
    for customer in ["+14155552671", "user+tag@example.com"] {
        let path = format!("/stores/shop/events?customer={customer}");
        let unescaped = emulator.control("GET", &path).send();
        let expected = json!({
            "error": format!("`customer` is `{}`", customer.replace('+', " ")),
            "hint": "it has no spaces; write `+` as `%2B`"
        });
        assert_eq!((unescaped.status(), unescaped.json()), (400, expected));
    }
    assert_eq!(emulator.control("GET", "/stores/ghost/customers?email=a@b.co").send().status(), 404);
}

#[test]
fn any_store_id_can_be_percent_encoded_in_a_path() {
    let emulator = Emulator::undeclared();
    for id in ["a/b", "a+b", "100%", "%41", "a b", "é", "my-shop.eu"] {
        let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let seed = json!({"stores": [{"id": id, "customers": [{"external_id": "c-1"}],
            "events": [{"unique_id": "e-1", "type": "t", "source": "s", "customer": {"external_id": "c-1"}}]}]});
        assert_eq!(emulator.control("POST", "/seed").json(seed).send().status(), 200, "{id}");
        let count = |list: &str| {
            let path = format!("/stores/{encoded}/{list}");
            emulator.control("GET", &path).send().json()[list].as_array().map(Vec::len)
        };
        assert_eq!((count("customers"), count("events")), (Some(1), Some(1)), "{id}");
        let lineage = emulator.control("GET", &format!("/stores/{encoded}/customers/1/lineage")).send();
        assert_eq!(lineage.status(), 200, "{id}");
        let generated = emulator.control("POST", &format!("/stores/{encoded}/generate"));
        assert_eq!(generated.json(json!({"customers": 1, "seed": 1})).send().status(), 200, "{id}");
        assert_eq!(count("customers"), Some(2), "{id}");
    }
    assert_snapshot!(emulator.control("GET", "/stores/a%2Fb/customers/9/lineage").send(), @r#"
    404
    {
      "error":"store `a/b` has no customer with the number `9`",
      "hint":"`GET /_mock/stores/a%2Fb/customers` lists customers with their numbers, without merged ones"
    }
    "#);
}
