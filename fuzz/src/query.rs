//! The query of a page.

use std::sync::LazyLock;

use yotpo_mock::__internal::{
    Cursor, Customer, CustomerNumber, Diagnostics, Email, Filter, MAX_LIMIT, PageRequest, parse_query,
};

use super::cursor::percent_decode;
use super::{SCOPE, STORE, assert_names_rules, to_json, to_text, whole_store};

/// The customers of the store in the order of creation.
static CUSTOMERS: LazyLock<Vec<(CustomerNumber, Customer)>> = LazyLock::new(|| {
    let page = STORE.page(&whole_store());
    let customers = page.customers().map(|profile| (profile.number(), profile.customer()));
    customers.collect()
});

/// A query string, without its `?`.
///
/// # Panics
///
/// If a property of paging does not hold.
pub fn query(bytes: &[u8]) {
    let Some(parameters) = str::from_utf8(bytes).ok().and_then(|query| parse_query(query).ok()) else {
        return;
    };
    let request = match PageRequest::read(&parameters, SCOPE, &mut Diagnostics::default()) {
        Ok(request) => request,
        Err(broken_rules) => return assert_names_rules(&broken_rules),
    };
    assert!((1..=MAX_LIMIT).contains(&request.limit));
    let expected: Vec<_> = CUSTOMERS
        .iter()
        .filter(|(number, customer)| *number > request.after && matches(&request.filter, customer))
        .map(|(number, _)| *number)
        .collect();

    let mut returned = Vec::new();
    let mut next = Some(request);
    while let Some(request) = next {
        let page = STORE.page(&request);
        assert!(page.customers().count() <= request.limit, "a page has at most `limit` customers");
        returned.extend(page.customers().map(|profile| profile.number()));
        next = to_json(page, &request)["pagination"]["next_page_info"].as_str().map(|cursor| {
            let decoded = Cursor::decode(&percent_decode(cursor), SCOPE).expect("a returned cursor is valid");
            let after = *returned.last().expect("a page with a cursor has customers");
            assert_eq!(to_text(&decoded), to_text(&PageRequest { after, ..request }));
            decoded
        });
    }
    assert_eq!(returned, expected, "the pages return each matching customer once, in the order of creation");
}

/// Compares without an index.
fn matches(filter: &Filter, customer: &Customer) -> bool {
    let email =
        filter.email.as_ref().is_none_or(|email| customer.email.as_ref().map(Email::folded) == Some(email.folded()));
    let phone_number = filter.phone_number.is_none() || filter.phone_number == customer.phone_number;
    let external_id =
        filter.external_ids.as_ref().is_none_or(|ids| customer.external_id.as_ref().is_some_and(|id| ids.contains(id)));
    email && phone_number && external_id
}
