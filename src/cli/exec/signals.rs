//! Signals to `yotpo-mock exec`, which it forwards to the command.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(unix)]
pub struct ForwardedSignals(signal_hook::iterator::SignalsInfo<signal_hook::iterator::exfiltrator::WithOrigin>);

#[cfg(unix)]
impl ForwardedSignals {
    pub fn catch() -> io::Result<ForwardedSignals> {
        use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
        let signals = [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
        signal_hook::iterator::SignalsInfo::new(signals).map(ForwardedSignals)
    }

    /// Waits until the command ends, and forwards signals to it until then.
    pub fn wait_for(mut self, child: Child) -> io::Result<ExitStatus> {
        use rustix::process::{Pid, Signal, kill_process};
        use signal_hook::consts::SIGCHLD;
        use signal_hook::low_level::siginfo::Cause;

        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process id is positive");
        loop {
            // SIGCHLD ends the wait below when the command ends.
            if let Some(status) = try_wait(pid)? {
                return Ok(status);
            }
            for origin in self.0.wait() {
                // A terminal sends its signals to the command, too. They come from the kernel.
                let is_from_terminal = origin.cause == Cause::Kernel;
                if let Some(signal) = Signal::from_named_raw(origin.signal)
                    && !is_from_terminal
                    && origin.signal != SIGCHLD
                {
                    // The command may have ended, but its process id stays reserved until `try_wait` has seen that.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

/// The status of the command, if it has ended. As process 1 of a container, this process also inherits orphans, which stay zombies
/// until they are waited for.
#[cfg(unix)]
fn try_wait(command: rustix::process::Pid) -> io::Result<Option<ExitStatus>> {
    use std::os::unix::process::ExitStatusExt;

    use rustix::process::{WaitOptions, wait};

    while let Some((ended, status)) = wait(WaitOptions::NOHANG)? {
        if ended == command {
            return Ok(Some(ExitStatus::from_raw(status.as_raw())));
        }
    }
    Ok(None)
}

#[cfg(not(unix))]
pub struct ForwardedSignals;

#[cfg(not(unix))]
impl ForwardedSignals {
    pub fn catch() -> io::Result<ForwardedSignals> {
        Ok(ForwardedSignals)
    }

    /// Waits until the command ends. A console sends Ctrl-C to both processes.
    pub fn wait_for(self, mut child: Child) -> io::Result<ExitStatus> {
        child.wait()
    }
}
