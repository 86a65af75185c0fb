//! The authority: a certificate to be trusted for the emulator's names and for no others, and those that it issues.

use std::fs;
use std::io::{self, Write};
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
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::{Unfit, provider};
use crate::os::create_private;
use crate::world::clock::real_now;
use crate::world::text::join_quoted;

/// How long an authority lives: longer than any run, so that what was told to trust it need not be told again.
const LIFE: TimeDelta = TimeDelta::days(365);

/// How long a certificate lives that it issues.
const LEAF_LIFE: TimeDelta = TimeDelta::days(1);

/// How much a client's clock may be behind.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// The certificate, for everybody.
const CERTIFICATE_FILE: &str = "ca.pem";

/// The key, and the certificate once more so that the two never part.
const KEY_FILE: &str = "ca-key.pem";

/// What issues the certificates.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why a kept authority is of no use.
enum Useless {
    Expired,
    Invalid(String),
}

impl Authority {
    /// A new one, for these names. It is not yet kept anywhere.
    pub fn new(names: &[ServerName<'static>]) -> Authority {
        Authority::that_lives(LIFE, names)
    }

    fn that_lives(life: TimeDelta, names: &[ServerName<'static>]) -> Authority {
        let mut params = params("yotpo-mock certificate authority", real_now(), life);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names.iter().map(subtree).collect(),
            excluded_subtrees: Vec::new(),
        });
        let key = new_key();
        let certificate = params
            .self_signed(&key)
            .expect("names that were looked at can be signed");
        Authority {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The one that is kept in a folder; where there is none, or it has expired, a new one is, and the folder with it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, what is in it is broken, or it is not for all of these names.
    pub fn kept_in(folder: &Path, names: &[ServerName<'static>]) -> Result<Authority, Unfit> {
        let unfit = |reason: String, hint| Unfit {
            reason: format!("cannot use the authority in `{}`: {reason}", folder.display()),
            hint,
        };
        let failed = |error: io::Error| {
            let hint = "`--ca-dir` names a folder that is this user's own, or can be made";
            unfit(error.to_string(), hint)
        };
        let path = folder.join(KEY_FILE);
        fs::create_dir_all(folder).map_err(failed)?;
        let authority = loop {
            let kept = match fs::read_to_string(&path) {
                Ok(kept) => kept,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Authority::new(names).keep(&path, false).map_err(failed)?;
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            match Authority::read(&kept, names) {
                Ok((authority, strangers)) if strangers.is_empty() => break authority,
                Ok((_, strangers)) => {
                    let hint = "remove the folder, or name another, to have an authority made for all names; then its clients \
                                need the new `ca.pem`";
                    return Err(unfit(format!("it is not for {}", join_quoted(&strangers)), hint));
                }
                Err(Useless::Expired) => {
                    tracing::warn!(
                        "the authority in `{}` has expired, and a new one is in its place: its clients need the new `{CERTIFICATE_FILE}`",
                        folder.display()
                    );
                    Authority::new(names).keep(&path, true).map_err(failed)?;
                }
                Err(Useless::Invalid(reason)) => {
                    let hint = "remove the folder to have a new one made; then its clients need the new `ca.pem`";
                    return Err(unfit(reason, hint));
                }
            }
        };
        let certificate = folder.join(CERTIFICATE_FILE);
        if fs::read(&certificate).ok().as_deref() != Some(authority.pem.as_bytes()) {
            fs::write(certificate, &authority.pem).map_err(failed)?;
        }
        Ok(authority)
    }

    /// The certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names, valid from now on.
    pub fn issue(&self, names: &[ServerName<'static>], now: DateTime<Utc>) -> CertifiedKey {
        let names: Vec<_> = names.iter().map(|name| name.to_str().into_owned()).collect();
        let alternatives = CertificateParams::new(names).expect("the names were looked at");
        let mut params = params("yotpo-mock", now, LEAF_LIFE);
        params.subject_alt_names = alternatives.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("what was looked at can be signed");
        let secret = PrivateKeyDer::try_from(key.serialize_der()).expect("the key was just made");
        CertifiedKey::from_der(vec![certificate.der().clone()], secret, &provider())
            .expect("the key is the certificate's")
    }

    /// Reads what is kept; gives with it the names that it is not for.
    fn read(kept: &str, names: &[ServerName<'static>]) -> Result<(Authority, Vec<String>), Useless> {
        let broken = |what: &str| Useless::Invalid(format!("`{KEY_FILE}` {what}"));
        let der = CertificateDer::from_pem_slice(kept.as_bytes()).map_err(|_| broken("has no certificate in it"))?;
        let secret = PrivateKeyDer::from_pem_slice(kept.as_bytes()).map_err(|_| broken("has no key in it"))?;
        let key = KeyPair::try_from(&secret).map_err(|_| broken("has a key in it that is none"))?;
        CertifiedKey::from_der(vec![der.clone()], secret, &provider())
            .map_err(|_| broken("has a key and a certificate in it that do not belong together"))?;
        let (_, certificate) =
            X509Certificate::from_der(&der).map_err(|_| broken("has a certificate in it that is none"))?;
        if certificate.validity().not_after.timestamp() < (real_now() + LEAF_LIFE).timestamp() {
            return Err(Useless::Expired);
        }
        let strangers = names.iter().filter(|name| !is_for(&certificate, name));
        let strangers = strangers.map(|name| name.to_str().into_owned()).collect();
        let issuer =
            Issuer::from_ca_cert_der(&der, key).map_err(|_| broken("has a certificate in it that issues none"))?;
        let pem = only_certificate(kept).ok_or_else(|| broken("has no certificate in it"))?;
        Ok((Authority { pem, issuer }, strangers))
    }

    /// Writes it down whole, for its owner's eyes; where another one is there already, that stays unless it is to be replaced.
    fn keep(&self, path: &Path, replace: bool) -> io::Result<()> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", process::id()));
        let written = create_private(&temporary).and_then(|mut file| {
            write!(file, "{}{}", self.issuer.key().serialize_pem(), self.pem)?;
            file.sync_all()
        });
        let kept = written.and_then(|()| match replace {
            true => fs::rename(&temporary, path),
            // Of two emulators that start at once, one makes it and both use it.
            false => fs::hard_link(&temporary, path).or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            }),
        });
        // It may have become the file itself.
        let _ = fs::remove_file(&temporary);
        kept
    }
}

/// The first certificate of a PEM text, and nothing of the key beside it.
fn only_certificate(text: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let from = text.find("-----BEGIN CERTIFICATE-----")?;
    let length = text[from..].find(END)? + END.len();
    Some(format!("{}\n", &text[from..from + length]))
}

/// A certificate's name and life.
fn params(name: &str, now: DateTime<Utc>, life: TimeDelta) -> CertificateParams {
    let at = |moment: DateTime<Utc>| {
        let since_1970 = u64::try_from(moment.timestamp()).expect("it is later than 1970");
        date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970)
    };
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = at(now - SKEW);
    params.not_after = at(now + life);
    params.use_authority_key_identifier_extension = true;
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("this system has random numbers")
}

/// What an authority may issue certificates for, if it is for a name.
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

/// Whether an authority is for a name; one without constraints is for all.
fn is_for(authority: &X509Certificate<'_>, name: &ServerName<'static>) -> bool {
    let constraints = authority.name_constraints().ok().flatten();
    let Some(permitted) = constraints.and_then(|constraints| constraints.value.permitted_subtrees.as_ref()) else {
        return true;
    };
    let name = name.to_str();
    permitted.iter().any(|subtree| match (&subtree.base, name.parse()) {
        (GeneralName::DNSName(permitted), Err(_)) => {
            let above = name.len().checked_sub(permitted.len());
            above.is_some_and(|above| {
                name[above..].eq_ignore_ascii_case(permitted) && (above == 0 || name[..above].ends_with('.'))
            })
        }
        (GeneralName::IPAddress(permitted), Ok(address)) => {
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let (base, mask) = permitted.split_at(permitted.len() / 2);
            base.len() == octets.len()
                && octets
                    .iter()
                    .zip(mask)
                    .zip(base)
                    .all(|((octet, mask), base)| octet & mask == base & mask)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_expires_before_what_it_would_issue_is_replaced() {
        let folder = std::env::temp_dir().join(format!("yotpo-mock-authority-{}", process::id()));
        let names = [ServerName::try_from("localhost").expect("a name")];
        fs::create_dir_all(&folder).expect("a folder");
        let old = Authority::that_lives(LEAF_LIFE - TimeDelta::minutes(1), &names);
        old.keep(&folder.join(KEY_FILE), false).expect("the folder takes files");
        let kept = || Authority::kept_in(&folder, &names).unwrap_or_else(|unfit| panic!("{}", unfit.reason));
        let new = kept();
        assert_ne!(new.pem, old.pem);
        assert_eq!(kept().pem, new.pem, "the new one is kept");
        let files = fs::read_dir(&folder).expect("it is there").count();
        assert_eq!(files, 2, "nothing is left beside the certificate and the key");
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
