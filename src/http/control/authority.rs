//! The authority that clients must trust: `/_mock/ca.pem`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::asked::{Asked, Complaint};

/// `GET /_mock/ca.pem`: its certificate.
pub(super) async fn get(request: HttpRequest, mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let [] = asked.query([])?;
    let pem = pem(&request)?;
    Ok(HttpResponse::Ok().content_type("application/x-pem-file").body(pem))
}

#[cfg(feature = "tls")]
fn pem(request: &HttpRequest) -> Result<String, Complaint> {
    let tls = request.app_data::<actix_web::web::Data<crate::http::tls::Tls>>();
    let tls = tls.expect("every app is given its side of TLS");
    tls.ca_pem().map(str::to_owned).ok_or_else(|| {
        Complaint::new(
            StatusCode::NOT_FOUND,
            "the certificate is your own, and not of an authority of the emulator",
            "trust the authority of what `--tls-cert` names",
        )
    })
}

#[cfg(not(feature = "tls"))]
fn pem(_: &HttpRequest) -> Result<String, Complaint> {
    Err(Complaint::new(
        StatusCode::NOT_FOUND,
        "this build speaks no TLS",
        "build it with the Cargo feature `tls`",
    ))
}
