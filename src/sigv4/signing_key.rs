//! Step 3: the signing key, and the signature.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::Date;

use super::string_to_sign::basic_date;

/// What the requests of one day to the S3 of one region are signed with.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key of a day (UTC).
    #[must_use]
    pub fn derive(secret_access_key: &str, date: Date, region: &str) -> Self {
        #[cfg(test)]
        tests::DERIVATIONS.with(|count| count.set(count.get() + 1));
        let date_key = hmac(
            format!("AWS4{secret_access_key}").as_bytes(),
            &basic_date(date),
        );
        let region_key = hmac(&date_key, region);
        let service_key = hmac(&region_key, "s3");
        Self(keyed(&hmac(&service_key, "aws4_request")))
    }

    /// The signature, in lower-case hex.
    #[must_use]
    pub fn sign(&self, string_to_sign: &str) -> String {
        // The key is in it already: half of the hashing that a signature takes.
        let mac = self.0.clone().chain_update(string_to_sign);
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mac = keyed(key).chain_update(message);
    mac.finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::string_to_sign::tests::AWS_EXAMPLE_TIME;
    use super::*;
    use std::cell::Cell;

    thread_local! {
        pub(super) static DERIVATIONS: Cell<usize> = const { Cell::new(0) };
    }

    /// How many keys this thread has derived.
    pub(in crate::sigv4) fn derivations() -> usize {
        DERIVATIONS.with(Cell::get)
    }

    #[test]
    fn aws_example() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = SigningKey::derive(secret, AWS_EXAMPLE_TIME.date(), "us-east-1");
        assert_eq!(
            key.sign(
                "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
                 7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
            ),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }
}
