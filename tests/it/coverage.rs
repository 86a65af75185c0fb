//! `openapi/COVERAGE.md`: each rule of the contract, what it rests on and the tests that prove it; written and kept current
//! by the test below.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use yotpo_mock::evidence::Evidence::{self, Assumed, Documented, Observed};
use yotpo_mock::note::Note;
use yotpo_mock::rule;

use crate::contract::rules_of_schemas;
use crate::tidy::rust_files;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/COVERAGE.md");

/// Rewrites the table instead of comparing it, where this variable is set.
const UPDATE: &str = "UPDATE_COVERAGE";

/// The test that violates every constraint of every request schema.
const GENERATED: &str =
    "contract::each_constraint_of_a_request_schema_is_refused_by_its_rule_and_its_valid_neighbour_passes";

/// What the vendor does, or is assumed to do, that refuses nothing: id, words, evidence and the test that proves it.
#[rustfmt::skip]
const BEHAVIOUR: &[(&str, &str, Evidence, &str)] = &[
    ("token.answer", "a token call answers 200 with `access_token` and nothing else", Assumed, "access_token::a_token_call_answers_a_token_and_nothing_else"),
    ("token.oauth", "`/oauth/token`, as a form or as JSON, answers a bearer token that works on Core v3 too", Observed, "access_token::an_oauth_call_answers_a_bearer_token_that_works_here_too"),
    ("token.life", "a token lives 14 days", Documented, "access_token::a_token_lives_fourteen_days"),
    ("token.several", "several tokens are valid at once, a new one revokes none", Observed, "access_token::a_new_token_revokes_none"),
    ("token.place", "a token comes in the header or the query; the header wins, an empty one counts as absent", Documented, "access_token::a_token_is_taken_from_the_header_or_the_query_and_the_header_wins"),
    ("token.undeclared", "with no store declared every store exists, any secret gets a token and any token is good", Assumed, "access_token::with_no_store_declared_every_store_and_any_secret_is_good"),
    ("token.issued", "an issued token is held to its store and its life even where any other is taken", Assumed, "access_token::an_issued_token_is_held_to_its_store_and_its_life_even_where_any_other_is_taken"),
    ("token.declared", "once a store is declared with a secret, only declared stores exist and only issued tokens are good", Assumed, "access_token::a_seed_that_gives_a_secret_declares_its_store"),
    ("token.unique", "no two stores ever share a token, and runs repeat", Assumed, "access_token::tokens_repeat_from_run_to_run_and_no_two_stores_share_one"),
    ("error.envelope", "every refusal is `{\"errors\":[{\"message\":…}]}`, one entry per broken rule, all at once", Observed, "validation::all_broken_rules_are_told_at_once"),
    ("error.path", "each entry names its field by its path", Assumed, "validation::each_field_refuses_what_its_rules_forbid"),
    ("error.order", "the questions come in their order: 404, 405, 501, 401, 429, 415, 413, 400", Assumed, "rejection::the_questions_come_in_their_order"),
    ("error.head", "HEAD goes where GET goes", Assumed, "pagination::head_goes_where_get_goes"),
    ("error.not_emulated", "a vendor resource that is not emulated is 501 in words, with any method and below any path", Assumed, "rejection::a_vendor_resource_that_is_not_emulated_is_501_and_says_so"),
    ("body.duplicates", "of duplicate keys the last wins", Assumed, "customer::of_duplicate_keys_the_last_wins"),
    ("body.nul", "NUL and all of Unicode in a text are kept", Assumed, "customer::any_text_that_json_can_say_is_kept"),
    ("body.media", "a missing Content-Type is read as JSON", Assumed, "customer::a_missing_content_type_is_read_as_json_and_so_is_any_charset"),
    ("customer.fields", "a customer with all its fields comes back as it was written", Documented, "customer::a_customer_with_all_fields_comes_back_as_written"),
    ("customer.unset", "unset fields are null, lists [] and channels {}; what was asked for and is empty is {} or null", Assumed, "customer::what_is_not_set_is_null_or_empty"),
    ("customer.address", "an address has all nine keys or is null", Assumed, "customer::an_address_has_all_nine_keys_or_is_null"),
    ("customer.numeric_id", "a number as external_id is taken as its decimal string, \"true\" and \"false\" as booleans", Observed, "customer::numbers_as_external_id_and_texts_as_booleans_are_coerced_and_noted"),
    ("customer.times_read", "times are read with `Z`, an offset or no zone, and as a date alone", Observed, "customer::times_go_out_in_utc_to_the_second_without_a_zone"),
    ("customer.updated_at", "the server sets account_updated_at at each write that does not send it; an event counts as a write", Assumed, "customer::the_server_sets_account_updated_at_at_each_write_that_does_not_send_it"),
    ("customer.tags", "empty segments of tags are kept", Observed, "customer::tags_keep_their_empty_segments"),
    ("customer.trimmed", "e-mails are kept trimmed; whitespace-only identifiers count as absent", Assumed, "customer::emails_are_kept_trimmed_and_as_spelled_last"),
    ("customer.lengths", "lengths count Unicode scalar values", Assumed, "validation::each_field_takes_what_its_rules_allow"),
    ("customer.lenient", "lenient validation lets enumerations, codes and dates pass, and nothing else", Assumed, "validation::lenient_validation_lets_enumerations_codes_and_dates_pass"),
    ("customer.read_side", "lists, channels, yotpo_ugc and loyalty come from seeding", Observed, "seed::the_read_side_comes_from_seeds"),
    ("upsert.ignored", "unknown and read-only keys are ignored, inside and beside `customer`", Observed, "customer::keys_that_nobody_can_write_are_ignored_and_noted"),
    ("upsert.null", "null and absent leave the stored value", Documented, "customer::null_and_absent_fields_stay_as_they_are"),
    ("upsert.empty", "an empty string is stored as it is in free text", Observed, "customer::an_empty_string_is_stored_in_free_text"),
    ("upsert.merge", "address and custom_properties are merged key by key, tags are replaced", Assumed, "customer::address_and_custom_properties_are_merged_key_by_key_and_tags_are_replaced"),
    ("upsert.deprecated", "phone_number and custom_properties are taken although the vendor deprecates them", Observed, "customer::deprecated_fields_are_taken_and_noted"),
    ("upsert.enforced", "with deprecations enforced they are dropped, and refuse nothing", Assumed, "customer::enforced_deprecations_drop_fields_and_refuse_none"),
    ("upsert.delay", "an accepted write shows in reads once its delay is over", Documented, "visibility::an_accepted_write_shows_once_its_delay_is_over"),
    ("upsert.until_then", "until then the profile stays readable as it was, and findable by its old e-mail", Assumed, "visibility::an_updated_profile_stays_readable_as_it_was_and_findable_by_its_old_email"),
    ("upsert.order", "writes are applied in the order of their acceptance, and merges see exactly the applied ones", Assumed, "visibility::merges_see_the_applied_writes_in_their_order_of_acceptance"),
    ("retrieve.filters", "e-mail, phone number and external ids find customers and narrow each other", Observed, "pagination::filters_find_by_email_phone_number_and_external_ids"),
    ("retrieve.plus", "an unescaped + is forgiven", Observed, "pagination::an_unescaped_plus_is_forgiven_and_noted"),
    ("retrieve.on_request", "custom_properties, loyalty and yotpo_ugc are there only if asked for", Observed, "pagination::what_is_on_request_is_there_only_if_asked_for"),
    ("retrieve.default_limit", "a page has 100 customers unless the client says less", Assumed, "pagination::the_limit_is_from_one_to_a_hundred_and_a_hundred_by_default"),
    ("retrieve.last", "the last page has no cursor", Documented, "pagination::a_full_last_page_has_no_next_one"),
    ("cursor.encoding", "a cursor arrives percent-encoded and is taken as it came and once decoded", Observed, "pagination::a_cursor_arrives_percent_encoded_and_is_taken_as_it_came_and_once_decoded"),
    ("cursor.memory", "a cursor remembers filters, limit, include and expand; the limit may change on the way", Observed, "pagination::a_cursor_remembers_filters_limit_include_and_expand"),
    ("cursor.wins", "parameters beside page_info are tolerated, and the cursor wins", Observed, "pagination::other_parameters_beside_a_cursor_are_tolerated_the_cursor_wins_and_the_run_is_told"),
    ("retrieve.nothing", "nothing found is an empty list, or an error where that is asked for", Observed, "pagination::nothing_found_is_an_empty_list_or_an_error"),
    ("retrieve.stable", "paging neither repeats nor skips whoever was there all along", Assumed, "pagination::paging_neither_repeats_nor_skips_whoever_was_there_all_along"),
    ("retrieve.order", "customers come in the order of their creation", Assumed, "pagination::two_hundred_and_fifty_customers_come_in_three_pages_in_the_order_of_creation"),
    ("retrieve.repeated", "of a repeated parameter the last wins", Assumed, "pagination::of_a_repeated_parameter_the_last_wins"),
    ("retrieve.no_id", "a customer has no id of the vendor's", Observed, "pagination::a_customer_has_no_id_of_the_vendors"),
    ("event.canonical", "an event is kept, and creates or updates the customer that it names", Documented, "event::an_event_is_kept_and_creates_the_customer_that_it_names"),
    ("event.forms", "a bare event, POST and other plausible names are taken", Assumed, "event::a_bare_event_post_and_other_names_are_taken_and_noted"),
    ("event.names", "the canonical name wins over the others, then their order", Assumed, "event::the_canonical_name_wins_over_the_others_then_their_order"),
    ("event.override", "a known unique_id overrides the earlier event, also when the customer changes", Documented, "event::a_known_unique_id_overrides_the_earlier_event_also_when_the_customer_changes"),
    ("event.timestamp", "an absent timestamp is the time of the call", Documented, "event::an_absent_timestamp_is_the_time_of_the_call"),
    ("event.numeric_id", "a unique_id may be a whole number", Assumed, "event::a_unique_id_may_be_a_whole_number"),
    ("identity.external_id", "an external_id finds its own profile, compared exactly", Documented, "identity::an_external_id_finds_its_own_profile"),
    ("identity.new", "without a match a new profile is made", Assumed, "identity::without_a_match_an_external_id_makes_a_new_profile"),
    ("identity.adopt", "a shopper known by e-mail gains the id on the same profile", Observed, "identity::a_shopper_known_by_email_gains_the_id_on_the_same_profile"),
    ("identity.email_first", "the e-mail names the profile that gains an id before the phone number does", Assumed, "identity::the_email_names_the_profile_that_gains_an_id_before_the_phone_number_does"),
    ("identity.oldest", "of several unclaimed profiles the oldest gains the id, the others are merged into it", Assumed, "identity::of_several_unclaimed_profiles_the_oldest_gains_the_id_and_the_others_are_merged_into_it"),
    ("identity.wins", "the write wins over the target, the target over the merged", Assumed, "identity::the_write_wins_over_the_target_and_the_target_over_the_merged"),
    ("identity.never", "two external_ids never merge, whatever they share", Assumed, "identity::two_external_ids_never_merge_and_both_keep_the_shared_email"),
    ("identity.last_written", "without an external_id the profile written last is meant, claimed or not", Assumed, "identity::without_an_external_id_the_profile_written_last_is_meant_claimed_or_not"),
    ("identity.case", "e-mails compare without case and come back as written last, phone numbers exactly", Assumed, "identity::emails_compare_without_case_and_phone_numbers_exactly"),
    ("identity.goes_on", "merging goes on until no unclaimed profile shares an identifier", Assumed, "identity::merging_goes_on_until_no_unclaimed_profile_shares_an_identifier"),
    ("identity.empty", "an empty text is a value and not a lack", Assumed, "identity::an_empty_text_is_a_value_and_not_a_lack"),
    ("identity.events", "the events of a merged profile follow it", Assumed, "identity::events_follow_the_profile_that_they_belonged_to"),
    ("identity.seeds", "seeds are taken as they are, unmerged", Assumed, "identity::seeds_are_taken_as_they_are_unmerged"),
    ("rate_limit.window", "a window of one second opens with the first counted request", Assumed, "rate_limit::the_window_is_one_second_from_the_first_request_and_refusals_do_not_extend_it"),
    ("rate_limit.counted", "token calls count too", Assumed, "rate_limit::token_calls_and_writes_count_and_so_do_refused_bodies"),
    ("rate_limit.not_counted", "answers of 401, 404, 405 and 501 do not count", Assumed, "rate_limit::answers_of_401_404_405_and_501_do_not_count"),
    ("rate_limit.headers", "every answer tells limit, remaining and reset; without a limit an untouched budget", Documented, "rate_limit::without_a_limit_the_headers_show_an_untouched_budget"),
];

/// The body of each test, by `module::name`; a test beside the code it tests stands under its file.
fn tests() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::new();
    for folder in [root.join("tests/it"), root.join("src")] {
        let mut files = Vec::new();
        rust_files(&folder, &mut files);
        for path in files.iter().filter(|path| !path.ends_with("coverage.rs")) {
            let module = path.strip_prefix(if folder.ends_with("src") { root } else { &folder });
            let module = module.expect("it was found there").with_extension("");
            let module = module.to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(path).expect("sources are UTF-8");
            for test in text.split("#[test]\n").skip(1) {
                let end = if test.starts_with(' ') { "\n    }\n" } else { "\n}\n" };
                let name = test
                    .trim_start()
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split('(').next());
                if let Some(name) = name {
                    let body = test.split(end).next().unwrap_or_default();
                    tests.insert(format!("{module}::{name}"), body.to_owned());
                }
            }
        }
    }
    tests
}

/// Whether a text names an id, and not merely a longer one that holds it.
fn names(text: &str, id: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    text.match_indices(id)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + id.len()..].starts_with(is_part))
}

/// The first scene on the vendor's surface that names an id.
fn test_of(id: &str, tests: &BTreeMap<String, String>) -> Option<String> {
    tests
        .iter()
        .filter(|(name, _)| !name.starts_with("control"))
        .find(|(_, body)| names(body, id))
        .map(|(name, _)| name.clone())
}

fn table() -> String {
    let tests = tests();
    let mut text = String::from(
        "# What proves what\n\n\
         Each rule of the contract that this emulator keeps, what it rests on, and a test that would fail without it. Written by a\n\
         test (`UPDATE_COVERAGE=1 cargo test --test it coverage`), which fails where this file is out of date.\n\n\
         ## What happens\n\n| id | what | evidence | test |\n|---|---|---|---|\n",
    );
    for (id, what, evidence, test) in BEHAVIOUR {
        assert!(tests.contains_key(*test), "{test}, which is to prove {id}, is there");
        writeln!(text, "| `{id}` | {what} | {} | `{test}` |", evidence.as_str()).expect("a String takes all");
    }
    text.push_str("\n## What is refused\n\n");
    writeln!(text, "*generated* stands for `{GENERATED}`.\n").expect("a String takes all");
    text.push_str("| rule | what | evidence | tests |\n|---|---|---|---|\n");
    assert!(tests.contains_key(GENERATED));
    let generated = rules_of_schemas();
    for rule in rule::ALL {
        let generated = generated.contains(rule.id).then(|| "*generated*".to_owned());
        let emulator = test_of(rule.id, &tests).map(|name| format!("`{name}`"));
        let proofs: Vec<_> = generated.into_iter().chain(emulator).collect();
        assert!(!proofs.is_empty(), "no test meets {}", rule.id);
        writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            rule.id,
            rule.words,
            rule.evidence.as_str(),
            proofs.join(", ")
        )
        .expect("a String takes all");
    }
    text.push_str("\n## What is noted\n\n| note | words | grade | test |\n|---|---|---|---|\n");
    for note in Note::ALL {
        let emulator = test_of(note.id(), &tests).unwrap_or_else(|| panic!("no test meets {}", note.id()));
        let grade = format!("{:?}", note.grade()).to_lowercase();
        writeln!(text, "| `{}` | {} | {grade} | `{emulator}` |", note.id(), note.words()).expect("a String takes all");
    }
    text
}

#[test]
fn the_table_of_what_proves_what_is_current() {
    let ids: BTreeSet<_> = BEHAVIOUR.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), BEHAVIOUR.len(), "ids are unique");
    let table = table();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(TABLE, table).expect("the table can be written");
        return;
    }
    let written = fs::read_to_string(TABLE).expect("the table is there");
    assert!(
        written == table,
        "openapi/COVERAGE.md is out of date: run `{UPDATE}=1 cargo test --test it coverage`"
    );
}
