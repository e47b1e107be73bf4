//! An event and what the Runtime API says about it.

use std::time::{Duration, SystemTime};

use super::event::Event;
use super::http::Answer;

/// An event that is to be served.
#[derive(Debug)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`, the only header that must be there.
    pub request_id: String,
    /// `Lambda-Runtime-Invocation-Id`: names the delivery, and is sent back with the answer.
    pub invocation_id: Option<String>,
    /// `Lambda-Runtime-Deadline-Ms`.
    pub deadline: SystemTime,
    /// Whether our clock is known to differ from Lambda's: times of theirs cannot be compared with ours.
    pub are_clocks_apart: bool,
    /// `Lambda-Runtime-Invoked-Function-Arn`.
    pub invoked_function_arn: Option<String>,
    /// `Lambda-Runtime-Trace-Id`.
    pub trace_id: Option<String>,
    /// `Lambda-Runtime-Aws-Tenant-Id`.
    pub tenant_id: Option<String>,
    /// `Lambda-Runtime-Client-Context`.
    pub client_context: Option<String>,
    /// `Lambda-Runtime-Cognito-Identity`.
    pub cognito_identity: Option<String>,
    /// The event, or why it could not be read.
    pub event: Result<Event, String>,
}

impl Invocation {
    /// Reads an answer to `/next`; `None` if it does not say which request this is.
    pub(super) fn new(answer: Answer) -> Option<Self> {
        // Client contexts may hold text beyond ASCII.
        let header = |name| String::from_utf8(answer.header(name)?.to_vec()).ok();
        let now = SystemTime::now();
        let deadline = deadline(header("lambda-runtime-deadline-ms").as_deref(), now);
        Some(Self {
            request_id: header("lambda-runtime-aws-request-id").filter(|id| !id.is_empty())?,
            invocation_id: header("lambda-runtime-invocation-id"),
            deadline: deadline.unwrap_or(now + DEFAULT_TIMEOUT),
            are_clocks_apart: deadline.is_none(),
            invoked_function_arn: header("lambda-runtime-invoked-function-arn"),
            trace_id: header("lambda-runtime-trace-id"),
            tenant_id: header("lambda-runtime-aws-tenant-id"),
            client_context: header("lambda-runtime-client-context"),
            cognito_identity: header("lambda-runtime-cognito-identity"),
            event: answer
                .body
                .map(|bytes| Event::new(bytes, answer.permit))
                .map_err(|error| format!("the event could not be read: {error}")),
        })
    }
}

/// When Lambda gives up, by our clock; `None` if that cannot be told. `ms` is in Unix milliseconds, by
/// Lambda's.
///
/// It may be missing from an emulator, or be a duration: `cargo lambda watch` sends 600000, for ten minutes.
/// No invocation ends that soon after 1970. And it tells nothing where our clock is ahead of Lambda's: an
/// event that was just handed over has not expired, nor is there less time left than the shortest timeout
/// that a function can have.
fn deadline(ms: Option<&str>, now: SystemTime) -> Option<SystemTime> {
    let begin = |ms: &Duration| {
        if *ms <= LONGEST_INVOCATION {
            now
        } else {
            SystemTime::UNIX_EPOCH
        }
    };
    ms.and_then(|ms| ms.parse().ok())
        .map(Duration::from_millis)
        .and_then(|ms| begin(&ms).checked_add(ms))
        .filter(|deadline| {
            deadline
                .duration_since(now)
                .is_ok_and(|left| left >= SHORTEST_TIMEOUT - DELIVERY)
        })
}

/// Lambda's own default, where no deadline is known.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
/// Lambda takes timeouts from one second on (API reference, `CreateFunction`).
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);
/// What of it may be gone when the event has been read: six MB of it, by a slow processor.
const DELIVERY: Duration = Duration::from_millis(200);
/// A Lambda function may take 15 minutes.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_of_day_or_an_emulators_duration_and_never_past() {
        let epoch = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let now = epoch(1_700_000_000_000);
        for (ms, expected) in [
            (Some("1700000003000"), Some(1_700_000_003_000)),
            // Our clock is behind by a day.
            (Some("1700086403000"), Some(1_700_086_403_000)),
            // Ahead: by little, by 11 s of 10, by an hour, by 50 years.
            (Some("1700000000800"), Some(1_700_000_000_800)),
            (Some("1700000000799"), None),
            (Some("1699999999000"), None),
            (Some("1699996410000"), None),
            (Some("900001"), None),
            (Some("18446744073709551616"), None),
            (Some("900000"), Some(1_700_000_900_000)),
            (Some("600000"), Some(1_700_000_600_000)),
            (Some("soon"), None),
            (None, None),
        ] {
            assert_eq!(deadline(ms, now), expected.map(epoch), "{ms:?}");
        }
    }
}
