//! What was counted.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Scene, customers};

fn report(scene: &Scene, query: &str) -> String {
    let report = scene.control("GET", &format!("/report{query}")).send().json();
    serde_json::to_string_pretty(&report).expect("JSON can be written")
}

/// A little of everything.
fn scene() -> Scene {
    let scene = Scene::with(|builder| builder.journal_entries(1));
    scene.upsert(json!({"external_id": "c-1"}));
    scene.upsert(json!({"gender": "f"}));
    scene.get(&customers(""));
    scene.request("GET", &customers("?colour=red")).deviating().send();
    scene.get("/core/v3/stores/other/customers");
    scene.bare("GET", "/core/v3/stores/other/customers").send();
    scene.get("/core/v3/stores/other/orders");
    scene.get("/nowhere");
    scene.get("/nowhere");
    scene.request("PUT", &customers("")).send();
    scene
}

#[test]
fn the_report_counts_what_the_journal_has_forgotten() {
    let scene = scene();
    assert_eq!(scene.mock.requests().entries().len(), 1);
    assert_snapshot!(report(&scene, ""), @r#"
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
          "grade": "assumed"
        },
        "token.undeclared": {
          "count": 5,
          "grade": "assumed"
        }
      },
      "refusals": {
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
    assert_snapshot!(report(&scene, "?store=other"), @r#"
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
          "grade": "assumed"
        }
      },
      "refusals": {
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
fn only_forgetting_the_report_begins_anew() {
    let scene = scene();
    let before = report(&scene, "");
    scene.control("DELETE", "/requests").send();
    scene.control("POST", "/reset").send();
    assert_eq!(report(&scene, ""), before);
    let requests = |query: &str| scene.control("GET", &format!("/report{query}")).send().json()["requests"].clone();
    assert_eq!((requests(""), requests("?store=shop")), (json!(10), json!(5)));
    assert_eq!(scene.control("DELETE", "/report?store=shop").send().json(), json!({}));
    assert_eq!((requests(""), requests("?store=shop")), (json!(5), json!(0)));
    scene.control("DELETE", "/report").send();
    assert_eq!(requests(""), json!(0));
    assert_eq!(scene.control("GET", "/report?shop").send().status(), 400);
}

#[test]
fn paths_that_are_none_are_listed_up_to_a_bound() {
    let scene = Scene::new();
    (0..130).for_each(|at| drop(scene.get(&format!("/nowhere/{at}"))));
    scene.get("/nowhere/7");
    let report = scene.control("GET", "/report").send().json();
    assert_eq!(report["unmatched"].as_array().map(Vec::len), Some(100));
    assert_eq!(
        (&report["requests"], &report["unmatched_more"]),
        (&json!(131), &json!(30))
    );
}
