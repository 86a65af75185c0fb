//! The reasons for which Yotpo rejects a request.

use serde_json::{Value, json};

use super::operation::Operation;
use super::rule::{self, Rule};
use super::text::{pluralize, quote};

/// A rule that a field of a request breaks. It displays as the message in the response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} {}{}", .rule.words, got(value.as_deref()))]
#[non_exhaustive]
pub struct BrokenRule {
    /// The rule and its evidence.
    pub rule: &'static Rule,
    /// The field, as a path from the top of the body: `customer.address.country_code`, `customer.custom_properties["Shoe size"]`.
    pub path: String,
    /// The invalid value, truncated after 80 characters; `None` if it is missing, or if the path says it all.
    pub value: Option<String>,
}

fn got(value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" (got {value})"))
}

impl BrokenRule {
    pub(crate) fn new(rule: &'static Rule, path: impl Into<String>) -> BrokenRule {
        let path = path.into();
        BrokenRule { rule, path, value: None }
    }

    pub(crate) fn with_value(rule: &'static Rule, path: impl Into<String>, value: &Value) -> BrokenRule {
        BrokenRule { value: Some(quote(value)), ..BrokenRule::new(rule, path) }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.id,
            "path": self.path,
            "message": self.to_string(),
            "evidence": self.rule.evidence.as_str(),
        })
    }
}

/// The number of broken rules that a response lists; it also says how many more there are.
const MAX_MESSAGES: usize = 100;

/// A rejected request. The HTTP layer gives each reason a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    UnknownPath,
    MethodNotAllowed {
        /// The methods of the path, as in the header `Allow`.
        allowed: String,
        /// The method of the request.
        method: String,
    },
    NotEmulated {
        /// The name of Yotpo's resource in the path.
        resource: String,
    },
    UnknownStore,
    WrongSecret,
    MissingToken,
    UnknownToken,
    ExpiredToken,
    TokenOfAnotherStore,
    TooManyRequests {
        retry_after_seconds: u32,
    },
    UnsupportedMediaType {
        /// Whether the body may also be a form.
        or_form: bool,
    },
    UnsupportedEncoding {
        /// The value of `Content-Encoding`.
        encoding: String,
    },
    BodyTooLarge {
        limit_bytes: usize,
    },
    BodyTimeout,
    MalformedJson {
        /// The parser's message, with line and column.
        reason: String,
    },
    EmptyBody,
    NestedTooDeep,
    QueryNotUtf8,
    FormNotUtf8,
    /// One entry per broken rule; never empty.
    Invalid(Vec<BrokenRule>),
    NoResults,
    /// The emulator itself failed.
    InternalError,
}

impl Rejection {
    /// The broken rules without duplicates, in the order of [`messages`](Rejection::messages).
    pub fn rules(&self) -> Vec<&'static Rule> {
        let rule = match self {
            Rejection::Invalid(broken_rules) => {
                let mut rules = Vec::new();
                for broken_rule in broken_rules {
                    if !rules.contains(&broken_rule.rule) {
                        rules.push(broken_rule.rule);
                    }
                }
                return rules;
            }
            Rejection::UnknownPath => &rule::PATH_UNKNOWN,
            Rejection::MethodNotAllowed { .. } => &rule::PATH_METHOD,
            Rejection::NotEmulated { .. } => &rule::PATH_NOT_EMULATED,
            Rejection::UnknownStore => &rule::STORE_UNKNOWN,
            Rejection::WrongSecret => &rule::SECRET_INVALID,
            Rejection::MissingToken => &rule::TOKEN_MISSING,
            Rejection::UnknownToken => &rule::TOKEN_UNKNOWN,
            Rejection::ExpiredToken => &rule::TOKEN_EXPIRED,
            Rejection::TokenOfAnotherStore => &rule::TOKEN_OTHER_STORE,
            Rejection::TooManyRequests { .. } => &rule::RATE_LIMIT,
            Rejection::UnsupportedMediaType { .. } => &rule::BODY_CONTENT_TYPE,
            Rejection::UnsupportedEncoding { .. } => &rule::BODY_CONTENT_ENCODING,
            Rejection::BodyTooLarge { .. } => &rule::BODY_SIZE,
            Rejection::BodyTimeout => &rule::BODY_TIMEOUT,
            Rejection::MalformedJson { .. } | Rejection::EmptyBody => &rule::BODY_JSON,
            Rejection::NestedTooDeep => &rule::BODY_DEPTH,
            Rejection::QueryNotUtf8 => &rule::QUERY_UTF8,
            Rejection::FormNotUtf8 => &rule::BODY_FORM,
            Rejection::NoResults => &rule::NO_RESULTS,
            Rejection::InternalError => &rule::SERVER_ERROR,
        };
        vec![rule]
    }

    /// The messages in the response, one per broken rule.
    pub fn messages(&self) -> Vec<String> {
        let words = || self.rules()[0].words;
        let message = match self {
            Rejection::Invalid(broken_rules) => {
                let more = broken_rules.len().saturating_sub(MAX_MESSAGES);
                let messages = broken_rules.iter().take(MAX_MESSAGES).map(BrokenRule::to_string);
                let more = (more > 0).then(|| pluralize(more as u64, "more error"));
                return messages.chain(more).collect();
            }
            Rejection::UnknownPath => format!("the path {}, which has {}", words(), list_operations()),
            Rejection::MethodNotAllowed { allowed, method } => {
                let upper_case = method.to_ascii_uppercase();
                let is_only_case = *method != upper_case && allowed.split(", ").any(|allowed| allowed == upper_case);
                let hint = if is_only_case { "; methods are case-sensitive: send it in capitals" } else { "" };
                format!("the path {}, only {allowed}{hint}", words())
            }
            Rejection::UnsupportedMediaType { or_form: true } => {
                format!("{} or `application/x-www-form-urlencoded`", words())
            }
            Rejection::UnsupportedEncoding { encoding } => format!("{}, and is declared as `{encoding}`", words()),
            Rejection::NotEmulated { resource } => format!("{resource} {}", words()),
            Rejection::WrongSecret => format!("the secret {}", words()),
            Rejection::TooManyRequests { retry_after_seconds } => {
                format!("{}; retry after {retry_after_seconds} s", words())
            }
            Rejection::BodyTooLarge { limit_bytes } => format!("{} of {limit_bytes} bytes", words()),
            Rejection::MalformedJson { reason } => format!("{}: {reason}", words()),
            Rejection::EmptyBody => format!("{}: it is empty", words()),
            _ => words().to_owned(),
        };
        vec![message]
    }
}

/// All operations with their methods and paths, for a client that called an unknown one.
fn list_operations() -> String {
    let operations = Operation::ALL.iter();
    let operations: Vec<_> =
        operations.map(|operation| format!("{} {}", operation.methods()[0], operation.path())).collect();
    operations.join(", ")
}
