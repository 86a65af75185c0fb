//! The laws of identity and merging, as properties over random writes, and a naive model that must agree at every step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::customer::{Address, Include};
use crate::domain::identifiers::{Email, ExternalId, PhoneNumber};
use crate::domain::pagination::Filter;

/// Where and when the writes come from does not matter here.
const NOWHERE: Origin = Origin {
    request: 1,
    at: DateTime::UNIX_EPOCH,
};

/// A write in small: few identifiers, so that shoppers meet all the time.
#[derive(Clone, Debug)]
struct Small {
    external_id: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    first_name: Option<String>,
    city: Option<String>,
    properties: BTreeMap<String, u8>,
    /// The unique id of the event that this write is, if it is one.
    event: Option<u8>,
}

impl Small {
    fn customer(&self) -> Customer {
        let mut customer = Customer {
            external_id: self.external_id.clone().map(ExternalId),
            email: self.email.clone().map(Email),
            phone_number: self.phone_number.clone().map(PhoneNumber),
            first_name: self.first_name.clone(),
            address: self.city.clone().map(|city| Address {
                city: Some(city),
                ..Address::default()
            }),
            ..Customer::default()
        };
        let properties = self.properties.iter().map(|(key, value)| (key.clone(), json!(value)));
        customer.custom_properties = properties.collect();
        customer
    }

    fn write(&self) -> Write {
        match self.event {
            None => Write::Customer(self.customer()),
            Some(id) => Write::Event(
                Event {
                    unique_id: id.to_string(),
                    event_type: "t".to_owned(),
                    source: None,
                    timestamp: "2026-01-01T00:00:00".to_owned(),
                    properties: BTreeMap::new(),
                },
                self.customer(),
            ),
        }
    }
}

/// Writes whose identifiers begin with a letter: two letters never meet.
fn small(letter: &'static str) -> impl Strategy<Value = Small> {
    let email = (0..3_u8, any::<bool>()).prop_map(move |(at, upper)| {
        let email = format!("{letter}{at}@example.com");
        if upper { email.to_uppercase() } else { email }
    });
    let phone = (0..3_u8).prop_map(move |at| format!("+{}00000{at}", letter.as_bytes()[0]));
    let id = (0..3_u8).prop_map(move |at| format!("{letter}-{at}"));
    let names = prop_oneof![
        3 => (id, option::of(email.clone()), option::of(phone.clone())).prop_map(|(id, email, phone)| (Some(id), email, phone)),
        1 => email.prop_map(|email| (None, Some(email), None)),
        1 => phone.prop_map(|phone| (None, None, Some(phone))),
    ];
    let text = option::of("[a-b]{0,1}");
    let properties = proptest::collection::btree_map("[pq]", 0..3_u8, 0..2);
    (names, text.clone(), text, properties, option::weighted(0.3, 0..4_u8)).prop_map(
        |((external_id, email, phone_number), first_name, city, properties, event)| Small {
            external_id,
            email,
            phone_number,
            first_name,
            city,
            properties,
            event,
        },
    )
}

fn apply(state: &mut StoreState, writes: &[Small]) {
    for write in writes {
        state.apply(write.write(), NOWHERE);
    }
}

/// What every page and the list of events would tell, a line each.
fn told(state: &StoreState) -> (Vec<String>, Vec<String>) {
    let everything = Include {
        custom_properties: true,
        ..Include::default()
    };
    let customers = state.profiles.values().map(|profile| {
        let mut line = Vec::new();
        profile.write_json(everything, &mut line);
        String::from_utf8(line).expect("JSON is UTF-8")
    });
    let events = state
        .events(0)
        .map(|(_, event, customer)| format!("{} of {:?}", event.unique_id, customer.identifiers()));
    (customers.collect(), events.collect())
}

/// One shopper as the model keeps it.
#[derive(Clone, Debug)]
struct Shopper {
    number: usize,
    written: usize,
    said: Small,
    events: Vec<u8>,
}

/// The contract's section 7 in lists and loops.
#[derive(Default)]
struct Model {
    shoppers: Vec<Shopper>,
    created: usize,
    writes: usize,
    events: Vec<u8>,
}

fn same_email(one: &Small, other: &Small) -> bool {
    one.email.is_some()
        && one.email.as_ref().map(|email| email.to_lowercase())
            == other.email.as_ref().map(|email| email.to_lowercase())
}

fn same_phone(one: &Small, other: &Small) -> bool {
    one.phone_number.is_some() && one.phone_number == other.phone_number
}

impl Model {
    fn target(&self, write: &Small) -> Option<usize> {
        let shoppers = || self.shoppers.iter().enumerate();
        if write.external_id.is_some() {
            let anonymous = || shoppers().filter(|(_, shopper)| shopper.said.external_id.is_none());
            return shoppers()
                .find(|(_, shopper)| shopper.said.external_id == write.external_id)
                .or_else(|| anonymous().find(|(_, shopper)| same_email(&shopper.said, write)))
                .or_else(|| anonymous().find(|(_, shopper)| same_phone(&shopper.said, write)))
                .map(|(at, _)| at);
        }
        shoppers()
            .filter(|(_, shopper)| same_email(&shopper.said, write) || same_phone(&shopper.said, write))
            .max_by_key(|(_, shopper)| shopper.written)
            .map(|(at, _)| at)
    }

    fn write(&mut self, write: &Small) {
        self.writes += 1;
        let at = self.target(write).unwrap_or_else(|| {
            self.created += 1;
            self.shoppers.push(Shopper {
                number: self.created,
                written: 0,
                said: write.clone(),
                events: Vec::new(),
            });
            self.shoppers.len() - 1
        });
        let mut target = self.shoppers.remove(at);
        target.said = filled(write, &target.said);
        target.written = self.writes;
        while let Some(at) = self.shoppers.iter().position(|other| {
            other.said.external_id.is_none()
                && (same_email(&other.said, &target.said) || same_phone(&other.said, &target.said))
        }) {
            let merged = self.shoppers.remove(at);
            target.said = filled(&target.said, &merged.said);
            target.events.extend(merged.events);
        }
        if let Some(event) = write.event {
            for shopper in &mut self.shoppers {
                shopper.events.retain(|known| *known != event);
            }
            target.events.retain(|known| *known != event);
            target.events.push(event);
            if !self.events.contains(&event) {
                self.events.push(event);
            }
        }
        let at = self.shoppers.iter().position(|other| other.number > target.number);
        self.shoppers.insert(at.unwrap_or(self.shoppers.len()), target);
    }

    /// In the words of [`told`].
    fn told(&self) -> (Vec<String>, Vec<String>) {
        let customers = self.shoppers.iter().map(|shopper| {
            let profile = Profile::new(1, 1, shopper.said.customer(), History::default());
            let mut line = Vec::new();
            let everything = Include {
                custom_properties: true,
                ..Include::default()
            };
            profile.write_json(everything, &mut line);
            String::from_utf8(line).expect("JSON is UTF-8")
        });
        let events = self.events.iter().map(|event| {
            let owner = self
                .shoppers
                .iter()
                .find(|shopper| shopper.events.contains(event))
                .expect("events have owners");
            format!("{event} of {:?}", owner.said.customer().identifiers())
        });
        (customers.collect(), events.collect())
    }
}

fn filled(winner: &Small, other: &Small) -> Small {
    let mut properties = other.properties.clone();
    properties.extend(winner.properties.clone());
    let pick = |winner: &Option<String>, other: &Option<String>| winner.clone().or_else(|| other.clone());
    Small {
        external_id: pick(&winner.external_id, &other.external_id),
        email: pick(&winner.email, &other.email),
        phone_number: pick(&winner.phone_number, &other.phone_number),
        first_name: pick(&winner.first_name, &other.first_name),
        city: pick(&winner.city, &other.city),
        properties,
        event: None,
    }
}

proptest! {
    #[test]
    fn the_naive_model_agrees_after_every_step(writes in vec(small("a"), 1..40)) {
        let (mut state, mut model) = (StoreState::default(), Model::default());
        for write in &writes {
            state.apply(write.write(), NOWHERE);
            model.write(write);
            state.audit();
            prop_assert_eq!(told(&state), model.told());
        }
    }

    #[test]
    fn each_external_id_has_one_profile_and_no_unclaimed_one_is_left_to_merge(writes in vec(small("a"), 1..40)) {
        let mut state = StoreState::default();
        for write in &writes {
            state.apply(write.write(), NOWHERE);
            let profiles: Vec<_> = state.profiles.values().map(|profile| profile.identifiers().clone()).collect();
            let ids: Vec<_> = profiles.iter().filter_map(|names| names.external_id.as_ref()).map(ExternalId::as_str).collect();
            prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
            let written = state.find(&write.customer().identifiers()).expect("a write leaves its profile behind");
            let written = state.profiles[&written].identifiers().clone();
            let shares = |other: &Identifiers| {
                other.external_id.is_none()
                    && *other != written
                    && ((other.email.is_some() && other.email == written.email)
                        || (other.phone_number.is_some() && other.phone_number == written.phone_number))
            };
            prop_assert!(!profiles.iter().any(shares), "{:?} is left beside {:?}", profiles, written);
        }
    }

    #[test]
    fn a_field_once_set_is_never_null_again(writes in vec(small("a"), 1..40)) {
        let mut state = StoreState::default();
        let mut seen: BTreeMap<String, [bool; 4]> = BTreeMap::new();
        for write in &writes {
            state.apply(write.write(), NOWHERE);
            for profile in state.profiles.values() {
                let customer = profile.customer();
                let Some(id) = customer.external_id else { continue };
                let set = [
                    customer.email.is_some(),
                    customer.phone_number.is_some(),
                    customer.first_name.is_some(),
                    customer.address.is_some(),
                ];
                let before = seen.insert(id.0, set).unwrap_or_default();
                prop_assert!(before.iter().zip(set).all(|(before, now)| now || !before));
            }
        }
    }

    #[test]
    fn applying_a_write_twice_equals_applying_it_once(writes in vec(small("a"), 1..30)) {
        let mut state = StoreState::default();
        for write in &writes {
            state.apply(write.write(), NOWHERE);
            let once = told(&state);
            state.apply(write.write(), NOWHERE);
            prop_assert_eq!(told(&state), once);
        }
    }

    #[test]
    fn writes_that_share_no_identifier_commute_but_for_order(
        (ours, theirs) in (vec(small("a"), 1..20), vec(small("b"), 1..20)),
        turns in vec(any::<bool>(), 40),
    ) {
        // Events are told apart, so that the two sides share no unique id either.
        let theirs: Vec<_> = theirs.into_iter().map(|write| Small { event: write.event.map(|id| id + 100), ..write }).collect();
        let (mut one, mut mixed) = (StoreState::default(), StoreState::default());
        apply(&mut one, &ours);
        apply(&mut one, &theirs);
        let (mut left, mut right) = (ours.iter(), theirs.iter());
        for turn in turns.into_iter().chain([true; 20]).chain([false; 20]) {
            let next = if turn { left.next() } else { right.next() };
            if let Some(write) = next {
                mixed.apply(write.write(), NOWHERE);
            }
        }
        let sorted = |state: &StoreState| {
            let (mut customers, mut events) = told(state);
            customers.sort_unstable();
            events.sort_unstable();
            (customers, events)
        };
        prop_assert_eq!(sorted(&mixed), sorted(&one));
    }

    #[test]
    fn paging_gives_everybody_who_was_there_all_along_exactly_once_whatever_the_limits_and_the_writes(
        before in vec(small("a"), 1..30),
        rounds in vec((1..5_usize, vec(small("a"), 0..6)), 1..20),
    ) {
        let mut state = StoreState::default();
        apply(&mut state, &before);
        let mut all_along: BTreeSet<CustomerNumber> = state.profiles.keys().copied().collect();
        let mut seen = Vec::new();
        let mut after = 0;
        // The rounds go on with the last limit until the last page is reached.
        let last = (rounds.last().expect("there is one").0, Vec::new());
        for (limit, writes) in rounds.into_iter().chain(std::iter::repeat(last)) {
            let request = PageRequest { filter: Filter::default(), include: Include::default(), limit, after };
            let page = state.page(&request);
            prop_assert!(page.customers().count() <= limit);
            seen.extend(page.customers().map(|profile| profile.number()));
            let Some(last) = seen.last() else { break };
            after = *last;
            if !page.has_more() {
                break;
            }
            apply(&mut state, &writes);
            all_along.retain(|number| state.profiles.contains_key(number));
        }
        let once: BTreeSet<_> = seen.iter().copied().collect();
        prop_assert_eq!(once.len(), seen.len(), "nobody comes twice");
        prop_assert!(all_along.is_subset(&once), "{:?} were there all along, {:?} came", all_along, once);
    }

    #[test]
    fn a_clone_is_not_touched_by_what_comes_after(before in vec(small("a"), 1..20), after in vec(small("a"), 1..20)) {
        let mut state = StoreState::default();
        apply(&mut state, &before);
        let (kept, then) = (state.clone(), told(&state));
        apply(&mut state, &after);
        kept.audit();
        prop_assert_eq!(told(&kept), then);
    }
}
