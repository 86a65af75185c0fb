//! `yotpo-mock wait`: ask a mock whether it is ready until it is.

use std::time::{Duration, Instant};

use clap::Args;

use super::client::{agent, told};
use super::{Failure, http_url};

/// How often it asks.
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub struct Wait {
    /// Where the mock listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4600", value_parser = http_url)]
    url: String,
    /// How long to wait, for example 500ms or 2m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Asks a mock whether it is ready until it is.
pub fn run(options: &Wait) -> Result<(), Failure> {
    let Wait { url, timeout } = options;
    let started = Instant::now();
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        let asked = is_ready(url, left.max(POLL));
        match asked {
            Ok(()) => return Ok(()),
            Err(reason) if left.is_zero() => {
                return Err(Failure {
                    error: format!(
                        "`{url}` is not ready after {}: {reason}",
                        humantime::format_duration(*timeout)
                    ),
                    hint: "`yotpo-mock` prints the address that it listens on, or on stderr why it did not start"
                        .to_owned(),
                });
            }
            Err(_) => std::thread::sleep(POLL.min(left)),
        }
    }
}

fn is_ready(url: &str, timeout: Duration) -> Result<(), String> {
    let health = format!("{}/_mock/health", url.trim_end_matches('/'));
    let mut answer = agent(timeout).get(&health).call().map_err(|error| told(&error))?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(format!("something else answers there, with status {status}"));
    }
    let answer = answer.body_mut().read_to_string().map_err(|error| told(&error))?;
    let is_ready = serde_json::from_str(&answer).is_ok_and(|health: serde_json::Value| health["status"] == "ready");
    is_ready
        .then_some(())
        .ok_or_else(|| "something else answers there".to_owned())
}
