//! The settings that can be changed while an emulator runs.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::validation::Validation;
use crate::world::settings::{EmptyResult, Settings as World};

/// One setting with another value, for all stores or for one.
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// Requests per second and store; 0 is off.
    RateLimit(u32),
    /// How long an accepted write stays invisible to reads, to the millisecond.
    VisibilityDelay(Duration),
    /// What a search answers that finds nothing.
    EmptyResult(EmptyResult),
    /// How strictly fields are validated.
    Validation(Validation),
    /// Whether deprecated fields are dropped on write.
    EnforceDeprecations(bool),
    /// Whether only issued tokens are valid even where no store is declared.
    IssuedTokensOnly(bool),
    /// The largest body of the vendor's surface, in bytes, at least 1.
    BodyLimit(usize),
}

/// What holds now, for all stores or for one.
///
/// ```
/// let yotpo = yotpo_mock::YotpoMock::builder().rate_limit(5).start();
/// assert_eq!(yotpo.settings().rate_limit, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Requests per second and store; 0 is off.
    pub rate_limit: u32,
    /// How long an accepted write stays invisible to reads.
    pub visibility_delay: Duration,
    /// What a search answers that finds nothing.
    pub empty_result: EmptyResult,
    /// How strictly fields are validated.
    pub validation: Validation,
    /// Whether deprecated fields are dropped on write.
    pub enforce_deprecations: bool,
    /// Whether only issued tokens are valid even where no store is declared.
    pub issued_tokens_only: bool,
    /// The largest body of the vendor's surface, in bytes.
    pub body_limit: usize,
}

impl Setting {
    /// As the control surface takes it.
    pub(super) fn to_patch(self) -> Map<String, Value> {
        let mut settings = World::default();
        let name = match self {
            Setting::RateLimit(limit) => {
                settings.rate_limit = limit;
                "rate_limit"
            }
            Setting::VisibilityDelay(delay) => {
                settings.visibility_delay = delay;
                "visibility_delay_ms"
            }
            Setting::EmptyResult(answer) => {
                settings.empty_result = answer;
                "empty_result"
            }
            Setting::Validation(validation) => {
                settings.terms.validation = validation;
                "validation"
            }
            Setting::EnforceDeprecations(enforce) => {
                settings.terms.enforce_deprecations = enforce;
                "enforce_deprecations"
            }
            Setting::IssuedTokensOnly(only) => {
                settings.issued_tokens_only = only;
                "issued_tokens_only"
            }
            Setting::BodyLimit(bytes) => {
                settings.body_limit = bytes;
                "body_limit"
            }
        };
        Map::from_iter([(name.to_owned(), settings.to_json()[name].take())])
    }
}

impl From<World> for Settings {
    fn from(settings: World) -> Settings {
        Settings {
            rate_limit: settings.rate_limit,
            visibility_delay: settings.visibility_delay,
            empty_result: settings.empty_result,
            validation: settings.terms.validation,
            enforce_deprecations: settings.terms.enforce_deprecations,
            issued_tokens_only: settings.issued_tokens_only,
            body_limit: settings.body_limit,
        }
    }
}
