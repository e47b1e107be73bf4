//! Presigned URLs: signed by AWS's signer, sent as they are.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use crate::common::{Client, signed, unsigned};
use crate::{BUCKET, PRIVATE, PUBLIC, server};
use local::setup;
use local::setup::PRIVATE_BUCKET;

const DAY: Duration = Duration::from_secs(86_400);

struct Presigner {
    region: &'static str,
    token: Option<&'static str>,
    time: SystemTime,
    lasts: Duration,
}

impl Default for Presigner {
    fn default() -> Self {
        Self {
            region: setup::REGION,
            token: Some(setup::SESSION_TOKEN),
            time: SystemTime::now(),
            lasts: Duration::from_secs(60),
        }
    }
}

impl Presigner {
    /// Path and query.
    fn presign(
        &self,
        endpoint: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> String {
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(
            setup::ACCESS_KEY_ID,
            setup::SECRET_ACCESS_KEY,
            token,
            None,
            "test",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(self.lasts);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("s3")
            .time(self.time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = endpoint.trim_start_matches("http://");
        let headers = [("host", host)].into_iter().chain(headers.iter().copied());
        let url = format!("{endpoint}{path}");
        let request =
            SignableRequest::new(method, &url, headers, SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in instructions.params() {
            query.append_pair(name, value);
        }
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}{}", query.finish())
    }
}

/// As a browser sends it: nothing is added but the host.
fn send(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut all = vec![("host", endpoint.trim_start_matches("http://"))];
    all.extend(headers);
    let answer = Client::connect(endpoint).send(method, path, &all, body);
    (answer.status, answer.code().to_owned(), answer.body)
}

#[test]
fn who_has_the_url_may_do_what_it_says() {
    let s3 = server();
    let endpoint = s3.endpoint();
    let put = Presigner::default().presign(&endpoint, "PUT", PRIVATE, &[]);
    assert_eq!(send(&endpoint, "PUT", &put, &[], b"{}").0, 200);
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes, b"{}");
    let get = Presigner::default().presign(&endpoint, "GET", PRIVATE, &[]);
    assert_eq!(send(&endpoint, "GET", &get, &[], b"").2, b"{}");
    // Headers can be signed too, and then belong to it.
    let meta = [("x-amz-meta-a", "b")];
    let put = Presigner::default().presign(&endpoint, "PUT", PRIVATE, &meta);
    assert_eq!(send(&endpoint, "PUT", &put, &meta, b"2").0, 200);
    let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(object.metadata["a"], "b");
    assert_eq!(
        send(&endpoint, "PUT", &put, &[], b"3").1,
        "SignatureDoesNotMatch"
    );
    // So can the query.
    let head = signed(&endpoint, "HEAD", PRIVATE, &[], b"");
    let id = head.header("x-amz-version-id").unwrap();
    let path = format!("{PRIVATE}?response-content-type=text%2Fplain&versionId={id}");
    let get = Presigner::default().presign(&endpoint, "GET", &path, &[]);
    let host = endpoint.trim_start_matches("http://");
    let answer = unsigned(&endpoint, "GET", &get, &[("host", host)]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain"))
    );
}

#[test]
fn nobody_may_do_anything_else() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    s3.put_object(PRIVATE_BUCKET, "other", "{}");
    let endpoint = s3.endpoint();
    let url = Presigner::default().presign(&endpoint, "GET", PRIVATE, &[]);
    let other = url.replace(PRIVATE, &format!("{BUCKET}/other"));
    let longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    let (start, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let other_digit = if signature.starts_with('0') { "1" } else { "0" };
    let forged = format!("{start}X-Amz-Signature={other_digit}{}", &signature[1..]);
    for (method, path, code) in [
        ("GET", &other, "SignatureDoesNotMatch"),
        ("PUT", &url, "SignatureDoesNotMatch"),
        ("DELETE", &url, "SignatureDoesNotMatch"),
        ("GET", &longer, "SignatureDoesNotMatch"),
        ("GET", &forged, "SignatureDoesNotMatch"),
    ] {
        let refused = send(&endpoint, method, path, &[], b"");
        assert_eq!((refused.0, &*refused.1), (403, code), "{method} {path}");
    }
    for (presigner, status, code) in [
        (
            Presigner {
                time: SystemTime::now() - DAY,
                ..Presigner::default()
            },
            403,
            "AccessDenied",
        ),
        (
            Presigner {
                time: SystemTime::now() + DAY,
                ..Presigner::default()
            },
            403,
            "RequestTimeTooSkewed",
        ),
        (
            Presigner {
                lasts: 8 * DAY,
                ..Presigner::default()
            },
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            Presigner {
                region: "us-east-1",
                ..Presigner::default()
            },
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            Presigner {
                token: None,
                ..Presigner::default()
            },
            403,
            "InvalidAccessKeyId",
        ),
        (
            Presigner {
                token: Some("wrong"),
                ..Presigner::default()
            },
            400,
            "InvalidToken",
        ),
    ] {
        let path = presigner.presign(&endpoint, "GET", PRIVATE, &[]);
        let refused = send(&endpoint, "GET", &path, &[], b"");
        assert_eq!((refused.0, &*refused.1), (status, code), "{path}");
    }
    // It is valid until it ends, and a week is not too long.
    let lasting = Presigner {
        time: SystemTime::now() - 6 * DAY,
        lasts: 7 * DAY,
        ..Presigner::default()
    };
    let path = lasting.presign(&endpoint, "GET", PRIVATE, &[]);
    assert_eq!(send(&endpoint, "GET", &path, &[], b"").0, 200);
}

#[test]
fn malformed_urls_are_refused() {
    let s3 = server();
    let endpoint = s3.endpoint();
    let url = Presigner::default().presign(&endpoint, "GET", PRIVATE, &[]);
    let header = ("x-amz-meta-a", "b");
    let authorization = ("authorization", "AWS4-HMAC-SHA256 Credential=x");
    let parameters = "AuthorizationQueryParametersError";
    for (path, headers, status, code) in [
        (
            format!("{PRIVATE}?X-Amz-Signature=0"),
            &[][..],
            400,
            parameters,
        ),
        (
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=-1"),
            &[],
            400,
            parameters,
        ),
        (
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=soon"),
            &[],
            400,
            parameters,
        ),
        (
            url.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            &[],
            400,
            parameters,
        ),
        (url.replace("%2Faws4_request", ""), &[], 400, parameters),
        (
            url.replace("SignedHeaders=host", "SignedHeaders=date"),
            &[],
            403,
            "AccessDenied",
        ),
        (url.clone(), &[header], 403, "AccessDenied"),
        (url, &[authorization], 400, "InvalidArgument"),
        // Signature version 2.
        (
            format!("{PRIVATE}?AWSAccessKeyId=x&Expires=9999999999&Signature=y"),
            &[],
            400,
            "InvalidRequest",
        ),
        // In the public bucket too: what is signed is signed rightly.
        (format!("{PUBLIC}?X-Amz-Signature=0"), &[], 400, parameters),
    ] {
        let refused = send(&endpoint, "GET", &path, headers, b"");
        assert_eq!((refused.0, &*refused.1), (status, code), "{path}");
    }
}
