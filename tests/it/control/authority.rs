//! The authority that clients must trust, as the control surface tells it.

use crate::support::Emulator;

#[cfg(feature = "tls")]
#[test]
fn the_authority_is_told_under_the_rules_of_the_control_surface() {
    let emulator = Emulator::undeclared();
    let told = emulator.control("GET", "/ca.pem").send();
    assert_eq!(
        (told.status(), told.header("content-type")),
        (200, Some("application/x-pem-file"))
    );
    assert_eq!(String::from_utf8_lossy(&told.body), emulator.mock.ca_pem());
    assert_eq!(emulator.control("HEAD", "/ca.pem").send().status(), 200);
    let foreign = emulator.control("GET", "/ca.pem").header("Host", "evil.example").send();
    assert_eq!(foreign.status(), 403);
    let closed = Emulator::undeclared_with(|builder| builder.control_token("s3cret"));
    assert_eq!(closed.control("GET", "/ca.pem").send().status(), 401);
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_has_no_authority_and_says_so() {
    insta::assert_snapshot!(Emulator::undeclared().control("GET", "/ca.pem").send(), @r#"
    404
    {"error":"this build speaks no TLS","hint":"build it with the Cargo feature `tls`"}
    "#);
}
