//! Identity: which profile a set of identifiers means.
//!
//! The index holds profile numbers under hashes of identifiers, never the identifiers themselves: each is kept once, in
//! its profile, and compared there. All sets are persistent, so that a clone of a store shares them.
//!
//! Source: contract, "Identity and merging" (external_id is documented as the primary key, the rest is assumed).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::customer::{Email, ExternalId, Identifiers, Number, PhoneNumber};
use super::profile::Profile;

/// The profiles of a store in the order of creation.
pub(super) type Profiles = OrdMap<Number, Arc<Profile>>;

/// Under what an identifier is indexed: a hash that two identifiers may share.
pub(super) type Key = u64;

/// The key of anything that is looked up by its text.
pub(super) fn key_of(text: impl Hash) -> Key {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// One identifier of a shopper.
#[derive(Clone, Copy, Debug)]
pub enum Identifier<'a> {
    ExternalId(&'a ExternalId),
    Email(&'a Email),
    PhoneNumber(&'a PhoneNumber),
}

impl Identifier<'_> {
    fn key(self) -> Key {
        match self {
            Identifier::ExternalId(id) => key_of((0, id.as_str())),
            Identifier::Email(email) => key_of((1, email.folded())),
            Identifier::PhoneNumber(number) => key_of((2, number.as_str())),
        }
    }

    /// Whether this is one of the given identifiers.
    pub(super) fn is_in(self, identifiers: &Identifiers) -> bool {
        match self {
            Identifier::ExternalId(id) => identifiers.external_id.as_ref() == Some(id),
            Identifier::Email(email) => identifiers.email.as_ref() == Some(email),
            Identifier::PhoneNumber(number) => identifiers.phone_number.as_ref() == Some(number),
        }
    }
}

impl Identifiers {
    fn iter(&self) -> impl Iterator<Item = Identifier<'_>> {
        self.external_id
            .iter()
            .map(Identifier::ExternalId)
            .chain(self.shareable())
    }

    /// The identifiers that several profiles may have.
    fn shareable(&self) -> impl Iterator<Item = Identifier<'_>> {
        let email = self.email.iter().map(Identifier::Email);
        email.chain(self.phone_number.iter().map(Identifier::PhoneNumber))
    }

    /// Whether the profile with these identifiers may still be merged into another.
    fn is_unclaimed(&self) -> bool {
        self.external_id.is_none()
    }
}

/// Which profiles have which identifier.
#[derive(Clone, Debug, Default)]
pub(super) struct IdentityIndex {
    /// Every identifier of every profile, in the order of creation.
    all: OrdSet<(Key, Number)>,
    /// The same, of unclaimed profiles only.
    unclaimed: OrdSet<(Key, Number)>,
    /// In the order of writing; holds the keys that more than one profile has, and only those.
    recent: OrdSet<(Key, u64, Number)>,
}

impl IdentityIndex {
    /// The profiles with an identifier, in the order of creation, from the first with a number above `after`.
    pub fn find<'a>(
        &'a self,
        identifier: Identifier<'a>,
        after: Number,
        profiles: &'a Profiles,
    ) -> impl Iterator<Item = &'a Arc<Profile>> {
        let key = identifier.key();
        verified(numbers(&self.all, key, after), identifier, profiles)
    }

    /// The profiles with both an email and a phone number, in the order of creation, from the first with a number above
    /// `after`. Each index leads over what the other does not have.
    pub fn find_both<'a>(
        &'a self,
        email: &'a Email,
        phone_number: &'a PhoneNumber,
        mut after: Number,
        profiles: &'a Profiles,
    ) -> impl Iterator<Item = &'a Arc<Profile>> {
        let (email, phone_number) = (Identifier::Email(email), Identifier::PhoneNumber(phone_number));
        let next = |identifier: Identifier<'_>, after| numbers(&self.all, identifier.key(), after).next();
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
            verified(both, email, profiles).map(|profile| profile.number),
            phone_number,
            profiles,
        )
    }

    /// The profile that a write means: the contract's rules 1 and 4. `None` where a new one is to be made.
    pub fn target<'a>(&'a self, write: &'a Identifiers, profiles: &'a Profiles) -> Option<&'a Arc<Profile>> {
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
    pub fn next_to_merge(&self, target: Number, identifiers: &Identifiers, profiles: &Profiles) -> Option<Number> {
        identifiers
            .shareable()
            .filter_map(
                |identifier| match self.oldest_unclaimed(identifier, 0, profiles)?.number {
                    oldest if oldest == target => self
                        .oldest_unclaimed(identifier, target, profiles)
                        .map(|next| next.number),
                    oldest => Some(oldest),
                },
            )
            .min()
    }

    fn oldest_unclaimed<'a>(
        &'a self,
        identifier: Identifier<'a>,
        after: Number,
        profiles: &'a Profiles,
    ) -> Option<&'a Arc<Profile>> {
        verified(numbers(&self.unclaimed, identifier.key(), after), identifier, profiles).next()
    }

    /// The oldest unclaimed profile above `after` with exactly this email and this phone number; what is not given, it must not
    /// have either.
    pub fn exactly<'a>(
        &'a self,
        identifiers: &'a Identifiers,
        after: Number,
        profiles: &'a Profiles,
    ) -> Option<&'a Arc<Profile>> {
        let first = identifiers.shareable().next()?;
        let unclaimed = numbers(&self.unclaimed, first.key(), after);
        verified(unclaimed, first, profiles).find(|profile| {
            let theirs = profile.identifiers();
            theirs.email == identifiers.email && theirs.phone_number == identifiers.phone_number
        })
    }

    fn written_last<'a>(&'a self, identifier: Identifier<'a>, profiles: &'a Profiles) -> Option<&'a Arc<Profile>> {
        let key = identifier.key();
        let recent = self
            .recent
            .range((key, 0, 0)..=(key, u64::MAX, Number::MAX))
            .rev()
            .map(|&(_, _, number)| number);
        verified(recent, identifier, profiles)
            .next()
            .or_else(|| self.find(identifier, 0, profiles).next())
    }

    /// Takes note that a profile has come, with its identifiers.
    pub fn insert(&mut self, profile: &Profile, identifiers: &Identifiers, profiles: &Profiles) {
        let unclaimed = identifiers.is_unclaimed();
        for identifier in identifiers.iter() {
            let key = identifier.key();
            let others: Vec<_> = numbers(&self.all, key, 0).take(2).collect();
            if let [only] = *others {
                self.recent.insert((key, profiles[&only].written, only));
            }
            if !others.is_empty() {
                self.recent.insert((key, profile.written, profile.number));
            }
            self.all.insert((key, profile.number));
            if unclaimed {
                self.unclaimed.insert((key, profile.number));
            }
        }
    }

    /// Takes note that a profile has gone.
    pub fn remove(&mut self, profile: &Profile, profiles: &Profiles) {
        let identifiers = profile.identifiers();
        let unclaimed = identifiers.is_unclaimed();
        for identifier in identifiers.iter() {
            let key = identifier.key();
            self.all.remove(&(key, profile.number));
            if unclaimed {
                self.unclaimed.remove(&(key, profile.number));
            }
            if self.recent.remove(&(key, profile.written, profile.number)).is_some() {
                let others: Vec<_> = numbers(&self.all, key, 0).take(2).collect();
                if let [last] = *others {
                    self.recent.remove(&(key, profiles[&last].written, last));
                }
            }
        }
    }

    /// Takes note that a profile was written again, and what its identifiers are now.
    pub fn replace(&mut self, before: &Profile, after: &Profile, new: &Identifiers, profiles: &Profiles) {
        if before.identifiers() != *new {
            self.remove(before, profiles);
            self.insert(after, new, profiles);
            return;
        }
        for identifier in new.shareable() {
            let key = identifier.key();
            if self.recent.remove(&(key, before.written, before.number)).is_some() {
                self.recent.insert((key, after.written, after.number));
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
        let mut seen = Profiles::new();
        for (number, profile) in profiles {
            rebuilt.insert(profile, &profile.identifiers(), &seen);
            seen.insert(*number, profile.clone());
        }
        assert_eq!(self.all, rebuilt.all, "every identifier is indexed, and no other");
        assert_eq!(
            self.unclaimed, rebuilt.unclaimed,
            "the unclaimed are indexed, and no other"
        );
        assert_eq!(
            self.recent, rebuilt.recent,
            "shared identifiers are indexed by their last write, and no other"
        );
    }
}

fn numbers(set: &OrdSet<(Key, Number)>, key: Key, after: Number) -> impl Iterator<Item = Number> {
    set.range((key, after + 1)..=(key, Number::MAX))
        .map(|&(_, number)| number)
}

/// The profiles behind the numbers, less those that merely share the identifier's hash.
fn verified<'a>(
    numbers: impl Iterator<Item = Number>,
    identifier: Identifier<'a>,
    profiles: &'a Profiles,
) -> impl Iterator<Item = &'a Arc<Profile>> {
    numbers
        .map(|number| {
            profiles
                .get(&number)
                .expect("the index names only profiles that are there")
        })
        .filter(move |profile| identifier.is_in(&profile.identifiers()))
}
