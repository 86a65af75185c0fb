//! The history of a profile, and the effect that a write would have.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::customer::Customer;
use crate::domain::history::{self, Change, MatchKind};
use crate::domain::identifiers::Identifiers;
use crate::domain::note::RequestNote;
use crate::domain::profile::Profile;
use crate::domain::rejection::BrokenRule;
use crate::world;

/// One step in the history of a customer; see [`Store::lineage`](crate::Store::lineage).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LineageStep {
    /// The number of the request.
    pub request: u64,
    /// When the write became visible, by the store's clock.
    pub at: DateTime<Utc>,
    /// The effect on the profile.
    pub kind: StepKind,
    /// The id of the identity rule that applied, for example `identity.adopt`; `openapi/COVERAGE.md` lists them.
    pub rule: &'static str,
    /// The fields that the step set, by their JSON names.
    pub fields: Vec<&'static str>,
}

/// The effect of a write on a profile.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// It created the profile.
    Created,
    /// It updated the profile.
    Updated,
    /// It gave an external id to a profile that had none.
    Adopted,
    /// It merged another profile into this one.
    Merged(MergedProfile),
}

/// A profile that was merged into another one, with the identifiers that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedProfile {
    /// Its position in the order of creation.
    pub number: u64,
    /// The external id, if it had one.
    pub external_id: Option<String>,
    /// The e-mail address, if it had one.
    pub email: Option<String>,
    /// The phone number, if it had one.
    pub phone_number: Option<String>,
}

/// The effect that a write would have; see [`Store::explain`](crate::Store::explain).
///
/// ```
/// use serde_json::json;
/// use yotpo_mock::{StepKind, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// let explanation = store.explain(&json!({"customer": {"external_id": "c-1"}}));
/// assert_eq!(explanation.outcome, Some(StepKind::Created));
///
/// let explanation = store.explain(&json!({"customer": {"external_id": "c-1", "gender": "female"}}));
/// assert_eq!(explanation.broken_rules[0].rule.id, "customer.gender.enum");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The effect on the profile; `None` if the write would be rejected.
    pub outcome: Option<StepKind>,
    /// The id of the identity rule that would apply.
    pub rule: Option<&'static str>,
    /// The customer after the write.
    pub customer: Option<Customer>,
    /// The profiles that would be merged into it.
    pub merged: Vec<MergedProfile>,
    /// The customers that a rejected write means by its valid identifiers: one at most, or one by its e-mail address and one by
    /// its phone number if it has no external id.
    pub matches: Vec<Customer>,
    /// The rules for which the write would be rejected.
    pub broken_rules: Vec<BrokenRule>,
    /// The notes that the response would carry.
    pub notes: Vec<RequestNote>,
}

impl MergedProfile {
    fn new(number: u64, identifiers: &Identifiers) -> MergedProfile {
        MergedProfile {
            number,
            external_id: identifiers.external_id.as_ref().map(|id| id.as_str().to_owned()),
            email: identifiers.email.as_ref().map(|email| email.as_str().to_owned()),
            phone_number: identifiers.phone_number.as_ref().map(|number| number.as_str().to_owned()),
        }
    }
}

impl StepKind {
    fn new(kind: MatchKind) -> StepKind {
        match kind {
            MatchKind::New => StepKind::Created,
            MatchKind::ExternalId | MatchKind::WrittenLast => StepKind::Updated,
            MatchKind::Adopted => StepKind::Adopted,
        }
    }
}

impl LineageStep {
    pub(super) fn new(step: &history::Step) -> LineageStep {
        let kind = match &step.change {
            Change::Written { match_kind, .. } => StepKind::new(*match_kind),
            Change::Merged { number, identifiers } => StepKind::Merged(MergedProfile::new(*number, identifiers)),
        };
        LineageStep {
            request: step.request,
            at: step.at,
            kind,
            rule: step.change.rule(),
            fields: step.fields.names().collect(),
        }
    }
}

impl Explanation {
    pub(super) fn new(explanation: world::DryRun) -> Explanation {
        let notes = explanation.notes;
        match explanation.outcome {
            Ok((outcome, profile)) => Explanation {
                outcome: Some(StepKind::new(outcome.match_kind)),
                rule: Some(outcome.match_kind.rule()),
                customer: Some(Customer::from_profile(&profile)),
                merged: outcome
                    .merged
                    .iter()
                    .map(|(number, identifiers)| MergedProfile::new(*number, identifiers))
                    .collect(),
                matches: Vec::new(),
                broken_rules: Vec::new(),
                notes,
            },
            Err(broken_rules) => Explanation {
                outcome: None,
                rule: None,
                customer: None,
                merged: Vec::new(),
                matches: explanation.matches.iter().map(|profile| Customer::from_profile(profile)).collect(),
                broken_rules,
                notes,
            },
        }
    }
}

impl Customer {
    /// All fields of a profile, those included that the API returns only on request, and its number.
    pub(super) fn from_profile(profile: &Profile) -> Customer {
        match profile.to_json() {
            Value::Object(mut fields) => {
                fields.insert("number".to_owned(), profile.number().into());
                Customer::from(fields)
            }
            _ => unreachable!("a profile is rendered as an object"),
        }
    }
}
