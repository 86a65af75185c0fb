//! Every reason that the vendor has for saying no.

use super::rule::{self, Rule};

/// One field of a request that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} {}", .rule.words)]
pub struct Violation {
    pub rule: &'static Rule,
    /// Where the field stands, dotted from the top of the body: `customer.address.country_code`.
    pub path: String,
}

/// A request that is not granted. Its status is the upper floor's to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    UnknownPath,
    MethodNotAllowed {
        /// The methods that the path takes, as the header `Allow` lists them.
        allowed: &'static str,
    },
    NotEmulated {
        /// The vendor's resource, as its path names it.
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
    UnsupportedMediaType,
    BodyTooLarge {
        limit_bytes: usize,
    },
    BodyTimeout,
    MalformedJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    EmptyBody,
    NestedTooDeep,
    QueryNotUtf8,
    FormNotUtf8,
    /// One entry per broken rule; never empty.
    Invalid(Vec<Violation>),
    NoResults,
    /// The emulator itself failed.
    InternalError,
}

impl Rejection {
    /// The rules that were met, each once, in the order of [`messages`](Rejection::messages).
    pub fn rules(&self) -> Vec<&'static Rule> {
        let rule = match self {
            Rejection::Invalid(violations) => {
                let mut rules = Vec::new();
                for violation in violations {
                    if !rules.contains(&violation.rule) {
                        rules.push(violation.rule);
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
            Rejection::UnsupportedMediaType => &rule::BODY_CONTENT_TYPE,
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

    /// What is said to the client: one text per broken rule.
    pub fn messages(&self) -> Vec<String> {
        let words = || self.rules()[0].words;
        let message = match self {
            Rejection::Invalid(violations) => {
                return violations.iter().map(Violation::to_string).collect();
            }
            Rejection::UnknownPath => format!("the path {}", words()),
            Rejection::MethodNotAllowed { allowed } => format!("the path {}, only {allowed}", words()),
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
