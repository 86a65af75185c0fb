//! `docs/reference/configuration.md`, from the flags. The test below generates the page and fails if it is out of date;
//! `UPDATE_DOCS=1 cargo test` writes the file instead.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::{Arg, Command, CommandFactory, Parser};

use super::env_vars::env_var_name;
use super::{AFTER_HELP, CommandLine};

/// A value for each flag that has one.
const EXAMPLES: &[(&str, &str)] = &[
    ("body-limit", "64KiB"),
    ("authority", "company-ca.pem"),
    ("control-body-limit", "2GiB"),
    ("control-host", "mock.example.com"),
    ("control-token", "t0ken"),
    ("cors", "http://localhost:3000"),
    ("dir", "certificates"),
    ("empty-result", "error"),
    ("fail-on", "unmatched,server-error,note:assumed"),
    ("format", "dotenv"),
    ("host", "0.0.0.0"),
    ("journal-body-bytes", "1MiB"),
    ("journal-bytes", "256MiB"),
    ("journal-entries", "10000"),
    ("journal-file", "requests.ndjson"),
    ("log-format", "json"),
    ("port", "0"),
    ("proxy-passthrough", "registry.npmjs.org"),
    ("rate-limit", "5"),
    ("read-timeout", "2s"),
    ("report", "report.json"),
    ("seed", "seeds/"),
    ("seed-json", r#"'{"stores":[{"id":"shop","secret":"s3cret"}]}'"#),
    ("state", "state.json"),
    ("store", "shop:s3cret"),
    ("timeout", "10s"),
    ("ca-dir", "ca/"),
    ("ca-file", "ca.pem"),
    ("tls-cert", "chain.pem"),
    ("tls-key", "key.pem"),
    ("tls-name", "mock.example.com"),
    ("url", "http://127.0.0.1:4600"),
    ("validation", "lenient"),
    ("visibility-delay", "60s"),
    ("workers", "2"),
];

#[test]
fn the_page_of_flags_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/configuration.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, page).expect("written");
    } else {
        let file = fs::read_to_string(path).expect("the page");
        assert!(file == page, "docs/reference/configuration.md is out of date: `UPDATE_DOCS=1 cargo test`");
    }
}

fn page() -> String {
    let mut command = CommandLine::command();
    command.build();
    let mut page = String::from(
        "# Configuration\n\n\
         `yotpo-mock` and `yotpo-mock serve` start the emulator, and take these flags. Each flag can also be set by the variable beside\n\
         it; the flag takes precedence over the variable, and an empty variable counts as unset. For a flag that can be repeated, the\n\
         variable has one value a line. A variable of a switch is `1`, `true`, `0` or `false`.\n\n\
         Durations have a unit (`500ms`, `60s`, `2m`), and sizes may have one (`1000`, `64KiB`, `2MB`).\n\n\
         `PATCH /_mock/settings` and the clients change the settings of the emulated API while the emulator runs; see the\n\
         [control API](control-api.md).\n\n\
         *Generated from the flags.*\n",
    );
    let serve = command.find_subcommand("serve").expect("a subcommand");
    let mut headings = Vec::new();
    for heading in serve.get_arguments().filter_map(Arg::get_help_heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        let flags = serve.get_arguments().filter(|flag| flag.get_help_heading() == Some(heading));
        write!(page, "\n## {heading}\n\n{}", table(serve, flags, true)).expect("a String can be written to");
    }
    let served: Vec<_> = serve.get_arguments().map(Arg::get_id).collect();
    page.push_str("\n## Other subcommands\n");
    for name in ["exec", "env", "wait", "check", "schema"] {
        let subcommand = command.find_subcommand(name).expect("a subcommand");
        let usage = subcommand.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let about = subcommand.get_about().expect("a summary");
        write!(page, "\n### `{name}`\n\n```text\n{usage}\n```\n\n{about}.").expect("a String can be written to");
        page.push_str(if name == "exec" { " It also takes the flags of `serve`.\n" } else { "\n" });
        let flags = subcommand.get_arguments();
        let flags: Vec<_> =
            flags.filter(|flag| flag.get_long().is_some() && !served.contains(&flag.get_id())).collect();
        if !flags.is_empty() {
            write!(page, "\n{}", table(subcommand, flags.into_iter(), false)).expect("a String can be written to");
        }
    }
    page.push_str(
        "\n`completions SHELL` and `man [SUBCOMMAND]` print completions and manual pages.\n\n\
         ## Exit codes\n\n\
         | code | |\n|---|---|\n\
         | 0 | stopped by SIGTERM, SIGINT or SIGHUP; `wait`: the emulator is ready; `check`: the seeds are valid |\n\
         | 1 | could not start, or could not save the state; `wait`: not ready in time; `check`: mistakes |\n\
         | 2 | wrong usage |\n\
         | of the command | `exec`: the command ended; 128 and the number of the signal if it was killed |\n\
         | 3 | `exec`: the command succeeded, but `--fail-on` found problems |\n\
         | 126, 127 | `exec`: the command cannot be executed, or does not exist |\n",
    );
    assert!(AFTER_HELP.contains("Exit codes: 0 stopped by SIGTERM, SIGINT or SIGHUP"), "the help has the same");
    page
}

fn table<'a>(command: &Command, flags: impl Iterator<Item = &'a Arg>, with_variable: bool) -> String {
    let mut table = String::from(if with_variable {
        "| flag | variable | default | example | |\n|---|---|---|---|---|\n"
    } else {
        "| flag | default | example | |\n|---|---|---|---|\n"
    });
    for flag in flags {
        let Some(name) = flag.get_long().filter(|name| !["help", "version"].contains(name)) else { continue };
        let help = flag.get_long_help().or(flag.get_help()).expect("each flag has a help").to_string();
        let (help, mut default) = match help.split_once(" [default: ") {
            Some((before, rest)) => {
                let (default, after) = rest.split_once(']').expect("the default ends");
                (format!("{before}{after}"), default.to_owned())
            }
            None => (help, String::new()),
        };
        if is_switch(flag) {
            default = "off".to_owned();
        } else if let [value] = flag.get_default_values()
            && default.is_empty()
        {
            default = value.to_string_lossy().into_owned();
        }
        let values = flag.get_possible_values();
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let values = if values.is_empty() || is_switch(flag) {
            String::new()
        } else {
            format!(" Values: {}.", values.join(", "))
        };
        let help = help.replace("\n\n", " ").replace('\n', " ").replace('|', "\\|");
        let help = if help.ends_with('.') { help } else { help + "." };
        let variable = if with_variable { format!(" `{}` |", env_var_name(name)) } else { String::new() };
        let example = example(command, flag, name);
        writeln!(table, "| `--{name}` |{variable} {default} | `{example}` | {help}{values} |")
            .expect("a String can be written to");
    }
    table
}

fn is_switch(flag: &Arg) -> bool {
    !flag.get_action().takes_values() || flag.get_num_args().is_some_and(|count| count.min_values() == 0)
}

/// A use of the flag, which the parser accepts.
fn example(command: &Command, flag: &Arg, name: &str) -> String {
    if is_switch(flag) {
        return format!("--{name}");
    }
    let (_, value) =
        EXAMPLES.iter().find(|(flag, _)| *flag == name).unwrap_or_else(|| panic!("`--{name}` has no example"));
    let mut line = vec!["yotpo-mock", command.get_name()];
    let flag = format!("--{name}={}", value.trim_matches('\''));
    line.push(&flag);
    line.extend(match name {
        "tls-cert" => ["--tls-key", "key.pem"].iter(),
        "tls-key" => ["--tls-cert", "chain.pem"].iter(),
        _ => [].iter(),
    });
    line.extend(if command.get_name() == "exec" { ["--", "true"].iter() } else { [].iter() });
    line.extend(if command.get_name() == "check" { ["seed.json"].iter() } else { [].iter() });
    CommandLine::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    format!("--{name} {value}")
}
