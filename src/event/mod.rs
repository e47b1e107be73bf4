//! From a Lambda event to request data (`docs/api.md#events`).

mod envelope;

use std::borrow::Cow;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::json::JsonError;
use crate::json::read;
use crate::request::{NoRequest, RequestData};
use envelope::{Context, Envelope, Method};

/// What an event asks for. Holds nothing of the event's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// A browser asks whether it may call (`OPTIONS`).
    Preflight,
    /// A Function URL event with a method that is not served.
    MethodNotAllowed,
    /// Request data for an action.
    Request {
        /// The JSON object.
        data: RequestData,
        /// When Lambda took the request, by its own clock: `requestContext.timeEpoch` of a Function URL
        /// event, in Unix milliseconds.
        arrived: Option<SystemTime>,
    },
    /// No request data can be found; the text says why.
    Unreadable(String),
}

impl Call {
    /// Finds the request data of an event.
    #[must_use]
    pub fn from_event(event: &[u8]) -> Self {
        let unreadable = |error: JsonError| {
            Self::Unreadable(format!("The event cannot be read as JSON: {error}."))
        };
        let envelope = match read::read::<Option<Envelope<'_>>>(event) {
            Ok(Some(envelope)) => envelope,
            Ok(None) => return Self::Unreadable("The event must be a JSON object.".to_owned()),
            Err(error) => return unreadable(error),
        };
        let Context { method, arrived } = envelope.context;
        if method == Method::Options {
            return Self::Preflight;
        }
        let Some(is_base64) = envelope.is_base64 else {
            // The event itself is the request. Its `body`, which no action knows, was not looked into.
            let body = envelope
                .body
                .map_or(Ok(()), |body| read::read_str(body.get()));
            return match (body, envelope.members.of(event)) {
                (Ok(()), Some(data)) => Self::Request {
                    data,
                    arrived: None,
                },
                (Err(error), _) => unreadable(error),
                (Ok(()), None) => unreachable!("an envelope is an object"),
            };
        };
        if method == Method::Other {
            return Self::MethodNotAllowed;
        }
        let text = match envelope.body.and_then(read::string) {
            Some(Ok(text)) => text,
            Some(Err(error)) => return unreadable(error),
            None => return Self::Unreadable("The request must have a body.".to_owned()),
        };
        let text = if is_base64 {
            match STANDARD.decode(&*text) {
                Ok(bytes) => Cow::Owned(bytes),
                Err(_) => return Self::Unreadable("The body is not base64.".to_owned()),
            }
        } else {
            match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }
        };
        match RequestData::read(&text) {
            Ok(data) => Self::Request { data, arrived },
            Err(NoRequest::NoObject) => {
                Self::Unreadable("The body must be a JSON object.".to_owned())
            }
            Err(NoRequest::NotJson(error)) => {
                Self::Unreadable(format!("The body cannot be read as JSON: {error}."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn call(event: &Value) -> Call {
        Call::from_event(event.to_string().as_bytes())
    }

    fn request(data: &Value) -> Call {
        Call::Request {
            data: RequestData::read(data.to_string().as_bytes()).unwrap(),
            arrived: None,
        }
    }

    #[test]
    fn the_method_options_is_a_preflight_whatever_else_is_there() {
        for extra in [json!(null), json!(true), json!("x")] {
            let event = json!({"requestContext": {"http": {"method": "OPTIONS"}},
                "isBase64Encoded": extra, "body": "not json"});
            assert_eq!(call(&event), Call::Preflight);
        }
    }

    #[test]
    fn a_function_url_event_carries_the_data_in_its_body() {
        let data = json!({"action": "any_x"});
        let base64 = STANDARD.encode(data.to_string());
        for event in [
            json!({"isBase64Encoded": false, "body": data.to_string()}),
            json!({"isBase64Encoded": true, "body": base64}),
            json!({"isBase64Encoded": false, "body": data.to_string(), "requestContext": 7}),
            json!({"isBase64Encoded": false, "body": data.to_string(), "version": "2.0",
                "requestContext": {"http": {"method": "POST"}}, "action": "ignored"}),
        ] {
            assert_eq!(call(&event), request(&data));
        }
    }

    #[test]
    fn only_a_function_url_event_tells_when_it_arrived() {
        let arrived = |event: &Value| match call(event) {
            Call::Request { arrived, .. } => arrived,
            other => panic!("{other:?}"),
        };
        let at = |epoch| json!({"isBase64Encoded": false, "body": "{}", "requestContext": {"timeEpoch": epoch}});
        let ms = Duration::from_millis(1_764_000_000_123);
        assert_eq!(
            arrived(&at(json!(1_764_000_000_123_u64))),
            Some(SystemTime::UNIX_EPOCH + ms)
        );
        for odd in [json!("1"), json!(-1), json!(1.5), json!(null)] {
            assert_eq!(arrived(&at(odd)), None);
        }
        let direct = json!({"action": "any_x", "requestContext": {"timeEpoch": 1}});
        assert_eq!(arrived(&direct), None);
    }

    #[test]
    fn any_other_object_is_the_data_itself() {
        for event in [
            json!({"action": "any_x", "body": "{}", "headers": 1}),
            json!({"action": "any_x", "isBase64Encoded": null, "requestContext": []}),
            json!({"requestContext": {"http": {"method": "GET"}}}),
        ] {
            assert_eq!(call(&event), request(&event));
        }
    }

    #[test]
    fn only_post_is_served() {
        for method in ["GET", "PUT", "HEAD", "post", ""] {
            let event = json!({"requestContext": {"http": {"method": method}},
                "isBase64Encoded": false, "body": "{}"});
            assert_eq!(call(&event), Call::MethodNotAllowed, "{method}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_not_quoted() {
        let unreadable = [
            json!({"isBase64Encoded": false}),
            json!({"isBase64Encoded": false, "body": null}),
            json!({"isBase64Encoded": false, "body": {}}),
            json!({"isBase64Encoded": false, "body": ""}),
            json!({"isBase64Encoded": false, "body": "[]"}),
            json!({"isBase64Encoded": false, "body": "S3cret"}),
            json!({"isBase64Encoded": false, "body": "\"S3cret\""}),
            json!({"isBase64Encoded": false, "body": "[".repeat(100_000)}),
            json!({"isBase64Encoded": false, "body": format!("{{\"a\":{}}}", "9".repeat(5_000))}),
            json!({"isBase64Encoded": true, "body": "e30"}),
            json!({"isBase64Encoded": true, "body": "e30= "}),
            json!({"isBase64Encoded": true, "body": "/w=="}),
            json!({"isBase64Encoded": false, "body": "\"S3cret\"", "a": {"b": "[".repeat(9)}}),
            json!([1]),
            json!("S3cret"),
            json!(null),
        ];
        for event in unreadable {
            let Call::Unreadable(text) = call(&event) else {
                panic!("{event} was read")
            };
            assert!(!text.contains("S3cret") && text.len() < 120, "{text}");
        }
        let deep = format!("{{\"body\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(matches!(
            Call::from_event(deep.as_bytes()),
            Call::Unreadable(_)
        ));
        assert!(matches!(Call::from_event(b"\xff"), Call::Unreadable(_)));
        assert!(matches!(
            Call::from_event(&b"[".repeat(100_000)),
            Call::Unreadable(_)
        ));
    }
}
