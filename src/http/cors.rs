//! Cross-origin requests: pages of the origins that `--cors` names may call both APIs from a browser.

use actix_http::body::BoxBody;
use actix_http::{RequestHead, Response, StatusCode};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    HeaderValue, ORIGIN, VARY,
};

use super::control::access::Access;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// The headers that let a page of an allowed origin read a response; `None` for other origins.
pub(super) fn headers(access: &Access, origin: Option<&[u8]>) -> Option<[(HeaderName, HeaderValue); 3]> {
    let origin = str::from_utf8(origin?).ok()?;
    if !access.allows_origin(origin) {
        return None;
    }
    Some([
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_str(origin).ok()?),
        (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*")),
        (VARY, HeaderValue::from_static("Origin")),
    ])
}

/// The response to a preflight request from an allowed origin; `None` for other requests.
pub(super) fn preflight(access: &Access, head: &RequestHead) -> Option<Response<BoxBody>> {
    if head.method != Method::OPTIONS || !head.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let headers = headers(access, head.headers().get(ORIGIN).map(HeaderValue::as_bytes))?;
    let mut response = Response::new(StatusCode::NO_CONTENT);
    let map = response.headers_mut();
    map.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(requested) = head.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        map.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
    }
    for (name, value) in headers {
        map.insert(name, value);
    }
    Some(response)
}
