//! `lambda_runtime` and the AWS SDK for Rust, as their documentation shows them.
//!
//! The client is made in `main` from the default configuration and shared by all invocations.

mod handle;

use std::time::Instant;

use aws_sdk_s3::Client;
use handle::handle;
use lambda_runtime::{Error, run, service_fn, tracing};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let begun = Instant::now();
    let config = aws_config::load_from_env().await;
    let config = aws_sdk_s3::config::Builder::from(&config)
        // What is not as documented: the test server has no host name for each bucket.
        .force_path_style(std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
        .build();
    let client = Client::from_conf(config);
    work::log_client_ready(begun);
    let (private, public) = (
        work::variable("PRIVATE_BUCKET_NAME"),
        work::variable("PUBLIC_BUCKET_NAME"),
    );
    run(service_fn(|event| {
        handle(&client, &private, &public, event)
    }))
    .await
}
