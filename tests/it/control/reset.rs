//! Starting over.

use serde_json::{Value, json};

use crate::support::{Emulator, customers};

fn seeded() -> Emulator {
    Emulator::undeclared_with(|builder| {
        builder
            .store("shop", "s3cret")
            .store("other", "0ther")
            .seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"seeded"}]},{"id":"other","customers":[{"external_id":"theirs"}]}]}"#)
    })
}

fn identifiers(emulator: &Emulator, store: &str, secret: &str) -> Vec<String> {
    let token = emulator.token(store, secret).json()["access_token"].as_str().unwrap().to_owned();
    emulator.anonymous("GET", &format!("/core/v3/stores/{store}/customers")).token(&token).send().identifiers()
}

fn write(emulator: &Emulator, store: &str, secret: &str) {
    let token = emulator.token(store, secret).json()["access_token"].as_str().unwrap().to_owned();
    let path = format!("/core/v3/stores/{store}/customers");
    let response =
        emulator.anonymous("PATCH", &path).token(&token).json(json!({"customer": {"external_id": "written"}})).send();
    assert_eq!(response.status(), 200);
}

#[test]
fn a_reset_restores_the_seeds_of_all_stores_or_of_one() {
    let emulator = seeded();
    for (store, secret) in [("shop", "s3cret"), ("other", "0ther")] {
        write(&emulator, store, secret);
    }
    assert_eq!(emulator.control("POST", "/reset?store=shop").send().json(), json!({}));
    assert_eq!(identifiers(&emulator, "shop", "s3cret"), ["seeded"]);
    assert_eq!(identifiers(&emulator, "other", "0ther"), ["theirs", "written"]);
    emulator.control("POST", "/reset").send();
    assert_eq!(identifiers(&emulator, "other", "0ther"), ["theirs"]);
}

#[test]
fn a_reset_without_seeds_keeps_declared_stores() {
    let emulator = seeded();
    emulator.control("POST", "/reset?store=shop").json(json!({"to": "empty"})).send();
    assert_eq!(identifiers(&emulator, "shop", "s3cret"), [""; 0]);
    assert_eq!(identifiers(&emulator, "other", "0ther"), ["theirs"]);
    emulator.control("POST", "/reset").json(json!({"to": "empty"})).send();
    assert_eq!(identifiers(&emulator, "other", "0ther"), [""; 0]);
    assert_eq!(emulator.token("nobody", "x").status(), 404, "still only declared stores exist");
    emulator.control("POST", "/reset").send();
    assert_eq!(identifiers(&emulator, "shop", "s3cret"), ["seeded"]);
}

#[test]
fn a_reset_clears_tokens_settings_and_cursors_and_keeps_the_journal_and_the_time() {
    for path in ["/reset", "/reset?store=shop"] {
        let emulator = Emulator::undeclared_with(|builder| {
            builder.seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"},{"external_id":"c-2"}]}]}"#)
        });
        let token = emulator.token("shop", "x").json()["access_token"].as_str().unwrap().to_owned();
        let cursor = emulator.get(&customers("?limit=1")).next_page().unwrap();
        emulator.control("PATCH", "/settings?store=shop").json(json!({"rate_limit": 1})).send();
        emulator.control("POST", "/clock/advance").json(json!({"seconds": 60})).send();
        emulator.control("POST", path).send();
        assert_eq!(
            emulator.get_with_token(&token).notes(),
            ["token.undeclared"],
            "it counts as a token that was never issued"
        );
        let with_cursor = emulator.get(&customers(&format!("?page_info={cursor}")));
        assert_eq!((with_cursor.rule(), with_cursor.rate_limit_headers()), (Some("cursor.invalid"), [5, 5, 0]));
        assert_eq!(emulator.control("GET", "/clock").send().json()["now"], "2026-01-01T00:01:00Z");
        assert_eq!(emulator.mock.requests().count(), 4);
    }
}

#[test]
fn a_request_about_a_store_that_does_not_exist_warns_and_creates_nothing() {
    let emulator = seeded();
    let stores = || emulator.control("GET", "/stores").send().json();
    let of_ghost = json!({"store": "ghost"});
    for (method, path, body) in [
        ("POST", "/reset?store=ghost", json!({})),
        ("POST", "/reset?store=ghost", json!({"to": "empty"})),
        ("POST", "/settle?store=ghost", Value::Null),
        ("GET", "/clock?store=ghost", Value::Null),
        ("POST", "/clock/advance?store=ghost", json!({"seconds": 1})),
        ("PUT", "/clock?store=ghost", json!({"now": "2030-01-01T00:00:00Z"})),
        ("GET", "/settings?store=ghost", Value::Null),
        ("PATCH", "/settings?store=ghost", json!({"rate_limit": 1})),
        ("GET", "/report?store=ghost", Value::Null),
        ("DELETE", "/report?store=ghost", Value::Null),
        ("GET", "/requests?store=ghost", Value::Null),
        ("DELETE", "/requests?store=ghost", Value::Null),
        ("POST", "/requests/verify", json!({"store": "ghost", "count": 0})),
        ("POST", "/requests/verify", json!({"store": "ghost", "count": 1})),
        ("POST", "/faults", json!({"match": of_ghost, "status": 503})),
        ("GET", "/faults?store=ghost", Value::Null),
        ("DELETE", "/faults?store=ghost", Value::Null),
    ] {
        let warning = |store: &str| {
            let path = path.replace("ghost", store);
            let body = body.to_string().replace("ghost", store);
            let request = emulator.control(method, &path);
            let request = if body == "null" { request } else { request.body("application/json", body) };
            request.send().json()["warning"].clone()
        };
        let before = stores();
        assert_eq!(
            warning("ghost"),
            "store `ghost` does not exist; `GET /_mock/stores` lists all stores",
            "{method} {path}"
        );
        assert_eq!(stores(), before, "{method} {path}");
        assert_eq!(warning("shop"), Value::Null, "{method} {path}");
    }
}

#[test]
fn a_store_that_only_requests_have_named_exists() {
    let emulator = Emulator::new();
    emulator.anonymous("GET", "/core/v3/stores/other/customers").send();
    let verified = emulator.control("POST", "/requests/verify").json(json!({"store": "other", "count": 1})).send();
    assert_eq!(verified.json(), json!({"matched": 1}));
}
