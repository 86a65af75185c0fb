//! The files that clients are pointed at: whom to trust, and how the mock is reached where a variable cannot tell.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::NamedTempFile;

use super::Failure;
use super::address::Address;
use super::truststore;

/// Begins every file of certificates that was written here, so that it is not taken for the system's.
const MARK: &str = "# Written by yotpo-mock.\n";

/// What leads a certificate in PEM, and what ends it.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Where systems keep the authorities that they trust, in one file.
const ROOTS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

const NODE: &str = include_str!("node.cjs");

/// The files of one mock, in one folder. Their paths are absolute and UTF-8.
pub struct Files {
    /// The certificates that are to be trusted, in PEM.
    pub authorities: String,
    /// The same for Java.
    pub truststore: String,
    /// What Node loads before anything else.
    pub node: String,
    /// The folder that PHP looks through for settings.
    pub php: String,
}

impl Files {
    /// Writes them. A file is there whole or not at all, whoever else writes or reads it meanwhile.
    ///
    /// # Errors
    ///
    /// If the folder does not take them, if its path cannot stand in a variable, if `authority` is no certificate, or if the
    /// system's roots are asked for and not to be found.
    pub fn write(folder: &Path, mock: &Address, authority: &str, with_roots: bool) -> Result<Files, Failure> {
        let folder = std::path::absolute(folder).map_err(|error| unwritable(folder, &error))?;
        let path = |name: &str| {
            let path = folder.join(name).into_os_string().into_string();
            let path = path.ok().filter(|path| !path.contains(['\n', '\r']));
            path.ok_or_else(|| unwritable(&folder, &"its name is not UTF-8 or has more than one line"))
        };
        let files = Files {
            authorities: path("ca.pem")?,
            truststore: path("truststore.p12")?,
            node: path("yotpo-mock.cjs")?,
            php: path("php")?,
        };
        // PHP takes a list of folders here.
        if cfg!(unix) && files.php.contains(':') {
            return Err(unwritable(&folder, &"PHP takes no folder whose name has a `:`"));
        }
        let roots = if with_roots { roots()? } else { String::new() };
        let authorities = format!("{MARK}{}\n{roots}", authority.trim_end());
        let certificates = certificates(&authorities);
        let is_certificate = authority.contains(BEGIN);
        let certificates = certificates.filter(|_| is_certificate).ok_or_else(|| Failure {
            error: "what clients are to trust is no certificate".to_owned(),
            hint: "it is `-----BEGIN CERTIFICATE-----` and what follows, as `GET /_mock/ca.pem` tells it".to_owned(),
        })?;
        let node = NODE
            .replace("$HOST", &json!(mock.bare_host()).to_string())
            .replace("$PORT", &mock.port.to_string());
        let quoted = quoted_for_php(&files.authorities);
        let ini = format!("; Written by yotpo-mock.\ncurl.cainfo = {quoted}\nopenssl.cafile = {quoted}\n");
        let written = [
            (&*files.authorities, authorities.as_bytes()),
            (&*files.truststore, &*truststore::pkcs12(&certificates)),
            (&*files.node, node.as_bytes()),
            (&*format!("{}/yotpo-mock.ini", files.php), ini.as_bytes()),
        ]
        .into_iter()
        .try_for_each(|(path, bytes)| put(Path::new(path), bytes));
        written.map_err(|error| unwritable(&folder, &error))?;
        Ok(files)
    }
}

/// Where the files of a mock are kept unless told otherwise: in the user's own cache, so that they last.
///
/// # Errors
///
/// If the user has no such place.
pub fn folder_of(mock: &Address) -> Result<PathBuf, Failure> {
    let from = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let cache = if cfg!(windows) {
        from("LOCALAPPDATA")
    } else {
        from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")))
    };
    let cache = cache.ok_or_else(|| Failure {
        error: "there is no folder for the files that clients need: `HOME` is not set".to_owned(),
        hint: "`--dir DIR` names one".to_owned(),
    })?;
    let name = format!("{}-{}", mock.bare_host(), mock.port).replace(':', "_");
    Ok(cache.join("yotpo-mock").join(name))
}

/// Reads certificates that the user has named.
///
/// # Errors
///
/// If there is no such file, or it is no text.
pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure {
        error: format!("cannot read the certificate in `{}`: {error}", path.display()),
        hint: "it is a file in PEM, as `openssl x509` shows it".to_owned(),
    })
}

/// Puts a file in its place, in one step. Nobody but its owner may change it, and its folder is made where it is missing.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().expect("a file is in a folder");
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// The authorities that this system trusts, in PEM.
fn roots() -> Result<String, Failure> {
    let own = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let places = own.into_iter().chain(ROOTS.map(PathBuf::from));
    let mut read = places.filter_map(|path| fs::read_to_string(path).ok());
    let found = read.find(|text| text.contains(BEGIN) && !text.starts_with(MARK));
    found.ok_or_else(|| Failure {
        error: "the certificates that this system trusts are not to be found, and what is let through needs them"
            .to_owned(),
        hint: "`SSL_CERT_FILE` names the file where they are, in PEM".to_owned(),
    })
}

/// The certificates of a PEM file, in DER; `None` if one is broken.
fn certificates(pem: &str) -> Option<Vec<Vec<u8>>> {
    let blocks = pem.split(BEGIN).skip(1);
    let decoded = blocks.map(|block| {
        let (text, _) = block.split_once(END)?;
        STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
    });
    decoded.collect()
}

/// A value of a PHP ini file: in single quotes it stands for itself.
fn quoted_for_php(text: &str) -> String {
    if text.contains('\'') {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        format!("\"{escaped}\"")
    } else {
        format!("'{text}'")
    }
}

fn unwritable(folder: &Path, reason: &impl ToString) -> Failure {
    Failure {
        error: format!(
            "cannot write the files that clients need to `{}`: {}",
            folder.display(),
            reason.to_string()
        ),
        hint: "`--dir DIR` names a folder that takes them".to_owned(),
    }
}
