//! A read or a change of the club by the AWS SDK; `sdk-tuned` does it in the same way.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use work::{Club, Event};

pub(crate) async fn handle(
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
