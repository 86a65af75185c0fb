//! Validation: what the vendor takes, field by field.
//!
//! A body is read leniently where working clients need it and every broken rule is collected, so that one refusal tells
//! them all. The words and the evidence of each rule stand in the [rule book](super::rule).
//!
//! Source: contract, "The customer" and "Custom customer event", with their fine print.

mod event;
mod read_side;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use validator::{ValidateEmail, ValidateLength};

use super::customer::{Address, Customer, Properties};
use super::identifiers::{Email, ExternalId, PhoneNumber};
use super::json::{Json, Object};
use super::note::Note;
use super::rejection::{Rejection, Violation};
use super::rule::{self, Rule};
use super::timestamp;

use event::EVENT_FIELDS;
pub use event::read_event;
pub(crate) use read_side::{read_complete_customer, read_complete_event};

/// The longest identifier, name, source, type or unique id, in Unicode scalar values.
pub const MAX_CHARS: u64 = 255;

const GENDERS: [&str; 3] = ["F", "M", "Other"];
const ACCOUNT_STATUSES: [&str; 4] = ["enabled", "disabled", "invited", "declined"];

pub(crate) const IDENTIFIER_FIELDS: [&str; 3] = ["external_id", "email", "phone_number"];

/// What a client may write of a customer.
pub(crate) const WRITABLE_FIELDS: [&str; 16] = [
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
    "custom_properties",
];

/// What pages carry of a customer and no client writes.
pub(crate) const READ_ONLY_FIELDS: [&str; 4] = ["lists", "channels", "yotpo_ugc", "loyalty"];

pub(crate) const ADDRESS_FIELDS: [&str; 9] = [
    "address1",
    "address2",
    "city",
    "company",
    "state",
    "zip",
    "province_code",
    "country_code",
    "phone_number",
];

/// How strict the vendor is taken to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Validation {
    /// Every rule holds.
    #[default]
    Strict,
    /// Enumerations, ISO codes, unparseable dates and the address's phone number pass; types, identifiers, lengths and
    /// property rules stay.
    Lenient,
}

/// What a body is read under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValidationOptions {
    pub validation: Validation,
    /// Whether fields that the vendor calls deprecated are dropped on write.
    pub enforce_deprecations: bool,
}

/// What reading a body brought to light: every broken rule, and every note.
#[derive(Debug, Default)]
pub struct Diagnostics {
    pub violations: Vec<Violation>,
    pub notes: Vec<Note>,
}

impl Diagnostics {
    pub fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub fn broken(&mut self, rule: &'static Rule, path: impl Into<String>) {
        self.violations.push(Violation {
            rule,
            path: path.into(),
        });
    }

    /// Gives what was read if nothing was broken.
    fn accept<T>(&mut self, read: Option<T>) -> Result<T, Rejection> {
        match read {
            Some(read) if self.violations.is_empty() => Ok(read),
            _ => Err(Rejection::Invalid(std::mem::take(&mut self.violations))),
        }
    }
}

/// Reads the body of a create-or-update call, `{"customer":{…}}`.
///
/// The customer that comes back holds what was sent and nothing else; `now` is put in as `account_updated_at` where the
/// client sent none.
///
/// # Errors
///
/// [`Rejection::Invalid`] with one entry per broken rule.
pub fn read_customer(
    body: &Json<'_>,
    terms: ValidationOptions,
    now: DateTime<Utc>,
    diagnostics: &mut Diagnostics,
) -> Result<Customer, Rejection> {
    let Some(body) = body.as_object() else {
        diagnostics.broken(&rule::BODY_OBJECT, "the body");
        return diagnostics.accept(None);
    };
    if body.keys().any(|key| key != "customer") {
        diagnostics.note(Note::CustomersUnknownField);
    }
    let Some(customer) = body.get("customer").and_then(Json::as_object) else {
        diagnostics.broken(&rule::CUSTOMER_REQUIRED, "customer");
        return diagnostics.accept(None);
    };
    let mut fields = Fields {
        object: customer,
        path: "customer",
        validation: terms.validation,
        diagnostics,
    };
    let is_blank = |value: &Json<'_>| value.as_str().is_some_and(|text| text.trim().is_empty());
    if fields.sent("phone_number").is_some_and(|number| !is_blank(number)) {
        fields.diagnostics.note(Note::CustomersPhoneNumber);
    }
    if fields.sent("custom_properties").is_some() {
        fields.diagnostics.note(Note::CustomersCustomProperties);
    }
    let customer = fields.written_customer(terms.enforce_deprecations, now);
    diagnostics.accept(Some(customer))
}

/// One JSON object that is being read, and where it stands.
pub(crate) struct Fields<'a> {
    pub object: &'a Object<'a>,
    /// What stands before the name of a field in a message.
    pub path: &'a str,
    pub validation: Validation,
    pub diagnostics: &'a mut Diagnostics,
}

/// What became of an identifier: one that is broken still counts as sent.
enum Field<T> {
    Absent,
    Invalid,
    Taken(T),
}

impl<T> Field<T> {
    fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }

    fn taken(self) -> Option<T> {
        match self {
            Field::Taken(value) => Some(value),
            Field::Absent | Field::Invalid => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// A field's value; null counts as absent.
    pub fn sent(&self, name: &str) -> Option<&'a Json<'a>> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub fn broken(&mut self, rule: &'static Rule, name: &str) {
        let path = format!("{}.{name}", self.path);
        self.diagnostics.broken(rule, path);
    }

    fn text(&mut self, name: &str, type_rule: &'static Rule) -> Option<&'a str> {
        let value = self.sent(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.broken(type_rule, name);
        }
        text
    }

    /// A text that must satisfy `holds`.
    fn text_that(
        &mut self,
        name: &str,
        type_rule: &'static Rule,
        rule: &'static Rule,
        holds: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let text = self.text(name, type_rule)?;
        if !holds(text) {
            self.broken(rule, name);
        }
        Some(text.to_owned())
    }

    /// A text of an enumeration or a table of codes, which lenient validation lets pass.
    fn code(
        &mut self,
        name: &str,
        type_rule: &'static Rule,
        rule: &'static Rule,
        is_code: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let lenient = self.validation == Validation::Lenient;
        self.text_that(name, type_rule, rule, |text| lenient || is_code(text))
    }

    /// A time, as it goes out. Lenient validation keeps what is none as it came.
    pub fn time(&mut self, name: &str, type_rule: &'static Rule, rule: &'static Rule) -> Option<String> {
        let text = self.text(name, type_rule)?;
        match timestamp::parse(text) {
            Some(moment) => Some(timestamp::render(moment)),
            None if self.validation == Validation::Lenient => Some(text.to_owned()),
            None => {
                self.broken(rule, name);
                None
            }
        }
    }

    fn switch(&mut self, name: &str, type_rule: &'static Rule) -> Option<bool> {
        match self.sent(name)? {
            Json::Bool(value) => Some(*value),
            Json::Text(text) if text == "true" || text == "false" => {
                self.diagnostics.note(Note::CustomersCoerced);
                Some(text == "true")
            }
            _ => {
                self.broken(type_rule, name);
                None
            }
        }
    }

    fn external_id(&mut self) -> Field<ExternalId> {
        let name = "external_id";
        match self.sent(name) {
            None => Field::Absent,
            Some(Json::Text(text)) if text.trim().is_empty() => Field::Absent,
            Some(Json::Text(text)) if is_short(text) => Field::Taken(ExternalId(text.to_string())),
            Some(Json::Text(_)) => {
                self.broken(&rule::EXTERNAL_ID_LENGTH, name);
                Field::Invalid
            }
            Some(value) => match whole_number(value) {
                Some(digits) => {
                    self.diagnostics.note(Note::CustomersCoerced);
                    Field::Taken(ExternalId(digits))
                }
                None => {
                    self.broken(&rule::EXTERNAL_ID_TYPE, name);
                    Field::Invalid
                }
            },
        }
    }

    fn email(&mut self) -> Field<Email> {
        let name = "email";
        match self.sent(name) {
            None => Field::Absent,
            Some(Json::Text(text)) => {
                let text = text.trim();
                if text.is_empty() {
                    return Field::Absent;
                }
                let short = is_short(text);
                if !short {
                    self.broken(&rule::EMAIL_LENGTH, name);
                }
                let well_formed = text.validate_email();
                if !well_formed {
                    self.broken(&rule::EMAIL_FORMAT, name);
                }
                if short && well_formed {
                    Field::Taken(Email(text.to_owned()))
                } else {
                    Field::Invalid
                }
            }
            Some(_) => {
                self.broken(&rule::EMAIL_TYPE, name);
                Field::Invalid
            }
        }
    }

    fn phone_number(&mut self) -> Field<PhoneNumber> {
        let name = "phone_number";
        match self.sent(name) {
            None => Field::Absent,
            Some(Json::Text(text)) if text.trim().is_empty() => Field::Absent,
            Some(Json::Text(text)) if is_e164(text) => Field::Taken(PhoneNumber(text.to_string())),
            Some(Json::Text(_)) => {
                self.broken(&rule::PHONE_NUMBER_FORMAT, name);
                Field::Invalid
            }
            Some(_) => {
                self.broken(&rule::PHONE_NUMBER_TYPE, name);
                Field::Invalid
            }
        }
    }

    fn note_keys_outside(&mut self, known: &[&str]) {
        for key in self.object.keys().filter(|key| !known.contains(key)) {
            let read_only = READ_ONLY_FIELDS.contains(&key);
            self.diagnostics.note(if read_only {
                Note::CustomersReadOnlyField
            } else {
                Note::CustomersUnknownField
            });
        }
    }

    /// What a client writes of a customer, with exactly one way to tell who is meant.
    fn written_customer(&mut self, enforce_deprecations: bool, now: DateTime<Utc>) -> Customer {
        self.note_keys_outside(&WRITABLE_FIELDS);
        let external_id = self.external_id();
        let email = self.email();
        let named_otherwise = !external_id.is_absent() || !email.is_absent();
        let phone_number = if enforce_deprecations && named_otherwise {
            Field::Absent
        } else {
            self.phone_number()
        };
        match (external_id.is_absent(), email.is_absent(), phone_number.is_absent()) {
            (true, true, true) => self.diagnostics.broken(&rule::IDENTIFIER_MISSING, self.path),
            (true, false, false) => self.diagnostics.broken(&rule::IDENTIFIER_AMBIGUOUS, self.path),
            _ => {}
        }
        let mut customer = Customer {
            external_id: external_id.taken(),
            email: email.taken(),
            phone_number: phone_number.taken(),
            ..self.shop_fields()
        };
        if !enforce_deprecations {
            customer.optional_parts.custom_properties = self.custom_properties();
        }
        customer
            .account_updated_at
            .get_or_insert_with(|| timestamp::render(now));
        customer
    }

    /// What a seed says of a customer, less the read side; unlike a write it may carry an email and a phone number alone.
    pub fn seeded_customer(&mut self) -> Customer {
        let (external_id, email, phone_number) = (self.external_id(), self.email(), self.phone_number());
        if external_id.is_absent() && email.is_absent() && phone_number.is_absent() {
            self.diagnostics.broken(&rule::IDENTIFIER_MISSING, self.path);
        }
        let mut customer = Customer {
            external_id: external_id.taken(),
            email: email.taken(),
            phone_number: phone_number.taken(),
            ..self.shop_fields()
        };
        customer.optional_parts.custom_properties = self.custom_properties();
        customer
    }

    /// Everything that a shop writes of a customer but identifiers and custom properties.
    fn shop_fields(&mut self) -> Customer {
        Customer {
            first_name: self.text_that("first_name", &rule::FIRST_NAME_TYPE, &rule::FIRST_NAME_LENGTH, is_short),
            last_name: self.text_that("last_name", &rule::LAST_NAME_TYPE, &rule::LAST_NAME_LENGTH, is_short),
            gender: self.code("gender", &rule::GENDER_TYPE, &rule::GENDER_ENUM, |text| {
                GENDERS.contains(&text)
            }),
            account_created_at: self.time("account_created_at", &rule::CREATED_AT_TYPE, &rule::CREATED_AT_FORMAT),
            account_updated_at: self.time("account_updated_at", &rule::UPDATED_AT_TYPE, &rule::UPDATED_AT_FORMAT),
            account_status: self.code("account_status", &rule::STATUS_TYPE, &rule::STATUS_ENUM, |text| {
                ACCOUNT_STATUSES.contains(&text)
            }),
            default_language: self.code(
                "default_language",
                &rule::LANGUAGE_TYPE,
                &rule::LANGUAGE_CODE,
                is_language,
            ),
            default_currency: self.code(
                "default_currency",
                &rule::CURRENCY_TYPE,
                &rule::CURRENCY_CODE,
                is_currency,
            ),
            tags: self.text("tags", &rule::TAGS_TYPE).map(str::to_owned),
            address: self.address(),
            accepts_sms_marketing: self.switch("accepts_sms_marketing", &rule::ACCEPTS_SMS_TYPE),
            accepts_email_marketing: self.switch("accepts_email_marketing", &rule::ACCEPTS_EMAIL_TYPE),
            ..Customer::default()
        }
    }

    fn address(&mut self) -> Option<Address> {
        let Json::Object(object) = self.sent("address")? else {
            self.broken(&rule::ADDRESS_TYPE, "address");
            return None;
        };
        let path = format!("{}.address", self.path);
        let mut fields = Fields {
            object,
            path: &path,
            validation: self.validation,
            diagnostics: self.diagnostics,
        };
        fields.note_keys_outside(&ADDRESS_FIELDS);
        let address = Address {
            address1: fields.text("address1", &rule::ADDRESS_ADDRESS1_TYPE).map(str::to_owned),
            address2: fields.text("address2", &rule::ADDRESS_ADDRESS2_TYPE).map(str::to_owned),
            city: fields.text("city", &rule::ADDRESS_CITY_TYPE).map(str::to_owned),
            company: fields.text("company", &rule::ADDRESS_COMPANY_TYPE).map(str::to_owned),
            state: fields.text("state", &rule::ADDRESS_STATE_TYPE).map(str::to_owned),
            zip: fields.text("zip", &rule::ADDRESS_ZIP_TYPE).map(str::to_owned),
            province_code: fields
                .text("province_code", &rule::ADDRESS_PROVINCE_CODE_TYPE)
                .map(str::to_owned),
            country_code: fields.code(
                "country_code",
                &rule::ADDRESS_COUNTRY_CODE_TYPE,
                &rule::ADDRESS_COUNTRY_CODE_CODE,
                is_country,
            ),
            phone_number: fields.code(
                "phone_number",
                &rule::ADDRESS_PHONE_NUMBER_TYPE,
                &rule::ADDRESS_PHONE_NUMBER_FORMAT,
                is_e164,
            ),
        };
        // An address without a single part is none.
        (address != Address::default()).then_some(address)
    }

    fn custom_properties(&mut self) -> Properties {
        const RULES: PropertyRules = PropertyRules {
            object: &rule::CUSTOM_PROPERTIES_TYPE,
            key: &rule::CUSTOM_PROPERTIES_KEY,
            null: &rule::CUSTOM_PROPERTIES_NULL,
            nested: &rule::CUSTOM_PROPERTIES_NESTED,
        };
        self.properties("custom_properties", &RULES)
    }

    fn properties(&mut self, name: &str, rules: &PropertyRules) -> Properties {
        let object = match self.sent(name) {
            None => return Properties::new(),
            Some(Json::Object(object)) => object,
            Some(_) => {
                self.broken(rules.object, name);
                return Properties::new();
            }
        };
        let mut properties = Properties::new();
        for (key, value) in object.sorted() {
            if key.is_empty() || key.contains(char::is_whitespace) {
                self.broken(rules.key, name);
            }
            match value {
                Json::Null => self.broken(rules.null, &format!("{name}.{key}")),
                Json::Array(_) | Json::Object(_) => self.broken(rules.nested, &format!("{name}.{key}")),
                Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
                    properties.insert(key.to_owned(), value.clone().into());
                }
            }
        }
        properties
    }
}

/// The rules of an object of properties.
struct PropertyRules {
    object: &'static Rule,
    key: &'static Rule,
    null: &'static Rule,
    nested: &'static Rule,
}

fn is_short(text: &str) -> bool {
    text.validate_length(None, Some(MAX_CHARS), None)
}

fn is_name(text: &str) -> bool {
    text.validate_length(Some(1), Some(MAX_CHARS), None)
}

fn whole_number(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a text has the shape of an E.164 number: `+` and 7 to 15 digits. Test numbers are fictional, so no more is asked.
pub(crate) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_language(text: &str) -> bool {
    isolang::Language::from_639_1(text).is_some()
}

fn is_currency(text: &str) -> bool {
    iso_currency::Currency::from_code(text).is_some()
}

fn is_country(text: &str) -> bool {
    // The table also knows lower case, which the vendor's codes do not.
    celes::Country::from_alpha2(text).is_ok_and(|country| country.alpha2 == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_have_seven_to_fifteen_digits() {
        for good in ["+1234567", "+123456789012345"] {
            assert!(is_e164(good), "{good}");
        }
        for bad in [
            "+123456",
            "+1234567890123456",
            "1234567",
            "+12345 67",
            "+",
            "",
            "+１２３４５６７",
            "++1234567",
        ] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn codes_are_case_sensitive() {
        assert!(is_language("en") && !is_language("EN") && !is_language("eng") && !is_language("xx"));
        assert!(is_currency("USD") && !is_currency("usd") && !is_currency("ZZZ"));
        assert!(is_country("US") && !is_country("us") && !is_country("USA") && !is_country("ZZ"));
    }
}
