//! `openapi/COVERAGE.md`: each rule of the contract with its evidence and the tests that prove it. The test below generates the file
//! and fails if it is out of date.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use yotpo_mock::evidence::Evidence::{self, Assumed, Documented, Observed};
use yotpo_mock::note::Note;
use yotpo_mock::rule;

use crate::contract::rules_of_schemas;
use crate::tidy::rust_files;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/COVERAGE.md");

/// If this variable is set, the test rewrites the file instead of comparing it.
const UPDATE: &str = "UPDATE_COVERAGE";

/// The test that violates each constraint of each request schema.
const GENERATED: &str =
    "contract::each_constraint_of_a_request_schema_is_rejected_by_its_rule_and_its_valid_neighbour_passes";

/// The behaviour of Yotpo that is not an error: id, description, evidence and the test that proves it.
#[rustfmt::skip]
pub const BEHAVIOUR: &[(&str, &str, Evidence, &str)] = &[
    ("token.answer", "a token request returns 200 with `access_token` only", Assumed, "access_token::a_token_call_returns_a_token_and_nothing_else"),
    ("token.oauth", "`/oauth/token`, as a form or as JSON, returns a bearer token that also works on Core v3", Observed, "access_token::an_oauth_call_returns_a_bearer_token_that_works_here_too"),
    ("token.life", "a token is valid for 14 days", Documented, "access_token::a_token_is_valid_for_fourteen_days"),
    ("token.several", "several tokens are valid at once; a new token revokes none", Observed, "access_token::a_new_token_revokes_none"),
    ("token.place", "a token is sent in the header or the query; the header takes precedence, an empty header counts as absent", Documented, "access_token::a_token_is_read_from_the_header_or_the_query_and_the_header_wins"),
    ("token.undeclared", "while no store is declared, every store exists, any secret gets a token and any token is valid", Assumed, "access_token::with_no_store_declared_every_store_and_any_secret_is_valid"),
    ("token.issued", "an issued token is limited to its store and its validity, even where any other token is valid", Assumed, "access_token::an_issued_token_is_checked_even_if_any_other_is_accepted"),
    ("token.declared", "once a store is declared with a secret, only declared stores exist and only issued tokens are valid", Assumed, "access_token::a_seed_that_gives_a_secret_declares_its_store"),
    ("token.unique", "two stores never share a token, and runs repeat the same tokens", Assumed, "access_token::tokens_repeat_from_run_to_run_and_no_two_stores_share_one"),
    ("error.envelope", "every error is `{\"errors\":[{\"message\":…}]}`, with one entry per broken rule, all at once", Observed, "validation::all_broken_rules_are_reported_at_once"),
    ("error.path", "each entry contains the path of its field", Assumed, "validation::each_field_rejects_what_its_rules_forbid"),
    ("error.order", "the checks have a fixed order: 404, 405, 501, 401, 429, 415, 413, 400", Assumed, "rejection::checks_are_made_in_order"),
    ("error.head", "HEAD is handled as GET", Assumed, "pagination::head_is_handled_as_get"),
    ("error.not_emulated", "a resource of Yotpo that is not emulated returns 501 with an explanation, for any method and any path below it", Assumed, "rejection::a_yotpo_resource_that_is_not_emulated_is_501"),
    ("body.duplicates", "of duplicate keys, the last value counts", Assumed, "customer::of_duplicate_keys_the_last_wins"),
    ("body.nul", "strings may contain NUL and all of Unicode", Assumed, "customer::any_json_text_is_kept"),
    ("body.media", "without a Content-Type, a body is read as JSON", Assumed, "customer::a_missing_content_type_and_any_charset_are_read_as_json"),
    ("customer.fields", "a customer with all fields is returned as written", Documented, "customer::a_customer_with_all_fields_comes_back_as_written"),
    ("customer.unset", "unset fields are null, lists [] and channels {}; requested fields without a value are {} or null", Assumed, "customer::unset_fields_are_null_or_empty"),
    ("customer.address", "an address has all nine keys, or is null", Assumed, "customer::an_address_has_all_nine_keys_or_is_null"),
    ("customer.numeric_id", "a number as external_id is converted to its decimal digits, \"true\" and \"false\" to booleans", Observed, "customer::numbers_as_external_id_and_texts_as_booleans_are_coerced_and_noted"),
    ("customer.times_read", "times are accepted with `Z`, an offset or no zone, and as a date", Observed, "customer::times_are_returned_in_utc_to_the_second_without_a_zone"),
    ("customer.updated_at", "a write without account_updated_at sets it to the time of the write; an event counts as a write", Assumed, "customer::the_server_sets_account_updated_at_at_each_write_that_does_not_send_it"),
    ("customer.tags", "empty segments of tags are kept", Observed, "customer::tags_keep_their_empty_segments"),
    ("customer.trimmed", "e-mail addresses are stored trimmed; blank identifiers count as absent", Assumed, "customer::emails_are_kept_trimmed_and_as_last_written"),
    ("customer.lengths", "lengths count Unicode scalar values", Assumed, "validation::each_field_accepts_what_its_rules_allow"),
    ("customer.lenient", "lenient validation accepts invalid enumerations, codes and dates, and nothing else", Assumed, "validation::lenient_validation_lets_enumerations_codes_and_dates_pass"),
    ("customer.read_side", "lists, channels, yotpo_ugc and loyalty come from seeds", Observed, "seed::read_side_data_is_seeded"),
    ("upsert.ignored", "unknown and read-only keys are ignored, inside and beside `customer`", Observed, "customer::unknown_and_read_only_keys_are_ignored_and_noted"),
    ("upsert.null", "null and absent leave the stored value", Documented, "customer::null_and_absent_fields_stay_as_they_are"),
    ("upsert.empty", "free text may be an empty string", Observed, "customer::an_empty_string_is_stored_in_free_text"),
    ("upsert.merge", "address and custom_properties are merged key by key, tags are replaced", Assumed, "customer::address_and_custom_properties_are_merged_key_by_key_and_tags_are_replaced"),
    ("upsert.deprecated", "phone_number and custom_properties are accepted although Yotpo deprecates them", Observed, "customer::deprecated_fields_are_accepted_and_noted"),
    ("upsert.enforced", "enforced deprecations drop them and reject no request", Assumed, "customer::enforced_deprecations_drop_fields_and_reject_no_request"),
    ("upsert.delay", "an accepted write is visible to reads after its delay", Documented, "visibility::an_accepted_write_is_visible_after_its_delay"),
    ("upsert.until_then", "until then, reads return the profile as it was, and its old e-mail address finds it", Assumed, "visibility::an_updated_profile_stays_unchanged_and_findable_by_its_old_email_until_then"),
    ("upsert.order", "writes apply in the order of their acceptance, and merges see exactly the applied ones", Assumed, "visibility::merges_see_the_applied_writes_in_their_order_of_acceptance"),
    ("retrieve.filters", "filters by e-mail, phone number and external ids must all match", Observed, "pagination::filters_find_by_email_phone_number_and_external_ids"),
    ("retrieve.plus", "an unescaped + is accepted", Observed, "pagination::an_unescaped_plus_is_forgiven_and_noted"),
    ("retrieve.on_request", "custom_properties, loyalty and yotpo_ugc are returned only on request", Observed, "pagination::optional_parts_are_returned_only_on_request"),
    ("retrieve.default_limit", "a page has at most 100 customers by default", Assumed, "pagination::the_limit_is_from_one_to_a_hundred_and_a_hundred_by_default"),
    ("retrieve.last", "the last page has no cursor", Documented, "pagination::a_full_last_page_has_no_next_page"),
    ("cursor.encoding", "a cursor is percent-encoded, and rejected if it is encoded again", Observed, "pagination::a_cursor_is_percent_encoded_already_and_encoding_it_again_is_rejected"),
    ("cursor.memory", "a cursor includes filters, limit, include and expand; the limit may change between pages", Observed, "pagination::a_cursor_contains_filters_limit_include_and_expand"),
    ("cursor.wins", "include_custom_properties and expand are accepted with page_info, and the cursor takes precedence", Observed, "pagination::other_parameters_beside_a_cursor_are_tolerated_and_noted"),
    ("retrieve.nothing", "a search without results returns an empty list or, if configured, an error", Observed, "pagination::nothing_found_is_an_empty_list_or_an_error"),
    ("retrieve.stable", "paging neither repeats nor skips customers that exist all the time", Assumed, "pagination::paging_neither_repeats_nor_skips_customers_that_exist_throughout"),
    ("retrieve.order", "customers are returned in the order of their creation", Assumed, "pagination::pages_are_in_the_order_of_creation"),
    ("retrieve.repeated", "of a repeated parameter, the last value counts", Assumed, "pagination::the_last_of_a_repeated_parameter_wins"),
    ("retrieve.no_id", "a customer has no id of Yotpo's", Observed, "pagination::a_customer_has_no_yotpo_id"),
    ("event.canonical", "an event is stored, and creates or updates its customer", Documented, "event::an_event_is_stored_and_creates_its_customer"),
    ("event.forms", "events without `customer_event`, POST and other plausible names are accepted", Assumed, "event::a_bare_event_post_and_other_names_are_accepted_and_noted"),
    ("event.names", "the canonical name takes precedence over the others, which have an order", Assumed, "event::the_canonical_name_wins_over_the_others_then_their_order"),
    ("event.override", "an event with a known unique_id replaces the earlier one, even if the customer differs", Documented, "event::a_known_unique_id_overrides_the_earlier_event_also_when_the_customer_changes"),
    ("event.timestamp", "an absent timestamp is the time of the request", Documented, "event::an_absent_timestamp_is_the_time_of_the_call"),
    ("event.numeric_id", "a unique_id may be a whole number", Assumed, "event::a_unique_id_may_be_a_whole_number"),
    ("identity.external_id", "an external_id finds its own profile, compared exactly", Documented, "identity::an_external_id_finds_its_own_profile"),
    ("identity.new", "a write without a match creates a profile", Assumed, "identity::without_a_match_an_external_id_creates_a_profile"),
    ("identity.adopt", "a profile that is found by e-mail gains the external_id", Observed, "identity::a_shopper_known_by_email_gains_the_id_on_the_same_profile"),
    ("identity.email_first", "the e-mail address selects the profile that gains an external_id before the phone number does", Assumed, "identity::the_email_takes_precedence_over_the_phone_number_when_a_profile_gains_an_id"),
    ("identity.oldest", "of several unclaimed profiles the oldest gains the external_id, and the others are merged into it", Assumed, "identity::the_oldest_of_several_unclaimed_profiles_gains_the_id_and_the_others_are_merged_into_it"),
    ("identity.wins", "values of the write take precedence over the target's, and those over the merged profile's", Assumed, "identity::the_write_wins_over_the_target_and_the_target_over_the_merged"),
    ("identity.never", "two external_ids never merge, whatever they share", Assumed, "identity::two_external_ids_never_merge_and_both_keep_the_shared_email"),
    ("identity.last_written", "a write without an external_id updates the profile that was last written, claimed or not", Assumed, "identity::without_an_external_id_the_profile_written_last_is_updated_claimed_or_not"),
    ("identity.case", "e-mail addresses compare case-insensitively and are returned as last written; phone numbers compare exactly", Assumed, "identity::emails_compare_without_case_and_phone_numbers_exactly"),
    ("identity.goes_on", "merging continues until no unclaimed profile shares an identifier", Assumed, "identity::merging_goes_on_until_no_unclaimed_profile_shares_an_identifier"),
    ("identity.empty", "an empty string is a value", Assumed, "identity::an_empty_text_is_a_value"),
    ("identity.events", "the events of a merged profile move to the other one", Assumed, "identity::events_follow_a_merged_profile"),
    ("identity.seeds", "seeds are stored unmerged", Assumed, "identity::seeded_profiles_are_not_merged"),
    ("rate_limit.window", "a window of one second starts with the first counted request", Assumed, "rate_limit::the_window_is_one_second_from_the_first_request_and_rejections_do_not_extend_it"),
    ("rate_limit.counted", "token requests count too", Assumed, "rate_limit::token_calls_and_writes_count_and_so_do_rejected_bodies"),
    ("rate_limit.not_counted", "responses with 401, 404, 405 and 501 do not count", Assumed, "rate_limit::responses_with_401_404_405_and_501_do_not_count"),
    ("rate_limit.headers", "every response has limit, remaining and reset; without a limit, they show a full one", Documented, "rate_limit::without_a_limit_the_headers_show_the_full_limit"),
];

/// The source of each test, by `module::name`; unit tests are listed by their file.
fn tests() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::new();
    for folder in [root.join("tests/it"), root.join("src")] {
        let mut files = Vec::new();
        rust_files(&folder, &mut files);
        for path in files.iter().filter(|path| !path.ends_with("coverage.rs")) {
            let module = path.strip_prefix(if folder.ends_with("src") { root } else { &folder });
            let module = module.expect("the file is in this folder").with_extension("");
            let module = module.to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(path).expect("sources are UTF-8");
            for test in text.split("#[test]\n").skip(1) {
                let end = if test.starts_with(' ') { "\n    }\n" } else { "\n}\n" };
                let name = test.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                if let Some(name) = name {
                    let body = test.split(end).next().unwrap_or_default();
                    tests.insert(format!("{module}::{name}"), body.to_owned());
                }
            }
        }
    }
    tests
}

/// Whether a text contains an id, and not just as a part of a longer one.
fn contains_id(text: &str, id: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    text.match_indices(id).any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + id.len()..].starts_with(is_part))
}

/// The first test of the emulated API that contains an id.
fn find_test(id: &str, tests: &BTreeMap<String, String>) -> Option<String> {
    tests
        .iter()
        .filter(|(name, _)| !name.starts_with("control"))
        .find(|(_, body)| contains_id(body, id))
        .map(|(name, _)| name.clone())
}

fn page() -> String {
    let tests = tests();
    let mut text = String::from(
        "# Coverage of the contract\n\n\
         Each rule of the contract that the emulator implements, with its evidence and a test that would fail without it. A test\n\
         generates this file (`UPDATE_COVERAGE=1 cargo test --test it coverage`) and fails if it is out of date.\n\n\
         ## Behaviour\n\n| id | behaviour | evidence | test |\n|---|---|---|---|\n",
    );
    for (id, what, evidence, test) in BEHAVIOUR {
        assert!(tests.contains_key(*test), "the test {test} of {id} exists");
        writeln!(text, "| `{id}` | {what} | {} | `{test}` |", evidence.as_str()).expect("a String can be written to");
    }
    text.push_str("\n## Errors\n\n");
    writeln!(text, "*generated* means `{GENERATED}`.\n").expect("a String can be written to");
    text.push_str("| rule | description | evidence | tests |\n|---|---|---|---|\n");
    assert!(tests.contains_key(GENERATED));
    let generated = rules_of_schemas();
    for rule in rule::ALL {
        let generated = generated.contains(rule.id).then(|| "*generated*".to_owned());
        let named = find_test(rule.id, &tests).map(|name| format!("`{name}`"));
        let proofs: Vec<_> = generated.into_iter().chain(named).collect();
        assert!(!proofs.is_empty(), "no test covers {}", rule.id);
        writeln!(text, "| `{}` | {} | {} | {} |", rule.id, rule.words, rule.evidence.as_str(), proofs.join(", "))
            .expect("a String can be written to");
    }
    text.push_str("\n## Notes\n\n| note | text | grade | test |\n|---|---|---|---|\n");
    for note in Note::ALL {
        let test = find_test(note.id(), &tests).unwrap_or_else(|| panic!("no test covers {}", note.id()));
        let grade = format!("{:?}", note.grade()).to_lowercase();
        writeln!(text, "| `{}` | {} | {grade} | `{test}` |", note.id(), note.words())
            .expect("a String can be written to");
    }
    text
}

#[test]
fn the_coverage_page_is_up_to_date() {
    let ids: BTreeSet<_> = BEHAVIOUR.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), BEHAVIOUR.len(), "ids are unique");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(PAGE, page).expect("the page can be written");
        return;
    }
    let written = fs::read_to_string(PAGE).expect("the page exists");
    assert!(written == page, "openapi/COVERAGE.md is out of date: run `{UPDATE}=1 cargo test --test it coverage`");
}
