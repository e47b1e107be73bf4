//! The configuration: environment variables (`docs/running.md#configuration`), read once at the start.

use std::fmt;

use crate::runtime;
use crate::s3::endpoint::{CustomEndpoint, Endpoint};
use crate::s3::transport::Roots;
use crate::sigv4::Credentials;
use crate::store::Trust;

/// All that the function is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// Members with their login codes, and the history.
    pub private_bucket: String,
    /// What clients read.
    pub public_bucket: String,
    /// Enables `any_reset_test_setup`.
    pub test_secret: Option<TestSecret>,
    /// How many invocations there are at once.
    pub concurrency: usize,
    /// Whether S3 is contacted before the first request.
    pub prefetch: bool,
    /// The AWS region.
    pub region: String,
    /// Signs every S3 request.
    pub credentials: Credentials,
    /// Where S3 is.
    pub endpoint: Endpoint,
    /// How far it is trusted to keep what the data protocol needs.
    pub trust: Trust,
    /// Who must have signed S3's certificate.
    pub roots: Roots,
}

impl Config {
    /// Reads the environment through `lookup`, and the file that `AWS_CA_BUNDLE` names through
    /// `read_file`.
    ///
    /// # Errors
    /// Names the first variable that is not as expected.
    pub fn from_environment(
        lookup: impl Fn(&str) -> Option<String>,
        read_file: impl Fn(&str) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        // As everywhere in AWS, an empty variable is as good as none.
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        // What stands in headers of every request.
        let is_visible = |text: &String| text.bytes().all(|b| b.is_ascii_graphic());
        let bucket = |name| {
            lookup(name)
                .filter(|bucket| is_bucket_name(bucket))
                .ok_or(ConfigError {
                    name,
                    expected: "the name of an S3 bucket",
                })
        };
        let private_bucket = bucket("PRIVATE_BUCKET_NAME")?;
        let public_bucket = bucket("PUBLIC_BUCKET_NAME")?;
        if private_bucket == public_bucket {
            return Err(ConfigError {
                name: "PUBLIC_BUCKET_NAME",
                expected: "another bucket than PRIVATE_BUCKET_NAME",
            });
        }
        let region = lookup("AWS_REGION")
            .or_else(|| lookup("AWS_DEFAULT_REGION"))
            .filter(|region| {
                region
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
            .ok_or(ConfigError {
                name: "AWS_REGION",
                expected: "a region such as eu-north-1",
            })?;
        let credential = |name, expected| {
            lookup(name)
                .filter(is_visible)
                .ok_or(ConfigError { name, expected })
        };
        let session_token = match lookup("AWS_SESSION_TOKEN") {
            None => None,
            Some(_) => Some(credential(
                "AWS_SESSION_TOKEN",
                "a session token, as Lambda sets it",
            )?),
        };
        let credentials = Credentials::new(
            credential("AWS_ACCESS_KEY_ID", "an access key id, as Lambda sets it")?,
            credential(
                "AWS_SECRET_ACCESS_KEY",
                "a secret access key, as Lambda sets it",
            )?,
            session_token,
        );
        let roots = match lookup("AWS_CA_BUNDLE") {
            None => Roots::BuiltIn,
            Some(path) => read_file(&path)
                .ok()
                .and_then(|pem| Roots::from_pem(&pem))
                .ok_or(ConfigError {
                    name: "AWS_CA_BUNDLE",
                    expected: "the path of a readable PEM file with at least one certificate",
                })?,
        };
        let prefetch = match lookup("DOJANG_PREFETCH") {
            None => true,
            Some(word) if word.eq_ignore_ascii_case("on") => true,
            Some(word) if word.eq_ignore_ascii_case("off") => false,
            Some(_) => {
                return Err(ConfigError {
                    name: "DOJANG_PREFETCH",
                    expected: "on or off",
                });
            }
        };
        let endpoint = endpoint(&lookup, &region)?;
        let trust = match lookup("DOJANG_S3_SERVER").map(|word| word.to_ascii_lowercase()) {
            None if endpoint.is_aws() => Trust::Full,
            None => Trust::Probed,
            Some(word) if word == "probed" => Trust::Probed,
            Some(word) if word == "trusted" => Trust::Full,
            Some(word) if word == "single-instance" => Trust::SingleInstance,
            Some(_) => {
                return Err(ConfigError {
                    name: "DOJANG_S3_SERVER",
                    expected: "probed, trusted or single-instance",
                });
            }
        };
        Ok(Self {
            concurrency: runtime::concurrency(lookup).unwrap_or(1),
            prefetch,
            private_bucket,
            public_bucket,
            test_secret: lookup("TEST_SECRET").map(TestSecret),
            endpoint,
            trust,
            region,
            credentials,
            roots,
        })
    }
}

/// `AWS_ENDPOINT_URL_S3` before `AWS_ENDPOINT_URL` (AWS SDKs reference, "Service-specific
/// endpoints").
fn endpoint(
    lookup: &impl Fn(&str) -> Option<String>,
    region: &str,
) -> Result<Endpoint, ConfigError> {
    let are_ignored = lookup("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        let Some(url) = lookup(name).filter(|_| !are_ignored) else {
            continue;
        };
        return CustomEndpoint::parse(&url)
            .map(Endpoint::Custom)
            .map_err(|_| ConfigError {
                name,
                expected: "an absolute URL such as https://s3.example.org or http://127.0.0.1:9002",
            });
    }
    Ok(Endpoint::Regional {
        region: region.to_owned(),
    })
}

/// Whether S3 could have a bucket of that name; the rules of 2018 let in more than today's.
fn is_bucket_name(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !name.contains("..")
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The secret of `any_reset_test_setup`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TestSecret(pub String);

impl fmt::Debug for TestSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestSecret(…)")
    }
}

/// A variable that is missing or not as expected. Its value is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "environment variable {} must be {}",
            self.name, self.expected
        )
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    const GOOD: [(&str, &str); 6] = [
        ("PRIVATE_BUCKET_NAME", "club-private"),
        ("PUBLIC_BUCKET_NAME", "club-public"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("AWS_SESSION_TOKEN", "t0ken"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_environment(
            |name| {
                let last = GOOD
                    .iter()
                    .chain(changes)
                    .rev()
                    .find(|(known, _)| *known == name);
                last.map(|(_, value)| (*value).to_owned())
            },
            |_| Err(io::ErrorKind::NotFound.into()),
        )
    }

    #[test]
    fn what_lambda_sets_is_enough() {
        let config = config(&[]).unwrap();
        assert_eq!(
            config.endpoint,
            Endpoint::Regional {
                region: "eu-north-1".into()
            }
        );
        assert_eq!(config.test_secret, None);
    }

    #[test]
    fn the_service_specific_endpoint_comes_first_and_both_can_be_switched_off() {
        let custom = |url| Endpoint::Custom(CustomEndpoint::parse(url).unwrap());
        let both = [
            ("AWS_ENDPOINT_URL", "http://a"),
            ("AWS_ENDPOINT_URL_S3", "http://b"),
        ];
        assert_eq!(config(&both).unwrap().endpoint, custom("http://b"));
        assert_eq!(config(&both[..1]).unwrap().endpoint, custom("http://a"));
        let ignored = [
            both[0],
            both[1],
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ];
        assert!(matches!(
            config(&ignored).unwrap().endpoint,
            Endpoint::Regional { .. }
        ));
    }

    #[test]
    fn an_empty_test_secret_disables_like_none() {
        assert_eq!(config(&[("TEST_SECRET", "")]).unwrap().test_secret, None);
        let set = config(&[("TEST_SECRET", "x")]).unwrap();
        assert_eq!(set.test_secret, Some(TestSecret("x".into())));
    }

    #[test]
    fn the_prefetch_is_on_unless_switched_off() {
        assert!(config(&[]).unwrap().prefetch);
        assert!(config(&[("DOJANG_PREFETCH", "ON")]).unwrap().prefetch);
        assert!(!config(&[("DOJANG_PREFETCH", "off")]).unwrap().prefetch);
    }

    #[test]
    fn a_configured_server_is_probed_unless_it_is_aws_or_trusted() {
        let at = |url, word| {
            let changes = [("AWS_ENDPOINT_URL_S3", url), ("DOJANG_S3_SERVER", word)];
            config(&changes).unwrap().trust
        };
        assert_eq!(config(&[]).unwrap().trust, Trust::Full);
        for aws in [
            "https://vpce-1.s3.eu-north-1.vpce.amazonaws.com",
            "https://s3.cn-north-1.amazonaws.com.cn:443",
            "https://s3.eusc-de-east-1.amazonaws.eu",
        ] {
            assert_eq!(at(aws, ""), Trust::Full, "{aws}");
            assert_eq!(at(aws, "probed"), Trust::Probed);
        }
        for other in [
            "https://amazonaws.com.example.org",
            "http://notamazonaws.com",
            "http://127.0.0.1:9",
            "http://ec2-1-2-3-4.compute-1.amazonaws.com:9000",
            "https://store-123.eu-north-1.elb.amazonaws.com",
        ] {
            assert_eq!(at(other, ""), Trust::Probed, "{other}");
            assert_eq!(at(other, "Trusted"), Trust::Full);
            assert_eq!(at(other, "single-instance"), Trust::SingleInstance);
        }
    }

    #[test]
    fn errors_name_the_variable_and_show_no_value() {
        for (name, bad) in [
            ("PRIVATE_BUCKET_NAME", ""),
            ("PRIVATE_BUCKET_NAME", "a/b?secret"),
            ("PUBLIC_BUCKET_NAME", ""),
            ("PUBLIC_BUCKET_NAME", "club-private"),
            ("AWS_REGION", ""),
            ("DOJANG_PREFETCH", "s3cret"),
            ("DOJANG_S3_SERVER", "s3cret"),
            ("AWS_ACCESS_KEY_ID", "s3cret "),
            ("AWS_SECRET_ACCESS_KEY", "s3cret\n"),
            ("AWS_SESSION_TOKEN", "s3cret\n"),
            ("AWS_REGION", "eu north"),
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_ENDPOINT_URL_S3", "secret"),
            ("AWS_ENDPOINT_URL", "ftp://secret"),
            ("AWS_CA_BUNDLE", "/secret"),
        ] {
            let error = config(&[(name, bad)]).unwrap_err();
            assert_eq!(error.name, name, "{bad}");
            assert!(!error.expected.contains(bad) || bad.is_empty(), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", config(&[("TEST_SECRET", "hidden")]).unwrap());
        for secret in ["s3cret", "t0ken", "hidden"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
