//! An S3 server that does next to nothing while the clock runs.
//!
//! It keeps objects in memory, heeds conditions, and gives ETags without hashing. `verify` checks afterwards what it
//! was sent.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::http::{Delays, Event, Listening, Request, Response, Server, Wait, read_chunks};

/// A running server.
pub(crate) struct S3 {
    servers: Vec<Server>,
    /// `None`: clients find it by the names that AWS has.
    endpoint: Option<String>,
    shared: Arc<Shared>,
}

/// Objects to begin with, by path: `/bucket/key`.
#[derive(Clone, Default)]
pub(crate) struct Objects(HashMap<String, Object>);

impl Objects {
    /// Adds an object without metadata.
    pub(crate) fn with(mut self, path: &str, bytes: Arc<Vec<u8>>) -> Self {
        let object = Object {
            bytes,
            etag: etag(path, 0),
            headers: Vec::new(),
        };
        self.0.insert(path.to_owned(), object);
        self
    }
}

#[derive(Default)]
struct Shared {
    objects: Mutex<HashMap<String, Object>>,
    sent: Mutex<Sent>,
}

/// All that came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Heads and bodies as they came.
    pub(crate) requests: Vec<(Vec<u8>, Arc<Vec<u8>>)>,
    /// Method, path and status, in order.
    pub(crate) lines: Vec<String>,
    /// Time between the end of a request and its answer being ready: the server's part in the times.
    pub(crate) busy: Duration,
}

#[derive(Clone)]
struct Object {
    bytes: Arc<Vec<u8>>,
    etag: String,
    /// Headers that are kept: metadata, type, caching.
    headers: Vec<(String, String)>,
}

impl S3 {
    /// One server for both buckets, at any port of `localhost`.
    pub(crate) fn start(
        objects: Objects,
        tls: Option<Arc<ServerConfig>>,
        delays: Delays,
    ) -> io::Result<Self> {
        let mut s3 = Self::with(objects);
        let scheme = if tls.is_some() { "https" } else { "http" };
        s3.listen(Listening {
            hosts: addresses_of_localhost()?,
            port: 0,
            tls,
            delays,
        })?;
        s3.endpoint = Some(format!("{scheme}://localhost:{}", s3.servers[0].port()));
        Ok(s3)
    }

    /// A server for each bucket, with its address and certificate.
    pub(crate) fn start_as_aws(
        objects: Objects,
        servers: Vec<(IpAddr, Arc<ServerConfig>)>,
        delays: Delays,
    ) -> io::Result<Self> {
        let mut s3 = Self::with(objects);
        for (address, tls) in servers {
            s3.listen(Listening {
                hosts: vec![address],
                port: HTTPS,
                tls: Some(tls),
                delays,
            })?;
        }
        Ok(s3)
    }

    fn with(objects: Objects) -> Self {
        let shared = Shared {
            objects: Mutex::new(objects.0),
            ..Shared::default()
        };
        Self {
            servers: Vec::new(),
            endpoint: None,
            shared: Arc::new(shared),
        }
    }

    fn listen(&mut self, listening: Listening) -> io::Result<()> {
        let handler = Arc::clone(&self.shared);
        let server = Server::start(listening, Box::new(move |request| handler.answer(request)))?;
        self.servers.push(server);
        Ok(())
    }

    /// The value of `AWS_ENDPOINT_URL_S3`, if there is to be one.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// When it was waited for.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        self.servers.iter().flat_map(Server::waits).collect()
    }

    /// All objects as they are now.
    pub(crate) fn objects(&self) -> Objects {
        Objects(lock(&self.shared.objects).clone())
    }

    /// An object's content.
    pub(crate) fn object(&self, path: &str) -> Option<Arc<Vec<u8>>> {
        lock(&self.shared.objects)
            .get(path)
            .map(|object| Arc::clone(&object.bytes))
    }

    pub(crate) fn sent(&self) -> Sent {
        lock(&self.shared.sent).clone()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.servers.iter().map(Server::connections).sum()
    }

    pub(crate) fn events(&self) -> Vec<(Instant, Event)> {
        self.servers.iter().flat_map(Server::events).collect()
    }
}

/// The ETag of an object's version, in the form of S3's.
fn etag(path: &str, version: usize) -> String {
    format!("\"{:016x}{version:016x}\"", path.len())
}

impl Shared {
    fn answer(&self, request: &Request) -> Response {
        let path = path(request);
        let (response, body) = match &*request.method {
            "GET" | "HEAD" => (self.get(request, &path), Arc::default()),
            "PUT" => {
                let body = Arc::clone(&request.body);
                (self.put(request, &path, Arc::clone(&body)), body)
            }
            _ => (error(405, "MethodNotAllowed"), Arc::default()),
        };
        let mut sent = lock(&self.sent);
        sent.lines
            .push(format!("{} {path} {}", request.method, response.status));
        sent.requests.push((request.head.clone(), body));
        sent.busy += request.at.elapsed();
        response
    }

    fn get(&self, request: &Request, path: &str) -> Response {
        let Some(object) = lock(&self.objects).get(path).cloned() else {
            return error(404, "NoSuchKey");
        };
        let mut headers = common();
        headers.push(("ETag".to_owned(), object.etag.clone()));
        headers.push((
            "Last-Modified".to_owned(),
            "Mon, 23 Nov 2026 08:00:00 GMT".to_owned(),
        ));
        headers.extend(object.headers);
        if request.header("if-none-match") == Some(&*object.etag) {
            return Response::without_body(304, headers);
        }
        headers.push(("Accept-Ranges".to_owned(), "bytes".to_owned()));
        Response::new(200, headers, object.bytes)
    }

    fn put(&self, request: &Request, path: &str, body: Arc<Vec<u8>>) -> Response {
        let is_chunked = request
            .header("x-amz-content-sha256")
            .is_some_and(|hash| hash.starts_with("STREAMING-"));
        let bytes = if is_chunked {
            let mut bytes = Vec::new();
            if read_chunks(&mut &body[..], &mut bytes).is_err() {
                return error(400, "IncompleteBody");
            }
            Arc::new(bytes)
        } else {
            body
        };
        let kept = request.headers.iter().filter(|(name, _)| {
            name.starts_with("x-amz-meta-") || matches!(&**name, "content-type" | "cache-control")
        });
        let headers = kept.cloned().collect();
        let version = lock(&self.sent).requests.len() + 1;
        let etag = etag(path, version);
        let mut objects = lock(&self.objects);
        let present = objects.get(path).map(|object| &*object.etag);
        let holds = match (request.header("if-match"), request.header("if-none-match")) {
            (Some(wanted), _) => present == Some(wanted),
            (None, Some(_)) => present.is_none(),
            (None, None) => true,
        };
        if !holds {
            return error(412, "PreconditionFailed");
        }
        objects.insert(
            path.to_owned(),
            Object {
                bytes,
                etag: etag.clone(),
                headers,
            },
        );
        let mut headers = common();
        headers.push(("ETag".to_owned(), etag));
        Response::without_body(200, headers)
    }
}

/// Bucket and key, wherever the bucket stands.
fn path(request: &Request) -> String {
    let path = request.target.split('?').next().unwrap_or_default();
    match request
        .header("host")
        .and_then(|host| host.split_once(".s3."))
    {
        Some((bucket, _)) => format!("/{bucket}{path}"),
        None => path.to_owned(),
    }
}

fn common() -> Vec<(String, String)> {
    // The SDKs correct their clock by the server's.
    let now = OffsetDateTime::now_utc().format(&Rfc2822);
    let date = now.unwrap_or_default().replace("+0000", "GMT");
    [
        (
            "x-amz-id-2",
            "l4xN0vYj5pGkO6mZt0Q2z8sT1bWc7eRfHuIaXdKqPnLyJvMgBoSwEtCzDhFiAr=",
        ),
        ("x-amz-request-id", "4442587FB7D0A2F9"),
        ("Date", &date),
        ("Server", "AmazonS3"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn error(status: u16, code: &str) -> Response {
    let mut headers = common();
    headers.push(("Content-Type".to_owned(), "application/xml".to_owned()));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message>\
         </Error>"
    );
    Response::new(status, headers, Arc::new(body.into_bytes()))
}

/// `::1` too where the system has it: most clients try it first.
fn addresses_of_localhost() -> io::Result<Vec<IpAddr>> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    for address in ("localhost", 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

const HTTPS: u16 = 443;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
