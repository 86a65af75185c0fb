//! The variables by which a client that knows nothing of a mock comes to it.

use std::fmt::Write;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::address::Address;
use super::files::Files;

/// The vendor's hosts: no exception may lead past the mock to them.
const VENDOR: [&str; 2] = ["api.yotpo.com", "developers.yotpo.com"];

/// What is never asked for through a proxy.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Makes Node load a file before anything else.
const NODE_REQUIRE: &str = "--require ";

/// How variables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for a POSIX shell: eval "$(yotpo-mock env)"
    #[default]
    Sh,
    /// A file for dotenv libraries; they differ in how they read a value with both kinds of quotes.
    Dotenv,
    /// One object.
    Json,
    /// Lines for the file that $GITHUB_ENV names; GitHub refuses NODE_OPTIONS there, so that it is left out.
    Github,
}

/// Where a client finds its store.
pub struct Account {
    pub id: String,
    pub secret: String,
}

/// The variables, and what the user should hear of them.
pub struct Environment {
    pub variables: Vec<(&'static str, String)>,
    pub remarks: Vec<String>,
}

impl Environment {
    /// What leads to a mock, on top of what is set already: `existing` gives a variable's value.
    pub fn of(
        mock: &Address,
        account: &Account,
        files: &Files,
        existing: impl Fn(&str) -> Option<String>,
    ) -> Environment {
        let existing = |name: &str| existing(name).filter(|value| !value.trim().is_empty());
        let mut remarks = Vec::new();
        let direct = direct(
            mock,
            existing("no_proxy").or_else(|| existing("NO_PROXY")),
            &mut remarks,
        );
        let list = direct.join(",");
        let url = mock.url();
        let php = match existing("PHP_INI_SCAN_DIR") {
            // An empty part of the list stands for the folder that PHP was built with.
            None => format!("{}{}", if cfg!(windows) { ";" } else { ":" }, files.php),
            Some(known) if known.ends_with(&*files.php) => known,
            Some(known) => format!("{known}{}{}", if cfg!(windows) { ";" } else { ":" }, files.php),
        };
        let variables = vec![
            ("HTTP_PROXY", url.clone()),
            ("http_proxy", url.clone()),
            ("HTTPS_PROXY", url.clone()),
            ("https_proxy", url.clone()),
            ("NO_PROXY", list.clone()),
            ("no_proxy", list),
            ("SSL_CERT_FILE", files.authorities.clone()),
            ("REQUESTS_CA_BUNDLE", files.authorities.clone()),
            ("CURL_CA_BUNDLE", files.authorities.clone()),
            ("NODE_EXTRA_CA_CERTS", files.authorities.clone()),
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
            ("NODE_OPTIONS", node_options(&files.node, existing("NODE_OPTIONS"))),
            ("PHP_INI_SCAN_DIR", php),
            (
                "JAVA_TOOL_OPTIONS",
                java_options(mock, &direct, &files.truststore, existing("JAVA_TOOL_OPTIONS")),
            ),
            ("YOTPO_API_URL", url),
            ("YOTPO_STORE_ID", account.id.clone()),
            ("YOTPO_STORE_SECRET", account.secret.clone()),
        ];
        Environment { variables, remarks }
    }

    /// As a format has it, with a line break at the end.
    pub fn written(&self, format: Format) -> String {
        let mut text = String::new();
        match format {
            Format::Sh => self.each(|name, value| writeln!(text, "export {name}={}", quoted_for_sh(value))),
            Format::Dotenv => self.each(|name, value| writeln!(text, "{name}={}", quoted_for_dotenv(value))),
            Format::Json => {
                let variables = self.variables.iter();
                let object: Map<_, _> = variables
                    .map(|(name, value)| ((*name).to_owned(), Value::from(&**value)))
                    .collect();
                text = format!("{:#}\n", Value::Object(object));
            }
            Format::Github => self.each(|name, value| match (name, value.contains('\n')) {
                ("NODE_OPTIONS", _) => Ok(()),
                (_, false) => writeln!(text, "{name}={value}"),
                (_, true) => {
                    let mut end = "END".to_owned();
                    while value.contains(&end) {
                        end.push('_');
                    }
                    writeln!(text, "{name}<<{end}\n{value}\n{end}")
                }
            }),
        }
        text
    }

    fn each(&self, mut write: impl FnMut(&str, &str) -> std::fmt::Result) {
        for (name, value) in &self.variables {
            write(name, value).expect("a text takes everything");
        }
    }
}

/// The hosts that are asked for without the proxy: loopback, the mock, and those that the user has named before, but for names
/// that stand for the vendor, too.
fn direct(mock: &Address, existing: Option<String>, remarks: &mut Vec<String>) -> Vec<String> {
    let mut hosts: Vec<String> = LOOPBACK.map(str::to_owned).to_vec();
    let existing = existing.unwrap_or_default();
    let named = existing
        .split(|letter: char| letter == ',' || letter.is_whitespace())
        .filter(|host| !host.is_empty());
    for host in [mock.bare_host()].into_iter().chain(named) {
        if is_for_the_vendor(host) {
            remarks.push(format!("`{host}` of NO_PROXY is left out: it would lead past the mock"));
        } else if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// Whether an exception from the proxy holds for one of the vendor's hosts.
fn is_for_the_vendor(exception: &str) -> bool {
    let name = exception.split(':').next().unwrap_or_default().to_lowercase();
    let name = name.trim_start_matches('*').trim_start_matches('.');
    exception == "*"
        || (!name.is_empty()
            && VENDOR.iter().any(|host| {
                host.strip_suffix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }))
}

/// What Node is started with: what it was before, less the file of another mock.
fn node_options(file: &str, existing: Option<String>) -> String {
    let ours = if file.contains([' ', '"']) {
        format!("\"{}\"", file.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        file.to_owned()
    };
    let mut parts = existing.as_deref().unwrap_or_default().split(NODE_REQUIRE);
    let mut options = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = if part.starts_with('"') {
            "yotpo-mock.cjs\""
        } else {
            "yotpo-mock.cjs"
        };
        match part.split_once(end) {
            Some((path, rest)) if !path.trim_start_matches('"').contains('"') => options.push_str(rest.trim_start()),
            _ => options.extend([NODE_REQUIRE, part]),
        }
    }
    format!("{} {NODE_REQUIRE}{ours}", options.trim())
        .trim_start()
        .to_owned()
}

/// What Java is started with; of an option that is there twice, the last holds.
fn java_options(mock: &Address, direct: &[String], truststore: &str, existing: Option<String>) -> String {
    let (host, port) = (mock.bare_host(), mock.port);
    let hosts = direct.iter().map(|host| match host.strip_prefix('.') {
        Some(domain) => format!("*.{domain}"),
        None if host.contains(':') && !host.contains('[') => format!("[{host}]"),
        None => host.clone(),
    });
    let hosts = hosts.collect::<Vec<_>>().join("|");
    let ours = [
        format!("-Dhttp.proxyHost={host}"),
        format!("-Dhttp.proxyPort={port}"),
        format!("-Dhttps.proxyHost={host}"),
        format!("-Dhttps.proxyPort={port}"),
        format!("-Dhttp.nonProxyHosts={hosts}"),
        format!("-Djavax.net.ssl.trustStore={truststore}"),
        "-Djavax.net.ssl.trustStoreType=PKCS12".to_owned(),
    ];
    let ours = ours.map(|option| quoted_for_java(&option)).join(" ");
    match existing {
        Some(known) if known.ends_with(&ours) => known,
        Some(known) => format!("{known} {ours}"),
        None => ours,
    }
}

/// A word of JAVA_TOOL_OPTIONS. Either quote holds blanks and the other quote together; nothing is escaped.
fn quoted_for_java(word: &str) -> String {
    if !word.contains(|letter: char| letter.is_whitespace() || letter == '"' || letter == '\'') {
        return word.to_owned();
    }
    let parts = word.split('"').map(|part| format!("\"{part}\""));
    parts.collect::<Vec<_>>().join("'\"'")
}

/// In single quotes everything stands for itself.
pub fn quoted_for_sh(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Bare where nothing in it means anything, in single quotes where these do, and else in double quotes with escapes: the readers
/// of such files agree on no more.
fn quoted_for_dotenv(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@%+".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\n', '\\']) {
        return format!("'{value}'");
    }
    let mut quoted = String::new();
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\\' | '"' | '$' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    format!("\"{quoted}\"")
}
