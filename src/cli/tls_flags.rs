//! The flags for TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use yotpo_mock::Builder;

use super::options::{heading, non_empty};

#[derive(Debug, Args)]
pub struct TlsFlags {
    /// Add a host name or address to the certificate and to the hosts that the proxy routes to the emulator. Repeatable.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "NAME", value_delimiter = '\n')]
    tls_name: Vec<String>,
    /// Keep the CA in this folder, valid for a year; otherwise each start creates a new one.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// Write the CA certificate that clients must trust to a file at the start; `GET /_mock/ca.pem` returns it, too.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Use your own certificate, a PEM file with its chain, instead of one that the emulator's CA issues.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of that certificate, a PEM file.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsFlags {
    /// The user's own certificate.
    pub fn certificate(&self) -> Option<&Path> {
        self.tls_cert.as_deref()
    }

    pub fn into_builder(self, builder: Builder) -> Builder {
        let builder = non_empty(self.tls_name).fold(builder, Builder::tls_name);
        let builder = self.ca_dir.iter().fold(builder, Builder::ca_dir);
        let builder = self.ca_file.iter().fold(builder, Builder::ca_file);
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => builder.tls_cert(certificate, key),
            _ => builder,
        }
    }
}
