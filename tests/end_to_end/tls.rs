//! S3 over TLS: a proxy in front of the S3 server, with a certificate of a CA of the test's own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use local::S3Options;
use local::setup::PRIVATE_BUCKET;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::json;

use crate::cases;
use crate::support::{Backend, Counts, answer, code, error_text};

const RSA_2048: &str = include_str!("rsa_2048.pem");

cases! {
    a_certificate_of_the_bundle_is_trusted,
    one_connection_serves_many_requests,
    certificates_of_every_kind_are_trusted_with_both_versions_of_tls,
    objects_of_many_records_arrive_with_both_versions_of_tls,
    a_refusal_before_the_end_of_an_upload_is_read,
    a_certificate_of_nobody_known_is_refused,
    a_certificate_of_another_authority_is_refused,
    a_certificate_for_another_name_is_refused,
    an_expired_certificate_is_refused,
    a_server_without_tls_gets_no_request,
}

fn a_certificate_of_the_bundle_is_trusted(counts: &Counts) {
    for host in ["localhost", "127.0.0.1"] {
        let authority = Authority::new();
        let proxy = Proxy::start(&authority.certificate(&["localhost", "127.0.0.1"], true));
        let url = proxy.url.replace("localhost", host);
        let bundle = Bundle::new(&[&authority]);
        let backend = proxy.backend(counts, &url, Some(&bundle));
        let reset = json!({"action": "any_reset_test_setup",
            "test_secret": local::setup::TEST_SECRET});
        assert_eq!(backend.call(&reset), (200, json!({})));
        let create = json!({"action": "admin_create_user", "role": "Coach", "name": "New"});
        backend.ok_as("Grandmaster Oh", &create);
        assert_eq!(backend.public()["users"].as_object().unwrap().len(), 11);
    }
}

fn one_connection_serves_many_requests(counts: &Counts) {
    let authority = Authority::new();
    let proxy = Proxy::start(&authority.certificate(&["localhost"], true));
    // Further certificates in the bundle do no harm.
    let bundle = Bundle::new(&[&Authority::new(), &authority]);
    let backend = proxy.backend(counts, &proxy.url, Some(&bundle));
    for _ in 0..5 {
        let trigger = json!({"action": "any_trigger_initialization"});
        assert_eq!(backend.call(&trigger).0, 200);
    }
    assert!(backend.s3.requests().len() >= 5);
    assert!(
        proxy.connections.load(Ordering::Relaxed) <= 2,
        "at most one for each bucket"
    );
}

fn certificates_of_every_kind_are_trusted_with_both_versions_of_tls(counts: &Counts) {
    let generated = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    let keys: [&dyn Fn() -> KeyPair; 4] = [
        // As S3's own.
        &|| KeyPair::from_pem(RSA_2048).unwrap(),
        &|| generated(&PKCS_ECDSA_P256_SHA256),
        &|| generated(&PKCS_ECDSA_P384_SHA384),
        &|| generated(&PKCS_ED25519),
    ];
    for key in keys {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let authority = Authority::with_key(key());
            let server = authority.with_version(&["localhost"], true, &[version], key());
            let proxy = Proxy::start(&server);
            let backend = proxy.backend(counts, &proxy.url, Some(&Bundle::new(&[&authority])));
            let trigger = json!({"action": "any_trigger_initialization"});
            assert_eq!(backend.call(&trigger), (200, json!({})));
        }
    }
}

fn objects_of_many_records_arrive_with_both_versions_of_tls(counts: &Counts) {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        // A record holds 16,384 bytes at most.
        let notes = "æ".repeat(50_000);
        let (_proxy, backend) = with_notes(counts, version, &notes);
        let create = json!({"action": "admin_create_user", "role": "Coach", "name": "New"});
        backend.ok_as("Grandmaster Oh", &create);
        for object in [backend.private(), backend.public()] {
            assert_eq!(object["notes"], notes);
            assert_eq!(object["users"].as_object().unwrap().len(), 11);
        }
    }
}

fn a_refusal_before_the_end_of_an_upload_is_read(counts: &Counts) {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        // More than the buffers of a connection hold.
        let (proxy, backend) = with_notes(counts, version, &"x".repeat(5 << 20));
        let create =
            |name: &str| json!({"action": "admin_create_user", "role": "Coach", "name": name});
        backend.ok_as("Grandmaster Oh", &create("New"));
        proxy.refuses_puts.store(true, Ordering::Relaxed);
        let (status, body) = backend.call_as("Grandmaster Oh", &create("Never"));
        assert_eq!(status, 500, "{body}");
        assert!(error_text(&body).contains("Nothing was changed"), "{body}");
        let line = backend.log_line(|line| line["message"] == "request failed");
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.contains("403 AccessDenied"), "{cause}");
        assert_eq!(backend.private()["users"].as_object().unwrap().len(), 11);
    }
}

/// A demo club behind a proxy that speaks this version of TLS, with `notes` in private `data.json`.
fn with_notes<'c>(
    counts: &'c Counts,
    version: &'static SupportedProtocolVersion,
    notes: &str,
) -> (Proxy, Backend<'c>) {
    let authority = Authority::new();
    let proxy = Proxy::start(&authority.with_version(
        &["localhost"],
        true,
        &[version],
        KeyPair::generate().unwrap(),
    ));
    // Read once, at the start.
    let bundle = Bundle::new(&[&authority]);
    let backend = proxy.backend(counts, &proxy.url, Some(&bundle));
    let reset = json!({"action": "any_reset_test_setup",
        "test_secret": local::setup::TEST_SECRET});
    assert_eq!(backend.call(&reset).0, 200);
    let mut stored = backend.private();
    stored["notes"] = json!(notes);
    let stored = stored.to_string();
    backend.s3.put_object(PRIVATE_BUCKET, "data.json", stored);
    (proxy, backend)
}

fn a_certificate_of_nobody_known_is_refused(counts: &Counts) {
    let proxy = Proxy::start(&Authority::new().certificate(&["localhost"], true));
    assert_refused(&proxy.backend(counts, &proxy.url, None), "UnknownIssuer");
}

fn a_certificate_of_another_authority_is_refused(counts: &Counts) {
    let proxy = Proxy::start(&Authority::new().certificate(&["localhost"], true));
    let bundle = Bundle::new(&[&Authority::new()]);
    let backend = proxy.backend(counts, &proxy.url, Some(&bundle));
    // Both authorities have the same name, so it is the signature that does not fit.
    assert_refused(&backend, "certificate");
}

fn a_certificate_for_another_name_is_refused(counts: &Counts) {
    let authority = Authority::new();
    let proxy = Proxy::start(&authority.certificate(&["s3.example.org"], true));
    let bundle = Bundle::new(&[&authority]);
    assert_refused(
        &proxy.backend(counts, &proxy.url, Some(&bundle)),
        "localhost",
    );
}

fn an_expired_certificate_is_refused(counts: &Counts) {
    let authority = Authority::new();
    let proxy = Proxy::start(&authority.certificate(&["localhost"], false));
    let bundle = Bundle::new(&[&authority]);
    assert_refused(&proxy.backend(counts, &proxy.url, Some(&bundle)), "expired");
}

fn a_server_without_tls_gets_no_request(counts: &Counts) {
    // The endpoint says https, but the server speaks plain HTTP.
    let authority = Authority::new();
    let bundle = Bundle::new(&[&authority]);
    let server = local::S3Server::start(S3Options::default()).unwrap();
    let url = server.endpoint().replace("http://", "https://");
    let variables = [
        ("AWS_ENDPOINT_URL_S3", &*url),
        ("AWS_CA_BUNDLE", bundle.path()),
    ];
    let backend = Backend::start(counts, S3Options::default(), &variables);
    let trigger = json!({"action": "any_trigger_initialization"});
    let payload = backend.hurried(&trigger);
    assert_eq!(answer(&payload).0, 503);
    assert_eq!(server.requests(), []);
}

/// A 503 that says that nothing was changed, with the cause in the log; S3 saw nothing of it.
#[track_caller]
fn assert_refused(backend: &Backend<'_>, cause: &str) {
    // The first one, whose log line is looked at, ends after so many errors: a deadline might cut the last
    // try short, and then that would be the cause.
    let trigger = json!({"action": "any_trigger_initialization"});
    let create = json!({"action": "admin_create_user", "auth_token": code("Grandmaster Oh"),
        "role": "Coach", "name": "Never"});
    for payload in [backend.event(&trigger), backend.hurried(&create)] {
        let (status, body) = answer(&payload);
        assert_eq!(status, 503, "{body}");
        assert!(error_text(&body).contains("Nothing was changed"), "{body}");
        assert!(payload["headers"]["Retry-After"].is_string());
    }
    assert_eq!(backend.s3.requests(), []);
    let line = backend.log_line(|line| line["message"] == "request failed");
    let logged = line["cause"].as_str().unwrap();
    assert!(
        logged.contains("private data.json") && logged.contains("certificate"),
        "{logged}"
    );
    assert!(logged.contains(cause), "{logged}");
    assert!(backend.function.is_running());
}

/// Signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::with_key(KeyPair::generate().unwrap())
    }

    fn with_key(key: KeyPair) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A server's configuration with a certificate for these names, valid or expired.
    fn certificate(&self, names: &[&str], valid: bool) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        self.with_version(names, valid, rustls::DEFAULT_VERSIONS, key)
    }

    fn with_version(
        &self,
        names: &[&str],
        valid: bool,
        versions: &[&'static SupportedProtocolVersion],
        key: KeyPair,
    ) -> Arc<ServerConfig> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if !valid {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            );
        Arc::new(config.unwrap())
    }
}

/// A file with certificates, removed in the end.
struct Bundle(PathBuf);

impl Bundle {
    fn new(authorities: &[&Authority]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bundle-{}-{number}.pem", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let pem: String = authorities
            .iter()
            .map(|authority| &*authority.pem)
            .collect();
        std::fs::write(&path, format!("# of a test\n{pem}")).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Takes HTTP over TLS and hands it on without.
struct Proxy {
    /// `https://localhost:PORT`
    url: String,
    /// The port of the server behind; connections wait until it is known.
    target: Arc<OnceLock<u16>>,
    /// How many connections brought at least one request.
    connections: Arc<AtomicUsize>,
    /// Whether it answers each PUT with 403 once it has seen the beginning, and closes the connection.
    refuses_puts: Arc<AtomicBool>,
}

impl Proxy {
    /// Its threads end with the test's process.
    fn start(config: &Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let proxy = Self {
            url,
            target: Arc::default(),
            connections: Arc::default(),
            refuses_puts: Arc::default(),
        };
        let (config, target) = (Arc::clone(config), Arc::clone(&proxy.target));
        let connections = Arc::clone(&proxy.connections);
        let refuses_puts = Arc::clone(&proxy.refuses_puts);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, target) = (Arc::clone(&config), Arc::clone(&target));
                let connections = Arc::clone(&connections);
                let refuses_puts = Arc::clone(&refuses_puts);
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let client = StreamOwned::new(connection, stream.unwrap());
                    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, *target.wait())).unwrap();
                    // An error is a client that does not trust us, or went away.
                    let _ = forward(client, server, &connections, &refuses_puts);
                });
            }
        });
        proxy
    }

    /// A backend whose S3 server is behind the proxy at `url`.
    fn backend<'c>(&self, counts: &'c Counts, url: &str, bundle: Option<&Bundle>) -> Backend<'c> {
        let variables = [
            ("AWS_ENDPOINT_URL_S3", url),
            ("AWS_CA_BUNDLE", bundle.map_or("", Bundle::path)),
            // The proxy does not know yet where to connect to.
            ("DOJANG_PREFETCH", "off"),
        ];
        let backend = Backend::start(counts, S3Options::default(), &variables);
        self.target.set(backend.s3.port()).unwrap();
        backend
    }
}

/// Hands on one exchange after the other, until one end closes.
fn forward(
    client: StreamOwned<ServerConnection, TcpStream>,
    server: TcpStream,
    connections: &AtomicUsize,
    refuses_puts: &AtomicBool,
) -> io::Result<()> {
    let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
    let mut is_first = true;
    loop {
        if client.fill_buf()?.starts_with(b"PUT ") && refuses_puts.load(Ordering::Relaxed) {
            client.get_mut().write_all(REFUSAL.as_bytes())?;
            return client.get_mut().flush();
        }
        let Some(request) = message(&mut client, false)? else {
            return Ok(());
        };
        if is_first {
            connections.fetch_add(1, Ordering::Relaxed);
            is_first = false;
        }
        server.get_mut().write_all(&request)?;
        let Some(response) = message(&mut server, request.starts_with(b"HEAD "))? else {
            return Ok(());
        };
        client.get_mut().write_all(&response)?;
        client.get_mut().flush()?;
    }
}

const REFUSAL: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n\
    <Error><Code>AccessDenied</Code></Error>";

/// An HTTP message, head and body; `None` if there is no further one. All that this S3 server and its
/// client send has a `Content-Length` or no body.
fn message(stream: &mut impl BufRead, mut is_bodiless: bool) -> io::Result<Option<Vec<u8>>> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    loop {
        let start = bytes.len();
        if stream.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&bytes[start..]).to_ascii_lowercase();
        if line.starts_with("http/1.1 304") {
            is_bodiless = true;
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    stream
        .take(if is_bodiless { 0 } else { length })
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
