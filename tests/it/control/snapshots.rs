//! Named states.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Answer, Scene, customers};

fn take(scene: &Scene, name: &str) -> Answer {
    scene.control("PUT", &format!("/snapshots/{name}")).send()
}

fn restore(scene: &Scene, name: &str) -> Answer {
    scene.control("POST", &format!("/snapshots/{name}/restore")).send()
}

#[test]
fn a_snapshot_is_taken_listed_restored_and_deleted() {
    let scene = Scene::seeded(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#);
    assert_snapshot!(take(&scene, "clean"), @r#"
    201
    {"customers":1,"events":0,"name":"clean","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    scene.upsert(json!({"external_id": "c-2"}));
    assert_snapshot!(take(&scene, "two-customers"), @r#"
    201
    {"customers":2,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    assert_eq!(restore(&scene, "clean").status(), 200);
    assert_eq!(scene.get(&customers("")).names(), ["c-1"]);
    assert_snapshot!(restore(&scene, "two-customers"), @r#"
    200
    {"customers":2,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    assert_eq!(scene.get(&customers("")).names(), ["c-1", "c-2"]);
    scene.upsert(json!({"external_id": "c-3"}));
    let again = take(&scene, "two-customers");
    assert_eq!((again.status(), &again.json()["customers"]), (200, &json!(3)));
    assert_snapshot!(scene.control("GET", "/snapshots").send(), @r#"
    200
    {"snapshots":[{"customers":1,"events":0,"name":"clean","stores":1,"taken_at":"2026-01-01T00:00:00Z"},{"customers":3,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}]}
    "#);
    assert_eq!(scene.control("DELETE", "/snapshots/clean").send().json(), json!({}));
    assert_snapshot!(scene.control("GET", "/snapshots/clean").send(), @r#"
    404
    {"error":"there is no snapshot `clean`","hint":"those that are there: `two-customers`"}
    "#);
    assert_eq!(scene.control("GET", "/snapshots/two-customers").send().status(), 200);
}

#[test]
fn a_snapshot_is_not_touched_by_what_is_written_after_it_nor_by_a_reset() {
    let scene = Scene::new();
    scene.upsert(json!({"external_id": "c-1", "first_name": "Ann"}));
    take(&scene, "ann");
    for round in 0..3 {
        scene.upsert(json!({"external_id": "c-1", "first_name": format!("Bob {round}")}));
        scene.event(json!({"type": "t", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
        scene.control("POST", "/reset").send();
        restore(&scene, "ann");
        assert_eq!(scene.everybody(), r#"external_id: "c-1", first_name: "Ann""#);
        assert_eq!(scene.events().len(), 0);
    }
}

#[test]
fn a_restore_brings_back_tokens_settings_pending_writes_and_the_time_and_refuses_cursors() {
    let scene = Scene::with(|builder| builder.store("shop", "s3cret"));
    let token = scene.token("shop", "s3cret").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let write = |id: &str| {
        let write = scene.bare("PATCH", &customers("")).token(&token);
        write.json(json!({"customer": {"external_id": id}})).send()
    };
    write("c-1");
    write("c-2");
    scene
        .control("PATCH", "/settings?store=shop")
        .json(json!({"visibility_delay_ms": 60_000, "rate_limit": 4}))
        .send();
    write("c-3");
    let cursor = scene
        .bare("GET", &customers("?limit=1"))
        .token(&token)
        .send()
        .next_page()
        .unwrap();
    take(&scene, "before");

    scene
        .control("POST", "/clock/advance")
        .json(json!({"seconds": 1_209_601}))
        .send();
    assert_eq!(scene.read_as(&token).rule(), Some("token.expired"));
    scene.control("POST", "/reset").send();
    assert_eq!(scene.read_as(&token).rule(), Some("token.unknown"));

    restore(&scene, "before");
    let read = scene.read_as(&token);
    assert_eq!(
        (read.names(), read.budget()),
        (vec!["c-1".into(), "c-2".into()], [4, 1, 1]),
        "two were counted before"
    );
    let with_cursor = scene
        .bare("GET", &customers(&format!("?page_info={cursor}")))
        .token(&token)
        .send();
    assert_eq!(with_cursor.rule(), Some("cursor.invalid"));
    scene
        .control("POST", "/clock/advance?store=shop")
        .json(json!({"seconds": 60}))
        .send();
    assert_eq!(scene.read_as(&token).names(), ["c-1", "c-2", "c-3"]);
    restore(&scene, "before");
    assert_eq!(
        scene.control("GET", "/clock?store=shop").send().json()["now"],
        "2026-01-01T00:00:00Z"
    );
}

#[test]
fn snapshots_are_bounded_and_named_plainly() {
    let scene = Scene::new();
    assert_snapshot!(restore(&scene, "clean"), @r#"
    404
    {"error":"there is no snapshot `clean`","hint":"there is none: `PUT /_mock/snapshots/{name}` takes one"}
    "#);
    for name in ["a%20b", "%C3%A9", ".", "..", &"n".repeat(65)] {
        let status = scene
            .control("PUT", &format!("/snapshots/{name}"))
            .deviating()
            .send()
            .status();
        assert!([400, 404, 405].contains(&status), "{name}: {status}");
    }
    assert_snapshot!(take(&scene, "a%20b"), @r#"
    400
    {"error":"`a b` does not name a snapshot","hint":"a name is 1 to 64 letters, digits, `.`, `_` and `-`"}
    "#);
    assert_eq!(take(&scene, &"n".repeat(64)).status(), 201);
    for at in 1..16 {
        assert_eq!(take(&scene, &format!("n{at}")).status(), 201);
    }
    assert_snapshot!(take(&scene, "n16"), @r#"
    409
    {"error":"there are 16 snapshots, and `n16` is none of them","hint":"replace or delete one of `n1`, `n10`, `n11`, `n12`, `n13`, `n14`, `n15`, `n2`, `n3`, `n4`, `n5`, `n6`, `n7`, `n8`, `n9` and `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn`"}
    "#);
    assert_eq!(take(&scene, "n15").status(), 200, "one that is there is replaced");
    assert_snapshot!(scene.control("DELETE", "/snapshots/n16").send(), @r#"
    404
    {"error":"there is no snapshot `n16`","hint":"those that are there: `n1`, `n10`, `n11`, `n12`, `n13`, `n14`, `n15`, `n2`, `n3`, `n4`, `n5`, `n6`, `n7`, `n8`, `n9` and `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn`"}
    "#);
    assert_snapshot!(scene.control("PUT", "/snapshots/n1").json(json!({"stores": ["shop"]})).send(), @r#"
    400
    {"error":"`stores` is not a key of this request","hint":"it takes none"}
    "#);
    assert_snapshot!(scene.control("PUT", "/snapshots/n1?store=shop").send(), @r#"
    400
    {"error":"`store` is not a parameter of this request","hint":"it takes none"}
    "#);
}
