//! The environment variables that route an unmodified client to an emulator.

use std::fmt::Write;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::address::MockAddress;
use super::client_files::ClientFiles;

/// Yotpo's hosts, which no exception of `NO_PROXY` may exclude from the proxy.
const YOTPO_HOSTS: [&str; 2] = ["api.yotpo.com", "developers.yotpo.com"];

/// Hosts that clients reach without the proxy.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Node's option to load a file before the program.
const NODE_REQUIRE: &str = "--require ";

/// Separates folders in a list.
const PATH_SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// Format of the printed variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For a POSIX shell: eval "$(yotpo-mock env)"
    #[default]
    Sh,
    /// A file for dotenv libraries, which disagree about values with both kinds of quotes.
    Dotenv,
    /// A JSON object.
    Json,
    /// For the file $GITHUB_ENV; without NODE_OPTIONS, which GitHub rejects there.
    Github,
}

/// The store that a client uses.
pub struct StoreCredentials {
    pub id: String,
    pub secret: String,
}

/// Variables for a client's environment.
pub struct ClientEnvironment {
    pub variables: Vec<(&'static str, String)>,
    /// Warnings about variables that are already set.
    pub warnings: Vec<String>,
}

impl ClientEnvironment {
    /// The variables for an emulator. They keep settings that are already there; `existing` returns a variable's current value.
    pub fn new(
        mock: &MockAddress,
        store: &StoreCredentials,
        files: &ClientFiles,
        existing: impl Fn(&str) -> Option<String>,
    ) -> ClientEnvironment {
        let existing = |name: &str| existing(name).filter(|value| !value.trim().is_empty());
        let mut warnings = Vec::new();
        let existing_no_proxy = existing("no_proxy").or_else(|| existing("NO_PROXY"));
        let no_proxy = no_proxy_hosts(mock, existing_no_proxy, &mut warnings);
        let no_proxy_list = no_proxy.join(",");
        let url = mock.url();
        let php = match existing("PHP_INI_SCAN_DIR") {
            // An empty element is the folder that PHP was built with.
            None => format!("{PATH_SEPARATOR}{}", files.php_folder),
            Some(known) if known.ends_with(&*files.php_folder) => known,
            Some(known) => format!("{known}{PATH_SEPARATOR}{}", files.php_folder),
        };
        let variables = vec![
            ("HTTP_PROXY", url.clone()),
            ("http_proxy", url.clone()),
            ("HTTPS_PROXY", url.clone()),
            ("https_proxy", url.clone()),
            ("NO_PROXY", no_proxy_list.clone()),
            ("no_proxy", no_proxy_list),
            ("SSL_CERT_FILE", files.ca_bundle.clone()),
            ("REQUESTS_CA_BUNDLE", files.ca_bundle.clone()),
            ("CURL_CA_BUNDLE", files.ca_bundle.clone()),
            ("NODE_EXTRA_CA_CERTS", files.ca_bundle.clone()),
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
            ("NODE_OPTIONS", node_options(&files.node_script, existing("NODE_OPTIONS"))),
            ("PHP_INI_SCAN_DIR", php),
            ("JAVA_TOOL_OPTIONS", java_options(mock, &no_proxy, &files.truststore, existing("JAVA_TOOL_OPTIONS"))),
            ("YOTPO_API_URL", url),
            ("YOTPO_STORE_ID", store.id.clone()),
            ("YOTPO_STORE_SECRET", store.secret.clone()),
        ];
        ClientEnvironment { variables, warnings }
    }

    /// The variables in a format, with a line break at the end.
    pub fn render(&self, format: OutputFormat) -> String {
        let mut text = String::new();
        match format {
            OutputFormat::Sh => self.write_each(|name, value| writeln!(text, "export {name}={}", quote_for_sh(value))),
            OutputFormat::Dotenv => self.write_each(|name, value| writeln!(text, "{name}={}", quote_for_dotenv(value))),
            OutputFormat::Json => {
                let variables = self.variables.iter();
                let object: Map<_, _> =
                    variables.map(|(name, value)| ((*name).to_owned(), Value::from(&**value))).collect();
                text = format!("{:#}\n", Value::Object(object));
            }
            OutputFormat::Github => self.write_each(|name, value| match (name, value.contains('\n')) {
                ("NODE_OPTIONS", _) => Ok(()),
                (_, false) => writeln!(text, "{name}={value}"),
                (_, true) => {
                    let mut delimiter = "END".to_owned();
                    while value.contains(&delimiter) {
                        delimiter.push('_');
                    }
                    writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}")
                }
            }),
        }
        text
    }

    fn write_each(&self, mut write: impl FnMut(&str, &str) -> std::fmt::Result) {
        for (name, value) in &self.variables {
            write(name, value).expect("writing to a string does not fail");
        }
    }
}

/// The hosts that clients reach without the proxy: loopback, the emulator, and the user's existing exceptions, except those that
/// match a host of Yotpo's.
fn no_proxy_hosts(mock: &MockAddress, existing: Option<String>, warnings: &mut Vec<String>) -> Vec<String> {
    let mut hosts: Vec<String> = LOOPBACK.map(str::to_owned).to_vec();
    let existing = existing.unwrap_or_default();
    let named = existing.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|host| !host.is_empty());
    for host in [mock.bare_host()].into_iter().chain(named) {
        if matches_yotpo(host) {
            warnings.push(format!("`{host}` of NO_PROXY is left out: requests to Yotpo would bypass the emulator"));
        } else if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// Whether an exception of `NO_PROXY` matches one of Yotpo's hosts.
fn matches_yotpo(exception: &str) -> bool {
    let name = exception.split(':').next().unwrap_or_default().to_lowercase();
    let name = name.trim_start_matches('*').trim_start_matches('.');
    exception == "*"
        || (!name.is_empty()
            && YOTPO_HOSTS
                .iter()
                .any(|host| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))))
}

/// The existing NODE_OPTIONS with our script, which replaces that of another emulator.
fn node_options(script: &str, existing: Option<String>) -> String {
    let script = if script.contains([' ', '"']) {
        format!("\"{}\"", script.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        script.to_owned()
    };
    let mut parts = existing.as_deref().unwrap_or_default().split(NODE_REQUIRE);
    let mut options = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = if part.starts_with('"') { "yotpo-mock.cjs\"" } else { "yotpo-mock.cjs" };
        match part.split_once(end) {
            Some((path, rest)) if !path.trim_start_matches('"').contains('"') => options.push_str(rest.trim_start()),
            _ => options.extend([NODE_REQUIRE, part]),
        }
    }
    format!("{} {NODE_REQUIRE}{script}", options.trim()).trim_start().to_owned()
}

/// The existing JAVA_TOOL_OPTIONS with ours at the end: the last of two equal options takes effect.
fn java_options(mock: &MockAddress, no_proxy: &[String], truststore: &str, existing: Option<String>) -> String {
    let (host, port) = (mock.bare_host(), mock.port);
    let hosts = no_proxy.iter().map(|host| match host.strip_prefix('.') {
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
    let ours = ours.map(|option| quote_for_java(&option)).join(" ");
    match existing {
        Some(known) if known.ends_with(&ours) => known,
        Some(known) => format!("{known} {ours}"),
        None => ours,
    }
}

/// Quotes a word of JAVA_TOOL_OPTIONS, which has no escapes: each kind of quote protects spaces and the other kind.
fn quote_for_java(word: &str) -> String {
    if !word.contains(|letter: char| letter.is_whitespace() || letter == '"' || letter == '\'') {
        return word.to_owned();
    }
    let parts = word.split('"').map(|part| format!("\"{part}\""));
    parts.collect::<Vec<_>>().join("'\"'")
}

/// Quotes a word for a POSIX shell.
pub fn quote_for_sh(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Quotes a value as most dotenv libraries read it: plain if possible, else in single quotes, else in double quotes with escapes.
fn quote_for_dotenv(value: &str) -> String {
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
