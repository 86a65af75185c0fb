//! A page of customers, joined from the JSON that each profile holds ready.

use bytes::BufMut;

use super::customer::Include;
use super::pagination::{Cursor, CursorScope, PageRequest};
use super::profile::Profile;

/// The customers of one page. They are shared with the store, so that the page is rendered without holding it.
#[derive(Clone, Debug)]
pub struct Page {
    customers: Vec<Profile>,
    has_more: bool,
}

impl Page {
    /// The first `limit` of the customers that were found.
    pub(super) fn new<'a>(mut found: impl Iterator<Item = &'a Profile>, limit: usize) -> Page {
        Page {
            customers: found.by_ref().take(limit).cloned().collect(),
            has_more: found.next().is_some(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// Whether customers follow after this page.
    #[cfg(test)]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    #[cfg(any(test, feature = "internals"))]
    pub fn customers(&self) -> impl Iterator<Item = Profile> {
        self.customers.iter().cloned()
    }

    /// Renders the page as the answer to `request`; the cursor to the next page holds within `scope`.
    pub fn render(self, request: PageRequest, scope: CursorScope<'_>) -> RenderedPage {
        let include = request.include;
        let last = self.customers.last().filter(|_| self.has_more);
        let cursor = last.map_or("null".to_owned(), |last| {
            let after = last.number();
            format!("\"{}\"", Cursor::encode(PageRequest { after, ..request }, scope))
        });
        let end = format!("],\"pagination\":{{\"next_page_info\":{cursor}}}}}");
        let commas = self.customers.len().saturating_sub(1);
        let customers: usize = self.customers.iter().map(|profile| profile.json_len(include)).sum();
        RenderedPage {
            len: START.len() + customers + commas + end.len(),
            customers: self.customers,
            include,
            end,
            next: 0,
            is_over: false,
        }
    }
}

/// How every page begins.
const START: &str = r#"{"customers":["#;

/// The JSON of a page, or the rest of it.
#[derive(Clone, Debug)]
pub struct RenderedPage {
    customers: Vec<Profile>,
    include: Include,
    /// The text after the customers.
    end: String,
    /// Of the whole, in bytes.
    len: usize,
    /// The index of the customer to write next.
    next: usize,
    is_over: bool,
}

impl RenderedPage {
    /// The length of the whole, in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether all of it was written.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Writes the next customers, at least one, until `enough` bytes were written.
    pub fn write_chunk(&mut self, enough: usize, out: &mut impl BufMut) {
        let mut written = 0;
        while let Some(profile) = self.customers.get(self.next) {
            out.put_slice(if self.next == 0 { START.as_bytes() } else { b"," });
            profile.write_json(self.include, out);
            self.next += 1;
            written += profile.json_len(self.include);
            if written >= enough && self.next < self.customers.len() {
                return;
            }
        }
        if self.customers.is_empty() {
            out.put_slice(START.as_bytes());
        }
        out.put_slice(self.end.as_bytes());
        self.is_over = true;
    }

    /// The whole, or the rest of it.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.len);
        self.clone().write_chunk(usize::MAX, &mut text);
        text
    }

    /// A copy that holds no more customers than its first `len` bytes need; what follows these is not the page's.
    pub fn prefix(&self, len: usize) -> RenderedPage {
        let mut bytes = 0;
        let needed = self.customers.iter().take_while(|profile| {
            let is_needed = bytes < len;
            bytes += profile.json_len(self.include);
            is_needed
        });
        RenderedPage {
            customers: needed.cloned().collect(),
            end: self.end.clone(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::Customer;
    use crate::domain::identifiers::ExternalId;
    use crate::domain::pagination::Filter;

    #[test]
    fn chunks_make_up_the_page_and_a_prefix_begins_it() {
        let profile = |number: u64| {
            let customer = Customer {
                external_id: Some(ExternalId::for_lookup(&number.to_string())),
                ..Customer::default()
            };
            Profile::new(number, number, customer, None)
        };
        let profiles: Vec<_> = (1..=20).map(profile).collect();
        let scope = CursorScope {
            store: "shop",
            epoch: 0,
        };
        for (limit, after, include) in [
            (7, 3, Include::EVERYTHING),
            (20, 0, Include::default()),
            (5, 20, Include::default()),
        ] {
            let request = PageRequest {
                filter: Filter::default(),
                include,
                limit,
                after,
            };
            let found = profiles.iter().filter(|profile| profile.number() > after);
            let page = Page::new(found, limit).render(request, scope);
            let whole = page.to_vec();
            assert_eq!(whole.len(), page.len());
            assert!(serde_json::from_slice::<serde_json::Value>(&whole).is_ok());
            for enough in [0, 1, 300, 1000, usize::MAX] {
                let (mut rest, mut chunks) = (page.clone(), Vec::new());
                while !rest.is_over() {
                    let before = chunks.len();
                    rest.write_chunk(enough, &mut chunks);
                    assert!(chunks.len() > before);
                }
                assert_eq!(chunks, whole);
                let len = enough.min(whole.len());
                assert_eq!(page.prefix(enough).to_vec()[..len], whole[..len]);
            }
        }
    }
}
