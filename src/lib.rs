//! A club's whole backend in one tiny AWS Lambda.

pub mod backend;
