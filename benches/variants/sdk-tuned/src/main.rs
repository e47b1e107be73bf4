//! `lambda_runtime` and the AWS SDK for Rust, tuned as a good engineer would for a cold start.
//!
//! No `aws-config` with its chain of providers, ring instead of aws-lc, one thread, no tracing, no checksums that S3
//! does not ask for, fat link-time optimisation.

use std::time::Instant;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use work::{Club, Event};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let client = client()?;
        work::log_client_ready(begun);
        let (private, public) = (
            work::variable("PRIVATE_BUCKET_NAME"),
            work::variable("PUBLIC_BUCKET_NAME"),
        );
        run(service_fn(|event| {
            handle(&client, &private, &public, event)
        }))
        .await
    })
}

fn client() -> Result<Client, Error> {
    let roots = match work::ca_bundle() {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(TlsContext::builder().with_trust_store(roots).build()?)
        .build_https();
    let credentials = Credentials::new(
        work::variable("AWS_ACCESS_KEY_ID"),
        work::variable("AWS_SECRET_ACCESS_KEY"),
        std::env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let mut config = aws_sdk_s3::config::Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(work::variable("AWS_REGION")))
        .credentials_provider(credentials)
        .http_client(http)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL_S3") {
        config = config.endpoint_url(endpoint).force_path_style(true);
    }
    Ok(Client::from_conf(config.build()))
}

async fn handle(
    client: &Client,
    private: &str,
    public: &str,
    event: LambdaEvent<Event>,
) -> Result<Value, Error> {
    let event = event.payload;
    let object = client
        .get_object()
        .bucket(private)
        .key("data.json")
        .send()
        .await?;
    let etag = object.e_tag().unwrap_or_default().to_owned();
    let mut club = Club::read(&object.body.collect().await?.into_bytes())?;
    if event.is_change() {
        club.register(&event);
        client
            .put_object()
            .bucket(private)
            .key("data.json")
            .content_type("application/json")
            .if_match(etag)
            .body(ByteStream::from(club.private_json()?))
            .send()
            .await?;
        client
            .put_object()
            .bucket(public)
            .key("data.json")
            .content_type("application/json")
            .body(ByteStream::from(club.into_public_json()?))
            .send()
            .await?;
    }
    Ok(work::answer())
}
