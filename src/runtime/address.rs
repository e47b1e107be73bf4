//! Where the Runtime API is.

use std::fmt;

use ureq::http::Uri;

use crate::authority::host_and_port;

/// The base URL of the Runtime API's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads `AWS_LAMBDA_RUNTIME_API` as Lambda gives it (`host:port`) or as cargo-lambda's emulator
    /// does (`http://[::]:9000/.rt/NAME`).
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let error = || AddressError {
            is_missing: text.is_empty(),
        };
        let uri: Uri = url.parse().map_err(|_| error())?;
        let is_host_known = uri.authority().and_then(host_and_port).is_some();
        // Parsing drops a fragment without a word, but the calls' paths would be part of it.
        let goes_on = uri.query().is_some() || text.contains('#');
        if uri.scheme_str() != Some("http") || !is_host_known || goes_on {
            return Err(error());
        }
        Ok(Self(format!(
            "{}/{VERSION}/runtime",
            url.trim_end_matches('/')
        )))
    }

    /// The URL of a call, such as `invocation/next`.
    #[must_use]
    pub fn url(&self, call: &str) -> String {
        format!("{}/{call}", self.0)
    }
}

/// An address that is neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// Whether there was no text at all.
    pub is_missing: bool,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected host:port, as Lambda sets it, or an http:// URL, found ")?;
        // Not the text itself: it may hold a password.
        f.write_str(if self.is_missing {
            "nothing"
        } else {
            "something else"
        })
    }
}

impl std::error::Error for AddressError {}

const VERSION: &str = "2018-06-01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_form_and_cargo_lambdas() {
        for (text, url) in [
            (
                "127.0.0.1:9001",
                "http://127.0.0.1:9001/2018-06-01/runtime/x",
            ),
            ("localhost:80", "http://localhost:80/2018-06-01/runtime/x"),
            (
                "http://[::]:9000/.rt/dojang",
                "http://[::]:9000/.rt/dojang/2018-06-01/runtime/x",
            ),
            (
                "http://[::1]:9000/",
                "http://[::1]:9000/2018-06-01/runtime/x",
            ),
        ] {
            assert_eq!(Address::parse(text).unwrap().url("x"), url);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            ":9001",
            "https://h",
            "a b",
            "http://",
            "h:p",
            "h?x=1",
            "h:9001#x",
            "ftp://h",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.is_missing, text.is_empty());
        }
    }
}
