//! TLS on the same port: for whom its certificates are, and what becomes of those who cannot make use of it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use insta::assert_snapshot;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use yotpo_mock::{Fault, Operation, YotpoMock};

use crate::support::{Connection, Emulator, customers};

type Secured = StreamOwned<ClientConnection, TcpStream>;

/// Speaks TLS on a socket, as a client that trusts one authority and wants a name.
fn secure(socket: TcpStream, authority: &str, name: &str, protocols: &[&[u8]]) -> io::Result<Secured> {
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("it can be trusted");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut socket = socket;
    while client.is_handshaking() {
        client.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(client, socket))
}

fn connect(mock: &YotpoMock, name: &str) -> io::Result<Secured> {
    let address = mock.url().trim_start_matches("http://");
    secure(TcpStream::connect(address)?, mock.ca_pem(), name, &[b"http/1.1"])
}

/// Asks for something and reads until the server closes.
fn get(mut inside: impl Read + Write, path: &str) -> io::Result<String> {
    write!(inside, "GET {path} HTTP/1.1\r\nHost: api.yotpo.com\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    match inside.read_to_string(&mut response) {
        // Closes without a TLS close message, as a server does after `Connection: close`.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(response),
        other => other.map(|_| response),
    }
}

/// A folder of a test's own, which is not there yet.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// What a tool of this machine prints; `None` where there is no such tool.
fn tool_output(tool: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(tool).args(arguments).output().ok()?;
    Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn one_port_serves_tls_for_each_name_and_plain_http() {
    let emulator = Emulator::undeclared_with(|builder| builder.tls_name("mock.test").tls_name("192.0.2.7"));
    for name in ["api.yotpo.com", "developers.yotpo.com", "localhost", "127.0.0.1", "::1", "mock.test", "192.0.2.7"] {
        let response = get(connect(&emulator.mock, name).expect("it is trusted"), &customers("")).expect("an answer");
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{name}: {response}");
        assert_eq!(emulator.get(&customers("")).status(), 200);
    }
    assert_eq!(emulator.mock.requests().count(), 14);
    let https = emulator.mock.https_url().strip_prefix("https://");
    assert_eq!(https, emulator.mock.url().strip_prefix("http://"), "it is the same port");
}

#[test]
fn tls_works_inside_a_tunnel() {
    let emulator = Emulator::undeclared();
    let mut socket = TcpStream::connect(emulator.address()).expect("it listens");
    socket.write_all(b"CONNECT api.yotpo.com:443 HTTP/1.1\r\nHost: api.yotpo.com\r\n\r\n").expect("it reads");
    let mut opened = [0; 39];
    socket.read_exact(&mut opened).expect("an answer");
    assert_eq!(opened, *b"HTTP/1.1 200 Connection established\r\n\r\n");
    let inside = secure(socket, emulator.mock.ca_pem(), "api.yotpo.com", &[]).expect("it is trusted");
    let response = get(inside, &customers("")).expect("an answer");
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
}

#[test]
fn an_unknown_server_name_gets_no_certificate_of_its_own() {
    let mock = YotpoMock::start();
    let error = connect(&mock, "example.com").expect_err("the certificate is for others");
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    assert!(
        matches!(error, Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))),
        "{error:?}"
    );
    let other = YotpoMock::start();
    assert_ne!(mock.ca_pem(), other.ca_pem(), "each has its own certificate authority");
    let address = mock.url().trim_start_matches("http://");
    let socket = TcpStream::connect(address).expect("it listens");
    assert!(secure(socket, other.ca_pem(), "localhost", &[]).is_err());
    assert!(connect(&mock, "localhost").is_ok(), "it serves on");
}

#[test]
fn strict_clients_accept_the_certificate_chain() {
    let folder = folder("strict");
    let mock = YotpoMock::builder().ca_dir(&folder).start();
    let (authority, leaf) = (folder.join("ca.pem"), folder.join("leaf.pem"));
    let inside = connect(&mock, "localhost").expect("it is trusted");
    let chain = inside.conn.peer_certificates().expect("it has shown some");
    fs::write(&leaf, pem(&chain[0])).expect("the folder takes files");
    let [authority, leaf] = [&authority, &leaf].map(|path| path.to_str().expect("UTF-8"));
    let verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority, leaf];
    let Some(verified) = tool_output("openssl", &verify) else {
        return;
    };
    assert_eq!(verified, format!("{leaf}: OK\n"));
    let text = tool_output("openssl", &["x509", "-noout", "-text", "-in", authority]).expect("it is there");
    for part in [
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Name Constraints: critical\n                Permitted:\n                  DNS:api.yotpo.com\n                  \
         DNS:developers.yotpo.com\n                  DNS:localhost\n                  IP:127.0.0.1/255.255.255.255\n",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let a_day = tool_output("openssl", &["x509", "-noout", "-checkend", "85000", "-in", leaf]).expect("it is there");
    let no_longer =
        tool_output("openssl", &["x509", "-noout", "-checkend", "90000", "-in", leaf]).expect("it is there");
    assert_eq!((&*a_day, &*no_longer), ("Certificate will not expire\n", "Certificate will expire\n"));
    let url = format!("{}/_mock/health", mock.https_url());
    let script = "import ssl, sys, urllib.request as r\nc = ssl.create_default_context(cafile=sys.argv[1])\n\
                  c.verify_flags |= ssl.VERIFY_X509_STRICT\nprint(r.build_opener(r.ProxyHandler({}), \
                  r.HTTPSHandler(context=c)).open(sys.argv[2]).status)";
    if let Some(status) = tool_output("python3", &["-c", script, authority, &url]) {
        assert_eq!(status, "200\n");
    }
}

/// A certificate as files have it.
fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

#[test]
fn alpn_offers_http_1_1_alone() {
    let emulator = Emulator::undeclared();
    let handshake = |offered: &[&[u8]]| {
        let socket = TcpStream::connect(emulator.address()).expect("it listens");
        secure(socket, emulator.mock.ca_pem(), "localhost", offered)
    };
    for (offered, chosen) in
        [(&[&b"h2"[..], b"http/1.1"][..], Some(&b"http/1.1"[..])), (&[b"http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = handshake(offered).expect("it is trusted");
        assert_eq!(stream.conn.alpn_protocol(), chosen);
        let response = get(stream, &customers("")).expect("an answer");
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    }
    let error = handshake(&[b"h2"]).expect_err("there is no common protocol");
    assert_eq!(
        error.get_ref().and_then(|error| error.downcast_ref()),
        Some(&rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol))
    );
}

#[test]
fn a_saved_authority_is_reused_and_its_key_is_private() {
    let folder = folder("kept").join("below");
    let start = || YotpoMock::builder().ca_dir(&folder).tls_name("mock.test").start();
    let [first, second] = [start(), start()];
    assert_eq!(first.ca_pem(), second.ca_pem());
    assert_eq!(fs::read_to_string(folder.join("ca.pem")).expect("it is there"), first.ca_pem());
    assert!(!first.ca_pem().contains("PRIVATE KEY"));
    assert!(connect(&second, "mock.test").is_ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = fs::metadata(folder.join("ca-key.pem")).expect("it is there");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    let at_once: Vec<_> = {
        let folder = self::folder("at-once");
        let started = |_| {
            let folder = folder.clone();
            std::thread::spawn(move || YotpoMock::builder().ca_dir(folder).start().ca_pem().to_owned())
        };
        let started: Vec<_> = (0..8).map(started).collect();
        started.into_iter().map(|thread| thread.join().expect("it starts")).collect()
    };
    assert!(at_once.iter().all(|pem| *pem == at_once[0]), "of many that start at once, one makes it");
}

/// Why an emulator does not start, and what to do about it.
fn failure(builder: yotpo_mock::Builder, folder: &Path) -> String {
    let error = builder.try_start().unwrap_err();
    format!("{error}\n{}", error.hint()).replace(folder.to_str().expect("UTF-8"), "DIR")
}

#[test]
fn an_unusable_saved_authority_stops_the_start_with_a_hint() {
    let folder = folder("useless");
    drop(YotpoMock::builder().ca_dir(&folder).start());
    let start = || YotpoMock::builder().ca_dir(&folder);
    assert_snapshot!(failure(start().tls_name("mock.test").tls_name("10.0.0.1"), &folder), @"
    cannot use the certificate authority in `DIR`: it does not cover `mock.test` and `10.0.0.1`
    remove the folder, or name another, to create an authority for all names; then give clients the new `ca.pem`
    ");
    assert!(start().tls_name("sub.localhost").try_start().is_ok(), "what is below a name is its own");
    let kept = fs::read_to_string(folder.join("ca-key.pem")).expect("it is there");
    let other = self::folder("useless-other");
    drop(YotpoMock::builder().ca_dir(&other).start());
    let certificate = fs::read_to_string(other.join("ca.pem")).expect("it is there");
    let key = &kept[..kept.find("-----BEGIN CERTIFICATE").expect("a certificate")];
    for (broken, reason) in [
        (String::new(), "contains no certificate"),
        (kept[..200].to_owned(), "contains no certificate"),
        (certificate.clone(), "contains no key"),
        (format!("{key}{certificate}"), "contains a key and a certificate that do not match"),
    ] {
        fs::write(folder.join("ca-key.pem"), broken).expect("it takes files");
        let message = failure(start(), &folder);
        assert_eq!(
            message,
            format!(
                "cannot use the certificate authority in `DIR`: `ca-key.pem` {reason}\nremove the folder to create a new \
                 authority; then give clients the new `ca.pem`"
            )
        );
    }
    let file = folder.join("ca.pem");
    let in_the_way = failure(YotpoMock::builder().ca_dir(&file), &folder);
    assert!(in_the_way.starts_with("cannot use the certificate authority in `DIR/ca.pem`: "), "{in_the_way}");
    assert_snapshot!(failure(YotpoMock::builder().tls_name("*.example.com"), &folder), @"
    `*.example.com` is neither a host name nor an IP address
    `--tls-name` takes one name at a time, without a port or wildcards
    ");
    let nowhere = failure(YotpoMock::builder().ca_file(folder.join("no/such/file")), &folder);
    assert!(nowhere.starts_with("cannot write the CA certificate to `DIR/no/such/file`: "), "{nowhere}");
}

#[test]
fn a_given_certificate_replaces_the_generated_one() {
    let folder = folder("own");
    fs::create_dir_all(&folder).expect("a folder");
    let own = rcgen::generate_simple_self_signed(["mine.test".to_owned()]).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(["mine.test".to_owned()]).expect("a certificate");
    let [cert, key, wrong] = ["cert.pem", "key.pem", "wrong.pem"].map(|name| folder.join(name));
    fs::write(&cert, own.cert.pem()).expect("it takes files");
    fs::write(&key, own.signing_key.serialize_pem()).expect("it takes files");
    fs::write(&wrong, other.signing_key.serialize_pem()).expect("it takes files");
    let emulator = Emulator::undeclared_with(|builder| builder.tls_cert(&cert, &key));
    let socket = TcpStream::connect(emulator.address()).expect("it listens");
    let inside = secure(socket, &own.cert.pem(), "mine.test", &[]).expect("it is trusted");
    assert!(get(inside, &customers("")).expect("an answer").starts_with("HTTP/1.1 200 OK"));
    assert_snapshot!(emulator.control("GET", "/ca.pem").send(), @r#"
    404
    {
      "error":"the emulator uses your own certificate and has no certificate authority",
      "hint":"trust the authority that issued the certificate of `--tls-cert`"
    }
    "#);
    let failed = |cert: &Path, key: &Path| failure(YotpoMock::builder().tls_cert(cert, key), &folder);
    let hint = "`--tls-cert` is a PEM file with the certificate and its intermediate certificates, `--tls-key` one with its key";
    assert_eq!(
        failed(&cert, &wrong),
        format!("cannot use `DIR/wrong.pem` for TLS: it is not the key of `DIR/cert.pem`\n{hint}")
    );
    assert_eq!(failed(&key, &key), format!("cannot use `DIR/key.pem` for TLS: it contains no certificate\n{hint}"));
    assert_eq!(failed(&cert, &cert), format!("cannot use `DIR/cert.pem` for TLS: it contains no private key\n{hint}"));
    assert!(failed(&folder.join("none.pem"), &key).starts_with("cannot use `DIR/none.pem` for TLS: "));
    assert_snapshot!(failure(YotpoMock::builder().tls_cert(&cert, &key).ca_dir(&folder), &folder), @"
    a certificate of your own needs no certificate authority
    use `--tls-cert` without `--ca-dir` and `--ca-file`
    ");
}

#[test]
fn a_fault_resets_a_tls_connection_too() {
    let emulator = Emulator::undeclared();
    emulator.mock.fail_next(Operation::RetrieveCustomers, Fault::connection_reset());
    let inside = connect(&emulator.mock, "localhost").expect("it is trusted");
    let error = get(inside, &customers("")).expect_err("no answer");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let inside = connect(&emulator.mock, "localhost").expect("it serves on");
    assert!(get(inside, &customers("")).expect("an answer").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn a_whole_page_is_received_over_tls() {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(20_000)});
    let seed = json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]});
    let emulator = Emulator::undeclared_with(|builder| builder.seed(seed.to_string()));
    let response =
        get(connect(&emulator.mock, "localhost").expect("it is trusted"), &customers("")).expect("an answer");
    assert!(response.len() > 2_000_000 && response.ends_with(r#""pagination":{"next_page_info":null}}"#));
}

/// The hello of a client that speaks nothing later than TLS 1.1.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session, one suite, no compression.
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).expect("it is short");
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()
}

/// A whole hello of a client of today.
fn hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3");
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a text grows");
    hello
}

/// The description of the alert that a connection ends with.
fn alert(connection: &mut Connection) -> u8 {
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).expect("it closes");
    let at = rest.windows(3).rposition(|window| window == [21, 3, 3]).expect("an alert");
    rest[at + 6]
}

#[test]
fn an_invalid_handshake_gets_an_alert_and_a_close() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(300)));
    let open = |bytes: &[u8]| {
        let mut connection = Connection::open(emulator.address());
        connection.send(bytes);
        connection
    };
    assert_eq!(alert(&mut open(&old_hello())), 40, "handshake_failure");
    for garbage in [
        &b"\x16\x03\x01\0\x05\x01\0\0\x01\x03\x03"[..],
        b"\x16\x16\x16\x16\x16\x16\x16\x16",
        b"\x16GET / HTTP/1.1\r\n\r\n",
    ] {
        alert(&mut open(garbage));
    }
    let in_clear = [hello(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()].concat();
    // Its alert is in cipher already.
    let _ = open(&in_clear).read_to_end(&mut Vec::new());
    // Neither a slow handshake nor one that is broken off keeps anything.
    let mut slow = open(&hello()[..50]);
    assert_eq!(slow.read(&mut [0]).expect("it closes"), 0);
    drop(open(&hello()));
    assert!(emulator.mock.requests().is_empty());
    assert!(connect(&emulator.mock, "localhost").is_ok(), "it serves on");
}

#[test]
fn a_tls_connection_without_a_request_times_out() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(300)));
    let mut inside = connect(&emulator.mock, "localhost").expect("it is trusted");
    let mut response = [0; 12];
    inside.read_exact(&mut response).expect("an answer");
    assert_eq!(response, *b"HTTP/1.1 408");
}

#[test]
fn thousands_of_stalled_handshakes_do_not_block_others() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_secs(60)).workers(2));
    let begun = [&b""[..], b"\x16", b"CONN", b"CONNECT api.yotpo.com:443 HTTP/1.1\r\n\r\n", &hello()];
    let idle = begun.iter().cycle().take(2_000).map(|begun| {
        let mut connection = Connection::open(emulator.address());
        connection.send(begun);
        connection
    });
    let idle: Vec<_> = idle.collect();
    let inside = connect(&emulator.mock, "localhost").expect("it is trusted");
    assert!(get(inside, &customers("")).expect("an answer").starts_with("HTTP/1.1 200 OK"));
    assert_eq!(emulator.get(&customers("")).status(), 200);
    drop(emulator);
    drop(idle);
}

/// The log lines that explain why a client gets no answer.
#[cfg(feature = "cli")]
#[test]
fn a_failed_handshake_is_logged() {
    use crate::process::Process;

    let process = Process::with(&["--read-timeout", "300ms"]);
    let pem = process.send("GET", "/_mock/ca.pem", "", "");
    let pem = pem.split_once("\r\n\r\n").expect("a body").1;
    let stranger = YotpoMock::start();
    let connect = |authority: &str, name: &str| {
        let socket = TcpStream::connect(process.address()).expect("it listens");
        secure(socket, authority, name, &[]).map(drop)
    };
    assert!(connect(pem, "example.com").is_err());
    assert!(connect(stranger.ca_pem(), "localhost").is_err());
    for bytes in [old_hello(), [hello(), b"GET / HTTP/1.1\r\n\r\n".to_vec()].concat(), hello()[..50].to_vec()] {
        let mut connection = Connection::open(process.address());
        connection.send(bytes);
        let _ = connection.read_to_end(&mut Vec::new());
    }
    let (_, _, log) = process.stop("TERM");
    let lines = log.lines().filter(|line| line.contains("TLS"));
    let messages: Vec<_> = lines.filter_map(|line| line.split_once("Z  ")).map(|(_, message)| message).collect();
    assert_snapshot!(messages.join("\n"), @"
    WARN a TLS client requested `example.com`, which the certificate does not cover; `--tls-name example.com` adds it
    WARN a TLS client does not trust the certificate (received fatal alert: BadCertificate): make it trust the CA certificate of `GET /_mock/ca.pem`, as `yotpo-mock env` and `exec` do by variables, or let it call the mock over http
    WARN a TLS client does not trust the certificate (received fatal alert: DecryptError): make it trust the CA certificate of `GET /_mock/ca.pem`, as `yotpo-mock env` and `exec` do by variables, or let it call the mock over http
    INFO a TLS client and the emulator have no TLS version or cipher suite in common: peer is incompatible: SignatureAlgorithmsExtensionRequired
    INFO a client sent invalid TLS: received corrupt message of type InvalidContentType
    INFO a TLS handshake was not finished in 300ms
    ");
}
