//! Everything, out and in.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Emulator, Response, customers};

fn get(emulator: &Emulator, query: &str) -> String {
    let response = emulator.control("GET", &format!("/state{query}")).send();
    assert_eq!(response.status(), 200, "{response}");
    String::from_utf8(response.body).unwrap()
}

fn put(emulator: &Emulator, query: &str, document: &str) -> Response {
    emulator.control("PUT", &format!("/state{query}")).body("application/json", document).send()
}

/// An emulator with some of everything.
fn lived() -> Emulator {
    let emulator = Emulator::undeclared_with(|builder| {
        builder.store("shop", "s3cret").store("other", "0ther").seed(
            r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1","lists":[{"id":"1","since":"2023-05-22T11:08:52Z"}],
            "loyalty":{"points_balance":7},"custom_properties":{"ratio":0.1}}]}]}"#,
        )
    });
    let token = token(&emulator);
    let send = |path: String, body: Value| {
        let response = emulator.anonymous("PATCH", &path).token(&token).json(body).send();
        assert_eq!(response.status(), 200, "{response}");
    };
    send(customers(""), json!({"customer": {"email": "ann@example.com"}}));
    send(customers(""), json!({"customer": {"phone_number": "+14155552671"}}));
    let event = json!({"type": "t", "unique_id": "e-1", "customer": {"email": "ann@example.com"}});
    send(crate::support::EVENTS.to_owned(), json!({"customer_event": event}));
    send(
        customers(""),
        json!({"customer": {"external_id": "c-2", "email": "ann@example.com", "phone_number": "+14155552671"}}),
    );
    emulator.control("PATCH", "/settings").json(json!({"visibility_delay_ms": 60_000})).send();
    emulator.control("PATCH", "/settings?store=shop").json(json!({"rate_limit": 2})).send();
    emulator.control("POST", "/clock/advance?store=shop").json(json!({"seconds": 10.5})).send();
    send(customers(""), json!({"customer": {"external_id": "c-3", "first_name": "Žofie"}}));
    emulator
}

fn token(emulator: &Emulator) -> String {
    emulator.token("shop", "s3cret").json()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_state_is_complete() {
    assert_snapshot!(get(&lived(), ""), @r#"
    {"clock":{"frozen":true,"now":"2026-01-01T00:00:00Z","offsets":{"shop":{"nanoseconds":500000000,"seconds":10}}},
    "declared_only":true,
    "settings":{"all":{"visibility_delay_ms":60000},"stores":{"shop":{"rate_limit":2}}},
    "faults":{"faults":[],"last_id":0},
    "rate_windows":{"shop":{"counted":1,"opened_at":"2026-01-01T00:00:10.500Z"}},
    "stores":[
    {"id":"other","secret":"0ther","tokens":{"expire_at":[],"forgotten":0},"counters":{"customers":0,"events":0,"writes":0},"customers":[],"events":[],"pending":[]},
    {"id":"shop","secret":"s3cret","tokens":{"expire_at":["2026-01-15T00:00:00Z"],"forgotten":0},"counters":{"customers":3,"events":1,"writes":5},"customers":[
    {"number":1,"written":1,"external_id":"c-1","email":null,"phone_number":null,"first_name":null,"last_name":null,"gender":null,"account_created_at":null,"account_updated_at":null,"account_status":null,"default_language":null,"default_currency":null,"tags":null,"address":null,"accepts_sms_marketing":null,"accepts_email_marketing":null,"lists":[{"id":"1","since":"2023-05-22T11:08:52"}],"channels":{},"custom_properties":{"ratio":0.1},"loyalty":{"points_balance":7,"points_earned":null,"points_expire_date":null,"credit_balance":null,"has_store_account":null,"is_opt_in":null,"opt_in_date":null,"opt_out_date":null,"last_seen_at":null,"vip_tier_name":null,"vip_entry_date":null,"vip_expiration_date":null,"total_redemptions":null,"total_points_redeemed":null,"successful_referrals":null,"referrals_made_and_clicked":null,"is_referred_by_other_customer":null,"referred_by_customer":null},"yotpo_ugc":null},
    {"number":2,"written":5,"external_id":"c-2","email":"ann@example.com","phone_number":"+14155552671","first_name":null,"last_name":null,"gender":null,"account_created_at":null,"account_updated_at":"2026-01-01T00:00:00","account_status":null,"default_language":null,"default_currency":null,"tags":null,"address":null,"accepts_sms_marketing":null,"accepts_email_marketing":null,"lists":[],"channels":{},"custom_properties":{},"loyalty":null,"yotpo_ugc":null}],"events":[
    {"customer":{"external_id":"c-2"},"customer_number":2,"number":1,"properties":{},"source":null,"timestamp":"2026-01-01T00:00:00","type":"t","unique_id":"e-1"}],"pending":[
    {"applies_at":"2026-01-01T00:01:10.500Z","customer":{"accepts_email_marketing":null,"accepts_sms_marketing":null,"account_created_at":null,"account_status":null,"account_updated_at":"2026-01-01T00:00:10","address":null,"channels":{},"custom_properties":{},"default_currency":null,"default_language":null,"email":null,"external_id":"c-3","first_name":"Žofie","gender":null,"last_name":null,"lists":[],"phone_number":null,"tags":null},"request":6}]}]}
    "#);
    assert_snapshot!(get(&lived(), "?store=other"), @r#"
    {"clock":{"offsets":{}},
    "settings":{"stores":{}},
    "faults":{"faults":[],"last_id":0},
    "rate_windows":{},
    "stores":[
    {"id":"other","secret":"0ther","tokens":{"expire_at":[],"forgotten":0},"counters":{"customers":0,"events":0,"writes":0},"customers":[],"events":[],"pending":[]}]}
    "#);
    assert_snapshot!(lived().control("GET", "/state?store=nobody").send(), @r#"
    404
    {
      "error":"there is no store `nobody`",
      "hint":"a store is created by its first token or accepted write; `GET /_mock/stores` lists all stores"
    }
    "#);
}

#[test]
fn a_saved_and_restored_state_is_the_same_to_the_byte_and_behaves_the_same() {
    let (one, other) = (lived(), Emulator::undeclared());
    let saved = get(&one, "");
    assert_eq!(put(&other, "", &saved).json(), json!({}));
    assert_eq!(get(&other, ""), saved);
    let follow = |emulator: &Emulator| {
        let mut seen = Vec::new();
        emulator.control("POST", "/clock/advance").json(json!({"seconds": 5})).send();
        seen.push(emulator.control("GET", "/stores/shop/customers").send().to_string());
        emulator.control("POST", "/settle").send();
        let token = token(emulator);
        seen.push(token.clone());
        for path in ["?include_custom_properties=true&expand=loyalty", "?email=ANN%40example.com", "?limit=1"] {
            let page = emulator.anonymous("GET", &customers(path)).token(&token).send();
            seen.push(format!(
                "{} {:?} {:?}",
                page.customers().replace("\n", " | "),
                page.rate_limit_headers(),
                page.notes()
            ));
            emulator.control("POST", "/clock/advance").json(json!({"seconds": 1})).send();
        }
        seen.push(emulator.token("nobody", "x").to_string());
        seen.push(emulator.control("GET", "/settings?store=shop").send().to_string());
        seen.push(emulator.control("GET", "/stores").send().to_string());
        seen.push(get(emulator, ""));
        seen
    };
    assert_eq!(follow(&other), follow(&one));
}

#[test]
fn a_state_without_its_extra_keys_is_a_seed_and_a_seed_is_a_state() {
    let one = lived();
    one.control("POST", "/settle").send();
    let mut document: Value = serde_json::from_str(&get(&one, "")).unwrap();
    for key in ["clock", "declared_only", "settings", "rate_windows", "faults"] {
        document.as_object_mut().unwrap().remove(key).unwrap();
    }
    for store in document["stores"].as_array_mut().unwrap() {
        let store = store.as_object_mut().unwrap();
        for key in ["tokens", "counters", "pending"] {
            store.remove(key).unwrap();
        }
        for list in ["customers", "events"] {
            for thing in store[list].as_array_mut().unwrap() {
                for key in ["number", "written", "customer_number"] {
                    thing.as_object_mut().unwrap().remove(key);
                }
            }
        }
    }
    let seed = document.to_string();
    let (seeded, put_in) = (Emulator::undeclared_with(|builder| builder.seed(&seed)), Emulator::undeclared());
    put_in.upsert(json!({"external_id": "forgotten"}));
    assert_eq!(put(&put_in, "", &seed).status(), 200);
    assert_eq!(get(&put_in, ""), get(&seeded, ""));
}

#[test]
fn one_store_is_restored_alone() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1"}));
    let cursor = {
        emulator.upsert(json!({"external_id": "c-2"}));
        emulator.get(&customers("?limit=1")).next_page().unwrap()
    };
    let saved = get(&emulator, "?store=shop");
    emulator.upsert(json!({"external_id": "c-3"}));
    emulator
        .request("PATCH", "/core/v3/stores/other/customers")
        .json(json!({"customer": {"external_id": "o-1"}}))
        .send();
    emulator.control("PATCH", "/settings?store=shop").json(json!({"rate_limit": 1})).send();
    emulator.control("POST", "/clock/advance?store=shop").json(json!({"seconds": 60})).send();
    assert_eq!(put(&emulator, "?store=shop", &saved).status(), 200);
    assert_eq!(get(&emulator, "?store=shop"), saved);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "c-2"]);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").identifiers(), ["o-1"]);
    assert_eq!(emulator.get(&customers(&format!("?page_info={cursor}"))).rule(), Some("cursor.invalid"));
    assert_snapshot!(put(&emulator, "?store=third", &saved), @r#"
    400
    {
      "error":"invalid state: it does not have store `third`",
      "hint":"nothing was changed; `GET /_mock/state` returns a valid state, and a seed is valid too"
    }
    "#);
}

#[test]
fn the_clock_is_set_to_that_of_the_document_even_if_earlier() {
    let emulator = Emulator::undeclared();
    let saved = get(&emulator, "");
    emulator.control("POST", "/clock/advance").json(json!({"seconds": 3600})).send();
    emulator.control("PUT", "/clock").json(json!({"frozen": false})).send();
    put(&emulator, "", &saved);
    assert_eq!(
        emulator.control("GET", "/clock").send().json(),
        json!({"now": "2026-01-01T00:00:00Z", "frozen": true, "offset_ms": 0})
    );
    emulator.control("PUT", "/clock").json(json!({"frozen": false})).send();
    let process = get(&emulator, "");
    put(&emulator, "", &process);
    assert_eq!(get(&emulator, ""), process, "a running clock is saved as its offset");
    put(&emulator, "", r#"{"stores":[]}"#);
    assert_eq!(emulator.control("GET", "/clock").send().json()["frozen"], false, "a seed sets no time");
}

/// The error for an invalid document.
fn rejected(emulator: &Emulator, document: &str) -> String {
    let response = emulator.control("PUT", "/state").body("application/json", document).send();
    assert_eq!(response.status(), 400, "{document}: {response}");
    response.json()["error"].as_str().unwrap().replace("invalid state: ", "")
}

#[test]
fn a_broken_document_changes_nothing_and_its_error_has_the_location() {
    let emulator = lived();
    let saved = get(&emulator, "");
    let shop = |rest: &str| rejected(&emulator, &format!("{{\"stores\":[{{\"id\":\"shop\",\n{rest}}}]}}"));
    assert_snapshot!(rejected(&emulator, ""), @"it must be an object");
    assert_snapshot!(rejected(&emulator, "[]"), @"it must be an object");
    assert_snapshot!(rejected(&emulator, &saved[..saved.len() / 2]), @"stores[1].customers[0]: it ends in the middle of a string (line 9, column 666)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"colour":1}"#), @"unknown field `colour`, expected one of `$schema`, `clock`, `declared_only`, `settings`, `faults`, `rate_windows`, `stores` (line 1, column 21)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[{"id":""}]}"#), @"stores[0].id is empty");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[["shop"]]}"#), @"`stores[0]` must be an object, and is an array (line 1, column 11)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":[true,"2026-01-01T00:00:00Z"]}"#), @"`clock` must be an object, and is an array (line 1, column 21)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"offsets":{"shop":[1]}}}"#), @"`clock.offsets.shop` must be an object, and is an array (line 1, column 40)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[{"id":"a","counters":[1,2,3]}]}"#), @"`stores[0].counters` must be an object, and is an array (line 1, column 32)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[{"id":"a"},{"id":"a"}]}"#), @"stores[1].id `a` is already that of another store");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"frozen":true}}"#), @"clock must have `frozen`: true beside `now`, or `frozen`: false beside `ahead`");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"frozen":true,"now":"soon"}}"#), @"clock.now is `soon`, and must be a time such as `2026-01-01T00:00:00Z`");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"frozen":true,"now":"+9999-01-01T00:00:00Z"}}"#), @"clock must stay between the years 0 and 9000");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"frozen":false,"ahead":{"seconds":9223372036854775807}}}"#), @"clock.ahead is too long");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"offsets":{"shop":{"seconds":-1}}}}"#), @"clock.offsets.shop must not be negative");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"clock":{"offsets":{"shop":{"seconds":999999999999}}}}"#), @"clock must stay between the years 0 and 9000");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"settings":{"all":{"rate_limt":1}}}"#), @"settings.all: `rate_limt` is not a setting: there are `rate_limit`, `visibility_delay_ms`, `empty_result`, `validation`, `enforce_deprecations`, `issued_tokens_only` and `body_limit` (line 1, column 47)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"settings":{"stores":{"shop":{"rate_limit":-1}}}}"#), @"settings.stores.shop: rate_limit must be a whole number from 0 to 4294967295, and is `-1` (line 1, column 60)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"rate_windows":{"shop":{"opened_at":"+262142-12-31T23:59:59Z","counted":1}}}"#), @"rate_windows.shop.opened_at is `+262142-12-31T23:59:59Z`, whose year must have four digits");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"faults":{"faults":[],"last_id":18446744073709551615}}"#), @"faults: `last_id` and each `matched` must be at most 9007199254740991 (line 1, column 66)");
    assert_snapshot!(rejected(&emulator, r#"{"stores":[],"faults":{"faults":[{"status":500,"id":1,"matched":18446744073709551615,"hits":0,"draws_from":0}],"last_id":1}}"#), @"faults: `last_id` and each `matched` must be at most 9007199254740991 (line 1, column 123)");
    assert_snapshot!(shop(r#""secret":"""#), @"the secret of store `shop` is empty");
    assert_snapshot!(shop(r#""tokens":{"forgotten":18446744073709551615,"expire_at":[]}"#), @"stores[0].tokens.forgotten must be a whole number up to 9007199254740991");
    assert_snapshot!(shop(r#""tokens":{"forgotten":0,"expire_at":["later"]}"#), @"stores[0].tokens.expire_at[0] is `later`, and must be a time such as `2026-01-01T00:00:00Z`");
    assert_snapshot!(shop("\"customers\":[{\"external_id\":\"a\",\"number\":2},\n{\"external_id\":\"b\",\"number\":2}]"), @"line 3: stores[0].customers[1].number `2` must be above the one before it, and at most 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","number":0}]"#), @"line 2: stores[0].customers[0].number `0` must be above the one before it, and at most 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","number":-1}]"#), @"line 2: stores[0].customers[0].number must be a whole number up to 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","number":18446744073709551615}]"#), @"line 2: stores[0].customers[0].number must be a whole number up to 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","written":0}]"#), @"line 2: stores[0].customers[0].written must be a whole number from 1 to 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","written":3},{"external_id":"b","written":3}]"#), @"stores[0]: two customers were `written` at 3");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a"},{"external_id":"a"}]"#), @"line 2: stores[0].customers[1].external_id `a` is already that of another customer");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a"}],"counters":{"customers":0,"events":0,"writes":1}"#), @"stores[0]: counters.customers is `0`, and must be from 1 to 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a"}],"counters":{"customers":1,"events":0,"writes":9007199254740992}"#), @"stores[0]: counters.writes is `9007199254740992`, and must be from 1 to 9007199254740991");
    assert_snapshot!(shop(r#""customers":[{"external_id":"a","colour":"red"}]"#), @"line 2: stores[0].customers[0].colour is not a field that a seed may have");
    assert_snapshot!(shop(r#""customers":[{"number":1}]"#), @"line 2: stores[0].customers[0] needs `external_id`, or one of `email` and `phone_number`");
    let of_a = |rest: &str| shop(&format!(r#""customers":[{{"external_id":"a","number":1}}],{rest}"#));
    assert_snapshot!(of_a(r#""events":[{"unique_id":"e","type":"t","customer":{"external_id":"b"}}]"#), @"line 2: stores[0].events[0].customer is not a customer of store `shop` that precedes the event");
    assert_snapshot!(of_a(r#""events":[{"unique_id":"e","type":"t","customer":{"external_id":"a"},"customer_number":2}]"#), @"line 2: stores[0].events[0].customer_number `2` is no customer of this store");
    assert_snapshot!(of_a(r#""events":[{"unique_id":"e","type":"t","customer":{"external_id":"a"},"number":1},{"unique_id":"e","type":"t","customer":{"external_id":"a"},"number":2}]"#), @"line 2: stores[0].events[1].unique_id `e` is already that of another event");
    assert_snapshot!(of_a(r#""events":[{"unique_id":"e","type":"t","customer":{"external_id":"a"},"number":2},{"unique_id":"f","type":"t","customer":{"external_id":"a"},"number":1}]"#), @"line 2: stores[0].events[1].number `1` must be above the one before it, and at most 9007199254740991");
    assert_snapshot!(of_a(r#""pending":[{"applies_at":"2026-01-01T00:00:00Z"}]"#), @"line 2: stores[0].pending[0].customer must be an object");
    assert_snapshot!(of_a(r#""pending":[{"customer":{"external_id":"a"}}]"#), @"line 2: stores[0].pending[0].applies_at must be a time");
    assert_snapshot!(of_a(r#""pending":[{"applies_at":"2026-01-01T00:00:00Z","customer":{"external_id":"a"},"event":{"type":"t"}}]"#), @"
    it has 2 mistakes:
    - line 2: stores[0].pending[0].event.unique_id is required
    - line 2: stores[0].pending[0].event.customer is required and must be an object
    ");
    assert_snapshot!(of_a(r#""pending":[{"applies_at":"2026-01-01T00:00:00Z","customer":{"external_id":"a"},"colour":"red"}]"#), @"line 2: stores[0].pending[0].colour is not a field that a pending write may have");
    assert_eq!(get(&emulator, ""), saved);
    assert_snapshot!(put(&emulator, "", ""), @r#"
    400
    {
      "error":"invalid state: it must be an object",
      "hint":"nothing was changed; `GET /_mock/state` returns a valid state, and a seed is valid too"
    }
    "#);
}

/// A file of a test's own, which is not there yet.
fn fresh_file(name: &str) -> std::path::PathBuf {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may be left from another run.
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn a_state_file_is_saved_on_request_and_at_the_end_and_read_at_the_start() {
    let file = fresh_file("state-saved.json");
    let start = || {
        let seed = r#"{"stores":[{"id":"shop","customers":[{"external_id":"seeded"}]}]}"#;
        Emulator::undeclared_with(|builder| builder.seed(seed).state_file(&file))
    };
    let emulator = start();
    emulator.upsert(json!({"external_id": "c-1"}));
    assert!(!file.exists(), "nothing was saved yet");
    let saved = emulator.control("POST", "/state/save").send();
    assert_eq!(saved.json()["bytes"], std::fs::metadata(&file).unwrap().len());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), get(&emulator, ""));
    emulator.upsert(json!({"external_id": "c-2"}));
    emulator.control("POST", "/clock/advance").json(json!({"seconds": 60})).send();
    let saved = get(&emulator, "");
    drop(emulator);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), saved, "a drop saves");

    let emulator = start();
    assert_eq!(get(&emulator, ""), saved);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["seeded", "c-1", "c-2"]);
    emulator.control("POST", "/reset").send();
    assert_eq!(emulator.get(&customers("")).identifiers(), ["seeded"], "a reset goes back to the seeds");
    emulator.mock.stop(std::time::Duration::ZERO).expect("the folder takes files");
    assert_eq!(start().get(&customers("")).identifiers(), ["seeded"]);
}

#[test]
fn without_a_file_saving_is_an_error() {
    assert_snapshot!(Emulator::undeclared().control("POST", "/state/save").send(), @r#"
    409
    {"error":"there is no state file","hint":"start with `--state FILE`; `GET /_mock/state` needs none"}
    "#);
}

#[test]
fn a_broken_state_file_stops_the_start_and_is_not_changed() {
    let file = fresh_file("state-broken.json");
    std::fs::write(&file, "{\"stores\":[{").unwrap();
    let started = yotpo_mock::YotpoMock::builder().state_file(&file).try_start();
    let error = started.expect_err("it is broken");
    let message = error.to_string().replace(&file.display().to_string(), "FILE");
    assert_snapshot!(format!("{message}; {}", error.hint()), @"cannot read the state in `FILE`: stores[0]: it ends in the middle of an object (line 1, column 12); name another file, or move this one away to start with the seeds");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"stores\":[{");
}

#[test]
fn faults_are_part_of_the_state_with_their_counts() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"match": {"store": "shop"}, "after": 1, "probability": 0.5, "seed": 7, "status": 500}));
    emulator.fault(json!({"match": {"store": "other"}, "times": 1, "status": 503}));
    let statuses = || (0..20).map(|_| emulator.get(&customers("")).status()).collect::<Vec<_>>();
    statuses();
    let state = emulator.control("GET", "/state").send();
    let first = statuses();
    let put = |body: &[u8], path: &str| emulator.control("PUT", path).body("application/json", body).send().status();
    assert_eq!(put(&state.body, "/state"), 200);
    assert_eq!(emulator.control("GET", "/state").send().body, state.body);
    assert_eq!(statuses(), first, "chance goes on from where it was");
    let of_shop = emulator.control("GET", "/state?store=shop").send();
    assert_eq!(of_shop.status(), 404, "a store that only faults speak of is not remembered");
    let broken = String::from_utf8_lossy(&state.body).replace("\"status\":500", "\"statsu\":500");
    assert_eq!(put(broken.as_bytes(), "/state"), 400);
}

#[test]
fn a_state_with_declared_stores_has_no_others() {
    let emulator = Emulator::undeclared();
    assert_eq!(emulator.token("other", "any").status(), 200);
    assert_eq!(put(&emulator, "", r#"{"stores":[{"id":"shop","secret":"s"}]}"#).status(), 200);
    assert_snapshot!(emulator.token("other", "any"), @r#"
    404
    x-yotpo-mock-rule: store.unknown
    {"errors":[{"message":"Couldn't find account"}]}
    "#);
}
