//! The environment variable of each flag: `YOTPO_MOCK_RATE_LIMIT` for `--rate-limit`.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction};

const PREFIX: &str = "YOTPO_MOCK_";

/// Lets a flag take its value from its environment variable, unless that is empty or injected by Kubernetes.
pub fn with_env_var(arg: Arg) -> Arg {
    let Some(flag) = arg.get_long().map(str::to_owned) else {
        return arg;
    };
    if matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) {
        return arg;
    }
    let name = env_var_name(&flag);
    match std::env::var_os(&name) {
        Some(value) if value.is_empty() || is_injected(&name, &value) => arg,
        _ => arg.env(name).hide_env(true),
    }
}

/// The address of an emulator that was started without flags.
pub const DEFAULT_URL: &str = "http://127.0.0.1:4600";

/// Lets a client's `--url` take its value from `YOTPO_MOCK_URL`, or its port from `YOTPO_MOCK_PORT`.
pub fn with_url_from_env(arg: Arg) -> Arg {
    let port = env_var_name("port");
    match std::env::var(&port) {
        Ok(value) if !value.is_empty() && !is_injected(&port, value.as_ref()) => {
            with_env_var(arg).default_value(format!("http://127.0.0.1:{value}"))
        }
        _ => with_env_var(arg),
    }
}

/// Names the variable in an error about a value that does not come from the command line.
pub fn blame_env_var(error: &mut clap::Error) {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return };
    let Some(flag) = arg.split([' ', '=']).next().and_then(|flag| flag.strip_prefix("--")) else { return };
    let is_given = std::env::args().any(|arg| {
        arg.strip_prefix("--")
            .and_then(|arg| arg.strip_prefix(flag))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    });
    let names = [env_var_name(flag), env_var_name(if flag == "url" { "port" } else { flag })];
    if let Some(name) =
        names.into_iter().find(|name| !is_given && std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
}

/// A warning for each variable with our prefix that no flag has. Kubernetes injects some for a service called `yotpo-mock`.
pub fn unknown_variable_warnings<'a>(flags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<_> = flags.chain(["url"]).map(env_var_name).collect();
    let similarity = |one: &str, other: &str| strsim::jaro_winkler(&one[PREFIX.len()..], &other[PREFIX.len()..]);
    let is_injected = |name: &str| ["SERVICE_", "PORT_"].iter().any(|part| name[PREFIX.len()..].starts_with(part));
    let mut unknown: Vec<_> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    unknown.retain(|name| name.starts_with(PREFIX) && !known.contains(name) && !is_injected(name));
    unknown.sort();
    let warning = |name: &String| {
        let similar = known.iter().map(|known| (similarity(name, known), known));
        let nearest =
            similar.max_by(|(one, _), (other, _)| one.total_cmp(other)).filter(|(similarity, _)| *similarity > 0.8);
        let hint = nearest.map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"));
        format!("the variable `{name}` belongs to no flag, and is ignored{hint}")
    };
    unknown.iter().map(warning).collect()
}

/// A warning if the port's variable is one that Kubernetes injected.
pub fn injected_port_warning() -> Option<String> {
    let name = env_var_name("port");
    let value = std::env::var_os(&name)?;
    is_injected(&name, &value)
        .then(|| format!("`{name}` begins with `tcp://`, as Kubernetes sets it for a service: ignored"))
}

pub fn env_var_name(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"))
}

/// Kubernetes sets `YOTPO_MOCK_PORT=tcp://…` in the pods beside a service called `yotpo-mock`.
fn is_injected(name: &str, value: &OsStr) -> bool {
    name == env_var_name("port") && value.as_encoded_bytes().starts_with(b"tcp://")
}
