//! The running binary, as a child process of a test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_yotpo-mock");

/// The binary with nothing of this environment's own.
pub fn yotpo_mock(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    isolated(command)
}

/// The binary as a shell starts it that has set a limit, in the words of `ulimit`.
#[cfg(target_os = "linux")]
pub fn yotpo_mock_with_limit(limit: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\""));
    command.arg(BINARY).args(arguments);
    isolated(command)
}

/// As [`yotpo_mock`], in a folder with mounts of its own; `None` where the system allows no such mounts.
#[cfg(target_os = "linux")]
pub fn yotpo_mock_with_mounts(folder: &std::path::Path, mounts: &str, arguments: &[&str]) -> Option<Command> {
    let mut command = unshare(&["-rm"])?;
    command.args(["sh", "-ec", &format!("{mounts}; exec \"$0\" \"$@\"")]).current_dir(folder);
    command.arg(BINARY).args(arguments);
    Some(isolated(command))
}

/// As [`yotpo_mock`], as process 1 of a process namespace; `None` where the system allows none.
#[cfg(target_os = "linux")]
pub fn yotpo_mock_as_process_1(arguments: &[&str]) -> Option<Command> {
    let mut command = unshare(&["-rpf", "--mount-proc"])?;
    command.arg(BINARY).args(arguments);
    Some(isolated(command))
}

#[cfg(target_os = "linux")]
fn unshare(flags: &[&str]) -> Option<Command> {
    let tried = Command::new("unshare").args(flags).arg("true").output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("this system does not allow `unshare {}`", flags.join(" "));
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(flags);
    Some(command)
}

fn isolated(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("YOTPO_MOCK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A binary that serves; killed when the test is done with it.
pub struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    pub url: String,
}

impl Process {
    pub fn start(mut command: Command) -> Process {
        let mut child = command.spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let url = line.trim_end().strip_prefix("yotpo-mock listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("`{line}` is not the ready line"));
        Process { child, stdout, stderr, url }
    }

    pub fn with(arguments: &[&str]) -> Process {
        let arguments = [&["--port", "0"], arguments].concat();
        Process::start(yotpo_mock(&arguments))
    }

    #[cfg(target_os = "linux")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Sends a request and gives the whole answer.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(self.address()).expect("it listens");
        let length = body.len();
        write!(socket, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
            .expect("it reads");
        let mut response = String::new();
        socket.read_to_string(&mut response).expect("it answers in UTF-8");
        response
    }

    pub fn get(&self, path: &str) -> String {
        self.send("GET", path, "X-Yotpo-Token: any\r\n", "")
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(killed.expect("kill is there").success());
    }

    /// Writes to its stdin, which must be a pipe.
    pub fn write_to_stdin(&mut self, input: &[u8]) {
        self.child.stdin.as_mut().expect("a pipe").write_all(input).expect("it reads");
    }

    /// Ends it by closing its stdin; gives what [`stop`](Process::stop) gives.
    pub fn close_stdin(mut self) -> (Option<i32>, String, String) {
        drop(self.child.stdin.take());
        self.wait()
    }

    /// Ends it with a signal; gives its exit code and what stood on stdout after the first line, and on stderr.
    pub fn stop(self, signal: &str) -> (Option<i32>, String, String) {
        self.signal(signal);
        self.wait()
    }

    fn wait(mut self) -> (Option<i32>, String, String) {
        let (mut rest, mut log) = (String::new(), String::new());
        self.stderr.read_to_string(&mut log).expect("UTF-8");
        self.stdout.read_to_string(&mut rest).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        (status.code(), rest, log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of this test's own.
pub fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the target folder takes files");
    path
}

/// A terminal's two ends: what its user holds, and what programs hold.
#[cfg(target_os = "linux")]
pub fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&user).and_then(|()| unlockpt(&user)).expect("it is ours");
    let name = ptsname(&user, Vec::new()).expect("it has a name").into_string().expect("ASCII");
    let program = std::fs::File::options().read(true).write(true).open(name).expect("it is ours");
    (user.into(), program)
}
