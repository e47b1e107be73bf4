//! `lambda_runtime` and the AWS SDK for Rust, as their documentation shows them.
//!
//! The client is made in `main` from the default configuration and shared by all invocations.

use std::time::Instant;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use work::{Club, Event};

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
