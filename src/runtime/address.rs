//! Where the Runtime API is.

use std::fmt;

use ureq::http::Uri;

use crate::authority::host_and_port;

/// The base of the Runtime API's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    authority: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Begins with a slash and does not end in one, or is empty.
    base_path: String,
}

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
        let authority = uri.authority().ok_or_else(error)?;
        let (host, port) = host_and_port(authority).ok_or_else(error)?;
        // Parsing drops a fragment without a word, but the calls' paths would be part of it.
        let goes_on = uri.query().is_some() || text.contains('#');
        if uri.scheme_str() != Some("http") || goes_on {
            return Err(error());
        }
        Ok(Self {
            authority: authority.as_str().to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.unwrap_or(DEFAULT_PORT),
            base_path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The value of the `host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A name or an IP address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of a call such as `invocation/next`.
    #[must_use]
    pub fn path(&self, call: &str) -> String {
        format!("{}/{VERSION}/runtime/{call}", self.base_path)
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
/// Of HTTP.
const DEFAULT_PORT: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_form_and_cargo_lambdas() {
        for (text, host, port, path) in [
            ("127.0.0.1:9001", "127.0.0.1", 9001, "/2018-06-01/runtime/x"),
            ("localhost", "localhost", 80, "/2018-06-01/runtime/x"),
            (
                "http://[::]:9000/.rt/dojang",
                "::",
                9000,
                "/.rt/dojang/2018-06-01/runtime/x",
            ),
            ("http://[::1]:9000/", "::1", 9000, "/2018-06-01/runtime/x"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
            assert_eq!(address.path("x"), path);
            assert!(text.contains(address.authority()));
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
