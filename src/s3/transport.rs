//! Every setting of the HTTP client that talks to S3, with its reason.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, RustlsConnector, TcpConnector};

use super::cryptography;
use super::early_answer::EarlyAnswers;
use super::resolver::CachingResolver;

/// The certificates that an S3 server's certificate must be signed by.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Mozilla's, compiled in: reading the system's costs 0.7 ms at every start (`benches/NOTES.md`).
    BuiltIn,
    /// Those of the file that `AWS_CA_BUNDLE` names, and no others.
    Bundle(Vec<Certificate<'static>>),
}

impl Roots {
    /// The certificates in a PEM text; `None` if there are none, or if it is broken.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let mut certificates = Vec::new();
        for item in ureq::tls::parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.ok()? {
                certificates.push(certificate);
            }
        }
        (!certificates.is_empty()).then_some(Self::Bundle(certificates))
    }
}

/// The HTTP client for S3. It opens no connection yet.
pub(super) fn agent(
    roots: Roots,
    https_only: bool,
    resolver: CachingResolver,
    threads: usize,
) -> Agent {
    let roots = match roots {
        Roots::BuiltIn => RootCerts::WebPki,
        Roots::Bundle(certificates) => RootCerts::from(certificates),
    };
    let config = Agent::config_builder()
        // An answer of S3's is an answer, with a body that says what is wrong.
        .http_status_as_error(false)
        // Nothing but a configured endpoint may be spoken to without encryption.
        .https_only(https_only)
        // A redirect means a bucket in another region: a fault of the set-up, to be shown as such.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // No proxy, whatever HTTPS_PROXY says: the function reaches S3 directly or through a VPC
        // endpoint, and a proxy variable in a base image must not take its traffic away.
        .proxy(None)
        // Not signed and of no use to S3; what is not sent costs nothing.
        .user_agent(concat!("dojang/", env!("CARGO_PKG_VERSION")))
        .accept("")
        .accept_encoding("")
        // Each phase has its own limit, so that a dead connection is noticed while there is time for
        // another try. The total is set per request, from the invocation's deadline.
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_send_request(Some(PHASE_TIMEOUT))
        .timeout_send_body(Some(PHASE_TIMEOUT))
        .timeout_recv_response(Some(PHASE_TIMEOUT))
        .timeout_recv_body(Some(PHASE_TIMEOUT))
        // Four buffers a connection; the default of 128 KB each costs 0.3 ms at a cold start.
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_response_header_size(HEADER_BYTES)
        // Each thread has use for one connection to each bucket; they may be of one host.
        .max_idle_connections(2 * threads)
        .max_idle_connections_per_host(2 * threads)
        // S3 closes idle connections after some 20 s, sometimes far sooner (delta-rs keeps them for 15 s).
        .max_idle_age(IDLE_AGE)
        .tls_config(
            TlsConfig::builder()
                .root_certs(roots)
                .unversioned_rustls_crypto_provider(Arc::new(cryptography::provider()))
                .build(),
        )
        .build();
    let connector =
        ().chain(TcpConnector::default())
            .chain(EarlyAnswers)
            .chain(RustlsConnector::default());
    Agent::with_parts(config, connector, resolver)
}

/// A cold TLS handshake at 128 MB takes a good part of a second of CPU time at worst.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// S3 answers within 40 ms as a rule; its guide says to retry after 2 s.
const PHASE_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const IDLE_AGE: Duration = Duration::from_secs(10);
pub(super) const BUFFER_BYTES: usize = 16 * 1024;
/// S3's own limit for the headers of a request is 8 KB, 2 KB of user metadata included. Answers are alike.
const HEADER_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_needs_at_least_one_certificate() {
        assert!(Roots::from_pem(b"").is_none());
        assert!(Roots::from_pem(b"no certificate").is_none());
        assert!(
            Roots::from_pem(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
                .is_none()
        );
        let one = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(matches!(Roots::from_pem(one), Some(Roots::Bundle(list)) if list.len() == 1));
    }
}
