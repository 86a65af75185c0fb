//! The rate limit: contract, section 8.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Scene, customers};

fn limited() -> Scene {
    Scene::with(|builder| builder.rate_limit(5))
}

/// Calls the store until nothing is left.
fn exhaust(scene: &Scene) {
    for left in (0..5).rev() {
        assert_eq!(scene.get(&customers("")).budget(), [5, left, 1]);
    }
}

#[test]
fn above_five_requests_a_second_a_store_is_refused() {
    let scene = limited();
    exhaust(&scene);
    let refused = scene.get(&customers(""));
    assert_snapshot!(refused, @r#"
    429
    retry-after: 1
    x-yotpo-mock-rule: rate_limit.exceeded
    x-yotpo-mock-note: token.undeclared: a token that nobody issued was accepted because this store is not declared
    {"errors":[{"message":"too many requests for this store; retry after 1 s"}]}
    "#);
    assert_eq!(refused.budget(), [5, 0, 1]);
}

#[test]
fn the_window_is_one_second_from_the_first_request_and_refusals_do_not_extend_it() {
    let scene = limited();
    exhaust(&scene);
    scene.mock.advance(Duration::from_millis(999));
    assert_eq!(scene.get(&customers("")).status(), 429);
    scene.mock.advance(Duration::from_millis(1));
    assert_eq!(scene.get(&customers("")).budget(), [5, 4, 1]);
}

#[test]
fn token_calls_and_writes_count_and_so_do_refused_bodies() {
    let scene = limited();
    assert_eq!(scene.token("shop", "x").budget(), [5, 4, 1]);
    assert_eq!(scene.upsert(json!({"external_id": "c-1"})).budget(), [5, 3, 1]);
    assert_eq!(scene.upsert(json!({})).budget(), [5, 2, 1]);
    let form = scene
        .bare("POST", "/oauth/token")
        .json(json!({"client_id": "shop", "client_secret": "x", "grant_type": "client_credentials"}));
    assert_eq!(form.send().budget(), [5, 1, 1]);
    assert_eq!(
        scene
            .event(json!({"type": "t", "unique_id": 1, "customer": {"external_id": "c-1"}}))
            .budget(),
        [5, 0, 1]
    );
    assert_eq!(scene.token("shop", "x").status(), 429);
}

#[test]
fn answers_of_401_404_405_and_501_do_not_count() {
    let scene = limited();
    scene.bare("GET", &customers("")).send();
    scene.token("shop", "");
    scene.request("GET", "/core/v3/stores/shop/unknown").send();
    scene.request("DELETE", &customers("")).send();
    scene.request("GET", "/core/v3/stores/shop/orders").send();
    assert_eq!(scene.get(&customers("")).budget(), [5, 4, 1]);
    assert_eq!(
        scene.bare("GET", &customers("")).send().budget(),
        [5, 4, 1],
        "they show what is left all the same"
    );
}

#[test]
fn each_store_has_a_window_of_its_own() {
    let scene = limited();
    exhaust(&scene);
    assert_eq!(scene.get("/core/v3/stores/other/customers").status(), 200);
}

#[test]
fn without_a_limit_the_headers_show_an_untouched_budget() {
    let scene = Scene::new();
    for _ in 0..20 {
        assert_eq!(scene.get(&customers("")).budget(), [5, 5, 0]);
    }
}

#[test]
fn answers_without_a_store_show_an_untouched_budget() {
    let scene = limited();
    exhaust(&scene);
    assert_eq!(scene.get("/nowhere").budget(), [5, 5, 0]);
}

#[test]
fn a_reset_opens_the_window_again() {
    let scene = limited();
    exhaust(&scene);
    scene.mock.reset();
    assert_eq!(scene.get(&customers("")).status(), 200);
}
