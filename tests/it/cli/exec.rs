//! `exec`: a command with its own emulator.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
#[cfg(target_os = "linux")]
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use crate::process::{file, yotpo_mock};
#[cfg(target_os = "linux")]
use crate::process::{terminal, yotpo_mock_as_process_1};

/// Runs a line of shell by `exec` with some flags.
fn exec(flags: &[&str], line: &str) -> Command {
    yotpo_mock(&[&["exec"], flags, &["--", "sh", "-c", line]].concat())
}

/// Exit code, stdout and stderr.
fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = output_of(&mut command);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn output_of(command: &mut Command) -> std::process::Output {
    command.output().expect("the binary starts")
}

/// A request that meets no operation, and one that leans on an assumption.
const ASK: &str = "ask() { curl -s -o /dev/null -H 'X-Yotpo-Token: any' \"$YOTPO_API_URL/core/v3/stores/shop/$1\"; }; \
                   ask orders; ask orders; ask customers";

/// The warning for a command that sends no request.
const NO_REQUEST: &str = "warning: the command sent no request to the emulator\n\
    hint: its client may ignore the proxy variables, as aiohttp without `trust_env=True`, PHP's streams and Node before 22.21 in part \
    do; let it call $YOTPO_API_URL instead of https://api.yotpo.com\n";

#[test]
fn the_exit_code_and_stdout_are_those_of_the_command() {
    for (line, code) in [
        ("echo said", 0),
        ("echo said; exit 7", 7),
        ("echo said; exit 255", 255),
        ("echo said; kill -TERM $$", 143),
        ("echo said; kill -KILL $$", 137),
    ] {
        let ended = run(exec(&[], line));
        assert_eq!(ended, (Some(code), "said\n".to_owned(), NO_REQUEST.to_owned()), "{line}");
    }
}

#[test]
fn the_command_reads_what_is_on_stdin() {
    let mut child = exec(&[], "read word; echo \"$word\"");
    let given = file("exec-stdin.txt", "given\n");
    child.stdin(fs::File::open(given).expect("it was written"));
    assert_eq!(run(child), (Some(0), "given\n".to_owned(), NO_REQUEST.to_owned()));
}

#[test]
fn a_command_that_cannot_be_run_fails_as_in_a_shell() {
    let (code, _, missing) = run(yotpo_mock(&["exec", "--", "/no/such/command"]));
    assert_snapshot!(format!("{code:?}\n{missing}"), @r"
    Some(127)
    error: cannot run `/no/such/command`: command not found
    hint: write a program and its arguments after `--`; `sh -c` runs a line of shell
    ");
    let plain = file("exec-plain.txt", "no program");
    let plain = plain.to_str().expect("UTF-8");
    let (code, _, not_executable) = run(yotpo_mock(&["exec", "--", plain]));
    assert_eq!(code, Some(126), "{not_executable}");
    assert!(not_executable.contains("`: Permission denied\nhint: "), "{not_executable}");
}

#[test]
fn the_command_does_not_run_if_the_mock_does_not_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (flags, reason) in [
        (["--port", &*port], "error: cannot listen on `127.0.0.1:"),
        (["--seed", "/no/such/seed.json"], "error: cannot seed from `/no/such"),
        (["--report", "/no/such/report.json"], "error: cannot write the report to `/no/such"),
    ] {
        let (code, stdout, stderr) = run(exec(&flags, "echo said"));
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(reason) && stderr.contains("\nhint: ") && !stderr.contains("os error"), "{stderr}");
    }
}

#[test]
fn a_run_without_requests_is_warned_of_and_can_fail() {
    let (code, _, stderr) = run(exec(&["--fail-on", "no-requests"], "true"));
    assert_eq!(code, Some(3));
    let problems = "error: `--fail-on` found problems in this run\n  no-requests: none at all\n";
    assert!(stderr.starts_with(&format!("{NO_REQUEST}{problems}")), "{stderr}");
    // The control API is not what the command should have called.
    let control = "curl -sS \"$YOTPO_MOCK_URL/_mock/report\" >/dev/null";
    assert_eq!(run(exec(&["--fail-on", "no-requests"], control)).0, Some(3));
    assert_eq!(run(exec(&["--fail-on", "no-requests"], ASK)).0, Some(0));
}

#[test]
fn a_command_without_two_dashes_is_an_error_with_a_tip() {
    let (code, _, stderr) = run(yotpo_mock(&["exec", "--store", "shop:s3cret", "pytest", "-x"]));
    assert_snapshot!(format!("{code:?}\n{stderr}"), @"
    Some(2)
    error: unexpected argument 'pytest' found

      tip: write `--` before the command: yotpo-mock exec -- pytest

    Usage: yotpo-mock exec [OPTIONS] -- <COMMAND>...

    For more information, try '--help'.
    ");
}

#[test]
fn a_store_without_a_secret_is_an_error_with_the_usage_of_exec() {
    let (code, _, stderr) = run(yotpo_mock(&["exec", "--store", "shop", "--", "true"]));
    assert_snapshot!(format!("{code:?}\n{stderr}"), @"
    Some(2)
    error: a store must be declared as ID:SECRET, split at the first colon, neither of them empty

    Usage: yotpo-mock exec [OPTIONS] -- <COMMAND>...

    For more information, try '--help'.
    ");
}

#[test]
fn fail_on_fails_the_run_and_lists_the_problems() {
    let (code, _, stderr) = run(exec(&["--fail-on", "unmatched,server-error", "--fail-on", "note"], ASK));
    assert_snapshot!(format!("{code:?}\n{stderr}"), @"
    Some(3)
    error: `--fail-on` found problems in this run
      unmatched: GET /core/v3/stores/shop/orders answered 501, 2 times
      note:token.undeclared (assumed)
    hint: `--report FILE` saves all counts, `--journal-file FILE` every request
    ");
    for (kinds, code) in
        [("note:assumed", 3), ("note:token.undeclared", 3), ("note:deprecated", 0), ("server-error", 0)]
    {
        assert_eq!(run(exec(&["--fail-on", kinds], ASK)).0, Some(code), "{kinds}");
    }
    let failed = format!("{ASK}; exit 9");
    let (code, _, stderr) = run(exec(&["--fail-on", "unmatched"], &failed));
    assert_eq!(code, Some(9), "that the command has failed says more");
    assert!(stderr.contains("unmatched: GET"), "{stderr}");
}

#[test]
fn the_report_is_kept_however_the_command_ends() {
    for code in [0, 4] {
        let path = file("exec-report.json", "what stood there, and is longer than nothing");
        let report = path.to_str().expect("UTF-8");
        let (ended, _, stderr) = run(exec(&["--report", report], &format!("{ASK}; exit {code}")));
        assert_eq!((ended, &*stderr), (Some(code), ""));
        let report: Value = serde_json::from_slice(&fs::read(path).expect("it was written")).expect("JSON");
        assert_eq!(report["requests"], 3);
        assert_eq!(report["calls"]["retrieveCustomers"]["200"], 1);
        assert_eq!(report["unmatched"][0]["count"], 2);
    }
}

#[test]
fn signals_are_passed_on() {
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"] {
        let line = format!(
            "trap 'echo got {signal}; exit 5' {signal}; echo ready; i=0; while [ $i -lt 400 ]; do sleep 0.05; i=$((i+1)); done"
        );
        let mut child = exec(&[], &line).spawn().expect("the binary starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut ready = [0; 6];
        stdout.read_exact(&mut ready).expect("the command begins");
        let id = child.id().to_string();
        let killed = Command::new("kill").args([&*format!("-{signal}"), &id]).status();
        assert!(killed.expect("kill is there").success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("UTF-8");
        let code = child.wait().expect("it ends").code();
        assert_eq!((code, &*rest), (Some(5), &*format!("got {signal}\n")));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_from_the_terminal_reaches_the_command_once() {
    use std::io::Write;
    let (mut user, program) = terminal();
    let line =
        "trap 'n=$((n+1))' INT; n=0; echo ready; i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i+1)); done; echo $n";
    let exec = exec(&[], line);
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(exec.get_program()).args(exec.get_args());
    let mut child =
        command.stdin(program).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("setsid is there");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).expect("the command begins");
    user.write_all(b"\x03").expect("the terminal takes keys");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), &*rest), (Some(0), "1\n"));
}

#[test]
fn nothing_is_left_when_the_command_has_ended() {
    let line = "echo $YOTPO_API_URL; echo $SSL_CERT_FILE; ls $SSL_CERT_FILE >/dev/null";
    let (code, stdout, _) = run(exec(&[], line));
    assert_eq!(code, Some(0));
    let (url, authorities) = stdout.trim_end().split_once('\n').expect("two lines");
    let folder = Path::new(authorities).parent().expect("a folder");
    assert!(!folder.exists(), "{}", folder.display());
    assert!(TcpStream::connect(url.trim_start_matches("http://")).is_err(), "{url}");
}

#[test]
fn the_flags_and_variables_of_serve_apply() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = exec(
        &["--port", &free.to_string(), "--verbose"],
        "echo $YOTPO_API_URL $YOTPO_STORE_ID $YOTPO_STORE_SECRET; curl -s $YOTPO_API_URL/core/v3/stores/other/customers",
    );
    command.env("YOTPO_MOCK_STORE", "shop:s3cret");
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, Some(0));
    let first = format!("http://127.0.0.1:{free} shop s3cret\n");
    assert!(stdout.starts_with(&first) && stdout.ends_with("]}"), "{stdout}");
    assert!(stderr.contains("INFO request"), "{stderr}");
}

#[test]
fn a_mock_without_a_store_suggests_one_with_any_secret() {
    let line = "echo $YOTPO_STORE_ID $YOTPO_STORE_SECRET; \
                curl -s -H 'X-Yotpo-Token: mine' $YOTPO_API_URL/core/v3/stores/$YOTPO_STORE_ID/customers";
    let (_, stdout, _) = run(exec(&[], line));
    assert!(stdout.starts_with("shop any\n{\"customers\":[]"), "{stdout}");
}

#[test]
fn a_control_token_does_not_get_in_the_way() {
    let (code, _, stderr) = run(exec(&["--control-token", "hush-hush"], "true"));
    assert_eq!((code, &*stderr), (Some(0), NO_REQUEST));
}

#[test]
fn a_client_with_yotpos_address_is_redirected_to_the_mock() {
    let line = "curl -sS -H 'X-Yotpo-Token: any' https://api.yotpo.com/core/v3/stores/shop/customers";
    let (code, stdout, stderr) = run(exec(&[], line));
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(stdout, r#"{"customers":[],"pagination":{"next_page_info":null}}"#);
}

#[test]
fn hosts_that_pass_the_proxy_are_verified_by_the_systems_roots() {
    let system = "-----BEGIN CERTIFICATE-----\nc3lzdGVt\n-----END CERTIFICATE-----\n";
    let system = file("exec-roots.pem", &system.repeat(2));
    let trusted = |flags: &[&str]| {
        let mut command = exec(flags, "grep -c BEGIN \"$SSL_CERT_FILE\"");
        command.env("SSL_CERT_FILE", &system);
        run(command)
    };
    assert_eq!(trusted(&[]), (Some(0), "1\n".to_owned(), NO_REQUEST.to_owned()));
    let let_through = trusted(&["--proxy-passthrough", "example.com"]);
    assert_eq!(let_through, (Some(0), "3\n".to_owned(), NO_REQUEST.to_owned()));
}

#[test]
fn the_users_own_certificate_is_trusted() {
    let own = rcgen::generate_simple_self_signed(["api.yotpo.com".to_owned()]).expect("a certificate");
    let certificate = file("exec-own.pem", &own.cert.pem());
    let key = file("exec-own.key", &own.signing_key.serialize_pem());
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().expect("UTF-8"));
    let line = "curl -sS -o /dev/null -w '%{http_code}' https://api.yotpo.com/core/v3/stores/shop/customers";
    let checked = run(exec(&["--tls-cert", certificate, "--tls-key", key], line));
    assert_eq!(checked, (Some(0), "401".to_owned(), String::new()));
}

#[test]
fn the_users_variables_stay_except_those_that_bypass_the_mock() {
    let line = "echo $NO_PROXY; echo $NODE_OPTIONS; echo $JAVA_TOOL_OPTIONS; echo $PHP_INI_SCAN_DIR";
    let mut command = exec(&[], line);
    command
        .env("NO_PROXY", "db.internal, .yotpo.com,*,127.0.0.1")
        .env("NODE_OPTIONS", "--no-warnings --require /elsewhere/yotpo-mock.cjs")
        .env("JAVA_TOOL_OPTIONS", "-Xmx1g")
        .env("PHP_INI_SCAN_DIR", "/etc/php");
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, Some(0));
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[0], "localhost,127.0.0.1,::1,db.internal");
    assert!(lines[1].starts_with("--no-warnings --require /") && !lines[1].contains("elsewhere"), "{stdout}");
    assert!(lines[2].starts_with("-Xmx1g -Dhttp.proxyHost=127.0.0.1 "), "{stdout}");
    assert!(lines[2].contains(" -Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|db.internal "), "{stdout}");
    assert!(lines[3].starts_with("/etc/php:/"), "{stdout}");
    assert!(stderr.contains("`.yotpo.com` of NO_PROXY is left out") && stderr.contains("`*` of NO_PROXY"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn as_process_1_it_reaps_orphans() {
    // The orphan's entry in /proc is there until it is reaped.
    let script = r#"orphan=$(sh -c 'sh -c : & echo $!'); until [ ! -e /proc/$orphan ]; do :; done; exit 7"#;
    let command = yotpo_mock_as_process_1(&["exec", "--", "timeout", "20", "sh", "-c", script]);
    let Some(command) = command else { return };
    assert_eq!(super::output(command).status.code(), Some(7));
}
