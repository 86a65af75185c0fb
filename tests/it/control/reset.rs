//! Starting over.

use serde_json::json;

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
fn a_reset_of_an_unknown_store_does_nothing() {
    let emulator = Emulator::undeclared();
    assert_eq!(emulator.control("POST", "/reset?store=nobody").send().status(), 200);
}
