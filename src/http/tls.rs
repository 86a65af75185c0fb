//! TLS: the certificates that the emulator shows, and what it says of clients that do not take them.

mod authority;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, Error, ServerConfig};

use super::control::access::VENDORS_HOSTS;
use crate::world::clock::real_now;
use authority::Authority;

/// The only protocol that ALPN offers: clients that also offer HTTP/2 fall back to it.
const ALPN_PROTOCOL: &[u8] = b"http/1.1";

/// How long a certificate is shown before a new one takes its place: half of its life.
const SHOWN: TimeDelta = TimeDelta::hours(12);

/// What the certificates are to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Further names, beside the vendor's and this machine's own.
    pub names: Vec<String>,
    /// The address that is listened on, where it is not loopback.
    pub bound: Option<IpAddr>,
    /// Where the authority is kept.
    pub ca_dir: Option<PathBuf>,
    /// Where its certificate is written.
    pub ca_file: Option<PathBuf>,
    /// A certificate of the user's own and its key.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Whether everything is made at the start, and not at the first need.
    pub at_start: bool,
}

/// Why there is no TLS as it is wanted, and what to do about it.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub reason: String,
    pub hint: &'static str,
}

/// The emulator's side of TLS. What nobody asks for is not made.
#[derive(Debug)]
pub(crate) struct Tls {
    shown: Arc<Shown>,
    config: OnceLock<Arc<ServerConfig>>,
}

/// The certificate that is shown.
enum Shown {
    /// The user's own.
    Own(Arc<CertifiedKey>),
    /// One of the emulator's authority, for these names.
    Made {
        names: Vec<ServerName<'static>>,
        authority: OnceLock<Box<Authority>>,
        leaf: Mutex<Option<(DateTime<Utc>, Arc<CertifiedKey>)>>,
    },
}

impl Tls {
    /// Reads what is to be read, and writes what is to be written.
    ///
    /// # Errors
    ///
    /// If a name is none, a file cannot be read or written or holds something else, or a kept authority is not for all names.
    pub fn new(wanted: &Wanted) -> Result<Tls, Unfit> {
        let shown = match &wanted.own {
            Some(_) if wanted.ca_dir.is_some() || wanted.ca_file.is_some() => {
                return Err(Unfit {
                    reason: "there is no authority beside a certificate of your own".to_owned(),
                    hint: "`--tls-cert` goes without `--ca-dir` and `--ca-file`",
                });
            }
            Some((certificate, key)) => Shown::Own(Arc::new(own(certificate, key)?)),
            None => {
                let names = names(&wanted.names, wanted.bound)?;
                let authority = match &wanted.ca_dir {
                    Some(folder) => OnceLock::from(Box::new(Authority::kept_in(folder, &names)?)),
                    None => OnceLock::new(),
                };
                Shown::Made {
                    names,
                    authority,
                    leaf: Mutex::default(),
                }
            }
        };
        let tls = Tls {
            shown: Arc::new(shown),
            config: OnceLock::new(),
        };
        if let Some(path) = &wanted.ca_file {
            let pem = tls
                .ca_pem()
                .expect("there is an authority where no certificate is the user's own");
            std::fs::write(path, pem).map_err(|error| Unfit {
                reason: format!("cannot write the authority to `{}`: {error}", path.display()),
                hint: "`--ca-file` names a file in a folder that is there and takes files",
            })?;
        }
        if wanted.at_start {
            tls.shown.certificate();
            tls.config();
        }
        Ok(tls)
    }

    /// The certificate of the authority that clients must trust, in PEM; `None` where the certificate is the user's own.
    pub fn ca_pem(&self) -> Option<&str> {
        match &*self.shown {
            Shown::Own(_) => None,
            Shown::Made { names, authority, .. } => {
                Some(authority.get_or_init(|| Box::new(Authority::new(names))).pem())
            }
        }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.get_or_init(|| {
            let config = ServerConfig::builder_with_provider(provider());
            let config = config
                .with_safe_default_protocol_versions()
                .expect("the provider speaks TLS 1.2 and 1.3");
            let mut config = config.with_no_client_auth().with_cert_resolver(self.shown.clone());
            config.alpn_protocols = vec![ALPN_PROTOCOL.to_vec()];
            Arc::new(config)
        });
        config.clone()
    }
}

impl Shown {
    fn certificate(&self) -> Arc<CertifiedKey> {
        match self {
            Shown::Own(own) => own.clone(),
            Shown::Made { names, authority, leaf } => {
                let now = real_now();
                let mut leaf = leaf.lock();
                if let Some((since, leaf)) = &*leaf
                    && now - since < SHOWN
                {
                    return leaf.clone();
                }
                let made = Arc::new(
                    authority
                        .get_or_init(|| Box::new(Authority::new(names)))
                        .issue(names, now),
                );
                *leaf = Some((now, made.clone()));
                made
            }
        }
    }
}

/// Nothing secret.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    /// Shows the certificate whatever name is asked for: a client that cares tells its user what the certificate is for, which is
    /// more than any alert could.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let (Shown::Made { names, .. }, Some(asked)) = (self, hello.server_name())
            && !names.iter().any(|name| name.to_str().eq_ignore_ascii_case(asked))
        {
            tracing::info!(
                "a TLS client asks for `{asked}`, which the certificate is not for; `--tls-name {asked}` adds it"
            );
        }
        Some(self.certificate())
    }
}

/// Says why a handshake came to nothing, where somebody may look for it.
pub(super) fn tell(error: &io::Error) {
    let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else {
        tracing::debug!("a TLS client has gone before it was answered: {error}");
        return;
    };
    match error {
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        ) => tracing::info!(
            "a TLS client does not trust the certificate ({error}): give it the authority that `GET /_mock/ca.pem` tells"
        ),
        Error::AlertReceived(_) => tracing::info!("a TLS client has given up: {error}"),
        Error::PeerIncompatible(_) => {
            tracing::info!("a TLS client speaks nothing of TLS 1.2 and 1.3 that the emulator does: {error}");
        }
        _ => tracing::info!("a TLS client sends what is no TLS: {error}"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// Every name that a client may use.
fn names(further: &[String], bound: Option<IpAddr>) -> Result<Vec<ServerName<'static>>, Unfit> {
    let name = |text: &str| {
        ServerName::try_from(text.to_owned()).map_err(|_| Unfit {
            reason: format!("`{text}` is neither a host name nor an address that a certificate could be for"),
            hint: "`--tls-name` takes one name at a time, without a port and without wildcards",
        })
    };
    let fixed = VENDORS_HOSTS.into_iter().chain(["localhost"]).map(name);
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let bound = bound.filter(|bound: &IpAddr| !bound.is_unspecified());
    let addresses = loopback
        .into_iter()
        .chain(bound)
        .map(|address: IpAddr| Ok(address.into()));
    let mut names: Vec<ServerName<'static>> = fixed.chain(addresses).collect::<Result<_, _>>()?;
    for text in further {
        let name = name(&text.to_ascii_lowercase())?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Reads a certificate, with those that lead to its authority, and its key.
fn own(certificate: &Path, key: &Path) -> Result<CertifiedKey, Unfit> {
    let unfit = |path: &Path, reason: String| Unfit {
        reason: format!("cannot use `{}` for TLS: {reason}", path.display()),
        hint: "`--tls-cert` names a PEM file with the certificate and those that lead to its authority, `--tls-key` one with its key",
    };
    let read = |path: &Path| std::fs::read(path).map_err(|error| unfit(path, error.to_string()));
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unfit(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unfit(certificate, "there is no certificate in it".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| unfit(key, "there is no private key in it".to_owned()))?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => unfit(key, format!("it is not the key of `{}`", certificate.display())),
        error => unfit(certificate, error.to_string()),
    })
}
