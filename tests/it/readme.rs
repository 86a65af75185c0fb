//! The README keeps its word: every curl line in it is sent, and answered as it is printed there.
//!
//! This reads the few shell words that the README uses and sends the requests with the tests' own client, so that it runs
//! where there is neither a shell nor curl; `.ci/run` runs the same lines with both, and with the binary those that begin clients
//! which know nothing of the emulator.

use std::collections::HashMap;
use std::iter::Peekable;
use std::process::Command;

use yotpo_mock::{DEFAULT_PORT, YotpoMock};

use crate::support::agent;

const README: &str = include_str!("../../README.md");

/// Begins the time of a write that did not send one: the only part of an answer that differs from run to run.
const VARYING: &str = "\"account_updated_at\":\"";

/// A command of the README and what it prints there.
struct Step {
    command: String,
    printed: String,
}

/// The blocks of a language, one after the other.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let blocks = blocks("console");
    let tour = blocks.iter().filter(|block| !block.contains("$ yotpo-mock "));
    let text = tour.cloned().collect::<String>().replace("\\\n", "");
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command: command.to_owned(), printed: String::new() }),
            None => {
                let printed = &mut steps.last_mut().expect("a block begins with a command").printed;
                printed.push_str(line);
                printed.push('\n');
            }
        }
    }
    steps
}

/// Puts the same text in the place of every time that varies.
fn steady(text: &str) -> String {
    let mut parts = text.split(VARYING);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        steady.push_str(VARYING);
        steady.push_str("NOW");
        steady.push_str(&part["2026-01-01T00:00:00".len()..]);
    }
    steady
}

/// The little of a shell that the README needs: variables, what a command prints as one, one loop, one pipe.
struct Shell {
    variables: HashMap<String, String>,
    url: String,
}

impl Shell {
    fn run(&mut self, command: &str) -> String {
        if let Some(rest) = command.strip_prefix("for n in $(seq ") {
            let (range, rest) = rest.split_once("); do ").expect("a loop over a sequence");
            let (first, last) = range.split_once(' ').expect("a sequence of two numbers");
            let body = rest.strip_suffix("; done").expect("a loop ends");
            let numbers = first.parse::<u32>().expect("a number")..=last.parse().expect("a number");
            let printed = numbers.map(|n| {
                self.variables.insert("n".to_owned(), n.to_string());
                self.run(body)
            });
            return printed.collect();
        }
        if let Some((name, value)) = command.split_once('=')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            let value = match value.strip_prefix("$(").and_then(|value| value.strip_suffix(')')) {
                Some(command) => self.run(command).trim_end().to_owned(),
                None => self.words(value).concat(),
            };
            self.variables.insert(name.to_owned(), value);
            return String::new();
        }
        let (curl, tail) = command.split_once(" | tail -c ").unwrap_or((command, ""));
        let (curl, head) = curl.split_once(" | head -c ").unwrap_or((curl, ""));
        let mut words = self.words(curl).into_iter().peekable();
        assert_eq!(words.next().as_deref(), Some("curl"), "`{command}` is not a command that this test knows");
        let mut printed = Curl::read(&mut words).send(&self.url);
        if !tail.is_empty() {
            let bytes: usize = tail.trim().parse().expect("a number of bytes");
            printed.drain(..printed.len().saturating_sub(bytes));
        }
        if !head.is_empty() {
            printed.truncate(head.trim().parse().expect("a number of bytes"));
        }
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        printed
    }

    /// Splits into words as a shell does; variables stand for themselves in single quotes only.
    fn words(&self, text: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, quote) {
                ('\'' | '"', None) => {
                    quote = Some(letter);
                    word.get_or_insert_default();
                }
                (_, Some(open)) if letter == open => quote = None,
                ('$', None | Some('"')) => word.get_or_insert_default().push_str(self.variable(&mut letters)),
                (_, None) if letter.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        words
    }

    fn variable(&self, letters: &mut Peekable<std::str::Chars<'_>>) -> &str {
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|letter| letter.is_ascii_alphanumeric()) {
            name.push(letter);
        }
        self.variables.get(&name).unwrap_or_else(|| panic!("${name} is set before it is used"))
    }
}

/// A call of curl with the flags that the README uses.
#[derive(Default)]
struct Curl {
    method: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    url: String,
    is_silent: bool,
    then: String,
}

impl Curl {
    fn read(words: &mut impl Iterator<Item = String>) -> Curl {
        let mut curl = Curl::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a flag has a value");
            match &*word {
                "-s" => {}
                "-X" => curl.method = Some(value()),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").expect("a header has a value");
                    curl.headers.push((name.to_owned(), value.to_owned()));
                }
                "--json" => {
                    curl.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
                    curl.body = Some(value());
                }
                "-o" => curl.is_silent = value() == "/dev/null",
                "-w" => curl.then = value().replace("\\n", "\n"),
                _ if word.starts_with("http") => curl.url = word,
                _ => panic!("`{word}` is not a flag of curl that this test knows"),
            }
        }
        curl
    }

    fn send(self, url: &str) -> String {
        let method = self.method.unwrap_or_else(|| if self.body.is_some() { "POST" } else { "GET" }.to_owned());
        let given = format!("http://127.0.0.1:{DEFAULT_PORT}");
        let path = self.url.strip_prefix(&given).expect("the README speaks to the default port");
        let mut request = ureq::http::Request::builder().method(&*method).uri(format!("{url}{path}"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body.unwrap_or_default()).expect("a request");
        let Ok(mut response) = agent().run(request) else {
            // Where a connection ends without an answer, curl says so.
            return self.then.replace("%{http_code}", "000");
        };
        let body = response.body_mut().read_to_string().expect("an answer in UTF-8");
        let rule = response.headers().get("x-yotpo-mock-rule").map(|rule| rule.to_str().expect("ASCII"));
        let then = self
            .then
            .replace("%{http_code}", response.status().as_str())
            .replace("%header{x-yotpo-mock-rule}", rule.unwrap_or_default());
        if self.is_silent { then } else { body + &then }
    }
}

#[test]
fn every_command_of_the_readme_prints_the_shown_output() {
    let mock = YotpoMock::start();
    let mut shell = Shell { variables: HashMap::new(), url: mock.url().to_owned() };
    let steps = steps();
    assert!(steps.iter().filter(|step| step.command.contains("curl")).count() > 12, "the tour was found");
    for Step { command, printed } in steps {
        assert_eq!(steady(&shell.run(&command)), steady(&printed), "{command}");
    }
}

#[test]
fn the_settings_of_the_readme_equal_the_help() {
    let help =
        Command::new(env!("CARGO_BIN_EXE_yotpo-mock")).args(["serve", "-h"]).output().expect("the binary starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let options = help.split_once("[OPTIONS]\n\n").expect("there are options").1;
    let written = blocks("text").into_iter().find(|block| block.contains("--rate-limit"));
    assert_eq!(written.expect("the README has the settings").trim_end(), options.trim_end());
}

#[test]
fn the_rust_example_of_the_readme_is_on_the_front_page_of_the_crate() {
    let block = blocks("rust").into_iter().next().expect("the README has a Rust block");
    let front_page = include_str!("../../src/lib.rs").lines();
    let front_page = front_page.filter_map(|line| line.strip_prefix("//!"));
    let front_page: Vec<_> = front_page.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    assert!(front_page.join("\n").contains(block.trim_end()), "src/lib.rs has another");
}
