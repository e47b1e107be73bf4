//! `lambda_runtime` with `rusty-s3`, which signs URLs and leaves the sending to `ureq`.
//!
//! The URLs carry the signature, and the body is not signed (`UNSIGNED-PAYLOAD`): `rusty-s3` knows no other way.

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use rusty_s3::actions::{GetObject, PutObject, S3Action};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use work::{Club, Event};

struct S3 {
    agent: Agent,
    private: Bucket,
    public: Bucket,
    credentials: Credentials,
}

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let s3 = S3::new()?;
        work::log_client_ready(begun);
        run(service_fn(async |event: LambdaEvent<Event>| {
            s3.handle(&event.payload)
        }))
        .await
    })
}

impl S3 {
    fn new() -> Result<Self, Error> {
        let region = work::variable("AWS_REGION");
        let (endpoint, style) = match std::env::var("AWS_ENDPOINT_URL_S3") {
            Ok(endpoint) => (endpoint, UrlStyle::Path),
            Err(_) => (
                format!("https://s3.{region}.amazonaws.com"),
                UrlStyle::VirtualHost,
            ),
        };
        let bucket = |name| {
            let name = work::variable(name);
            Bucket::new(endpoint.parse()?, style, name, region.clone()).map_err(Error::from)
        };
        let roots = match work::ca_bundle() {
            None => RootCerts::WebPki,
            Some(pem) => RootCerts::from(
                ureq::tls::parse_pem(&pem)
                    .filter_map(|item| match item {
                        Ok(PemItem::Certificate(certificate)) => Some(certificate),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
        };
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self {
            agent: config.into(),
            private: bucket("PRIVATE_BUCKET_NAME")?,
            public: bucket("PUBLIC_BUCKET_NAME")?,
            credentials: Credentials::new_with_token(
                work::variable("AWS_ACCESS_KEY_ID"),
                work::variable("AWS_SECRET_ACCESS_KEY"),
                work::variable("AWS_SESSION_TOKEN"),
            ),
        })
    }

    fn handle(&self, event: &Event) -> Result<Value, Error> {
        let get = GetObject::new(&self.private, Some(&self.credentials), "data.json");
        let mut object = self.agent.get(get.sign(EXPIRY).as_str()).call()?;
        let etag = object
            .headers()
            .get("etag")
            .and_then(|etag| etag.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let bytes = object
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_vec()?;
        let mut club = Club::read(&bytes)?;
        if event.is_change() {
            club.register(event);
            self.put(&self.private, Some(&etag), &club.private_json()?)?;
            self.put(&self.public, None, &club.into_public_json()?)?;
        }
        Ok(work::answer())
    }

    fn put(&self, bucket: &Bucket, etag: Option<&str>, body: &[u8]) -> Result<(), Error> {
        let mut put = PutObject::new(bucket, Some(&self.credentials), "data.json");
        if let Some(etag) = etag {
            put.headers_mut().insert("if-match", etag);
        }
        let mut request = self
            .agent
            .put(put.sign(EXPIRY).as_str())
            .header("content-type", "application/json");
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        request.send(body)?;
        Ok(())
    }
}

const EXPIRY: Duration = Duration::from_secs(60);
const LARGEST: u64 = 64 << 20;
