//! The environment variable of each flag: `YOTPO_MOCK_RATE_LIMIT` for `--rate-limit`.

use std::ffi::OsStr;

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

/// A warning if the port's variable is one that Kubernetes injected.
pub fn injected_port_warning() -> Option<String> {
    let name = env_var_name("port");
    let value = std::env::var_os(&name)?;
    is_injected(&name, &value)
        .then(|| format!("`{name}` begins with `tcp://`, as Kubernetes sets it for a service: ignored"))
}

fn env_var_name(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"))
}

/// Kubernetes sets `YOTPO_MOCK_PORT=tcp://…` in the pods beside a service called `yotpo-mock`.
fn is_injected(name: &str, value: &OsStr) -> bool {
    name == env_var_name("port") && value.as_encoded_bytes().starts_with(b"tcp://")
}
