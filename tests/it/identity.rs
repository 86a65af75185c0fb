//! Identity and merging: contract, section 7, rule by rule.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, customers};

fn seeded(customers: serde_json::Value) -> Emulator {
    Emulator::seeded(&json!({"stores": [{"id": "shop", "customers": customers}]}).to_string())
}

#[test]
fn an_external_id_finds_its_own_profile() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.org", "first_name": "Ann"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.org", external_id: "c-1", first_name: "Ann""#);
}

#[test]
fn an_external_id_is_compared_exactly() {
    let emulator = Emulator::new();
    for id in ["c-1", "C-1", "c-1 ", "007", "7"] {
        emulator.upsert(json!({"external_id": id}));
    }
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "C-1", "c-1 ", "007", "7"]);
}

#[test]
fn a_shopper_known_by_email_gains_the_id_on_the_same_profile() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"email": "Ann@example.com", "first_name": "Ann", "last_name": "Lee"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@EXAMPLE.com", "first_name": "Anna"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@EXAMPLE.com", external_id: "c-1", first_name: "Anna", last_name: "Lee""#);
}

#[test]
fn the_email_takes_precedence_over_the_phone_number_when_a_profile_gains_an_id() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"phone_number": "+14155552671", "first_name": "By phone", "tags": "phone"}));
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "By email"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", external_id: "c-1", first_name: "By email", phone_number: "+14155552671", tags: "phone""#);
}

#[test]
fn without_a_match_an_external_id_creates_a_profile() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"email": "ann@example.com"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "beth@example.com"}));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["ann@example.com", "c-1"]);
}

#[test]
fn the_oldest_of_several_unclaimed_profiles_gains_the_id_and_the_others_are_merged_into_it() {
    let emulator = seeded(json!([
        {"email": "ann@example.com", "first_name": "Oldest", "lists": [{"id": "1"}]},
        {"email": "ann@example.com", "first_name": "Middle", "last_name": "Lee", "lists": [{"id": "2"}, {"id": "1"}]},
        {"email": "ann@example.com", "last_name": "Newest", "tags": "vip"}
    ]));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", external_id: "c-1", first_name: "Oldest", last_name: "Lee", lists: [{"id":"1","since":null},{"id":"2","since":null}], tags: "vip""#);
}

#[test]
fn the_write_wins_over_the_target_and_the_target_over_the_merged() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"phone_number": "+14155552671", "first_name": "Merged", "last_name": "Merged", "tags": "merged",
        "address": {"city": "Merged", "state": "Merged", "zip": "merged"}, "custom_properties": {"a": "merged", "b": "merged", "c": "merged"}}));
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Target", "last_name": "Target",
        "address": {"city": "Target", "state": "Target"}, "custom_properties": {"a": "target", "b": "target"}}));
    emulator.upsert(json!({"external_id": "c-1", "phone_number": "+14155552671", "first_name": "Write",
        "address": {"city": "Write"}, "custom_properties": {"a": "write"}}));
    assert_snapshot!(emulator.all_customers(), @r#"address: {"city":"Write","state":"Target","zip":"merged"}, custom_properties: {"a":"write","b":"target","c":"merged"}, external_id: "c-1", first_name: "Write", last_name: "Target", phone_number: "+14155552671", tags: "merged""#);
}

#[test]
fn an_empty_text_is_a_value() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Ann", "tags": "vip"}));
    emulator.upsert(json!({"external_id": "c-1", "first_name": ""}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", external_id: "c-1", first_name: "", tags: "vip""#);
}

#[test]
fn two_external_ids_never_merge_and_both_keep_the_shared_email() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "email": "family@example.com", "phone_number": "+14155552671"}));
    emulator.upsert(json!({"external_id": "c-2", "email": "family@example.com", "phone_number": "+14155552671"}));
    assert_snapshot!(emulator.get(&customers("?email=family%40example.com")).customers(), @r#"
    email: "family@example.com", external_id: "c-1", phone_number: "+14155552671"
    email: "family@example.com", external_id: "c-2", phone_number: "+14155552671"
    "#);
}

#[test]
fn without_an_external_id_the_profile_written_last_is_updated_claimed_or_not() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "email": "family@example.com"}));
    emulator.upsert(json!({"external_id": "c-2", "email": "family@example.com"}));
    emulator.upsert(json!({"email": "family@example.com", "first_name": "Second"}));
    emulator.upsert(json!({"external_id": "c-1", "tags": "touched"}));
    emulator.upsert(json!({"email": "family@example.com", "first_name": "First"}));
    assert_snapshot!(emulator.all_customers(), @r#"
    email: "family@example.com", external_id: "c-1", first_name: "First", tags: "touched"
    email: "family@example.com", external_id: "c-2", first_name: "Second"
    "#);
}

#[test]
fn without_an_external_id_and_a_match_an_unclaimed_profile_is_created() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"email": "ann@example.com"}));
    emulator.upsert(json!({"phone_number": "+14155552671"}));
    emulator.upsert(json!({"phone_number": "+14155552671", "first_name": "Beth"}));
    assert_snapshot!(emulator.all_customers(), @r#"
    email: "ann@example.com"
    first_name: "Beth", phone_number: "+14155552671"
    "#);
}

#[test]
fn emails_compare_without_case_and_phone_numbers_exactly() {
    let emulator = Emulator::new();
    for email in ["ann@bücher.example", "ann@xn--bcher-kva.example", "ANN@BÜCHER.example"] {
        emulator.upsert(json!({"email": email}));
        emulator.upsert(json!({"external_id": "c-1", "email": email}));
    }
    assert_eq!(
        emulator.get(&customers("?email=ann%40xn--bcher-kva.example")).identifiers(),
        emulator.get(&customers("?email=ann%40B%C3%9CCHER.example")).identifiers()
    );
    for number in ["+14155552671", "+141555526710"] {
        emulator.upsert(json!({"phone_number": number}));
    }
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "+14155552671", "+141555526710"]);
}

#[test]
fn merging_goes_on_until_no_unclaimed_profile_shares_an_identifier() {
    let emulator = seeded(json!([
        {"email": "a@example.com", "phone_number": "+10000001", "first_name": "One"},
        {"email": "b@example.com", "phone_number": "+10000001", "last_name": "Two"},
        {"email": "b@example.com", "phone_number": "+10000002", "tags": "three"},
        {"phone_number": "+10000003", "tags": "stranger"}
    ]));
    // The target lacks a phone number, gets it from the first, and meets the second by it.
    emulator.upsert(json!({"external_id": "c-1", "email": "a@example.com"}));
    assert_snapshot!(emulator.all_customers(), @r#"
    email: "a@example.com", external_id: "c-1", first_name: "One", last_name: "Two", phone_number: "+10000001"
    email: "b@example.com", phone_number: "+10000002", tags: "three"
    phone_number: "+10000003", tags: "stranger"
    "#);
}

#[test]
fn a_write_without_an_id_merges_too() {
    let emulator = seeded(json!([
        {"email": "ann@example.com", "first_name": "Older"},
        {"email": "ann@example.com", "last_name": "Newer"}
    ]));
    emulator.upsert(json!({"email": "ann@example.com", "tags": "written"}));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", first_name: "Older", last_name: "Newer", tags: "written""#);
}

#[test]
fn a_changed_email_merges_its_unclaimed_owner_and_frees_the_old_one() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "email": "old@example.com"}));
    emulator.upsert(json!({"email": "new@example.com", "first_name": "New"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "new@example.com"}));
    emulator.upsert(json!({"email": "old@example.com"}));
    assert_snapshot!(emulator.all_customers(), @r#"
    email: "new@example.com", external_id: "c-1", first_name: "New"
    email: "old@example.com"
    "#);
    assert_eq!(emulator.get(&customers("?email=old%40example.com")).identifiers(), ["old@example.com"]);
}

#[test]
fn seeded_profiles_are_not_merged() {
    let emulator = seeded(
        json!([{"email": "ann@example.com"}, {"email": "Ann@example.com"}, {"email": "ann@example.com", "external_id": "c-1"}]),
    );
    assert_eq!(emulator.get(&customers("")).identifiers().len(), 3);
}

#[test]
fn read_side_data_survives_a_merge() {
    let emulator = seeded(json!([
        {"email": "ann@example.com", "channels": {"email": {"marketing": {"consent": "subscribed", "timestamp": "2024-01-01"}}},
         "loyalty": {"points_balance": 7}, "lists": [{"id": "1", "since": "2024-01-01"}]},
        {"external_id": "c-1", "channels": {"sms": {"marketing": {"consent": "unsubscribed"}}}, "yotpo_ugc": {"total_reviews": 2},
         "lists": [{"id": "1", "since": "2025-01-01"}, {"id": "2"}]}
    ]));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    assert_snapshot!(emulator.get(&customers("?expand=loyalty,reviews")).customers(), @r#"channels: {"email":{"marketing":{"consent":"subscribed","timestamp":"2024-01-01T00:00:00"}},"sms":{"marketing":{"consent":"unsubscribed"}}}, email: "ann@example.com", external_id: "c-1", lists: [{"id":"1","since":"2025-01-01T00:00:00"},{"id":"2","since":null}], loyalty: {"points_balance":7}, yotpo_ugc: {"total_reviews":2}"#);
}

#[test]
fn events_follow_a_merged_profile() {
    let emulator = Emulator::new();
    emulator.event(json!({"type": "order_shipped", "unique_id": "e-1", "customer": {"email": "ann@example.com"}}));
    emulator.upsert(json!({"external_id": "c-1"}));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    assert_snapshot!(crate::event::all_events(&emulator), @"e-1: order_shipped by nobody at 2026-01-01T00:00:00 of c-1 ann@example.com {}");
}

#[test]
fn a_consent_and_its_time_come_from_one_side() {
    let emulator = seeded(json!([
        {"external_id": "c-1", "email": "ann@example.com", "channels": {"sms": {"marketing": {"consent": "unsubscribed"}}, "email": {}}},
        {"email": "ann@example.com", "channels": {
            "sms": {"marketing": {"consent": "subscribed", "timestamp": "2021-01-01"}}, "email": {"marketing": {"consent": "subscribed"}}}}
    ]));
    emulator.upsert(json!({"external_id": "c-1"}));
    assert_snapshot!(emulator.all_customers(), @r#"channels: {"email":{"marketing":{"consent":"subscribed"}},"sms":{"marketing":{"consent":"unsubscribed"}}}, email: "ann@example.com", external_id: "c-1""#);
}
