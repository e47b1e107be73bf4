//! A club's whole backend in one tiny AWS Lambda.
//!
//! From the outside in:
//!
//! * [`backend`]: what `bootstrap` runs; [`config`]: its environment variables
//! * [`runtime`]: the Lambda custom runtime, usable without the club; [`log`]: its log lines
//! * [`event`], [`answer`]: Lambda events in, answers out; [`request`]: what an event asks for
//! * [`json`]: strict JSON; [`limits`]: how much there may be of everything
//! * [`actions`]: the club's rules; [`club`]: members, sessions, history as pure data
//! * [`store`]: the data protocol on S3's conditional writes
//! * [`s3`]: S3 over REST; [`sigv4`]: its signatures

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
