//! Lineage: the story of a profile, step by step: which request set which field, which identifiers joined it, and which other
//! profiles were merged into it, by which rule.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::customer::{Customer, Identifiers, Number};
use super::identity::Names;

/// How many steps of a profile's story are kept; older ones are forgotten.
pub const MAX_STEPS: usize = 32;

/// The fields that a step may set, in their order on the wire.
pub(crate) const FIELDS: [&str; 20] = [
    "external_id",
    "email",
    "phone_number",
    "first_name",
    "last_name",
    "gender",
    "account_created_at",
    "account_updated_at",
    "account_status",
    "default_language",
    "default_currency",
    "tags",
    "address",
    "accepts_sms_marketing",
    "accepts_email_marketing",
    "lists",
    "channels",
    "custom_properties",
    "loyalty",
    "yotpo_ugc",
];

/// By which rule of the contract's section 7 a write came to its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// None was found: a new one was made.
    New,
    /// It has the external id.
    ExternalId,
    /// It was unclaimed and gained the external id, found by email or else by phone number.
    Adopted,
    /// It was written last of those with the email or phone number.
    WrittenLast,
}

impl How {
    /// What a write that names its customer so comes to, where a profile was found or not.
    pub fn of(write: &Names<'_>, found: Option<&Names<'_>>) -> How {
        match found {
            None => How::New,
            Some(found) if write.external_id.is_some() && found.external_id == write.external_id => How::ExternalId,
            Some(_) if write.external_id.is_some() => How::Adopted,
            Some(_) => How::WrittenLast,
        }
    }

    /// The id of the rule, as `openapi/COVERAGE.md` lists it.
    pub fn rule(self) -> &'static str {
        match self {
            How::New => "identity.new",
            How::ExternalId => "identity.external_id",
            How::Adopted => "identity.adopt",
            How::WrittenLast => "identity.last_written",
        }
    }
}

/// A set of a customer's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields(u32);

impl Fields {
    /// The fields that a customer has.
    pub fn of(customer: &Customer) -> Fields {
        let on_request = &customer.on_request;
        let is_set = [
            customer.external_id.is_some(),
            customer.email.is_some(),
            customer.phone_number.is_some(),
            customer.first_name.is_some(),
            customer.last_name.is_some(),
            customer.gender.is_some(),
            customer.account_created_at.is_some(),
            customer.account_updated_at.is_some(),
            customer.account_status.is_some(),
            customer.default_language.is_some(),
            customer.default_currency.is_some(),
            customer.tags.is_some(),
            customer.address.is_some(),
            customer.accepts_sms_marketing.is_some(),
            customer.accepts_email_marketing.is_some(),
            !customer.lists.is_empty(),
            customer.channels.sms.is_some() || customer.channels.email.is_some(),
            !on_request.custom_properties.is_empty(),
            on_request.loyalty.is_some(),
            on_request.yotpo_ugc.is_some(),
        ];
        Fields(
            is_set
                .iter()
                .rev()
                .fold(0, |bits, is_set| bits << 1 | u32::from(*is_set)),
        )
    }

    /// Those that are not among others.
    pub fn without(self, others: Fields) -> Fields {
        Fields(self.0 & !others.0)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let is_in = move |at: usize| self.0 >> at & 1 == 1;
        FIELDS
            .iter()
            .enumerate()
            .filter(move |(at, _)| is_in(*at))
            .map(|(_, name)| *name)
    }
}

/// What one step was.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A write came to the profile.
    Written {
        how: How,
        /// What names the customer from this step on, if that changed.
        named: Option<Box<Identifiers>>,
    },
    /// Another profile was merged into it.
    Merged {
        number: Number,
        /// What named the other.
        identifiers: Box<Identifiers>,
    },
}

impl What {
    /// The id of the rule by which it was so.
    pub fn rule(&self) -> &'static str {
        match self {
            What::Written { how, .. } => how.rule(),
            What::Merged { .. } => "identity.goes_on",
        }
    }
}

/// One step of a profile's story. Steps are shared by all versions of a profile.
#[derive(Debug)]
pub struct Step {
    /// The request that it came with.
    pub request: u64,
    /// When it showed.
    pub at: DateTime<Utc>,
    pub what: What,
    /// The fields that it set, or that the other filled.
    pub fields: Fields,
    before: Lineage,
    length: usize,
}

/// A profile's story, its last step first; none for what a seed says.
pub type Lineage = Option<Arc<Step>>;

/// A story with one more step.
pub fn told(before: Lineage, request: u64, at: DateTime<Utc>, what: What, fields: Fields) -> Lineage {
    let before = shortened(before);
    let length = 1 + before.as_ref().map_or(0, |step| step.length);
    Some(Arc::new(Step {
        request,
        at,
        what,
        fields,
        before,
        length,
    }))
}

/// The last steps of a story, the first of them first.
pub fn steps(lineage: &Lineage) -> Vec<&Step> {
    let last = std::iter::successors(lineage.as_deref(), |step| step.before.as_deref());
    let mut steps: Vec<_> = last.take(MAX_STEPS).collect();
    steps.reverse();
    steps
}

/// Cuts a story that is twice as long as it may be: so that each step is copied once at most.
fn shortened(lineage: Lineage) -> Lineage {
    if lineage.as_ref().is_none_or(|step| step.length < 2 * MAX_STEPS) {
        return lineage;
    }
    let anew = |before: Lineage, step: &Step| told(before, step.request, step.at, step.what.clone(), step.fields);
    steps(&lineage).into_iter().fold(None, anew)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_keeps_its_last_steps() {
        let mut lineage = None;
        for request in 1..=1000 {
            let what = What::Written {
                how: How::New,
                named: None,
            };
            lineage = told(lineage, request, DateTime::UNIX_EPOCH, what, Fields::default());
            let kept: Vec<_> = steps(&lineage).iter().map(|step| step.request).collect();
            let first = request.saturating_sub(31).max(1);
            assert_eq!(kept, (first..=request).collect::<Vec<_>>());
        }
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
