//! The limit of a cold write: no JSON is parsed, nothing is checked, no list is kept, and no fault is handled.
//! It gets the club, puts an answer into its text, hashes the codes, and sends both objects signed.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;

use dojang::sigv4::{self, Credentials, Signer, payload_sha256};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{CipherSuite, ClientConfig, ClientConnection, RootCertStore, StreamOwned, version::TLS13};
use sha2::{Digest, Sha256};

#[cfg(target_env = "musl")]
use copying as _;
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> Result<()> {
    // As ours: the club is read, and the connections are open, when the first event is asked for.
    let mut s3 = S3::connect()?;
    let club = s3.send("GET", "PRIVATE_BUCKET_NAME", &[])?;
    let mut club = String::from_utf8(club).map_err(Error::other)?;
    let host = variable("AWS_LAMBDA_RUNTIME_API");
    let mut api = BufReader::new(TcpStream::connect(&host)?);
    api.get_ref().set_nodelay(true)?;
    let path = "/2018-06-01/runtime/invocation";
    loop {
        write(api.get_mut(), &format!("GET {path}/next"), &host, "", &[])?;
        let (id, event) = read_answer(&mut api)?;
        if put_answer(&mut club, &String::from_utf8_lossy(&event)).is_some() {
            s3.send("PUT", "PRIVATE_BUCKET_NAME", club.as_bytes())?;
            s3.send("PUT", "PUBLIC_BUCKET_NAME", hashed(&club).as_bytes())?;
        }
        let body = br#"{"statusCode":200,"body":"{}"}"#;
        write(api.get_mut(), &format!("POST {path}/{id}/response"), &host, "", body)?;
        read_answer(&mut api)?;
    }
}

/// Puts an event's answer into the club; `None` if the event has none.
fn put_answer(club: &mut String, event: &str) -> Option<()> {
    let (session, rest) = event.split_once(r#""joining_sessions":{"#)?.1.split_once(':')?;
    let (answer, rest) = rest.split_once('}')?;
    let code = rest.split_once('[')?.1.split_once(']')?.0;
    let user = club[..club.find(code)?].rsplit_once(r#""user_id":"#)?.1.split_once(',')?.0;
    let session = club.find(&format!("{session}:{{"))?;
    let begin = session + club[session..].find(r#""participation":{"#)? + 17;
    club.insert_str(begin, &format!("{user}:{answer},"));
    Some(())
}

/// The club as it is published.
fn hashed(club: &str) -> String {
    const KEY: &str = r#""auth_token":""#;
    let mut parts = club.split(KEY);
    let mut public = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('"').unwrap_or_default();
        public.extend([KEY, &hex::encode(Sha256::digest(code)), "\"", rest]);
    }
    public
}

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

struct S3 {
    signer: Signer,
    connections: Vec<(String, Stream)>,
}

impl S3 {
    fn connect() -> Result<Self> {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(variable("AWS_CA_BUNDLE")).map_err(Error::other)?;
        roots.add(root).map_err(Error::other)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&TLS13]);
        let tls = Arc::new(tls.map_err(Error::other)?.with_root_certificates(roots).with_no_client_auth());
        let mut connections: Vec<(String, Stream)> = Vec::new();
        for (host, _) in ["PRIVATE_BUCKET_NAME", "PUBLIC_BUCKET_NAME"].map(address) {
            if connections.iter().all(|(known, _)| *known != host) {
                let (name, port) = host.split_once(':').unwrap_or((&host, "443"));
                let server = ServerName::try_from(name.to_owned()).map_err(Error::other)?;
                let client = ClientConnection::new(Arc::clone(&tls), server).map_err(Error::other)?;
                let stream = TcpStream::connect(format!("{name}:{port}"))?;
                stream.set_nodelay(true)?;
                let mut stream = StreamOwned::new(client, stream);
                stream.conn.complete_io(&mut stream.sock)?;
                connections.push((host, BufReader::new(stream)));
            }
        }
        let (id, secret) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
        let credentials = Credentials::new(id, secret, Some(variable("AWS_SESSION_TOKEN")));
        Ok(Self { signer: Signer::new(credentials, &variable("AWS_REGION")), connections })
    }

    /// Makes a signed request; the body of its answer.
    fn send(&mut self, method: &str, bucket: &str, body: &[u8]) -> Result<Vec<u8>> {
        let (host, path) = address(bucket);
        let (headers, payload) = ([("host", &*host)], payload_sha256(body));
        let request = sigv4::Request { method, path: &path, query: &[], headers: &headers, payload_sha256: &payload };
        let signed = self.signer.sign(time::OffsetDateTime::now_utc(), &request);
        let lines: String = signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (_, stream) = self.connections.iter_mut().find(|(known, _)| *known == host).expect("connected");
        write(stream.get_mut(), &format!("{method} {path}"), &host, &lines, body)?;
        read_answer(stream).map(|(_, body)| body)
    }
}

/// Host and path of a bucket's object.
fn address(bucket: &str) -> (String, String) {
    let bucket = variable(bucket);
    let host = format!("{bucket}.s3.{}.amazonaws.com", variable("AWS_REGION"));
    match std::env::var("AWS_ENDPOINT_URL_S3") {
        Ok(url) => (url.replace("https://", ""), format!("/{bucket}/data.json")),
        Err(_) => (host, "/data.json".to_owned()),
    }
}

fn write(stream: &mut impl Write, line: &str, host: &str, headers: &str, body: &[u8]) -> Result<()> {
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()
}

/// The request id if there is one, and the body.
fn read_answer(stream: &mut impl BufRead) -> Result<(String, Vec<u8>)> {
    let (mut id, mut length, mut line) = (String::new(), 0, String::new());
    while stream.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
            id = value.trim().to_owned();
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((id, body))
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("set by Lambda or the benchmark")
}
