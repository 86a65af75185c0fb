//! What happened, and whether it did so many times.

use std::io::Write;
use std::net::TcpStream;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{ACCESS_TOKENS, Emulator, Response, customers, wait_until};

/// The journal's answer less what varies from run to run.
fn steady(response: &Response) -> String {
    let mut body = response.json();
    for request in body["requests"].as_array_mut().expect("a list") {
        request["duration_us"] = 0.into();
        let headers = request["request"]["headers"].as_object_mut().expect("an object");
        headers.retain(|name, _| !["host", "user-agent", "accept", "accept-encoding"].contains(&name.as_str()));
    }
    serde_json::to_string_pretty(&body).expect("JSON can be written")
}

fn numbers(response: &Response) -> Vec<u64> {
    let body = response.json();
    let requests = body["requests"].as_array().expect("a list").iter();
    requests.map(|request| request["number"].as_u64().expect("a number")).collect()
}

fn list(emulator: &Emulator, query: &str) -> Response {
    emulator.control("GET", &format!("/requests{query}")).send()
}

fn verify(emulator: &Emulator, expected: Value) -> Response {
    emulator.control("POST", "/requests/verify").json(expected).send()
}

#[test]
fn requests_are_listed_newest_first() {
    let emulator = Emulator::undeclared();
    emulator.request("GET", &customers("?limit=5&email=a&email=b")).nonconforming().send();
    emulator.upsert(json!({"email": "ann@example.com", "gender": "f"}));
    assert_snapshot!(steady(&list(&emulator, "")), @r#"
    {
      "next_before": null,
      "requests": [
        {
          "at": "2026-01-01T00:00:00Z",
          "duration_us": 0,
          "fault": null,
          "method": "PATCH",
          "notes": [
            {
              "fields": [],
              "id": "token.undeclared"
            }
          ],
          "number": 2,
          "operation": "upsertCustomer",
          "path": "/core/v3/stores/shop/customers",
          "request": {
            "body": {
              "customer": {
                "email": "ann@example.com",
                "gender": "f"
              }
            },
            "body_bytes": 53,
            "body_cut": false,
            "headers": {
              "content-length": "53",
              "content-type": "application/json",
              "x-yotpo-token": "[redacted]"
            },
            "query": {}
          },
          "response": {
            "body": {
              "errors": [
                {
                  "message": "customer.gender must be `F`, `M` or `Other` (got `f`)"
                }
              ]
            },
            "body_bytes": 80,
            "body_cut": false,
            "headers": {
              "content-type": "application/json",
              "ratelimit-limit": "5",
              "ratelimit-remaining": "5",
              "ratelimit-reset": "0",
              "x-yotpo-mock-note": "token.undeclared: a token that nobody issued was accepted because this store is not declared",
              "x-yotpo-mock-request": "2",
              "x-yotpo-mock-rule": "customer.gender.enum"
            }
          },
          "rules": [
            "customer.gender.enum"
          ],
          "status": 400,
          "store": "shop"
        },
        {
          "at": "2026-01-01T00:00:00Z",
          "duration_us": 0,
          "fault": null,
          "method": "GET",
          "notes": [
            {
              "fields": [],
              "id": "token.undeclared"
            },
            {
              "fields": [
                "email"
              ],
              "id": "query.repeated_parameter"
            }
          ],
          "number": 1,
          "operation": "retrieveCustomers",
          "path": "/core/v3/stores/shop/customers",
          "request": {
            "body": null,
            "body_bytes": null,
            "body_cut": false,
            "headers": {
              "content-length": "0",
              "x-yotpo-token": "[redacted]"
            },
            "query": {
              "email": [
                "a",
                "b"
              ],
              "limit": "5"
            }
          },
          "response": {
            "body": {
              "customers": [],
              "pagination": {
                "next_page_info": null
              }
            },
            "body_bytes": 53,
            "body_cut": false,
            "headers": {
              "content-type": "application/json",
              "ratelimit-limit": "5",
              "ratelimit-remaining": "5",
              "ratelimit-reset": "0",
              "x-yotpo-mock-note": [
                "token.undeclared: a token that nobody issued was accepted because this store is not declared",
                "query.repeated_parameter: a parameter was sent twice and its last value counts"
              ],
              "x-yotpo-mock-request": "1"
            }
          },
          "rules": [],
          "status": 200,
          "store": "shop"
        }
      ],
      "total": 2
    }
    "#);
}

#[test]
fn filters_combine_and_lists_are_paged() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    emulator.upsert(json!({"email": "ann@example.com"}));
    emulator.upsert(json!({}));
    let unknown = "/core/v3/stores/other/customers?colour=red";
    emulator.request("GET", unknown).nonconforming().send();
    emulator.get("/nowhere");
    for (query, expected) in [
        ("", &[5, 4, 3, 2, 1][..]),
        ("?store=shop", &[3, 2, 1]),
        ("?store=nobody", &[]),
        ("?operation=retrieveCustomers", &[4, 1]),
        ("?method=PATCH&status=200", &[2]),
        ("?path=/nowhere", &[5]),
        ("?status=404", &[5]),
        ("?rule=customer.identifier.missing", &[3]),
        ("?note=query.unknown_parameter", &[4]),
        ("?note=token.undeclared&store=shop", &[3, 2, 1]),
        ("?after=3", &[5, 4]),
        ("?before=3", &[2, 1]),
        ("?limit=2", &[5, 4]),
        ("?after=5", &[]),
    ] {
        assert_eq!(numbers(&list(&emulator, query)), expected, "{query}");
    }
    let first = list(&emulator, "?limit=2").json();
    assert_eq!((&first["total"], &first["next_before"]), (&json!(5), &json!(4)));
    assert_eq!(list(&emulator, "?limit=5").json()["next_before"], json!(null));
}

#[test]
fn a_filter_that_nothing_can_match_is_rejected() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(list(&emulator, "?stroe=shop"), @r#"
    400
    {
      "error":"`stroe` is not a parameter of this request",
      "hint":"it has `store`, `operation`, `method`, `path`, `status`, `rule`, `note`, `after`, `before` and `limit`"
    }
    "#);
    assert_snapshot!(list(&emulator, "?status=9999"), @r#"
    400
    {
      "error":"`status` is `9999`",
      "hint":"use an integer from 100 to 599, or 0 for requests without a response"
    }
    "#);
    assert_snapshot!(list(&emulator, "?status=ok"), @r#"
    400
    {
      "error":"`status` is `ok`",
      "hint":"use an integer from 100 to 599, or 0 for requests without a response"
    }
    "#);
    assert_snapshot!(list(&emulator, "?operation=upsertCustomers"), @r#"
    400
    {
      "error":"`operation` is `upsertCustomers`",
      "hint":"there are `createAccessToken`, `createOauthToken`, `retrieveCustomers`, `upsertCustomer` and `upsertCustomerEvent`"
    }
    "#);
    assert_snapshot!(list(&emulator, "?rule=customer.nose"), @r#"
    400
    {
      "error":"`rule` is `customer.nose`",
      "hint":"the header `X-Yotpo-Mock-Rule` of a rejection names its rules"
    }
    "#);
    assert_snapshot!(list(&emulator, "?note=customer.nose"), @r#"
    400
    {
      "error":"`note` is `customer.nose`",
      "hint":"there are `token.undeclared`, `events.endpoint`, `events.not_snake_case`, `events.body_unwrapped`, `events.method_post`, `events.field_alias`, `customers.phone_number`, `customers.custom_properties`, `customers.read_only_field`, `customers.unknown_field`, `customers.coerced`, `cursor.extra_parameters`, `cursor.empty`, `query.repeated_parameter`, `query.untrimmed_id`, `query.space_in_email`, `query.unknown_expand`, `query.unknown_parameter`, `query.combined_filters`, `body.on_get` and `query.unescaped_plus`"
    }
    "#);
    assert_snapshot!(list(&emulator, "?store="), @r#"
    400
    {"error":"`store` is empty","hint":"name a value, or leave the parameter out"}
    "#);
    assert_snapshot!(list(&emulator, "?limit=0"), @r#"
    400
    {"error":"`limit` is `0`","hint":"it is a whole number from 1 to 1000"}
    "#);
    assert_snapshot!(list(&emulator, "?after=-1"), @r#"
    400
    {"error":"`after` is `-1`","hint":"it is a whole number from 0 to 18446744073709551615"}
    "#);
}

#[test]
fn requests_are_cleared_and_numbers_continue() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    emulator.get("/core/v3/stores/other/customers");
    emulator.get("/nowhere");
    assert_snapshot!(emulator.control("DELETE", "/requests?store=shop").send(), @"
    200
    {}
    ");
    assert_eq!(numbers(&list(&emulator, "")), [3, 2]);
    emulator.control("DELETE", "/requests").send();
    assert_eq!(numbers(&list(&emulator, "")), [0; 0]);
    emulator.get(&customers(""));
    assert_eq!(numbers(&list(&emulator, "")), [4]);
    assert_eq!(emulator.control("DELETE", "/requests?operation=x").send().status(), 400);
}

#[test]
fn tokens_and_secrets_are_never_shown() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "hush-1").journal_body_bytes(200));
    let issued = emulator.token("shop", "hush-1").json()["access_token"].as_str().unwrap().to_owned();
    let oauth =
        |content_type: &str, body: &str| emulator.anonymous("POST", "/oauth/token").body(content_type, body).send();
    let form = "application/x-www-form-urlencoded";
    oauth(form, "client_id=shop&client_secret=hush-1&grant_type=client_credentials");
    oauth(form, "client_id=shop&client%5Fsecret=hush-2&grant_type=client_credentials");
    oauth("application/json", r#"{"client_id":"shop","client_secret":"hush-2","access_token":{"a":"hush-3"}}"#);
    oauth("application/json", r#"{"client_id":"shop","client_\u0073ecret":"hush-2""#);
    oauth("text/plain", "hush");
    emulator
        .anonymous("POST", ACCESS_TOKENS)
        .body("application/json", format!(r#"{{"secret":"hush-4","filler":"{}"}}"#, "x".repeat(300)))
        .send();
    emulator
        .anonymous("GET", &customers(&format!("?access_token={issued}&secret=hush-5&client_secret=hush-6")))
        .nonconforming()
        .header("Authorization", "Bearer hush-7")
        .header("Cookie", "session=hush-8")
        .header("Referer", "http://x/?access_token=hush-9")
        .send();
    emulator
        .anonymous("PATCH", &customers(""))
        .token(&issued)
        .nonconforming()
        .json(json!({"customer": {"external_id": "c-1", "custom_properties": {"Secret": "hush-10"}}}))
        .send();
    let listed = list(&emulator, "").to_string();
    let debugged = format!("{:?}", emulator.mock.requests().entries());
    let nearest = verify(
        &emulator,
        json!({"after": 8, "count": 1, "status": 599, "body": "x", "headers": {"x-yotpo-token": null}, "query": {"secret": null}}),
    );
    let nearest = nearest.to_string();
    for text in [&listed, &debugged, &nearest] {
        for secret in ["hush", &issued] {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
        assert!(text.contains("[redacted]"));
    }
    assert_eq!(emulator.mock.requests().count(), 9);
    let body = |number: u64| {
        list(&emulator, &format!("?after={}&before={}", number - 1, number + 1)).json()["requests"][0]["request"]["body"]
            .clone()
    };
    assert_snapshot!((1..=9).map(|number| body(number).to_string()).collect::<Vec<_>>().join("\n"), @r#"
    {"secret":"[redacted]"}
    "client_id=shop&client_secret=[redacted]&grant_type=client_credentials"
    "client_id=shop&client%5Fsecret=[redacted]&grant_type=client_credentials"
    {"access_token":"[redacted]","client_id":"shop","client_secret":"[redacted]"}
    "{\"client_id\":\"shop\",\"client_\\u0073ecret[redacted]"
    null
    "{\"secret[redacted]"
    null
    {"customer":{"custom_properties":{"Secret":"[redacted]"},"external_id":"c-1"}}
    "#);
    let token = list(&emulator, "?before=2").json()["requests"][0]["response"]["body"].clone();
    assert_eq!(token, json!({"access_token": "[redacted]"}));
}

#[test]
fn long_bodies_are_truncated_and_marked_with_their_length() {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_body_bytes(40));
    emulator.upsert(json!({"external_id": "c-1", "first_name": "€".repeat(20)}));
    emulator.get(&customers(""));
    let listed = list(&emulator, "").json();
    let part = |at: usize, part: &str| {
        let message = &listed["requests"][at][part];
        format!("{} {} {}", message["body"], message["body_bytes"], message["body_cut"])
    };
    assert_snapshot!(part(1, "request"), @r#""{\"customer\":{\"external_id\":\"c-1\",\"first_" 110 true"#);
    assert_snapshot!(part(1, "response"), @"{} 2 false");
    assert_snapshot!(part(0, "request"), @"null null false");
    assert_snapshot!(part(0, "response"), @r#""{\"customers\":[{\"external_id\":\"c-1\",\"emai" 465 true"#);
}

#[test]
fn a_request_without_a_body_has_none_in_the_journal_whatever_its_response() {
    let emulator = Emulator::new();
    emulator.anonymous("GET", &customers("")).send();
    emulator.get(&customers("?limit=0"));
    emulator.get("/elsewhere");
    emulator.raw_get(&customers(""));
    emulator.raw(format!("PATCH {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", customers("")).as_bytes());
    let listed = list(&emulator, "").json();
    let bodies = listed["requests"].as_array().unwrap().iter().map(|entry| {
        let request = &entry["request"];
        format!("{} {} {}", entry["status"], request["body"], request["body_bytes"])
    });
    assert_snapshot!(bodies.collect::<Vec<_>>().join("; "), @"401 null null; 401 null null; 404 null null; 400 null null; 401 null null");
}

#[test]
fn a_partial_body_is_recorded_as_received() {
    let emulator = Emulator::undeclared_with(|builder| builder.body_limit(100));
    let send = |text: &str| emulator.raw(text.as_bytes());
    let path = customers("");
    send(&format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{{"
    ));
    send(&format!("PATCH {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"));
    let mut socket = TcpStream::connect(emulator.address()).unwrap();
    write!(
        socket,
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nContent-Length: 50\r\n\r\n{{\"customer\""
    )
    .unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    wait_until("the request is recorded", || emulator.mock.requests().count() == 3);
    let entries = emulator.mock.requests().entries();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let request = &entry.request;
            let (bytes, cut) = (request.body_bytes(), request.body_is_cut());
            format!("{} {} {bytes:?} {cut}", entry.status, request.body())
        })
        .collect();
    assert_snapshot!(entries.join("\n"), @r#"
    413 "" Some(1000) true
    401 {} Some(2) false
    400 "{\"customer\"" Some(50) true
    "#);
}

#[test]
fn the_journal_is_bounded_by_entries_and_by_bytes() {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_entries(2));
    (0..5).for_each(|_| drop(emulator.get("/nowhere")));
    assert_eq!(numbers(&list(&emulator, "")), [5, 4]);

    let emulator = Emulator::undeclared_with(|builder| builder.journal_bytes(50_000).journal_body_bytes(10_000));
    for at in 0..20 {
        emulator.upsert(json!({"external_id": format!("c-{at}"), "tags": "x".repeat(9000)}));
    }
    let kept = numbers(&list(&emulator, ""));
    assert!((4..=5).contains(&kept.len()) && kept[0] == 20, "{kept:?}");

    let emulator = Emulator::undeclared_with(|builder| builder.journal_bytes(1));
    (0..3).for_each(|_| drop(emulator.get("/nowhere")));
    assert_eq!(numbers(&list(&emulator, "")), [3], "the latest is kept however large it is");
}

#[test]
fn the_response_to_head_has_no_body() {
    let emulator = Emulator::undeclared();
    emulator.request("HEAD", &customers("")).send();
    let entry = &emulator.mock.requests().entries()[0];
    assert_eq!((entry.response.body(), entry.response.body_bytes()), (Value::Null, None));
}

#[test]
fn a_rust_test_reads_the_same() {
    let emulator = Emulator::undeclared();
    emulator
        .request("PATCH", &customers("?colour=red"))
        .nonconforming()
        .header("X-Trace", "7")
        .json(json!({"customer": {"external_id": "c-1"}}))
        .send();
    let entry = &emulator.mock.requests().entries()[0];
    assert_eq!(entry.query(), json!({"colour": "red"}));
    assert_eq!(entry.request.header("x-TRACE").as_deref(), Some("7"));
    assert_eq!(entry.request.header("x-yotpo-token").as_deref(), Some("[redacted]"));
    assert_eq!(entry.request.header("x-other"), None);
    assert_eq!(entry.request.body(), json!({"customer": {"external_id": "c-1"}}));
    assert_eq!(entry.response.body(), json!({}));
    assert_eq!(entry.response.headers()["x-yotpo-mock-request"], "1");
}

#[test]
fn verify_counts_matching_requests() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Ann"}));
    emulator.upsert(json!({"email": "bob@example.com", "tags": null}));
    emulator.get(&customers("?limit=5"));
    let once = |mut expected: Value| {
        expected["count"] = 1.into();
        expected
    };
    assert_snapshot!(verify(&emulator, once(json!({"body": {"customer": {"email": "ann@example.com"}}}))), @r#"
    200
    {"matched":1}
    "#);
    for expected in [
        once(json!({"store": "shop", "operation": "upsertCustomer", "body": {"customer": {"first_name": null}}})),
        once(json!({"method": "GET", "path": "/core/v3/stores/shop/customers", "status": 200})),
        once(json!({"query": {"limit": "5", "email": null}})),
        once(json!({"headers": {"Content-Type": null, "X-Yotpo-Token": "[redacted]"}})),
        once(json!({"body": null})),
        json!({"headers": {"CONTENT-type": "application/json"}, "count": 2}),
        json!({"note": "token.undeclared", "rule": null, "at_least": 3}),
        json!({"at_least": 2, "at_most": 3}),
        json!({"store": "other", "count": 0}),
        json!({"rule": "customer.identifier.missing", "at_most": 0}),
        json!({"store": null, "operation": null, "at_most": 0}),
    ] {
        let response = verify(&emulator, expected.clone());
        assert_eq!(response.status(), 200, "{expected}: {response}");
    }
}

#[test]
fn a_failed_verification_lists_the_nearest_requests() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Anna"}));
    emulator.upsert(json!({"email": "ann@example.org", "first_name": "Anna"}));
    let expected = json!({
        "operation": "upsertCustomer",
        "body": {"customer": {"email": "ann@example.com", "first_name": "Ann"}},
        "count": 1,
    });
    assert_snapshot!(verify(&emulator, expected), @r#"
    409
    {
      "actual":0,
      "expected":1,
      "nearest":[
        {"differences":[{"expected":"Ann","found":"Anna","path":"body.customer.first_name"}],"number":2},
        {
          "differences":[
            {"expected":"ann@example.com","found":"ann@example.org","path":"body.customer.email"},
            {"expected":"Ann","found":"Anna","path":"body.customer.first_name"}
          ],
          "number":3
        },
        {
          "differences":[
            {
              "expected":{"customer":{"email":"ann@example.com","first_name":"Ann"}},
              "found":null,
              "path":"body"
            },
            {"expected":"upsertCustomer","found":"retrieveCustomers","path":"operation"}
          ],
          "number":1
        }
      ]
    }
    "#);
    assert_snapshot!(verify(&emulator, json!({"operation": "upsertCustomer", "at_most": 1})), @r#"
    409
    {
      "actual":2,
      "expected":{"at_least":0,"at_most":1},
      "nearest":[{"differences":[],"number":3},{"differences":[],"number":2}]
    }
    "#);
    assert_snapshot!(verify(&emulator, json!({"store": "shop", "at_least": 4})), @r#"
    409
    {"actual":3,"expected":{"at_least":4},"nearest":[]}
    "#);
    let of_another = verify(&emulator, json!({"store": "other", "operation": "upsertCustomer", "count": 1}));
    assert_snapshot!(of_another, @r#"
    409
    {
      "actual":0,
      "expected":1,
      "nearest":[],
      "warning":"store `other` does not exist; `GET /_mock/stores` lists all stores"
    }
    "#);
    (0..9).for_each(|_| drop(emulator.get("/nowhere")));
    let nearest = verify(&emulator, json!({"path": "/somewhere", "at_least": 1, "at_most": 2})).json();
    assert_eq!(nearest["nearest"].as_array().map(Vec::len), Some(5));
    assert_eq!(
        (&nearest["expected"], &nearest["nearest"][0]["number"]),
        (&json!({"at_least": 1, "at_most": 2}), &json!(12))
    );
}

#[test]
fn an_expectation_that_nothing_can_match_is_rejected() {
    let emulator = Emulator::undeclared();
    for (expected, message) in [
        (json!({"stroe": "shop", "count": 1}), "unknown field `stroe`"),
        (json!({"count": -1}), "`count` must be a whole number from 0 to 18446744073709551615, and is `-1`"),
        (json!({"count": 1.5}), "`count` must be a whole number from 0 to 18446744073709551615, and is `1.5`"),
        (json!({"count": null}), "`count` must be a whole number from 0 to 18446744073709551615, and is `null`"),
        (json!({"at_least": "1"}), "`at_least` must be a whole number from 0 to 18446744073709551615, and is `\"1\"`"),
        (json!({"count": 1, "at_least": 1}), "`count` excludes `at_least` and `at_most`"),
        (json!({"at_least": 2, "at_most": 1}), "`at_least` is `2` and `at_most` is `1`"),
        (json!({"store": "shop"}), "the expected number of requests is missing"),
        (json!({"status": 9999, "count": 1}), "`status` is `9999`"),
        (json!({"status": "200", "count": 1}), "`status` is `200`"),
        (json!({"operation": "upsert", "count": 1}), "`operation` is `upsert`"),
        (json!({"rule": "nose", "count": 1}), "`rule` is `nose`"),
        (json!({"note": 7, "count": 1}), "`note` is `7`"),
        (json!({"method": "", "count": 1}), "`method` is ``"),
        (json!({"path": null, "count": 1}), "`path` is `null`"),
        (json!({"store": "", "count": 1}), "`store` is ``"),
        (json!({"store": 7, "count": 1}), "`store` is `7`"),
        (json!({"query": "a=b", "count": 1}), "`query` is `a=b`"),
        (json!({"query": {"limit": 5}, "count": 1}), "`query.limit` is `5`"),
        (json!({"headers": {"Accept": [1]}, "count": 1}), "`headers.Accept` is `[1]`"),
        (json!({"headers": {"Accept": ["*/*"]}, "count": 0}), "`headers.Accept` is `[\"*/*\"]`"),
        (json!({"query": {"limit": []}, "count": 0}), "`query.limit` is `[]`"),
        (json!({"headers": {"X-Yotpo-Token": "t-1"}, "count": 0}), "`headers.X-Yotpo-Token` is `[hidden]`"),
        (json!({"query": {"access_token": "t-1"}, "count": 0}), "`query.access_token` is `[hidden]`"),
        (json!({"body": {"secret": "s-1"}, "at_most": 0}), "`body.secret` is `[hidden]`"),
        (json!({"path": "/a b", "count": 0}), "`path` is `/a b`"),
    ] {
        let response = verify(&emulator, expected.clone());
        assert_eq!(response.status(), 400, "{expected}");
        assert_eq!(response.json()["error"], message, "{expected}");
    }
    assert_eq!(emulator.control("POST", "/requests/verify?store=shop").json(json!({"count": 0})).send().status(), 400);
}

#[test]
fn nothing_is_verified_that_the_journal_has_evicted() {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_entries(2));
    (0..3).for_each(|_| drop(emulator.get(&customers(""))));
    assert_snapshot!(verify(&emulator, json!({"operation": "upsertCustomer", "count": 0})), @r#"
    410
    {
      "error":"the journal has evicted requests up to #1, so their number is unknown",
      "hint":"raise `--journal-entries` and `--journal-bytes`, or send `\"after\":1` to count only later ones"
    }
    "#);
    assert_snapshot!(verify(&emulator, json!({"store": "shop", "at_most": 5})), @r#"
    410
    {
      "error":"the journal has evicted requests up to #1, so their number is unknown",
      "hint":"raise `--journal-entries` and `--journal-bytes`, or send `\"after\":1` to count only later ones"
    }
    "#);
    for (expected, status) in [
        (json!({"store": "shop", "count": 3}), 410),
        (json!({"store": "shop", "at_least": 3}), 410),
        (json!({"store": "shop", "at_least": 1, "at_most": 9}), 410),
        (json!({"store": "shop", "at_least": 2}), 200),
        (json!({"store": "shop", "count": 1}), 409),
        (json!({"store": "shop", "at_most": 0}), 409),
        (json!({"store": "other", "count": 0}), 200),
        (json!({"store": "shop", "after": 1, "count": 2}), 200),
        (json!({"after": 1, "operation": "upsertCustomer", "count": 0}), 200),
    ] {
        assert_eq!(verify(&emulator, expected.clone()).status(), status, "{expected}");
    }
    emulator.control("DELETE", "/requests?store=shop").send();
    assert_eq!(verify(&emulator, json!({"store": "shop", "count": 0})).status(), 200, "a test starts afresh");
    assert_eq!(verify(&emulator, json!({"count": 0})).status(), 200);
}

#[test]
fn a_body_is_not_verified_if_the_journal_has_only_a_part() {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_body_bytes(40));
    emulator.upsert(json!({"external_id": "c-1", "first_name": "x".repeat(40)}));
    emulator.upsert(json!({"external_id": "c-2"}));
    assert_snapshot!(verify(&emulator, json!({"body": {"customer": {"external_id": "c-3"}}, "count": 0})), @r#"
    410
    {
      "error":"the body of #1 was truncated and cannot be compared",
      "hint":"raise `--journal-body-bytes`, or leave out `body`"
    }
    "#);
    for (expected, status) in [
        (json!({"body": {"customer": {"external_id": "c-2"}}, "count": 1}), 410),
        (json!({"body": {"customer": {"external_id": "c-2"}}, "at_least": 1}), 410),
        (json!({"body": {"customer": {"external_id": "c-2"}}, "after": 1, "count": 1}), 200),
        (json!({"body": {"customer": {"external_id": "c-2"}}, "operation": "upsertCustomerEvent", "count": 0}), 200),
        (json!({"operation": "upsertCustomer", "count": 2}), 200),
    ] {
        assert_eq!(verify(&emulator, expected.clone()).status(), status, "{expected}");
    }
}

#[test]
fn a_busy_store_does_not_evict_the_requests_of_another() {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_entries(2));
    emulator.get(&customers(""));
    emulator.get("/nowhere");
    (0..5).for_each(|_| drop(emulator.get("/core/v3/stores/busy/customers")));
    assert_eq!(numbers(&list(&emulator, "")), [7, 6, 2, 1]);

    let emulator = Emulator::undeclared_with(|builder| builder.journal_bytes(50_000));
    emulator.upsert(json!({"external_id": "c-1", "tags": "x".repeat(9000)}));
    let busy = |_| {
        let write = json!({"customer": {"external_id": "c-1", "tags": "x".repeat(9000)}});
        emulator.request("PATCH", "/core/v3/stores/busy/customers").json(write).send();
    };
    (0..20).for_each(busy);
    let kept = numbers(&list(&emulator, ""));
    assert_eq!((kept[0], kept[kept.len() - 1]), (21, 1), "{kept:?}");
    assert!((4..=5).contains(&kept.len()), "{kept:?}");
}

#[test]
fn one_request_is_read_by_its_number() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    let number = emulator.upsert(json!({"external_id": "c-1"})).header("x-yotpo-mock-request").unwrap().to_owned();
    let one = emulator.control("GET", &format!("/requests/{number}")).send();
    assert_eq!((one.status(), &one.json()), (200, &list(&emulator, "?after=1").json()["requests"][0]));
    assert_snapshot!(emulator.control("GET", "/requests/3").send(), @r#"
    404
    {
      "error":"there is no request `3` in the journal",
      "hint":"`GET /_mock/requests` lists the requests that the journal holds"
    }
    "#);
    assert_eq!(emulator.control("GET", "/requests/last").send().status(), 404);
    assert_eq!(emulator.control("GET", "/requests/1?store=shop").send().status(), 400);
    assert_eq!(emulator.control("POST", "/requests/1").send().status(), 405);
    assert_eq!(emulator.control("GET", "/requests/verify").send().status(), 405);
}

#[test]
fn a_token_in_a_path_is_hidden_in_the_journal_and_the_report() {
    let emulator = Emulator::undeclared();
    let token = emulator.token("shop", "any").json()["access_token"].as_str().expect("a token").to_owned();
    let encoded = token.replace('_', "%5F");
    for path in [
        format!("/core/v3/stores/shop/customers/{token}"),
        format!("/core/v3/stores/{encoded}/customers"),
        format!("/access_token={token}"),
        format!("/{}", encoded.replace('%', "%25")),
    ] {
        emulator.raw_get(&path);
    }
    let shown = [list(&emulator, ""), emulator.control("GET", "/report").send()].map(|response| response.to_string());
    for shown in shown {
        assert!(shown.contains("[redacted]") && !shown.contains(&token) && !shown.contains("5F"), "{shown}");
    }
}

#[test]
fn a_match_that_no_ordinary_request_meets_is_warned_of_or_rejected() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    let answer = |response: Response| {
        let body = response.json();
        let text = if body["error"].is_null() { &body["warning"] } else { &body["error"] };
        format!("{} {}", response.status(), text.as_str().unwrap_or("nothing"))
    };
    let mut answers = Vec::new();
    for expected in [
        json!({"operation": "upsertCustomer", "method": "GET"}),
        json!({"operation": "retrieveCustomers", "path": "/oauth/token"}),
        json!({"store": "shop", "path": "/core/v3/stores/other/customers"}),
        json!({"store": "a b", "path": "/core/v3/stores/a%20b/customers"}),
        json!({"headers": {"x y": "1"}}),
        json!({"operation": "retrieveCustomers", "query": {"emial": "a@b.co", "limit": "1"}}),
        json!({"operation": "retrieveCustomers", "body": {"a": 1}}),
        json!({"operation": "upsertCustomer", "query": {"limit": "1"}}),
        json!({"operation": "upsertCustomer", "body": {"customr": {}}}),
        json!({"operation": "upsertCustomer", "body": {"customer": {"emial": "a@b.co", "address": {"planet": 1}}}}),
        json!({"operation": "upsertCustomerEvent", "body": {"customer_event": {"customer": {"emial": 1}, "event_type": 1}}}),
        json!({"operation": "upsertCustomerEvent", "body": {"type": "t", "unique_di": 1}}),
        json!({"operation": "createAccessToken", "body": {"secrt": "x"}}),
        json!({"query": {"emial": "a@b.co"}}),
        json!({"method": "GET", "query": {"emial": "a@b.co"}}),
        json!({"path": "/core/v3/stores/shop/customers", "body": {"customer": {"address": {"ctiy": "Bonn"}}}}),
        json!({"body": {"customer_event": {"customer": {"address": {"planet": 1}}}}}),
        json!({"method": "POST", "body": {"customer": {"emial": 1}, "secret": "x", "grant_typ": "y"}}),
    ] {
        let fault = answer(emulator.control("POST", "/faults").json(json!({"match": expected, "status": 503})).send());
        emulator.control("DELETE", "/faults").send();
        let mut expectation = expected.clone();
        expectation["count"] = 0.into();
        let verified = answer(emulator.control("POST", "/requests/verify").json(expectation).send());
        answers.push(format!("{expected}\n  fault: {fault}\n  verify: {verified}"));
    }
    for expectation in [
        json!({"rule": "customer.gender.enum", "status": 200, "count": 0}),
        json!({"at_least": 0}),
        json!({"after": 2, "count": 0}),
        json!({"after": 1, "count": 0}),
    ] {
        let verified = answer(emulator.control("POST", "/requests/verify").json(expectation.clone()).send());
        answers.push(format!("{expectation}\n  verify: {verified}"));
    }
    answers.push(format!("list after 2: {}", answer(emulator.control("GET", "/requests?after=2").send())));
    for fault in [
        json!({"match": {"operation": "createAccessToken"}, "expire_token": true}),
        json!({"match": {"path": "/oauth/token"}, "expire_token": true}),
        json!({"match": {"operation": "retrieveCustomers"}, "status": 503, "after_commit": true}),
        json!({"match": {"method": "GET"}, "delay_ms": 5, "after_commit": true}),
        json!({"match": {"path": "/core/v3/stores/shop/customers"}, "status": 503, "after_commit": true}),
    ] {
        answers.push(format!("{fault}\n  {}", answer(emulator.control("POST", "/faults").json(fault.clone()).send())));
    }
    answers.push(answer(emulator.control("POST", "/seed").json(json!({"stores": []})).send()));
    assert_snapshot!(answers.join("\n"), @r#"
    {"method":"GET","operation":"upsertCustomer"}
      fault: 400 `match.method` is `GET`: no request has that, since `upsertCustomer` has `PATCH`
      verify: 400 `method` is `GET`
    {"operation":"retrieveCustomers","path":"/oauth/token"}
      fault: 400 `match.path` is `/oauth/token`: no request has that, since `retrieveCustomers` has `/core/v3/stores/{store_id}/customers`
      verify: 400 `path` is `/oauth/token`
    {"path":"/core/v3/stores/other/customers","store":"shop"}
      fault: 400 `match.path` is `/core/v3/stores/other/customers`: no request has that, since `store` is `shop`
      verify: 400 `path` is `/core/v3/stores/other/customers`
    {"path":"/core/v3/stores/a%20b/customers","store":"a b"}
      fault: 201 store `a b` does not exist; `GET /_mock/stores` lists all stores
      verify: 200 store `a b` does not exist; `GET /_mock/stores` lists all stores
    {"headers":{"x y":"1"}}
      fault: 400 `match.headers.x y` is `1`: no header can have this name
      verify: 400 `headers.x y` is `1`
    {"operation":"retrieveCustomers","query":{"emial":"a@b.co","limit":"1"}}
      fault: 201 `retrieveCustomers` does not know `query.emial`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `email`?
      verify: 200 `retrieveCustomers` does not know `query.emial`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `email`?
    {"body":{"a":1},"operation":"retrieveCustomers"}
      fault: 201 `retrieveCustomers` has no `body`
      verify: 200 `retrieveCustomers` has no `body`
    {"operation":"upsertCustomer","query":{"limit":"1"}}
      fault: 201 `upsertCustomer` does not know `query.limit`, only `access_token`
      verify: 200 `upsertCustomer` does not know `query.limit`, only `access_token`
    {"body":{"customr":{}},"operation":"upsertCustomer"}
      fault: 201 `upsertCustomer` does not know `body.customr`, only `customer`; did you mean `customer`?
      verify: 200 `upsertCustomer` does not know `body.customr`, only `customer`; did you mean `customer`?
    {"body":{"customer":{"address":{"planet":1},"emial":"a@b.co"}},"operation":"upsertCustomer"}
      fault: 201 `upsertCustomer` does not know `body.customer.emial`, only `external_id`, `email`, `phone_number`, `first_name`, `last_name`, `gender`, `account_created_at`, `account_updated_at`, `account_status`, `default_language`, `default_currency`, `tags`, `address`, `accepts_sms_marketing`, `accepts_email_marketing`, `lists`, `channels`, `custom_properties`, `loyalty` and `yotpo_ugc`; did you mean `email`?; `upsertCustomer` does not know `body.customer.address.planet`, only `address1`, `address2`, `city`, `company`, `state`, `zip`, `province_code`, `country_code` and `phone_number`
      verify: 200 `upsertCustomer` does not know `body.customer.emial`, only `external_id`, `email`, `phone_number`, `first_name`, `last_name`, `gender`, `account_created_at`, `account_updated_at`, `account_status`, `default_language`, `default_currency`, `tags`, `address`, `accepts_sms_marketing`, `accepts_email_marketing`, `lists`, `channels`, `custom_properties`, `loyalty` and `yotpo_ugc`; did you mean `email`?; `upsertCustomer` does not know `body.customer.address.planet`, only `address1`, `address2`, `city`, `company`, `state`, `zip`, `province_code`, `country_code` and `phone_number`
    {"body":{"customer_event":{"customer":{"emial":1},"event_type":1}},"operation":"upsertCustomerEvent"}
      fault: 201 `upsertCustomerEvent` does not know `body.customer_event.customer.emial`, only `external_id`, `email`, `phone_number`, `first_name`, `last_name`, `gender`, `account_created_at`, `account_updated_at`, `account_status`, `default_language`, `default_currency`, `tags`, `address`, `accepts_sms_marketing`, `accepts_email_marketing`, `lists`, `channels`, `custom_properties`, `loyalty` and `yotpo_ugc`; did you mean `email`?
      verify: 200 `upsertCustomerEvent` does not know `body.customer_event.customer.emial`, only `external_id`, `email`, `phone_number`, `first_name`, `last_name`, `gender`, `account_created_at`, `account_updated_at`, `account_status`, `default_language`, `default_currency`, `tags`, `address`, `accepts_sms_marketing`, `accepts_email_marketing`, `lists`, `channels`, `custom_properties`, `loyalty` and `yotpo_ugc`; did you mean `email`?
    {"body":{"type":"t","unique_di":1},"operation":"upsertCustomerEvent"}
      fault: 201 `upsertCustomerEvent` does not know `body.unique_di`, only `customer_event`, `source`, `event_source`, `type`, `event_type`, `event_name`, `name`, `timestamp`, `occurred_at`, `event_timestamp`, `unique_id`, `id`, `event_id`, `properties`, `event_properties` and `customer`; did you mean `unique_id`?
      verify: 200 `upsertCustomerEvent` does not know `body.unique_di`, only `customer_event`, `source`, `event_source`, `type`, `event_type`, `event_name`, `name`, `timestamp`, `occurred_at`, `event_timestamp`, `unique_id`, `id`, `event_id`, `properties`, `event_properties` and `customer`; did you mean `unique_id`?
    {"body":{"secrt":"x"},"operation":"createAccessToken"}
      fault: 201 `createAccessToken` does not know `body.secrt`, only `secret`; did you mean `secret`?
      verify: 200 `createAccessToken` does not know `body.secrt`, only `secret`; did you mean `secret`?
    {"query":{"emial":"a@b.co"}}
      fault: 201 no operation knows `query.emial`; did you mean `email`?
      verify: 200 no operation knows `query.emial`; did you mean `email`?
    {"method":"GET","query":{"emial":"a@b.co"}}
      fault: 201 `retrieveCustomers` does not know `query.emial`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `email`?
      verify: 200 `retrieveCustomers` does not know `query.emial`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `email`?
    {"body":{"customer":{"address":{"ctiy":"Bonn"}}},"path":"/core/v3/stores/shop/customers"}
      fault: 201 no operation knows `body.customer.address.ctiy`; did you mean `city`?
      verify: 200 no operation knows `body.customer.address.ctiy`; did you mean `city`?
    {"body":{"customer_event":{"customer":{"address":{"planet":1}}}}}
      fault: 201 no operation knows `body.customer_event.customer.address.planet`
      verify: 200 no operation knows `body.customer_event.customer.address.planet`
    {"body":{"customer":{"emial":1},"grant_typ":"y","secret":"x"},"method":"POST"}
      fault: 201 no operation knows `body.grant_typ`; did you mean `grant_type`?; no operation knows `body.customer.emial`; did you mean `email`?
      verify: 400 `body.secret` is `[hidden]`
    {"count":0,"rule":"customer.gender.enum","status":200}
      verify: 400 `status` is `200`
    {"at_least":0}
      verify: 400 every number of requests is `at_least` 0
    {"after":2,"count":0}
      verify: 200 `after` is 2, and the last request has the number 1
    {"after":1,"count":0}
      verify: 200 nothing
    list after 2: 200 `after` is 2, and the last request has the number 1
    {"expire_token":true,"match":{"operation":"createAccessToken"}}
      400 `expire_token` has no effect on `createAccessToken`: no token is needed there
    {"expire_token":true,"match":{"path":"/oauth/token"}}
      400 `expire_token` has no effect on `createOauthToken`: no token is needed there
    {"after_commit":true,"match":{"operation":"retrieveCustomers"},"status":503}
      400 `after_commit` has no effect on `retrieveCustomers`: there is nothing to commit
    {"after_commit":true,"delay_ms":5,"match":{"method":"GET"}}
      400 `after_commit` has no effect on `retrieveCustomers`: there is nothing to commit
    {"after_commit":true,"match":{"path":"/core/v3/stores/shop/customers"},"status":503}
      201 nothing
    200 the seed has no store
    "#);
}
