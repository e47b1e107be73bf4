//! A club's whole backend in one small AWS Lambda function.
//!
//! It has a runtime, an S3 client with its signer, a data protocol on conditional writes, and the club's rules.
//!
//! `docs/api.md` is the contract, `docs/protocol.md` the data protocol, and `CONTRIBUTING.md` the way into the code.
//!
//! # The rooms, from the top
//!
//! No room imports from one above it (`tests/layers.rs`).
//!
//! | room | what |
//! | --- | --- |
//! | [`backend`] | what `bootstrap` runs: configuration, one invocation, its log line |
//! | [`config`], [`answer`] | environment variables in; HTTP answers out |
//! | [`store`] | the data protocol: how a request takes effect on S3, on any number of instances |
//! | [`actions`], [`event`] | the club's rules; from a Lambda event to a request |
//! | [`request`] | what a request asks for |
//! | [`club`], [`s3`] | members, sessions and history as pure data; S3 over REST |
//! | [`json`], [`runtime`], [`sigv4`] | strict JSON; the Lambda runtime; S3's signatures |
//! | [`limits`], [`log`] | how much there may be of everything; log lines |
//!
//! # Without the club
//!
//! [`runtime`], [`s3`], [`sigv4`] and [`log`] know nothing of the club. This is a whole Lambda function:
//!
//! ```no_run
//! use dojang::runtime::{self, Context, HandlerError};
//!
//! fn hello(event: &[u8], context: &Context<'_>) -> Result<Vec<u8>, HandlerError> {
//!     let event: serde_json::Value = serde_json::from_slice(event)
//!         .map_err(|_| HandlerError::new("Function.BadEvent", "expected JSON"))?;
//!     let answer = serde_json::json!({"hello": event["name"], "id": context.request_id});
//!     Ok(answer.to_string().into_bytes())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     runtime::run(|_log| Ok(hello))
//! }
//! ```
//!
//! And this writes an object to S3 unless somebody else has written it, here to the server of `local/`:
//!
//! ```
//! use std::time::Duration;
//!
//! use dojang::s3::endpoint::{CustomEndpoint, Endpoint};
//! use dojang::s3::{Client, Condition, Fetched, Location, ObjectStore, Upload, transport::Roots};
//! use dojang::sigv4::Credentials;
//! use local::{S3Options, S3Server, setup};
//! use sha2::{Digest, Sha256};
//!
//! let server = S3Server::start(S3Options::default())?;
//! let endpoint = CustomEndpoint::parse(&server.endpoint()).expect("it is a URL");
//! let credentials = Credentials::new(
//!     setup::ACCESS_KEY_ID.into(),
//!     setup::SECRET_ACCESS_KEY.into(),
//!     Some(setup::SESSION_TOKEN.into()),
//! );
//! let s3 = Client::new(Endpoint::Custom(endpoint), Roots::BuiltIn, credentials, setup::REGION, 1);
//!
//! let place = Location { bucket: setup::PRIVATE_BUCKET, key: "greeting.json" };
//! let upload = Upload {
//!     parts: [b"\"Hello\"", b""],
//!     sha256: Sha256::digest(b"\"Hello\"").into(),
//!     condition: Condition::Absent,
//!     metadata: &[],
//!     cache_control: None,
//! };
//! let timeout = Duration::from_secs(60);
//! s3.put(place, &upload, timeout).expect("nothing is there yet");
//! assert!(s3.put(place, &upload, timeout).is_err_and(|error| error.is_conflict()));
//! let fetched = s3.get(place, None, timeout).expect("it is there");
//! assert!(matches!(fetched, Fetched::Object(object) if object.bytes == b"\"Hello\""));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! `examples/counter.rs` has both in one function.

// Tests may: if one fails, its line tells enough.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod actions;
pub mod answer;
mod authority;
pub mod backend;
pub mod club;
pub mod config;
pub mod event;
pub mod json;
pub mod limits;
pub mod log;
pub mod request;
pub mod runtime;
pub mod s3;
pub mod sigv4;
pub mod store;
