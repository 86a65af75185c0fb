//! The identifiers of a customer, and how they compare.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The shop's own id of a shopper, kept and compared exactly.
///
/// Source: contract, "The customer", external_id (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(pub(super) String);

/// An email address, kept trimmed and as the client spelled it, compared without case.
///
/// Source: contract, "Identity and merging", rule 5 (assumed).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(pub(super) String);

/// A phone number in E.164 form, kept and compared exactly.
///
/// Source: contract, "The customer", phone_number (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(pub(super) String);

impl ExternalId {
    /// Takes any text as an id, to search with: what nobody has just finds nothing.
    pub fn for_lookup(text: &str) -> ExternalId {
        ExternalId(text.to_owned())
    }

    /// The id as the shop spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// Takes any text as an address, to search with: what is not an address just finds nothing.
    pub fn for_lookup(text: &str) -> Email {
        Email(text.trim().to_owned())
    }

    /// The address as it was written last.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared by.
    pub fn folded(&self) -> Cow<'_, str> {
        Email::fold(&self.0)
    }

    pub(super) fn fold(address: &str) -> Cow<'_, str> {
        let is_folded = address
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_folded {
            address.into()
        } else {
            address.to_lowercase().into()
        }
    }

    /// Whether two addresses are the same.
    pub(super) fn is_same(one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other) || Email::fold(one) == Email::fold(other)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Email) -> bool {
        Email::is_same(&self.0, &other.0)
    }
}

impl PhoneNumber {
    /// Takes any text as a number, to search with: what is not a number just finds nothing.
    pub fn for_lookup(text: &str) -> PhoneNumber {
        PhoneNumber(text.to_owned())
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What names a shopper. Any part may be missing; two shoppers may share an email or a phone number, never an external id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identifiers {
    pub external_id: Option<ExternalId>,
    pub email: Option<Email>,
    pub phone_number: Option<PhoneNumber>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_case() {
        assert_eq!(
            Email::for_lookup(" Ann@Example.com "),
            Email::for_lookup("ann@example.COM")
        );
        assert_eq!(
            Email::for_lookup("a@BÜCHER.example"),
            Email::for_lookup("a@bücher.example")
        );
    }
}
