//! Faults over HTTP: what they do to a request, and which definitions are rejected.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Emulator, Response, customers};

/// The response to a definition of a fault.
fn add(emulator: &Emulator, definition: Value) -> Response {
    emulator.control("POST", "/faults").json(definition).nonconforming().send()
}

/// The messages with which definitions are rejected, a line each.
fn rejections(definitions: impl IntoIterator<Item = Value>) -> String {
    let emulator = Emulator::new();
    let messages = definitions.into_iter().map(|definition| {
        let response = add(&emulator, definition.clone());
        assert_eq!(response.status(), 400, "{definition}: {response}");
        response.json()["error"].as_str().expect("a message").to_owned()
    });
    messages.collect::<Vec<_>>().join("\n")
}

#[test]
fn after_commit_with_expire_token_handles_the_request_with_the_token_first() {
    let emulator = Emulator::new();
    emulator.fault(json!({"expire_token": true, "after_commit": true, "times": 1}));
    assert_snapshot!(emulator.upsert(json!({"external_id": "c-1"})), @r#"
    200
    {}
    "#);
    assert_snapshot!(emulator.get(&customers("")), @r#"
    401
    x-yotpo-mock-rule: token.expired
    {"errors":[{"message":"the access token has expired: tokens are valid for 14 days"}]}
    "#);
    assert_eq!(emulator.mock.store("shop").customers().len(), 1);
}

#[test]
fn after_commit_with_expire_token_and_a_status_also_handles_the_request_first() {
    let emulator = Emulator::new();
    emulator.fault(json!({"expire_token": true, "status": 502, "after_commit": true, "times": 1}));
    assert_eq!(emulator.upsert(json!({"external_id": "c-1"})).status(), 502);
    assert_eq!(emulator.mock.store("shop").customers().len(), 1);
    assert_eq!(emulator.get(&customers("")).rule(), Some("token.expired"));
}

#[test]
fn a_header_of_a_fault_replaces_the_emulators() {
    let emulator = Emulator::new();
    let headers = json!({
        "RateLimit-Remaining": 0, "ratelimit-reset": "1", "X-Yotpo-Mock-Request": "9", "Content-Type": "text/plain", "Date": "today"
    });
    emulator.fault(json!({"headers": headers}));
    let response = emulator.get(&customers(""));
    let values = |response: &Response, name: &str| {
        let values = response.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value);
        format!("{name}: {}", values.collect::<Vec<_>>().join(" and "))
    };
    let names =
        ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-yotpo-mock-request", "content-type", "date"];
    assert_snapshot!(names.map(|name| values(&response, name)).join("\n"), @r#"
    ratelimit-limit: 5
    ratelimit-remaining: 0
    ratelimit-reset: 1
    x-yotpo-mock-request: 9
    content-type: text/plain
    date: today
    "#);
    emulator.mock.clear_faults();
    emulator.fault(json!({"status": 429, "headers": {"Retry-After": 7}}));
    assert_eq!(values(&emulator.get(&customers("")), "retry-after"), "retry-after: 7");
}

#[test]
fn a_fault_that_http_cannot_send_is_rejected() {
    assert_snapshot!(rejections([
        json!({"headers": {"Content-Length": 3}}),
        json!({"headers": {"connection": "close"}}),
        json!({"headers": {"TRANSFER-ENCODING": "chunked"}}),
        json!({"status": 204, "body": {"a": 1}}),
        json!({"status": 304, "malformed_json": true}),
        json!({"status": 204, "truncate_bytes": 0}),
        json!({"status": 204, "drip_bytes_per_second": 1}),
    ]), @r#"
    `headers.Content-Length` is set by HTTP itself: use `connection` to end the connection, `truncate_bytes` for a body that is shorter than its length, and `content_type` for the type
    `headers.connection` is set by HTTP itself: use `connection` to end the connection, `truncate_bytes` for a body that is shorter than its length, and `content_type` for the type
    `headers.TRANSFER-ENCODING` is set by HTTP itself: use `connection` to end the connection, `truncate_bytes` for a body that is shorter than its length, and `content_type` for the type
    a response with `status` 204 has no body: it goes neither with `body` nor with a change of one
    a response with `status` 304 has no body: it goes neither with `body` nor with a change of one
    a response with `status` 204 has no body: it goes neither with `body` nor with a change of one
    a response with `status` 204 has no body: it goes neither with `body` nor with a change of one
    "#);
}

#[test]
fn a_match_that_no_request_can_have_is_rejected() {
    let with = |criteria: Value| json!({"status": 503, "match": criteria});
    assert_snapshot!(rejections([
        with(json!({"method": "patch"})),
        with(json!({"method": "DELETE"})),
        with(json!({"path": "/nowhere"})),
        with(json!({"path": "/core/v3/stores/shop/customers/"})),
        with(json!({"path": "/core/v3/stores/shop/orders"})),
        with(json!({"path": "/_mock/health"})),
        with(json!({"path": format!("/core/v3/stores/{}/customers", "s".repeat(512))})),
        with(json!({"store": "s".repeat(513)})),
        with(json!({"operation": "retrieveCustomers", "method": "PATCH"})),
        with(json!({"operation": "upsertCustomer", "path": "/core/v3/stores/shop/customer_events"})),
        with(json!({"query": []})),
        with(json!({"headers": ["a"]})),
        with(json!({"query": {"limit": 1}})),
    ]), @r#"
    `match.method` is `patch`: use a method in capitals: methods are case-sensitive
    no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply
    no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply
    no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply
    no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply
    no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply
    `match.path` is `/core/v3/stores/ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss…`: the journal cuts it after 512 bytes, so use a shorter one
    `match.store` is `ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss…`: the journal cuts it after 512 bytes, so use a shorter one
    `match.method` is `PATCH`: no request has that, since `retrieveCustomers` has `GET` and `HEAD`
    `match.path` is `/core/v3/stores/shop/customer_events`: no request has that, since `upsertCustomer` has `/core/v3/stores/{store_id}/customers`
    `match.query` is `[]`: use an object with string values
    `match.headers` is `["a"]`: use an object with string values
    `match.query.limit` is `1`: use a string, an array of two or more strings if it is repeated, or null if it is absent
    "#);
}

#[test]
fn every_operation_can_be_matched_by_its_method_and_path() {
    let emulator = Emulator::new();
    for (method, path) in [
        ("POST", "/core/v3/stores/shop/access_tokens"),
        ("POST", "/oauth/token"),
        ("GET", "/core/v3/stores/shop/customers"),
        ("HEAD", "/core/v3/stores/shop/customers"),
        ("PATCH", "/core/v3/stores/sh%20op/%63ustomers"),
        ("PATCH", "/core/v3/stores/shop/customer_events"),
        ("POST", "/core/v3/stores/shop/customer_events"),
    ] {
        let id = emulator.fault(json!({"status": 503, "match": {"method": method, "path": path}, "times": 1}));
        let response = emulator.request(method, path).send();
        assert_eq!(response.header("x-yotpo-mock-fault"), Some(&*id.to_string()), "{method} {path}");
    }
}

#[test]
fn faults_and_verifications_match_alike() {
    let emulator = Emulator::new();
    for (criteria, is_match) in [
        (json!({"body": {"customer": {"custom_properties": {"size": 1.0}}}}), true),
        (json!({"body": {"customer": {"custom_properties": {"size": 1}}}}), true),
        (json!({"body": {"customer": {"custom_properties": {"size": 1.5}}}}), false),
        (json!({"body": {"customer": {"custom_properties": {"size": "1"}}}}), false),
        (json!({"query": {"a": ["1", "2"]}}), true),
        (json!({"query": {"a": "2"}}), false),
        (json!({"headers": {"X-Test": "yes"}}), true),
        (json!({"headers": {"x-test": null}}), false),
    ] {
        let id = emulator.fault(json!({"status": 503, "match": criteria}));
        let body = json!({"customer": {"external_id": "c-1", "custom_properties": {"size": 1}}});
        let response =
            emulator.request("PATCH", &customers("?a=1&a=2")).header("X-Test", "yes").json(body).nonconforming().send();
        assert_eq!(response.status() == 503, is_match, "{criteria}");
        let mut expectation = criteria.clone();
        expectation["count"] = 1.into();
        let verified = emulator.control("POST", "/requests/verify").json(expectation).nonconforming().send();
        assert_eq!(verified.status() == 200, is_match, "{criteria}: {verified}");
        emulator.control("DELETE", &format!("/faults/{id}")).send();
        emulator.control("DELETE", "/requests").send();
    }
}
