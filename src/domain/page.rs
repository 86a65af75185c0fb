//! A page of customers, joined from the JSON that each profile holds ready.

use std::sync::Arc;

use super::pagination::{Cursor, CursorScope, PageRequest};
use super::profile::Profile;

/// The customers of one page. They are shared with the store, so that the page is rendered without holding it.
#[derive(Clone, Debug)]
pub struct Page {
    customers: Vec<Arc<Profile>>,
    has_more: bool,
}

impl Page {
    /// The first `limit` of the customers that were found.
    pub(super) fn new<'a>(mut found: impl Iterator<Item = &'a Arc<Profile>>, limit: usize) -> Page {
        Page { customers: found.by_ref().take(limit).cloned().collect(), has_more: found.next().is_some() }
    }

    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    #[cfg(any(test, feature = "internals"))]
    pub fn customers(&self) -> impl Iterator<Item = &Profile> {
        self.customers.iter().map(|profile| &**profile)
    }

    /// Renders the page as the body of the response to `request`; the cursor to the next page is valid within `scope`.
    pub fn render(&self, request: PageRequest, scope: CursorScope<'_>) -> Vec<u8> {
        let include = request.include;
        let cursor = match self.customers.last() {
            Some(last) if self.has_more => {
                let after = last.number();
                format!("\"{}\"", Cursor::encode(PageRequest { after, ..request }, scope))
            }
            _ => "null".to_owned(),
        };
        let customers: usize = self.customers.iter().map(|profile| profile.json_len(include) + 1).sum();
        let mut body = Vec::with_capacity(customers + cursor.len() + 64);
        body.extend_from_slice(br#"{"customers":["#);
        for (at, profile) in self.customers.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            profile.write_json(include, &mut body);
        }
        body.extend_from_slice(br#"],"pagination":{"next_page_info":"#);
        body.extend_from_slice(cursor.as_bytes());
        body.extend_from_slice(b"}}");
        body
    }
}
