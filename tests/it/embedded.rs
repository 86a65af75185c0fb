//! The emulator as a value in a Rust test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use chrono::TimeDelta;
use insta::assert_snapshot;
use serde_json::{Value, json};
use ureq::Agent;
use yotpo_mock::note::Note;
use yotpo_mock::{Customer, EmptyResult, Event, Fault, Operation, Setting, StepKind, Store, Validation, YotpoMock};

use crate::support::{NOW, agent};

/// A client of one store.
struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Client {
    fn of(store: &Store) -> Client {
        Client { agent: agent(), url: store.api_url(), token: store.access_token() }
    }

    fn get(&self, query: &str) -> (u16, Value) {
        let request = self.agent.get(format!("{}/customers{query}", self.url));
        let mut response = request.header("X-Yotpo-Token", &self.token).call().expect("an answer");
        (response.status().as_u16(), response.body_mut().read_json().expect("JSON"))
    }

    /// The status, or 0 where there is no answer.
    fn patch(&self, path: &str, body: Value) -> u16 {
        let request = self.agent.patch(format!("{}/{path}", self.url));
        let response = request.header("X-Yotpo-Token", &self.token).send_json(body);
        response.map_or(0, |response| response.status().as_u16())
    }

    fn upsert(&self, customer: Value) -> u16 {
        self.patch("customers", json!({ "customer": customer }))
    }

    fn event(&self, event: Value) -> u16 {
        self.patch("customer_events", json!({ "customer_event": event }))
    }
}

fn frozen() -> YotpoMock {
    YotpoMock::builder().frozen_at(NOW.parse().expect("a time")).start()
}

/// What something panics with.
fn panic_of<T>(something: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(something)).err().expect("it panics");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a panic with words")
}

#[test]
fn declaring_a_known_store_changes_nothing() {
    let yotpo = YotpoMock::builder().seed(r#"{"store":"open","customer":{"external_id":"c-1"}}"#).start();
    let store = yotpo.store("shop");
    assert_eq!(store.secret(), "secret-of-shop");
    assert_eq!(yotpo.store("shop").secret(), store.secret());
    let client = Client::of(&store);
    assert_eq!(client.get("").0, 200);
    let stranger = Client { token: "any".to_owned(), ..client };
    assert_eq!(stranger.get("").1["errors"][0]["message"], "the access token is not known");
    let open = Client { token: "any".to_owned(), ..Client::of(&yotpo.store("open")) };
    assert_eq!((yotpo.store("open").secret(), open.get("").0), ("any", 200));

    yotpo.reset();
    assert_eq!(yotpo.store_ids(), ["open", "shop"]);
    assert_eq!(yotpo.store("shop").secret(), "secret-of-shop", "it is declared for good");
    assert_eq!(open.get("").0, 200, "others need not be declared");
}

#[test]
fn seeded_customers_are_served_and_writes_are_visible() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    store.seed([
        Customer::builder().external_id("c-1").email("ann@example.com").custom_property("club", "gold").build(),
        Customer::builder().phone_number("+14155552671").accepts_sms_marketing(true).build(),
    ]);
    store.seed_events([Event::builder("r-1", "item_returned").external_id("c-1").property("order_id", "1").build()]);
    let client = Client::of(&store);
    let (_, page) = client.get("?email=ANN@example.com&include_custom_properties=true");
    assert_eq!(page["customers"][0]["custom_properties"], json!({"club": "gold"}));

    assert_eq!(client.upsert(json!({"external_id": "c-1", "phone_number": "+14155552671", "first_name": "Ann"})), 200);
    assert_eq!(client.event(json!({"type": "item_kept", "unique_id": "k-1", "customer": {"external_id": "c-1"}})), 200);
    let ann = store.customer("c-1").expect("she is there");
    assert_eq!((ann.first_name(), ann.accepts_sms_marketing(), ann.number()), (Some("Ann"), Some(true), Some(1)));
    assert_eq!(store.customer_by_email("Ann@Example.com").as_ref(), Some(&ann));
    assert_eq!(store.customer_by_phone_number("+14155552671"), Some(ann.clone()));
    assert_eq!(store.customers().first(), Some(&ann));
    let events = store.events().into_iter().map(|event| event.to_json().to_string());
    assert_snapshot!(events.collect::<Vec<_>>().join("\n"), @r#"
    {"customer":{"email":"ann@example.com","external_id":"c-1","phone_number":"+14155552671"},"properties":{"order_id":"1"},"source":null,"timestamp":"2026-01-01T00:00:00","type":"item_returned","unique_id":"r-1"}
    {"customer":{"email":"ann@example.com","external_id":"c-1","phone_number":"+14155552671"},"properties":{},"source":null,"timestamp":"2026-01-01T00:00:00","type":"item_kept","unique_id":"k-1"}
    "#);
    assert_eq!(store.event("r-1").and_then(|event| event.property("order_id").cloned()), Some(json!("1")));

    let steps = store.lineage(&ann);
    let lines: Vec<_> =
        steps.iter().map(|step| format!("{:?} by {}: {:?}", step.kind, step.rule, step.fields)).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    Updated by identity.external_id: ["external_id", "phone_number", "first_name", "account_updated_at"]
    Merged(MergedProfile { number: 2, external_id: None, email: None, phone_number: Some("+14155552671") }) by identity.goes_on: ["accepts_sms_marketing"]
    Updated by identity.external_id: ["external_id", "account_updated_at"]
    "#);
}

#[test]
fn an_invalid_seed_panics_and_adds_nothing() {
    let store = YotpoMock::shared().new_store();
    let ann = Customer::builder().external_id("c-1").build();
    let wrong = Customer::builder().external_id("c-2").field("frist_name", "Bob").build();
    let words = panic_of(|| store.seed([ann.clone(), wrong])).replace(store.id(), "shop");
    assert_snapshot!(words, @"store `shop` cannot be seeded so: line 1: stores[0].customers[1].frist_name is not a field that a seed may have; did you mean `first_name`?");
    let words = panic_of(|| store.seed([ann.clone(), ann.clone()])).replace(store.id(), "shop");
    assert_snapshot!(words, @"store `shop` cannot be seeded so: line 1: stores[0].customers[1].external_id `c-1` is already that of another customer of store `shop`");
    let nobody = Event::builder("r-1", "item_returned").external_id("c-9").build();
    assert_snapshot!(panic_of(|| store.seed_events([nobody])).replace(store.id(), "shop"), @"store `shop` cannot be seeded so: line 1: stores[0].events[0].customer is not a customer of store `shop` that precedes the event");
    assert_snapshot!(panic_of(|| store.generate(0, 1, 1)).replace(store.id(), "shop"), @"nothing is generated for store `shop`: there is no customer for the events");
    assert_snapshot!(panic_of(|| store.generate(1_000_001, 0, 1)), @"at most 1000000 customers and 1000000 events are generated at a time");
    assert!(store.customers().is_empty() && store.events().is_empty());
    assert_eq!(store.seed([ann]).customers_created, 1);
    assert_eq!(panic_of(|| YotpoMock::shared().store("")), "a store has an id that is not empty");
}

#[test]
fn a_failed_assertion_lists_the_nearest_requests() {
    let yotpo = frozen();
    let (store, other) = (yotpo.store("shop"), yotpo.store("other"));
    Client::of(&other).upsert(json!({"email": "ann@example.com"}));
    let upserts = || store.requests().upserts().with_email("ann@example.com");
    assert_snapshot!(panic_of(|| upserts().assert_count(1)), @r#"expected 1 request to store `shop` for `upsertCustomer` with `customer.email` "ann@example.com", found none and no similar request"#);
    let client = Client::of(&store);
    client.get("?email=ann@example.com");
    client.upsert(json!({"email": "bob@example.com", "first_name": "Bob"}));
    client.upsert(json!({"email": "ann@example.com", "gender": "female"}));
    assert_snapshot!(panic_of(|| upserts().with_field("first_name", "Ann").with_status(200).assert_count(1)), @r#"
    expected 1 request to store `shop` for `upsertCustomer` with `customer.email` "ann@example.com" and `customer.first_name` "Ann" and `status` 200, found none; nearest requests:
      #4 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
         `body.customer.first_name`: expected "Ann", found nothing
         `status`: expected 200, found 400
      #3 PATCH /core/v3/stores/shop/customers, answered 200
         `body.customer.email`: expected "ann@example.com", found "bob@example.com"
         `body.customer.first_name`: expected "Ann", found "Bob"
      #2 GET /core/v3/stores/shop/customers {"email":"ann@example.com"}, answered 200
         `query.first_name`: expected "Ann", found nothing
         `operation`: expected "upsertCustomer", found "retrieveCustomers"
    "#);
    assert_snapshot!(panic_of(|| upserts().with_field("gender", Value::Null).assert_at_least(2)), @r#"
    expected at least 2 requests to store `shop` for `upsertCustomer` with `customer.email` "ann@example.com" and `customer.gender` absent, found none; nearest requests:
      #4 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
         `body.customer.gender`: expected nothing, found "female"
      #3 PATCH /core/v3/stores/shop/customers, answered 200
         `body.customer.email`: expected "ann@example.com", found "bob@example.com"
      #2 GET /core/v3/stores/shop/customers {"email":"ann@example.com"}, answered 200
         `operation`: expected "upsertCustomer", found "retrieveCustomers"
    "#);
    assert_snapshot!(panic_of(|| store.requests().assert_at_most(2)), @r#"
    expected at most 2 requests to store `shop`, found 3:
      #4 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
      #3 PATCH /core/v3/stores/shop/customers, answered 200
      #2 GET /core/v3/stores/shop/customers {"email":"ann@example.com"}, answered 200
    "#);
    assert_snapshot!(panic_of(|| store.requests().after(3).with_query("limit", "7").assert_count(2)), @r#"
    expected 2 requests to store `shop` with `query.limit` "7" after #3, found none; nearest requests:
      #4 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
         `query.limit`: expected "7", found nothing
    "#);
    assert_snapshot!(panic_of(|| store.requests().rejected_by("gender").count()), @"no request can match: `rule` is `gender`; the header `X-Yotpo-Mock-Rule` of a rejection names its rules");
    assert_snapshot!(panic_of(|| store.requests().with_status(99).count()), @"no request can match: `status` is `99`; use an integer from 100 to 599, or 0 for requests without a response");
    assert_snapshot!(store.requests().upserts(), @r#"
    2 requests to store `shop` for `upsertCustomer`:
      #3 PATCH /core/v3/stores/shop/customers, answered 200
         {"customer":{"email":"bob@example.com","first_name":"Bob"}}
      #4 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
         {"customer":{"email":"ann@example.com","gender":"female"}}
    "#);
}

#[test]
fn the_failure_message_in_the_guide_is_the_real_one() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    Client::of(&store).upsert(json!({"email": "bob@example.com"}));
    let words = panic_of(|| store.requests().upserts().with_email("ann@example.com").assert_count(1));
    assert!(include_str!("../../docs/guides/rust.md").contains(&words), "{words}");
}

#[test]
fn requests_are_filtered_by_each_of_their_parts() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    let client = Client::of(&store);
    client.get("?external_ids=c-1&limit=7");
    client.upsert(json!({"external_id": "c-1", "address": {"city": "Austin"}, "phone_number": "+14155552671"}));
    client.upsert(json!({"external_id": "c-1", "gender": "female"}));
    client.event(json!({"type": "item_kept", "unique_id": "k-1", "customer": {"phone_number": "+14155552671"}}));
    let all = || store.requests();
    assert_eq!((all().count(), yotpo.requests().count(), all().is_empty()), (4, 4, false));
    for (narrowed, count) in [
        (all().retrievals(), 1),
        (all().retrievals().with_external_id("c-1"), 1),
        (all().with_external_id("c-1"), 3),
        (all().with_phone_number("+14155552671"), 2),
        (all().events().with_unique_id("k-1"), 1),
        (all().with_unique_id("k-2"), 0),
        (all().with_field("address", json!({"city": "Austin"})), 1),
        (all().with_body(json!({"customer": {"gender": "female"}})), 1),
        (all().with_body(json!({"customer_event": {"type": "item_kept"}})).with_unique_id("k-1"), 1),
        (all().with_query("limit", "7"), 1),
        (all().with_header("CONTENT-TYPE", "application/json; charset=utf-8"), 3),
        (all().with_path("/core/v3/stores/shop/customers"), 3),
        (all().rejected_by("customer.gender.enum"), 1),
        (all().with_note(Note::EventsEndpoint), 1),
        (all().operation(Operation::CreateAccessToken), 0),
        (all().after(2), 2),
    ] {
        assert_eq!(narrowed.count(), count, "{narrowed:?}");
    }
    assert_eq!(all().last().map(|entry| entry.number), Some(4));
    assert_eq!(
        all().after(1).with_external_id("c-1").bodies(),
        [
            json!({"customer": {"external_id": "c-1", "address": {"city": "Austin"}, "phone_number": "+14155552671"}}),
            json!({"customer": {"external_id": "c-1", "gender": "female"}})
        ]
    );
    assert_eq!(all().retrievals().bodies(), [Value::Null]);
    yotpo.store("other").clear_requests();
    all().assert_count(4);
    store.clear_requests();
    all().assert_none();
}

#[test]
fn faults_apply_to_one_store_the_given_number_of_times() {
    let yotpo = frozen();
    let (store, other) = (yotpo.store("shop"), yotpo.store("other"));
    let (client, of_other) = (Client::of(&store), Client::of(&other));
    let customer = || json!({"external_id": "c-1"});
    let busy = store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));
    assert_eq!((of_other.upsert(customer()), client.upsert(customer()), client.upsert(customer())), (200, 429, 200));
    assert_eq!((busy.hits(), busy.matched(), busy.is_over()), (1, 1, true));
    let entry = store.requests().with_status(429).last().expect("it was struck");
    assert_eq!((entry.fault, entry.response.header("Retry-After").as_deref()), (Some(busy.id()), Some("2")));

    store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());
    let event = json!({"type": "item_kept", "unique_id": "k-1", "customer": {"external_id": "c-1"}});
    assert_eq!((client.event(event), store.events().len()), (0, 1));

    let down =
        store.add_fault(Fault::service_unavailable().body(json!({"down": true})).on_query("limit", "7").after(1));
    assert_eq!([client.get("?limit=7").0, client.get("").0, client.get("?limit=7").0], [200, 200, 503]);
    assert_eq!(client.get("?limit=7").1, json!({"down": true}));
    assert_eq!((down.hits(), down.is_over()), (2, false));
    down.remove();
    assert_eq!(client.get("?limit=7").0, 200);

    yotpo.fail_next(Operation::RetrieveCustomers, Fault::expired_token());
    assert_eq!((of_other.get("").0, client.get("").0), (401, 200));
    assert_eq!((yotpo.faults().len(), store.faults().len()), (3, 2));
    let left = store.add_fault(Fault::truncated(3).on_header("User-Agent", "nobody"));
    store.clear_faults();
    assert!(left.is_over());
    assert_snapshot!(panic_of(|| store.add_fault(Fault::status(99))), @"the fault is not added: `status` must be a whole number from 200 to 599, and is `99`");
    assert_snapshot!(panic_of(|| store.add_fault(Fault::connection_closed().header("A", "b"))), @"the fault is not added: `connection` leaves no response: it goes neither with `status` nor with any other change of a response");
}

#[test]
fn each_store_has_its_own_time_settings_and_snapshots() {
    let yotpo = frozen();
    let (store, other) = (yotpo.store("shop"), yotpo.store("other"));
    let (client, of_other) = (Client::of(&store), Client::of(&other));
    store.advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!((client.get("").0, of_other.get("").0), (401, 200));
    assert_eq!(store.now() - other.now(), TimeDelta::days(15));

    let client = Client::of(&store);
    store.set(Setting::VisibilityDelay(Duration::from_secs(60)));
    store.set(Setting::EmptyResult(EmptyResult::Error));
    let before = store.snapshot();
    assert_eq!(client.upsert(json!({"external_id": "c-1"})), 200);
    assert_eq!((client.get("").0, store.pending_writes().len(), store.settle()), (400, 1, 1));
    assert_eq!((client.get("").0, store.customers().len()), (200, 1));
    client.event(json!({"type": "item_kept", "unique_id": "k-1", "customer": {"external_id": "c-1"}}));
    let pending = store
        .pending_writes()
        .into_iter()
        .map(|write| format!("{} at {}: {}", write.request, write.visible_at, write.body));
    assert_snapshot!(pending.collect::<Vec<_>>().join("\n"), @r#"6 at 2026-01-16 00:01:00 UTC: {"customer_event":{"customer":{"account_updated_at":"2026-01-16T00:00:00","external_id":"c-1"},"properties":{},"source":null,"timestamp":"2026-01-16T00:00:00","type":"item_kept","unique_id":"k-1"}}"#);
    store.set_time("2026-01-17T00:00:00Z".parse().expect("a time"));
    assert_eq!((store.pending_writes().len(), store.events().len()), (0, 1));
    store.restore_json(&before.to_json()).expect("a state");
    assert_eq!((store.customers().len(), store.now() - other.now()), (0, TimeDelta::days(15)));
    store.restore(&before);
    assert_eq!((client.get("").0, store.customers().len()), (400, 0));
    assert_eq!(store.settings().visibility_delay, Duration::from_secs(60));
    store.clear_settings();
    assert_eq!(store.settings(), other.settings());
    store.set(Setting::RateLimit(5));
    store.reset();
    assert_eq!(store.settings(), other.settings());

    for setting in [
        Setting::RateLimit(5),
        Setting::Validation(Validation::Lenient),
        Setting::EnforceDeprecations(true),
        Setting::IssuedTokensOnly(true),
        Setting::BodyLimit(100),
    ] {
        yotpo.set(setting);
    }
    let settings = other.settings();
    assert_eq!((settings.rate_limit, settings.validation, settings.body_limit), (5, Validation::Lenient, 100));
    assert!(settings.enforce_deprecations && settings.issued_tokens_only);
    yotpo.clear_settings();
    assert_eq!(other.settings().body_limit, yotpo_mock::DEFAULT_BODY_LIMIT);
    assert_snapshot!(panic_of(|| yotpo.set(Setting::BodyLimit(0))), @"body_limit must be a whole number of bytes, at least 1, and is `0`");

    yotpo.set_time("2030-01-01T00:00:00Z".parse().expect("a time"));
    assert_snapshot!(panic_of(|| yotpo.set_time(NOW.parse().expect("a time"))), @"a clock never goes back: it is `2030-01-01T00:00:00Z` already");
    assert_snapshot!(panic_of(|| yotpo.advance(Duration::from_secs(u64::MAX))), @"a clock is not advanced beyond the year 9000");
}

#[test]
fn a_snapshot_is_saved_and_restored_as_json() {
    let yotpo = frozen();
    yotpo.store("shop").generate(20, 5, 1);
    let all = yotpo.snapshot();
    let document = all.to_json();
    yotpo.reset_to_empty();
    assert!(yotpo.store("shop").customers().is_empty());
    yotpo.restore_json(&document).expect("a state");
    assert_eq!(yotpo.snapshot().to_json(), document);
    yotpo.store("shop").reset();
    yotpo.restore(&all);
    assert_eq!(yotpo.snapshot().to_json(), document);
    assert!(yotpo.restore_json(&document[..document.len() - 9]).is_err());
    assert_eq!(yotpo.snapshot().to_json(), document);
    let late = yotpo.store("late");
    assert_eq!(panic_of(|| late.restore(&all)), "the snapshot cannot be restored: it does not have store `late`");
}

#[test]
fn the_report_lists_assumptions_and_problems() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    let client = Client::of(&store);
    client.upsert(json!({"external_id": "c-1", "gender": "female"}));
    client.event(json!({"type": "item_kept", "unique_id": "k-1", "customer": {"external_id": "c-1"}}));
    client.patch("orders", json!({}));
    store.fail_next(Operation::UpsertCustomer, Fault::status(500));
    client.upsert(json!({"external_id": "c-1"}));
    let report = store.report();
    assert_eq!(
        (report.requests(), report.injected(), report.server_errors(), report.malformed_requests()),
        (4, 1, 0, 0)
    );
    assert_eq!((report.calls(Operation::UpsertCustomer), report.calls_with(Operation::UpsertCustomer, 400)), (2, 1));
    assert_eq!((report.rejections("customer.gender.enum"), report.notes()), (1, vec![(Note::EventsEndpoint, 1)]));
    let unmatched: Vec<_> = report.unmatched().iter().map(|it| (it.path.clone(), it.status, it.count)).collect();
    assert_eq!(unmatched, [("/core/v3/stores/shop/orders".to_owned(), 501, 1)]);
    assert_eq!(report.never_called().len(), 3);
    assert_eq!(report.to_json(), yotpo.report().to_json());
    assert_snapshot!(report, @"
    4 requests, 1 with an injected fault, 0 server errors
      upsertCustomer answered 400: 1
      upsertCustomer answered 500: 1
      upsertCustomerEvent answered 200: 1
      rejected by customer.gender.enum: 1
      rejected by path.not_emulated: 1
      deprecated events.endpoint: 1
      no operation PATCH /core/v3/stores/shop/orders answered 501: 1
    ");
    store.clear_report();
    assert_eq!((store.report().requests(), report.requests()), (0, 4));
}

#[test]
fn a_dry_run_returns_the_outcome_of_a_write() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    store.seed([
        Customer::builder().email("ann@example.com").first_name("Ann").build(),
        Customer::builder().phone_number("+14155552671").build(),
    ]);
    let body = json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671"}});
    let explained = store.explain(&body);
    assert_eq!((explained.outcome, explained.rule), (Some(StepKind::Adopted), Some("identity.adopt")));
    assert_eq!(explained.merged.len(), 1);
    assert_eq!(
        explained.customer.and_then(|customer| customer.first_name().map(str::to_owned)).as_deref(),
        Some("Ann")
    );
    assert_eq!(store.customers().len(), 2, "nothing was written");
}

#[test]
fn requests_with_a_fault_or_over_the_limit_are_recorded() {
    let yotpo = frozen();
    let store = yotpo.store("shop");
    let client = Client::of(&store);
    let event = || json!({"type": "item_kept", "unique_id": "k-1", "customer": {"external_id": "c-1"}});
    store.fail_next(Operation::UpsertCustomerEvent, Fault::too_many_requests(1));
    assert_eq!((client.event(event()), client.event(event())), (429, 200));
    store.requests().events().with_unique_id("k-1").assert_count(2);
    store.set(Setting::RateLimit(1));
    assert_eq!((client.event(event()), client.event(event())), (200, 429));
    store.requests().events().with_external_id("c-1").assert_count(4);
    let stranger = Client { token: "nobody's".to_owned(), ..client };
    assert_eq!(stranger.event(event()), 401);
    store.requests().events().with_unique_id("k-1").with_status(401).assert_count(1);
}

#[test]
fn incomplete_bodies_and_journals_are_not_counted() {
    let yotpo = YotpoMock::builder().journal_entries(3).journal_body_bytes(60).start();
    let (store, busy) = (yotpo.store("shop"), yotpo.store("busy"));
    let client = Client::of(&store);
    client.upsert(json!({"external_id": "c-1", "tags": "x".repeat(60)}));
    assert_snapshot!(panic_of(|| store.requests().with_external_id("c-2").assert_none()), @"the body of #1 was truncated and cannot be compared: raise `journal_body_bytes`");
    store.requests().retrievals().with_external_id("c-2").assert_none();
    store.requests().upserts().assert_count(1);
    let of_busy = Client::of(&busy);
    (0..3).for_each(|_| drop(of_busy.get("")));
    store.requests().upserts().assert_count(1);
    (0..3).for_each(|_| drop(client.get("")));
    assert_snapshot!(panic_of(|| store.requests().upserts().assert_none()), @"the journal has evicted requests up to #1, so their number is unknown: raise `journal_entries` and `journal_bytes`, or count only those `after` #1");
    assert_snapshot!(panic_of(|| yotpo.requests().count()), @"the journal has evicted requests up to #1, so their number is unknown: raise `journal_entries` and `journal_bytes`, or count only those `after` #1");
    busy.requests().assert_count(3);
    busy.requests().retrievals().assert_at_least(3);
    yotpo.requests().after(1).assert_count(6);
    store.clear_requests();
    store.requests().assert_none();
}

#[test]
fn impossible_faults_and_filters_panic() {
    let store = YotpoMock::shared().new_store();
    let all = || store.requests();
    assert_snapshot!(panic_of(|| all().with_header("X-Yotpo-Token", "t")), @"no request can match: the journal hides the value of the header `X-Yotpo-Token`");
    assert_snapshot!(panic_of(|| all().with_field("frist_name", "Ann")), @"no request can match: customers have no field `frist_name`, only `external_id`, `email`, `phone_number`, `first_name`, `last_name`, `gender`, `account_created_at`, `account_updated_at`, `account_status`, `default_language`, `default_currency`, `tags`, `address`, `accepts_sms_marketing`, `accepts_email_marketing`, `lists`, `channels`, `custom_properties`, `loyalty` and `yotpo_ugc`");
    assert_snapshot!(panic_of(|| all().upserts().events()), @"no request can match: the filter is for `upsertCustomer` and for `upsertCustomerEvent`");
    assert_snapshot!(panic_of(|| all().with_path("core/v3").count()), @"no request can match: `path` is `core/v3`; it must start with `/`, spaces are percent-encoded, and the query belongs in `query`");
    assert_snapshot!(panic_of(|| all().with_path("/core/v3?limit=1").count()), @"no request can match: `path` is `/core/v3?limit=1`; it must start with `/`, spaces are percent-encoded, and the query belongs in `query`");
    assert_snapshot!(panic_of(|| store.fail_next(Operation::UpsertCustomer, Fault::status(500).on(Operation::RetrieveCustomers))), @"the fault is for `retrieveCustomers` already, and would be for `upsertCustomer`");
}

#[test]
fn debug_output_is_short_and_has_no_secrets() {
    let yotpo = YotpoMock::builder().store("shop", "s3cret").control_token("t0ken").start();
    let store = yotpo.store("shop");
    let token = store.access_token();
    let fault = store.add_fault(Fault::status(503));
    let builder = YotpoMock::builder().store("shop", "s3cret").control_token("t0ken");
    let printed =
        format!("{yotpo:?}\n{store:?}\n{fault:?}\n{:?}\n{:?}\n{builder:?}", yotpo.requests(), yotpo.snapshot());
    assert!(![&token, "s3cret", "t0ken"].iter().any(|secret| printed.contains(*secret)), "{printed}");
    assert_snapshot!(printed.replace(yotpo.url(), "http://127.0.0.1:4600"), @r#"
    YotpoMock { url: "http://127.0.0.1:4600", .. }
    Store { id: "shop", url: "http://127.0.0.1:4600", .. }
    {"hits":0,"id":1,"match":{"store":"shop"},"matched":0,"status":503,"used_up":false}
    requests
    Snapshot { stores: ["shop"], .. }
    Builder { host: Address(127.0.0.1), port: 0, .. }
    "#);
}
