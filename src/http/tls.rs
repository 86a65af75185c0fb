//! TLS: the certificate that the server presents, and the log of failed handshakes.

mod ca;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, Error, ServerConfig};
use thiserror::Error as ThisError;

use super::hosts::{YOTPO_HOSTS, is_same};
use crate::world::clock::real_now;
use ca::{CertificateAuthority, LoadError};

/// The only protocol that ALPN offers: clients that also offer HTTP/2 fall back to it.
const ALPN_PROTOCOL: &[u8] = b"http/1.1";

/// The age at which an issued certificate is replaced: half of its validity.
const MAX_CERTIFICATE_AGE: TimeDelta = TimeDelta::hours(12);

#[derive(Clone, Debug, Default)]
pub(crate) struct TlsOptions {
    /// Names and addresses that the certificate covers besides Yotpo's and this machine's own.
    pub names: Vec<String>,
    /// The address that the server listens on; `None` if it is loopback.
    pub bound: Option<IpAddr>,
    /// The folder that keeps the certificate authority.
    pub ca_dir: Option<PathBuf>,
    /// The file to write the CA certificate to.
    pub ca_file: Option<PathBuf>,
    /// The user's own certificate and its key, which replace an issued one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whether to create everything at the start instead of at the first handshake.
    pub at_start: bool,
}

/// The reason why TLS cannot be set up.
#[derive(Debug, ThisError)]
pub(crate) enum TlsError {
    #[error("a certificate of your own needs no certificate authority")]
    CertificateAndCa,
    #[error("`{0}` is neither a host name nor an IP address")]
    InvalidName(String),
    #[error("cannot use `{}` for TLS: {source}", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: CertificateError,
    },
    #[error("cannot use the certificate authority in `{}`: {source}", dir.display())]
    Ca {
        dir: PathBuf,
        #[source]
        source: LoadError,
    },
    #[error("cannot write the CA certificate to `{}`: {source}", path.display())]
    WriteCa { path: PathBuf, source: io::Error },
}

/// The reason why the user's own certificate cannot be used.
#[derive(Debug, ThisError)]
pub(crate) enum CertificateError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Pem(#[source] pem::Error),
    #[error("it contains no certificate")]
    NoCertificate,
    #[error("it contains no private key")]
    NoKey,
    #[error("it is not the key of `{}`", certificate.display())]
    KeyMismatch { certificate: PathBuf },
    #[error("{0}")]
    Unusable(#[source] Error),
}

impl TlsError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            TlsError::CertificateAndCa => "use `--tls-cert` without `--ca-dir` and `--ca-file`",
            TlsError::InvalidName(_) => "`--tls-name` takes one name at a time, without a port or wildcards",
            TlsError::Certificate { .. } => {
                "`--tls-cert` is a PEM file with the certificate and its intermediate certificates, `--tls-key` one with its key"
            }
            TlsError::Ca { source, .. } => source.hint(),
            TlsError::WriteCa { .. } => "`--ca-file` must be in an existing, writable folder",
        }
    }
}

/// The server side of TLS. Keys, certificates and the configuration are created when they are first needed.
#[derive(Debug)]
pub(crate) struct Tls {
    source: Arc<CertificateSource>,
    config: OnceLock<Arc<ServerConfig>>,
}

enum CertificateSource {
    /// The user's own certificate.
    Provided(Arc<CertifiedKey>),
    /// Certificates that the emulator's CA issues for these names.
    Issued {
        names: Vec<ServerName<'static>>,
        ca: OnceLock<Box<CertificateAuthority>>,
        current: Mutex<Option<(DateTime<Utc>, Arc<CertifiedKey>)>>,
    },
}

impl Tls {
    /// Loads or creates what the options name, and writes the CA certificate if they name a file for it.
    ///
    /// # Errors
    ///
    /// If options contradict each other, a name is invalid, a file cannot be read, written or parsed, or a stored CA does not
    /// cover all names.
    pub fn new(options: &TlsOptions) -> Result<Tls, TlsError> {
        let source = match &options.certificate {
            Some(_) if options.ca_dir.is_some() || options.ca_file.is_some() => return Err(TlsError::CertificateAndCa),
            Some((certificate, key)) => CertificateSource::Provided(Arc::new(load_certificate(certificate, key)?)),
            None => {
                let names = covered_names(&options.names, options.bound)?;
                let ca = match &options.ca_dir {
                    Some(dir) => {
                        let ca = CertificateAuthority::load_or_create(dir, &names);
                        let ca = ca.map_err(|source| TlsError::Ca { dir: dir.clone(), source })?;
                        OnceLock::from(Box::new(ca))
                    }
                    None => OnceLock::new(),
                };
                CertificateSource::Issued { names, ca, current: Mutex::default() }
            }
        };
        let tls = Tls { source: Arc::new(source), config: OnceLock::new() };
        if let (Some(path), Some(pem)) = (&options.ca_file, tls.ca_pem()) {
            std::fs::write(path, pem).map_err(|source| TlsError::WriteCa { path: path.clone(), source })?;
        }
        if options.at_start {
            tls.source.certificate();
            tls.config();
        }
        Ok(tls)
    }

    /// The CA certificate that clients must trust, in PEM; `None` with a certificate of the user's own.
    pub fn ca_pem(&self) -> Option<&str> {
        match &*self.source {
            CertificateSource::Provided(_) => None,
            CertificateSource::Issued { names, ca, .. } => Some(get_or_create(ca, names).pem()),
        }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.get_or_init(|| {
            let mut config = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .expect("the provider supports TLS 1.2 and 1.3")
                .with_no_client_auth()
                .with_cert_resolver(self.source.clone());
            config.alpn_protocols = vec![ALPN_PROTOCOL.to_vec()];
            Arc::new(config)
        });
        config.clone()
    }
}

impl CertificateSource {
    fn certificate(&self) -> Arc<CertifiedKey> {
        match self {
            CertificateSource::Provided(certificate) => certificate.clone(),
            CertificateSource::Issued { names, ca, current } => {
                let now = real_now();
                let mut current = current.lock();
                match &*current {
                    Some((issued_at, certificate)) if now - *issued_at < MAX_CERTIFICATE_AGE => certificate.clone(),
                    _ => {
                        let certificate = Arc::new(get_or_create(ca, names).issue(names, now));
                        *current = Some((now, certificate.clone()));
                        certificate
                    }
                }
            }
        }
    }
}

fn get_or_create<'a>(
    ca: &'a OnceLock<Box<CertificateAuthority>>,
    names: &[ServerName<'static>],
) -> &'a CertificateAuthority {
    ca.get_or_init(|| Box::new(CertificateAuthority::new(names)))
}

/// Shows no keys.
impl fmt::Debug for CertificateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSource").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for CertificateSource {
    /// Presents the certificate for any requested name: the client's error then says which names it covers, and an alert could
    /// not.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let (CertificateSource::Issued { names, .. }, Some(requested)) = (self, hello.server_name())
            && !names.iter().any(|name| is_same(&name.to_str(), requested))
        {
            tracing::warn!(
                "a TLS client requested `{requested}`, which the certificate does not cover; `--tls-name {requested}` adds it"
            );
        }
        Some(self.certificate())
    }
}

/// Logs why a handshake failed.
pub(super) fn log_handshake_error(error: &io::Error) {
    let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else {
        tracing::debug!("a TLS client disconnected during the handshake: {error}");
        return;
    };
    match error {
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        ) => tracing::warn!(
            "a TLS client does not trust the certificate ({error}): make it trust the CA certificate of `GET /_mock/ca.pem`, as \
             `yotpo-mock env` and `exec` do by variables, or let it call the mock over http"
        ),
        Error::AlertReceived(_) => tracing::info!("a TLS client aborted the handshake: {error}"),
        Error::PeerIncompatible(_) => {
            tracing::info!("a TLS client and the emulator have no TLS version or cipher suite in common: {error}");
        }
        _ => tracing::info!("a client sent invalid TLS: {error}"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// Every name and address that the certificate covers: Yotpo's hosts, this machine's own, and further ones.
fn covered_names(further: &[String], bound: Option<IpAddr>) -> Result<Vec<ServerName<'static>>, TlsError> {
    let parse = |name: &str| {
        let name = name.to_ascii_lowercase();
        ServerName::try_from(name.clone()).map_err(|_| TlsError::InvalidName(name))
    };
    let mut names: Vec<_> = YOTPO_HOSTS.into_iter().chain(["localhost"]).map(parse).collect::<Result<_, _>>()?;
    let bound = bound.filter(|bound| !bound.is_unspecified());
    let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into_iter().chain(bound);
    names.extend(addresses.map(ServerName::from));
    for name in further {
        let name = parse(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Loads a certificate chain and its key from PEM files.
fn load_certificate(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let failed = |path: &Path, source| TlsError::Certificate { path: path.to_owned(), source };
    let read = |path: &Path| std::fs::read(path).map_err(|error| failed(path, error.into()));
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(certificate, CertificateError::Pem(error)))?;
    if chain.is_empty() {
        return Err(failed(certificate, CertificateError::NoCertificate));
    }
    let private_key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| failed(key, CertificateError::NoKey))?;
    CertifiedKey::from_der(chain, private_key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            let certificate = certificate.to_owned();
            failed(key, CertificateError::KeyMismatch { certificate })
        }
        error => failed(certificate, CertificateError::Unusable(error)),
    })
}
