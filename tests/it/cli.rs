//! The command line: the binary as a stranger starts it.

mod documents;
#[cfg(unix)]
mod env;
#[cfg(unix)]
mod exec;
mod log;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use insta::assert_snapshot;

#[cfg(target_os = "linux")]
use crate::process::yotpo_mock_with_mounts;
use crate::process::{Process, file, yotpo_mock};
use crate::support::{customers, wait_until};

fn output(mut command: Command) -> Output {
    command.output().expect("the binary starts")
}

/// Exit code and stderr of a start that is to fail.
fn failure(arguments: &[&str]) -> String {
    describe(&output(yotpo_mock(arguments)))
}

fn describe(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "stdout is for the address alone");
    format!("{:?}\n{}", output.status.code(), String::from_utf8_lossy(&output.stderr))
}

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn it_prints_its_address_when_it_is_ready_and_stops_with_zero() {
    for signal in ["TERM", "INT", "HUP"] {
        let process = Process::with(&["--quiet"]);
        assert!(process.url.starts_with("http://127.0.0.1:"));
        let health = process.get("/_mock/health");
        assert!(health.starts_with("HTTP/1.1 200") && health.contains(r#""status":"ready""#), "{health}");
        let (code, rest, log) = process.stop(signal);
        assert_eq!((code, &*rest, &*log), (Some(0), "", ""), "{signal}");
    }
}

#[test]
fn serve_is_the_default_subcommand() {
    let process = Process::start(yotpo_mock(&["serve", "--port", "0"]));
    assert!(process.get("/core/v3/stores/shop/customers").starts_with("HTTP/1.1 200"));
}

#[test]
fn localhost_is_both_loopback_addresses_where_there_are_two() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let process = Process::with(&[]);
    let port = process.address().rsplit(':').next().unwrap();
    assert!(TcpStream::connect(format!("[::1]:{port}")).is_ok());
    assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
}

#[test]
fn a_given_address_is_the_only_one_and_a_public_one_is_warned_of() {
    let process = Process::with(&["--host", "127.0.0.2"]);
    assert!(process.url.starts_with("http://127.0.0.2:"));
    let (_, _, log) = Process::with(&["--host", "0.0.0.0", "--quiet"]).stop("TERM");
    assert!(log.contains("WARN") && log.contains("`0.0.0.0`, which other machines can reach"), "{log}");
}

#[test]
fn a_port_in_use_is_an_error_with_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let message = failure(&["--port", &port]).replace(&port, "PORT");
    assert_snapshot!(message, @"
    Some(1)
    error: cannot listen on `127.0.0.1:PORT`: address already in use
    hint: `--port 0` takes any free port and prints it
    ");
}

#[test]
fn a_missing_or_broken_seed_stops_the_start() {
    assert_snapshot!(failure(&["--port", "0", "--seed", "/no/such/seed.json"]), @r#"
    Some(1)
    error: cannot seed from `/no/such/seed.json`: no such file
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
    let broken = file(
        "broken.json",
        "{\"stores\":[{\"id\":\"shop\",\"customers\":[\n{\"external_id\":\"c-1\",\"gender\":\"f\"}]}]}",
    );
    let broken = broken.to_str().unwrap();
    assert_snapshot!(failure(&["--port", "0", "--seed", broken]).replace(broken, "broken.json"), @r#"
    Some(1)
    error: cannot seed from `broken.json`: line 2: stores[0].customers[0].gender must be `F`, `M` or `Other` (got `f`)
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
    assert_eq!(output(yotpo_mock(&["--port", "0", "--seed", broken])).status.code(), Some(1));
}

#[test]
fn a_wrong_flag_or_value_is_wrong_usage() {
    for wrong in [
        &["--prot", "1"][..],
        &["--port", "65536"],
        &["--port", "-1"],
        &["--host", "example.com"],
        &["--store", "shop"],
        &["--store", ":x"],
        &["--store", "shop:"],
        &["--rate-limit", "-1"],
        &["--rate-limit", "many"],
        &["--visibility-delay", "60"],
        &["--empty-result", "maybe"],
        &["--validation", "loose"],
        &["--realistic=maybe"],
        &["--body-limit", "0"],
        &["--body-limit", "much"],
        &["--read-timeout", "0s"],
        &["--tls-cert", "cert.pem"],
        &["--tls-key", "key.pem"],
        &["--workers", "0"],
        &["--cors", "localhost:3000"],
        &["--cors", "http://localhost:3000/path"],
        &["--control-body-limit", "none"],
        &["--journal-entries", "-1"],
        &["--journal-bytes", "0"],
        &["--journal-body-bytes", "much"],
        &["--log-format", "xml"],
        &["--store", "shop:a", "--store", "shop:b"],
        &["wait", "--timeout", "soon"],
        &["wait", "--url", "localhost:4600"],
        &["serve", "extra"],
        &["env", "--url", "https://127.0.0.1:4600"],
        &["env", "--url", "http://127.0.0.1:4600/core"],
        &["env", "--store", ":s3cret"],
        &["env", "--format", "yaml"],
        &["exec"],
        &["exec", "true"],
        &["exec", "--fail-on", "refusals", "--", "true"],
        &["exec", "--fail-on", "unmatched,note:unheard_of", "--", "true"],
        &["exec", "--store", "shop", "--", "true"],
        &["--control-token", ""],
        &["--control-token="],
        &["exec", "--control-token", "", "--", "true"],
        &["env", "--control-token", ""],
        &["wait", "--url", "http://127.0.0.1:http"],
    ] {
        let output = output(yotpo_mock(wrong));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{wrong:?}");
    }
    assert_snapshot!(failure(&["--validation", "loose"]), @"
    Some(2)
    error: invalid value 'loose' for '--validation <MODE>'
      [possible values: strict, lenient]

    For more information, try '--help'.
    ");
}

#[test]
fn seeds_are_read_from_a_folder_and_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let customer = |id: &str| format!(r#"{{"store":"shop","customer":{{"external_id":"{id}"}}}}"#);
    for (name, text) in
        [("b.json", customer("c-2")), ("a.ndjson", customer("c-1")), ("notes.txt", "no seed".to_owned())]
    {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    std::fs::create_dir(folder.path().join("folder.json")).expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let arguments = ["--port", "0", "--seed", path, "--seed-json", &customer("c-3")];
    let process = Process::with(&arguments[2..]);
    let customers = process.get("/_mock/stores/shop/customers");
    let ids: Vec<_> = customers.split("\"external_id\":\"").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(ids, ["c-1", "c-2", "c-3"]);

    std::fs::write(folder.path().join("c.json"), "[]").expect("written");
    assert_snapshot!(failure(&arguments).replace(path, "FOLDER"), @r#"
    Some(1)
    error: cannot seed from `FOLDER/c.json`: it must be an object, and is an array (line 1, column 0)
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
    let empty = tempfile::tempdir().expect("a folder");
    Process::with(&["--seed", empty.path().to_str().expect("UTF-8")]);
    assert_snapshot!(failure(&["--port", "0", "--seed-json", "{"]), @r#"
    Some(1)
    error: cannot seed from `a document`: it ends in the middle of an object (line 1, column 1)
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
}

#[test]
fn help_and_version_are_printed_and_end_with_zero() {
    for help in [&["--help"][..], &["serve", "--help"]] {
        let help = output(yotpo_mock(help));
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert_eq!(help.status.code(), Some(0));
        for flag in [
            "host",
            "port",
            "store",
            "seed",
            "seed-json",
            "rate-limit",
            "visibility-delay",
            "empty-result",
            "validation",
            "enforce-deprecations",
            "issued-tokens-only",
            "realistic",
            "body-limit",
            "read-timeout",
            "tls-name",
            "ca-dir",
            "ca-file",
            "tls-cert",
            "tls-key",
            "proxy-passthrough",
            "workers",
            "until-stdin-closes",
            "control-host",
            "control-token",
            "control-body-limit",
            "cors",
            "journal-entries",
            "journal-bytes",
            "journal-body-bytes",
            "journal-file",
            "log-format",
            "quiet",
            "verbose",
        ] {
            assert!(text.contains(&format!("--{flag}")), "{flag} is explained");
        }
    }
    let version = output(yotpo_mock(&["--version"]));
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(version.starts_with(concat!("yotpo-mock ", env!("CARGO_PKG_VERSION"), " (commit ")), "{version}");
    assert!(version.ends_with("; features: cli, tls)\n"), "{version}");
    let short = String::from_utf8(output(yotpo_mock(&["-h"])).stdout).expect("UTF-8");
    assert!(short.lines().count() < 50, "`-h` fits a screen");
}

#[test]
fn a_flag_wins_over_its_variable_and_that_over_the_default() {
    let limit = |arguments: &[&str], twin: Option<&str>| {
        let mut command = yotpo_mock(&[&["--port", "0"], arguments].concat());
        if let Some(value) = twin {
            command.env("YOTPO_MOCK_RATE_LIMIT", value);
        }
        let response = Process::start(command).get("/core/v3/stores/shop/customers");
        let header = response.lines().find_map(|line| line.strip_prefix("ratelimit-remaining: ").map(str::to_owned));
        header.expect("the header is always there")
    };
    assert_eq!(limit(&[], None), "5", "off: an untouched budget");
    assert_eq!(limit(&[], Some("8")), "7");
    assert_eq!(limit(&["--rate-limit", "3"], Some("8")), "2");
    assert_eq!(limit(&[], Some("")), "5", "an empty one counts as unset");
}

#[test]
fn an_invalid_variable_is_reported_by_its_name() {
    let failure = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = yotpo_mock(arguments);
        command.env(name, value);
        describe(&output(command)).lines().take(2).collect::<Vec<_>>().join(" ")
    };
    assert_snapshot!(failure("YOTPO_MOCK_RATE_LIMIT", "many", &[]), @"Some(2) error: invalid value 'many' for 'YOTPO_MOCK_RATE_LIMIT': must be a whole number from 0 to 4294967295");
    assert_snapshot!(failure("YOTPO_MOCK_BODY_LIMIT", "3XB", &["exec", "--", "true"]), @"Some(2) error: invalid value '3XB' for 'YOTPO_MOCK_BODY_LIMIT': must be a number of bytes, such as 1000, 64KiB or 2MB");
    assert_snapshot!(failure("YOTPO_MOCK_PORT", "http", &["wait"]), @"Some(2) error: invalid value 'http://127.0.0.1:http' for 'YOTPO_MOCK_PORT': must begin with http://, name a host, and have a valid port if any");
    assert_snapshot!(failure("YOTPO_MOCK_URL", "127.0.0.1", &["env"]), @"Some(2) error: invalid value '127.0.0.1' for 'YOTPO_MOCK_URL': must begin with http://, name a host, have a valid port if any, and end there");
    assert_snapshot!(failure("YOTPO_MOCK_WORKERS", "0", &["--workers", "300"]), @"Some(2) error: invalid value '300' for '--workers <N>': must be a whole number from 1 to 256");
}

#[test]
fn a_variable_without_a_flag_is_warned_of() {
    let mut command = yotpo_mock(&["--port", "0", "--quiet"]);
    command
        .env("YOTPO_MOCK_RATELIMIT", "5")
        .env("YOTPO_MOCK_SOMETHING", "x")
        .env("YOTPO_MOCK_SERVICE_HOST", "10.0.0.1");
    let (_, _, log) = Process::start(command).stop("TERM");
    let warnings: Vec<_> = log.lines().filter_map(|line| line.split_once(" WARN ")).map(|(_, text)| text).collect();
    assert_snapshot!(warnings.join("\n"), @"
    the variable `YOTPO_MOCK_RATELIMIT` belongs to no flag, and is ignored; did you mean `YOTPO_MOCK_RATE_LIMIT`?
    the variable `YOTPO_MOCK_SOMETHING` belongs to no flag, and is ignored
    ");
}

#[test]
fn wait_and_env_follow_the_variables_of_serve() {
    let process = Process::with(&["--quiet"]);
    let port = process.address().rsplit(':').next().expect("a port").to_owned();
    for (name, value) in [("YOTPO_MOCK_PORT", &*port), ("YOTPO_MOCK_URL", &*process.url)] {
        for subcommand in [&["wait"][..], &["env", "--format", "json"]] {
            let mut command = yotpo_mock(subcommand);
            command.env(name, value);
            let output = output(command);
            assert_eq!(output.status.code(), Some(0), "{subcommand:?} by {name}: {output:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_start_that_reads_a_seed() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    // Opening a pipe without a writer blocks for ever.
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("endless-seed.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        for arguments in [&["--port", "0"][..], &["exec", "--port", "0"]] {
            let mut arguments = [arguments, &["--seed", pipe.to_str().expect("UTF-8")]].concat();
            if arguments[0] == "exec" {
                arguments.extend(["--", "echo", "ready"]);
            }
            let child = yotpo_mock(&arguments).stdout(Stdio::piped()).spawn().expect("it starts");
            // This end of the pipe opens as soon as the mock reads: then it is in the middle of its start.
            let writer = std::fs::File::options().write(true).open(&pipe).expect("the mock opens it, too");
            assert!(
                Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap().success()
            );
            let ended = child.wait_with_output().expect("it ends");
            drop(writer);
            let code = ended.status.code().or(ended.status.signal().map(|number| 128 + number));
            assert_eq!((code, &*ended.stdout), (Some(128 + number), &b""[..]), "{signal} {arguments:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_end_of_stdin_stops_a_mock_that_was_asked_to_heed_it() {
    use std::process::Stdio;

    for flag in ["--until-stdin-closes", "--until-stdin-closes=true"] {
        let mut command = yotpo_mock(&["--port", "0", "--store", "shop:s3cret", flag]);
        command.stdin(Stdio::piped());
        let mut process = Process::start(command);
        process.write_to_stdin(b"input is ignored\n");
        assert!(process.get("/_mock/health").starts_with("HTTP/1.1 200"));
        let (code, rest, log) = process.close_stdin();
        assert_eq!((code, &*rest), (Some(0), ""), "{log}");
        assert!(log.contains("stdin was closed: stopping") && log.contains("stopped requests=0"), "{log}");
    }
    // Without the flag, a closed stdin means nothing: services are started with one.
    let mut command = yotpo_mock(&["--port", "0", "--until-stdin-closes=false"]);
    command.stdin(Stdio::null());
    let process = Process::start(command);
    assert!(process.get("/_mock/health").starts_with("HTTP/1.1 200"));
    assert_eq!(process.stop("TERM").0, Some(0));
}

#[cfg(unix)]
#[test]
fn the_end_of_stdin_ends_a_start_that_reads_a_seed() {
    use std::process::Stdio;

    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("endless-seed.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    let seed = pipe.to_str().expect("UTF-8");
    let mut command = yotpo_mock(&["--port", "0", "--until-stdin-closes", "--seed", seed]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let writer = std::fs::File::options().write(true).open(&pipe).expect("the mock opens it, too");
    drop(child.stdin.take());
    let ended = child.wait_with_output().expect("it ends");
    drop(writer);
    assert_eq!((ended.status.code(), &*ended.stdout), (Some(1), &b""[..]));
}

#[cfg(unix)]
#[test]
fn a_mock_ends_with_a_parent_that_is_killed() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let folder = tempfile::tempdir().expect("a folder");
    let mut parent = Command::new("sh");
    // The mock inherits stdout, which stays open until it has ended.
    parent.args(["-c", "mkfifo stdin; \"$0\" \"$@\" <stdin & exec 3>stdin; wait", env!("CARGO_BIN_EXE_yotpo-mock")]);
    parent.args(["--port", "0", "--quiet", "--until-stdin-closes"]).current_dir(&folder);
    let mut parent = parent.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("sh is there");
    let mut stdout = BufReader::new(parent.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("the mock is ready");
    parent.kill().expect("the parent runs");
    parent.wait().expect("it ends");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the mock ends");
    assert_eq!(rest, "");
}

#[test]
fn every_flag_has_an_environment_variable() {
    let mut command = yotpo_mock(&["serve"]);
    let seed = data("shop.json");
    for (name, value) in [
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("STORE", "shop:s3cret:with:colons\n\nother:x"),
        ("SEED", &*seed),
        ("SEED_JSON", r#"{"store":"other","customer":{"external_id":"c-1"}}"#),
        ("RATE_LIMIT", "3"),
        ("VISIBILITY_DELAY", "60s"),
        ("EMPTY_RESULT", "error"),
        ("VALIDATION", "lenient"),
        ("ENFORCE_DEPRECATIONS", "1"),
        ("ISSUED_TOKENS_ONLY", "true"),
        ("REALISTIC", "0"),
        ("BODY_LIMIT", "2KiB"),
        ("READ_TIMEOUT", "5s"),
        ("WORKERS", "2"),
        ("JOURNAL_ENTRIES", "10"),
        ("JOURNAL_BYTES", "1MiB"),
        ("JOURNAL_BODY_BYTES", "1KiB"),
        ("LOG_FORMAT", "json"),
        ("QUIET", "true"),
        ("VERBOSE", "false"),
        ("UNTIL_STDIN_CLOSES", "false"),
        ("UNHEARD_OF", "ignored"),
    ] {
        command.env(format!("YOTPO_MOCK_{name}"), value);
    }
    let process = Process::start(command);
    let response = process.send("POST", "/core/v3/stores/shop/access_tokens", "", r#"{"secret":"s3cret:with:colons"}"#);
    let token = response.rsplit('"').nth(1).expect("a token").to_owned();
    let with_token = format!("X-Yotpo-Token: {token}\r\n");
    let page = process.send("GET", "/core/v3/stores/shop/customers?limit=1", &with_token, "");
    assert!(page.contains("emma.johnson@example.com") && page.contains("ratelimit-remaining: 1"), "{page}");
    let nothing = process.send("GET", "/core/v3/stores/shop/customers?email=nobody", &with_token, "");
    assert!(nothing.contains("No results found"), "{nothing}");
    assert!(
        process
            .send("POST", "/core/v3/stores/other/access_tokens", "", r#"{"secret":"x"}"#)
            .starts_with("HTTP/1.1 200")
    );
    let lenient = process.send("PATCH", "/core/v3/stores/other/customers", "X-Yotpo-Token: x\r\n", "{}");
    assert!(lenient.starts_with("HTTP/1.1 401"), "{lenient}");
    let mut wrong = yotpo_mock(&[]);
    wrong.env("YOTPO_MOCK_QUIET", "perhaps");
    assert_eq!(output(wrong).status.code(), Some(2), "a bad value in the environment is wrong usage, too");
}

#[test]
fn the_port_that_kubernetes_injects_is_ignored_with_a_warning() {
    let mut command = yotpo_mock(&["--host", "127.0.0.3"]);
    command.env("YOTPO_MOCK_PORT", "tcp://10.0.0.1:4600");
    let process = Process::start(command);
    assert_eq!(process.url, "http://127.0.0.3:4600");
    let (_, _, log) = process.stop("TERM");
    assert!(log.contains("`YOTPO_MOCK_PORT` begins with `tcp://`"), "{log}");
}

#[test]
fn realistic_is_the_weakest_of_all() {
    let remaining = |arguments: &[&str]| {
        let process = Process::with(arguments);
        let response = process.send("POST", "/core/v3/stores/shop/access_tokens", "", r#"{"secret":"x"}"#);
        let unissued = process.get("/core/v3/stores/shop/customers");
        let line = response.lines().find(|line| line.starts_with("ratelimit-remaining")).expect("a header").to_owned();
        (line, unissued.starts_with("HTTP/1.1 401"))
    };
    assert_eq!(remaining(&["--realistic"]), ("ratelimit-remaining: 4".to_owned(), true));
    assert_eq!(
        remaining(&["--realistic", "--rate-limit", "9", "--issued-tokens-only=false"]),
        ("ratelimit-remaining: 8".to_owned(), false)
    );
}

#[test]
fn wait_returns_as_soon_as_a_mock_is_ready_and_fails_if_none_comes() {
    let process = Process::with(&[]);
    assert_eq!(output(yotpo_mock(&["wait", "--url", &process.url, "--timeout", "30s"])).status.code(), Some(0));
    let mut beside_a_variable = yotpo_mock(&["wait", "--url", &process.url]);
    beside_a_variable.env("YOTPO_MOCK_PORT", "abc");
    assert_eq!(output(beside_a_variable).status.code(), Some(0), "the variables are those of `serve`");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let message = failure(&["wait", "--url", &format!("http://127.0.0.1:{free}"), "--timeout", "50ms"]);
    assert!(
        message.starts_with("Some(1)\nerror: ")
            && message.contains("is not ready after 50ms")
            && message.contains("\nhint: "),
        "{message}"
    );
}

#[test]
fn a_stop_does_not_wait_for_a_request_that_does_not_end() {
    let process = Process::with(&["--read-timeout", "60s"]);
    let mut stuck = TcpStream::connect(process.address()).unwrap();
    write!(
        stuck,
        "PATCH /core/v3/stores/shop/customers HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nContent-Length: 9\r\n\r\n{{"
    )
    .unwrap();
    let idle = TcpStream::connect(process.address()).unwrap();
    // The stuck request is under way once a later one was answered.
    process.get("/core/v3/stores/shop/customers");
    let signalled = Instant::now();
    let (code, _, _) = process.stop("TERM");
    assert_eq!(code, Some(0));
    assert!(signalled.elapsed() < Duration::from_secs(10), "it did not wait for the minute that a body may take");
    drop((stuck, idle));
}

#[cfg(target_os = "linux")]
#[test]
fn the_time_does_not_follow_a_system_clock_that_is_set_back() {
    let library = file("clock_step.so", "");
    let compiler =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg("tests/data/clock_step.c").status();
    assert!(compiler.expect("a C compiler is needed to build this package").success());
    let step = file("clock_step", "");
    std::fs::remove_file(&step).unwrap();
    let mut command = yotpo_mock(&["--port", "0", "--quiet"]);
    command.env("LD_PRELOAD", library).env("CLOCK_STEP", &step);
    let process = Process::start(command);
    let clock = || process.get("/_mock/clock");
    let now = |response: &str| response.split_once("\"now\":\"").expect("a time").1.to_owned();
    let hour = || {
        let response = process.get("/core/v3/stores/shop/customers");
        response.split_once("date: ").expect("a date").1.split(':').next().expect("a time").to_owned()
    };
    let (before, hour_before) = (clock(), hour());
    file("clock_step", "");
    let after = clock();
    assert_ne!(hour(), hour_before, "the system's clock was set back");
    assert!(now(&after) >= now(&before), "{before}\n{after}");
}

#[test]
fn an_invalid_store_is_reported_without_its_secret() {
    for wrong in ["hush-hush", ":hush-hush", "shop:hush-hush\nshop:another"] {
        let message = failure(&["--store", wrong]);
        assert!(message.starts_with("Some(2)\nerror: ") && !message.contains("hush"), "{message}");
    }
}

#[test]
fn the_journal_file_has_every_request_at_once_and_never_a_secret() {
    let path = file("journal.ndjson", "{\"number\":0}\n");
    let process = Process::with(&["--quiet", "--journal-file", path.to_str().unwrap()]);
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&path).expect("the file is there");
        let whole = text.lines().filter(|line| line.ends_with('}'));
        whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let response = process.send("POST", "/core/v3/stores/shop/access_tokens", "", r#"{"secret":"hush-hush"}"#);
    let token = response.rsplit('"').nth(1).expect("a token").to_owned();
    wait_until("the line shows while it runs", || lines().len() > 1);
    for _ in 0..200 {
        process.send("GET", "/core/v3/stores/shop/customers", &format!("X-Yotpo-Token: {token}\r\n"), "");
    }
    let listed = process.get("/_mock/requests?limit=1000");
    let listed: serde_json::Value = serde_json::from_str(listed.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(process.stop("TERM").0, Some(0));
    let mut written = lines();
    assert_eq!(written.remove(0), serde_json::json!({"number": 0}), "what was there stays");
    written.reverse();
    assert_eq!(listed["requests"], serde_json::Value::from(written), "in the shape of the list");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 202);
    assert!(!text.contains("hush") && !text.contains(&token), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_journal_file_that_nobody_reads_holds_up_neither_requests_nor_the_stop() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("journal.fifo");
    // From the last run.
    let _ = std::fs::remove_file(&path);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // Opened for both, so that the emulator need not wait for a reader.
    let unread = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let flags = ["--quiet", "--journal-body-bytes", "1MiB", "--journal-file", path.to_str().unwrap()];
    let process = Process::with(&flags);
    let body = "x".repeat(1_000_000);
    for _ in 0..80 {
        let response = process.send("PATCH", "/core/v3/stores/shop/customers", "X-Yotpo-Token: any\r\n", &body);
        assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    }
    let (code, _, log) = process.stop("TERM");
    let log = log.lines().map(|line| line.split_once("WARN ").expect("a warning").1).collect::<Vec<_>>().join("\n");
    let log = log.replace(|character: char| character.is_ascii_digit(), "9");
    assert_eq!(code, Some(0));
    assert_snapshot!(log, @r#"
    the journal file cannot be written as fast as requests arrive, so it lacks some: each gap has a line with the number of requests, such as {"lost":99}
    the journal file lacks 99 requests
    "#);
    drop(unread);
}

#[test]
fn a_journal_file_that_cannot_be_opened_stops_the_start() {
    assert_snapshot!(failure(&["--port", "0", "--journal-file", "/no/such/folder/journal.ndjson"]), @"
    Some(1)
    error: cannot write the journal to `/no/such/folder/journal.ndjson`: no such folder
    hint: `--journal-file` names a file in a folder that is there and takes files
    ");
}

#[test]
fn the_limits_of_the_journal_have_flags_and_variables() {
    let mut command = yotpo_mock(&["--port", "0", "--journal-body-bytes", "10", "--journal-bytes", "1MiB"]);
    command.env("YOTPO_MOCK_JOURNAL_ENTRIES", "1");
    let process = Process::start(command);
    process.get("/core/v3/stores/shop/customers");
    process.get("/core/v3/stores/shop/customers");
    let listed = process.get("/_mock/requests");
    assert!(listed.contains(r#""total":1"#) && listed.contains(r#""body":"{\"customer""#), "{listed}");
}
/// How often the emulator is killed; CI asks for more.
const KILLS: &str = "YOTPO_TEST_KILLS";

#[test]
fn a_kill_at_any_moment_leaves_the_state_that_was_saved_last() {
    let kills = std::env::var(KILLS).map_or(8, |kills| kills.parse::<u32>().expect("a number"));
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("state-killed.json");
    // It may be left from another run.
    let _ = std::fs::remove_file(&state);
    let arguments = ["--quiet", "--state", state.to_str().expect("UTF-8")];
    let written = |process: &Process| {
        let list = process.get("/core/v3/stores/shop/customers?external_ids=counter&include_custom_properties=true");
        let count = list.split("\"count\":").nth(1).unwrap_or("0");
        let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a number")
    };
    let mut saved = 0;
    for kill in 0..kills {
        // What comes back is what was saved last, or what was being saved.
        let process = Process::with(&arguments);
        let mut count = written(&process);
        assert!(count >= saved, "{count} came back after {saved} was saved");
        // Some weight, so that a save takes a while: a kill is to find it in the middle.
        if kill == 0 {
            let lines =
                (0..3000).map(|at| format!("{{\"store\":\"ballast\",\"customer\":{{\"external_id\":\"b-{at}\"}}}}\n"));
            assert!(process.send("POST", "/_mock/seed", "", &lines.collect::<String>()).contains("200 OK"));
        }
        let (address, pid) = (process.address().to_owned(), process.id());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // From at once to in the middle of the third save or so.
                std::thread::sleep(Duration::from_millis(u64::from(kill % 13) * 17));
                let killed = Command::new("kill").arg("-KILL").arg(pid.to_string()).status();
                assert!(killed.expect("kill is there").success());
            });
            let send = |request: String| -> Option<String> {
                let mut socket = TcpStream::connect(&address).ok()?;
                socket.write_all(request.as_bytes()).ok()?;
                let mut response = String::new();
                socket.read_to_string(&mut response).ok()?;
                response.starts_with("HTTP/1.1 200").then_some(response)
            };
            loop {
                let body = format!(
                    "{{\"customer\":{{\"external_id\":\"counter\",\"custom_properties\":{{\"count\":{}}}}}}}",
                    count + 1
                );
                let head = "Host: localhost\r\nConnection: close\r\nX-Yotpo-Token: any\r\n";
                let length = body.len();
                if send(format!(
                    "PATCH /core/v3/stores/shop/customers HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}"
                ))
                .is_none()
                {
                    break;
                }
                count += 1;
                if send(format!("POST /_mock/state/save HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n")).is_none() {
                    break;
                }
                saved = count;
            }
        });
        drop(process);
    }
    let process = Process::with(&arguments);
    assert!(written(&process) >= saved && saved > 0);
    let (code, _, log) = process.stop("TERM");
    assert_eq!((code, &*log), (Some(0), ""));
    assert!(!state.with_extension("json.tmp").exists(), "a clean stop leaves nothing but the file");
}

#[cfg(target_os = "linux")]
#[test]
fn a_state_file_that_is_mounted_by_itself_is_written_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json");
    std::fs::create_dir(folder.path().join("read-only")).expect("a folder");
    std::fs::write(folder.path().join("read-only/state.json"), "").expect("a file to mount on");
    for script in [
        "mount --bind state.json state.json",
        "mount --bind -r read-only read-only; mount --bind state.json read-only/state.json; cd read-only",
    ] {
        std::fs::write(&state, "").expect("an empty file");
        for expected in [1, 2] {
            let Some(command) =
                yotpo_mock_with_mounts(folder.path(), script, &["--port", "0", "--quiet", "--state", "state.json"])
            else {
                return;
            };
            let process = Process::start(command);
            process.send(
                "PATCH",
                &customers(""),
                "X-Yotpo-Token: any\r\n",
                &format!(r#"{{"customer":{{"external_id":"c-{expected}"}}}}"#),
            );
            assert_eq!(process.stop("TERM").0, Some(0));
            let text = std::fs::read_to_string(&state).expect("it is there");
            let document: serde_json::Value = serde_json::from_str(&text).expect("a whole state");
            assert_eq!(document["stores"][0]["customers"].as_array().map(Vec::len), Some(expected), "{text}");
        }
        assert!(!folder.path().join("state.json.tmp").exists());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_state_file_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("read-only")).expect("a folder");
    std::fs::write(folder.path().join("state.json"), "").expect("an empty file");
    for script in ["mount --bind -r state.json state.json", "mount --bind -r read-only read-only; cd read-only"] {
        let Some(command) =
            yotpo_mock_with_mounts(folder.path(), script, &["--port", "0", "--quiet", "--state", "state.json"])
        else {
            return;
        };
        let output = output(command);
        assert_eq!(output.status.code(), Some(1), "{script}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "error: cannot save the state in `state.json`: the file system is read-only\nhint: `--state` names a file in a folder \
             that takes files, or a writable file that is mounted by itself\n",
        );
    }
}

#[test]
fn a_state_that_cannot_be_saved_is_an_error_at_the_end() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("state-folder");
    std::fs::create_dir_all(&folder).expect("the target folder takes folders");
    let file = folder.join("state.json");
    let process = Process::with(&["--quiet", "--state", file.to_str().expect("UTF-8")]);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    let (code, _, log) = process.stop("TERM");
    assert_eq!(code, Some(1));
    assert_snapshot!(log.replace(concat!(env!("CARGO_TARGET_TMPDIR"), "/"), ""), @"
    error: cannot save the state in `state-folder/state.json`: no such folder
    hint: the file still has the state that was saved last; check its folder and the disk space
    ");
    assert_snapshot!(failure(&["--state", "/nowhere/state.json"]), @"
    Some(1)
    error: cannot read the state in `/nowhere/state.json`: no such folder
    hint: name another file, or move this one away to start with the seeds
    ");
}
