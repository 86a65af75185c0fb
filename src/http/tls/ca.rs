//! The certificate authority (CA): it issues the certificates that the server presents. By its name constraints, trusting it
//! means to trust it for the emulator's names only.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::provider;
use crate::domain::text::join_quoted;
use crate::os::{create_private, is_shared};
use crate::world::clock::real_now;

/// The validity of a CA: long, since users install it in trust stores.
const CA_VALIDITY: TimeDelta = TimeDelta::days(365);

const CERTIFICATE_VALIDITY: TimeDelta = TimeDelta::days(1);

/// How far a client's clock may be behind.
const CLOCK_SKEW: TimeDelta = TimeDelta::hours(1);

const CERTIFICATE_FILE: &str = "ca.pem";

/// Holds the key, and a copy of the certificate, so that both are always replaced together.
const KEY_FILE: &str = "ca-key.pem";

pub(super) struct CertificateAuthority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The reason why a stored CA cannot be used.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it has expired")]
    Expired,
    #[error("it does not cover {}", join_quoted(.0))]
    UncoveredNames(Vec<String>),
    #[error("`{KEY_FILE}` {0}")]
    Invalid(&'static str),
    #[error("others can read or change `{KEY_FILE}`, and so pretend to be the emulator")]
    Shared,
}

impl LoadError {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            LoadError::Io(_) => "`--ca-dir` is a folder that this user owns or can create",
            LoadError::UncoveredNames(_) => {
                "remove the folder, or name another, to create an authority for all names; then give clients the new `ca.pem`"
            }
            LoadError::Shared => "if nobody has read it, `chmod 600` on the file; otherwise remove the folder",
            LoadError::Expired | LoadError::Invalid(_) => {
                "remove the folder to create a new authority; then give clients the new `ca.pem`"
            }
        }
    }
}

impl CertificateAuthority {
    /// Creates a CA for these names, in memory.
    pub fn new(names: &[ServerName<'static>]) -> CertificateAuthority {
        CertificateAuthority::with_validity(CA_VALIDITY, names)
    }

    fn with_validity(validity: TimeDelta, names: &[ServerName<'static>]) -> CertificateAuthority {
        let mut params = params("yotpo-mock certificate authority", real_now(), validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names.iter().map(subtree).collect(),
            excluded_subtrees: Vec::new(),
        });
        let key = new_key();
        let certificate = params.self_signed(&key).expect("valid names can be signed");
        CertificateAuthority { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Loads the CA that is stored in a folder. If there is none, or it has expired, creates and stores a new one.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, or the stored CA is invalid or does not cover all names.
    pub fn load_or_create(dir: &Path, names: &[ServerName<'static>]) -> Result<CertificateAuthority, LoadError> {
        let path = dir.join(KEY_FILE);
        fs::create_dir_all(dir)?;
        let ca = loop {
            match CertificateAuthority::load(&path, names) {
                Ok(ca) => break ca,
                // Another process may store one first; then the next round loads that.
                Err(LoadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    CertificateAuthority::new(names).store(&path, false)?;
                }
                Err(LoadError::Expired) => {
                    tracing::warn!(
                        "replaced the expired certificate authority in `{}`: its clients need the new `{CERTIFICATE_FILE}`",
                        dir.display()
                    );
                    CertificateAuthority::new(names).store(&path, true)?;
                }
                Err(error) => return Err(error),
            }
        };
        let certificate = dir.join(CERTIFICATE_FILE);
        if fs::read(&certificate).ok().as_deref() != Some(ca.pem.as_bytes()) {
            fs::write(certificate, &ca.pem)?;
        }
        Ok(ca)
    }

    fn load(path: &Path, names: &[ServerName<'static>]) -> Result<CertificateAuthority, LoadError> {
        let invalid = LoadError::Invalid;
        let mut file = File::open(path)?;
        if is_shared(&file.metadata()?) {
            return Err(LoadError::Shared);
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| invalid("contains no certificate"))?;
        let private_key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| invalid("contains no key"))?;
        let key = KeyPair::try_from(&private_key).map_err(|_| invalid("contains an invalid key"))?;
        CertifiedKey::from_der(vec![der.clone()], private_key, &provider())
            .map_err(|_| invalid("contains a key and a certificate that do not match"))?;
        let (_, certificate) =
            X509Certificate::from_der(&der).map_err(|_| invalid("contains an invalid certificate"))?;
        if certificate.validity().not_after.timestamp() < (real_now() + CERTIFICATE_VALIDITY).timestamp() {
            return Err(LoadError::Expired);
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)
            .map_err(|_| invalid("contains a certificate that is not of an authority"))?;
        let pem = first_certificate(&text).ok_or(invalid("contains no certificate"))?;
        let uncovered = uncovered_names(&certificate, names);
        match uncovered.is_empty() {
            true => Ok(CertificateAuthority { pem, issuer }),
            false => Err(LoadError::UncoveredNames(uncovered)),
        }
    }

    /// Writes the key file atomically, readable by its owner only. An existing file stays unless `replace` is set.
    fn store(&self, path: &Path, replace: bool) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", process::id()));
        let written = create_private(&temporary).and_then(|mut file| {
            write!(file, "{}{}", self.issuer.key().serialize_pem(), self.pem)?;
            file.sync_all()
        });
        let stored = written.and_then(|()| match replace {
            true => fs::rename(&temporary, path),
            // Unlike a rename, a link fails if the file exists.
            false => fs::hard_link(&temporary, path).or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            }),
        });
        // After a rename there is none.
        let _ = fs::remove_file(&temporary);
        stored
    }

    /// The certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for these names, valid from `now` on.
    pub fn issue(&self, names: &[ServerName<'static>], now: DateTime<Utc>) -> CertifiedKey {
        let names: Vec<_> = names.iter().map(|name| name.to_str().into_owned()).collect();
        let alternatives = CertificateParams::new(names).expect("the names are valid");
        let mut params = params("yotpo-mock", now, CERTIFICATE_VALIDITY);
        params.subject_alt_names = alternatives.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("valid names can be signed");
        let private_key = PrivateKeyDer::try_from(key.serialize_der()).expect("a new key is valid");
        CertifiedKey::from_der(vec![certificate.der().clone()], private_key, &provider())
            .expect("the key is the certificate's")
    }
}

/// The first certificate of a PEM text.
fn first_certificate(text: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let start = text.find("-----BEGIN CERTIFICATE-----")?;
    let length = text[start..].find(END)? + END.len();
    Some(format!("{}\n", &text[start..start + length]))
}

fn params(common_name: &str, now: DateTime<Utc>, validity: TimeDelta) -> CertificateParams {
    let date_time = |time: DateTime<Utc>| {
        let seconds = u64::try_from(time.timestamp()).expect("the clock is past 1970");
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time(now - CLOCK_SKEW);
    params.not_after = date_time(now + validity);
    params.use_authority_key_identifier_extension = true;
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("this system has random numbers")
}

/// The name constraint that permits a name.
fn subtree(name: &ServerName<'static>) -> GeneralSubtree {
    match name {
        ServerName::IpAddress(address) => {
            let address = (*address).into();
            let bits = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits))
        }
        name => GeneralSubtree::DnsName(name.to_str().into_owned()),
    }
}

/// The names that a CA's name constraints exclude. A CA without constraints covers all names.
fn uncovered_names(ca: &X509Certificate<'_>, names: &[ServerName<'static>]) -> Vec<String> {
    let constraints = ca.name_constraints().ok().flatten();
    let Some(permitted) = constraints.and_then(|constraints| constraints.value.permitted_subtrees.as_ref()) else {
        return Vec::new();
    };
    let is_covered = |name: &str| permitted.iter().any(|subtree| is_within(name, &subtree.base));
    let names = names.iter().map(|name| name.to_str().into_owned());
    names.filter(|name| !is_covered(name)).collect()
}

fn is_within(name: &str, subtree: &GeneralName<'_>) -> bool {
    match (subtree, name.parse()) {
        (GeneralName::DNSName(domain), Err(_)) => {
            let length = name.len().checked_sub(domain.len());
            length.is_some_and(|length| {
                name[length..].eq_ignore_ascii_case(domain) && (length == 0 || name[..length].ends_with('.'))
            })
        }
        (GeneralName::IPAddress(network), Ok(address)) => {
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let (base, mask) = network.split_at(network.len() / 2);
            base.len() == octets.len()
                && octets.iter().zip(mask).zip(base).all(|((octet, mask), base)| octet & mask == base & mask)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_that_expires_before_its_certificates_would_is_replaced() {
        let dir = std::env::temp_dir().join(format!("yotpo-mock-ca-{}", process::id()));
        let names = [ServerName::try_from("localhost").expect("a name")];
        fs::create_dir_all(&dir).expect("a folder");
        let old = CertificateAuthority::with_validity(CERTIFICATE_VALIDITY - TimeDelta::minutes(1), &names);
        old.store(&dir.join(KEY_FILE), false).expect("the folder is writable");
        let load = || CertificateAuthority::load_or_create(&dir, &names).expect("a usable CA");
        let new = load();
        assert_ne!(new.pem, old.pem);
        assert_eq!(load().pem, new.pem, "the new one is stored");
        let files = fs::read_dir(&dir).expect("the folder exists").count();
        assert_eq!(files, 2, "only the certificate and the key are left");
        fs::remove_dir_all(&dir).expect("the folder is removable");
    }
}
