//! The profiles of a store, under their numbers.
//!
//! Numbers are given one after the other, so that a profile is found by the digits of its number and not by comparing: the way to
//! it is short, and the customers of a page stand side by side. All of it is persistent: a clone costs next to nothing, and what is
//! written later copies only the way to it.

use std::ops::Index;

use imbl::OrdMap;
use triomphe::Arc;

use super::customer::CustomerNumber;
use super::profile::Profile;

/// How many profiles stand in a leaf, and how many leaves in a branch: a digit of a number.
const WIDTH: usize = 32;

/// How many bits a digit has.
const DIGIT: u32 = WIDTH.trailing_zeros();

type Leaf = Arc<[Option<Profile>; WIDTH]>;
type Branch = Arc<[Option<Leaf>; WIDTH]>;

/// Profiles in the order of creation.
#[derive(Clone, Debug, Default)]
pub(super) struct Profiles {
    /// By what is left of a number without its last two digits. Neither a branch nor a leaf is empty.
    branches: OrdMap<u64, Branch>,
    len: usize,
}

/// Where the profile with a number stands: its branch, its leaf there, and its place in that.
fn place(number: CustomerNumber) -> (u64, usize, usize) {
    let digit = |bits: u32| usize::try_from(number >> bits).unwrap_or(usize::MAX) % WIDTH;
    (number >> (2 * DIGIT), digit(DIGIT), digit(0))
}

impl Profiles {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, number: CustomerNumber) -> Option<&Profile> {
        let (branch, leaf, at) = place(number);
        self.branches.get(&branch)?[leaf].as_ref()?[at].as_ref()
    }

    pub fn contains(&self, number: CustomerNumber) -> bool {
        self.get(number).is_some()
    }

    /// Puts a profile under its number; gives the one that had it.
    pub fn insert(&mut self, profile: Profile) -> Option<Profile> {
        let (branch, leaf, at) = place(profile.number());
        let branch = Arc::make_mut(self.branches.entry(branch).or_default());
        let leaf = Arc::make_mut(branch[leaf].get_or_insert_default());
        let before = leaf[at].replace(profile);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes the profile with a number out.
    pub fn remove(&mut self, number: CustomerNumber) -> Option<Profile> {
        self.get(number)?;
        let (high, middle, at) = place(number);
        let branch = Arc::make_mut(self.branches.get_mut(&high)?);
        let leaf = Arc::make_mut(branch[middle].as_mut()?);
        let removed = leaf[at].take();
        if leaf.iter().all(Option::is_none) {
            branch[middle] = None;
            if branch.iter().all(Option::is_none) {
                self.branches.remove(&high);
            }
        }
        self.len -= 1;
        removed
    }

    /// The profiles from the first with a number above `after`.
    pub fn after(&self, after: CustomerNumber) -> impl Iterator<Item = &Profile> {
        let first = after.saturating_add(1);
        let (branch, leaf, at) = place(first);
        let branches = self.branches.range(branch..).flat_map(move |(number, leaves)| {
            let begun = if *number == branch { leaf } else { 0 };
            let leaves = (begun..).zip(&leaves[begun..]);
            leaves.map(move |(place, leaf)| (*number, place, leaf))
        });
        branches.flat_map(move |(number, place, profiles)| {
            let is_first = (number, place) == (branch, leaf);
            let begun = if is_first { at } else { 0 };
            let profiles = profiles.iter().flat_map(move |profiles| &profiles[begun..]);
            profiles.flatten()
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.after(0)
    }

    /// Whether nothing was changed since one was cloned from the other; it may be told of a change that came to nothing.
    pub fn ptr_eq(&self, other: &Profiles) -> bool {
        self.branches.ptr_eq(&other.branches)
    }
}

/// The profile with a number.
///
/// # Panics
///
/// If there is none.
impl Index<CustomerNumber> for Profiles {
    type Output = Profile;

    fn index(&self, number: CustomerNumber) -> &Profile {
        self.get(number).expect("an index names only profiles that are there")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::customer::Customer;

    fn profile(number: CustomerNumber, written: u64) -> Profile {
        Profile::new(number, written, Customer::default(), None)
    }

    proptest! {
        #[test]
        fn they_are_a_map_of_numbers(
            steps in prop::collection::vec((any::<bool>(), prop_oneof![1_u64..100, 1000_u64..1100, 1_000_000_u64..1_000_003, (1_u64 << 53) - 2..1 << 53]), 0..200),
            after in prop_oneof![0_u64..100, 900_u64..1200, Just((1_u64 << 53) - 1)],
        ) {
            let (mut profiles, mut model) = (Profiles::default(), BTreeMap::new());
            for (written, (is_insert, number)) in (0..).zip(steps) {
                let copy = profiles.clone();
                let (found, expected) = match is_insert {
                    true => (profiles.insert(profile(number, written)), model.insert(number, written)),
                    false => (profiles.remove(number), model.remove(&number)),
                };
                let found = found.map(|profile| profile.written());
                prop_assert_eq!(found, expected);
                prop_assert_eq!(copy.get(number).map(Profile::written), expected, "a copy stays as it was");
                prop_assert_eq!(profiles.get(number).map(Profile::written), model.get(&number).copied());
                prop_assert_eq!(profiles.len(), model.len());
                prop_assert_eq!(copy.ptr_eq(&profiles), !is_insert && expected.is_none());
            }
            let all: Vec<_> = profiles.after(after).map(|profile| (profile.number(), profile.written())).collect();
            let expected: Vec<_> = model.range(after + 1..).map(|(number, written)| (*number, *written)).collect();
            prop_assert_eq!(all, expected);
            let numbers: Vec<_> = model.into_keys().collect();
            for number in numbers {
                profiles.remove(number);
            }
            prop_assert!(profiles.branches.is_empty(), "nothing is left of what has gone");
        }
    }
}
