//! Adding seeds to what is there.

use std::thread;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Connection, Emulator, Response, customers};

fn seed(emulator: &Emulator, document: Value) -> Response {
    emulator.control("POST", "/seed").json(document).send()
}

fn shop(customers: Value, events: Value) -> Value {
    json!({"stores": [{"id": "shop", "customers": customers, "events": events}]})
}

/// The numbers of the customers and what they are called.
fn numbers(emulator: &Emulator) -> String {
    let list = emulator.control("GET", "/stores/shop/customers").send().json();
    let lines = list["customers"].as_array().unwrap().iter().map(|customer| {
        let said = ["external_id", "email", "phone_number", "first_name"]
            .map(|name| customer[name].as_str().unwrap_or("-").to_owned());
        format!("{} {}", customer["number"], said.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn seeding_twice_changes_nothing_the_second_time() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann", "last_name": "Lee"}));
    emulator.upsert(json!({"email": "bob@example.com"}));
    let document = shop(
        json!([
            {"external_id": "c-1", "first_name": "Anne"},
            {"email": "BOB@example.com", "first_name": "Bob"},
            {"email": "bob@example.com", "phone_number": "+14155552671", "first_name": "Bert"},
            {"email": "bob@example.com", "first_name": "Rob"},
            {"external_id": "c-2", "loyalty": {"points_balance": 7}}
        ]),
        json!([{"unique_id": "e-1", "type": "t", "customer": {"external_id": "c-2"}}]),
    );
    assert_snapshot!(seed(&emulator, document.clone()), @r#"
    200
    {
      "stores":[
        {"customers":{"created":3,"replaced":2},"events":{"created":1,"replaced":0},"id":"shop"}
      ]
    }
    "#);
    let once = (numbers(&emulator), emulator.all_customers(), crate::event::all_events(&emulator));
    assert_snapshot!(once.0, @"
    1 c-1 - - Anne
    2 - BOB@example.com - Bob
    3 - bob@example.com +14155552671 Bert
    4 - bob@example.com - Rob
    5 c-2 - - -
    ");
    assert_snapshot!(seed(&emulator, document), @r#"
    200
    {
      "stores":[
        {"customers":{"created":0,"replaced":5},"events":{"created":0,"replaced":1},"id":"shop"}
      ]
    }
    "#);
    assert_eq!((numbers(&emulator), emulator.all_customers(), crate::event::all_events(&emulator)), once);
}

#[test]
fn a_seeded_customer_replaces_the_existing_one() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com", "first_name": "Ann"}));
    emulator.event(json!({"type": "t", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
    seed(&emulator, shop(json!([{"external_id": "c-1", "last_name": "Lee"}]), json!([])));
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", last_name: "Lee""#);
    assert_eq!(
        emulator.get(&customers("?email=ann%40example.com")).identifiers(),
        [""; 0],
        "no customer has that e-mail address any more"
    );
    assert_eq!(emulator.events().len(), 1);
}

#[test]
fn ndjson_is_accepted() {
    let emulator = Emulator::undeclared();
    let lines = "{\"store\":\"shop\",\"customer\":{\"external_id\":\"c-1\"}}\n{\"store\":\"other\",\"secret\":\"0ther\"}\n{\"store\":\"shop\",\"customer\":{\"external_id\":\"c-2\"}}\n";
    let response = emulator.control("POST", "/seed").body("application/x-ndjson", lines).nonconforming().send();
    assert_snapshot!(response, @r#"
    200
    {
      "stores":[
        {"customers":{"created":0,"replaced":0},"events":{"created":0,"replaced":0},"id":"other"},
        {"customers":{"created":2,"replaced":0},"events":{"created":0,"replaced":0},"id":"shop"}
      ]
    }
    "#);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "c-2"]);
}

#[test]
fn a_secret_set_at_run_time_applies_to_its_store_only() {
    let emulator = Emulator::undeclared();
    assert_eq!(seed(&emulator, json!({"stores": [{"id": "shop", "secret": "s3cret"}]})).status(), 200);
    assert_eq!(emulator.get(&customers("")).rule(), Some("token.unknown"));
    assert_eq!(emulator.token("shop", "wrong").status(), 401);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").status(), 200);
    assert_eq!(emulator.token("other", "any").status(), 200);
    assert_snapshot!(seed(&emulator, json!({"stores": [{"id": "shop", "secret": "another"}]})), @r#"
    400
    {
      "error":"invalid seed: store `shop` is declared with two different secrets",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_eq!(seed(&emulator, json!({"stores": [{"id": "shop", "secret": "s3cret"}]})).status(), 200);
    emulator.control("POST", "/reset").send();
    assert_eq!(emulator.get(&customers("")).status(), 200, "a reset goes back to the start");
}

#[test]
fn a_seed_that_is_broken_in_the_middle_changes_nothing() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann"}));
    let before = emulator.control("GET", "/stores").send().json();
    let broken = |document: Value| seed(&emulator, document);
    assert_snapshot!(broken(json!({"stores": [
        {"id": "new", "customers": [{"external_id": "n-1"}]},
        {"id": "shop", "customers": [{"external_id": "c-1", "first_name": "Anne"}, {"external_id": "c-2", "gender": "f"}]}
    ]})), @r#"
    400
    {
      "error":"invalid seed: line 1: stores[1].customers[1].gender must be `F`, `M` or `Other` (got `f`)",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(shop(json!([{"external_id": "c-1"}, {"external_id": "c-1"}]), json!([]))), @r#"
    400
    {
      "error":"invalid seed: line 1: stores[0].customers[1].external_id `c-1` is already that of another customer of store `shop`",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(shop(json!([{"external_id": "c-9"}, {"external_id": "c-9"}]), json!([]))), @r#"
    400
    {
      "error":"invalid seed: line 1: stores[0].customers[1].external_id `c-9` is already that of another customer of store `shop`",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(shop(json!([]), json!([{"unique_id": "e-1", "type": "t", "customer": {"external_id": "c-9"}}]))), @r#"
    400
    {
      "error":"invalid seed: line 1: stores[0].events[0].customer is not a customer of store `shop` that precedes the event",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(json!({"stores": [{"id": "shop", "custmers": []}]})), @r#"
    400
    {
      "error":"invalid seed: stores[0]: unknown field `custmers`, expected one of `id`, `secret`, `customers`, `events`; did you mean `customers`? (line 1, column 22)",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(json!({"stores": [{"id": ""}]})), @r#"
    400
    {
      "error":"invalid seed: stores[0].id is empty",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(json!({"store": "", "secret": "x"})), @r#"
    400
    {
      "error":"invalid seed: store is empty",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(broken(json!([])), @r#"
    400
    {
      "error":"invalid seed: it must be an object, and is an array (line 1, column 0)",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(emulator.control("POST", "/seed").send(), @r#"
    400
    {
      "error":"invalid seed: it holds no JSON value",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_snapshot!(emulator.control("POST", "/seed").body("application/json", b"{\"stores\":[]}\xff".as_slice()).send(), @r#"
    400
    {"error":"the body is not UTF-8 from byte 13 on","hint":"send it as UTF-8"}
    "#);
    assert_snapshot!(emulator.control("POST", "/seed?store=shop").json(json!({"stores": []})).send(), @r#"
    400
    {"error":"`store` is not a parameter of this request","hint":"it has no parameters"}
    "#);
    assert_eq!(emulator.control("GET", "/stores").send().json(), before);
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", first_name: "Ann""#);
}

#[test]
fn pending_writes_wait_while_a_seed_is_added() {
    let emulator = Emulator::undeclared_with(|builder| builder.visibility_delay(std::time::Duration::from_secs(60)));
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann"}));
    seed(&emulator, shop(json!([{"external_id": "c-1", "last_name": "Lee"}]), json!([])));
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", last_name: "Lee""#);
    emulator.control("POST", "/settle").send();
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", first_name: "Ann", last_name: "Lee""#);
}

#[test]
fn generated_data_repeats_for_the_same_seed_and_conforms() {
    let generate = |emulator: &Emulator, seed: u64| {
        let order = json!({"customers": 300, "events": 40, "seed": seed});
        emulator.control("POST", "/stores/shop/generate").json(order).send()
    };
    let (one, other, third) = (Emulator::undeclared(), Emulator::undeclared(), Emulator::undeclared());
    assert_snapshot!(generate(&one, 42), @r#"
    200
    {"customers":300,"events":40,"seed":42}
    "#);
    generate(&other, 42);
    generate(&third, 43);
    let state = |emulator: &Emulator| emulator.control("GET", "/state").send().json();
    assert_eq!(state(&one), state(&other));
    assert_ne!(state(&one), state(&third));
    // The client checks every page against openapi/customers.yaml.
    let mut path = customers("?limit=100&include_custom_properties=true&expand=loyalty,reviews");
    let mut seen = 0;
    loop {
        let page = one.get(&path);
        seen += page.identifiers().len();
        let Some(cursor) = page.next_page() else { break };
        path = customers(&format!("?page_info={cursor}"));
    }
    assert_eq!((seen, one.events().len()), (300, 40));
    generate(&one, 42);
    let list = one.control("GET", "/stores").send().json();
    assert_eq!((&list["stores"][0]["customers"], &list["stores"][0]["events"]), (&json!(600), &json!(80)));
}

#[test]
fn impossible_amounts_are_rejected() {
    let emulator = Emulator::undeclared();
    let rejected = |order: Value| emulator.control("POST", "/stores/shop/generate").json(order).send();
    assert_snapshot!(rejected(json!({})), @r#"
    400
    {
      "error":"`customers` and `events` are both 0",
      "hint":"for example `{\"customers\":100,\"events\":10}`"
    }
    "#);
    assert_snapshot!(rejected(json!({"customers": 1_000_001})), @r#"
    400
    {
      "error":"`customers` must be a whole number from 0 to 1000000, and is `1000001`",
      "hint":"for example `{\"customers\":100,\"events\":10}`"
    }
    "#);
    assert_snapshot!(rejected(json!({"customers": -1})), @r#"
    400
    {
      "error":"`customers` must be a whole number from 0 to 1000000, and is `-1`",
      "hint":"for example `{\"customers\":100,\"events\":10}`"
    }
    "#);
    assert_snapshot!(rejected(json!({"customers": 1, "seed": "x"})), @r#"
    400
    {
      "error":"`seed` must be a whole number from 0 to 18446744073709551615, and is `\"x\"`",
      "hint":"for example `{\"customers\":100,\"events\":10}`"
    }
    "#);
    assert_snapshot!(rejected(json!({"events": 1})), @r#"
    400
    {
      "error":"there is no customer for the events",
      "hint":"nothing was added; also generate `customers`"
    }
    "#);
    assert_snapshot!(rejected(json!({"customer": 1})), @r#"
    400
    {
      "error":"unknown field `customer`, expected one of `customers`, `events`, `seed`; did you mean `customers`?",
      "hint":"for example `{\"customers\":100,\"events\":10}`"
    }
    "#);
    assert_eq!(emulator.control("GET", "/stores").send().json()["stores"], json!([]));
}

#[test]
fn other_stores_are_served_while_a_large_store_is_being_generated() {
    const READS: usize = 10;
    let emulator = Emulator::undeclared();
    let other = "/core/v3/stores/other/customers";
    let write = emulator.request("PATCH", other).json(json!({"customer": {"external_id": "c-1"}}));
    assert_eq!(write.send().status(), 200);
    let body = json!({"customers": 5000}).to_string();
    let mut generating = Connection::open(emulator.address());
    generating.send(format!(
        "POST /_mock/stores/shop/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    for _ in 0..READS {
        assert_eq!(emulator.get(other).identifiers(), ["c-1"]);
    }
    assert!(!generating.has_response(), "all reads were answered in the meantime");
    assert_eq!(generating.response().map(|response| response.status()), Some(200));
    let list = emulator.control("GET", "/stores").send().json();
    assert_eq!(list["stores"][1]["customers"], 5000);
}

#[test]
fn concurrent_writes_seeds_and_generation_lose_nothing() {
    const ROUNDS: usize = 40;
    let emulator = Emulator::undeclared();
    let each = |work: &(dyn Fn(usize) -> Response + Sync)| {
        for round in 0..ROUNDS {
            let response = work(round);
            assert_eq!(response.status(), 200, "{response}");
        }
    };
    thread::scope(|scope| {
        // Writers that never rest, tokens included, so that no order finds the store as it was.
        scope.spawn(|| {
            each(&|round| emulator.upsert(json!({"external_id": format!("w-{round}"), "first_name": "Ann"})))
        });
        scope.spawn(|| {
            each(&|round| {
                emulator
                    .event(json!({"type": "t", "unique_id": format!("e-{round}"), "customer": {"external_id": "e"}}))
            })
        });
        scope.spawn(|| each(&|_| emulator.token("shop", "any")));
        scope.spawn(|| {
            each(&|round| {
                let customers = json!([{"external_id": format!("s-{round}")}]);
                let stores = json!([{"id": "shop", "customers": customers}, {"id": "other", "customers": customers}]);
                seed(&emulator, json!({ "stores": stores }))
            });
        });
        scope.spawn(|| {
            each(&|_| {
                let order = json!({"customers": 20, "events": 5});
                emulator.control("POST", "/stores/shop/generate").json(order).send()
            });
        });
    });
    let list = emulator.control("GET", "/stores").send().json();
    let counts = |at: usize| {
        let store = &list["stores"][at];
        (store["id"].as_str(), store["customers"].as_u64(), store["events"].as_u64())
    };
    let rounds = ROUNDS as u64;
    assert_eq!(counts(0), (Some("other"), Some(rounds), Some(0)));
    assert_eq!(counts(1), (Some("shop"), Some(rounds * 22 + 1), Some(rounds * 6)));
    let state = emulator.control("GET", "/state").send().json();
    let tokens = state["stores"][1]["tokens"]["expire_at"].as_array().map(Vec::len);
    assert_eq!(tokens, Some(ROUNDS));
}
