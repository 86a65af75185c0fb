//! The CA certificate that clients must trust: `/_mock/ca.pem`.

use actix_web::{HttpRequest, HttpResponse};

use super::request::ControlRequest;
use super::{ControlError, ControlResult};

/// `GET /_mock/ca.pem`
pub(super) async fn get(http_request: HttpRequest, request: ControlRequest) -> ControlResult {
    request.query([])?;
    let pem = ca_pem(&http_request)?;
    Ok(HttpResponse::Ok().content_type("application/x-pem-file").body(pem))
}

#[cfg(feature = "tls")]
fn ca_pem(request: &HttpRequest) -> Result<String, ControlError> {
    let tls = request.app_data::<actix_web::web::Data<crate::http::tls::Tls>>();
    let tls = tls.expect("the app has its TLS");
    tls.ca_pem().map(str::to_owned).ok_or_else(|| {
        ControlError::not_found(
            "the emulator uses your own certificate and has no certificate authority",
            "trust the authority that issued the certificate of `--tls-cert`",
        )
    })
}

#[cfg(not(feature = "tls"))]
fn ca_pem(_: &HttpRequest) -> Result<String, ControlError> {
    Err(ControlError::not_found("this build does not support TLS", "build it with the Cargo feature `tls`"))
}
