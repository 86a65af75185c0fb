//! What the sync client promises, held against yotpo-mock.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use yotpo_mock::{Customer, Fault, Operation, Store, YotpoMock};

use crate::client::{Error, Event, Shopper, SyncClient};

type Passed = Result<(), Error>;

/// A store that no other test knows, a client of it, and how long that waited, each time, in seconds of that store's clock.
type Scene = (Store, SyncClient, Rc<RefCell<Vec<u64>>>);

fn scene() -> Scene {
    scene_of(YotpoMock::shared())
}

fn scene_of(yotpo: &YotpoMock) -> Scene {
    let store = yotpo.new_store();
    let client = SyncClient::new(store.url(), store.id(), store.secret()).page_size(2);
    let waits = Rc::<RefCell<Vec<u64>>>::default();
    let (clock, noted) = (store.clone(), waits.clone());
    let client = client.sleep(move |delay| {
        noted.borrow_mut().push(delay.as_secs());
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

fn emma_as_yotpo_has_her() -> Customer {
    let emma = Customer::builder().external_id("c-1").email("emma@example.com");
    emma.first_name("Emma").tags("vip").build()
}

fn return_of(shopper: &Shopper) -> Event<'_> {
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
fn all_pages_are_read() -> Passed {
    let (store, mut client, _) = scene();
    let ids = ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7"];
    store.seed(ids.map(|id| Customer::builder().external_id(id).build()));

    let customers = client.customers()?;
    let read: Vec<_> = customers.iter().map(|customer| &customer["external_id"]).collect();
    assert_eq!(read, ids, "customers are missing");
    Ok(())
}

#[test]
fn an_empty_store_has_no_customers() -> Passed {
    let (_, mut client, _) = scene();

    assert!(client.customers()?.is_empty());
    Ok(())
}

#[test]
fn the_cursor_goes_back_as_it_came() -> Passed {
    let (store, mut client, _) = scene();
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
fn a_page_that_broke_off_is_read_again() -> Passed {
    let (store, mut client, _) = scene();
    store.seed([emma_as_yotpo_has_her()]);
    store.fail_next(Operation::RetrieveCustomers, Fault::truncated(20));

    assert_eq!(client.customers()?[0]["external_id"], "c-1");
    store.requests().retrievals().assert_count(2);
    Ok(())
}

// Writing

#[test]
fn only_the_fields_that_changed_are_written() -> Passed {
    let (store, mut client, _) = scene();
    store.seed([emma_as_yotpo_has_her()]);

    client.sync([Shopper {
        tags: Some("vip,returns".into()),
        ..emma()
    }])?;

    let expected = json!({ "customer": { "external_id": "c-1", "tags": "vip,returns" } });
    assert_eq!(store.requests().upserts().bodies(), [expected]);
    Ok(())
}

#[test]
fn a_second_run_writes_nothing() -> Passed {
    let (store, mut client, _) = scene();
    let noah = Shopper {
        email: Some("noah@example.com".into()),
        ..Shopper::default()
    };
    let shoppers = [emma(), noah];
    client.sync(shoppers.clone())?;

    assert_eq!(client.sync(shoppers)?.unchanged, 2);
    store.requests().upserts().assert_count(2);
    Ok(())
}

#[test]
fn a_missing_value_is_left_out() -> Passed {
    let (store, mut client, _) = scene();
    store.seed([emma_as_yotpo_has_her()]);

    client.sync([Shopper {
        email: None,
        first_name: Some("Em".into()),
        tags: None,
        ..emma()
    }])?;

    // Nothing but the journal shows it: the vendor takes null and absent for the same.
    let expected = json!({ "customer": { "external_id": "c-1", "first_name": "Em" } });
    assert_eq!(
        store.requests().upserts().bodies(),
        [expected],
        "more was written than is known"
    );
    Ok(())
}

#[test]
fn a_guest_is_written_under_one_identifier() -> Passed {
    let (store, mut client, _) = scene();
    let guest = Shopper {
        email: Some("noah@example.com".into()),
        phone_number: Some("+14155552671".into()),
        first_name: Some("Noah".into()),
        ..Shopper::default()
    };

    let outcome = client.sync([guest])?;

    assert!(outcome.refused.is_empty(), "a guest was refused: {:?}", outcome.refused);
    let expected = json!({ "customer": { "email": "noah@example.com", "first_name": "Noah" } });
    assert_eq!(store.requests().upserts().bodies(), [expected]);
    Ok(())
}

#[test]
fn a_shopper_who_is_refused_does_not_stop_the_others() -> Passed {
    let (store, mut client, _) = scene();
    let of = |id: &str, gender: &str| Shopper {
        external_id: Some(id.to_owned()),
        gender: Some(gender.to_owned()),
        ..Shopper::default()
    };

    let outcome = client.sync([of("c-1", "female"), Shopper::default(), of("c-2", "F")])?;

    assert!(store.customer("c-1").is_none() && store.customer("c-2").is_some());
    let refused: Vec<_> = outcome.refused.iter().map(Error::to_string).collect();
    assert_eq!(
        refused,
        [
            r#"400 {"errors":[{"message":"customer.gender must be `F`, `M` or `Other`"}]}"#,
            "a shopper needs an external id, an e-mail address or a phone number"
        ]
    );
    Ok(())
}

// Events

#[test]
fn an_event_arrives_with_what_is_known_of_it() -> Passed {
    let (store, mut client, _) = scene();

    client.send_event(&return_of(&emma()))?;

    let event = store.event("item_returned:R-77").expect("it arrived");
    assert_eq!(event.event_type(), "item_returned");
    assert_eq!(event.timestamp(), Some("2029-12-31T10:00:00"));
    assert_eq!(event.external_id(), Some("c-1"));
    assert_eq!(event.property("order"), Some(&json!("1001")));
    Ok(())
}

#[test]
fn an_event_that_is_told_twice_counts_once() -> Passed {
    let (store, mut client, _) = scene();

    client.send_event(&return_of(&emma()))?;
    client.send_event(&return_of(&emma()))?;

    assert_eq!(store.events().len(), 1);
    Ok(())
}

#[test]
fn an_event_whose_answer_was_lost_counts_once() -> Passed {
    let (store, mut client, _) = scene();
    store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());

    client.send_event(&return_of(&emma()))?;

    store.requests().events().assert_count(2);
    assert_eq!(store.events().len(), 1, "the event counts twice");
    Ok(())
}

// Hard times

#[test]
fn a_429_is_waited_out_for_as_long_as_it_says() -> Passed {
    let (store, mut client, waits) = scene();
    store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(7));

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    assert_eq!(*waits.borrow(), [7]);
    Ok(())
}

#[test]
fn the_rate_limit_delays_and_loses_nothing() -> Passed {
    let yotpo = YotpoMock::builder().rate_limit(5).start();
    yotpo.freeze(); // or else a slow run would be within the limit
    let (store, mut client, waits) = scene_of(&yotpo);

    client.sync((1..=12).map(|number| Shopper {
        external_id: Some(format!("c-{number}")),
        ..Shopper::default()
    }))?;

    assert_eq!(store.customers().len(), 12);
    // A token, a page and twelve writes at five a second.
    assert_eq!(*waits.borrow(), [1, 1]);
    Ok(())
}

#[test]
fn an_error_of_the_vendor_is_retried_with_backoff() -> Passed {
    let (store, mut client, waits) = scene();
    store.fail_next(Operation::UpsertCustomer, Fault::service_unavailable().times(3));

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    assert_eq!(*waits.borrow(), [1, 2, 4]);
    Ok(())
}

#[test]
fn a_lost_connection_is_retried() -> Passed {
    let (store, mut client, waits) = scene();
    store.fail_next(Operation::UpsertCustomer, Fault::connection_closed());

    client.sync([emma()])?;

    assert!(store.customer("c-1").is_some());
    assert_eq!(*waits.borrow(), [1]);
    Ok(())
}

#[test]
fn a_vendor_who_is_down_for_good_is_given_up() {
    let (store, mut client, waits) = scene();
    store.add_fault(Fault::service_unavailable().on(Operation::UpsertCustomer));

    let error = client.sync([emma()]).expect_err("the vendor is down");

    assert_eq!(error.to_string(), "PATCH customers: 503 after 5 attempts");
    assert_eq!(*waits.borrow(), [1, 2, 4, 8]);
}

#[test]
fn a_token_that_dies_during_a_run_is_replaced() -> Passed {
    let (store, mut client, _) = scene();
    store.fail_next(Operation::UpsertCustomer, Fault::expired_token());

    client.sync([emma()])?;

    store.requests().upserts().with_status(200).assert_count(1);
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
    Ok(())
}

#[test]
fn a_token_that_died_since_the_last_run_is_replaced() -> Passed {
    let (store, mut client, _) = scene();
    client.sync([emma()])?;
    store.advance(Duration::from_secs(15 * 24 * 3600));

    assert_eq!(client.sync([emma()])?.unchanged, 1);
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
    Ok(())
}

#[test]
fn a_token_is_replaced_only_once() {
    let (store, mut client, _) = scene();
    store.add_fault(Fault::status(401).on(Operation::RetrieveCustomers));

    let error = client.customers().expect_err("no token is good");

    assert!(matches!(error, Error::Refused { status: 401, .. }), "{error}");
    store.requests().operation(Operation::CreateAccessToken).assert_count(2);
}
