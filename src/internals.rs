//! Doors into the rooms, for fuzzers and benchmarks: no part of the interface, no promise.
//!
//! Each function takes bytes as somebody might send them, leads them into one room as the emulator would, and holds what
//! comes out to the laws of that room. This room stands beside `mock` and may use every floor; no floor may use it.

pub mod rooms;
pub mod workload;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::domain::customer::{Customer, CustomerNumber, Include};
use crate::domain::identifiers::Email;
use crate::domain::json::{self, Json};
use crate::domain::page::Page;
use crate::domain::pagination::{Cursor, CursorScope, Filter, MAX_LIMIT, PageRequest};
use crate::domain::rejection::Rejection;
use crate::domain::rule;
use crate::domain::store::{StoreState, Write};
use crate::domain::validation::{Diagnostics, Validation, ValidationOptions, read_customer, read_event};
use crate::http::body::parameters;
use crate::world::seed::{self, ReadOptions, Stores};

/// Where and when everything happens here.
const HERE: CursorScope<'static> = CursorScope {
    store: "shop",
    epoch: 0,
};

/// A small store: some share an email or a phone number, some are unclaimed, one has all that a page can carry.
static SHOP: LazyLock<StoreState> = LazyLock::new(|| {
    let seed = json!({"stores": [{
        "id": HERE.store,
        "customers": [
            {"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671", "first_name": "Ann",
                "tags": "vip", "address": {"city": "Austin", "country_code": "US"}, "accepts_sms_marketing": true,
                "custom_properties": {"club": "gold", "shoe_size": 38.5}, "lists": [{"id": "1", "since": "2023-05-22"}],
                "channels": {"email": {"marketing": {"consent": "subscribed", "timestamp": "2023-04-23"}}},
                "loyalty": {"points_balance": 7}, "yotpo_ugc": {"total_reviews": 3, "top_topics": ["fit"]}},
            {"external_id": "c-2", "email": "Ann@Example.com", "phone_number": "+14155552672"},
            {"external_id": "c-3", "email": "ann@example.com", "phone_number": "+14155552671"},
            {"email": "bob@example.com", "first_name": "Bob", "account_created_at": "2021-03-27T04:37:34Z"},
            {"phone_number": "+14155552672", "last_name": "Ángström"},
            {"phone_number": "+14155552673", "default_currency": "USD"},
            {"external_id": "c,4", "gender": "Other"},
            {"external_id": "7"},
        ],
        "events": [
            {"unique_id": "e-1", "type": "order_shipped", "timestamp": "2025-01-01", "customer": {"email": "bob@example.com"}},
            {"unique_id": "e-2", "type": "signed_up", "timestamp": "2025-01-02", "customer": {"external_id": "c-1"}},
        ],
    }]});
    let mut stores = Stores::new();
    seed::load(&seed.to_string(), ground(Validation::Strict), &mut stores).expect("a valid seed");
    stores.remove(HERE.store).expect("the seed declares it")
});

/// The customers of [`SHOP`], in the order of creation.
static SHOPPERS: LazyLock<Vec<(CustomerNumber, Customer)>> = LazyLock::new(|| {
    let page = SHOP.page(&everybody());
    let shoppers = page.customers().map(|profile| (profile.number(), profile.customer()));
    shoppers.collect()
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_secs(1_767_225_600).expect("the first moment of 2026")
}

/// Everything that a body may be read under.
fn every_terms() -> impl Iterator<Item = ValidationOptions> {
    [Validation::Strict, Validation::Lenient]
        .into_iter()
        .flat_map(|validation| {
            [false, true].map(|enforce_deprecations| ValidationOptions {
                validation,
                enforce_deprecations,
            })
        })
}

/// The body of a create-or-update call.
///
/// # Panics
///
/// If a law of reading, writing or merging is broken.
pub fn customer_body(bytes: &[u8]) {
    write(bytes, |body, terms, diagnostics| {
        read_customer(body, terms, now(), diagnostics).map(Write::Customer)
    });
}

/// The body of a custom customer event.
///
/// # Panics
///
/// If a law of reading, writing or merging is broken.
pub fn event_body(bytes: &[u8]) {
    write(bytes, |body, terms, diagnostics| {
        read_event(body, terms, now(), diagnostics).map(|(event, customer)| Write::Event(event, customer))
    });
}

fn write(bytes: &[u8], read: impl Fn(&Json<'_>, ValidationOptions, &mut Diagnostics) -> Result<Write, Rejection>) {
    let Ok(body) = json::parse(bytes) else { return };
    for terms in every_terms() {
        match read(&body, terms, &mut Diagnostics::default()) {
            Ok(write) => {
                applied(&write, &mut StoreState::default(), terms);
                applied(&write, &mut SHOP.clone(), terms);
            }
            Err(rejection) => names_its_rules(&rejection),
        }
    }
}

/// A write that was accepted leaves a store in step; doing it again, or writing back what was read, changes nothing.
fn applied(write: &Write, state: &mut StoreState, terms: ValidationOptions) {
    let (Write::Customer(customer) | Write::Event(_, customer)) = write;
    state.accept(write.clone(), 1, now(), now());
    state.audit();
    let once = told(state);
    state.accept(write.clone(), 1, now(), now());
    assert_eq!(told(state), once, "a write twice is a write once");

    let number = state
        .find(&customer.identifiers())
        .expect("a write leaves its customer behind");
    let page = state.page(&PageRequest {
        limit: 1,
        after: number - 1,
        ..everybody()
    });
    let read = customers(page).remove(0);
    let body = json!({ "customer": read });
    let back = read_customer(&Json::from(&body), terms, now(), &mut Diagnostics::default());
    let back = back.unwrap_or_else(|rejection| panic!("{body} was read and is refused: {rejection:?}"));
    state.accept(Write::Customer(back), 1, now(), now());
    state.audit();
    assert_eq!(told(state), once, "writing back what was read changes nothing");
}

/// A query as it stands in a path, after its `?`.
///
/// # Panics
///
/// If a law of paging is broken.
pub fn query(bytes: &[u8]) {
    let Some(parameters) = str::from_utf8(bytes).ok().and_then(|query| parameters(query).ok()) else {
        return;
    };
    let asked = match PageRequest::read(&parameters, HERE, &mut Diagnostics::default()) {
        Ok(asked) => asked,
        Err(rejection) => return names_its_rules(&rejection),
    };
    assert!((1..=MAX_LIMIT).contains(&asked.limit));
    let meant = SHOPPERS
        .iter()
        .filter(|(number, customer)| *number > asked.after && is_meant(&asked.filter, customer));
    let meant: Vec<_> = meant.map(|(number, _)| *number).collect();

    let mut came = Vec::new();
    let mut next = Some(asked);
    while let Some(asked) = next {
        let page = SHOP.page(&asked);
        assert!(page.customers().count() <= asked.limit, "a page has at most its limit");
        came.extend(page.customers().map(|profile| profile.number()));
        next = rendered(page, &asked)["pagination"]["next_page_info"]
            .as_str()
            .map(|cursor| {
                let read = Cursor::decode(cursor, HERE).expect("a cursor leads on");
                let after = *came.last().expect("a page with a cursor has a customer");
                assert_eq!(spelled(&read), spelled(&PageRequest { after, ..asked }));
                read
            });
    }
    assert_eq!(
        came, meant,
        "each customer that is meant comes once, in the order of creation"
    );
}

/// Whether a filter means a customer, told without an index.
fn is_meant(filter: &Filter, customer: &Customer) -> bool {
    let email = filter
        .email
        .as_ref()
        .is_none_or(|email| customer.email.as_ref().map(Email::folded) == Some(email.folded()));
    let phone_number = filter.phone_number.is_none() || filter.phone_number == customer.phone_number;
    let external_id = filter
        .external_ids
        .as_ref()
        .is_none_or(|ids| customer.external_id.as_ref().is_some_and(|id| ids.contains(id)));
    email && phone_number && external_id
}

/// A text as a cursor, and a script that edits a cursor that holds.
///
/// # Panics
///
/// If a cursor is taken that is not one of this place, or one of this place is not.
pub fn cursor(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes)
        && let Some(read) = Cursor::decode(text, HERE)
    {
        assert_eq!(
            plain(text),
            plain(&Cursor::encode(read, HERE)),
            "a cursor is spelled in one way"
        );
    }
    let (request, script) = asked_by(bytes);
    let whole = Cursor::encode(request.clone(), HERE);
    let read = Cursor::decode(&whole, HERE).expect("a cursor leads on");
    assert_eq!(spelled(&read), spelled(&request));
    for elsewhere in [CursorScope { store: "other", ..HERE }, CursorScope { epoch: 1, ..HERE }] {
        assert_eq!(Cursor::decode(&whole, elsewhere), None, "a cursor holds in one place");
    }

    let altered = edited(&whole, script);
    let is_the_same = plain(&altered) == plain(&whole);
    let parameters = [("page_info".to_owned(), altered.clone())];
    match PageRequest::read(&parameters, HERE, &mut Diagnostics::default()) {
        Ok(read) => {
            assert!(is_the_same, "{altered} was taken for {whole}");
            assert_eq!(spelled(&read), spelled(&request));
        }
        Err(rejection) => {
            assert!(!is_the_same, "{altered} was not taken for {whole}");
            let rule = match altered.trim() {
                "" => &rule::QUERY_PAGE_INFO,
                _ => &rule::CURSOR_INVALID,
            };
            assert_eq!(rejection.rules(), [rule]);
        }
    }
}

/// What a text stands for once it is percent-decoded.
fn plain(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// Lets the first bytes ask for a page; gives the rest.
fn asked_by(bytes: &[u8]) -> (PageRequest, &[u8]) {
    let first_page = PageRequest {
        limit: MAX_LIMIT,
        ..everybody()
    };
    let [flags, limit, after, length, rest @ ..] = bytes else {
        return (first_page, bytes);
    };
    let (text, rest) = rest.split_at(rest.len().min(usize::from(*length)));
    let text = String::from_utf8_lossy(text);
    let limit = (1 + usize::from(*limit) % MAX_LIMIT).to_string();
    let parameters = [
        ("email", &*text),
        ("phone_number", &text),
        ("external_ids", &text),
        ("include_custom_properties", "true"),
        ("expand", "loyalty"),
        ("expand", "reviews,loyalty"),
        ("limit", &limit),
    ];
    let parameters = parameters.iter().enumerate().filter(|(at, _)| flags & (1 << at) != 0);
    let parameters: Vec<_> = parameters
        .map(|(_, (name, value))| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let read = PageRequest::read(&parameters, HERE, &mut Diagnostics::default());
    let request = PageRequest {
        after: CustomerNumber::from(*after) << if flags & 0x80 == 0 { 0 } else { 40 },
        ..read.unwrap_or(first_page)
    };
    (request, rest)
}

/// Edits a text by a script of three bytes a step: what to do, where, and with which character.
fn edited(text: &str, script: &[u8]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for step in script.chunks_exact(3) {
        let (what, at, with) = (step[0], usize::from(step[1]), char::from(step[2]));
        // From either end, so that one byte reaches the beginning and the end of a long text.
        let at = if what & 0x80 == 0 {
            at
        } else {
            characters.len().saturating_sub(at)
        };
        let at = at.min(characters.len());
        match what & 0x7f {
            0 => characters.truncate(at),
            1 => drop(characters.drain(..at)),
            2 => characters.insert(at, with),
            3 if at < characters.len() => drop(characters.remove(at)),
            4 if at < characters.len() => characters[at] = with,
            5 if at < characters.len() => drop(characters.splice(at..=at, encoded(characters[at]))),
            6 if at + 1 < characters.len() => characters.swap(at, at + 1),
            _ => {}
        }
    }
    characters.into_iter().collect()
}

fn encoded(character: char) -> Vec<char> {
    let mut bytes = [0; 4];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes
        .flat_map(|byte| format!("%{byte:02X}").chars().collect::<Vec<_>>())
        .collect()
}

/// A seed document.
///
/// # Panics
///
/// If a law of seeds is broken.
pub fn seed(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for validation in [Validation::Strict, Validation::Lenient] {
        let mut stores = Stores::new();
        match seed::load(text, ground(validation), &mut stores) {
            Err(reason) => assert!(!reason.is_empty(), "a refusal has a reason"),
            Ok(_) => {
                arrays_are_lists(text);
                stores.iter().for_each(|(id, state)| seeded(id, state, validation));
            }
        }
    }
}

/// What the stores of a seed are read under.
fn ground(validation: Validation) -> impl Fn(&str) -> ReadOptions {
    move |_| ReadOptions { validation, now: now() }
}

/// An array that was accepted is a list: nothing is read by position.
fn arrays_are_lists(text: &str) {
    const LISTS: [&str; 6] = ["stores", "customers", "events", "lists", "suppressions", "top_topics"];
    fn check(value: &Value, is_list: bool) {
        match value {
            Value::Object(object) => object
                .iter()
                .for_each(|(key, value)| check(value, LISTS.contains(&key.as_str()))),
            Value::Array(values) => {
                assert!(is_list, "{values:?} was read by position");
                values.iter().for_each(|value| check(value, false));
            }
            _ => {}
        }
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for item in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let item = item.expect("what was accepted is JSON").get();
        check(&json::parse_value(item.as_bytes()).expect("it is JSON"), false);
    }
}

/// A store that was seeded is in step, and what it tells seeds a store that tells the same.
fn seeded(id: &str, state: &StoreState, validation: Validation) {
    assert!(!id.is_empty(), "a store has a name");
    state.audit();
    let (told, _) = told(state);
    let mut again = StoreState::default();
    for profile in state.page(&everybody()).customers() {
        again.append(profile.customer());
    }
    assert_eq!(self::told(&again).0, told, "customers read back as they are");

    let document = json!({"stores": [{"id": id, "customers": told}]}).to_string();
    let mut stores = Stores::new();
    if let Err(reason) = seed::load(&document, ground(validation), &mut stores) {
        panic!("{document} was told and is refused: {reason}");
    }
    assert_eq!(self::told(&stores[id]).0, told, "what is told seeds the same");
}

/// A refusal is for broken rules that stand in the book, and has a message for each.
fn names_its_rules(rejection: &Rejection) {
    let (rules, messages) = (rejection.rules(), rejection.messages());
    assert!(!rules.is_empty() && rules.len() <= messages.len(), "{rejection:?}");
    assert!(rules.iter().all(|rule| rule::ALL.contains(rule)), "{rejection:?}");
}

/// The request for all customers, with all that a page can carry.
fn everybody() -> PageRequest {
    PageRequest {
        filter: Filter::default(),
        include: Include::EVERYTHING,
        limit: usize::MAX - 1,
        after: 0,
    }
}

/// Everything that a store would tell: its customers, and its events with whose they are.
fn told(state: &StoreState) -> (Vec<Value>, Vec<String>) {
    let events = state.events(0).map(|event| format!("{event:?}"));
    (customers(state.page(&everybody())), events.collect())
}

/// The customers of a page as it goes out.
fn customers(page: Page) -> Vec<Value> {
    let page = rendered(page, &everybody());
    page["customers"].as_array().expect("a page has customers").clone()
}

/// A page as it goes out. It is read as bodies are: to serde_json's own tree not every key is a key.
fn rendered(page: Page, asked: &PageRequest) -> Value {
    json::parse_value(&page.render(asked.clone(), HERE).to_vec()).expect("a page is JSON")
}

/// A request as it is spelled; addresses compare without case.
fn spelled(request: &PageRequest) -> String {
    format!("{request:?}")
}

#[cfg(test)]
mod tests;
