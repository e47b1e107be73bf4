//! From an outcome to what Lambda hands to the caller (`docs/api.md#answers`).

use serde_json::{Map, Value, json};

use crate::actions::Refusal;
use crate::limits::MAX_ANSWER_BYTES;
use crate::store::{Fault, Obstacle, State};

/// An answer: the same shape for Function URL events and direct ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    body: Option<Value>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Answer {
    /// Success.
    #[must_use]
    pub fn success(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    /// To a preflight.
    #[must_use]
    pub fn preflight() -> Self {
        Self {
            status: 200,
            body: None,
            headers: vec![("Access-Control-Max-Age", PREFLIGHT_SECONDS)],
        }
    }

    /// To a refused request.
    #[must_use]
    pub fn refused(refusal: &Refusal) -> Self {
        Self::bad_request(&refusal.to_string())
    }

    /// To an event without usable request data.
    #[must_use]
    pub fn bad_request(text: &str) -> Self {
        Self::error(400, text)
    }

    /// To a method that is not served.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let mut answer = Self::error(405, "Only POST and OPTIONS are served here.");
        answer.headers.push(("Allow", METHODS));
        answer
    }

    /// To a request that failed by a fault of S3's or ours.
    #[must_use]
    pub fn fault(fault: &Fault) -> Self {
        let text = match (fault.state, fault.is_passing) {
            (State::NothingChanged, true) => {
                "The club's data cannot be reached at the moment. Nothing was changed. \
                 Please try again."
            }
            (State::NothingChanged, false) => {
                "The club's data cannot be used; somebody has to look at the log. \
                 Nothing was changed."
            }
            (State::ChangedNotPublic, _) => {
                "The change was made, but is not public yet. Please try again."
            }
            (State::NotKnown, _) => {
                "It is not known whether the change was made. Please look before you try again."
            }
        };
        // The server's flaws do not pass. But the server is unfit, and not this function: so it is no 500.
        let is_unavailable = fault.is_passing || fault.given_up == Some(Obstacle::Server);
        let mut answer = Self::error(if is_unavailable { 503 } else { 500 }, text);
        if fault.is_passing {
            answer.headers.push(("Retry-After", RETRY_SECONDS));
            answer
                .headers
                .push(("Access-Control-Expose-Headers", "Retry-After"));
        }
        answer
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it tells of a fault that passes, or of a server that cannot be used.
    #[must_use]
    pub fn is_passing_fault(&self) -> bool {
        self.status == 503
    }

    /// The answer that Lambda carries, and its payload for the Runtime API. If this one is too large,
    /// it is an error that says so.
    #[must_use]
    pub fn into_payload(self) -> (Self, Vec<u8>) {
        let payload = self.payload();
        if payload.len() <= MAX_ANSWER_BYTES {
            return (self, payload);
        }
        // Only a success is ever that large: what was asked for has been done.
        let answer = Self::error(
            500,
            "The answer is too large to be sent. If a change was asked for, it was made; \
             otherwise please ask for less, such as a shorter period.",
        );
        let payload = answer.payload();
        (answer, payload)
    }

    fn error(status: u16, text: &str) -> Self {
        Self {
            status,
            body: Some(json!({"error": text})),
            headers: Vec::new(),
        }
    }

    fn payload(&self) -> Vec<u8> {
        let headers: Map<_, _> = COMMON_HEADERS
            .iter()
            .chain(&self.headers)
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let mut payload = json!({"statusCode": self.status, "headers": headers});
        if let Some(body) = &self.body {
            payload["body"] = Value::from(body.to_string());
        }
        payload.to_string().into_bytes()
    }
}

const METHODS: &str = "OPTIONS,POST";

const COMMON_HEADERS: [(&str, &str); 5] = [
    ("Content-Type", "application/json"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Allow-Methods", METHODS),
    // Some answers hold login codes.
    ("Cache-Control", "no-store"),
];

/// How long a browser may remember the answer to a preflight: a day, the most that any takes.
const PREFLIGHT_SECONDS: &str = "86400";
/// When another try is likely to succeed.
const RETRY_SECONDS: &str = "2";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(answer: &Answer) -> Value {
        serde_json::from_slice(&answer.clone().into_payload().1).unwrap()
    }

    #[test]
    fn every_answer_has_the_headers_of_the_contract() {
        let passing = Fault::new(State::NotKnown, true, "cause");
        for answer in [
            Answer::success(json!({})),
            Answer::preflight(),
            Answer::bad_request("x"),
            Answer::method_not_allowed(),
            Answer::fault(&passing),
        ] {
            let payload = parsed(&answer);
            for (name, value) in COMMON_HEADERS {
                assert_eq!(payload["headers"][name], value, "{answer:?}");
            }
            assert_eq!(payload["statusCode"], answer.status());
        }
    }

    #[test]
    fn bodies_are_json_in_a_string_and_a_preflight_has_none() {
        let payload = parsed(&Answer::success(json!({"a": "\"x\""})));
        let body: Value = serde_json::from_str(payload["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"a": "\"x\""}));
        let preflight = parsed(&Answer::preflight());
        assert!(preflight.get("body").is_none());
        assert_eq!(preflight["headers"]["Access-Control-Max-Age"], "86400");
    }

    #[test]
    fn faults_say_what_became_of_the_change_and_whether_to_try_again() {
        for (state, word) in [
            (State::NothingChanged, "Nothing was changed"),
            (State::ChangedNotPublic, "not public yet"),
            (State::NotKnown, "not known"),
        ] {
            for is_passing in [true, false] {
                let payload = parsed(&Answer::fault(&Fault::new(
                    state,
                    is_passing,
                    "s3cret cause",
                )));
                let text = payload["body"].as_str().unwrap();
                assert!(text.contains(word) && !text.contains("s3cret"), "{text}");
                assert_eq!(payload["statusCode"], if is_passing { 503 } else { 500 });
                assert_eq!(payload["headers"].get("Retry-After").is_some(), is_passing);
                let exposed = payload["headers"].get("Access-Control-Expose-Headers");
                assert_eq!(exposed.is_some(), is_passing);
            }
        }
    }

    #[test]
    fn an_answer_that_lambda_would_not_carry_is_replaced() {
        let (answer, payload) = Answer::success(Value::from("\"".repeat(2_500_000))).into_payload();
        assert_eq!(answer.status(), 500);
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["statusCode"], 500);
        let text = payload["body"].as_str().unwrap();
        assert!(
            text.contains("too large") && text.contains("it was made"),
            "{text}"
        );
    }
}
