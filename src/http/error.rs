//! How a rejection goes out: the vendor's status and envelope.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;

/// Names the rules that refused a request, so that a test need not parse texts.
pub(super) const RULE: HeaderName = HeaderName::from_static("x-yotpo-mock-rule");

/// The rules that refused a request, for the journal; each refusal has them among its extensions.
pub(super) struct Rules(pub Vec<&'static Rule>);

/// A rejection on its way out.
#[derive(Debug)]
pub(super) struct Refused(pub Rejection);

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Refused {
        Refused(rejection)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.messages().join("; "))
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        status(&self.0)
    }

    /// Writes `{"errors":[{"message":…}]}`, with one entry per broken rule.
    fn error_response(&self) -> HttpResponse {
        let rules = self.0.rules();
        let ids: Vec<_> = rules.iter().map(|rule| rule.id).collect();
        let errors: Vec<_> = self
            .0
            .messages()
            .into_iter()
            .map(|message| json!({ "message": message }))
            .collect();
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((RULE, ids.join(", ")));
        match &self.0 {
            Rejection::MethodNotAllowed { allowed } => {
                response.insert_header((ALLOW, *allowed));
            }
            Rejection::TooManyRequests { retry_after_seconds } => {
                response.insert_header((RETRY_AFTER, *retry_after_seconds));
            }
            _ => {}
        }
        let mut response = response.json(json!({ "errors": errors }));
        response.extensions_mut().insert(Rules(rules));
        response
    }
}

/// The status of each rejection.
///
/// Source: contract, "Errors", "Tokens" and "Rate limit" (401 and 429 are documented, the others assumed).
fn status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::Broken(_)
        | Rejection::MalformedJson { .. }
        | Rejection::EmptyBody
        | Rejection::NestedTooDeep
        | Rejection::QueryNotUtf8
        | Rejection::FormNotUtf8
        | Rejection::NoResults => StatusCode::BAD_REQUEST,
        Rejection::WrongSecret
        | Rejection::MissingToken
        | Rejection::UnknownToken
        | Rejection::ExpiredToken
        | Rejection::TokenOfAnotherStore => StatusCode::UNAUTHORIZED,
        Rejection::UnknownPath | Rejection::UnknownStore => StatusCode::NOT_FOUND,
        Rejection::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Rejection::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Rejection::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Rejection::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Rejection::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
        Rejection::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Rejection::NotEmulated { .. } => StatusCode::NOT_IMPLEMENTED,
    }
}
