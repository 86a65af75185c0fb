//! The authority that clients must trust: `/_mock/ca.pem`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::error::ControlError;
use super::request::ControlRequest;

/// `GET /_mock/ca.pem`: its certificate.
pub(super) async fn get(http_request: HttpRequest, mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [] = request.query([])?;
    let pem = pem(&http_request)?;
    Ok(HttpResponse::Ok().content_type("application/x-pem-file").body(pem))
}

#[cfg(feature = "tls")]
fn pem(request: &HttpRequest) -> Result<String, ControlError> {
    let tls = request.app_data::<actix_web::web::Data<crate::http::tls::Tls>>();
    let tls = tls.expect("every app is given its side of TLS");
    tls.ca_pem().map(str::to_owned).ok_or_else(|| {
        ControlError::new(
            StatusCode::NOT_FOUND,
            "the certificate is your own, and not of an authority of the emulator",
            "trust the authority of what `--tls-cert` names",
        )
    })
}

#[cfg(not(feature = "tls"))]
fn pem(_: &HttpRequest) -> Result<String, ControlError> {
    Err(ControlError::new(
        StatusCode::NOT_FOUND,
        "this build speaks no TLS",
        "build it with the Cargo feature `tls`",
    ))
}
