//! Identity: which profile a set of identifiers means.
//!
//! The index holds profile numbers under hashes of identifiers, never the identifiers themselves: each is kept once, in
//! its profile, and compared there. All sets are persistent, so that a clone of a store shares them.
//!
//! Source: contract, "Identity and merging" (external_id is documented as the primary key, the rest is assumed).

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use imbl::OrdSet;

use super::customer::{Customer, CustomerNumber};
use super::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use super::profile::Profile;
use super::profiles::Profiles;

/// Under what an identifier is indexed: a hash that two identifiers may share.
pub(super) type Key = u64;

/// The key of anything that is looked up by its text.
pub(super) fn key_of(text: impl Hash) -> Key {
    FixedState::default().hash_one(text)
}

/// One identifier of a shopper.
#[derive(Clone, Copy, Debug)]
pub enum Identifier<'a> {
    ExternalId(&'a str),
    Email(&'a str),
    PhoneNumber(&'a str),
}

/// How many kinds of identifiers there are.
const KINDS: usize = 3;

impl Identifier<'_> {
    fn kind(self) -> usize {
        match self {
            Identifier::ExternalId(_) => 0,
            Identifier::Email(_) => 1,
            Identifier::PhoneNumber(_) => 2,
        }
    }

    fn key(self) -> Key {
        let text = match self {
            Identifier::ExternalId(text) | Identifier::PhoneNumber(text) => text.into(),
            Identifier::Email(email) => Email::fold(email),
        };
        key_of((self.kind(), text))
    }

    /// Whether this is one of those that name a shopper.
    pub(super) fn is_in(self, names: &IdentifiersRef<'_>) -> bool {
        match self {
            Identifier::ExternalId(id) => names.external_id.as_deref() == Some(id),
            Identifier::Email(email) => names.email.as_deref().is_some_and(|other| Email::is_same(email, other)),
            Identifier::PhoneNumber(number) => names.phone_number.as_deref() == Some(number),
        }
    }
}

/// What names a shopper, where it stands: in a write, or in the rendered JSON of a profile.
#[derive(Clone, Debug, Default)]
pub struct IdentifiersRef<'a> {
    pub external_id: Option<Cow<'a, str>>,
    pub email: Option<Cow<'a, str>>,
    pub phone_number: Option<Cow<'a, str>>,
}

impl PartialEq for IdentifiersRef<'_> {
    fn eq(&self, other: &IdentifiersRef<'_>) -> bool {
        let is_same_email = match (&self.email, &other.email) {
            (Some(one), Some(other)) => Email::is_same(one, other),
            (one, other) => one == other,
        };
        is_same_email && self.external_id == other.external_id && self.phone_number == other.phone_number
    }
}

impl<'a> From<&'a Identifiers> for IdentifiersRef<'a> {
    fn from(identifiers: &'a Identifiers) -> IdentifiersRef<'a> {
        IdentifiersRef::of(&identifiers.external_id, &identifiers.email, &identifiers.phone_number)
    }
}

impl<'a> From<&'a Customer> for IdentifiersRef<'a> {
    fn from(customer: &'a Customer) -> IdentifiersRef<'a> {
        IdentifiersRef::of(&customer.external_id, &customer.email, &customer.phone_number)
    }
}

impl<'a> IdentifiersRef<'a> {
    fn of(
        external_id: &'a Option<ExternalId>,
        email: &'a Option<Email>,
        phone_number: &'a Option<PhoneNumber>,
    ) -> IdentifiersRef<'a> {
        IdentifiersRef {
            external_id: external_id.as_ref().map(|id| id.as_str().into()),
            email: email.as_ref().map(|email| email.as_str().into()),
            phone_number: phone_number.as_ref().map(|number| number.as_str().into()),
        }
    }

    /// These, and of others what is missing here.
    pub(super) fn or(self, others: IdentifiersRef<'a>) -> IdentifiersRef<'a> {
        IdentifiersRef {
            external_id: self.external_id.or(others.external_id),
            email: self.email.or(others.email),
            phone_number: self.phone_number.or(others.phone_number),
        }
    }

    pub fn to_identifiers(&self) -> Identifiers {
        let owned = |name: &Option<Cow<'_, str>>| name.as_deref().map(str::to_owned);
        Identifiers {
            external_id: owned(&self.external_id).map(ExternalId),
            email: owned(&self.email).map(Email),
            phone_number: owned(&self.phone_number).map(PhoneNumber),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Identifier<'_>> {
        let external_id = self.external_id.as_deref().map(Identifier::ExternalId);
        external_id.into_iter().chain(self.shareable())
    }

    /// The identifiers that several profiles may have.
    fn shareable(&self) -> impl Iterator<Item = Identifier<'_>> {
        let email = self.email.as_deref().map(Identifier::Email);
        email
            .into_iter()
            .chain(self.phone_number.as_deref().map(Identifier::PhoneNumber))
    }

    /// Whether the profile with these identifiers may still be merged into another.
    fn is_anonymous(&self) -> bool {
        self.external_id.is_none()
    }
}

/// Which profiles have which identifier.
#[derive(Clone, Debug, Default)]
pub(super) struct IdentityIndex {
    /// Every identifier of every profile, in the order of creation. Each kind is by itself, so that what is asked for most stays in
    /// the caches.
    all: [OrdSet<(Key, CustomerNumber)>; KINDS],
    /// The same, of unclaimed profiles only.
    anonymous: OrdSet<(Key, CustomerNumber)>,
    /// In the order of writing; holds the keys that more than one profile has, and only those.
    recent: OrdSet<(Key, u64, CustomerNumber)>,
}

impl IdentityIndex {
    /// The profiles with an identifier, in the order of creation, from the first with a number above `after`.
    pub fn find<'a>(
        &'a self,
        identifier: Identifier<'_>,
        after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> impl Iterator<Item = &'a Profile> {
        let numbers = numbers(&self.all[identifier.kind()], identifier.key(), after);
        verified(numbers, identifier, profiles)
    }

    /// The profiles with both an email and a phone number, in the order of creation, from the first with a number above
    /// `after`. Each index leads over what the other does not have.
    pub fn find_both<'a>(
        &'a self,
        email: &'a str,
        phone_number: &'a str,
        mut after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> impl Iterator<Item = &'a Profile> {
        let (email, phone_number) = (Identifier::Email(email), Identifier::PhoneNumber(phone_number));
        let next = |identifier: Identifier<'_>, after| {
            let all = &self.all[identifier.kind()];
            numbers(all, identifier.key(), after).next()
        };
        let both = std::iter::from_fn(move || {
            loop {
                let by_email = next(email, after)?;
                let by_phone_number = next(phone_number, by_email - 1)?;
                if by_email == by_phone_number {
                    after = by_email;
                    return Some(by_email);
                }
                after = by_phone_number - 1;
            }
        });
        verified(
            verified(both, email, profiles).map(|profile| profile.number()),
            phone_number,
            profiles,
        )
    }

    /// The profile that a write means: the contract's rules 1 and 4. `None` where a new one is to be made.
    pub fn target<'a>(&'a self, write: &IdentifiersRef<'_>, profiles: &'a Profiles) -> Option<&'a Profile> {
        if let Some(id) = &write.external_id {
            return self.find(Identifier::ExternalId(id), 0, profiles).next().or_else(|| {
                write
                    .shareable()
                    .find_map(|identifier| self.oldest_unclaimed(identifier, 0, profiles))
            });
        }
        write
            .shareable()
            .find_map(|identifier| self.written_last(identifier, profiles))
    }

    /// The oldest unclaimed profile, other than `target` itself, that shares an identifier with it: rules 2 and 6.
    pub fn next_to_merge(
        &self,
        target: CustomerNumber,
        names: &IdentifiersRef<'_>,
        profiles: &Profiles,
    ) -> Option<CustomerNumber> {
        names
            .shareable()
            .filter_map(
                |identifier| match self.oldest_unclaimed(identifier, 0, profiles)?.number() {
                    oldest if oldest == target => self
                        .oldest_unclaimed(identifier, target, profiles)
                        .map(|next| next.number()),
                    oldest => Some(oldest),
                },
            )
            .min()
    }

    fn oldest_unclaimed<'a>(
        &'a self,
        identifier: Identifier<'_>,
        after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> Option<&'a Profile> {
        verified(numbers(&self.anonymous, identifier.key(), after), identifier, profiles).next()
    }

    /// The oldest unclaimed profile above `after` with exactly this email and this phone number; what is not given, it must not
    /// have either.
    pub fn exactly<'a>(
        &'a self,
        names: &IdentifiersRef<'_>,
        after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> Option<&'a Profile> {
        let first = names.shareable().next()?;
        let shareable = IdentifiersRef {
            external_id: None,
            ..names.clone()
        };
        let anonymous = numbers(&self.anonymous, first.key(), after);
        verified(anonymous, first, profiles).find(|profile| {
            let theirs = IdentifiersRef {
                external_id: None,
                ..profile.names()
            };
            theirs == shareable
        })
    }

    fn written_last<'a>(&'a self, identifier: Identifier<'_>, profiles: &'a Profiles) -> Option<&'a Profile> {
        let key = identifier.key();
        let recent = self
            .recent
            .range((key, 0, 0)..=(key, u64::MAX, CustomerNumber::MAX))
            .rev()
            .map(|&(_, _, number)| number);
        verified(recent, identifier, profiles)
            .next()
            .or_else(|| self.find(identifier, 0, profiles).next())
    }

    /// Takes note that a profile has come.
    pub fn insert(&mut self, profile: &Profile, profiles: &Profiles) {
        let names = profile.names();
        let anonymous = names.is_anonymous();
        for identifier in names.iter() {
            let key = identifier.key();
            let others: Vec<_> = numbers(&self.all[identifier.kind()], key, 0).take(2).collect();
            if let [only] = *others {
                self.recent.insert((key, profiles[only].written(), only));
            }
            if !others.is_empty() {
                self.recent.insert((key, profile.written(), profile.number()));
            }
            self.all[identifier.kind()].insert((key, profile.number()));
            if anonymous {
                self.anonymous.insert((key, profile.number()));
            }
        }
    }

    /// Takes note that a profile has gone.
    pub fn remove(&mut self, profile: &Profile, profiles: &Profiles) {
        let names = profile.names();
        let anonymous = names.is_anonymous();
        for identifier in names.iter() {
            let key = identifier.key();
            self.all[identifier.kind()].remove(&(key, profile.number()));
            if anonymous {
                self.anonymous.remove(&(key, profile.number()));
            }
            if self
                .recent
                .remove(&(key, profile.written(), profile.number()))
                .is_some()
            {
                let others: Vec<_> = numbers(&self.all[identifier.kind()], key, 0).take(2).collect();
                if let [last] = *others {
                    self.recent.remove(&(key, profiles[last].written(), last));
                }
            }
        }
    }

    /// Takes note that a profile was written again.
    pub fn replace(&mut self, before: &Profile, after: &Profile, profiles: &Profiles) {
        let names = after.names();
        if before.names() != names {
            self.remove(before, profiles);
            self.insert(after, profiles);
            return;
        }
        for identifier in names.shareable() {
            let key = identifier.key();
            if self.recent.remove(&(key, before.written(), before.number())).is_some() {
                self.recent.insert((key, after.written(), after.number()));
            }
        }
    }

    /// Compares the index with the profiles it speaks of.
    ///
    /// # Panics
    ///
    /// If they disagree anywhere.
    #[cfg(any(test, feature = "internals"))]
    pub fn audit(&self, profiles: &Profiles) {
        let mut rebuilt = IdentityIndex::default();
        let mut seen = Profiles::default();
        for profile in profiles.iter() {
            rebuilt.insert(profile, &seen);
            seen.insert(profile.clone());
        }
        assert_eq!(self.all, rebuilt.all, "every identifier is indexed, and no other");
        assert_eq!(
            self.anonymous, rebuilt.anonymous,
            "the unclaimed are indexed, and no other"
        );
        assert_eq!(
            self.recent, rebuilt.recent,
            "shared identifiers are indexed by their last write, and no other"
        );
    }
}

/// The numbers above `after` that stand under a key.
pub(super) fn numbers(
    set: &OrdSet<(Key, CustomerNumber)>,
    key: Key,
    after: CustomerNumber,
) -> impl Iterator<Item = CustomerNumber> {
    // The end is looked for as the walk goes on: to look for it before would be a second way down the tree.
    set.range((key, after + 1)..)
        .take_while(move |(found, _)| *found == key)
        .map(|&(_, number)| number)
}

/// The profiles behind the numbers, less those that merely share the identifier's hash.
fn verified<'a>(
    numbers: impl Iterator<Item = CustomerNumber>,
    identifier: Identifier<'_>,
    profiles: &'a Profiles,
) -> impl Iterator<Item = &'a Profile> {
    numbers
        .map(|number| &profiles[number])
        .filter(move |profile| identifier.is_in(&profile.names()))
}
