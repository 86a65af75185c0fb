//! Settings: how the vendor is taken to behave where that is a choice. They can be changed while the emulator runs, for all
//! stores or for one.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::validation::{Validation, ValidationOptions};

/// The largest body of the vendor's surface unless told otherwise, in bytes: 1 MiB.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

/// What a search answers that finds nothing; clients have met both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmptyResult {
    /// 200 with an empty list.
    #[default]
    Ok,
    /// 400 with `No results found`.
    Error,
}

/// How the vendor is taken to behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Requests per second and store; 0 is off.
    pub rate_limit: u32,
    /// How long an accepted write stays invisible to reads.
    pub visibility_delay: Duration,
    pub empty_result: EmptyResult,
    pub terms: ValidationOptions,
    /// Whether only issued tokens are valid, even of stores without a secret.
    pub issued_tokens_only: bool,
    /// The largest body, in bytes.
    pub body_limit: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rate_limit: 0,
            visibility_delay: Duration::ZERO,
            empty_result: EmptyResult::default(),
            terms: ValidationOptions::default(),
            issued_tokens_only: false,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }
}

/// One setting as JSON carries it: how it is read out of, and put into, [`Settings`].
struct Setting {
    name: &'static str,
    /// What a value must be, to follow the name.
    words: &'static str,
    get: fn(&Settings) -> Value,
    /// `None` for a value that it cannot have.
    set: fn(&mut Settings, &Value) -> Option<()>,
}

const ALL: [Setting; 7] = [
    Setting {
        name: "rate_limit",
        words: "must be a whole number from 0 to 4294967295",
        get: |settings| settings.rate_limit.into(),
        set: |settings, value| {
            settings.rate_limit = value.as_u64()?.try_into().ok()?;
            Some(())
        },
    },
    Setting {
        name: "visibility_delay_ms",
        words: "must be a whole number of milliseconds",
        get: |settings| {
            u64::try_from(settings.visibility_delay.as_millis())
                .unwrap_or(u64::MAX)
                .into()
        },
        set: |settings, value| {
            settings.visibility_delay = Duration::from_millis(value.as_u64()?);
            Some(())
        },
    },
    Setting {
        name: "empty_result",
        words: "must be `ok` or `error`",
        get: |settings| match settings.empty_result {
            EmptyResult::Ok => "ok".into(),
            EmptyResult::Error => "error".into(),
        },
        set: |settings, value| {
            settings.empty_result = match value.as_str()? {
                "ok" => EmptyResult::Ok,
                "error" => EmptyResult::Error,
                _ => return None,
            };
            Some(())
        },
    },
    Setting {
        name: "validation",
        words: "must be `strict` or `lenient`",
        get: |settings| match settings.terms.validation {
            Validation::Strict => "strict".into(),
            Validation::Lenient => "lenient".into(),
        },
        set: |settings, value| {
            settings.terms.validation = match value.as_str()? {
                "strict" => Validation::Strict,
                "lenient" => Validation::Lenient,
                _ => return None,
            };
            Some(())
        },
    },
    Setting {
        name: "enforce_deprecations",
        words: "must be true or false",
        get: |settings| settings.terms.enforce_deprecations.into(),
        set: |settings, value| {
            settings.terms.enforce_deprecations = value.as_bool()?;
            Some(())
        },
    },
    Setting {
        name: "issued_tokens_only",
        words: "must be true or false",
        get: |settings| settings.issued_tokens_only.into(),
        set: |settings, value| {
            settings.issued_tokens_only = value.as_bool()?;
            Some(())
        },
    },
    Setting {
        name: "body_limit",
        words: "must be a whole number of bytes, at least 1",
        get: |settings| settings.body_limit.into(),
        set: |settings, value| {
            settings.body_limit = usize::try_from(value.as_u64()?).ok().filter(|bytes| *bytes > 0)?;
            Some(())
        },
    },
];

impl Settings {
    /// The settings as a JSON object.
    pub fn to_json(self) -> Value {
        ALL.iter()
            .map(|setting| (setting.name.to_owned(), (setting.get)(&self)))
            .collect()
    }
}

/// Settings that differ from those they are laid over; each is valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SettingsOverrides(Map<String, Value>);

impl SettingsOverrides {
    /// Takes further changes; null takes one back.
    ///
    /// # Errors
    ///
    /// Names the first setting that there is not, or the first value that it cannot have. Then nothing is taken.
    pub fn patched(&self, patch: &Map<String, Value>) -> Result<SettingsOverrides, String> {
        let mut changes = self.0.clone();
        for (name, value) in patch {
            let setting = ALL.iter().find(|setting| setting.name == name);
            let setting = setting.ok_or_else(|| {
                let known: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
                format!("`{name}` is not a setting: there are {}", known.join(", "))
            })?;
            if value.is_null() {
                changes.remove(name);
            } else {
                let mut probe = Settings::default();
                (setting.set)(&mut probe, value)
                    .ok_or_else(|| format!("{name} {}, and is `{value}`", setting.words))?;
                changes.insert(name.clone(), value.clone());
            }
        }
        Ok(SettingsOverrides(changes))
    }

    /// Lays the changes over settings.
    pub fn apply_to(&self, mut settings: Settings) -> Settings {
        for setting in ALL.iter().filter(|setting| self.0.contains_key(setting.name)) {
            (setting.set)(&mut settings, &self.0[setting.name]).expect("changes were looked at when they were taken");
        }
        settings
    }

    pub fn to_json(&self) -> Value {
        json!(self.0)
    }
}
