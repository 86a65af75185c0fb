//! `env`: what leads a client to a mock that runs already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use super::{failure, output};
use crate::process::{Process, yotpo_mock};

/// Everything that one of the formats could stumble over.
const AWKWARD: &str = "a b'c\"d$e`f\\g";

/// A folder of a test's own, which is not there yet.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may be left from another run.
    let _ = fs::remove_dir_all(&path);
    path
}

/// What is printed on stdout.
fn printed(process: &Process, folder: &Path, flags: &[&str]) -> String {
    let folder = folder.to_str().expect("UTF-8");
    let command = yotpo_mock(&[&["env", "--url", &process.url, "--dir", folder], flags].concat());
    let output = output(without_ours(command));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A command without any of these variables.
fn without_ours(mut command: Command) -> Command {
    for name in ["NO_PROXY", "no_proxy", "NODE_OPTIONS", "PHP_INI_SCAN_DIR", "JAVA_TOOL_OPTIONS"] {
        command.env_remove(name);
    }
    command
}

/// The variables as JSON, which needs no shell quoting.
fn variables(process: &Process, folder: &Path, flags: &[&str]) -> Value {
    let json = printed(process, folder, &[&["--format", "json"], flags].concat());
    serde_json::from_str(&json).expect("JSON")
}

#[test]
fn it_prints_what_each_ecosystem_reads() {
    let process = Process::with(&["--quiet", "--store", "shop:s3cret"]);
    let folder = folder("env");
    let sh = printed(&process, &folder, &[]);
    let sh = sh
        .replace(folder.to_str().expect("UTF-8"), "DIR")
        .replace(process.address().rsplit(':').next().expect("a port"), "PORT");
    assert_snapshot!(sh, @"
    export HTTP_PROXY='http://127.0.0.1:PORT'
    export http_proxy='http://127.0.0.1:PORT'
    export HTTPS_PROXY='http://127.0.0.1:PORT'
    export https_proxy='http://127.0.0.1:PORT'
    export NO_PROXY='localhost,127.0.0.1,::1'
    export no_proxy='localhost,127.0.0.1,::1'
    export SSL_CERT_FILE='DIR/ca.pem'
    export REQUESTS_CA_BUNDLE='DIR/ca.pem'
    export CURL_CA_BUNDLE='DIR/ca.pem'
    export NODE_EXTRA_CA_CERTS='DIR/ca.pem'
    export NODE_USE_ENV_PROXY='1'
    export NODE_OPTIONS='--require DIR/yotpo-mock.cjs'
    export PHP_INI_SCAN_DIR=':DIR/php'
    export JAVA_TOOL_OPTIONS='-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=PORT -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=PORT -Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1] -Djavax.net.ssl.trustStore=DIR/truststore.p12 -Djavax.net.ssl.trustStoreType=PKCS12'
    export YOTPO_API_URL='http://127.0.0.1:PORT'
    export YOTPO_STORE_ID='shop'
    export YOTPO_STORE_SECRET='s3cret'
    ");
    let ini = fs::read_to_string(folder.join("php/yotpo-mock.ini")).expect("it was written");
    assert!(ini.contains("openssl.cafile = '/") && ini.contains("curl.cainfo = '/"), "{ini}");
    let authorities = fs::read_to_string(folder.join("ca.pem")).expect("it was written");
    assert_eq!(authorities.matches("BEGIN CERTIFICATE").count(), 1);
    let again = printed(&process, &folder, &[]);
    assert_eq!(again.lines().count(), 17, "the same folder may be written to again");
}

#[test]
fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let process = Process::with(&["--quiet"]);
    let folder = folder("env-private");
    printed(&process, &folder, &[]);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("ca.pem")), 0o600);
}

#[test]
fn a_shell_reads_the_original_values() {
    let process = Process::with(&["--quiet"]);
    let folder = folder("env-awkward").join(AWKWARD);
    let store = format!("{AWKWARD}:{AWKWARD}\nx");
    let meant = variables(&process, &folder, &["--store", &store]);
    assert_eq!(meant["YOTPO_STORE_SECRET"], format!("{AWKWARD}\nx"));
    assert_eq!(meant["YOTPO_STORE_ID"], AWKWARD);
    let sh = printed(&process, &folder, &["--store", &store]);
    let mut shell = without_ours(Command::new("sh"));
    let names = meant.as_object().expect("an object").keys();
    let script = names.fold("eval \"$0\"".to_owned(), |script, name| format!("{script}; printf '%s\\0' \"${name}\""));
    let read = output({
        shell.arg("-c").arg(script).arg(sh);
        shell
    });
    let read = String::from_utf8(read.stdout).expect("UTF-8");
    let read: Vec<_> = read.split_terminator('\0').collect();
    let meant: Vec<_> = meant.as_object().expect("an object").values().collect();
    assert_eq!(read, meant);
}

#[test]
fn dotenv_and_github_quote_by_their_own_rules() {
    let process = Process::with(&["--quiet"]);
    let folder = folder("env-formats");
    let lines = |secret: &str, format: &str| {
        let store = format!("shop:{secret}");
        let text = printed(&process, &folder, &["--format", format, "--store", &store]);
        assert_eq!(text.contains("NODE_OPTIONS="), format != "github");
        text.split_once("YOTPO_STORE_SECRET").expect("it is there").1.to_owned()
    };
    assert_eq!(lines("s3cret", "dotenv"), "=s3cret\n");
    assert_eq!(lines("a b\"c$d#e", "dotenv"), "='a b\"c$d#e'\n");
    assert_eq!(lines("a'b\"c$d\\e", "dotenv"), "=\"a'b\\\"c\\$d\\\\e\"\n");
    assert_eq!(lines("a 'b' \"c\" $d", "github"), "=a 'b' \"c\" $d\n");
    assert_eq!(lines("END\nb", "github"), "<<END_\nEND\nb\nEND_\n");
}

#[test]
fn the_store_may_be_named_and_its_secret_is_fetched() {
    let process = Process::with(&["--quiet", "--store", "b:of-b", "--store", "a:of-a"]);
    let folder = folder("env-store");
    let store = |flags: &[&str]| {
        let output_text = variables(&process, &folder, flags);
        format!("{} {}", output_text["YOTPO_STORE_ID"], output_text["YOTPO_STORE_SECRET"]).replace('"', "")
    };
    assert_eq!(store(&[]), "a of-a");
    assert_eq!(store(&["--store", "b"]), "b of-b");
    assert_eq!(store(&["--store", "b:other:one"]), "b other:one");
    assert_eq!(store(&["--store", "c"]), "c any");
}

#[test]
fn the_files_last_in_the_users_cache() {
    let process = Process::with(&["--quiet"]);
    let cache = folder("env-cache");
    let mut command = yotpo_mock(&["env", "--url", &process.url]);
    command.env("XDG_CACHE_HOME", &cache);
    assert_eq!(output(command).status.code(), Some(0));
    let name = process.address().replace(':', "-");
    assert!(cache.join("yotpo-mock").join(name).join("ca.pem").exists());
    let mut homeless = yotpo_mock(&["env", "--url", &process.url]);
    homeless.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    let result = output(homeless);
    assert_eq!((result.status.code(), result.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&result.stderr).ends_with("hint: name one with `--dir DIR`\n"));
}

#[test]
fn a_control_token_is_required_and_sent() {
    let process = Process::with(&["--quiet", "--control-token", "hush-hush"]);
    let output_text = failure(&["env", "--url", &process.url]).replace(&process.url, "URL");
    assert_snapshot!(output_text, @"
    Some(1)
    error: `URL/_mock/ca.pem`: the control API requires its token
    hint: pass the emulator's control token with `--control-token TOKEN`
    ");
    let folder = folder("env-token");
    variables(&process, &folder, &["--control-token", "hush-hush"]);
    let mut by_variable = yotpo_mock(&["env", "--url", &process.url, "--dir", folder.to_str().expect("UTF-8")]);
    by_variable.env("YOTPO_MOCK_CONTROL_TOKEN", "hush-hush");
    assert_eq!(output(by_variable).status.code(), Some(0));
}

#[test]
fn without_a_mock_nothing_is_printed() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output_text =
        failure(&["env", "--url", &format!("http://127.0.0.1:{free}")]).replace(&free.to_string(), "PORT");
    assert_snapshot!(output_text, @"
    Some(1)
    error: `http://127.0.0.1:PORT/_mock/ca.pem`: connection refused, no server is listening
    hint: pass the address that `yotpo-mock` printed, with `--url`; both must have the same version
    ");
}
