//! The identity index: which profiles a set of identifiers finds.
//!
//! Source: contract, "Identity and merging" (external_id is documented as the primary hash, the rest is assumed).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::customer::CustomerNumber;
use super::identifiers::{Identifier, Identifiers};
use super::profile::Profile;

/// The profiles of a store, in the order of creation.
pub(super) type Profiles = OrdMap<CustomerNumber, Arc<Profile>>;

/// The hash of an identifier, which two identifiers may share.
type IdentifierHash = u64;

/// Profile numbers under the hashes of their identifiers.
///
/// The identifiers themselves are in the profiles and are compared there. The sets are persistent, so that clones of a store
/// share them.
#[derive(Clone, Debug, Default)]
pub(super) struct IdentityIndex {
    /// The identifiers of all profiles.
    all: OrdSet<(IdentifierHash, CustomerNumber)>,
    /// The identifiers of profiles without an external id: a write looks for these only, and passes over any number of
    /// customers who share an identifier with it.
    anonymous: OrdSet<(IdentifierHash, CustomerNumber)>,
}

impl IdentityIndex {
    /// The profiles with an identifier and a number above `after`, in the order of creation.
    pub fn find<'a>(
        &'a self,
        identifier: Identifier<'a>,
        after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> impl Iterator<Item = &'a Arc<Profile>> {
        matches(&self.all, identifier, after, profiles)
    }

    /// The profile that a write updates, by rules 1 and 4; `None` if the write creates one.
    pub fn target<'a>(&'a self, write: &'a Identifiers, profiles: &'a Profiles) -> Option<&'a Arc<Profile>> {
        let Some(id) = &write.external_id else {
            return write
                .shareable()
                .find_map(|identifier| self.find(identifier, 0, profiles).max_by_key(|profile| profile.revision()));
        };
        self.find(Identifier::ExternalId(id), 0, profiles).next().or_else(|| {
            write.shareable().find_map(|identifier| matches(&self.anonymous, identifier, 0, profiles).next())
        })
    }

    /// The oldest anonymous profile, other than `target`, that shares an identifier with it: rules 2 and 6.
    pub fn next_to_merge(
        &self,
        target: CustomerNumber,
        identifiers: &Identifiers,
        profiles: &Profiles,
    ) -> Option<CustomerNumber> {
        let others = identifiers.shareable().filter_map(|identifier| {
            matches(&self.anonymous, identifier, 0, profiles)
                .map(|profile| profile.number())
                .find(|number| *number != target)
        });
        others.min()
    }

    /// The oldest anonymous profile with a number above `after` and exactly these identifiers.
    pub fn find_exact<'a>(
        &'a self,
        identifiers: &'a Identifiers,
        after: CustomerNumber,
        profiles: &'a Profiles,
    ) -> Option<&'a Arc<Profile>> {
        let first = identifiers.shareable().next()?;
        matches(&self.anonymous, first, after, profiles).find(|profile| profile.identifiers() == identifiers)
    }

    pub fn insert(&mut self, profile: &Profile) {
        for identifier in profile.identifiers().iter() {
            let entry = (hash(identifier), profile.number());
            self.all.insert(entry);
            if profile.identifiers().is_anonymous() {
                self.anonymous.insert(entry);
            }
        }
    }

    pub fn remove(&mut self, profile: &Profile) {
        for identifier in profile.identifiers().iter() {
            let entry = (hash(identifier), profile.number());
            self.all.remove(&entry);
            self.anonymous.remove(&entry);
        }
    }

    /// Compares the index with the profiles.
    ///
    /// # Panics
    ///
    /// If they disagree.
    #[cfg(any(test, feature = "internals"))]
    pub fn audit(&self, profiles: &Profiles) {
        let mut rebuilt = IdentityIndex::default();
        for profile in profiles.values() {
            rebuilt.insert(profile);
        }
        assert_eq!(self.all, rebuilt.all, "exactly the profiles are indexed");
        assert_eq!(self.anonymous, rebuilt.anonymous, "exactly the anonymous profiles are indexed");
    }
}

fn hash(identifier: Identifier<'_>) -> IdentifierHash {
    let mut hasher = DefaultHasher::new();
    identifier.hash(&mut hasher);
    hasher.finish()
}

/// The profiles in a set that have an identifier and a number above `after`.
fn matches<'a>(
    set: &'a OrdSet<(IdentifierHash, CustomerNumber)>,
    identifier: Identifier<'a>,
    after: CustomerNumber,
    profiles: &'a Profiles,
) -> impl Iterator<Item = &'a Arc<Profile>> {
    let hash = hash(identifier);
    set.range((hash, after + 1)..=(hash, CustomerNumber::MAX))
        .map(|(_, number)| &profiles[number])
        .filter(move |profile| identifier.is_in(profile.identifiers()))
}
