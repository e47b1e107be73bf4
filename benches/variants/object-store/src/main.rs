//! `lambda_runtime` with Apache's `object_store`.
//!
//! One store for each bucket, with its default features for AWS.

use std::time::Instant;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    Certificate, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion,
};
use serde_json::Value;
use work::{Club, Event};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let private = store("PRIVATE_BUCKET_NAME")?;
        let public = store("PUBLIC_BUCKET_NAME")?;
        work::log_client_ready(begun);
        run(service_fn(async |event: LambdaEvent<Event>| {
            handle(&private, &public, &event.payload).await
        }))
        .await
    })
}

fn store(bucket: &str) -> Result<AmazonS3, Error> {
    let mut options = ClientOptions::new();
    if let Some(pem) = work::ca_bundle() {
        options = options.with_root_certificate(Certificate::from_pem(&pem)?);
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(work::variable(bucket));
    match std::env::var("AWS_ENDPOINT_URL_S3") {
        Ok(endpoint) => {
            options = options.with_allow_http(endpoint.starts_with("http:"));
            builder = builder.with_endpoint(endpoint);
        }
        Err(_) => builder = builder.with_virtual_hosted_style_request(true),
    }
    Ok(builder.with_client_options(options).build()?)
}

async fn handle(private: &AmazonS3, public: &AmazonS3, event: &Event) -> Result<Value, Error> {
    let path = Path::from("data.json");
    let object = private.get(&path).await?;
    let e_tag = object.meta.e_tag.clone();
    let mut club = Club::read(&object.bytes().await?)?;
    if event.is_change() {
        club.register(event);
        let condition = PutMode::Update(UpdateVersion {
            e_tag,
            version: None,
        });
        private
            .put_opts(
                &path,
                club.private_json()?.into(),
                PutOptions::from(condition),
            )
            .await?;
        public.put(&path, club.into_public_json()?.into()).await?;
    }
    Ok(work::answer())
}
