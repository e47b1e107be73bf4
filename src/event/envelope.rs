//! What Lambda wraps around a request: the few parts of it that have an influence.

use std::time::{Duration, SystemTime};

use serde_core::de::MapAccess;
use serde_json::value::RawValue;

use crate::json::read::{FromJson, Members, Scalar};
use crate::request::MembersRead;

/// An event: what tells whether it is a Function URL's, and the request's members if it is not.
#[derive(Default)]
pub(super) struct Envelope<'e> {
    pub(super) context: Context,
    /// `None`: no Function URL event.
    pub(super) is_base64: Option<bool>,
    pub(super) body: Option<&'e RawValue>,
    pub(super) members: MembersRead,
}

impl<'e> FromJson<'e> for Option<Envelope<'e>> {
    fn from_scalar(_: Scalar<'_>) -> Self {
        None
    }

    fn from_object<A: MapAccess<'e>>(mut members: Members<'_, 'e, A>) -> Result<Self, A::Error> {
        let mut envelope = Envelope {
            members: MembersRead::object(),
            ..Envelope::default()
        };
        while let Some(key) = members.next_key()? {
            match &*key {
                "requestContext" => envelope.context = members.value()?,
                "isBase64Encoded" => envelope.is_base64 = members.value::<Flag>()?.0,
                "body" => envelope.body = Some(members.raw()?),
                key => envelope.members.read(key, &mut members)?,
            }
        }
        Ok(Some(envelope))
    }
}

/// `requestContext`. Whatever else stands there has no influence.
#[derive(Default)]
pub(super) struct Context {
    pub(super) method: Method,
    pub(super) arrived: Option<SystemTime>,
}

impl<'e> FromJson<'e> for Context {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self::default()
    }

    fn from_object<A: MapAccess<'e>>(mut members: Members<'_, 'e, A>) -> Result<Self, A::Error> {
        let mut context = Self::default();
        while let Some(key) = members.next_key()? {
            match &*key {
                "http" => context.method = members.value::<Http>()?.0,
                "timeEpoch" => context.arrived = members.value::<Epoch>()?.0,
                _ => members.value()?,
            }
        }
        Ok(context)
    }
}

/// `requestContext.http`.
struct Http(Method);

impl<'e> FromJson<'e> for Http {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self(Method::default())
    }

    fn from_object<A: MapAccess<'e>>(mut members: Members<'_, 'e, A>) -> Result<Self, A::Error> {
        let mut method = Method::default();
        while let Some(key) = members.next_key()? {
            match &*key {
                "method" => method = members.value()?,
                _ => members.value()?,
            }
        }
        Ok(Self(method))
    }
}

/// A missing method, or one that is no string, counts as POST.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Method {
    Options,
    #[default]
    Post,
    Other,
}

impl FromJson<'_> for Method {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Text("OPTIONS") => Self::Options,
            Scalar::Text("POST") => Self::Post,
            Scalar::Text(_) => Self::Other,
            _ => Self::default(),
        }
    }
}

/// Unix milliseconds.
struct Epoch(Option<SystemTime>);

impl FromJson<'_> for Epoch {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        Self(match scalar {
            Scalar::Integer(ms) => u64::try_from(ms)
                .ok()
                .and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms))),
            _ => None,
        })
    }
}

/// `isBase64Encoded`: `None` if it is `null`; what is no boolean counts as `false`.
struct Flag(Option<bool>);

impl FromJson<'_> for Flag {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        Self(match scalar {
            Scalar::Null => None,
            Scalar::Boolean(value) => Some(value),
            _ => Some(false),
        })
    }
}
