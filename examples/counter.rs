//! A Lambda function that counts its invocations in an S3 object, on any number of instances: `{"count": 7}`.
//!
//! It needs `BUCKET`, and what Lambda sets. `AWS_ENDPOINT_URL_S3` names another server than AWS.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use dojang::runtime::{self, Context, HandlerError, InitError};
use dojang::s3::endpoint::{CustomEndpoint, Endpoint};
use dojang::s3::transport::Roots;
use dojang::s3::{Client, Condition, Fetched, Location, ObjectStore, S3Error, Upload};
use dojang::sigv4::Credentials;
use serde_json::json;
use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    runtime::run(|_log| {
        let (s3, bucket) = (client()?, variable("BUCKET")?);
        Ok(move |_event: &[u8], _context: &Context<'_>| {
            let count = count(&s3, &bucket)?;
            Ok(json!({ "count": count }).to_string().into_bytes())
        })
    })
}

/// Adds one. An instance that was slower than another reads again; none is lost, since the write carries a condition.
fn count(s3: &impl ObjectStore, bucket: &str) -> Result<u64, HandlerError> {
    let key = "count.json";
    let location = Location { bucket, key };
    let failed = |error: S3Error| HandlerError::new("Function.S3", error.to_string());
    loop {
        let (before, etag) = match s3.get(location, None, TIMEOUT) {
            Ok(Fetched::Object(object)) => {
                let count = serde_json::from_slice(&object.bytes)
                    .map_err(|_| HandlerError::new("Function.Count", "expected a number"))?;
                (count, Some(object.head.etag))
            }
            Err(S3Error::Absent) => (0, None),
            Ok(Fetched::NotModified { .. }) => continue,
            Err(error) => return Err(failed(error)),
        };
        let count: u64 = before + 1;
        let text = count.to_string();
        let upload = Upload {
            parts: [text.as_bytes(), b""],
            sha256: Sha256::digest(&text).into(),
            condition: etag.as_ref().map_or(Condition::Absent, Condition::Match),
            metadata: &[],
            cache_control: None,
        };
        match s3.put(location, &upload, TIMEOUT) {
            Ok(_) => return Ok(count),
            Err(error) if error.is_conflict() => {}
            // Nobody may know whether it was written: what must not count twice needs more (docs/protocol.md).
            Err(error) => return Err(failed(error)),
        }
    }
}

fn client() -> Result<Client, InitError> {
    let region = variable("AWS_REGION")?;
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        env::var("AWS_SESSION_TOKEN").ok(),
    );
    let endpoint = match env::var("AWS_ENDPOINT_URL_S3") {
        Ok(url) => Endpoint::Custom(CustomEndpoint::parse(&url).map_err(|error| {
            InitError::new(
                "Function.Environment",
                format!("AWS_ENDPOINT_URL_S3: {error}"),
            )
        })?),
        Err(_) => Endpoint::Regional {
            region: region.clone(),
        },
    };
    Ok(Client::new(
        endpoint,
        Roots::BuiltIn,
        credentials,
        &region,
        1,
    ))
}

fn variable(name: &str) -> Result<String, InitError> {
    env::var(name).map_err(|_| InitError::new("Function.Environment", format!("expected {name}")))
}

const TIMEOUT: Duration = Duration::from_secs(5);
