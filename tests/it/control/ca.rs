//! The CA certificate that clients must trust.

use crate::support::Emulator;

#[cfg(feature = "tls")]
#[test]
fn the_ca_certificate_is_returned_under_the_access_rules_of_the_control_api() {
    let emulator = Emulator::undeclared();
    let response = emulator.control("GET", "/ca.pem").send();
    assert_eq!((response.status(), response.header("content-type")), (200, Some("application/x-pem-file")));
    assert_eq!(String::from_utf8_lossy(&response.body), emulator.mock.ca_pem());
    assert_eq!(emulator.control("HEAD", "/ca.pem").send().status(), 200);
    let foreign = emulator.control("GET", "/ca.pem").header("Host", "evil.example").send();
    assert_eq!(foreign.status(), 403);
    let closed = Emulator::undeclared_with(|builder| builder.control_token("s3cret"));
    assert_eq!(closed.control("GET", "/ca.pem").send().status(), 401);
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_has_no_ca_certificate() {
    insta::assert_snapshot!(Emulator::undeclared().control("GET", "/ca.pem").send(), @r#"
    404
    {"error":"this build does not support TLS","hint":"build it with the Cargo feature `tls`"}
    "#);
}
