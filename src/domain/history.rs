//! The history of a profile: which request set which field, which identifiers it gained, and which other profiles were merged
//! into it, by which rule.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::customer::{Customer, CustomerNumber};
use super::identifiers::Identifiers;
use super::timestamp::rfc3339;

/// The number of steps that a history holds; older ones are dropped.
pub const MAX_STEPS: usize = 32;

/// The last steps of a profile, the oldest first. It is empty for a customer from a seed.
#[derive(Clone, Debug, Default)]
pub struct History(Box<[Step]>);

impl History {
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This history with more steps at its end.
    #[must_use]
    pub fn extended(&self, steps: Vec<Step>) -> History {
        let dropped = (self.0.len() + steps.len()).saturating_sub(MAX_STEPS);
        History(self.0.iter().cloned().chain(steps).skip(dropped).collect())
    }
}

/// One step of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The number of the request that caused it.
    pub request: u64,
    /// When it became visible.
    pub at: DateTime<Utc>,
    pub change: Change,
    /// The fields that it set or, in a merge, filled.
    pub fields: FieldSet,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A write created or updated the profile.
    Written {
        match_kind: MatchKind,
        /// The identifiers of the profile after the write, if it changed them.
        identifiers: Option<Box<Identifiers>>,
    },
    /// Another profile was merged into it.
    Merged {
        number: CustomerNumber,
        /// The identifiers of the other profile.
        identifiers: Box<Identifiers>,
    },
}

impl Step {
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "request": self.request,
            "at": rfc3339(self.at),
            "step": self.change.effect(),
            "fields": self.fields.names().collect::<Vec<_>>(),
            "rule": self.change.rule(),
        });
        match &self.change {
            Change::Merged { number, identifiers } => json["merged"] = numbered_json(*number, identifiers),
            Change::Written { identifiers, .. } => {
                if let Some(identifiers) = identifiers {
                    json["identifiers"] = json!(identifiers);
                }
            }
        }
        json
    }
}

/// A profile by its number and identifiers.
pub fn numbered_json(number: CustomerNumber, identifiers: &Identifiers) -> Value {
    json!({ "number": number, "identifiers": identifiers })
}

impl Change {
    /// The effect on the profile, in one word.
    pub fn effect(&self) -> &'static str {
        match self {
            Change::Written { match_kind, .. } => match_kind.effect(),
            Change::Merged { .. } => "merged",
        }
    }

    /// The id of the identity rule behind the step.
    pub fn rule(&self) -> &'static str {
        match self {
            Change::Written { match_kind, .. } => match_kind.rule(),
            Change::Merged { .. } => "identity.goes_on",
        }
    }
}

/// How a write found its profile.
///
/// Source: contract, "Identity and merging", rules 1 and 4 (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// No profile matched, so that the write created one.
    New,
    /// The profile has the external id.
    ExternalId,
    /// An anonymous profile with the email or the phone number gained the external id.
    Adopted,
    /// The profile was written last of those with the email or the phone number.
    WrittenLast,
}

impl MatchKind {
    /// How a write with some identifiers found the profile with others.
    pub fn new(write: &Identifiers, found: Option<&Identifiers>) -> MatchKind {
        match found {
            None => MatchKind::New,
            Some(_) if write.is_anonymous() => MatchKind::WrittenLast,
            Some(found) if found.external_id == write.external_id => MatchKind::ExternalId,
            Some(_) => MatchKind::Adopted,
        }
    }

    /// The effect of the write on the profile, in one word.
    pub fn effect(self) -> &'static str {
        match self {
            MatchKind::New => "created",
            MatchKind::ExternalId | MatchKind::WrittenLast => "updated",
            MatchKind::Adopted => "adopted",
        }
    }

    /// The id of the rule in `openapi/COVERAGE.md`.
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
pub struct FieldSet(u32);

const _: () = assert!(Customer::FIELDS.len() <= u32::BITS as usize);

impl FieldSet {
    /// The fields that a customer has.
    pub fn from_customer(customer: &Customer) -> FieldSet {
        let bits = customer.has_values().enumerate();
        FieldSet(bits.fold(0, |bits, (index, has_value)| bits | u32::from(has_value) << index))
    }

    /// The fields of this set that are not in the other.
    pub fn without(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & !other.0)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let fields = Customer::FIELDS.iter().enumerate();
        fields.filter(move |(index, _)| self.0 >> index & 1 == 1).map(|(_, field)| field.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_its_last_steps() {
        let mut history = History::default();
        for request in 1..=100 {
            history = history.extended(vec![Step {
                request,
                at: DateTime::UNIX_EPOCH,
                change: Change::Written { match_kind: MatchKind::New, identifiers: None },
                fields: FieldSet::default(),
            }]);
            let kept: Vec<_> = history.steps().iter().map(|step| step.request).collect();
            let first = request.saturating_sub(31).max(1);
            assert_eq!(kept, (first..=request).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_field_set_lists_its_names() {
        let customer =
            Customer { tags: Some(String::new()), accepts_sms_marketing: Some(false), ..Customer::default() };
        let fields = FieldSet::from_customer(&customer);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["tags", "accepts_sms_marketing"]);
        assert_eq!(fields.without(fields), FieldSet::default());
    }
}
