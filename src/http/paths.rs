//! The vendor's paths, all on this page: what each names, and which methods it takes.

use std::array;
use std::borrow::Cow;

use actix_web::http::Method;
use percent_encoding::percent_decode_str;

use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;

/// The vendor's resources that the emulator does not have: refused in words, with any method, and with any path below them.
const NOT_EMULATED: [&str; 8] = [
    "orders",
    "products",
    "collections",
    "checkouts",
    "subscribers",
    "lists",
    "webhooks",
    "register_purchase",
];

/// The most segments that tell one path from another.
const TELLING: usize = 6;

/// What a request is for.
#[derive(Debug)]
pub(super) struct Target {
    /// The store that the path names, whether or not there is something at it.
    pub store: Option<String>,
    /// What is asked of the vendor, or why nothing is.
    pub operation: Result<Operation, Rejection>,
}

impl Target {
    /// Reads a path as it came, without the query. Segments are decoded one by one, so that an encoded slash divides nothing.
    pub fn of(method: &Method, path: &str) -> Target {
        let mut segments = segments(path);
        let segments: [Option<Cow<'_, str>>; TELLING] = array::from_fn(|_| segments.next());
        let is_utf8 = !path.contains('%') || percent_decode_str(path).decode_utf8().is_ok();
        let (store, operation) = match segments.each_ref().map(Option::as_deref) {
            [Some("oauth"), Some("token"), None, ..] => (None, create_oauth_token(method)),
            [
                Some(api @ ("core" | "messaging")),
                Some("v3"),
                Some("stores"),
                Some(store),
                rest @ ..,
            ] if !store.is_empty() => {
                let operation = match (api, rest) {
                    ("core", [Some("customers"), None]) => customers(method),
                    ("core", [Some("customer_events"), None]) => customer_events(method),
                    ("core", [Some("access_tokens"), None]) => access_tokens(method),
                    (_, [Some(resource), _]) if NOT_EMULATED.contains(&resource) => Err(Rejection::NotEmulated {
                        resource: resource.to_owned(),
                    }),
                    _ => Err(Rejection::UnknownPath),
                };
                (Some(store.to_owned()), operation)
            }
            _ => (None, Err(Rejection::UnknownPath)),
        };
        Target {
            store,
            operation: if is_utf8 {
                operation
            } else {
                Err(Rejection::UnknownPath)
            },
        }
    }
}

/// The segments of a path, decoded.
pub(super) fn segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.split('/').skip(1).map(|segment| match segment.contains('%') {
        true => percent_decode_str(segment).decode_utf8_lossy(),
        false => segment.into(),
    })
}

fn customers(method: &Method) -> Result<Operation, Rejection> {
    match *method {
        Method::GET | Method::HEAD => Ok(Operation::RetrieveCustomers),
        Method::PATCH => Ok(Operation::UpsertCustomer),
        _ => Err(Rejection::MethodNotAllowed {
            allowed: "GET, HEAD, PATCH",
        }),
    }
}

fn customer_events(method: &Method) -> Result<Operation, Rejection> {
    match *method {
        Method::PATCH | Method::POST => Ok(Operation::UpsertCustomerEvent),
        _ => Err(Rejection::MethodNotAllowed { allowed: "PATCH, POST" }),
    }
}

fn access_tokens(method: &Method) -> Result<Operation, Rejection> {
    match *method {
        Method::POST => Ok(Operation::CreateAccessToken),
        _ => Err(Rejection::MethodNotAllowed { allowed: "POST" }),
    }
}

fn create_oauth_token(method: &Method) -> Result<Operation, Rejection> {
    match *method {
        Method::POST => Ok(Operation::CreateOauthToken),
        _ => Err(Rejection::MethodNotAllowed { allowed: "POST" }),
    }
}
