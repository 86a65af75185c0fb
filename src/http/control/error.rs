//! The errors of the control API.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};
use thiserror::Error;

/// An error of the control API or of the proxy: what went wrong, and what to do about it.
#[derive(Debug, Error)]
#[error("{error}; {hint}")]
pub(in crate::http) struct ControlError {
    status: StatusCode,
    error: Cow<'static, str>,
    hint: Cow<'static, str>,
    /// The methods for the `Allow` header.
    allow: Option<String>,
}

impl ControlError {
    pub fn new(
        status: StatusCode,
        error: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> ControlError {
        ControlError { status, error: error.into(), hint: hint.into(), allow: None }
    }

    /// A 400.
    pub fn bad(error: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> ControlError {
        ControlError::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// A 404.
    pub fn not_found(error: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> ControlError {
        ControlError::new(StatusCode::NOT_FOUND, error, hint)
    }

    pub fn with_allow(mut self, methods: String) -> ControlError {
        self.allow = Some(methods);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn to_json(&self) -> Value {
        json!({ "error": self.error, "hint": self.hint })
    }
}

impl ResponseError for ControlError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(methods) = &self.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        response.json(self.to_json())
    }
}
