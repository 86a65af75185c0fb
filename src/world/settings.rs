//! Settings: choices about the behaviour of the emulated API. They can change while the emulator runs, for all stores or for one.
//!
//! A setting is declared once, in the list below: the JSON of the control API, the overrides and the Rust API follow from it. A
//! new one also needs a flag in `cli.rs`, a method in `mock/builder.rs` and a line in `openapi/control.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::text::join_quoted;
use crate::domain::validation::{Validation, ValidationOptions};

/// The default limit for a request body of the emulated API, in bytes: 1 MiB.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

/// The response to a search without results; clients have met both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EmptyResult {
    /// 200 with an empty list.
    #[default]
    Ok,
    /// 400 with `No results found`.
    Error,
}

/// Declares each setting: its name in JSON, its field, its variant, type and default, and the values that it accepts.
macro_rules! settings {
    ($($(#[$attribute:meta])+ $name:literal: $field:ident, $variant:ident($type:ty) = $default:expr, $accepted:literal;)+) => {
        /// The settings in effect, for all stores or for one.
        ///
        /// ```
        /// let yotpo = yotpo_mock::YotpoMock::builder().rate_limit(5).start();
        /// assert_eq!(yotpo.settings().rate_limit, 5);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[$attribute])+ #[serde(rename = $name)] pub $field: $type,)+
        }

        impl Default for Settings {
            fn default() -> Settings {
                Settings { $($field: $default,)+ }
            }
        }

        /// A value for one setting, for all stores or for one.
        ///
        /// ```
        /// use std::time::Duration;
        /// use yotpo_mock::{Setting, YotpoMock};
        ///
        /// let yotpo = YotpoMock::start();
        /// yotpo.set(Setting::RateLimit(5));
        /// let store = yotpo.store("shop");
        /// store.set(Setting::VisibilityDelay(Duration::from_secs(60)));
        /// assert_eq!(store.settings().rate_limit, 5);
        /// ```
        // Its JSON is an object with one key: `{"rate_limit":5}`.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Setting {
            $($(#[$attribute])+ #[serde(rename = $name)] $variant($type),)+
        }

        impl Setting {
            /// The names of all settings, each with the values that it accepts.
            const ACCEPTED: &[(&str, &str)] = &[$(($name, $accepted)),+];

            fn apply_to(self, settings: &mut Settings) {
                match self {
                    $(Setting::$variant(value) => settings.$field = value,)+
                }
            }
        }
    };
}

settings! {
    /// Requests per second and store; 0 means no limit.
    "rate_limit": rate_limit, RateLimit(u32) = 0, "a whole number from 0 to 4294967295";
    /// The time until an accepted write is visible to reads, to the millisecond.
    #[serde(with = "milliseconds")]
    "visibility_delay_ms": visibility_delay, VisibilityDelay(Duration) = Duration::ZERO, "a whole number of milliseconds";
    /// The response to a search without results.
    "empty_result": empty_result, EmptyResult(EmptyResult) = EmptyResult::Ok, "`ok` or `error`";
    /// How strictly fields are validated.
    "validation": validation, Validation(Validation) = Validation::Strict, "`strict` or `lenient`";
    /// Whether deprecated fields are dropped on write.
    "enforce_deprecations": enforce_deprecations, EnforceDeprecations(bool) = false, "true or false";
    /// Whether only issued tokens are valid, even for stores without a secret.
    "issued_tokens_only": issued_tokens_only, IssuedTokensOnly(bool) = false, "true or false";
    /// The limit for a request body of the emulated API, in bytes, at least 1.
    #[serde(deserialize_with = "positive")]
    "body_limit": body_limit, BodyLimit(usize) = DEFAULT_BODY_LIMIT, "a whole number of bytes, at least 1";
}

/// Durations as whole milliseconds.
mod milliseconds {
    use serde::Serializer;

    use super::*;

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(D::Error::custom("it is 0")),
        number => Ok(number),
    }
}

impl Settings {
    pub(crate) fn to_json(self) -> Value {
        json!(self)
    }

    /// The settings that apply to the validation of a body.
    pub(crate) fn validation_options(self) -> ValidationOptions {
        ValidationOptions { validation: self.validation, enforce_deprecations: self.enforce_deprecations }
    }
}

/// A setting that does not exist, or a value that it does not accept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidSetting {
    #[error("`{name}` is not a setting: there are {}", join_quoted(&Setting::ACCEPTED.iter().map(|(name, _)| *name).collect::<Vec<_>>()))]
    Unknown { name: String },
    #[error("{name} must be {accepted}, and is `{value}`")]
    Value { name: &'static str, accepted: &'static str, value: Value },
}

/// Values that override those of other settings, by name: those at the start, or for one store those for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub(crate) struct SettingsOverrides(BTreeMap<&'static str, Setting>);

impl SettingsOverrides {
    /// These overrides with those of a patch; null removes one.
    ///
    /// # Errors
    ///
    /// The first unknown name or unacceptable value of the patch.
    pub fn patched(&self, patch: &Map<String, Value>) -> Result<SettingsOverrides, InvalidSetting> {
        let mut overrides = self.clone();
        for (name, value) in patch {
            let known = Setting::ACCEPTED.iter().find(|(known, _)| known == name);
            let (name, accepted) = *known.ok_or_else(|| InvalidSetting::Unknown { name: name.clone() })?;
            if value.is_null() {
                overrides.0.remove(name);
                continue;
            }
            let setting = Setting::deserialize(json!({ name: value })).map_err(|_| InvalidSetting::Value {
                name,
                accepted,
                value: value.clone(),
            })?;
            overrides.0.insert(name, setting);
        }
        Ok(overrides)
    }

    /// These overrides and one more.
    ///
    /// # Errors
    ///
    /// If the setting does not accept its value.
    pub fn with(&self, setting: Setting) -> Result<SettingsOverrides, InvalidSetting> {
        self.patched(&to_object(setting))
    }

    pub fn apply_to(&self, mut settings: Settings) -> Settings {
        for setting in self.0.values() {
            setting.apply_to(&mut settings);
        }
        settings
    }

    pub fn to_json(&self) -> Value {
        json!(self)
    }
}

fn to_object(setting: Setting) -> Map<String, Value> {
    match json!(setting) {
        Value::Object(object) => object,
        _ => unreachable!("a setting is an object with one key"),
    }
}

impl From<SettingsOverrides> for Map<String, Value> {
    fn from(overrides: SettingsOverrides) -> Map<String, Value> {
        overrides.0.into_values().flat_map(to_object).collect()
    }
}

impl TryFrom<Map<String, Value>> for SettingsOverrides {
    type Error = InvalidSetting;

    fn try_from(object: Map<String, Value>) -> Result<SettingsOverrides, InvalidSetting> {
        SettingsOverrides::default().patched(&object)
    }
}
