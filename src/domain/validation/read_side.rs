//! Reading of complete customers and events, as seeds and state documents hold them.
//!
//! Unlike a write, they carry the fields that no endpoint accepts (lists, channels, loyalty and reviews), an unknown field is an
//! error, and the errors of all fields are returned.
//!
//! Source: contract, "The customer", read side (observed).

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Diagnostics, ObjectReader, Validation, event};
use crate::domain::customer::{Address, Channels, Customer, FieldKind, ListMembership, Marketing};
use crate::domain::event::Event;
use crate::domain::identifiers::Identifiers;
use crate::domain::json::describe;
use crate::domain::rejection::BrokenRule;
use crate::domain::text::{did_you_mean, quote};
use crate::domain::timestamp;

/// The reason why an object is not a complete customer or event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidField {
    #[error(transparent)]
    BrokenRule(#[from] BrokenRule),
    #[error("{path} must be {expected} (got {value})")]
    WrongValue { path: String, expected: &'static str, value: String },
    #[error("{path} must not be an array")]
    Array { path: String },
    #[error("{path} is not a field that a seed may have{hint}")]
    Unknown { path: String, hint: String },
    #[error("{path}: {}", describe(source))]
    Malformed { path: String, source: serde_json::Error },
}

/// The type of a field on the read side.
#[derive(Clone, Copy, Debug)]
enum FieldType {
    Integer,
    Number,
    Boolean,
    Text,
    Time,
    Texts,
}

impl FieldType {
    fn description(self) -> &'static str {
        match self {
            FieldType::Integer => "a whole number",
            FieldType::Number => "a number",
            FieldType::Boolean => "true or false",
            FieldType::Text => "a string",
            FieldType::Time => "a date like 2021-03-27 or a time like 2021-03-27T04:37:34Z",
            FieldType::Texts => "an array of strings",
        }
    }
}

/// Field names with their types, in the order in which they are rendered.
type FieldTable = [(&'static str, FieldType)];

const LOYALTY: &FieldTable = &[
    ("points_balance", FieldType::Integer),
    ("points_earned", FieldType::Integer),
    ("points_expire_date", FieldType::Time),
    ("credit_balance", FieldType::Number),
    ("has_store_account", FieldType::Boolean),
    ("is_opt_in", FieldType::Boolean),
    ("opt_in_date", FieldType::Time),
    ("opt_out_date", FieldType::Time),
    ("last_seen_at", FieldType::Time),
    ("vip_tier_name", FieldType::Text),
    ("vip_entry_date", FieldType::Time),
    ("vip_expiration_date", FieldType::Time),
    ("total_redemptions", FieldType::Integer),
    ("total_points_redeemed", FieldType::Integer),
    ("successful_referrals", FieldType::Integer),
    ("referrals_made_and_clicked", FieldType::Integer),
    ("is_referred_by_other_customer", FieldType::Boolean),
    ("referred_by_customer", FieldType::Text),
];

const YOTPO_UGC: &FieldTable = &[
    ("total_reviews", FieldType::Integer),
    ("avg_product_rating", FieldType::Number),
    ("avg_site_rating", FieldType::Number),
    ("total_avg_rating", FieldType::Number),
    ("sentiment_avg_product", FieldType::Number),
    ("sentiment_avg_site", FieldType::Number),
    ("total_avg_sentiment", FieldType::Number),
    ("last_sentiment", FieldType::Number),
    ("top_topics", FieldType::Texts),
    ("last_star_rating", FieldType::Integer),
    ("last_review_date", FieldType::Time),
];

const CONSENTS: [&str; 2] = ["subscribed", "unsubscribed"];

/// The first was observed; the others are presumed from Yotpo's documentation.
const SUPPRESSION_REASONS: [&str; 3] = ["HARD_BOUNCE", "SOFT_BOUNCE", "MANUAL_SUPPRESSION"];

/// Reads a customer with all its fields. `path` precedes the names of fields in errors.
///
/// # Errors
///
/// All fields that are invalid; of a field that is an object, the first mistake.
pub(crate) fn read_complete_customer(
    path: &str,
    object: &Map<String, Value>,
    validation: Validation,
) -> Result<Customer, Vec<InvalidField>> {
    let mut errors = unknown_keys(path, object, Customer::FIELDS.iter().map(|field| field.name));
    if let Some(Value::Object(address)) = object.get("address") {
        let known = Address::FIELDS.iter().map(|field| field.name);
        errors.extend(unknown_keys(&format!("{path}.address"), address, known));
    }
    let mut diagnostics = Diagnostics::default();
    let mut reader = ObjectReader { object: &object.into(), path, validation, diagnostics: &mut diagnostics };
    let mut customer = reader.seeded_customer();
    errors.extend(diagnostics.broken_rules.into_iter().map(InvalidField::from));
    let read_side = ReadSide { object, path, validation };
    customer.lists = keep(&mut errors, read_side.lists());
    customer.channels = keep(&mut errors, read_side.channels());
    customer.loyalty = keep(&mut errors, read_side.table("loyalty", LOYALTY));
    customer.yotpo_ugc = keep(&mut errors, read_side.table("yotpo_ugc", YOTPO_UGC));
    if errors.is_empty() { Ok(customer) } else { Err(errors) }
}

/// Reads an event and the identifiers of its customer. An event without a timestamp gets `now`.
///
/// # Errors
///
/// All fields that are invalid.
pub(crate) fn read_complete_event(
    path: &str,
    object: &Map<String, Value>,
    validation: Validation,
    now: DateTime<Utc>,
) -> Result<(Event, Identifiers), Vec<InvalidField>> {
    let mut errors = unknown_keys(path, object, event::FIELDS.iter().map(|names| names[0]));
    if let Some(Value::Object(customer)) = object.get("customer") {
        let identifiers = Customer::FIELDS.iter().filter(|field| field.kind == FieldKind::Identifier);
        errors.extend(unknown_keys(&format!("{path}.customer"), customer, identifiers.map(|field| field.name)));
    }
    let mut diagnostics = Diagnostics::default();
    let mut reader = ObjectReader { object: &object.into(), path, validation, diagnostics: &mut diagnostics };
    let event = reader.event(now);
    errors.extend(diagnostics.broken_rules.into_iter().map(InvalidField::from));
    match event {
        Some((event, customer)) if errors.is_empty() => Ok((event, customer.identifiers())),
        _ => Err(errors),
    }
}

/// The value of a result, or the default; an error is added to the others.
fn keep<T: Default>(errors: &mut Vec<InvalidField>, result: Result<T, InvalidField>) -> T {
    result.unwrap_or_else(|error| {
        errors.push(error);
        T::default()
    })
}

/// The keys of an object that are not known, each with the nearest known one.
fn unknown_keys(
    path: &str,
    object: &Map<String, Value>,
    known: impl Iterator<Item = &'static str> + Clone,
) -> Vec<InvalidField> {
    let unknown = object.keys().filter(|key| !known.clone().any(|name| name == *key));
    unknown
        .map(|key| InvalidField::Unknown { path: format!("{path}.{key}"), hint: did_you_mean(key, known.clone()) })
        .collect()
}

/// Reads the read side of one customer.
struct ReadSide<'a> {
    object: &'a Map<String, Value>,
    path: &'a str,
    validation: Validation,
}

impl<'a> ReadSide<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn lists(&self) -> Result<Vec<ListMembership>, InvalidField> {
        let path = format!("{}.lists", self.path);
        let lists = match self.get("lists") {
            None => return Ok(Vec::new()),
            Some(Value::Array(lists)) => lists,
            Some(other) => return Err(wrong_value(path, "an array", other.clone())),
        };
        let read = |(index, list): (usize, &Value)| {
            let path = format!("{path}[{index}]");
            let mut list: ListMembership = read_object(&path, list)?;
            self.normalize_time(&mut list.since, &format!("{path}.since"))?;
            Ok(list)
        };
        lists.iter().enumerate().map(read).collect()
    }

    fn channels(&self) -> Result<Channels, InvalidField> {
        let Some(channels) = self.get("channels") else {
            return Ok(Channels::default());
        };
        let path = format!("{}.channels", self.path);
        let mut channels: Channels = read_object(&path, channels)?;
        for (name, channel) in [("sms", &mut channels.sms), ("email", &mut channels.email)] {
            if let Some(marketing) = channel.as_mut().and_then(|channel| channel.marketing.as_mut()) {
                self.check_marketing(&format!("{path}.{name}.marketing"), marketing)?;
            }
        }
        Ok(channels)
    }

    fn check_marketing(&self, path: &str, marketing: &mut Marketing) -> Result<(), InvalidField> {
        let is_strict = self.validation == Validation::Strict;
        if is_strict
            && let Some(consent) = marketing.consent.as_deref()
            && !CONSENTS.contains(&consent)
        {
            return Err(wrong_value(format!("{path}.consent"), "`subscribed` or `unsubscribed`", consent));
        }
        self.normalize_time(&mut marketing.timestamp, &format!("{path}.timestamp"))?;
        if let Some(suppression) = &mut marketing.suppressions {
            let path = format!("{path}.suppressions");
            let reason = &*suppression.suppression_reason;
            if is_strict && !SUPPRESSION_REASONS.contains(&reason) {
                let expected = "`HARD_BOUNCE`, `SOFT_BOUNCE` or `MANUAL_SUPPRESSION`";
                return Err(wrong_value(format!("{path}.suppression_reason"), expected, reason));
            }
            self.normalize_time(&mut suppression.timestamp, &format!("{path}.timestamp"))?;
        }
        Ok(())
    }

    /// Brings a time to the form that Yotpo returns.
    fn normalize_time(&self, time: &mut Option<String>, path: &str) -> Result<(), InvalidField> {
        if let Some(text) = time {
            let expected = FieldType::Time.description();
            *text = self.time(text).ok_or_else(|| wrong_value(path.to_owned(), expected, &**text))?;
        }
        Ok(())
    }

    /// A time in the form that Yotpo returns. Lenient validation keeps any other text as it is.
    fn time(&self, text: &str) -> Option<String> {
        match timestamp::parse(text) {
            Some(time) => Some(timestamp::render(time)),
            None => (self.validation == Validation::Lenient).then(|| text.to_owned()),
        }
    }

    /// Reads the object `name` by its table and renders it with all fields of the table; missing ones are null.
    fn table(&self, name: &str, table: &FieldTable) -> Result<Option<Box<RawValue>>, InvalidField> {
        let path = format!("{}.{name}", self.path);
        let object = match self.get(name) {
            None => return Ok(None),
            Some(Value::Object(object)) => object,
            Some(other) => return Err(wrong_value(path, "an object", other.clone())),
        };
        if let Some(unknown) = unknown_keys(&path, object, table.iter().map(|(name, _)| *name)).pop() {
            return Err(unknown);
        }
        let mut rendered = Vec::new();
        for (key, field_type) in table {
            let value = match object.get(*key) {
                None | Some(Value::Null) => Value::Null,
                Some(value) => self
                    .typed(value, *field_type)
                    .ok_or_else(|| wrong_value(format!("{path}.{key}"), field_type.description(), value.clone()))?,
            };
            rendered.push(format!("\"{key}\":{value}"));
        }
        let rendered = format!("{{{}}}", rendered.join(","));
        Ok(Some(RawValue::from_string(rendered).expect("JSON values under quoted keys are JSON")))
    }

    /// The value if it is of the type.
    fn typed(&self, value: &Value, field_type: FieldType) -> Option<Value> {
        match (field_type, value) {
            (FieldType::Time, Value::String(text)) => return self.time(text).map(Value::String),
            (FieldType::Integer, Value::Number(number)) if !number.is_f64() => {}
            (FieldType::Number, Value::Number(_))
            | (FieldType::Boolean, Value::Bool(_))
            | (FieldType::Text, Value::String(_)) => {}
            (FieldType::Texts, Value::Array(texts)) if texts.iter().all(Value::is_string) => {}
            _ => return None,
        }
        Some(value.clone())
    }
}

fn wrong_value(path: String, expected: &'static str, value: impl Into<Value>) -> InvalidField {
    InvalidField::WrongValue { path, expected, value: quote(&value.into()) }
}

/// Reads an object of type `T`.
///
/// serde also reads a struct from an array, by position, so arrays are rejected first.
fn read_object<T: DeserializeOwned>(path: &str, value: &Value) -> Result<T, InvalidField> {
    let Value::Object(fields) = value else {
        return Err(wrong_value(path.to_owned(), "an object", value.clone()));
    };
    fields.iter().try_for_each(|(key, value)| reject_arrays(&format!("{path}.{key}"), value))?;
    T::deserialize(value).map_err(|source| InvalidField::Malformed { path: path.to_owned(), source })
}

fn reject_arrays(path: &str, value: &Value) -> Result<(), InvalidField> {
    match value {
        Value::Array(_) => Err(InvalidField::Array { path: path.to_owned() }),
        Value::Object(fields) => {
            fields.iter().try_for_each(|(key, value)| reject_arrays(&format!("{path}.{key}"), value))
        }
        _ => Ok(()),
    }
}
