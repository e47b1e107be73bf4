//! What S3 refuses before it looks at the object, and `s3s` lets pass.
//!
//! Headers that matter but are not signed, a wrong session token, another region, other kinds of signature.

use std::collections::BTreeMap;

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

/// Refuses a request that S3 would refuse for its signature's form. Whether the signature is right, and not
/// too old, is `s3s`'s to say; whether an unsigned request may pass, the access rules'.
pub(super) fn check(head: &Parts, options: &S3Options) -> Result<(), Refusal> {
    let names_form = |query: &str| {
        let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        names.any(|name| matches!(name.as_ref(), "delete" | "uploads" | "uploadId"))
    };
    let allowed = match head.method.as_str() {
        "GET" | "HEAD" | "PUT" | "DELETE" => true,
        // Not a browser's form.
        "POST" => head.uri.query().is_some_and(names_form),
        _ => false,
    };
    if !allowed {
        return Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        ));
    }
    let authorization = head.headers.get("authorization");
    let query = head.uri.query().unwrap_or_default();
    if has_query_signature(query) {
        if authorization.is_some() {
            return Err(Refusal::new(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                 query string parameter or the Authorization header should be specified",
            ));
        }
        return check_query(query, head, options);
    }
    let Some(authorization) = authorization else {
        return Ok(());
    };
    let Some(fields) = authorization
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix(ALGORITHM))
    else {
        return Err(unsupported());
    };
    check_scope(
        field(fields, "Credential").unwrap_or_default(),
        &IN_HEADER,
        options,
    )?;
    let signed: Vec<&str> = field(fields, "SignedHeaders")
        .unwrap_or_default()
        .split(';')
        .collect();
    check_signed_headers(&signed, head)?;
    let sent = head.headers.get("x-amz-security-token");
    check_token(sent.map(hyper::http::HeaderValue::as_bytes), options)
}

/// Signature version 2 and everything else: not in regions opened after January 2014.
fn unsupported() -> Refusal {
    Refusal::new(
        400,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. \
         Please use AWS4-HMAC-SHA256.",
    )
}

/// Of a presigned URL.
fn check_query(query: &str, head: &Parts, options: &S3Options) -> Result<(), Refusal> {
    let wrong = |message: &str| Refusal::new(400, IN_QUERY.code, message);
    let fields: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    if fields.contains_key("Signature") {
        return Err(unsupported());
    }
    let needed = |name: &str| {
        let value = fields.get(name).filter(|value| !value.is_empty());
        value.map(AsRef::as_ref).ok_or_else(|| {
            wrong(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                 X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                 X-Amz-Expires parameters.",
            )
        })
    };
    needed("X-Amz-Date")?;
    needed("X-Amz-Signature")?;
    if needed("X-Amz-Algorithm")? != ALGORITHM.trim_end() {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    match needed("X-Amz-Expires")?.parse::<i64>() {
        Err(_) => return Err(wrong("X-Amz-Expires should be a number")),
        Ok(..0) => return Err(wrong("X-Amz-Expires must be non-negative")),
        Ok(0..=EXPIRES_LIMIT) => {}
        Ok(_) => {
            return Err(wrong(&format!(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires \
                 must be less than {EXPIRES_LIMIT} seconds"
            )));
        }
    }
    check_scope(needed("X-Amz-Credential")?, &IN_QUERY, options)?;
    let signed: Vec<&str> = needed("X-Amz-SignedHeaders")?.split(';').collect();
    check_signed_headers(&signed, head)?;
    let sent = fields.get("X-Amz-Security-Token");
    check_token(sent.map(|value| value.as_bytes()), options)
}

/// How S3 words what is wrong with a credential, by where it stands.
struct Place {
    code: &'static str,
    message: &'static str,
}

fn check_scope(credential: &str, place: &Place, options: &S3Options) -> Result<(), Refusal> {
    let scope: Vec<&str> = credential.split('/').collect();
    let [key_id, _date, region, _service, _terminator] = scope[..] else {
        return Err(Refusal::new(
            400,
            place.code,
            &format!(
                "{}; the Credential is mal-formed; expecting \
                 \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
                place.message
            ),
        ));
    };
    if key_id != options.access_key_id {
        return Err(unknown_key());
    }
    if region != options.region {
        return Err(Refusal::with_details(
            400,
            place.code,
            &format!(
                "{}; the region '{region}' is wrong; expecting '{}'",
                place.message, options.region
            ),
            &format!("<Region>{}</Region>", escape(&options.region)),
        ));
    }
    Ok(())
}

fn check_signed_headers(signed: &[&str], head: &Parts) -> Result<(), Refusal> {
    let mut unsigned: Vec<&str> = head
        .headers
        .keys()
        .map(hyper::http::HeaderName::as_str)
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

fn check_token(sent: Option<&[u8]>, options: &S3Options) -> Result<(), Refusal> {
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
/// Of a presigned URL, in seconds: a week.
const EXPIRES_LIMIT: i64 = 604_800;
const IN_HEADER: Place = Place {
    code: "AuthorizationHeaderMalformed",
    message: "The authorization header is malformed",
};
const IN_QUERY: Place = Place {
    code: "AuthorizationQueryParametersError",
    message: "Error parsing the X-Amz-Credential parameter",
};
