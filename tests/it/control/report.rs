//! The report.

use insta::assert_snapshot;
use serde_json::json;

use crate::malformed_request::request;
use crate::support::{Connection, Emulator, customers};

fn report(emulator: &Emulator, query: &str) -> String {
    let report = emulator.control("GET", &format!("/report{query}")).send().json();
    serde_json::to_string_pretty(&report).expect("JSON can be written")
}

/// A little of everything.
fn emulator() -> Emulator {
    let emulator = Emulator::undeclared_with(|builder| builder.journal_entries(1));
    emulator.upsert(json!({"external_id": "c-1"}));
    emulator.upsert(json!({"gender": "f"}));
    emulator.get(&customers(""));
    emulator.request("GET", &customers("?colour=red")).nonconforming().send();
    emulator.get("/core/v3/stores/other/customers");
    emulator.anonymous("GET", "/core/v3/stores/other/customers").send();
    emulator.get("/core/v3/stores/other/orders");
    emulator.get("/nowhere");
    emulator.get("/nowhere");
    emulator.request("PUT", &customers("")).send();
    emulator
}

#[test]
fn the_report_counts_evicted_requests() {
    let emulator = emulator();
    assert_eq!(emulator.mock.requests().entries().len(), 3, "one of each store, and one without a store");
    assert_snapshot!(report(&emulator, ""), @r#"
    {
      "calls": {
        "retrieveCustomers": {
          "200": 3,
          "401": 1
        },
        "upsertCustomer": {
          "200": 1,
          "400": 1
        }
      },
      "injected": 0,
      "malformed_requests": 0,
      "never_called": [
        "createAccessToken",
        "createOauthToken",
        "upsertCustomerEvent"
      ],
      "not_by_store": 0,
      "notes": {
        "query.unknown_parameter": {
          "count": 1,
          "fields": [
            "colour"
          ],
          "grade": "assumed"
        },
        "token.undeclared": {
          "count": 4,
          "fields": [],
          "grade": "assumed"
        }
      },
      "rejections": {
        "customer.gender.enum": 1,
        "customer.identifier.missing": 1,
        "path.method": 1,
        "path.not_emulated": 1,
        "path.unknown": 2,
        "token.missing": 1
      },
      "requests": 10,
      "server_errors": 0,
      "unmatched": [
        {
          "count": 1,
          "method": "GET",
          "path": "/core/v3/stores/other/orders",
          "status": 501
        },
        {
          "count": 1,
          "method": "PUT",
          "path": "/core/v3/stores/shop/customers",
          "status": 405
        },
        {
          "count": 2,
          "method": "GET",
          "path": "/nowhere",
          "status": 404
        }
      ],
      "unmatched_more": 0
    }
    "#);
    assert_snapshot!(report(&emulator, "?store=other"), @r#"
    {
      "calls": {
        "retrieveCustomers": {
          "200": 1,
          "401": 1
        }
      },
      "injected": 0,
      "malformed_requests": 0,
      "never_called": [
        "createAccessToken",
        "createOauthToken",
        "upsertCustomer",
        "upsertCustomerEvent"
      ],
      "not_by_store": 0,
      "notes": {
        "token.undeclared": {
          "count": 1,
          "fields": [],
          "grade": "assumed"
        }
      },
      "rejections": {
        "path.not_emulated": 1,
        "token.missing": 1
      },
      "requests": 3,
      "server_errors": 0,
      "unmatched": [
        {
          "count": 1,
          "method": "GET",
          "path": "/core/v3/stores/other/orders",
          "status": 501
        }
      ],
      "unmatched_more": 0
    }
    "#);
}

#[test]
fn only_clearing_the_report_restarts_it() {
    let emulator = emulator();
    let before = report(&emulator, "");
    emulator.control("DELETE", "/requests").send();
    emulator.control("POST", "/reset").send();
    assert_eq!(report(&emulator, ""), before);
    let requests = |query: &str| emulator.control("GET", &format!("/report{query}")).send().json()["requests"].clone();
    assert_eq!((requests(""), requests("?store=shop")), (json!(10), json!(5)));
    assert_eq!(emulator.control("DELETE", "/report?store=shop").send().json(), json!({}));
    assert_eq!((requests(""), requests("?store=shop")), (json!(5), json!(0)));
    emulator.control("DELETE", "/report").send();
    assert_eq!(requests(""), json!(0));
    assert_eq!(emulator.control("GET", "/report?shop").send().status(), 400);
}

#[test]
fn unknown_paths_are_listed_up_to_a_limit() {
    let emulator = Emulator::undeclared();
    (0..130).for_each(|at| drop(emulator.get(&format!("/nowhere/{at}"))));
    emulator.get("/nowhere/7");
    let report = emulator.control("GET", "/report").send().json();
    assert_eq!(report["unmatched"].as_array().map(Vec::len), Some(100));
    assert_eq!((&report["requests"], &report["unmatched_more"]), (&json!(131), &json!(30)));
}

#[test]
fn the_paths_of_all_stores_share_a_limit() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    let mut ask_for_paths = |store: &str, count: usize| {
        let paths = (0..count).map(|at| format!("/core/v3/stores/{store}/nowhere/{at:0>450}"));
        connection.send(paths.map(|path| request("GET", &path, "", "")).collect::<String>());
        (0..count).for_each(|_| drop(connection.response().expect("an answer")));
        let report = emulator.control("GET", &format!("/report?store={store}")).send().json();
        report["unmatched"].as_array().map(Vec::len)
    };
    let is_full = (0..200).any(|store| ask_for_paths(&format!("s-{store}"), 100) != Some(100));
    assert!(is_full, "the paths of 200 stores have 9 MB");
    assert_eq!(ask_for_paths("late", 1), Some(0));
    emulator.control("DELETE", "/report?store=s-0").send();
    assert_eq!(ask_for_paths("late", 1), Some(1));
}

#[test]
fn notes_name_their_fields_and_those_of_rejected_requests_do_not_count() {
    let emulator = Emulator::new();
    let customer =
        json!({"external_id": 7, "nick": "Ann", "accepts_sms_marketing": "true", "address": {"planet": "Earth"}});
    let body = json!({"customer": customer, "extra": 1});
    let _ = emulator.request("PATCH", &customers("")).json(body.clone()).nonconforming().send();
    let query = customers("?limt=5&expand=orders&email=a%40b.co&email=b%40b.co&external_ids=1");
    emulator.request("GET", &query).nonconforming().send();
    // Rejected: the client depends on none of its notes.
    emulator.upsert(json!({"external_id": "c-1", "gender": "x", "custom_properties": {"club": "gold"}}));
    emulator.request("GET", &customers("?limit=0&unknown=1")).nonconforming().send();
    assert_snapshot!(emulator.mock.report().to_json()["notes"], @r#"{"customers.coerced":{"count":1,"fields":["customer.accepts_sms_marketing","customer.external_id"],"grade":"coerced"},"customers.unknown_field":{"count":1,"fields":["customer.address.planet","customer.nick","extra"],"grade":"tolerated"},"query.combined_filters":{"count":1,"fields":["email","external_ids"],"grade":"assumed"},"query.repeated_parameter":{"count":1,"fields":["email"],"grade":"assumed"},"query.unknown_expand":{"count":1,"fields":["orders"],"grade":"assumed"},"query.unknown_parameter":{"count":1,"fields":["limt"],"grade":"assumed"}}"#);
    assert_snapshot!(emulator.control("GET", "/requests/1").send().json()["notes"], @r#"[{"fields":["extra","customer.nick","customer.address.planet"],"id":"customers.unknown_field"},{"fields":["customer.external_id","customer.accepts_sms_marketing"],"id":"customers.coerced"}]"#);
    let explained = emulator.control("POST", "/stores/shop/explain").json(body).send().json();
    let fields: Vec<_> = explained["notes"].as_array().unwrap().iter().map(|note| &note["fields"]).collect();
    assert_snapshot!(json!(fields), @r#"[["extra","customer.nick","customer.address.planet"],["customer.external_id","customer.accepts_sms_marketing"]]"#);
    // A body of any size adds at most twenty names.
    let many: serde_json::Map<_, _> = (0..100).map(|at| (format!("unknown_{at:02}"), json!(1))).collect();
    let _ = emulator.request("PATCH", &customers("")).json(json!({"customer": many})).nonconforming().send();
    assert_eq!(emulator.mock.requests().entries()[4].notes[0].fields.len(), 20);
}

#[test]
fn the_report_lists_the_problems_of_the_given_kinds() {
    let emulator = Emulator::new();
    let problems =
        |kinds: &str| emulator.control("GET", &format!("/report?fail_on={kinds}")).send().json()["problems"].clone();
    assert_eq!(problems("no-requests,unmatched,server-error,note"), json!(["no-requests: none at all"]));
    for number in 0..102 {
        emulator.request("GET", &format!("/nowhere/{}", number.min(100))).nonconforming().send();
    }
    emulator.get("/core/v3/stores/shop/customers?expand=orders");
    let found = problems("no-requests,unmatched,unmatched,note:assumed,note:query.unknown_expand");
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), 102);
    assert_eq!(found[0], "unmatched: GET /nowhere/0 answered 404");
    assert_eq!(found[100], "unmatched: further paths, 2 times");
    assert_eq!(found[101], "note:query.unknown_expand (assumed): orders");
    let of_store = emulator.control("GET", "/report?store=shop&fail_on=unmatched").send().json();
    assert_eq!(of_store["problems"], json!([]));
    assert_eq!(emulator.control("GET", "/report").send().json().get("problems"), None);
    assert_snapshot!(emulator.control("GET", "/report?fail_on=unmatched,all").send(), @r#"
    400
    {
      "error":"`fail_on` has `all`: must be `no-requests`, `unmatched`, `server-error`, `note`, `note:GRADE` or `note:ID`",
      "hint":"`yotpo-mock exec --help` lists the kinds"
    }
    "#);
    assert_snapshot!(emulator.control("GET", "/report?fail_on=note:al").send(), @r#"
    400
    {
      "error":"`fail_on` has `note:al`: `al` is neither a grade (assumed, deprecated, tolerated, coerced) nor a note (token.undeclared, events.endpoint, events.not_snake_case, events.body_unwrapped, events.method_post, events.field_alias, customers.phone_number, customers.custom_properties, customers.read_only_field, customers.unknown_field, customers.coerced, cursor.extra_parameters, cursor.empty, query.repeated_parameter, query.untrimmed_id, query.space_in_email, query.unknown_expand, query.unknown_parameter, query.combined_filters, body.on_get, query.unescaped_plus)",
      "hint":"`yotpo-mock exec --help` lists the kinds"
    }
    "#);
    assert_snapshot!(emulator.control("GET", "/report?fail_on=").send(), @r#"
    400
    {"error":"`fail_on` is empty","hint":"name a value, or leave the parameter out"}
    "#);
}
