//! Which URL an object has (Amazon S3 User Guide, "Virtual hosting of general purpose buckets").

use std::fmt;

use ureq::http::Uri;
use ureq::http::uri::Scheme;

use crate::authority::host_and_port;

/// Where S3 listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// S3 itself, by the regional name: the global one may answer with redirects.
    Regional {
        /// Such as `eu-north-1`.
        region: String,
    },
    /// A configured server, addressed path-style, as S3-compatible servers expect it.
    Custom(CustomEndpoint),
}

impl Endpoint {
    /// How `key` in `bucket` is addressed.
    #[must_use]
    pub fn address(&self, bucket: &str, key: &str) -> Address {
        match self {
            Self::Regional { region } => {
                let domain = match region.split_once('-') {
                    Some(("cn", _)) => "amazonaws.com.cn",
                    Some(("eusc", _)) => "amazonaws.eu",
                    _ => "amazonaws.com",
                };
                let service = format!("s3.{region}.{domain}");
                if !is_host_label(bucket) {
                    Address {
                        https: true,
                        host: service,
                        path: format!("/{bucket}/{key}"),
                    }
                } else {
                    Address {
                        https: true,
                        host: format!("{bucket}.{service}"),
                        path: format!("/{key}"),
                    }
                }
            }
            Self::Custom(endpoint) => Address {
                https: endpoint.https,
                host: endpoint.authority.clone(),
                path: format!("{}/{bucket}/{key}", endpoint.base_path),
            },
        }
    }

    /// Whether it is AWS's own S3, by its name: VPC endpoints and the like are configured. Machines and load balancers
    /// in AWS have names in its domains too, but none with S3's label.
    #[must_use]
    pub fn is_aws(&self) -> bool {
        match self {
            Self::Regional { .. } => true,
            Self::Custom(endpoint) => {
                let host = endpoint.authority.split(':').next().unwrap_or_default();
                AWS_DOMAINS.iter().any(|domain| {
                    host.strip_suffix(domain)
                        .and_then(|name| name.strip_suffix('.'))
                        .is_some_and(|name| name.split('.').any(|label| S3_LABELS.contains(&label)))
                })
            }
        }
    }

    /// Whether every request must be encrypted: always, unless an `http://` endpoint is configured.
    #[must_use]
    pub fn is_https(&self) -> bool {
        match self {
            Self::Regional { .. } => true,
            Self::Custom(endpoint) => endpoint.https,
        }
    }
}

/// Whether a bucket's name can stand before S3's in a host name. The wildcard certificate covers one label,
/// so a dotted name cannot; names from before 2018 may hold capitals and underscores, or be longer.
fn is_host_label(bucket: &str) -> bool {
    bucket.len() <= 63
        && bucket
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

const S3_LABELS: [&str; 2] = ["s3", "s3-fips"];
const AWS_DOMAINS: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"];

/// A configured endpoint, such as `http://127.0.0.1:9002` or `https://s3.example.org/base`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEndpoint {
    https: bool,
    /// Host and, unless it is the scheme's default, port.
    authority: String,
    /// Empty, or with a leading and without a trailing slash.
    base_path: String,
}

impl CustomEndpoint {
    /// Reads an endpoint's URL.
    ///
    /// # Errors
    /// If it is not an absolute http or https URL without user, query and fragment.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let uri: Uri = url.parse().map_err(|_| EndpointError)?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(EndpointError),
        };
        let authority = uri.authority().ok_or(EndpointError)?;
        let (host, port) = host_and_port(authority).ok_or(EndpointError)?;
        let base_path = uri.path().trim_end_matches('/');
        if uri.query().is_some() || url.contains('#') || base_path.contains('%') {
            return Err(EndpointError);
        }
        // The `Host` header leaves the scheme's default port out, and it is signed.
        let default_port = if https { 443 } else { 80 };
        let authority = match port {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Ok(Self {
            https,
            authority,
            base_path: base_path.to_owned(),
        })
    }
}

/// An endpoint that cannot be used. The text given may hold a password and is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointError;

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an absolute URL such as https://s3.example.org or http://127.0.0.1:9002",
        )
    }
}

impl std::error::Error for EndpointError {}

/// How one object is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// https, else http.
    pub https: bool,
    /// The `Host` header's value.
    pub host: String,
    /// The path, not encoded.
    pub path: String,
}

impl Address {
    pub(super) fn scheme(&self) -> Scheme {
        if self.https {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regional(region: &str, bucket: &str) -> (String, String) {
        let address = Endpoint::Regional {
            region: region.into(),
        }
        .address(bucket, "a/b.json");
        assert!(address.https);
        (address.host, address.path)
    }

    #[test]
    fn s3_is_addressed_by_virtual_host_and_dotted_buckets_by_path() {
        let of = |host: &str, path: &str| (host.to_owned(), path.to_owned());
        for bucket in ["club", "club-2", "2-3", &"c".repeat(63)] {
            let host = format!("{bucket}.s3.eu-north-1.amazonaws.com");
            assert_eq!(regional("eu-north-1", bucket), of(&host, "/a/b.json"));
        }
        assert_eq!(
            regional("eu-north-1", "my.club"),
            of("s3.eu-north-1.amazonaws.com", "/my.club/a/b.json")
        );
        for old in ["My_Club", "club_2017", &"c".repeat(64)] {
            assert_eq!(
                regional("us-east-1", old),
                of("s3.us-east-1.amazonaws.com", &format!("/{old}/a/b.json"))
            );
        }
        assert_eq!(
            regional("eusc-de-east-1", "club"),
            of("club.s3.eusc-de-east-1.amazonaws.eu", "/a/b.json")
        );
        assert_eq!(
            regional("cn-north-1", "club"),
            of("club.s3.cn-north-1.amazonaws.com.cn", "/a/b.json")
        );
    }

    #[test]
    fn configured_endpoints_are_addressed_by_path() {
        for (url, https, host, path) in [
            ("http://127.0.0.1:9002", false, "127.0.0.1:9002", "/club/k"),
            ("http://127.0.0.1:9002/", false, "127.0.0.1:9002", "/club/k"),
            (
                "https://s3.example.org/base/",
                true,
                "s3.example.org",
                "/base/club/k",
            ),
            (
                "https://s3.example.org:443",
                true,
                "s3.example.org",
                "/club/k",
            ),
            (
                "http://s3.example.org:80",
                false,
                "s3.example.org",
                "/club/k",
            ),
            ("http://[::1]:9000", false, "[::1]:9000", "/club/k"),
        ] {
            let endpoint = Endpoint::Custom(CustomEndpoint::parse(url).unwrap());
            let expected = Address {
                https,
                host: host.into(),
                path: path.into(),
            };
            assert_eq!(endpoint.address("club", "k"), expected, "{url}");
            assert_eq!(endpoint.is_https(), https);
        }
    }

    #[test]
    fn malformed_endpoints_are_refused() {
        for url in [
            "",
            "127.0.0.1:9002",
            "localhost",
            "ftp://h",
            "http://",
            "http:///x",
            "http://user:pw@h",
            "http://h?x=1",
            "http://h#x",
            "http://h:99999",
            "http://h:",
            "http://a b",
            "/path",
        ] {
            let error = CustomEndpoint::parse(url).expect_err(url);
            assert!(error.to_string().contains("expected an absolute URL"));
        }
    }
}
