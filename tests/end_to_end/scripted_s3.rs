//! An S3 on raw sockets that does what a test tells it, and else what S3 does.
//!
//! It is for answers that the emulator cannot give.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, lambda_environment};
use local::{Delivery, Function, Outcome, RuntimeApi, RuntimeApiOptions};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use crate::sockets::{listen, read_head};
use crate::support::{answer, spawn, url_event};
use local::PATIENCE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// `private data.json`, say.
    pub(crate) object: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What to answer in the place of S3.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The write takes effect all the same.
    pub(crate) is_applied: bool,
    /// What comes after the head is left unread.
    pub(crate) when: When,
    /// How far the `Date` is off.
    pub(crate) date_off: Duration,
    /// What is sent in the place of an error.
    pub(crate) object: Option<Object>,
}

/// When an answer is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum When {
    /// After the request.
    #[default]
    AtTheEnd,
    /// After its head; the rest stays unread, and the connection is closed.
    Early,
    /// The same, but the connection stays open.
    EarlyAndOpen,
}

impl Reply {
    /// An error of S3's.
    pub(crate) fn error(status: u16, code: &'static str) -> Self {
        Self {
            status,
            code,
            ..Self::default()
        }
    }
}

type Script = dyn FnMut(&mut Asked) -> Option<Reply> + Send;

/// How a server differs from S3 in all that it answers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flaws {
    /// How far its clock is ahead.
    pub(crate) clock_ahead: Duration,
    /// `If-Match` is compared with what it knew a moment ago: two writers in a row pass.
    pub(crate) is_late: bool,
    pub(crate) hides_etags: bool,
    /// It announces more than it sends.
    pub(crate) cuts_answers: bool,
}

/// The executable on a scripted S3.
pub(crate) struct Backend {
    pub(crate) function: Function,
    pub(crate) runtime_api: RuntimeApi,
    pub(crate) s3: Arc<Server>,
    environment: BTreeMap<String, String>,
    /// How many events it was given.
    events: Cell<usize>,
}

impl Backend {
    /// With a club of one admin, and so many bytes of something else in it. Nothing is read in INIT.
    pub(crate) fn start(padding: usize) -> Self {
        let club = json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin",
            "auth_token": CODE}}, "sessions": {}, "notes": "x".repeat(padding)});
        let variables = [
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("DOJANG_PREFETCH", "off"),
        ];
        let options = RuntimeApiOptions::default();
        Self::on(Server::start(Some(&club.to_string())), &variables, options)
    }

    /// On this server, with these environment variables besides Lambda's.
    pub(crate) fn on(
        s3: Arc<Server>,
        variables: &[(&str, &str)],
        options: RuntimeApiOptions,
    ) -> Self {
        let runtime_api = RuntimeApi::start(options).expect("a port is free");
        let mut environment = lambda_environment(&runtime_api.address(), &s3.endpoint);
        for (name, value) in variables {
            environment.insert((*name).into(), (*value).into());
        }
        let function = spawn(&environment);
        assert!(runtime_api.wait_for_next(PATIENCE));
        Self {
            function,
            runtime_api,
            s3,
            environment,
            events: Cell::new(0),
        }
    }

    /// Starts a process in the place of one that has ended.
    pub(crate) fn start_again(&mut self) {
        self.function = spawn(&self.environment);
        assert!(self.runtime_api.wait_for_next(PATIENCE));
    }

    /// Whether the process ends by itself.
    pub(crate) fn ends(&self) -> bool {
        let _ = self.function.wait_for_log_line(PATIENCE, |_| false);
        !self.function.is_running()
    }

    /// Whatever `data` asks for: status, body and headers of the answer.
    pub(crate) fn call(&self, data: &Value) -> (u64, Value, Value) {
        self.events.set(self.events.get() + 1);
        let delivery = Delivery {
            request_id: Some(self.request_id()),
            ..Delivery::default()
        };
        let event = url_event(&data.to_string()).to_string();
        match self.runtime_api.invoke_with(delivery, event.as_bytes()) {
            Outcome::Response(payload) => {
                let whole = serde_json::from_slice(&payload).expect("answers are JSON");
                let (status, body) = answer(&whole);
                (status, body, whole["headers"].clone())
            }
            other => panic!("expected an answer, found {other:?}"),
        }
    }

    /// The last event's.
    fn request_id(&self) -> String {
        format!("request-{}-", self.events.get())
    }

    /// Adds a member of this name.
    pub(crate) fn create(&self, name: &str) -> (u64, Value, Value) {
        self.call(
            &json!({"action": "admin_create_user", "auth_token": CODE, "role": "Student",
            "name": name}),
        )
    }

    /// The names of all members, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.s3.state();
        let club: Value = serde_json::from_slice(&state.objects["private data.json"].bytes)
            .expect("the club is JSON");
        let users = club["users"].as_object().expect("users is an object");
        let name = |user: &Value| user["name"].as_str().expect("a name is text").to_owned();
        let mut names: Vec<_> = users.values().map(name).collect();
        names.sort_unstable();
        names
    }

    /// The cause of the last request's fault, as it was logged.
    #[track_caller]
    pub(crate) fn cause(&self) -> String {
        let id = self.request_id();
        let line = self.function.wait_for_log_line(PATIENCE, |line| {
            line.contains("request failed") && line.contains(&id)
        });
        let line: Value = serde_json::from_str(&line.expect("there was a fault")).expect("JSON");
        line["cause"].as_str().expect("it is text").to_owned()
    }
}

/// What the server has and does.
pub(crate) struct Server {
    /// Its URL.
    pub(crate) endpoint: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    asked: Vec<Asked>,
    /// Of all answers.
    statuses: Vec<u16>,
    flaws: Flaws,
    script: Option<Box<Script>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    version: u64,
    metadata: Vec<(String, String)>,
    bytes: Vec<u8>,
}

impl Server {
    /// With this private `data.json`, if any.
    pub(crate) fn start(club: Option<&str>) -> Arc<Self> {
        let listener = listen();
        let server = Arc::new(Self {
            endpoint: format!("http://{}", listener.local_addr().expect("it is bound")),
            state: Mutex::default(),
        });
        if let Some(club) = club {
            let object = Object {
                version: 1,
                metadata: Vec::new(),
                bytes: club.into(),
            };
            let private = "private data.json".to_owned();
            server.state().objects.insert(private, object);
        }
        let serving = Arc::clone(&server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&serving);
                thread::spawn(move || server.serve(&stream));
            }
        });
        server
    }

    /// From now on, it has these.
    pub(crate) fn set_flaws(&self, flaws: Flaws) {
        self.state().flaws = flaws;
    }

    /// From now on, `script` answers what it wants to. It may also change the request before it takes effect.
    pub(crate) fn set_script(
        &self,
        script: impl FnMut(&mut Asked) -> Option<Reply> + Send + 'static,
    ) {
        let mut state = self.state();
        state.script = Some(Box::new(script));
        state.asked.clear();
    }

    /// The next request of this method for this object is answered so; no other is.
    pub(crate) fn once(&self, method: &'static str, object: &'static str, reply: Reply) {
        let mut reply = Some(reply);
        self.set_script(move |asked| {
            let is_meant = asked.method == method && asked.object == object;
            is_meant.then(|| reply.take()).flatten()
        });
    }

    /// Every request of this method for this object is answered so.
    pub(crate) fn always(&self, method: &'static str, object: &'static str, reply: Reply) {
        self.set_script(move |asked| {
            (asked.method == method && asked.object == object).then(|| reply.clone())
        });
    }

    /// The versions of all objects.
    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        let state = self.state();
        let versions = state.objects.iter();
        versions
            .map(|(name, object)| (name.clone(), object.version))
            .collect()
    }

    /// The content of an object.
    pub(crate) fn bytes(&self, object: &str) -> Vec<u8> {
        self.state().objects[object].bytes.clone()
    }

    /// The requests since the script was set.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How all requests were answered.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.state().statuses.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics")
    }

    /// Serves a connection until it is closed.
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let mut asked = read_asked(&mut reader)?;
            let reply = {
                let mut state = self.state();
                state.asked.push(asked.clone());
                let script = state.script.as_mut();
                script.and_then(|script| script(&mut asked))
            };
            let when = reply.as_ref().map_or(When::AtTheEnd, |reply| reply.when);
            if when == When::AtTheEnd {
                let length = asked.headers.get("content-length");
                let length = length.and_then(|length| length.parse().ok());
                asked.body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut asked.body).ok()?;
            }
            let reply = match reply {
                None => self.apply(&asked),
                Some(reply) => {
                    if reply.is_applied {
                        self.apply(&asked);
                    }
                    reply
                }
            };
            let flaws = self.note(reply.status);
            let is_cut = flaws.cuts_answers && asked.method != "HEAD";
            let mut stream = stream;
            stream.write_all(&reply.text(&asked.method, flaws)).ok()?;
            match when {
                // What was announced never comes.
                When::AtTheEnd if is_cut => return None,
                When::AtTheEnd => {}
                When::Early => return stream.shutdown(Shutdown::Write).ok(),
                When::EarlyAndOpen => loop {
                    thread::park();
                },
            }
        }
    }

    /// Notes how a request is answered, and tells what is wrong with all answers.
    fn note(&self, status: u16) -> Flaws {
        let mut state = self.state();
        state.statuses.push(status);
        state.flaws
    }

    /// What S3 does, and its answer.
    fn apply(&self, asked: &Asked) -> Reply {
        let mut state = self.state();
        let is_late = state.flaws.is_late;
        let present = state.objects.get(&asked.object);
        let etag = present.map(|object| etag(object.version));
        let header = |name: &str| asked.headers.get(name);
        if asked.method != "PUT" {
            let Some(object) = present else {
                return Reply::error(404, "NoSuchKey");
            };
            let is_known =
                header("if-none-match").is_some() && header("if-none-match") == etag.as_ref();
            return Reply {
                status: if is_known { 304 } else { 200 },
                headers: vec![("etag", etag.unwrap_or_default())],
                object: (!is_known).then(|| object.clone()),
                ..Reply::default()
            };
        }
        let version = present.map_or(0, |object| object.version);
        let is_match = |matching: &String| {
            Some(matching) == etag.as_ref()
                || is_late && version > 0 && *matching == self::etag(version - 1)
        };
        if header("if-none-match").is_some() && present.is_some()
            || header("if-match").is_some_and(|matching| !is_match(matching))
        {
            return Reply::error(412, "PreconditionFailed");
        }
        let metadata = asked.headers.iter();
        let metadata = metadata.filter(|(name, _)| name.starts_with("x-amz-meta-"));
        let object = Object {
            version: version + 1,
            metadata: metadata
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            bytes: asked.body.clone(),
        };
        state.objects.insert(asked.object.clone(), object);
        Reply {
            status: 200,
            headers: vec![("etag", self::etag(version + 1))],
            ..Reply::default()
        }
    }
}

impl Reply {
    fn text(&self, method: &str, flaws: Flaws) -> Vec<u8> {
        let date = (OffsetDateTime::now_utc() + self.date_off + flaws.clock_ahead)
            .format(&Rfc2822)
            .expect("it is a date")
            .replace("+0000", "GMT");
        let mut body = Vec::new();
        if let Some(object) = &self.object {
            body.clone_from(&object.bytes);
        } else if !self.code.is_empty() || !self.message.is_empty() {
            let (code, message) = (self.code, &self.message);
            body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>").into();
        }
        let mut head = format!("HTTP/1.1 {} X\r\ndate: {date}\r\n", self.status);
        let scripted = self.headers.iter().map(|(name, value)| (*name, value));
        let stored = self.object.iter().flat_map(|object| &object.metadata);
        let stored = stored.map(|(name, value)| (name.as_str(), value));
        for (name, value) in scripted.chain(stored) {
            if name != "etag" || !flaws.hides_etags {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        // These have no body, and no length of one (RFC 9110, sections 15.3.5 and 15.4.5).
        if !matches!(self.status, 204 | 304) {
            let more = if flaws.cuts_answers { 10 } else { 0 };
            head.push_str(&format!("content-length: {}\r\n", body.len() + more));
        }
        head.push_str("\r\n");
        let body: &[u8] = if method == "HEAD" { &[] } else { &body };
        [head.as_bytes(), body].concat()
    }
}

/// A request without its body.
fn read_asked(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let (first, headers) = read_head(reader)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?);
    let object = path
        .replace(&format!("/{PRIVATE_BUCKET}/"), "private ")
        .replace(&format!("/{PUBLIC_BUCKET}/"), "public ");
    Some(Asked {
        method,
        object,
        headers,
        body: Vec::new(),
    })
}

fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// The admin's login code.
pub(crate) const CODE: &str = "AbCd1234";
