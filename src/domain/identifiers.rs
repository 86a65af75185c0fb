//! The identifiers of a customer, and how they compare.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use unicase::UniCase;

/// The shop's own id of a customer, compared exactly.
///
/// Source: contract, "The customer", external_id (documented).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(pub(super) String);

/// An email address, stored trimmed but otherwise as sent, and compared case-insensitively.
///
/// Source: contract, "Identity and merging", rule 5 (assumed).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(pub(super) String);

/// A phone number in E.164 form, compared exactly.
///
/// Source: contract, "The customer", phone_number (documented).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(pub(super) String);

impl ExternalId {
    /// Wraps any text without checking it, to search with.
    pub fn for_lookup(text: &str) -> ExternalId {
        ExternalId(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// Wraps any text without checking it, to search with.
    pub fn for_lookup(text: &str) -> Email {
        Email(text.trim().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which addresses are compared: in lower case, with the domain in Unicode.
    pub fn folded(&self) -> Cow<'_, str> {
        let is_folded = self.0.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_folded && !self.0.contains("xn--") {
            return Cow::Borrowed(&self.0);
        }
        Cow::Owned(match self.0.rsplit_once('@') {
            Some((local, domain)) => {
                let (domain, _) = idna::domain_to_unicode(domain);
                format!("{}@{}", local.to_lowercase(), fold_domain(&domain))
            }
            None => self.0.to_lowercase(),
        })
    }
}

/// Full case folding, by which `STRASSE` and `straße` are equal.
fn fold_domain(domain: &str) -> String {
    UniCase::unicode(domain).to_folded_case()
}

impl PartialEq for Email {
    fn eq(&self, other: &Email) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Email {}

impl Hash for Email {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl PhoneNumber {
    /// Wraps any text without checking it, to search with.
    pub fn for_lookup(text: &str) -> PhoneNumber {
        PhoneNumber(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identifiers of a customer, each optional. Customers may share an email or a phone number, but never an external id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifiers {
    pub external_id: Option<ExternalId>,
    pub email: Option<Email>,
    pub phone_number: Option<PhoneNumber>,
}

impl Identifiers {
    /// Whether there is no external id, so that the customer can be merged into another.
    pub fn is_anonymous(&self) -> bool {
        self.external_id.is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Identifier<'_>> {
        let external_id = self.external_id.as_ref().map(Identifier::ExternalId);
        external_id.into_iter().chain(self.shareable())
    }

    /// Whether a customer with other identifiers has all of these.
    pub fn are_in(&self, others: &Identifiers) -> bool {
        self.iter().all(|identifier| identifier.is_in(others))
    }

    /// The identifiers that customers may share, the email first.
    pub(super) fn shareable(&self) -> impl Iterator<Item = Identifier<'_>> {
        let email = self.email.as_ref().map(Identifier::Email);
        let phone_number = self.phone_number.as_ref().map(Identifier::PhoneNumber);
        email.into_iter().chain(phone_number)
    }
}

/// One identifier of a customer.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Identifier<'a> {
    ExternalId(&'a ExternalId),
    Email(&'a Email),
    PhoneNumber(&'a PhoneNumber),
}

impl Identifier<'_> {
    pub(super) fn is_in(self, identifiers: &Identifiers) -> bool {
        match self {
            Identifier::ExternalId(id) => identifiers.external_id.as_ref() == Some(id),
            Identifier::Email(email) => identifiers.email.as_ref() == Some(email),
            Identifier::PhoneNumber(number) => identifiers.phone_number.as_ref() == Some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_compare_case_insensitively() {
        assert_eq!(Email::for_lookup(" Ann@Example.com "), Email::for_lookup("ann@example.COM"));
        assert_eq!(Email::for_lookup("a@BÜCHER.example"), Email::for_lookup("a@bücher.example"));
        assert_eq!(Email::for_lookup("a@STRASSE.example"), Email::for_lookup("a@straße.example"));
    }

    #[test]
    fn an_international_domain_is_equal_to_its_punycode() {
        assert_eq!(Email::for_lookup("A@XN--BCHER-KVA.example"), Email::for_lookup("a@bücher.example"));
        assert_ne!(Email::for_lookup("a@xn--bcher-kva.example"), Email::for_lookup("a@bucher.example"));
    }
}
