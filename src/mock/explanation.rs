//! Why a profile is what it is, and what a write would come to.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::customer::Customer;
use crate::domain::customer::Include;
use crate::domain::history::{Change, MatchKind, Step as Told};
use crate::domain::identifiers::Identifiers;
use crate::domain::note::Note;
use crate::domain::profile::Profile;
use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;
use crate::world::Explanation as Explained;

/// One step by which a profile came to be what it is; the last 32 are kept.
///
/// ```
/// # let yotpo = yotpo_mock::YotpoMock::start();
/// # let store = yotpo.store("shop");
/// # store.seed([yotpo_mock::Customer::builder().external_id("c-1").build()]);
/// let customer = store.customer("c-1").unwrap();
/// for step in store.lineage(&customer) {
///     println!("request {} set {:?} by {}", step.request, step.fields, step.rule);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The number of the request that it came with.
    pub request: u64,
    /// When it showed, by the store's clock.
    pub at: DateTime<Utc>,
    /// What it was.
    pub kind: StepKind,
    /// The rule of identity by which it was so, as `openapi/COVERAGE.md` lists it: `identity.adopt`.
    pub rule: &'static str,
    /// The fields that it set, by their names on the wire.
    pub fields: Vec<&'static str>,
}

/// What a step was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// A write made the profile.
    Created,
    /// A write changed it.
    Updated,
    /// A write found it without an external id and gave it one.
    Adopted,
    /// Another profile was merged into it.
    Merged(MergedProfile),
}

/// A profile that was merged into another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedProfile {
    /// Its place in the order of creation.
    pub number: u64,
    /// The external id that it had.
    pub external_id: Option<String>,
    /// The e-mail address that it had.
    pub email: Option<String>,
    /// The phone number that it had.
    pub phone_number: Option<String>,
}

impl MergedProfile {
    fn of(number: u64, had: &Identifiers) -> MergedProfile {
        MergedProfile {
            number,
            external_id: had.external_id.as_ref().map(|id| id.as_str().to_owned()),
            email: had.email.as_ref().map(|email| email.as_str().to_owned()),
            phone_number: had.phone_number.as_ref().map(|number| number.as_str().to_owned()),
        }
    }
}

impl From<MatchKind> for StepKind {
    fn from(how: MatchKind) -> StepKind {
        match how {
            MatchKind::New => StepKind::Created,
            MatchKind::ExternalId | MatchKind::WrittenLast => StepKind::Updated,
            MatchKind::Adopted => StepKind::Adopted,
        }
    }
}

impl Step {
    pub(super) fn of(told: &Told) -> Step {
        let kind = match &told.what {
            Change::Written { how, .. } => StepKind::from(*how),
            Change::Merged { number, identifiers } => StepKind::Merged(MergedProfile::of(*number, identifiers)),
        };
        Step {
            request: told.request,
            at: told.at,
            kind,
            rule: told.what.rule(),
            fields: told.fields.names().collect(),
        }
    }
}

/// What a write would come to; nothing was written.
///
/// ```
/// use serde_json::json;
/// use yotpo_mock::{StepKind, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// let explained = store.explain(&json!({"customer": {"external_id": "c-1"}}));
/// assert_eq!(explained.outcome, Some(StepKind::Created));
///
/// let explained = store.explain(&json!({"customer": {"external_id": "c-1", "gender": "female"}}));
/// assert_eq!(explained.broken_rules[0].rule.id, "customer.gender.enum");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// What would be done to the profile; `None` if the write would be refused.
    pub outcome: Option<StepKind>,
    /// The rule of identity by which it would be done.
    pub rule: Option<&'static str>,
    /// The customer as it would be.
    pub customer: Option<Customer>,
    /// The profiles that would be merged into it.
    pub merged: Vec<MergedProfile>,
    /// The rules that would refuse the write; none if it would be accepted.
    pub broken_rules: Vec<BrokenRule>,
    /// What the write leans on.
    pub notes: Vec<Note>,
}

/// A rule that a write breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenRule {
    /// The rule, with what it rests on.
    pub rule: &'static Rule,
    /// Where it is broken, dotted: `customer.gender`.
    pub path: String,
    /// What the vendor's envelope would say.
    pub message: String,
}

impl Explanation {
    pub(super) fn of(explained: Explained) -> Explanation {
        let mut explanation = Explanation {
            outcome: None,
            rule: None,
            customer: None,
            merged: Vec::new(),
            broken_rules: Vec::new(),
            notes: explained.notes,
        };
        match explained.outcome {
            Ok((outcome, profile)) => {
                explanation.outcome = Some(outcome.how.into());
                explanation.rule = Some(outcome.how.rule());
                explanation.customer = Some(customer_of(&profile));
                let merged = outcome
                    .merged
                    .iter()
                    .map(|(number, had)| MergedProfile::of(*number, had));
                explanation.merged = merged.collect();
            }
            Err(Rejection::Invalid(violations)) => {
                let broken = violations.iter().map(|violation| BrokenRule {
                    rule: violation.rule,
                    path: violation.path.to_string(),
                    message: violation.to_string(),
                });
                explanation.broken_rules = broken.collect();
            }
            Err(_) => unreachable!("reading a write can only break rules"),
        }
        explanation
    }
}

/// A profile with everything that is known.
pub(super) fn customer_of(profile: &Profile) -> Customer {
    let mut json = Vec::new();
    profile.write_json(Include::EVERYTHING, &mut json);
    match serde_json::from_slice(&json).expect("a profile is JSON") {
        Value::Object(mut fields) => {
            fields.insert("number".to_owned(), profile.number().into());
            Customer::from(fields)
        }
        _ => unreachable!("a profile is rendered as an object"),
    }
}
