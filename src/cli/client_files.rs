//! The files that the variables refer to: the CA to trust, and settings that Node and PHP read from files only.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::NamedTempFile;

use super::address::MockAddress;
use super::error::CliError;
use super::truststore;

/// The first line of our CA bundles. A nested emulator must not take an outer emulator's bundle for the system's.
const BUNDLE_HEADER: &str = "# Written by yotpo-mock.\n";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Where systems keep the CAs that they trust, in one file.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

const NODE_SCRIPT: &str = include_str!("node.cjs");

/// The paths of one emulator's files, absolute and valid UTF-8.
pub struct ClientFiles {
    /// The certificates to trust, in PEM.
    pub ca_bundle: String,
    /// The same for Java.
    pub truststore: String,
    /// A script that Node loads before the program.
    pub node_script: String,
    /// A folder that PHP scans for settings.
    pub php_folder: String,
}

impl ClientFiles {
    /// Writes the files of an emulator. Each replaces its predecessor atomically.
    ///
    /// # Errors
    ///
    /// If the folder is not writable, if its path does not fit into a variable, if `ca_certificate` is not in PEM, or if the
    /// system's CAs are requested and not found.
    pub fn write(
        folder: &Path,
        mock: &MockAddress,
        ca_certificate: &str,
        with_system_roots: bool,
    ) -> Result<ClientFiles, CliError> {
        let write_error = |source| CliError::WriteClientFiles { folder: folder.to_owned(), source };
        let absolute = std::path::absolute(folder).map_err(write_error)?;
        let path = |name: &str| {
            let path = absolute.join(name).into_os_string().into_string();
            let path = path.ok().filter(|path| !path.contains(['\n', '\r']));
            path.ok_or_else(|| write_error(io::Error::other("its name is not UTF-8 or contains a line break")))
        };
        let files = ClientFiles {
            ca_bundle: path("ca.pem")?,
            truststore: path("truststore.p12")?,
            node_script: path("yotpo-mock.cjs")?,
            php_folder: path("php")?,
        };
        // `PHP_INI_SCAN_DIR` is a list of folders.
        if cfg!(unix) && files.php_folder.contains(':') {
            return Err(write_error(io::Error::other("its name contains a `:`, which separates folders for PHP")));
        }
        let system_roots = if with_system_roots { system_roots()? } else { String::new() };
        let ca_bundle = format!("{BUNDLE_HEADER}{}\n{system_roots}", ca_certificate.trim_end());
        let certificates = Some(decode_pem(&ca_bundle))
            .filter(|_| ca_certificate.contains(BEGIN))
            .flatten()
            .ok_or(CliError::InvalidCertificate)?;
        let node_script =
            NODE_SCRIPT.replace("$HOST", &json!(mock.bare_host()).to_string()).replace("$PORT", &mock.port.to_string());
        let quoted = quote_for_php(&files.ca_bundle);
        let ini = format!("; Written by yotpo-mock.\ncurl.cainfo = {quoted}\nopenssl.cafile = {quoted}\n");
        for (path, bytes) in [
            (&*files.ca_bundle, ca_bundle.as_bytes()),
            (&*files.truststore, &*truststore::to_pkcs12(&certificates)),
            (&*files.node_script, node_script.as_bytes()),
            (&*format!("{}/yotpo-mock.ini", files.php_folder), ini.as_bytes()),
        ] {
            write_atomically(Path::new(path), bytes).map_err(write_error)?;
        }
        Ok(files)
    }
}

/// The default folder of an emulator's files, in the user's cache: they must outlive `yotpo-mock env`.
pub fn cache_folder(mock: &MockAddress) -> Result<PathBuf, CliError> {
    let from = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let cache = if cfg!(windows) {
        from("LOCALAPPDATA")
    } else {
        from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")))
    };
    let name = format!("{}-{}", mock.bare_host(), mock.port).replace(':', "_");
    Ok(cache.ok_or(CliError::NoCacheFolder)?.join("yotpo-mock").join(name))
}

/// Reads a certificate in PEM.
pub fn read_certificate(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|source| CliError::ReadCertificate { path: path.to_owned(), source })
}

/// Writes or replaces a file in one step, and creates its folder. Only the owner can read or write both.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

/// The CAs that this system trusts, in PEM.
fn system_roots() -> Result<String, CliError> {
    let from_env = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    from_env
        .into_iter()
        .chain(SYSTEM_BUNDLES.map(PathBuf::from))
        .filter_map(|path| fs::read_to_string(path).ok())
        .find(|text| text.contains(BEGIN) && !text.starts_with(BUNDLE_HEADER))
        .ok_or(CliError::NoSystemRoots)
}

/// The certificates of a PEM file in DER, or `None` if one is malformed.
fn decode_pem(pem: &str) -> Option<Vec<Vec<u8>>> {
    let blocks = pem.split(BEGIN).skip(1);
    let decoded = blocks.map(|block| {
        let (text, _) = block.split_once(END)?;
        STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
    });
    decoded.collect()
}

/// Quotes a value of a PHP ini file: single quotes have no escapes, so a value with one needs double quotes.
fn quote_for_php(text: &str) -> String {
    if text.contains('\'') {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        format!("\"{escaped}\"")
    } else {
        format!("'{text}'")
    }
}
