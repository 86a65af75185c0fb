//! Tests of the sync client against yotpo-mock.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use yotpo_mock::{Customer, Fault, Operation, Store, YotpoMock};

use crate::client::{Error, Event, Shopper, SyncClient};

type TestResult = Result<(), Error>;

/// A store for this test alone, a client, and the client's waits in seconds. Waiting advances the store's clock.
type Setup = (Store, SyncClient, Rc<RefCell<Vec<u64>>>);

fn set_up() -> Setup {
    set_up_on(YotpoMock::shared())
}

fn set_up_on(yotpo: &YotpoMock) -> Setup {
    let store = yotpo.new_store();
    let client = SyncClient::new(store.url(), store.id(), store.secret()).page_size(2);
    let waits = Rc::<RefCell<Vec<u64>>>::default();
    let (clock, recorded) = (store.clone(), waits.clone());
    let client = client.sleep(move |delay| {
        recorded.borrow_mut().push(delay.as_secs());
        clock.advance(delay);
    });
    (store, client, waits)
}

fn emma() -> Shopper {
    Shopper {
        external_id: Some("c-1".into()),
        email: Some("emma@example.com".into()),
        first_name: Some("Emma".into()),
        tags: Some("vip".into()),
        ..Shopper::default()
    }
}

fn emma_in_yotpo() -> Customer {
    let emma = Customer::builder().external_id("c-1").email("emma@example.com");
    emma.first_name("Emma").tags("vip").build()
}

fn item_returned_by(shopper: &Shopper) -> Event<'_> {
    Event {
        kind: "item_returned",
        fact: "R-77",
        at: "2029-12-31T10:00:00Z",
        shopper,
        properties: json!({ "order": "1001" }),
    }
}

// Reading

#[test]
fn all_pages_are_read() -> TestResult {
    let (store, mut client, _) = set_up();
    let ids = ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7"];
    store.seed(ids.map(|id| Customer::builder().external_id(id).build()));

    let customers = client.customers()?;
    let read: Vec<_> = customers.iter().map(|customer| &customer["external_id"]).collect();
    assert_eq!(read, ids, "customers are missing");
    Ok(())
}

#[test]
fn an_empty_store_has_no_customers() -> TestResult {
    let (_, mut client, _) = set_up();

    assert!(client.customers()?.is_empty());
    Ok(())
}

#[test]
fn the_cursor_is_sent_unchanged() -> TestResult {
    let (store, mut client, _) = set_up();
    let page = |cursor: Option<&str>| json!({ "customers": [], "pagination": { "next_page_info": cursor } });
    let first = page(Some("eyJhIjoi%2BfQ%2Fg%3D%3D"));
    store.fail_next(Operation::RetrieveCustomers, Fault::status(200).body(first));
    store.fail_next(Operation::RetrieveCustomers, Fault::status(200).body(page(None)));

    client.customers()?;

    let retrievals = store.requests().retrievals();
    retrievals.with_query("page_info", "eyJhIjoi+fQ/g==").assert_count(1);
    Ok(())
}

#[test]
fn a_truncated_page_is_read_again() -> TestResult {
    let (store, mut client, _) = set_up();
    store.seed([emma_in_yotpo()]);
    store.fail_next(Operation::RetrieveCustomers, Fault::truncated(20));

    assert_eq!(client.customers()?[0]["external_id"], "c-1");
    store.requests().retrievals().assert_count(2);
    Ok(())
}

// Writing

#[test]
fn only_the_fields_that_changed_are_written() -> TestResult {
    let (store, mut client, _) = set_up();
    store.seed([emma_in_yotpo()]);

    client.sync([Shopper { tags: Some("vip,returns".into()), ..emma() }])?;

    let expected = json!({ "customer": { "external_id": "c-1", "tags": "vip,returns" } });
    assert_eq!(store.requests().upserts().bodies(), [expected]);
    Ok(())
}

#[test]
fn a_second_run_writes_nothing() -> TestResult {
    let (store, mut client, _) = set_up();
    let noah = Shopper { email: Some("noah@example.com".into()), ..Shopper::default() };
    let shoppers = [emma(), noah];
    client.sync(shoppers.clone())?;

    assert_eq!(client.sync(shoppers)?.unchanged, 2);
    store.requests().upserts().assert_count(2);
    Ok(())
}

#[test]
fn an_unknown_value_is_omitted() -> TestResult {
    let (store, mut client, _) = set_up();
    store.seed([emma_in_yotpo()]);

    client.sync([Shopper { email: None, first_name: Some("Em".into()), tags: None, ..emma() }])?;

    // Only the request journal shows this: Yotpo treats null like an absent field.
    let expected = json!({ "customer": { "external_id": "c-1", "first_name": "Em" } });
    assert_eq!(store.requests().upserts().bodies(), [expected], "null was written");
    Ok(())
}

#[test]
fn a_guest_is_written_under_one_identifier() -> TestResult {
    let (store, mut client, _) = set_up();
    let guest = Shopper {
        email: Some("noah@example.com".into()),
        phone_number: Some("+14155552671".into()),
        first_name: Some("Noah".into()),
        ..Shopper::default()
    };

    let outcome = client.sync([guest])?;

    assert!(outcome.rejected.is_empty(), "a guest was rejected: {:?}", outcome.rejected);
    let expected = json!({ "customer": { "email": "noah@example.com", "first_name": "Noah" } });
    assert_eq!(store.requests().upserts().bodies(), [expected]);
    Ok(())
}

#[test]
fn a_rejected_shopper_does_not_stop_the_others() -> TestResult {
    let (store, mut client, _) = set_up();
    let shopper = |id: &str, gender: &str| Shopper {
        external_id: Some(id.to_owned()),
        gender: Some(gender.to_owned()),
        ..Shopper::default()
    };

    let outcome = client.sync([shopper("c-1", "female"), Shopper::default(), shopper("c-2", "F")])?;

    assert!(store.customer("c-1").is_none() && store.customer("c-2").is_some());
    let rejected: Vec<_> = outcome.rejected.iter().map(Error::to_string).collect();
    assert_eq!(
        rejected,
        [
            r#"400 {"errors":[{"message":"customer.gender must be `F`, `M` or `Other` (got `female`)"}]}"#,
            "a shopper needs an external id, an e-mail address or a phone number"
        ]
    );
    Ok(())
}

// Events

#[test]
fn an_event_is_stored_with_all_its_fields() -> TestResult {
    let (store, mut client, _) = set_up();

    client.send_event(&item_returned_by(&emma()))?;

    let event = store.event("item_returned:R-77").expect("the event is stored");
    assert_eq!(event.event_type(), "item_returned");
    assert_eq!(event.timestamp(), Some("2029-12-31T10:00:00"));
    assert_eq!(event.external_id(), Some("c-1"));
    assert_eq!(event.property("order"), Some(&json!("1001")));
    Ok(())
}

#[test]
fn an_event_that_is_sent_twice_counts_once() -> TestResult {
    let (store, mut client, _) = set_up();

    client.send_event(&item_returned_by(&emma()))?;
    client.send_event(&item_returned_by(&emma()))?;

    assert_eq!(store.events().len(), 1);
    Ok(())
}

#[test]
fn an_event_whose_response_was_lost_counts_once() -> TestResult {
    let (store, mut client, _) = set_up();
    store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());

    client.send_event(&item_returned_by(&emma()))?;

    store.requests().events().assert_count(2);
    assert_eq!(store.events().len(), 1, "the event counts twice");
    Ok(())
}

// Failures

#[test]
fn a_429_is_retried_after_the_time_in_retry_after() -> TestResult {
    let (store, mut client, waits) = set_up();
    store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(7));

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    assert_eq!(*waits.borrow(), [7]);
    Ok(())
}

#[test]
fn the_rate_limit_delays_and_loses_nothing() -> TestResult {
    let yotpo = YotpoMock::builder().rate_limit(5).start();
    yotpo.freeze(); // so that a slow run exceeds the limit, too
    let (store, mut client, waits) = set_up_on(&yotpo);

    client.sync((1..=12).map(|number| Shopper { external_id: Some(format!("c-{number}")), ..Shopper::default() }))?;

    assert_eq!(store.customers().len(), 12);
    // A token, a page and twelve writes at five a second.
    assert_eq!(*waits.borrow(), [1, 1]);
    Ok(())
}

#[test]
fn a_server_error_is_retried_with_backoff() -> TestResult {
    let (store, mut client, waits) = set_up();
    store.fail_next(Operation::UpsertCustomer, Fault::service_unavailable().times(3));

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    assert_eq!(*waits.borrow(), [1, 2, 4]);
    Ok(())
}

#[test]
fn a_lost_connection_is_retried() -> TestResult {
    let (store, mut client, waits) = set_up();
    store.fail_next(Operation::UpsertCustomer, Fault::connection_closed());

    client.sync([emma()])?;

    assert!(store.customer("c-1").is_some());
    assert_eq!(*waits.borrow(), [1]);
    Ok(())
}

#[test]
fn the_client_gives_up_after_five_attempts() {
    let (store, mut client, waits) = set_up();
    store.add_fault(Fault::service_unavailable().on(Operation::UpsertCustomer));

    let error = client.sync([emma()]).expect_err("all attempts fail");

    assert_eq!(error.to_string(), "PATCH customers: 503 after 5 attempts");
    assert_eq!(*waits.borrow(), [1, 2, 4, 8]);
}

#[test]
fn a_token_that_expires_during_a_run_is_replaced() -> TestResult {
    let (store, mut client, _) = set_up();
    store.fail_next(Operation::UpsertCustomer, Fault::expired_token());

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
    Ok(())
}

#[test]
fn a_token_that_expired_since_the_last_run_is_replaced() -> TestResult {
    let (store, mut client, _) = set_up();
    client.sync([emma()])?;
    store.advance(Duration::from_secs(15 * 24 * 3600));

    assert_eq!(client.sync([emma()])?.unchanged, 1);
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
    Ok(())
}

#[test]
fn a_token_is_replaced_only_once() {
    let (store, mut client, _) = set_up();
    store.add_fault(Fault::status(401).on(Operation::RetrieveCustomers));

    let error = client.customers().expect_err("all tokens are rejected");

    assert!(matches!(error, Error::Rejected { status: 401, .. }), "{error}");
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
}
