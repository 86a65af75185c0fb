//! `yotpo-mock wait`: polls an emulator until it is ready.

use std::time::{Duration, Instant};

use clap::Args;

use super::client::{RequestError, agent};
use super::env_vars::DEFAULT_URL;
use super::error::CliError;
use super::values::http_url;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

const AFTER_HELP: &str = "\
Example: run tests once an emulator that starts in the background is ready.
  yotpo-mock --quiet & yotpo-mock wait --timeout 10s && npm test";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct WaitOptions {
    /// Address of the emulator. [default: YOTPO_MOCK_URL, or http://127.0.0.1 with the port of YOTPO_MOCK_PORT, or 4600]
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL, hide_default_value = true, value_parser = http_url)]
    url: String,
    /// Maximum time to wait, for example 500ms or 2m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

pub fn run(options: &WaitOptions) -> Result<(), CliError> {
    let WaitOptions { url, timeout } = options;
    let started = Instant::now();
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        match check_health(url, left.max(POLL_INTERVAL)) {
            Ok(()) => return Ok(()),
            Err(source) if left.is_zero() => {
                let (url, timeout) = (url.clone(), *timeout);
                return Err(CliError::NotReady { url, timeout, source });
            }
            Err(_) => std::thread::sleep(POLL_INTERVAL.min(left)),
        }
    }
}

fn check_health(url: &str, timeout: Duration) -> Result<(), RequestError> {
    let health = format!("{}/_mock/health", url.trim_end_matches('/'));
    let mut response = agent(timeout).get(&health).call()?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string()?;
    let is_ready = serde_json::from_str(&body).is_ok_and(|health: serde_json::Value| health["status"] == "ready");
    if status == 200 && is_ready { Ok(()) } else { Err(RequestError::OtherServer(status)) }
}
