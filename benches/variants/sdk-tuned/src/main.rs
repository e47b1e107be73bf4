//! `lambda_runtime` and the AWS SDK for Rust, tuned as a good engineer would for a cold start.
//!
//! No `aws-config` with its chain of providers, ring instead of aws-lc, one thread, no tracing, no checksums that S3
//! does not ask for, fat link-time optimisation.

#[path = "../../sdk-documented/src/handle.rs"]
mod handle;

use std::time::Instant;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use handle::handle;
use lambda_runtime::{Error, run, service_fn};

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
