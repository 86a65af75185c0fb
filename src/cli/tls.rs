//! The flags of a build that speaks TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use yotpo_mock::Builder;

/// What is shown to clients that speak TLS, and whom they must trust for it.
#[derive(Debug, Args)]
pub struct Tls {
    /// A further name or address that the certificate is for and the proxy knows. May be repeated.
    #[arg(long, value_name = "NAME", value_delimiter = '\n')]
    tls_name: Vec<String>,
    /// Keep the authority that issues the certificates in a folder, for a year; without this each start makes a new one.
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// Write the certificate that clients must trust to a file at the start; `GET /_mock/ca.pem` tells it, too.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Show a certificate of your own, in PEM, with those that lead to its authority.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl Tls {
    /// The user's own certificate, which is shown in the place of one by the mock's authority.
    pub fn cert(&self) -> Option<&Path> {
        self.tls_cert.as_deref()
    }

    pub fn into_builder(self, builder: Builder) -> Builder {
        let names = self.tls_name.into_iter().filter(|name| !name.is_empty());
        let builder = names.fold(builder, Builder::tls_name);
        let builder = self.ca_dir.iter().fold(builder, Builder::ca_dir);
        let builder = self.ca_file.iter().fold(builder, Builder::ca_file);
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => builder.tls_cert(certificate, key),
            _ => builder,
        }
    }
}
