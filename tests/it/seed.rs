//! Seeds: what is there before the first request.

use insta::assert_snapshot;
use yotpo_mock::{Validation, YotpoMock};

use crate::support::{Emulator, customers};

/// Why an emulator does not start with a seed.
fn rejection(document: &str) -> String {
    let started = YotpoMock::builder().seed(document).try_start();
    started.err().map(|error| error.to_string()).unwrap_or_else(|| "it started".to_owned())
}

fn customer(json: &str) -> String {
    rejection(&format!("{{\"stores\":[{{\"id\":\"shop\",\"customers\":[\n{json}]}}]}}"))
}

#[test]
fn ndjson_and_json_are_equivalent() {
    let json = Emulator::seeded(
        r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"},{"email":"ann@example.com"}],
            "events":[{"unique_id":"e-1","type":"t","timestamp":"2025-01-01","customer":{"external_id":"c-1"}}]}]}"#,
    );
    let ndjson = Emulator::seeded(
        "{\"store\":\"shop\",\"customer\":{\"external_id\":\"c-1\"}}\n{\"store\":\"shop\",\"customer\":{\"email\":\"ann@example.com\"}}\n\
         {\"store\":\"shop\",\"event\":{\"unique_id\":\"e-1\",\"type\":\"t\",\"timestamp\":\"2025-01-01\",\"customer\":{\"external_id\":\"c-1\"}}}\n",
    );
    assert_eq!(json.all_customers(), ndjson.all_customers());
    assert_eq!(crate::event::all_events(&json), crate::event::all_events(&ndjson));
    assert_snapshot!(crate::event::all_events(&json), @"e-1: t by nobody at 2025-01-01T00:00:00 of c-1 {}");
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let emulator =
        Emulator::seeded("\u{feff}{\"stores\":[{\"id\":\"shop\",\"customers\":[{\"external_id\":\"c-1\"}]}]}");
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
}

#[test]
fn a_seed_of_a_store_that_no_client_can_reach_is_rejected() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret"));
    let seed = |document: &str| emulator.control("POST", "/seed").body("application/json", document).send();
    assert_snapshot!(seed(r#"{"store":"other","customer":{"external_id":"c-1"}}"#), @r#"
    400
    {
      "error":"invalid seed: store `other` needs a `secret`: the emulated API only accepts stores that have one, since other stores have one",
      "hint":"nothing was added; a seed is `{\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}`"
    }
    "#);
    assert_eq!(seed(r#"{"store":"shop","customer":{"external_id":"c-1"}}"#).status(), 200);
    let generated = emulator.control("POST", "/stores/other/generate").json(serde_json::json!({"customers": 1}));
    assert_snapshot!(generated.send(), @r#"
    404
    {
      "error":"there is no store `other`",
      "hint":"seed it with a `secret` first: the emulated API only accepts stores that have one, since other stores have one"
    }
    "#);
    assert_eq!(seed(r#"{"store":"other","secret":"0ther","customer":{"external_id":"c-1"}}"#).status(), 200);
    let error = emulator.mock.seed(r#"{"store":"third","customer":{"external_id":"c-1"}}"#).unwrap_err();
    assert_snapshot!(error, @"store `third` needs a `secret`: the emulated API only accepts stores that have one, since other stores have one");
}

#[test]
fn several_seeds_add_up() {
    let one = |id: &str| format!(r#"{{"stores":[{{"id":"shop","customers":[{{"external_id":"{id}"}}]}}]}}"#);
    let emulator = Emulator::with(|builder| builder.seed(one("c-1")).seed(one("c-2")));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "c-2"]);
}

#[test]
fn read_side_data_is_seeded() {
    let emulator = Emulator::seeded(
        r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1","lists":[{"id":"1","since":"2023-05-22T11:08:52Z"}],
            "channels":{"email":{"marketing":{"consent":"unsubscribed","timestamp":"2023-04-23T11:09:56+02:00",
            "suppressions":{"suppression_reason":"HARD_BOUNCE","timestamp":"2023-04-24"}}}},
            "loyalty":{"points_balance":7,"last_seen_at":"2023-04-24"},"yotpo_ugc":{"total_reviews":3,"top_topics":["fit"]}}]}]}"#,
    );
    assert_snapshot!(emulator.get(&customers("?expand=loyalty,reviews")).customers(), @r#"channels: {"email":{"marketing":{"consent":"unsubscribed","suppressions":{"suppression_reason":"HARD_BOUNCE","timestamp":"2023-04-24T00:00:00"},"timestamp":"2023-04-23T09:09:56"}}}, external_id: "c-1", lists: [{"id":"1","since":"2023-05-22T11:08:52"}], loyalty: {"last_seen_at":"2023-04-24T00:00:00","points_balance":7}, yotpo_ugc: {"top_topics":["fit"],"total_reviews":3}"#);
}

#[test]
fn the_error_of_a_broken_seed_has_location_and_cause() {
    assert_snapshot!(rejection(""), @"cannot seed from `a document`: it holds no JSON value");
    assert_snapshot!(rejection("{"), @"cannot seed from `a document`: it ends in the middle of an object (line 1, column 1)");
    assert_snapshot!(rejection("[]"), @"cannot seed from `a document`: it must be an object, and is an array (line 1, column 0)");
    assert_snapshot!(rejection("{\"stores\":[{\"id\":\"shop\"}],\"stroes\":[]}"), @"cannot seed from `a document`: unknown field `stroes`, expected one of `$schema`, `stores`, `store`, `secret`, `customer`, `event`; did you mean `stores`? (line 1, column 34)");
    assert_snapshot!(rejection("{\"stores\":[{\"id\":\"\"}]}"), @"cannot seed from `a document`: stores[0].id is empty");
    assert_snapshot!(rejection("{\"store\":\"\",\"customer\":{\"external_id\":\"c-1\"}}"), @"cannot seed from `a document`: store is empty");
    assert_snapshot!(rejection("{\"store\":\"shop\"}"), @"cannot seed from `a document`: each value must have either `stores`, or `store` beside `secret`, `customer` or `event`");
    assert_snapshot!(rejection("{\"stores\":[{\"id\":\"shop\",\"secret\":\"\"}]}"), @"cannot seed from `a document`: the secret of store `shop` is empty");
    assert_snapshot!(rejection("{\"stores\":[{\"id\":\"shop\",\"secret\":\"a\"},{\"id\":\"shop\",\"secret\":\"b\"}]}"), @"cannot seed from `a document`: store `shop` is declared with two different secrets");
    assert_snapshot!(customer(r#"7"#), @"cannot seed from `a document`: line 2: stores[0].customers[0] must be an object");
    assert_snapshot!(customer(r#"{"first_name":"Ann"}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0] needs `external_id`, or one of `email` and `phone_number`");
    assert_snapshot!(customer("{\"external_id\":\"c-1\"},\n{\"external_id\":\"c-2\",\"gender\":\"f\"}"), @"cannot seed from `a document`: line 3: stores[0].customers[1].gender must be `F`, `M` or `Other` (got `f`)");
    assert_snapshot!(customer("{\"external_id\":\"c-1\"},\n{\"external_id\":\"c-1\"}"), @"cannot seed from `a document`: line 3: stores[0].customers[1].external_id `c-1` is already that of another customer of store `shop`");
    assert_snapshot!(customer(r#"{"external_id":"c-1","colour":"red"}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].colour is not a field that a seed may have");
    assert_snapshot!(customer(r#"{"external_id":"c-1","address":{"planet":"Earth"}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].address.planet is not a field that a seed may have");
    assert_snapshot!(customer(r#"{"external_id":"c-1","lists":[{"since":"2023-01-01"}]}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].lists[0]: `id` is missing");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"email":{"marketing":{"consent":"maybe"}}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.email.marketing.consent must be `subscribed` or `unsubscribed` (got `maybe`)");
    assert_snapshot!(customer(r#"{"external_id":"c-1","lists":[{"id":"1"},["2"]]}"#), @r#"cannot seed from `a document`: line 2: stores[0].customers[0].lists[1] must be an object (got ["2"])"#);
    assert_snapshot!(customer(r#"{"external_id":"c-1","lists":"1"}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].lists must be an array (got `1`)");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":[]}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels must be an object (got [])");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"fax":{}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels: unknown field `fax`, expected `sms` or `email`");
    assert_snapshot!(customer(r#"{"external_id":"c-1","loyalty":{"points_balance":"many"}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].loyalty.points_balance must be a whole number (got `many`)");
    assert_snapshot!(customer(r#"{"external_id":"c-1","yotpo_ugc":{"stars":5}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].yotpo_ugc.stars is not a field that a seed may have");
    assert_snapshot!(
        rejection("{\"store\":\"shop\",\"customer\":{\"external_id\":\"c-1\"}}\n{\"store\":\"shop\",\"event\":{\"type\":\"t\",\"unique_id\":1,\"customer\":{\"external_id\":\"c-2\"}}}"),
        @"cannot seed from `a document`: line 2: event.customer is not a customer of store `shop` that precedes the event"
    );
    assert_snapshot!(rejection("{\"store\":\"shop\",\"customer\":{\"external_id\":\"c-1\"}}\n{\"store\":\"shop\",\"customer\":{\"exter"), @"cannot seed from `a document`: customer: it ends in the middle of a string (line 2, column 34)");
}

#[test]
fn a_seed_lists_all_its_mistakes() {
    assert_snapshot!(customer(r#"{"fistname":"Ann","gender":"f","default_currency":7,"loyalty":{"points_balence":1}},
        {"external_id":"c-1"},
        {"external_id":"c-1","adress":{}}"#), @"
    cannot seed from `a document`: it has 6 mistakes:
    - line 2: stores[0].customers[0].fistname is not a field that a seed may have; did you mean `first_name`?
    - line 2: stores[0].customers[0] needs `external_id`, or one of `email` and `phone_number`
    - line 2: stores[0].customers[0].gender must be `F`, `M` or `Other` (got `f`)
    - line 2: stores[0].customers[0].default_currency must be a string (got 7)
    - line 2: stores[0].customers[0].loyalty.points_balence is not a field that a seed may have; did you mean `points_balance`?
    - line 4: stores[0].customers[2].adress is not a field that a seed may have; did you mean `address`?
    ");
    let invalid = vec![r#"{"store":"shop","customer":{"emial":"a@example.com"}}"#; 15].join("\n");
    assert_snapshot!(rejection(&invalid).lines().take(2).collect::<Vec<_>>().join("\n"), @"
    cannot seed from `a document`: it has at least 20 mistakes:
    - line 1: customer.emial is not a field that a seed may have; did you mean `email`?
    ");
    assert_eq!(rejection(&invalid).lines().count(), 21, "the first twenty");
}

#[test]
fn a_seed_may_name_its_schema() {
    let emulator = Emulator::seeded(
        r#"{"$schema":"seed.schema.json","stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#,
    );
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
}

#[test]
fn an_array_is_not_read_as_an_object() {
    assert_snapshot!(rejection(r#"{"stores":[["shop","secret",[{"external_id":"c-1"}],[]]]}"#), @"cannot seed from `a document`: `stores[0]` must be an object, and is an array (line 1, column 11)");
    assert_snapshot!(rejection(r#"{"stores":[["shop",null]]}"#), @"cannot seed from `a document`: `stores[0]` must be an object, and is an array (line 1, column 11)");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"sms":[]}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.sms must not be an array");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"sms":{"marketing":["subscribed","2023-04-23",[]]}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.sms.marketing must not be an array");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"sms":{"marketing":{"suppressions":["HARD_BOUNCE"]}}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.sms.marketing.suppressions must not be an array");
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"sms":{"marketing":{"suppressions":[{"suppression_reason":"HARD_BOUNCE"}]}}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.sms.marketing.suppressions must not be an array");
}

#[test]
fn a_suppression_has_one_of_the_known_reasons() {
    assert_snapshot!(customer(r#"{"external_id":"c-1","channels":{"email":{"marketing":{"suppressions":{"suppression_reason":"SPAM_REPORT"}}}}}"#), @"cannot seed from `a document`: line 2: stores[0].customers[0].channels.email.marketing.suppressions.suppression_reason must be `HARD_BOUNCE`, `SOFT_BOUNCE` or `MANUAL_SUPPRESSION` (got `SPAM_REPORT`)");
}

#[test]
fn lenient_validation_applies_to_seeds() {
    let document = r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1","gender":"female","account_created_at":"once"}]}]}"#;
    let emulator = Emulator::with(|builder| builder.validation(Validation::Lenient).seed(document));
    assert_snapshot!(emulator.all_customers(), @r#"account_created_at: "once", external_id: "c-1", gender: "female""#);
}
