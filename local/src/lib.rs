//! What surrounds the function in AWS, on loopback.
//!
//! An S3 server, the Lambda Runtime API, the Function URL, a server of the web page, and the process of the function
//! with the environment that Lambda gives it. `cargo run -p local` puts them together (see [`command`]); the
//! end-to-end tests use them one by one. Every server runs in threads of its own and ends when its handle is dropped,
//! so tests need no async code:
//!
//! ```
//! use local::{RuntimeApi, RuntimeApiOptions, S3Options, S3Server};
//!
//! let s3 = S3Server::start(S3Options::default())?;
//! let api = RuntimeApi::start(RuntimeApiOptions::default())?;
//! let environment = local::setup::lambda_environment(&api.address(), &s3.endpoint());
//! assert_eq!(environment["AWS_ENDPOINT_URL_S3"], s3.endpoint());
//! assert_eq!(s3.object(local::setup::PRIVATE_BUCKET, "data.json"), None);
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod command;
mod connections;
pub mod function;
pub mod function_url;
mod hex;
mod http;
pub mod lambda;
mod options;
pub mod page;
mod random;
pub mod runtime_api;
pub mod s3;
pub mod setup;
mod signals;
mod welcome;

/// How long those who drive these servers wait for what must happen, so that a hang ends. Nothing
/// depends on it being short.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

pub use function::Function;
pub use function_url::FunctionUrl;
pub use lambda::{Lambda, LambdaOptions};
pub use page::{About, Page};
pub use runtime_api::{Delivery, ErrorReport, Invoke, Outcome, RuntimeApi, RuntimeApiOptions};
pub use s3::{
    Buckets, Fault, FaultAnswer, RequestHead, RequestKind, RequestRecord, S3Options, S3Server,
    StoredObject,
};
