//! `rules.md` and `notes.md`, from the rules and notes in the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_yaml_ng::Value;
use yotpo_mock::evidence::Evidence;
use yotpo_mock::note::{Grade, Note};
use yotpo_mock::rule::{self, Rule};

use super::{cell, check_page};
use crate::coverage::BEHAVIOUR;

/// The sections of the page, by the first part of a rule's id.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Paths and methods", &["path", "server"]),
    ("Stores, secrets and tokens", &["store", "secret", "oauth", "token"]),
    ("Rate limit", &["rate_limit"]),
    ("Body of a request", &["body"]),
    ("Retrieve customers", &["query", "cursor", "customers"]),
    ("Customer", &["customer"]),
    ("Custom event", &["event"]),
];

/// How to fix a request, where the message does not say it, by the id or its last part.
const FIXES: &[(&str, &str)] = &[
    ("path.unknown", "Compare the path with those in the message; the version is `v3`."),
    ("path.method", "Use the method in the header `Allow`."),
    ("path.not_emulated", "Stub this resource by other means; the emulator has customers and events only."),
    ("server.error", "Report it, with the entry of the request journal."),
    (
        "store.unknown",
        "Declare the store (`--store`, or a seed), or correct its id. Only a login gets this answer; without a valid token, it is 401 `token.unknown`.",
    ),
    ("secret.invalid", "Send the secret that the store was declared with."),
    ("oauth.client_id.required", "Send the store's id as `client_id`."),
    ("oauth.grant_type.enum", "Send `grant_type=client_credentials`."),
    ("token.missing", "Send the header `X-Yotpo-Token`."),
    ("token.unknown", "Get a token with the store's secret. Made-up tokens are valid only while no store is declared."),
    ("token.expired", "Get a new token and send the request again."),
    ("token.other_store", "Get a token for the store in the path."),
    ("rate_limit.exceeded", "Wait for the seconds in `Retry-After`, then send the request again."),
    ("body.content_type", "Send `Content-Type: application/json`."),
    ("body.content_encoding", "Send the body uncompressed."),
    ("body.size", "Send less, or raise `--body-limit`."),
    ("body.timeout", "Send the body without a pause, or raise `--read-timeout`."),
    ("body.json", "The message has line and column."),
    ("body.form", "Send the form in UTF-8, percent-encoded."),
    ("body.depth", "Flatten the value."),
    ("body.object", "Wrap the value in an object, as the reference of the operation shows."),
    ("query.utf8", "Percent-encode the query in UTF-8."),
    ("query.page_info.filter", "Send `page_info` without filters: the cursor contains them."),
    ("cursor.encoded_twice", "Append the cursor to the URL as it is; do not pass it to a function that encodes."),
    ("cursor.invalid", "Start again with the first page."),
    ("customers.no_results", "Treat it as an empty list; it is sent only with `--empty-result error`."),
    ("customer.required", "Wrap the fields in `{\"customer\": {…}}`."),
    ("customer.identifier.missing", "Send `external_id`, `email` or `phone_number`."),
    ("customer.identifier.ambiguous", "Send `external_id` too, or only one of the two."),
    ("event.required", "Wrap the fields in `{\"customer_event\": {…}}`."),
    ("empty", "Send a value, or leave the parameter out."),
    ("required", "Send the field."),
    ("nested", "Flatten the object into several properties."),
    ("key", "Rename the property to snake_case."),
    ("null", "Leave the property out."),
    ("length", "Shorten the value."),
];

#[test]
fn the_page_of_rules_is_up_to_date() {
    let statuses = statuses();
    let mut page = String::from(
        "# Rules\n\n\
         A rejected request breaks at least one of these rules. Their ids are in the header `X-Yotpo-Mock-Rule` of the response, in\n\
         the request journal (`GET /_mock/requests?rule=customer.gender.enum`) and in the report. Ids never change; messages may. A\n\
         response lists at most 100 errors, and how many more there are.\n\n\
         **Evidence** says how a rule is known. *Documented*: Yotpo's pages state it. *Observed*: working public clients depend on\n\
         it. *Assumed*: it is not public, and the emulator does what a user would expect. The source is where to look: for a\n\
         documented rule, the page of Yotpo's API reference.\n\n\
         *Generated from the code.*\n",
    );
    for (title, prefixes) in SECTIONS {
        write!(
            page,
            "\n## {title}\n\n| id | status | message | evidence | source | how to fix |\n|---|---|---|---|---|---|\n"
        )
        .expect("a String can be written to");
        for rule in rule::ALL.iter().filter(|rule| prefixes.contains(&first_part(rule.id))) {
            let status = statuses.get(rule.id).unwrap_or_else(|| panic!("openapi/customers.yaml has no {}", rule.id));
            let evidence = rule.evidence.as_str();
            let [words, source, fix] = [rule.words, source(rule), fix(rule)].map(cell);
            writeln!(page, "| `{}` | {status} | {words} | {evidence} | {source} | {fix} |", rule.id)
                .expect("a String can be written to");
        }
    }
    page.push_str(
        "\n## Behaviour that rejects nothing\n\n\
         The same evidence holds for how accepted requests are processed.\n\n| id | behaviour | evidence |\n|---|---|---|\n",
    );
    for (id, behaviour, evidence, _) in BEHAVIOUR {
        writeln!(page, "| `{id}` | {} | {} |", cell(behaviour), evidence.as_str()).expect("a String can be written to");
    }
    let count = SECTIONS.iter().flat_map(|(_, prefixes)| prefixes.iter());
    let count =
        count.map(|prefix| rule::ALL.iter().filter(|rule| first_part(rule.id) == *prefix).count()).sum::<usize>();
    assert_eq!(count, rule::ALL.len(), "each rule is in one section");
    check_page("rules.md", &page);
}

fn first_part(id: &str) -> &str {
    id.split('.').next().expect("an id")
}

fn source(rule: &Rule) -> &'static str {
    match rule.evidence {
        Evidence::Documented if rule.id.contains("custom_properties") || rule.id.starts_with("event.properties") => {
            "Yotpo: working with custom properties"
        }
        Evidence::Documented if rule.id.starts_with("event.") => "Yotpo: create or update custom customer events",
        Evidence::Documented if rule.id.starts_with("customer.") => "Yotpo: create or update customers",
        Evidence::Documented if rule.id.starts_with("query.") => "Yotpo: retrieve customers",
        Evidence::Documented => "Yotpo: authentication and rate limits",
        Evidence::Observed => "public clients",
        _ => "none",
    }
}

/// The hint for a rule, or an empty text if its message says what is right.
fn fix(rule: &Rule) -> &'static str {
    let last = rule.id.rsplit('.').next().expect("an id");
    let of = |key: &str| FIXES.iter().find(|(id, _)| *id == key).map(|(_, fix)| *fix);
    of(rule.id).or_else(|| of(last)).unwrap_or("Send such a value, or leave the field out.")
}

/// The status of each rule, from the responses in the OpenAPI document that have it.
fn statuses() -> BTreeMap<String, String> {
    let document: Value = serde_yaml_ng::from_str(include_str!("../../../openapi/customers.yaml")).expect("YAML");
    let mut statuses = BTreeMap::new();
    let mut add = |status: &str, response: &Value| {
        let name = response["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let response = name.map_or(response, |name| &document["components"]["responses"][name]);
        for rule in response["x-rule"].as_sequence().into_iter().flatten() {
            statuses.insert(rule.as_str().expect("an id").to_owned(), status.to_owned());
        }
    };
    let operations = document["paths"].as_mapping().expect("paths").values();
    let operations = operations.flat_map(|methods| methods.as_mapping().expect("methods").values());
    let sets = operations.map(|operation| &operation["responses"]).chain([&document["x-unmatched"]]);
    for (status, response) in sets.filter_map(Value::as_mapping).flatten() {
        add(status.as_str().expect("a status"), response);
    }
    for rule in rule::ALL {
        // The rules of fields are in schemas, and their status is that of a rejected write or query.
        statuses.entry(rule.id.to_owned()).or_insert_with(|| "400".to_owned());
    }
    statuses
}

/// How to do without each note.
fn remedy(note: Note) -> &'static str {
    match note {
        Note::TokenUndeclared => "Declare the store (`--store ID:SECRET`), and get a token.",
        Note::EventsEndpoint => "Nothing: each event has it. Check events against a real account.",
        Note::EventsNotSnakeCase => "Write `source` and `type` in snake_case.",
        Note::EventsBodyUnwrapped => "Wrap the event in `{\"customer_event\": {…}}`.",
        Note::EventsMethodPost => "Use PATCH.",
        Note::EventsFieldAlias => "Use the names in the reference of the emulated API.",
        Note::CustomersPhoneNumber => "Send `phone_number` only to identify a shopper without another id.",
        Note::CustomersCustomProperties => "Do not send `custom_properties` with a customer.",
        Note::CustomersReadOnlyField | Note::CustomersUnknownField => "Do not send the field.",
        Note::CustomersCoerced => "Send ids as strings, and true and false as booleans.",
        Note::CursorExtraParameters => "Send `page_info` alone, or with `limit`.",
        Note::CursorEmpty => "Leave `page_info` out for the first page.",
        Note::QueryRepeatedParameter => "Send each parameter once.",
        Note::QueryUntrimmedId => "Separate ids by commas without spaces.",
        Note::QuerySpaceInEmail | Note::QueryUnescapedPlus => "Percent-encode the value: `+` is `%2B`.",
        Note::QueryUnknownExpand => "Ask for `loyalty`, `reviews` or both.",
        Note::QueryUnknownParameter => "Do not send the parameter.",
        Note::QueryCombinedFilters => "Search by one filter.",
        Note::BodyOnGet => "Send no body.",
        note => panic!("{} has no remedy here", note.id()),
    }
}

#[test]
fn the_page_of_notes_is_up_to_date() {
    let mut page = String::from(
        "# Notes\n\n\
         A note says that an accepted request relies on something uncertain. Notes are in the header `X-Yotpo-Mock-Note` of the\n\
         response, one header each, in the request journal and in the report. `exec --fail-on note:assumed` fails a run that got\n\
         a note of that grade, and `--fail-on note:customers.coerced` one that got this note.\n\n\
         *Generated from the code.*\n",
    );
    for (grade, meaning) in [
        (Grade::Assumed, "Yotpo's behaviour is not public; the emulator's is an assumption."),
        (Grade::Deprecated, "Yotpo announced to remove it."),
        (Grade::Tolerated, "Yotpo's documentation forbids it, yet working clients do it."),
        (Grade::Coerced, "A value of another type than the documented one was accepted."),
    ] {
        write!(
            page,
            "\n## {}\n\n{meaning}\n\n| id | text | how to do without |\n|---|---|---|\n",
            capitalize(grade.as_str())
        )
        .expect("a String can be written to");
        for note in Note::ALL.iter().filter(|note| note.grade() == grade) {
            writeln!(page, "| `{}` | {} | {} |", note.id(), note.words(), remedy(*note))
                .expect("a String can be written to");
        }
    }
    check_page("notes.md", &page);
}

fn capitalize(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}
