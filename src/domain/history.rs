//! Lineage: the story of a profile, step by step: which request set which field, which identifiers joined it, and which other
//! profiles were merged into it, by which rule.

use std::num::NonZero;

use chrono::{DateTime, Utc};
use triomphe::Arc;

use super::customer::{Customer, CustomerNumber};
use super::identifiers::Identifiers;
use super::identity::IdentifiersRef;

/// How many steps of a profile's story are kept; older ones are forgotten.
pub const MAX_STEPS: usize = 32;

/// By which rule of the contract's section 7 a write came to its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// None was found: a new one was made.
    New,
    /// It has the external id.
    ExternalId,
    /// It was unclaimed and gained the external id, found by email or else by phone number.
    Adopted,
    /// It was written last of those with the email or phone number.
    WrittenLast,
}

impl MatchKind {
    /// What a write that names its customer so comes to, where a profile was found or not.
    pub fn of(write: &IdentifiersRef<'_>, found: Option<&IdentifiersRef<'_>>) -> MatchKind {
        match found {
            None => MatchKind::New,
            Some(found) if write.external_id.is_some() && found.external_id == write.external_id => {
                MatchKind::ExternalId
            }
            Some(_) if write.external_id.is_some() => MatchKind::Adopted,
            Some(_) => MatchKind::WrittenLast,
        }
    }

    /// The id of the rule, as `openapi/COVERAGE.md` lists it.
    pub fn rule(self) -> &'static str {
        match self {
            MatchKind::New => "identity.new",
            MatchKind::ExternalId => "identity.external_id",
            MatchKind::Adopted => "identity.adopt",
            MatchKind::WrittenLast => "identity.last_written",
        }
    }
}

/// A set of a customer's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields(u32);

impl Fields {
    /// The fields that a customer has.
    pub fn of(customer: &Customer) -> Fields {
        let bits = customer.has_values().enumerate();
        Fields(bits.fold(0, |bits, (index, has_value)| bits | u32::from(has_value) << index))
    }

    /// Those that are not among others.
    pub fn without(self, others: Fields) -> Fields {
        Fields(self.0 & !others.0)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let fields = Customer::FIELDS.iter().enumerate();
        fields
            .filter(move |(index, _)| self.0 >> index & 1 == 1)
            .map(|(_, field)| field.name)
    }
}

/// What one step was.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A write came to the profile.
    Written {
        how: MatchKind,
        /// What names the customer from this step on, if that changed.
        named: Option<Identifiers>,
    },
    /// Another profile was merged into it.
    Merged {
        number: CustomerNumber,
        /// What named the other.
        identifiers: Identifiers,
    },
}

impl Change {
    /// The id of the rule by which it was so.
    pub fn rule(&self) -> &'static str {
        match self {
            Change::Written { how, .. } => how.rule(),
            Change::Merged { .. } => "identity.goes_on",
        }
    }
}

/// One step of a profile's story.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The request that it came with.
    pub request: u64,
    /// When it showed.
    pub at: DateTime<Utc>,
    pub what: Change,
    /// The fields that it set, or that the other filled.
    pub fields: Fields,
}

/// A step as it is kept, shared by all versions of a profile. Every write to a customer adds one, so that it is packed: 48 bytes with
/// the count of those who share it.
#[derive(Debug)]
pub struct Kept {
    request: u64,
    before: History,
    /// What names whom, where the step says so.
    named: Option<Box<Named>>,
    at: DateTime<Utc>,
    rest: Rest,
}

/// What names a customer from a step on, or named another one that was merged into it then.
#[derive(Debug)]
struct Named {
    identifiers: Identifiers,
    /// The number of the one that was merged; they count from 1.
    merged: Option<NonZero<CustomerNumber>>,
}

/// What is left of a kept step, in the bits of a number: from the lowest on the fields, by which rule a write came to its profile, and
/// the length of the story with this step.
#[derive(Clone, Copy, Debug)]
struct Rest(u32);

impl Rest {
    const HOW_AT: u32 = 20;
    const LENGTH_AT: u32 = 24;
    const HOW: [MatchKind; 4] = [
        MatchKind::New,
        MatchKind::ExternalId,
        MatchKind::Adopted,
        MatchKind::WrittenLast,
    ];

    fn new(fields: Fields, how: MatchKind, length: usize) -> Rest {
        let how = Rest::HOW.iter().position(|known| *known == how).expect("all are there");
        let small = |number| u32::try_from(number).expect("it is much smaller");
        Rest(fields.0 | small(how) << Rest::HOW_AT | small(length) << Rest::LENGTH_AT)
    }

    fn fields(self) -> Fields {
        Fields(self.0 & ((1 << Rest::HOW_AT) - 1))
    }

    fn how(self) -> MatchKind {
        Rest::HOW[(self.0 >> Rest::HOW_AT) as usize % Rest::HOW.len()]
    }

    fn length(self) -> usize {
        (self.0 >> Rest::LENGTH_AT) as usize
    }
}

const _: () =
    assert!(Customer::FIELDS.len() <= Rest::HOW_AT as usize && 2 * MAX_STEPS < 1 << (u32::BITS - Rest::LENGTH_AT));

impl Kept {
    fn step(&self) -> Step {
        let named = self.named.as_deref();
        let what = match named.map(|named| (named.merged, &named.identifiers)) {
            Some((Some(number), identifiers)) => Change::Merged {
                number: number.get(),
                identifiers: identifiers.clone(),
            },
            named => Change::Written {
                how: self.rest.how(),
                named: named.map(|(_, identifiers)| identifiers.clone()),
            },
        };
        Step {
            request: self.request,
            at: self.at,
            what,
            fields: self.rest.fields(),
        }
    }
}

/// A profile's story, its last step first; none for what a seed says.
pub type History = Option<Arc<Kept>>;

/// A story with one more step.
pub fn told(before: History, step: Step) -> History {
    let before = shortened(before);
    let length = 1 + before.as_ref().map_or(0, |kept| kept.rest.length());
    let (how, identifiers, merged) = match step.what {
        Change::Written { how, named } => (how, named, None),
        // By whom was merged it is known as a merge, whatever else it says.
        Change::Merged { number, identifiers } => (MatchKind::New, Some(identifiers), NonZero::new(number)),
    };
    Some(Arc::new(Kept {
        request: step.request,
        before,
        named: identifiers.map(|identifiers| Box::new(Named { identifiers, merged })),
        at: step.at,
        rest: Rest::new(step.fields, how, length),
    }))
}

/// The last steps of a story, the first of them first.
pub fn steps(history: &History) -> Vec<Step> {
    let last = std::iter::successors(history.as_deref(), |kept| kept.before.as_deref());
    let mut steps: Vec<_> = last.take(MAX_STEPS).map(Kept::step).collect();
    steps.reverse();
    steps
}

/// Cuts a story that is twice as long as it may be: so that each step is copied once at most.
fn shortened(history: History) -> History {
    if history.as_ref().is_none_or(|kept| kept.rest.length() < 2 * MAX_STEPS) {
        return history;
    }
    steps(&history).into_iter().fold(None, told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifiers::ExternalId;

    #[test]
    fn a_story_keeps_its_last_steps() {
        let mut history = None;
        for request in 1..=1000 {
            let what = Change::Written {
                how: MatchKind::New,
                named: None,
            };
            history = told(
                history,
                Step {
                    request,
                    at: DateTime::UNIX_EPOCH,
                    what,
                    fields: Fields::default(),
                },
            );
            let kept: Vec<_> = steps(&history).iter().map(|step| step.request).collect();
            let first = request.saturating_sub(31).max(1);
            assert_eq!(kept, (first..=request).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_step_is_told_as_it_was() {
        let identifiers = Identifiers {
            external_id: Some(ExternalId::for_lookup("c-1")),
            ..Identifiers::default()
        };
        let everything = Fields((1 << Customer::FIELDS.len()) - 1);
        for how in [
            MatchKind::New,
            MatchKind::ExternalId,
            MatchKind::Adopted,
            MatchKind::WrittenLast,
        ] {
            for named in [None, Some(identifiers.clone())] {
                is_told_as_it_was(Change::Written { how, named }, Fields::default());
            }
        }
        is_told_as_it_was(Change::Merged { number: 7, identifiers }, everything);
    }

    fn is_told_as_it_was(what: Change, fields: Fields) {
        let step = Step {
            request: u64::MAX,
            at: DateTime::<Utc>::MAX_UTC,
            what,
            fields,
        };
        let mut history = None;
        for length in 1..=2 * MAX_STEPS {
            history = told(history, step.clone());
            let steps = steps(&history);
            assert_eq!(steps.len(), length.min(MAX_STEPS));
            assert!(steps.iter().all(|told| *told == step), "{steps:?}");
        }
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_kept_step_is_small() {
        // The count of those who share it comes before it.
        assert_eq!(size_of::<usize>() + size_of::<Kept>(), 48);
    }

    #[test]
    fn fields_are_told_by_their_names() {
        let customer = Customer {
            tags: Some(String::new()),
            accepts_sms_marketing: Some(false),
            ..Customer::default()
        };
        let fields = Fields::of(&customer);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["tags", "accepts_sms_marketing"]);
        assert_eq!(fields.without(fields), Fields::default());
    }
}
