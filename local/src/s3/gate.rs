//! What S3 refuses before it looks at the object and `s3s` lets pass: headers that matter but are not
//! signed, a wrong session token, another region, other kinds of signature.

use hyper::http::request::Parts;

use super::S3Options;
use super::fault::{error_xml, escape};

/// An error answer of S3.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self::with_details(status, code, message, "")
    }

    fn with_details(status: u16, code: &str, message: &str, details: &str) -> Self {
        Self {
            status,
            body: error_xml(code, message, details),
        }
    }
}

/// Refuses a request that S3 would refuse for its signature's form. Whether the signature is right is
/// `s3s`'s to say; whether an unsigned request may pass, the access rules'.
pub(super) fn check(head: &Parts, options: &S3Options) -> Result<(), Refusal> {
    if !matches!(head.method.as_str(), "GET" | "HEAD" | "PUT") {
        return Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        ));
    }
    if head.uri.query().is_some_and(has_query_signature) {
        return Err(Refusal::new(
            501,
            "NotImplemented",
            "Presigned URLs are not supported here.",
        ));
    }
    let Some(authorization) = head.headers.get("authorization") else {
        return Ok(());
    };
    // Signature version 2 and everything else: not in regions opened after January 2014.
    let Some(fields) = authorization
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix(ALGORITHM))
    else {
        return Err(Refusal::new(
            400,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. \
             Please use AWS4-HMAC-SHA256.",
        ));
    };
    check_scope(fields, options)?;
    check_signed_headers(fields, head)?;
    check_token(head, options)
}

fn check_scope(fields: &str, options: &S3Options) -> Result<(), Refusal> {
    let scope: Vec<&str> = field(fields, "Credential")
        .unwrap_or_default()
        .split('/')
        .collect();
    let [key_id, _date, region, _service, _terminator] = scope[..] else {
        return Err(Refusal::new(
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the Credential is mal-formed; expecting \
             \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ));
    };
    if key_id != options.access_key_id {
        return Err(unknown_key());
    }
    if region != options.region {
        return Err(Refusal::with_details(
            400,
            "AuthorizationHeaderMalformed",
            &format!(
                "The authorization header is malformed; the region '{region}' is wrong; \
                 expecting '{}'",
                options.region
            ),
            &format!("<Region>{}</Region>", escape(&options.region)),
        ));
    }
    Ok(())
}

fn check_signed_headers(fields: &str, head: &Parts) -> Result<(), Refusal> {
    let signed: Vec<&str> = field(fields, "SignedHeaders")
        .unwrap_or_default()
        .split(';')
        .collect();
    let mut unsigned: Vec<&str> = head
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| *name == "host" || name.starts_with("x-amz-"))
        .filter(|name| !signed.contains(name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    unsigned.sort_unstable();
    Err(Refusal::with_details(
        403,
        "AccessDenied",
        "There were headers present in the request which were not signed",
        &format!(
            "<HeadersNotSigned>{}</HeadersNotSigned>",
            escape(&unsigned.join(", "))
        ),
    ))
}

fn check_token(head: &Parts, options: &S3Options) -> Result<(), Refusal> {
    let sent = head
        .headers
        .get("x-amz-security-token")
        .map(|value| value.as_bytes());
    match (&options.session_token, sent) {
        (None, None) => Ok(()),
        (Some(token), Some(sent)) if token.as_bytes() == sent => Ok(()),
        // S3 looks for a long-term key then, and there is none of this name.
        (Some(_), None) => Err(unknown_key()),
        (_, Some(_)) => Err(Refusal::new(
            400,
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        )),
    }
}

fn unknown_key() -> Refusal {
    Refusal::new(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
}

/// The value of `name=` among fields divided by commas.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
}

fn has_query_signature(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| {
        matches!(
            name.as_ref(),
            "X-Amz-Signature" | "X-Amz-Credential" | "Signature"
        )
    })
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";
