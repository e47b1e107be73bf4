//! S3-compatible servers that are not quite what they should be, and one whose clock differs from ours.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use local::setup::{PRIVATE_BUCKET, lambda_environment};
use local::{Function, Outcome, RuntimeApi};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use crate::cases;
use crate::support::{Counts, answer, expect_log_line, patient_runtime_api, spawn, url_event};

cases!(
    a_wrong_clock_is_corrected_by_s3s_date,
    a_wrong_clock_is_corrected_with_an_existing_club,
    a_wrong_clock_is_corrected_by_an_answer_without_a_body,
    a_server_that_ignores_conditions_is_noticed_on_empty_buckets,
    a_server_that_ignores_conditions_is_noticed,
    an_answer_without_an_etag_cannot_be_used,
    an_answer_that_is_cut_short_cannot_be_used,
);

fn a_wrong_clock_is_corrected_by_s3s_date(_: &Counts) {
    let backend = Backend::start(Oddity::AnHourAhead, "");
    assert_eq!(backend.initialise(), (200, json!({})));
    // Corrected once, the clock stays right.
    assert_eq!(backend.initialise(), (200, json!({})));
    let refused = backend
        .statuses()
        .iter()
        .filter(|status| **status == 403)
        .count();
    assert!((1..=2).contains(&refused), "{:?}", backend.statuses());
}

fn a_wrong_clock_is_corrected_with_an_existing_club(_: &Counts) {
    let backend = Backend::start(Oddity::AnHourAhead, NOBODY);
    assert_eq!(backend.initialise(), (200, json!({})));
    assert_eq!(backend.initialise(), (200, json!({})));
}

fn a_wrong_clock_is_corrected_by_an_answer_without_a_body(_: &Counts) {
    let backend = Backend::start(Oddity::HeadAnHourAhead, NOBODY);
    assert_eq!(backend.initialise(), (200, json!({})));
    let refused = |status: &u16| *status == 403;
    assert_eq!(backend.statuses().into_iter().filter(refused).count(), 1);
}

fn a_server_that_ignores_conditions_is_noticed_on_empty_buckets(_: &Counts) {
    let backend = Backend::start(Oddity::NoConditions, "");
    assert_eq!(backend.initialise(), (200, json!({})));
    assert!(expect_log_line(&backend.function, "ignores If-Match").contains("WARN"));
}

fn a_server_that_ignores_conditions_is_noticed(_: &Counts) {
    let club = json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin",
        "auth_token": "AbCd1234"}}, "sessions": {}});
    let backend = Backend::start(Oddity::NoConditions, &club.to_string());
    let request = json!({"action": "admin_create_user", "auth_token": "AbCd1234", "role": "Student",
        "name": "Somebody"});
    assert_eq!(backend.call(&request).0, 200);
    assert!(expect_log_line(&backend.function, "ignores If-Match").contains("WARN"));
}

fn an_answer_without_an_etag_cannot_be_used(_: &Counts) {
    let backend = Backend::start(Oddity::NoETag, NOBODY);
    assert_eq!(backend.initialise().0, 500);
    expect_log_line(&backend.function, "expected an ETag");
    let objects = backend.server.objects.lock().expect("nobody panics").len();
    assert_eq!(objects, 1, "nothing was written");
}

fn an_answer_that_is_cut_short_cannot_be_used(_: &Counts) {
    let backend = Backend::start(Oddity::LyingLength, NOBODY);
    let (status, body) = backend.initialise();
    assert_eq!(status, 503, "{body}");
    assert!(
        body["error"]
            .as_str()
            .is_some_and(|text| text.contains("Nothing was changed"))
    );
    expect_log_line(&backend.function, "cut short");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Oddity {
    /// Its clock is an hour ahead of ours, and it insists on it.
    AnHourAhead,
    /// The same for HEAD only.
    HeadAnHourAhead,
    NoConditions,
    NoETag,
    /// It announces more than it sends.
    LyingLength,
}

/// The executable on an odd server.
struct Backend {
    function: Function,
    runtime_api: RuntimeApi,
    server: Arc<Server>,
}

impl Backend {
    /// With this private `data.json`; none if it is empty.
    fn start(oddity: Oddity, club: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let server = Arc::new(Server {
            oddity,
            objects: Mutex::default(),
            statuses: Mutex::default(),
        });
        if !club.is_empty() {
            let path = format!("/{PRIVATE_BUCKET}/data.json");
            server
                .objects
                .lock()
                .expect("nobody panics")
                .insert(path, club.into());
        }
        let serving = Arc::clone(&server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&serving);
                thread::spawn(move || server.serve(&stream));
            }
        });
        let runtime_api = RuntimeApi::start(patient_runtime_api()).expect("a port is free");
        let function = spawn(&lambda_environment(&runtime_api.address(), &endpoint));
        Self {
            function,
            runtime_api,
            server,
        }
    }

    fn initialise(&self) -> (u64, Value) {
        self.call(&json!({"action": "any_trigger_initialization"}))
    }

    fn call(&self, request: &Value) -> (u64, Value) {
        let event = url_event(&request.to_string()).to_string();
        match self.runtime_api.invoke(event.as_bytes()) {
            Outcome::Response(payload) => {
                answer(&serde_json::from_slice(&payload).expect("answers are JSON"))
            }
            other => panic!("expected an answer, found {other:?}"),
        }
    }

    /// How all requests were answered.
    fn statuses(&self) -> Vec<u16> {
        self.server.statuses.lock().expect("nobody panics").clone()
    }
}

struct Server {
    oddity: Oddity,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    statuses: Mutex<Vec<u16>>,
}

impl Server {
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = || {
                let mut line = String::new();
                reader
                    .read_line(&mut line)
                    .ok()
                    .filter(|&count| count > 0)?;
                Some(line.trim_end().to_owned())
            };
            let first = line()?;
            let mut headers = BTreeMap::new();
            while let Some((name, value)) = line()?.split_once(':') {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            let length = headers
                .get("content-length")
                .and_then(|length| length.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).ok()?;
            let mut words = first.split(' ');
            let (status, body) = self.answer(words.next()?, words.next()?, &headers, body);
            self.statuses.lock().ok()?.push(status);
            self.send(stream, first.starts_with("HEAD"), status, &body)?;
        }
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: Vec<u8>,
    ) -> (u16, Vec<u8>) {
        let error = |code: &str| format!("<Error><Code>{code}</Code></Error>").into_bytes();
        let hour = self.now().to_hms().0;
        let sent_hour = headers["x-amz-date"]
            .get(9..11)
            .and_then(|hour| hour.parse().ok());
        let is_next = sent_hour.is_some_and(|sent: u8| (sent + 1) % 24 == hour);
        let is_strict = self.oddity == Oddity::AnHourAhead
            || self.oddity == Oddity::HeadAnHourAhead && method == "HEAD";
        if is_strict && sent_hour != Some(hour) && is_next {
            return (403, error("RequestTimeTooSkewed"));
        }
        let mut objects = self.objects.lock().expect("nobody panics");
        match (method, objects.get(path)) {
            ("PUT", Some(_)) if headers.contains_key("if-none-match") => {
                (412, error("PreconditionFailed"))
            }
            ("PUT", _) => {
                objects.insert(path.to_owned(), body);
                (200, Vec::new())
            }
            (_, Some(object)) => (200, object.clone()),
            (_, None) => (404, error("NoSuchKey")),
        }
    }

    fn send(&self, mut stream: &TcpStream, is_head: bool, status: u16, body: &[u8]) -> Option<()> {
        let date = self.now().format(&Rfc2822).ok()?.replace("+0000", "GMT");
        let etag = if self.oddity == Oddity::NoETag {
            ""
        } else {
            "etag: \"1\"\r\n"
        };
        let is_lie = self.oddity == Oddity::LyingLength;
        let length = body.len() + if is_lie { 10 } else { 0 };
        let head = format!(
            "HTTP/1.1 {status} X\r\ndate: {date}\r\n{etag}content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        if !is_head {
            stream.write_all(body).ok()?;
        }
        // What was announced never comes.
        if is_lie { None } else { Some(()) }
    }

    fn now(&self) -> OffsetDateTime {
        let ahead = match self.oddity {
            Oddity::AnHourAhead | Oddity::HeadAnHourAhead => Duration::HOUR,
            _ => Duration::ZERO,
        };
        OffsetDateTime::now_utc() + ahead
    }
}

const NOBODY: &str = r#"{"users":{},"sessions":{}}"#;
