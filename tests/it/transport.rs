//! Two ways through the server, and nobody can tell which was taken: an ordinary request is answered where it arrives, any other
//! by actix.

use serde_json::{Value, json};

use crate::support::{ACCESS_TOKENS, Connection, EVENTS, Emulator, Response, customers};

/// What lets actix answer a request that means the same as without it.
const BY_ACTIX: &str = "Connection: keep-alive, keep-alive\r\n";

/// A request, byte by byte.
fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = match body {
        "" => String::new(),
        body => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}")
}

/// What a client of the vendor's may ask, and what it should not have.
fn requests() -> Vec<(&'static str, String, &'static str, String)> {
    let customer =
        json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "gender": "F", "tags": "größe"}});
    let broken = json!({"customer": {"external_id": "c-1", "gender": "X", "first_name": 1, "nobody": "knows"}});
    let event = json!({"customer_event": {"type": "itemReturned", "unique_id": 1, "customer": {"external_id": "c-2"}}});
    const TOKEN: &str = "X-Yotpo-Token: any\r\n";
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    let form = "client_id=shop&client_secret=any&grant_type=client_credentials";
    let orders = "/core/v3/stores/shop/orders";
    vec![
        (
            "POST",
            ACCESS_TOKENS.to_owned(),
            "",
            json!({"secret": "any"}).to_string(),
        ),
        ("POST", ACCESS_TOKENS.to_owned(), "", json!({"secret": 1}).to_string()),
        ("POST", "/oauth/token".to_owned(), FORM, form.to_owned()),
        (
            "POST",
            "/oauth/token".to_owned(),
            "",
            json!({"client_id": "shop"}).to_string(),
        ),
        ("PATCH", customers(""), TOKEN, customer.to_string()),
        ("PATCH", customers(""), TOKEN, broken.to_string()),
        ("PATCH", customers(""), TOKEN, "{".to_owned()),
        ("PATCH", customers(""), TOKEN, String::new()),
        (
            "PATCH",
            customers(""),
            "X-Yotpo-Token: any\r\nContent-Type: text/plain\r\n",
            customer.to_string(),
        ),
        (
            "PATCH",
            customers(""),
            "X-Yotpo-Token: any\r\ncontent-type: Application/JSON; charset=utf-8\r\n",
            customer.to_string(),
        ),
        ("PATCH", customers(""), "", customer.to_string()),
        ("PATCH", EVENTS.to_owned(), TOKEN, event.to_string()),
        ("POST", EVENTS.to_owned(), TOKEN, event["customer_event"].to_string()),
        ("GET", customers("?limit=1"), TOKEN, String::new()),
        (
            "GET",
            customers("?email=ANN%40example.com&surprise=1"),
            TOKEN,
            String::new(),
        ),
        ("GET", customers("?limit=0"), TOKEN, String::new()),
        (
            "GET",
            customers("?access_token=any"),
            "x-yotpo-token: \r\n",
            String::new(),
        ),
        (
            "GET",
            customers(""),
            "X-YOTPO-TOKEN:\t any \r\nX-Yotpo-Token: other\r\nX-More: a\r\nx-more: b\r\n",
            String::new(),
        ),
        ("POST", customers(""), TOKEN, customer.to_string()),
        ("GET", orders.to_owned(), "", String::new()),
        ("GET", "/nowhere/%C3%A9?a=1&a=2".to_owned(), "", String::new()),
    ]
}

/// An answer without what is the connection's or the moment's: actix closes where a body was not read.
fn told(response: &Response) -> String {
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| name != "date" && name != "connection");
    headers.sort();
    format!(
        "{} {headers:?} {}",
        response.status(),
        String::from_utf8_lossy(&response.body)
    )
}

/// The journal without what differs, or is to differ.
fn journal(emulator: &Emulator) -> Vec<Value> {
    let mut told = emulator.control("GET", "/requests").send().json();
    for entry in told["requests"].as_array_mut().expect("requests") {
        entry["duration_us"] = Value::Null;
        let headers = entry["request"]["headers"].as_object_mut().expect("headers");
        headers.remove("connection");
    }
    told["requests"].as_array().expect("requests").clone()
}

#[test]
fn both_transports_give_the_same_responses_and_the_same_journal() {
    let settings = |builder: yotpo_mock::Builder| builder.store("shop", "any").rate_limit(50);
    for scenes in [
        [Emulator::new(), Emulator::new()],
        [Emulator::with(settings), Emulator::with(settings)],
    ] {
        let mut express = Connection::open(scenes[0].address());
        for (method, path, headers, body) in requests() {
            let mut actix = Connection::open(scenes[1].address());
            express.send(request(method, &path, headers, &body));
            actix.send(request(method, &path, &format!("{headers}{BY_ACTIX}"), &body));
            let [express, actix] =
                [&mut express, &mut actix].map(|connection| connection.response().expect("an answer"));
            assert_eq!(told(&express), told(&actix), "{method} {path} {headers:?} {body}");
        }
        let [express, actix] = scenes.each_ref().map(journal);
        assert_eq!(express.len(), requests().len());
        assert_eq!(express, actix);
    }
}

#[test]
fn both_transports_send_the_same_pages() {
    let seed: Vec<_> = (0..150)
        .map(|number| json!({"external_id": format!("c-{number}"), "tags": "x".repeat(number * 100)}))
        .collect();
    let emulator = Emulator::seeded(&json!({"stores": [{"id": "shop", "customers": seed}]}).to_string());
    let [mut express, mut actix] = [0, 1].map(|_| Connection::open(emulator.address()));
    for query in [
        "?limit=100",
        "?limit=7&include_custom_properties=true",
        "?external_ids=c-149,c-3",
    ] {
        let get = |headers| request("GET", &customers(query), headers, "");
        express.send(get("X-Yotpo-Token: any\r\n"));
        actix.send(get(&format!("X-Yotpo-Token: any\r\n{BY_ACTIX}")));
        let [express, actix] = [&mut express, &mut actix].map(|connection| connection.response().expect("an answer"));
        assert!(!express.identifiers().is_empty());
        assert_eq!(express.body, actix.body);
    }
}

#[test]
fn a_connection_changes_the_transport_in_the_middle_of_a_write() {
    let emulator = Emulator::new();
    let token = "X-Yotpo-Token: any\r\n";
    let customer = |id: &str| json!({"customer": {"external_id": id}}).to_string();
    let chunked = {
        let body = customer("c-3");
        let head = request(
            "PATCH",
            &customers(""),
            &format!("{token}Transfer-Encoding: chunked\r\n"),
            "",
        );
        format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let mut connection = Connection::open(emulator.address());
    connection.send(
        [
            request("PATCH", &customers(""), token, &customer("c-1")),
            request("PATCH", &customers(""), token, &customer("c-2")),
            chunked,
            request("GET", "/_mock/health", "", ""),
            request("GET", &customers(""), token, ""),
        ]
        .concat(),
    );
    let responses: Vec<_> = (0..5).map(|_| connection.response().expect("an answer")).collect();
    assert!(responses.iter().all(|response| response.status() == 200));
    assert_eq!(responses[3].json()["status"], "ready");
    assert_eq!(responses[4].identifiers(), ["c-1", "c-2", "c-3"]);
    assert_eq!([0, 1, 2, 4].map(|at: usize| responses[at].number()), [1, 2, 3, 4]);
}

#[test]
fn a_request_may_arrive_in_any_two_pieces() {
    let emulator = Emulator::new();
    let body = json!({"customer": {"external_id": "c-1", "first_name": "Ann"}}).to_string();
    let whole = request("PATCH", &customers(""), "X-Yotpo-Token: any\r\n", &body);
    for at in 0..whole.len() {
        let mut connection = Connection::open(emulator.address());
        connection.send(&whole[..at]);
        connection.send(&whole[at..]);
        let response = connection.response().expect("an answer");
        assert_eq!((response.status(), response.number()), (200, at as u64 + 1));
    }
}

#[test]
fn a_fault_strikes_who_was_connected_before_it() {
    let emulator = Emulator::new();
    let mut connection = Connection::open(emulator.address());
    let mut status = || {
        connection.send(request("GET", &customers(""), "X-Yotpo-Token: any\r\n", ""));
        connection.response().map(|response| response.status())
    };
    assert_eq!(status(), Some(200));
    emulator.fault(json!({"status": 503, "times": 1}));
    assert_eq!([status(), status()], [Some(503), Some(200)]);
}

#[test]
fn a_later_request_that_stops_half_way_is_timed_out_as_the_first_is() {
    let emulator = Emulator::with(|builder| builder.read_timeout(std::time::Duration::from_millis(200)));
    let get = request("GET", &customers(""), "X-Yotpo-Token: any\r\n", "");
    let mut connection = Connection::open(emulator.address());
    connection.send(format!("{get}{}", &get[..get.len() - 2]));
    let [first, second] = [(); 2].map(|()| connection.response().expect("an answer").status());
    assert_eq!((first, second), (200, 408));
    assert!(connection.response().is_none());
    assert_eq!(emulator.mock.requests().count(), 1);
}

#[test]
fn a_page_behind_large_answers_is_the_one_that_was_asked_for() {
    let customers_of: Vec<_> = (0..150)
        .map(|number| json!({"external_id": format!("c-{number}")}))
        .collect();
    let emulator = Emulator::seeded(&json!({"stores": [{"id": "shop", "customers": customers_of}]}).to_string());
    let token = "X-Yotpo-Token: any\r\n";
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers("?limit=100"), token, ""));
    let first = connection.response().expect("an answer").json();
    let cursor = first["pagination"]["next_page_info"].as_str().expect("a cursor");
    // Each property that is none is told in the refusal.
    let broken: serde_json::Map<_, _> = (0..1500).map(|number| (format!("a{number}"), json!([]))).collect();
    let broken = json!({"customer": {"external_id": "c-1", "custom_properties": broken}}).to_string();
    let broken = request("PATCH", &customers(""), token, &broken);
    let page = request("GET", &customers(&format!("?page_info={cursor}")), token, "");
    connection.send([broken.as_str(), &page, &broken, &page].concat());
    for _ in 0..2 {
        let refused = connection.response().expect("an answer");
        assert!(refused.status() == 400 && refused.body.len() > 128 * 1024);
        let expected: Vec<_> = (100..150).map(|number| format!("c-{number}")).collect();
        assert_eq!(connection.response().expect("an answer").identifiers(), expected);
    }
}
