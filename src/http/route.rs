//! The paths of the emulated API, with the methods that each accepts.

use std::array;
use std::borrow::Cow;

use actix_web::http::Method;
use percent_encoding::percent_decode_str;

use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;

/// Yotpo's resources that are not emulated: 501, with any method and any path below them.
const NOT_EMULATED: [&str; 8] =
    ["orders", "products", "collections", "checkouts", "subscribers", "lists", "webhooks", "register_purchase"];

/// How many segments tell the paths apart.
const MAX_SEGMENTS: usize = 6;

/// The operation that a request calls.
#[derive(Debug)]
pub(super) struct Route {
    /// The store that the path names, also if the path is unknown.
    pub store: Option<String>,
    /// The operation, or the rejection: 404, 405 or 501.
    pub operation: Result<Operation, Rejection>,
}

impl Route {
    /// Finds the route of a percent-encoded path without its query. Each segment is decoded by itself, so that an encoded
    /// slash does not separate segments.
    pub fn find(method: &Method, path: &str) -> Route {
        let mut segments = segments(path);
        let segments: [Option<Cow<'_, str>>; MAX_SEGMENTS] = array::from_fn(|_| segments.next());
        let is_utf8 = !path.contains('%') || percent_decode_str(path).decode_utf8().is_ok();
        let (store, operation) = match segments.each_ref().map(Option::as_deref) {
            [Some("oauth"), Some("token"), None, ..] => (None, by_method(&[Operation::CreateOauthToken], method)),
            [Some(api @ ("core" | "messaging")), Some("v3"), Some("stores"), Some(store), rest @ ..]
                if !store.is_empty() =>
            {
                let operation = match (api, rest) {
                    ("core", [Some("customers"), None]) => {
                        by_method(&[Operation::RetrieveCustomers, Operation::UpsertCustomer], method)
                    }
                    ("core", [Some("customer_events"), None]) => by_method(&[Operation::UpsertCustomerEvent], method),
                    ("core", [Some("access_tokens"), None]) => by_method(&[Operation::CreateAccessToken], method),
                    (_, [Some(resource), _]) if NOT_EMULATED.contains(&resource) => {
                        Err(Rejection::NotEmulated { resource: resource.to_owned() })
                    }
                    _ => Err(Rejection::UnknownPath),
                };
                (Some(store.to_owned()), operation)
            }
            _ => (None, Err(Rejection::UnknownPath)),
        };
        Route { store, operation: if is_utf8 { operation } else { Err(Rejection::UnknownPath) } }
    }
}

/// The decoded segments of a path.
pub(super) fn segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.split('/').skip(1).map(|segment| match segment.contains('%') {
        true => percent_decode_str(segment).decode_utf8_lossy(),
        false => segment.into(),
    })
}

/// The operation of a path, of which each has its own methods.
fn by_method(operations: &[Operation], method: &Method) -> Result<Operation, Rejection> {
    let accepts_method = |operation: &&Operation| operation.accepts(Some(method.as_str()), None);
    operations.iter().find(accepts_method).copied().ok_or_else(|| {
        let methods: Vec<_> = operations.iter().flat_map(|operation| operation.methods()).copied().collect();
        Rejection::MethodNotAllowed { allowed: methods.join(", "), method: method.to_string() }
    })
}

/// Whether a path belongs to the control API.
pub(super) fn is_control(path: &str) -> bool {
    segments(path).next().as_deref() == Some("_mock")
}
