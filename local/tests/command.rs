//! The command, run as a newcomer would, with a function of these tests' own.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

use common::{Client, place, signed};
use serde_json::{Value, json};

const PRIVATE: &str = "/dojang-local-private/data.json";
const PUBLIC: &str = "/dojang-local-public/data.json";

/// The function: keeps a club in S3 and echoes other requests.
#[test]
#[ignore = "the process that the other tests start"]
fn function() {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    let s3 = std::env::var("AWS_ENDPOINT_URL_S3").unwrap();
    let mut client = Client::connect(&address);
    loop {
        let next = client.send("GET", "/2018-06-01/runtime/invocation/next", &[], b"");
        let id = next.header("lambda-runtime-aws-request-id").unwrap();
        let event: Value = serde_json::from_slice(&next.body).unwrap();
        let body = event.get("body").and_then(Value::as_str).unwrap_or("{}");
        let club = match event["action"].as_str() {
            Some("any_reset_test_setup") => {
                assert_eq!(event["test_secret"], std::env::var("TEST_SECRET").unwrap());
                Some(demo_club())
            }
            Some("any_trigger_initialization") => Some(json!({
                "users": { "a": { "role": "Admin", "name": "Default admin", "auth_token": "first" } },
            })),
            _ => None,
        };
        if let Some(club) = club {
            for path in [PRIVATE, PUBLIC] {
                let put = signed(&s3, "PUT", path, &[], club.to_string().as_bytes());
                assert_eq!(put.status, 200);
            }
        }
        let answer = json!({ "statusCode": 200, "body": body }).to_string();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        assert_eq!(
            client.send("POST", &path, &[], answer.as_bytes()).status,
            202
        );
    }
}

fn demo_club() -> Value {
    json!({
        "users": {
            "1": { "role": "Student", "name": "Stu", "auth_token": "studentcode1" },
            "2": { "role": "Coach", "name": "Cora", "auth_token": "coachcode123" },
            "3": { "role": "Admin", "name": "Ada", "auth_token": "admincode123" },
        },
        "sessions": { "s1": { "state": "scheduled", "start_time": 4_000_000_000_u32 } },
    })
}

/// Executables to be used as functions.
struct Scripts {
    /// Runs [`function`].
    good: PathBuf,
    /// Says so, and waits for ever.
    hanging: PathBuf,
    /// Says so, and ends.
    broken: PathBuf,
}

/// Written at once, before any process is started: one that is being started holds every open file for
/// a moment, and a file that is open for writing cannot be run.
fn scripts() -> &'static Scripts {
    static SCRIPTS: OnceLock<Scripts> = OnceLock::new();
    SCRIPTS.get_or_init(|| {
        let program = std::env::current_exe().unwrap();
        Scripts {
            good: script(
                "good",
                &format!("exec '{}' --ignored --exact function", program.display()),
            ),
            hanging: script("hanging", "echo hanging; exec sleep 1000"),
            broken: script("broken", "echo 'cannot start' >&2; exit 1"),
        }
    })
}

fn script(name: &str, line: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scripts");
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    // Another process may run these tests at the same time.
    let unfinished = directory.join(format!("{name}-{}", std::process::id()));
    std::fs::write(&unfinished, format!("#!/bin/sh\n{line}\n")).unwrap();
    std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&unfinished, &path).unwrap();
    path
}

/// A place that is removed in the end.
struct Directory(PathBuf);

fn directory(name: &str) -> Directory {
    Directory(place(&format!("command-{name}")))
}

impl Deref for Directory {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The arguments for any free ports, data in `data`, and the function that answers.
fn with_good_function(data: &Path) -> [&str; 6] {
    let (data, function) = (data.to_str().unwrap(), scripts().good.to_str().unwrap());
    ["--port", "0", "--data-dir", data, "--function", function]
}

fn command(arguments: &[&str]) -> Command {
    scripts();
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A running command, past its greeting.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    greeting: String,
}

impl Running {
    /// `is_last` holds for the greeting's last line.
    fn start(arguments: &[&str], is_last: impl Fn(&str) -> bool) -> Self {
        let mut child = command(arguments).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.lines().last().is_some_and(&is_last) {
            if stdout.read_line(&mut greeting).unwrap() == 0 {
                let mut stderr = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut stderr)
                    .unwrap();
                panic!("ended early: {greeting}{stderr}");
            }
        }
        Self {
            child,
            stdout,
            greeting,
        }
    }

    fn serve(arguments: &[&str]) -> Self {
        Self::start(arguments, |line| line.starts_with("open http://"))
    }

    /// What the greeting says after `label`.
    fn address(&self, label: &str) -> &str {
        let line = self
            .greeting
            .lines()
            .find(|line| line.starts_with(label))
            .unwrap();
        line[label.len()..].trim()
    }

    /// Ends it; what it wrote to standard error.
    fn stop(mut self, signal: &str) -> String {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
        let mut stderr = String::new();
        // Ends when the last process that holds it has: the function is gone, too.
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        self.stdout.read_to_string(&mut String::new()).unwrap();
        stderr
    }
}

/// Does what a `curl` line of the greeting says.
fn curl(line: &str) -> String {
    let mut words = line.strip_prefix("curl -s ").unwrap().splitn(2, ' ');
    let url = words.next().unwrap().strip_prefix("http://").unwrap();
    let (host, path) = url
        .split_once('/')
        .map_or((url, "/".to_owned()), |(host, path)| {
            (host, format!("/{path}"))
        });
    let mut client = Client::connect(host);
    let answer = match words.next() {
        None => client.send("GET", &path, &[], b""),
        Some(rest) => {
            let body = rest
                .strip_prefix("-H 'Content-Type: application/json' -d '")
                .unwrap();
            let body = body.strip_suffix('\'').unwrap();
            client.send(
                "POST",
                &path,
                &[("content-type", "application/json")],
                body.as_bytes(),
            )
        }
    };
    assert_eq!(answer.status, 200, "{line}");
    answer.text().to_owned()
}

#[test]
fn a_club_is_made_and_found_again() {
    let data = directory("club");
    let arguments = with_good_function(&data);

    let running = Running::serve(&arguments);
    let codes = "Login codes:\n  Admin    admincode123   Ada\n  Coach    coachcode123   Cora\n  \
                 Student  studentcode1   Stu\n\n";
    assert!(running.greeting.contains(codes), "{}", running.greeting);
    let curls: Vec<_> = running
        .greeting
        .lines()
        .filter(|line| line.starts_with("curl "))
        .map(curl)
        .collect();
    assert_eq!(curls.len(), 3);
    assert_eq!(curls[0], demo_club().to_string(), "public data.json");
    assert!(
        curls[1].contains(r#""joining_sessions":{"s1":"Yes"}"#),
        "{}",
        curls[1]
    );
    assert!(
        curls[2].contains(r#""action":"coach_get_historical_participation""#),
        "{}",
        curls[2]
    );
    assert_eq!(
        curl(&format!("curl -s {}", running.address("Public data"))),
        curls[0]
    );
    assert!(
        Client::connect(running.address("Runtime API"))
            .send("GET", "/", &[], b"")
            .status
            == 404
    );

    let changed = br#"{"users":{"9":{"role":"Admin","name":"New","auth_token":"newcode"}}}"#;
    let s3 = running.address("S3");
    assert_eq!(signed(s3, "PUT", PRIVATE, &[], changed).status, 200);
    running.stop("-INT");

    let running = Running::serve(&arguments);
    assert!(
        running.greeting.contains("Admin    newcode        New"),
        "{}",
        running.greeting
    );
    assert!(!running.greeting.contains("Ada"), "{}", running.greeting);
    assert_eq!(
        signed(running.address("S3"), "GET", PRIVATE, &[], b"").body,
        changed
    );
    running.stop("-TERM");
}

#[test]
fn the_real_function_is_compiled_in() {
    let data = directory("real");
    let arguments = ["--port", "0", "--data-dir", data.to_str().unwrap()];
    let codes = |running: &Running| {
        let (_, codes) = running.greeting.split_once("Login codes:\n").unwrap();
        codes.split_once("\n\n").unwrap().0.to_owned()
    };
    let mut running = Running::serve(&arguments);
    let first_codes = codes(&running);
    let roles: Vec<_> = first_codes
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        [&["Admin"][..], &["Coach"; 3], &["Student"; 6]].concat(),
        roles,
        "{first_codes}"
    );
    let lines: Vec<_> = running
        .greeting
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    let before = curl(lines[0]);
    assert_eq!(curl(lines[1]), "{}");
    assert_ne!(
        curl(lines[0]),
        before,
        "the answer to the session is public at once"
    );
    let history: Value = serde_json::from_str(&curl(lines[2])).unwrap();
    assert!(
        !history.as_object().unwrap().is_empty(),
        "the club has a past"
    );

    // However it ends, the club is found again.
    let after = curl(lines[0]);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let running = Running::serve(&arguments);
    assert_eq!(codes(&running), first_codes);
    assert_eq!(
        curl(&format!("curl -s {}", running.address("Public data"))),
        after
    );
    running.stop("-INT");
}

#[test]
fn the_page_is_served_with_the_addresses_of_the_others() {
    let data = directory("page");
    let running = Running::serve(&with_good_function(&data));
    let mut client = Client::connect(running.address("open"));
    let page = client.send("GET", "/", &[], b"");
    assert_eq!(page.status, 200);
    assert!(
        page.text().starts_with("<!doctype html>"),
        "{}",
        page.text()
    );
    let config = client.send("GET", "/config.json", &[], b"");
    let config: Value = serde_json::from_slice(&config.body).unwrap();
    let function_url = format!("{}/", running.address("Function URL"));
    let data_url = running.address("Public data");
    assert_eq!(
        config,
        json!({ "functionUrl": function_url, "dataUrl": data_url })
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!("; connect-src 'self' {function_url} {data_url}; ")),
        "{policy}"
    );
    running.stop("-INT");
}

#[test]
fn an_empty_club_has_an_admin() {
    let data = directory("empty");
    let running = Running::serve(&[&["--empty"], &with_good_function(&data)[..]].concat());
    assert!(
        running
            .greeting
            .contains("Admin    first          Default admin"),
        "{}",
        running.greeting
    );
    let curls: Vec<_> = running
        .greeting
        .lines()
        .filter(|line| line.starts_with("curl "))
        .map(curl)
        .collect();
    assert_eq!(curls.len(), 3);
    for curl in &curls[1..] {
        assert!(curl.contains(r#""auth_token":"first""#), "{curl}");
    }
    running.stop("-INT");
}

#[test]
fn s3_alone() {
    let data = directory("s3-only");
    let arguments = [
        "--s3-only",
        "--port",
        "0",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let running = Running::start(&arguments, |line| {
        line == "export TEST_SECRET='local-test-secret'"
    });
    let exports: Vec<_> = running
        .greeting
        .lines()
        .map(|line| line.strip_prefix("export "))
        .collect();
    assert_eq!(exports.len(), 10);
    for region in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let export = format!("{region}='eu-central-1'");
        assert!(exports.contains(&Some(&*export)), "{exports:?}");
    }
    let endpoint = exports
        .iter()
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("AWS_ENDPOINT_URL_S3='")?
                .strip_suffix('\'')
        })
        .unwrap();
    assert_eq!(signed(endpoint, "PUT", PRIVATE, &[], b"{}").status, 200);
    // The same for those who did not keep what was printed.
    let kept = std::fs::read_to_string(data.join("s3.env")).unwrap();
    assert_eq!(kept, running.greeting);
    running.stop("-INT");
}

#[test]
fn a_signal_ends_it_at_any_time() {
    let data = directory("early");
    let function = &scripts().hanging;
    let arguments = [
        "--port",
        "0",
        "--data-dir",
        data.to_str().unwrap(),
        "--function",
        function.to_str().unwrap(),
    ];
    let mut child = command(&arguments).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "function: hanging\n");
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_function_that_does_not_work() {
    let data = directory("broken");
    let function = &scripts().broken;
    let output = run(&[
        "--port",
        "0",
        "--data-dir",
        data.to_str().unwrap(),
        "--function",
        function.to_str().unwrap(),
    ]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("function: cannot start\n"), "{stderr}");
    assert!(
        stderr.contains("local: the function could not make the club: "),
        "{stderr}"
    );
    assert!(
        stderr.contains("Runtime exited with error: exit status: 1"),
        "{stderr}"
    );
}

#[test]
fn wrong_command_lines_are_refused_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    let data = directory("usage");
    let data = data.to_str().unwrap();
    let file = scripts().good.to_str().unwrap();
    for (arguments, expected) in [
        (vec!["--prot", "1"], "unknown option --prot".to_owned()),
        (
            vec!["--port", "many"],
            "--port: expected 0 or a number".to_owned(),
        ),
        (
            vec!["--function", "/no/such/file"],
            "--function: /no/such/file: ".to_owned(),
        ),
        (
            vec!["--s3-only", "--data-dir", file],
            format!("--data-dir {file}: "),
        ),
        (
            vec![
                "--s3-only",
                "--data-dir",
                data,
                "--port",
                &(taken - 1).to_string(),
            ],
            format!("port {taken}, meant for S3, is in use"),
        ),
    ] {
        let output = run(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(
            stderr.starts_with(&format!("local: {expected}")),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for option in [
        "--port",
        "--data-dir",
        "--empty",
        "--function",
        "--s3-only",
        "--help",
    ] {
        assert!(help.contains(&format!("\n  {option} ")), "{option}");
    }
}
