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
    a_server_that_cannot_keep_the_promises_gets_no_change,
    a_server_that_cannot_keep_the_promises_gets_no_club,
    one_instance_at_a_time_may_do_with_less,
    each_instance_probes_once,
    a_probe_that_fails_is_made_again,
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

/// What a server does not keep, and words of what is said of it.
const UNFIT: [(Oddity, &str); 6] = [
    (Oddity::NoIfMatch, "ignores If-Match"),
    (Oddity::NoIfNoneMatch, "ignores If-None-Match"),
    (Oddity::NoConditions, "ignores If-Match"),
    (
        Oddity::UnknownConditions,
        "does not know conditional writes",
    ),
    (Oddity::NoMetadata, "drops x-amz-meta-*"),
    (Oddity::NotAtomic, "lets several writes pass one If-Match"),
];

fn a_server_that_cannot_keep_the_promises_gets_no_change(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = Backend::probing("probed", oddity, &one_admin());
        let (status, body) = backend.call(&new_user());
        assert_eq!(status, 503, "{oddity:?}: {body}");
        let text = body["error"].as_str().unwrap_or_default();
        assert!(text.contains("Nothing was changed"), "{text}");
        let line = expect_log_line(&backend.function, words);
        let host = backend.endpoint.trim_start_matches("http://");
        for expected in ["ERROR", host, "given_up=server"] {
            assert!(line.contains(expected), "{expected}: {line}");
        }
        let has_way_out = oddity != Oddity::UnknownConditions;
        assert_eq!(line.contains("DOJANG_S3_SERVER"), has_way_out, "{line}");
        assert_eq!(
            backend.server.bytes(&private_data()),
            one_admin().into_bytes()
        );
        // Whoever only looks is served, and another change is refused as well.
        let look = json!({"action": "coach_get_historical_participation", "auth_token": "AbCd1234",
            "start_time": 1_700_000_000, "end_time": 1_700_086_400});
        let (status, body) = backend.call(&look);
        assert_eq!(status, 200, "{oddity:?}: {body}");
        assert_eq!(backend.call(&new_user()).0, 503, "{oddity:?}");
    }
}

fn a_server_that_cannot_keep_the_promises_gets_no_club(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = Backend::probing("probed", oddity, "");
        assert_eq!(backend.initialise().0, 503, "{oddity:?}");
        expect_log_line(&backend.function, words);
        let objects = backend.server.objects.lock().expect("nobody panics");
        assert!(
            objects
                .keys()
                .all(|key| key.ends_with("/dojang-probe.json"))
        );
    }
}

fn one_instance_at_a_time_may_do_with_less(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = Backend::probing("single-instance", oddity, &one_admin());
        // What knows no conditions takes none of our writes.
        let (expected, level) = match oddity {
            Oddity::UnknownConditions => (503, "ERROR"),
            _ => (200, "WARN"),
        };
        assert_eq!(backend.call(&new_user()).0, expected, "{oddity:?}");
        assert!(expect_log_line(&backend.function, words).contains(level));
    }
}

fn each_instance_probes_once(_: &Counts) {
    let backend = Backend::probing("probed", Oddity::None, &one_admin());
    let requests = || backend.statuses().len();
    assert_eq!(backend.call(&user_named("Ane")).0, 200, "Ane");
    let (before, probed) = (requests(), backend.server.probes());
    assert_eq!(backend.call(&user_named("Bo Bech")).0, 200, "Bo Bech");
    assert_eq!(requests() - before, 2, "two PUTs");
    assert!(probed > 8 && backend.server.probes() == probed, "{probed}");
    // Another instance does not rely on what this one found.
    let other = Backend::beside(&backend, "probed");
    assert_eq!(other.call(&user_named("Cleo")).0, 200);
    assert_eq!(backend.server.probes(), 2 * probed);
    let trusting = Backend::beside(&backend, "trusted");
    assert_eq!(trusting.call(&user_named("Dina")).0, 200);
    assert_eq!(backend.server.probes(), 2 * probed);
}

fn a_probe_that_fails_is_made_again(_: &Counts) {
    for oddity in [Oddity::BusyAtFirst, Oddity::BusyInRaces] {
        let backend = Backend::probing("probed", oddity, &one_admin());
        assert_eq!(backend.call(&new_user()).0, 200, "{oddity:?}");
        // Not taken for one that has passed.
        assert!(backend.server.probes() > 23, "{}", backend.server.probes());
    }
}

fn one_admin() -> String {
    json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin", "auth_token": "AbCd1234"}},
        "sessions": {}})
    .to_string()
}

fn new_user() -> Value {
    user_named("Somebody")
}

fn user_named(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": "AbCd1234", "role": "Student", "name": name})
}

fn private_data() -> String {
    format!("/{PRIVATE_BUCKET}/data.json")
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    None,
    /// Its clock is an hour ahead of ours, and it insists on it.
    AnHourAhead,
    /// The same for HEAD only.
    HeadAnHourAhead,
    NoConditions,
    NoIfMatch,
    NoIfNoneMatch,
    /// It answers every conditional write with 501.
    UnknownConditions,
    NoMetadata,
    /// `If-Match` is compared with what it knew a moment ago: two writers in a row pass.
    NotAtomic,
    /// It answers the first writes with 503.
    BusyAtFirst,
    /// The first that are made at once.
    BusyInRaces,
    NoETag,
    /// It announces more than it sends.
    LyingLength,
}

/// The executable on an odd server.
struct Backend {
    function: Function,
    runtime_api: RuntimeApi,
    endpoint: String,
    server: Arc<Server>,
}

impl Backend {
    /// With this private `data.json`; none if it is empty.
    fn start(oddity: Oddity, club: &str) -> Self {
        Self::probing("trusted", oddity, club)
    }

    /// With this value of `DOJANG_S3_SERVER`.
    fn probing(trust: &str, oddity: Oddity, club: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let server = Arc::new(Server {
            oddity,
            objects: Mutex::default(),
            statuses: Mutex::default(),
            probes: Mutex::default(),
        });
        if !club.is_empty() {
            let object = Object {
                bytes: club.into(),
                etag: 1,
                metadata: Vec::new(),
            };
            let mut objects = server.objects.lock().expect("nobody panics");
            objects.insert(private_data(), object);
        }
        let serving = Arc::clone(&server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&serving);
                thread::spawn(move || server.serve(&stream));
            }
        });
        Self::on(server, endpoint, trust)
    }

    /// Another instance on the same server.
    fn beside(other: &Self, trust: &str) -> Self {
        Self::on(Arc::clone(&other.server), other.endpoint.clone(), trust)
    }

    fn on(server: Arc<Server>, endpoint: String, trust: &str) -> Self {
        let runtime_api = RuntimeApi::start(patient_runtime_api()).expect("a port is free");
        let mut environment = lambda_environment(&runtime_api.address(), &endpoint);
        environment.insert("DOJANG_S3_SERVER".into(), trust.into());
        let function = spawn(&environment);
        Self {
            function,
            runtime_api,
            endpoint,
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
    objects: Mutex<BTreeMap<String, Object>>,
    /// Of all requests.
    statuses: Mutex<Vec<u16>>,
    probes: Mutex<usize>,
}

#[derive(Clone, Default)]
struct Object {
    bytes: Vec<u8>,
    /// Counted.
    etag: u64,
    metadata: Vec<(String, String)>,
}

impl Server {
    fn bytes(&self, path: &str) -> Vec<u8> {
        self.objects.lock().expect("nobody panics")[path]
            .bytes
            .clone()
    }

    /// How often the object was written on which a server is tried, or was to be.
    fn probes(&self) -> usize {
        *self.probes.lock().expect("nobody panics")
    }

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
            let (status, object) = self.answer(words.next()?, words.next()?, &headers, body);
            self.statuses.lock().ok()?.push(status);
            self.send(stream, first.starts_with("HEAD"), status, &object)?;
        }
    }

    /// Status, and the object that the answer tells of. An error is the bytes of one.
    fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: Vec<u8>,
    ) -> (u16, Object) {
        let error = |code: &str| Object {
            bytes: format!("<Error><Code>{code}</Code></Error>").into_bytes(),
            ..Object::default()
        };
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
        let present = objects.get(path).cloned();
        if method != "PUT" {
            return match present {
                Some(object) => (200, object),
                None => (404, error("NoSuchKey")),
            };
        }
        if path.ends_with("/dojang-probe.json") {
            let mut probes = self.probes.lock().expect("nobody panics");
            *probes += 1;
            let is_busy = match self.oddity {
                Oddity::BusyAtFirst => *probes <= 3,
                Oddity::BusyInRaces => (6..=13).contains(&*probes),
                _ => false,
            };
            if is_busy {
                return (503, error("SlowDown"));
            }
        }
        let (matching, absent) = (
            headers.get("if-match"),
            headers.contains_key("if-none-match"),
        );
        if self.oddity == Oddity::UnknownConditions && (absent || matching.is_some()) {
            return (501, error("NotImplemented"));
        }
        let ignores = |oddities: &[Oddity]| oddities.contains(&self.oddity);
        if absent && present.is_some() && !ignores(&[Oddity::NoConditions, Oddity::NoIfNoneMatch]) {
            return (412, error("PreconditionFailed"));
        }
        let etag = present.as_ref().map_or(0, |object| object.etag);
        if let Some(matching) = matching
            && !ignores(&[Oddity::NoConditions, Oddity::NoIfMatch])
        {
            let is_late = self.oddity == Oddity::NotAtomic && *matching == quoted(etag - 1);
            if *matching != quoted(etag) && !is_late {
                return (412, error("PreconditionFailed"));
            }
        }
        let metadata = headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-amz-meta-") && !ignores(&[Oddity::NoMetadata]))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let object = Object {
            bytes: body,
            etag: etag + 1,
            metadata,
        };
        objects.insert(path.to_owned(), object.clone());
        let answer = Object {
            bytes: Vec::new(),
            ..object
        };
        (200, answer)
    }

    fn send(
        &self,
        mut stream: &TcpStream,
        is_head: bool,
        status: u16,
        object: &Object,
    ) -> Option<()> {
        let date = self.now().format(&Rfc2822).ok()?.replace("+0000", "GMT");
        let mut head = format!("HTTP/1.1 {status} X\r\ndate: {date}\r\n");
        if self.oddity != Oddity::NoETag {
            head += &format!("etag: {}\r\n", quoted(object.etag));
        }
        for (name, value) in &object.metadata {
            head += &format!("{name}: {value}\r\n");
        }
        let is_lie = self.oddity == Oddity::LyingLength;
        let length = object.bytes.len() + if is_lie { 10 } else { 0 };
        head += &format!("content-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        if !is_head {
            stream.write_all(&object.bytes).ok()?;
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

fn quoted(etag: u64) -> String {
    format!("\"{etag}\"")
}

const NOBODY: &str = r#"{"users":{},"sessions":{}}"#;
