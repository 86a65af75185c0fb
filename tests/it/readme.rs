//! The README: its Rust example, which is also the first one of the crate's documentation, and its size.
//!
//! `.ci/docs.py` runs all other examples of the README.

use yotpo_mock::{Customer, Fault, Operation, YotpoMock};

#[tokio::test]
async fn a_customer_is_sent_again_after_a_server_error() {
    let store = YotpoMock::shared().new_store();
    store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
    store.fail_next(Operation::UpsertCustomer, Fault::status(503));
    save_customer(&store.api_url(), store.secret(), r#"{"external_id": "c-1", "first_name": "Ann"}"#).await; // your code
    store.requests().upserts().assert_count(2);
    assert_eq!(store.customer("c-1").unwrap().first_name(), Some("Ann"));
}

/// Creates or updates a customer, and tries once more after a server error.
async fn save_customer(api_url: &str, secret: &str, customer: &str) {
    let client = reqwest::Client::new();
    let login = client.post(format!("{api_url}/access_tokens")).json(&serde_json::json!({"secret": secret}));
    let login: serde_json::Value = login.send().await.unwrap().json().await.unwrap();
    for _ in 0..2 {
        let save = client
            .patch(format!("{api_url}/customers"))
            .header("X-Yotpo-Token", login["access_token"].as_str().unwrap());
        let save = save.header("Content-Type", "application/json").body(format!("{{\"customer\": {customer}}}"));
        if save.send().await.unwrap().status().is_success() {
            return;
        }
    }
}

const README: &str = include_str!("../../README.md");

#[test]
fn the_rust_example_is_tested_and_on_the_front_page_of_the_crate() {
    let example = README.split("```rust\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a Rust block");
    assert!(include_str!("readme.rs").contains(example), "this file has another");
    let front_page = include_str!("../../src/lib.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let front_page: Vec<_> = front_page.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    assert!(front_page.join("\n").contains(example), "src/lib.rs has another");
}

#[test]
fn the_readme_can_be_read_in_ten_minutes() {
    assert!(README.lines().count() <= 250);
    assert!(README.len() <= 12 * 1024);
    assert_eq!(README.lines().find(|line| line.chars().count() > 140), None);
}
