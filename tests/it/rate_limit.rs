//! The rate limit: contract, section 8.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, customers};

fn limited() -> Emulator {
    Emulator::undeclared_with(|builder| builder.rate_limit(5))
}

/// Calls the store until nothing is left.
fn exhaust(emulator: &Emulator) {
    for left in (0..5).rev() {
        assert_eq!(emulator.get(&customers("")).rate_limit_headers(), [5, left, 1]);
    }
}

#[test]
fn above_five_requests_a_second_a_store_is_rejected() {
    let emulator = limited();
    exhaust(&emulator);
    let rejected = emulator.get(&customers(""));
    assert_snapshot!(rejected, @r#"
    429
    retry-after: 1
    x-yotpo-mock-rule: rate_limit.exceeded
    x-yotpo-mock-note: token.undeclared: a token that nobody issued was accepted because this store is not declared
    {"errors":[{"message":"too many requests for this store; retry after 1 s"}]}
    "#);
    assert_eq!(rejected.rate_limit_headers(), [5, 0, 1]);
}

#[test]
fn the_window_is_one_second_from_the_first_request_and_rejections_do_not_extend_it() {
    let emulator = limited();
    exhaust(&emulator);
    emulator.mock.advance(Duration::from_millis(999));
    assert_eq!(emulator.get(&customers("")).status(), 429);
    emulator.mock.advance(Duration::from_millis(1));
    assert_eq!(emulator.get(&customers("")).rate_limit_headers(), [5, 4, 1]);
}

#[test]
fn token_calls_and_writes_count_and_so_do_rejected_bodies() {
    let emulator = limited();
    assert_eq!(emulator.token("shop", "x").rate_limit_headers(), [5, 4, 1]);
    assert_eq!(emulator.upsert(json!({"external_id": "c-1"})).rate_limit_headers(), [5, 3, 1]);
    assert_eq!(emulator.upsert(json!({})).rate_limit_headers(), [5, 2, 1]);
    let form = emulator
        .anonymous("POST", "/oauth/token")
        .json(json!({"client_id": "shop", "client_secret": "x", "grant_type": "client_credentials"}));
    assert_eq!(form.send().rate_limit_headers(), [5, 1, 1]);
    assert_eq!(
        emulator.event(json!({"type": "t", "unique_id": 1, "customer": {"external_id": "c-1"}})).rate_limit_headers(),
        [5, 0, 1]
    );
    assert_eq!(emulator.token("shop", "x").status(), 429);
}

#[test]
fn responses_with_401_404_405_and_501_do_not_count() {
    let emulator = limited();
    emulator.anonymous("GET", &customers("")).send();
    emulator.token("shop", "");
    emulator.request("GET", "/core/v3/stores/shop/unknown").send();
    emulator.request("DELETE", &customers("")).send();
    emulator.request("GET", "/core/v3/stores/shop/orders").send();
    assert_eq!(emulator.get(&customers("")).rate_limit_headers(), [5, 4, 1]);
    assert_eq!(
        emulator.anonymous("GET", &customers("")).send().rate_limit_headers(),
        [5, 4, 1],
        "they still show what is left"
    );
}

#[test]
fn each_store_has_its_own_window() {
    let emulator = limited();
    exhaust(&emulator);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").status(), 200);
}

#[test]
fn without_a_limit_the_headers_show_the_full_limit() {
    let emulator = Emulator::new();
    for _ in 0..20 {
        assert_eq!(emulator.get(&customers("")).rate_limit_headers(), [5, 5, 0]);
    }
}

#[test]
fn responses_without_a_store_show_the_full_limit() {
    let emulator = limited();
    exhaust(&emulator);
    assert_eq!(emulator.get("/nowhere").rate_limit_headers(), [5, 5, 0]);
}

#[test]
fn a_reset_clears_the_window() {
    let emulator = limited();
    exhaust(&emulator);
    emulator.mock.reset();
    assert_eq!(emulator.get(&customers("")).status(), 200);
}
