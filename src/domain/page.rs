//! The page: customers as an answer tells them, joined from the JSON that each profile keeps ready.

use std::array;
use std::mem;
use std::ops::ControlFlow;

use bytes::BufMut;

use super::customer::{CustomerNumber, Include};
use super::pagination::{Cursor, CursorScope, PageRequest};
use super::profile::Profile;
use super::profiles::Profiles;

/// The customers of a page, to be told without holding the store.
#[derive(Clone, Debug)]
pub struct Page {
    /// Those of the page, and the one after them if there are more.
    customers: Matches,
    limit: usize,
}

/// Customers in the order of creation.
#[derive(Clone, Debug)]
enum Matches {
    /// So many of those after a number, if there are, of all that there were. None of them is touched before it is told.
    After {
        profiles: Profiles,
        after: CustomerNumber,
        count: usize,
    },
    /// Those that were found.
    Found(Vec<Profile>),
}

impl Matches {
    /// Goes through them, each asked for in memory so many places before its turn, until `each` has had enough.
    fn walk<const AHEAD: usize>(&self, ask_for: impl Fn(&Profile), each: impl FnMut(&Profile) -> ControlFlow<()>) {
        // How it ends is known to `each`.
        let _ = match self {
            Matches::After { profiles, after, count } => {
                let profiles = profiles.after(*after).take(*count);
                Ahead::<_, _, AHEAD>::of(profiles, ask_for).try_for_each(each)
            }
            Matches::Found(found) => Ahead::<_, _, AHEAD>::of(found.iter(), ask_for).try_for_each(each),
        };
    }

    /// Leaves out the first ones, of which the last has a number.
    fn skip(&mut self, skipped: usize, last: CustomerNumber) {
        match self {
            Matches::After { after, count, .. } => {
                *after = last;
                *count -= skipped;
            }
            Matches::Found(found) => drop(found.drain(..skipped)),
        }
    }

    /// Leaves out all but the first ones.
    fn truncate(&mut self, most: usize) {
        match self {
            Matches::After { count, .. } => *count = most.min(*count),
            Matches::Found(found) => found.truncate(most),
        }
    }
}

/// How many customers ahead the head of one is asked for: a line of memory each, so that as many as can come at once are asked for.
const HEADS_AHEAD: usize = 16;

/// How many customers ahead the JSON of one is asked for. Of 100,000 customers, written in any order, a page takes 16 us where none
/// is, and with 2, 4 and 8 it takes 12.5, 11 and 10.
const JSON_AHEAD: usize = 8;

/// Customers, of which each was asked for in memory so many places before its turn: without that a page waits for one after the
/// other where the caches do not hold the store.
struct Ahead<'a, I, A, const PLACES: usize> {
    /// Those whose turn comes, from `next` on, around.
    coming: [Option<&'a Profile>; PLACES],
    next: usize,
    rest: I,
    ask_for: A,
}

impl<'a, I: Iterator<Item = &'a Profile>, A: Fn(&Profile), const PLACES: usize> Ahead<'a, I, A, PLACES> {
    fn of(mut customers: I, ask_for: A) -> Self {
        Ahead {
            coming: array::from_fn(|_| customers.next().inspect(|profile| ask_for(profile))),
            next: 0,
            rest: customers,
            ask_for,
        }
    }
}

impl<'a, I: Iterator<Item = &'a Profile>, A: Fn(&Profile), const PLACES: usize> Iterator for Ahead<'a, I, A, PLACES> {
    type Item = &'a Profile;

    fn next(&mut self) -> Option<&'a Profile> {
        let coming = self.rest.next().inspect(|profile| (self.ask_for)(profile));
        let next = mem::replace(&mut self.coming[self.next], coming);
        self.next = (self.next + 1) % PLACES;
        next
    }
}

impl Page {
    /// The first of all customers after a number, at most so many.
    pub(super) fn after(profiles: &Profiles, after: CustomerNumber, limit: usize) -> Page {
        Page {
            customers: Matches::After {
                profiles: profiles.clone(),
                after,
                count: limit.saturating_add(1),
            },
            limit,
        }
    }

    /// The first of customers that were found, at most so many.
    pub(super) fn of<'a>(found: impl Iterator<Item = &'a Profile>, limit: usize) -> Page {
        Page {
            customers: Matches::Found(found.take(limit.saturating_add(1)).cloned().collect()),
            limit,
        }
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        match &self.customers {
            Matches::After { profiles, after, .. } => profiles.after(*after).next().is_none(),
            Matches::Found(found) => found.is_empty(),
        }
    }

    /// Whether there are customers after these.
    #[cfg(test)]
    pub fn has_more(&self) -> bool {
        self.all().len() > self.limit
    }

    #[cfg(any(test, feature = "internals"))]
    pub fn customers(&self) -> impl Iterator<Item = Profile> {
        self.all().into_iter().take(self.limit)
    }

    /// Those of the page, and the one after them.
    #[cfg(any(test, feature = "internals"))]
    fn all(&self) -> Vec<Profile> {
        let mut all = Vec::new();
        self.customers.walk::<1>(
            |_| (),
            |profile| {
                all.push(profile.clone());
                ControlFlow::Continue(())
            },
        );
        all
    }

    /// The page as it goes out where it was asked for.
    pub fn told(mut self, asked: PageRequest, at: CursorScope<'_>) -> RenderedPage {
        let include = asked.include;
        let (mut bytes, mut count, mut last) = (BEGINNING.len(), 0, None);
        self.customers.walk::<HEADS_AHEAD>(Profile::ask_for_head, |profile| {
            count += 1;
            if count > self.limit {
                return ControlFlow::Break(());
            }
            bytes += usize::from(last.is_some()) + profile.json_bytes(include);
            last = Some(profile.number());
            ControlFlow::Continue(())
        });
        let has_more = count > self.limit;
        self.customers.truncate(self.limit);
        let cursor = last
            .filter(|_| has_more)
            .map(|after| format!("\"{}\"", Cursor::encode(PageRequest { after, ..asked }, at)));
        let cursor = cursor.as_deref().unwrap_or("null");
        let end = format!("],\"pagination\":{{\"next_page_info\":{cursor}}}}}");
        RenderedPage {
            customers: self.customers,
            include,
            bytes: bytes + end.len(),
            comes_next: Next::Beginning,
            end,
        }
    }
}

/// How every page begins.
const BEGINNING: &str = r#"{"customers":["#;

/// The JSON of a page, or the rest of it.
#[derive(Clone, Debug)]
pub struct RenderedPage {
    customers: Matches,
    include: Include,
    /// What follows the customers.
    end: String,
    /// Of the whole.
    bytes: usize,
    comes_next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Beginning,
    FirstCustomer,
    Customer,
    Nothing,
}

impl RenderedPage {
    /// How long the whole is, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all of it was written.
    pub fn is_over(&self) -> bool {
        self.comes_next == Next::Nothing
    }

    /// Writes what comes next, up to a customer's end: all of it, or somewhat more than so many bytes; one customer at least.
    pub fn write_chunk(&mut self, enough_bytes: usize, out: &mut impl BufMut) {
        let mut written = 0;
        if self.comes_next == Next::Beginning {
            out.put_slice(BEGINNING.as_bytes());
            self.comes_next = Next::FirstCustomer;
        }
        let (mut count, mut last, mut is_enough) = (0, 0, false);
        let include = self.include;
        let ask_for_json = |profile: &Profile| profile.ask_for_json(include);
        let comes_next = &mut self.comes_next;
        self.customers.walk::<JSON_AHEAD>(ask_for_json, |profile| {
            if count > 0 && written >= enough_bytes {
                is_enough = true;
                return ControlFlow::Break(());
            }
            if *comes_next == Next::Customer {
                out.put_slice(b",");
            }
            *comes_next = Next::Customer;
            profile.write_json(include, out);
            written += profile.json_bytes(include);
            count += 1;
            last = profile.number();
            ControlFlow::Continue(())
        });
        if is_enough {
            self.customers.skip(count, last);
        } else if self.comes_next != Next::Nothing {
            out.put_slice(self.end.as_bytes());
            self.comes_next = Next::Nothing;
        }
    }

    /// The whole, or what is left of it.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes);
        self.clone().write_chunk(usize::MAX, &mut text);
        text
    }

    /// So much of it that its first bytes can be written: what the rest needs is let go.
    pub fn beginning(&self, most_bytes: usize) -> RenderedPage {
        let (mut bytes, mut needed) = (0, Vec::new());
        self.customers.walk::<HEADS_AHEAD>(Profile::ask_for_head, |profile| {
            if bytes >= most_bytes {
                return ControlFlow::Break(());
            }
            bytes += profile.json_bytes(self.include);
            needed.push(profile.clone());
            ControlFlow::Continue(())
        });
        RenderedPage {
            customers: Matches::Found(needed),
            end: self.end.clone(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::{Customer, ExternalId};
    use crate::domain::pagination::Filter;

    #[test]
    fn pieces_make_up_the_whole_and_a_beginning_begins_it() {
        let profile = |number: CustomerNumber| {
            let customer = Customer {
                external_id: Some(ExternalId::for_lookup(&number.to_string())),
                ..Customer::default()
            };
            Profile::new(number, number, customer, None)
        };
        let mut profiles = Profiles::default();
        for number in 1..=20 {
            profiles.insert(profile(number));
        }
        let place = CursorScope {
            store: "shop",
            epoch: 0,
        };
        for (limit, after, include) in [
            (7, 3, Include::EVERYTHING),
            (20, 0, Include::default()),
            (5, 20, Include::default()),
        ] {
            let asked = PageRequest {
                filter: Filter::default(),
                include,
                limit,
                after,
            };
            let found = profiles.after(after);
            for page in [Page::after(&profiles, after, limit), Page::of(found, limit)] {
                let text = page.told(asked.clone(), place);
                let whole = text.to_vec();
                assert_eq!(whole.len(), text.bytes());
                assert!(serde_json::from_slice::<serde_json::Value>(&whole).is_ok());
                for enough_bytes in [0, 1, 300, 1000, usize::MAX] {
                    let (mut rest, mut pieces) = (text.clone(), Vec::new());
                    while !rest.is_over() {
                        let before = pieces.len();
                        rest.write_chunk(enough_bytes, &mut pieces);
                        assert!(pieces.len() > before);
                    }
                    assert_eq!(pieces, whole);
                    let most = enough_bytes.min(whole.len());
                    assert_eq!(text.beginning(enough_bytes).to_vec()[..most], whole[..most]);
                }
            }
        }
    }
}
