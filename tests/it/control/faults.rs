//! Faults: Yotpo misbehaves on demand.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Connection, Emulator, customers};

const UPSERT: &str = r#"{"customer":{"external_id":"c-1"}}"#;

fn upsert() -> Vec<u8> {
    let length = UPSERT.len();
    format!(
        "PATCH {} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{UPSERT}",
        customers("")
    )
    .into_bytes()
}

/// What a client reads until its connection ends, and whether that was a reset.
fn read_to_the_end(emulator: &Emulator, request: &[u8]) -> (String, bool) {
    let mut socket = TcpStream::connect(emulator.address()).unwrap();
    socket.write_all(request).unwrap();
    let mut response = Vec::new();
    let ended = socket.read_to_end(&mut response);
    let was_reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    (String::from_utf8_lossy(&response).into_owned(), was_reset)
}

#[test]
fn two_503_and_then_success() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"match": {"operation": "upsertCustomer", "store": "shop"}, "times": 2, "status": 503}));
    let statuses: Vec<_> = (0..3).map(|_| emulator.upsert(json!({"external_id": "c-1"})).status()).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert_snapshot!(emulator.control("GET", "/faults").send(), @r#"
    200
    {
      "faults":[
        {
          "hits":2,
          "id":1,
          "match":{"operation":"upsertCustomer","store":"shop"},
          "matched":2,
          "status":503,
          "times":2,
          "used_up":true
        }
      ]
    }
    "#);
}

#[test]
fn an_injected_response_has_the_envelope_by_default() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"status": 500, "times": 1}));
    let plain = emulator.get(&customers(""));
    assert_snapshot!(plain, @r#"
    500
    {"errors":[{"message":"injected by fault 1"}]}
    "#);
    assert_eq!(plain.header("x-yotpo-mock-fault"), Some("1"));
    emulator.fault(json!({"status": 429, "times": 1}));
    assert_eq!(emulator.get(&customers("")).header("retry-after"), Some("1"));
    emulator.fault(json!({"status": 418, "body": {"teapot": true}, "headers": {"Retry-After": 7}, "content_type": "text/x", "times": 1}));
    let own = emulator.get(&customers(""));
    assert_eq!((own.status(), own.header("retry-after"), own.header("content-type")), (418, Some("7"), Some("text/x")));
    assert_eq!(own.json(), json!({"teapot": true}));
    emulator.fault(json!({"body": "<html>", "times": 1}));
    let text = emulator.get(&customers(""));
    assert_eq!((text.status(), &text.body[..]), (200, &b"<html>"[..]));
}

#[test]
fn a_fault_applies_before_everything_but_path_and_method() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret").rate_limit(1));
    emulator.fault(json!({"status": 503}));
    assert_eq!(emulator.anonymous("GET", &customers("")).send().status(), 503, "before the token");
    assert_eq!(emulator.anonymous("GET", "/nowhere").send().status(), 404);
    assert_eq!(emulator.anonymous("DELETE", &customers("")).send().status(), 405);
    assert_eq!(emulator.control("GET", "/health").send().status(), 200, "never our own surface");
    assert_eq!(emulator.mock.requests().count(), 3);
}

#[test]
fn faults_match_by_operation_store_method_path_query_headers_and_body() {
    let emulator = Emulator::undeclared();
    let strikes = |fault: Value, request: &dyn Fn() -> u16| {
        let id = emulator.fault(fault);
        let status = request();
        emulator.control("DELETE", &format!("/faults/{id}")).send();
        status == 503
    };
    let write = |email: &str| emulator.upsert(json!({"email": email})).status();
    let ann = || write("a@b.co");
    let with = |wanted: Value| json!({"match": wanted, "status": 503});
    assert!(strikes(with(json!({"body": {"customer": {"email": "a@b.co"}}})), &ann));
    assert!(!strikes(with(json!({"body": {"customer": {"email": "x@b.co"}}})), &ann));
    assert!(strikes(with(json!({"body": {"customer": {"first_name": null}}})), &ann), "null means absent");
    assert!(strikes(with(json!({"method": "PATCH", "path": "/core/v3/stores/shop/customers"})), &ann));
    assert!(!strikes(with(json!({"operation": "retrieveCustomers"})), &ann));
    assert!(!strikes(with(json!({"store": "other"})), &ann));
    assert!(strikes(with(json!({"headers": {"X-Yotpo-Token": "any"}})), &ann));
    let search = || emulator.get(&customers("?email=a%40b.co")).status();
    assert!(strikes(with(json!({"query": {"email": "a@b.co"}})), &search));
    assert!(!strikes(with(json!({"query": {"email": "a@b.co", "limit": "1"}})), &search));
    let form = || {
        let form = "client_id=shop&client_secret=x&grant_type=client_credentials";
        emulator.anonymous("POST", "/oauth/token").body("application/x-www-form-urlencoded", form).send().status()
    };
    assert!(strikes(with(json!({"operation": "createOauthToken", "store": "shop"})), &form));
    assert!(!strikes(with(json!({"store": "other"})), &form));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["a@b.co"], "a body that was looked at is still read");
}

#[test]
fn a_fault_may_start_later_and_apply_at_random_and_repeats() {
    let statuses = || {
        let emulator = Emulator::undeclared();
        emulator.fault(json!({"after": 2, "probability": 0.5, "seed": 7, "status": 500}));
        (0..40).map(|_| emulator.get(&customers("")).status()).collect::<Vec<_>>()
    };
    let (one, two) = (statuses(), statuses());
    assert_eq!(one, two);
    assert_eq!(one[..2], [200, 200]);
    assert!((5..35).contains(&one.iter().filter(|status| **status == 500).count()));
}

#[test]
fn a_commit_with_a_lost_response_took_effect() {
    let emulator = Emulator::undeclared();
    emulator.fault(
        json!({"match": {"operation": "upsertCustomer"}, "times": 1, "connection": "reset", "after_commit": true}),
    );
    assert_eq!(read_to_the_end(&emulator, &upsert()), (String::new(), true));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
    assert_eq!(emulator.mock.requests().entries()[0].status, 0, "the journal knows that there was no answer");
    let lost = emulator.control("POST", "/requests/verify").json(json!({"status": 0, "count": 1}));
    assert_eq!(lost.send().status(), 200);
    assert_eq!(emulator.control("GET", "/requests?status=0").send().json()["total"], 1);
    let report = emulator.control("GET", "/report").send();
    assert_eq!(report.json()["calls"]["upsertCustomer"], json!({"0": 1}));
}

#[test]
fn a_connection_is_closed_or_reset_before_anything_is_done() {
    for (how, is_reset) in [("close", false), ("reset", true)] {
        let emulator = Emulator::undeclared();
        emulator.fault(json!({"connection": how, "times": 1}));
        assert_eq!(read_to_the_end(&emulator, &upsert()), (String::new(), is_reset), "{how}");
        assert_eq!(emulator.all_customers(), "");
    }
}

#[test]
fn a_response_is_truncated_dripped_or_malformed() {
    let emulator = Emulator::undeclared();
    let get = format!("GET {} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n", customers(""));
    let whole = r#"{"customers":[],"pagination":{"next_page_info":null}}"#;
    emulator.fault(json!({"truncate_bytes": 10, "times": 1}));
    let (response, _) = read_to_the_end(&emulator, get.as_bytes());
    assert!(
        response.contains(&format!("content-length: {}", whole.len())) && response.ends_with("\r\n\r\n{\"customer"),
        "{response}"
    );
    emulator.fault(json!({"drip_bytes_per_second": 400, "times": 1}));
    assert!(read_to_the_end(&emulator, get.as_bytes()).0.ends_with(whole));
    emulator.fault(json!({"malformed_json": true, "times": 1}));
    let malformed = emulator.get(&customers(""));
    assert_eq!((malformed.status(), String::from_utf8_lossy(&malformed.body)), (200, whole[..whole.len() - 1].into()));
    emulator.fault(json!({"headers": {"X-Extra": "1"}, "content_type": "text/html", "times": 1}));
    let altered = emulator.get(&customers(""));
    assert_eq!((altered.header("x-extra"), altered.header("content-type")), (Some("1"), Some("text/html")));
    assert_eq!(emulator.get(&customers("")).header("x-yotpo-mock-fault"), None, "all are used up");
}

#[test]
fn a_delay_only_delays() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"match": {"store": "shop"}, "delay_ms": 1}));
    emulator.fault(json!({"match": {"store": "other"}, "delay_ms": {"min": 1, "max": 3, "seed": 1}}));
    assert_eq!(emulator.get(&customers("")).status(), 200);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").status(), 200);
}

#[test]
fn a_fault_expires_a_token() {
    let emulator = Emulator::undeclared();
    let token = emulator.token("shop", "x").json()["access_token"].as_str().unwrap().to_owned();
    emulator.fault(json!({"expire_token": true, "times": 1}));
    assert_eq!(emulator.get_with_token(&token).status(), 401);
    assert_eq!(emulator.get_with_token(&token).rule(), Some("token.expired"), "and stays so when the fault is used up");
    assert_eq!(emulator.get_with_token("another").status(), 200);
}

#[test]
fn a_write_can_be_committed_before_its_response_is_delayed() {
    for effect in [json!({}), json!({"status": 503}), json!({"connection": "reset"})] {
        let emulator = Emulator::undeclared();
        let mut fault = json!({"match": {"operation": "upsertCustomer"}, "delay_ms": 86_400_000, "after_commit": true});
        fault.as_object_mut().unwrap().extend(effect.as_object().unwrap().clone());
        emulator.fault(fault);
        let mut connection = Connection::open(emulator.address());
        connection.send(upsert());
        while emulator.get(&customers("")).identifiers() != ["c-1"] {}
        assert!(!connection.has_response(), "{effect}");
    }
}

#[test]
fn the_oldest_matching_fault_applies_and_each_can_be_removed() {
    let emulator = Emulator::undeclared();
    let first = emulator.fault(json!({"match": {"store": "shop"}, "status": 500}));
    emulator.fault(json!({"status": 502}));
    assert_eq!(emulator.get(&customers("")).status(), 500);
    emulator.control("DELETE", &format!("/faults/{first}")).send();
    assert_eq!(emulator.get(&customers("")).status(), 502);
    assert_snapshot!(emulator.control("GET", &format!("/faults/{first}")).send(), @r#"
    404
    {"error":"there is no fault `1`","hint":"`GET /_mock/faults` lists all faults"}
    "#);
    assert_eq!(emulator.control("DELETE", "/faults/nonsense").send().status(), 404);
    emulator.fault(json!({"match": {"store": "shop"}, "status": 503}));
    assert_eq!(emulator.control("DELETE", "/faults?store=shop").send().json(), json!({"removed": 1}));
    assert_eq!(emulator.control("DELETE", "/faults").send().json(), json!({"removed": 1}));
    assert_eq!(emulator.get(&customers("")).status(), 200);
}

#[test]
fn a_fault_that_an_older_one_hides_is_warned_of() {
    let emulator = Emulator::undeclared();
    emulator.get(&customers(""));
    let hidden_by = |older: Value, fault: Value| {
        let older = emulator.fault(older);
        let added = emulator.control("POST", "/faults").json(fault).send().json();
        emulator.control("DELETE", "/faults").send();
        let warning = format!("fault {older} is older and applies to all requests that this one matches");
        match &added["warning"] {
            Value::Null => false,
            found => {
                assert_eq!(*found, warning);
                true
            }
        }
    };
    let upsert = |effect: Value| {
        let mut fault = json!({"match": {"store": "shop", "operation": "upsertCustomer"}});
        fault.as_object_mut().expect("an object").extend(effect.as_object().expect("an object").clone());
        fault
    };
    assert!(hidden_by(json!({"status": 500}), json!({"status": 503})));
    assert!(hidden_by(json!({"status": 500}), upsert(json!({"status": 503, "times": 1}))));
    assert!(hidden_by(json!({"match": {"store": "shop"}, "status": 500}), upsert(json!({"status": 503}))));
    assert!(hidden_by(upsert(json!({"delay_ms": 1})), upsert(json!({"status": 503}))));
    for limit in [json!({"times": 1}), json!({"after": 1}), json!({"probability": 0.5})] {
        let mut limited = limit.clone();
        limited["status"] = 500.into();
        assert!(!hidden_by(upsert(limited), upsert(json!({"status": 503}))), "{limit}");
    }
    assert!(!hidden_by(upsert(json!({"status": 500})), json!({"status": 503})));
    assert!(!hidden_by(json!({"match": {"query": {"limit": null}}, "status": 500}), json!({"status": 503})));
    assert!(!hidden_by(
        json!({"match": {"query": {"limit": "1"}}, "status": 500}),
        json!({"match": {"query": {"limit": "2"}}, "status": 503})
    ));
}

#[test]
fn a_reset_removes_faults() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"match": {"store": "shop"}, "status": 500}));
    emulator.fault(json!({"match": {"store": "other"}, "status": 500}));
    emulator.control("POST", "/reset?store=shop").send();
    assert_eq!(emulator.get(&customers("")).status(), 200);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").status(), 500);
    emulator.control("POST", "/reset").send();
    assert_eq!(emulator.get("/core/v3/stores/other/customers").status(), 200);
}

#[test]
fn impossible_faults_are_rejected_by_name() {
    let emulator = Emulator::undeclared();
    let rejected = |fault: Value| {
        let response = emulator.control("POST", "/faults").json(fault.clone()).send();
        assert_eq!(response.status(), 400, "{fault}");
        response.json()["error"].as_str().unwrap().to_owned()
    };
    assert_snapshot!(rejected(json!({})), @"it has no effect: give `status`, `body`, `connection`, `delay_ms` or another");
    assert_snapshot!(rejected(json!({"statsu": 503})), @"unknown field `statsu`, expected one of `match`, `after`, `times`, `probability`, `seed`, `status`, `body`, `headers`, `content_type`, `malformed_json`, `delay_ms`, `truncate_bytes`, `drip_bytes_per_second`, `expire_token`, `connection`, `after_commit`; did you mean `status`?");
    assert_snapshot!(rejected(json!({"status": 9999})), @"`status` must be a whole number from 200 to 599, and is `9999`");
    assert_snapshot!(rejected(json!({"status": 503, "times": -1})), @"`times` must be a whole number from 1 to 18446744073709551615, and is `-1`");
    assert_snapshot!(rejected(json!({"status": 503, "probability": 2})), @"`probability` must be a number above 0 and at most 1, and is `2`");
    assert_snapshot!(rejected(json!({"status": 503, "match": {"operation": "deleteCustomer"}})), @"`match.operation` is `deleteCustomer`: there are `createAccessToken`, `createOauthToken`, `retrieveCustomers`, `upsertCustomer` and `upsertCustomerEvent`");
    assert_snapshot!(rejected(json!({"status": 503, "match": {"stroe": "shop"}})), @"match: unknown field `stroe`, expected one of `operation`, `store`, `method`, `path`, `query`, `headers`, `body`; did you mean `store`?");
    assert_snapshot!(rejected(json!({"connection": "drop"})), @"`connection` must be `close` or `reset`, and is `drop`");
    assert_snapshot!(rejected(json!({"connection": "reset", "status": 503})), @"`connection` leaves no response: it goes neither with `status` nor with any other change of a response");
    assert_snapshot!(rejected(json!({"truncate_bytes": 5, "after_commit": true})), @"`after_commit` goes with `status`, `body`, `connection`, `delay_ms` or `expire_token`");
    assert_snapshot!(rejected(json!({"delay_ms": 0, "after_commit": true})), @"it has no effect: give `status`, `body`, `connection`, `delay_ms` or another");
    assert_snapshot!(rejected(json!({"delay_ms": {"min": 5, "max": 2}})), @"`delay_ms.max` must be a whole number from 5 to 86400000");
    assert_snapshot!(rejected(json!({"status": 503, "headers": {"X": "line\nbreak"}})), @"`headers.X` must be the name of a header, and its value a string or a number that is valid in one");
    for wrong in [
        json!({"status": "503"}),
        json!({"status": 503, "match": []}),
        json!({"status": 503, "times": 0}),
        json!({"status": 503, "after": 1.5}),
        json!({"malformed_json": "yes"}),
        json!({"truncate_bytes": -1}),
        json!({"drip_bytes_per_second": 0}),
        json!({"content_type": 7}),
        json!({"status": 503, "headers": {"no name": "x"}}),
        json!({"status": 503, "match": {"query": "a=b"}}),
        json!({"probability": 0, "status": 500}),
    ] {
        rejected(wrong);
    }
    assert_eq!(emulator.control("GET", "/faults").send().json(), json!({"faults": []}));
}

#[test]
fn faults_are_bounded() {
    let emulator = Emulator::undeclared();
    for _ in 0..1000 {
        emulator.fault(json!({"match": {"store": "other"}, "status": 503}));
    }
    let rejected = emulator.control("POST", "/faults").json(json!({"status": 503})).send();
    assert!(rejected.json()["error"].as_str().unwrap().starts_with("there are 1000 faults already"));
}
