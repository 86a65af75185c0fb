//! Starting over.

use serde_json::json;

use crate::support::{Scene, customers};

fn seeded() -> Scene {
    Scene::with(|builder| {
        builder
            .store("shop", "s3cret")
            .store("other", "0ther")
            .seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"seeded"}]},{"id":"other","customers":[{"external_id":"theirs"}]}]}"#)
    })
}

fn names(scene: &Scene, store: &str, secret: &str) -> Vec<String> {
    let token = scene.token(store, secret).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    scene
        .bare("GET", &format!("/core/v3/stores/{store}/customers"))
        .token(&token)
        .send()
        .names()
}

fn write(scene: &Scene, store: &str, secret: &str) {
    let token = scene.token(store, secret).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/core/v3/stores/{store}/customers");
    let answer = scene
        .bare("PATCH", &path)
        .token(&token)
        .json(json!({"customer": {"external_id": "written"}}))
        .send();
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_reset_goes_back_to_the_seeds_of_all_stores_or_of_one() {
    let scene = seeded();
    for (store, secret) in [("shop", "s3cret"), ("other", "0ther")] {
        write(&scene, store, secret);
    }
    assert_eq!(scene.control("POST", "/reset?store=shop").send().json(), json!({}));
    assert_eq!(names(&scene, "shop", "s3cret"), ["seeded"]);
    assert_eq!(names(&scene, "other", "0ther"), ["theirs", "written"]);
    scene.control("POST", "/reset").send();
    assert_eq!(names(&scene, "other", "0ther"), ["theirs"]);
}

#[test]
fn a_reset_to_nothing_keeps_only_who_was_declared() {
    let scene = seeded();
    scene
        .control("POST", "/reset?store=shop")
        .json(json!({"to": "empty"}))
        .send();
    assert_eq!(names(&scene, "shop", "s3cret"), [""; 0]);
    assert_eq!(names(&scene, "other", "0ther"), ["theirs"]);
    scene.control("POST", "/reset").json(json!({"to": "empty"})).send();
    assert_eq!(names(&scene, "other", "0ther"), [""; 0]);
    assert_eq!(
        scene.token("nobody", "x").status(),
        404,
        "still only declared stores exist"
    );
    scene.control("POST", "/reset").send();
    assert_eq!(names(&scene, "shop", "s3cret"), ["seeded"]);
}

#[test]
fn a_reset_forgets_tokens_settings_and_cursors_and_keeps_the_journal_and_the_time() {
    for path in ["/reset", "/reset?store=shop"] {
        let scene =
            Scene::seeded(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"},{"external_id":"c-2"}]}]}"#);
        let token = scene.token("shop", "x").json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let cursor = scene.get(&customers("?limit=1")).next_page().unwrap();
        scene
            .control("PATCH", "/settings?store=shop")
            .json(json!({"rate_limit": 1}))
            .send();
        scene
            .control("POST", "/clock/advance")
            .json(json!({"seconds": 60}))
            .send();
        scene.control("POST", path).send();
        assert_eq!(
            scene.read_as(&token).notes(),
            ["token.undeclared"],
            "it is as if nobody had issued it"
        );
        let with_cursor = scene.get(&customers(&format!("?page_info={cursor}")));
        assert_eq!(
            (with_cursor.rule(), with_cursor.budget()),
            (Some("cursor.invalid"), [5, 5, 0])
        );
        assert_eq!(
            scene.control("GET", "/clock").send().json()["now"],
            "2026-01-01T00:01:00Z"
        );
        assert_eq!(scene.mock.requests().count(), 4);
    }
}

#[test]
fn a_reset_of_a_store_that_nobody_knows_is_done_at_once() {
    let scene = Scene::new();
    assert_eq!(scene.control("POST", "/reset?store=nobody").send().status(), 200);
}
