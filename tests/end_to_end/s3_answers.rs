//! What S3's answers mean, through a scripted S3: statuses, codes, messages, and when they come.

use std::time::{Duration as StdDuration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::{Delivery, S3Options};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::cases;
use crate::scripted_s3::{Asked, Backend, CODE, Reply, When};
use crate::support::{self, Counts, answer, url_event};

cases! {
    what_passes_is_tried_again,
    what_does_not_pass_is_a_fault_that_says_so,
    a_token_that_is_no_longer_good_ends_the_process,
    whatever_s3_says_is_in_the_log_on_one_line,
    any_2xx_is_a_success,
    what_cannot_be_told_from_an_answer_is_looked_up,
    an_answer_before_the_end_of_the_upload_is_read,
    a_success_before_the_end_of_the_upload_is_none,
    an_entry_that_may_come_late_is_kept_from_coming,
    a_time_is_taken_over_only_where_it_helps,
    a_checksum_goes_with_each_object,
    an_event_that_was_just_handed_over_has_not_expired,
}

const PRIVATE: &str = "private data.json";
const PUBLIC: &str = "public data.json";
const HISTORY: &str = "participation_data";

/// Answers after which the same is tried again.
const PASSING: [(u16, &str); 33] = [
    (400, "ThrottlingException"),
    (400, "Throttling"),
    (400, "ThrottledException"),
    (400, "RequestThrottled"),
    (400, "RequestThrottledException"),
    (400, "RequestLimitExceeded"),
    (400, "BandwidthLimitExceeded"),
    (400, "TooManyRequestsException"),
    (400, "PriorRequestNotComplete"),
    (400, "KMS.ThrottlingException"),
    (400, "KMS.LimitExceededException"),
    (400, "KMS.KMSInternalException"),
    (400, "KMS.DependencyTimeoutException"),
    (400, "KMS.KeyUnavailableException"),
    (400, "RequestTimeout"),
    (400, "BadDigest"),
    (400, "IncompleteBody"),
    (400, "XAmzContentSHA256Mismatch"),
    (403, "SlowDown"),
    (307, "TemporaryRedirect"),
    (307, ""),
    (408, ""),
    (409, "OperationAborted"),
    (409, "ConditionalRequestConflict"),
    (429, ""),
    (500, "InternalError"),
    (500, ""),
    (502, ""),
    (503, "SlowDown"),
    (503, "SlowDownWrite"),
    (503, "ServiceUnavailable"),
    (504, ""),
    (599, "Whatever"),
];

fn what_passes_is_tried_again(_: &Counts) {
    let backend = Backend::start(0);
    let mut number = 0;
    for (status, code) in PASSING {
        for (method, object) in [("PUT", PRIVATE), ("PUT", PUBLIC), ("GET", PRIVATE)] {
            number += 1;
            let name = format!("Member {number:03}");
            backend.s3.once(method, object, Reply::error(status, code));
            if method == "GET" {
                // Nothing but a read asks for the club that is known.
                let (status, body, _) = backend.call(&json!({
                    "action": "admin_show_auth_token", "auth_token": CODE,
                    "user_id": "u"}));
                assert_eq!(status, 200, "{body} after {code}");
            } else {
                let (answered, body, _) = backend.create(&name);
                assert_eq!(
                    answered, 200,
                    "{body} after {status} {code} to {method} {object}"
                );
                let made = backend.names();
                assert_eq!(made.iter().filter(|made| **made == name).count(), 1);
            }
            let asked = backend.s3.asked();
            let count = count_of(&asked, method, object);
            assert!(
                count == 2 || object == PUBLIC,
                "{count} of {method} after {status} {code}"
            );
        }
    }
}

fn what_does_not_pass_is_a_fault_that_says_so(_: &Counts) {
    let backend = started(0);
    for (status, code, message, hint) in [
        (400, "KMS.DisabledException", "", "KMS"),
        (400, "KMS.NotFoundException", "", "KMS"),
        (400, "KMS.InvalidStateException", "", "kms:GenerateDataKey"),
        (400, "KMS.SomethingNewException", "", "KMS"),
        (
            403,
            "AccessDenied",
            "not authorized to perform: kms:GenerateDataKey",
            "KMS: the role",
        ),
        (403, "AccessDenied", "Access Denied", "s3:PutObject"),
        (403, "", "", "s3:ListBucket"),
        (403, "SignatureDoesNotMatch", "", "credentials"),
        (403, "InvalidAccessKeyId", "", "credentials"),
        (404, "NoSuchBucket", "", "BUCKET_NAME"),
        (301, "PermanentRedirect", "", "region"),
        (302, "", "", "region"),
        (400, "AuthorizationHeaderMalformed", "", "region"),
        (400, "", "", "list of error codes"),
        (409, "InvalidBucketState", "", "list of error codes"),
        (501, "NotImplemented", "", "lacks"),
    ] {
        for method in ["GET", "PUT"] {
            let reply = Reply {
                message: message.to_owned(),
                ..Reply::error(status, code)
            };
            backend.s3.always(method, PRIVATE, reply);
            // A member that is not there makes the answer rest on what is newest.
            let (answered, body, headers) = if method == "PUT" {
                backend.create("Never")
            } else {
                backend.call(&json!({"action": "any_trigger_initialization"}))
            };
            assert_eq!(answered, 500, "{body} after {status} {code}");
            assert!(headers["Retry-After"].is_null());
            assert!(
                support::error_text(&body).contains("Nothing was changed"),
                "{body}"
            );
            assert_eq!(count_of(&backend.s3.asked(), method, PRIVATE), 1);
            let cause = backend.cause();
            assert!(cause.contains(hint), "{cause}");
            assert!(
                cause.contains(&format!("{status} {code}")) || code.is_empty(),
                "{cause}"
            );
        }
    }
    assert_eq!(backend.names(), ["First", "Kim"]);
    assert!(backend.function.is_running());
}

fn a_token_that_is_no_longer_good_ends_the_process(counts: &Counts) {
    // A token that never was any good is not told from one that is no longer.
    let variables = [("AWS_SESSION_TOKEN", "anothers")];
    let backend = support::Backend::start(counts, S3Options::default(), &variables);
    let trigger = json!({"action": "any_trigger_initialization"});
    assert_eq!(backend.call(&trigger).0, 503);
    let _ = backend
        .function
        .wait_for_log_line(local::PATIENCE, |_| false);
    assert!(!backend.function.is_running());
    let lines = backend.function.log_lines();
    assert!(
        !lines.iter().any(|line| line.contains("anothers")),
        "{lines:?}"
    );

    let mut backend = started(0);
    for code in [
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "ExpiredTokenException",
    ] {
        for (method, object, state) in [
            ("GET", PRIVATE, "Nothing was changed"),
            ("PUT", PRIVATE, "Nothing was changed"),
            ("PUT", PUBLIC, "not public yet"),
        ] {
            backend.s3.always(method, object, Reply::error(400, code));
            let (status, body, headers) = if method == "GET" {
                backend.call(&trigger)
            } else {
                backend.create(&format!("{code} {method} {object}"))
            };
            assert_eq!(status, 503, "{body} after {code} to {method} {object}");
            assert!(headers["Retry-After"].is_string(), "{headers}");
            assert!(support::error_text(&body).contains(state), "{body}");
            assert!(backend.ends(), "{code}");
            let lines = backend.function.log_lines();
            assert!(
                lines.iter().any(|line| line.contains("the process ends")),
                "{lines:?}"
            );
            assert!(backend.cause().contains(code));
            // The next one has new credentials.
            backend.s3.set_script(|_| None);
            backend.start_again();
            assert_eq!(backend.call(&trigger).0, 200);
            assert!(backend.function.is_running());
        }
    }
}

fn whatever_s3_says_is_in_the_log_on_one_line(_: &Counts) {
    let backend = started(0);
    let ids = || {
        vec![
            ("x-amz-request-id", "4442587FB7D0A2F9".to_owned()),
            (
                "x-amz-id-2",
                "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5".to_owned(),
            ),
        ]
    };
    for (status, code) in [
        (400, "KMS.DisabledException"),
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
        (301, "PermanentRedirect"),
        (400, "SomethingNew"),
        (501, "NotImplemented"),
        // These are tried again, some times.
        (307, "TemporaryRedirect"),
        (409, "ConditionalRequestConflict"),
        (412, "PreconditionFailed"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ] {
        for method in ["GET", "PUT"] {
            let reply = Reply {
                message: format!(
                    "no &lt;key&gt;\r\nERROR forged \u{1b}[2J {}",
                    "m".repeat(9_000)
                ),
                headers: ids(),
                ..Reply::error(status, code)
            };
            if method == "PUT" && matches!(status, 307 | 409 | 412 | 500) {
                // A write that others are faster than is tried until time is up, which may cut a try short.
                continue;
            }
            backend.s3.always(method, PRIVATE, reply);
            let (answered, body, _) = if method == "GET" {
                backend.call(&json!({"action": "any_trigger_initialization"}))
            } else {
                backend.create("Never")
            };
            assert!(answered >= 500, "{body} after {status} {code}");
            let cause = backend.cause();
            assert!(cause.contains(&format!("{status} {code}")), "{cause}");
            assert!(
                cause.contains("\"no <key>  ERROR forged  [2J mmm"),
                "{cause}"
            );
            for (name, id) in ids() {
                assert!(cause.contains(&format!("{name} {id}")), "{cause}");
            }
            assert!(cause.len() < 1_500, "{}", cause.len());
            assert!(!cause.contains(char::is_control), "{cause}");
        }
    }
}

fn any_2xx_is_a_success(_: &Counts) {
    let backend = Backend::start(0);
    for status in [200, 201, 202, 203, 204, 205, 206, 226, 299] {
        for object in [PRIVATE, PUBLIC] {
            let name = format!("Member {status} {}", object.len());
            let before = backend.names().len() as u64;
            let reply = move |version: u64| Reply {
                is_applied: true,
                headers: vec![("etag", format!("\"v{version}\""))],
                ..Reply::error(status, "")
            };
            let mut versions = backend.s3.versions();
            let version = versions.remove(object).unwrap_or(0) + 1;
            backend.s3.once("PUT", object, reply(version));
            let (answered, body, _) = backend.create(&name);
            assert_eq!(answered, 200, "{body} after {status}");
            assert_eq!(backend.names().len() as u64, before + 1);
            let puts = backend
                .s3
                .asked()
                .iter()
                .filter(|asked| asked.method == "PUT")
                .count();
            assert!(puts <= 3, "{puts} after {status}");
        }
    }
}

fn what_cannot_be_told_from_an_answer_is_looked_up(_: &Counts) {
    let backend = Backend::start(0);
    // Without an ETag, or with a status that answers nothing.
    for status in [200, 201, 202, 204, 299, 304] {
        for is_applied in [true, false] {
            let name = format!("Member {status} {is_applied}");
            let reply = Reply {
                is_applied,
                ..Reply::error(status, "")
            };
            backend.s3.once("PUT", PRIVATE, reply);
            let (answered, body, _) = backend.create(&name);
            assert_eq!(
                answered, 200,
                "{body} after {status}, applied: {is_applied}"
            );
            let made = backend.names();
            assert_eq!(made.iter().filter(|made| **made == name).count(), 1);
        }
    }
}

fn an_answer_before_the_end_of_the_upload_is_read(_: &Counts) {
    let backend = started(LARGE);
    for (when, status, code, answered, puts) in [
        (When::Early, 403, "AccessDenied", 500, 1),
        (When::Early, 400, "EntityTooLarge", 500, 1),
        (When::Early, 412, "PreconditionFailed", 200, 2),
        (When::Early, 409, "ConditionalRequestConflict", 200, 2),
        (When::Early, 503, "SlowDown", 200, 2),
        (When::Early, 400, "ThrottlingException", 200, 2),
        (When::EarlyAndOpen, 403, "AccessDenied", 500, 1),
    ] {
        let reply = Reply {
            when,
            ..Reply::error(status, code)
        };
        backend.s3.once("PUT", PRIVATE, reply);
        let (found, body, _) = backend.create(&format!("Member {code} {when:?}"));
        assert_eq!(found, answered, "{body} after {status} {when:?}");
        let sent = count_of(&backend.s3.asked(), "PUT", PRIVATE);
        assert_eq!(sent, puts, "{status} {when:?}");
        if answered == 500 {
            let text = support::error_text(&body);
            assert!(text.contains("Nothing was changed"), "{body}");
            assert!(backend.cause().contains(code));
        }
    }
}

fn a_success_before_the_end_of_the_upload_is_none(_: &Counts) {
    let backend = started(LARGE);
    let reply = Reply {
        when: When::Early,
        headers: vec![("etag", "\"early\"".to_owned())],
        ..Reply::error(200, "")
    };
    backend.s3.once("PUT", PRIVATE, reply);
    assert_eq!(backend.create("Robin").0, 200);
    assert_eq!(backend.names(), ["First", "Kim", "Robin"]);
    assert_eq!(count_of(&backend.s3.asked(), "PUT", PRIVATE), 2);
}

/// The answer to the entry's PUT tells nothing. Before the coach hears that nothing was changed, another version takes the
/// place of the one that it was to replace: if it comes after all, its condition fails.
fn an_entry_that_may_come_late_is_kept_from_coming(_: &Counts) {
    let backend = started(0);
    let now = OffsetDateTime::now_utc();
    let (start, end) = (now - Duration::MINUTE, now + Duration::HOUR);
    let (status, body, _) = backend.call(
        &json!({"action": "coach_add_training_session", "auth_token": CODE,
        "start_time": start.unix_timestamp(), "end_time": end.unix_timestamp(), "coach": "u", "comment": ""}),
    );
    assert_eq!(status, 200, "{body}");
    let club: Value = serde_json::from_slice(&backend.s3.bytes(PRIVATE)).expect("the club is JSON");
    let (session_id, _) = club["sessions"]
        .as_object()
        .and_then(|all| all.iter().next())
        .expect("one");
    let is_entry = |asked: &Asked| asked.method == "PUT" && asked.object.contains(HISTORY);
    let mut reply = Some(Reply::error(304, ""));
    backend
        .s3
        .set_script(move |asked| is_entry(asked).then(|| reply.take()).flatten());
    let (status, body, _) = backend.call(
        &json!({"action": "coach_register_participation", "auth_token": CODE,
        "session_id": session_id, "participants": ["u"]}),
    );
    assert_eq!(status, 500, "{body}");
    assert!(
        support::error_text(&body).contains("Nothing was changed"),
        "{body}"
    );
    let asked = backend.s3.asked();
    let written: Vec<_> = asked.iter().filter(|asked| is_entry(asked)).collect();
    assert_eq!(written.len(), 2, "{asked:?}");
    assert!(
        written
            .iter()
            .all(|put| put.headers.contains_key("if-none-match"))
    );
    assert_eq!(
        backend
            .s3
            .versions()
            .keys()
            .filter(|key| key.contains(HISTORY))
            .count(),
        1
    );
    assert!(
        !String::from_utf8_lossy(&backend.s3.bytes(&written[0].object))
            .contains(session_id.as_str())
    );
}

fn a_time_is_taken_over_only_where_it_helps(_: &Counts) {
    for (status, code, tries) in [
        // Refused for another reason: its time is nobody's business.
        (403, "AccessDenied", 1),
        (403, "SignatureDoesNotMatch", 1),
        (400, "SomethingNew", 1),
        (200, "", 1),
        // Refused for the time, by a clock that is itself wrong.
        (403, "RequestTimeTooSkewed", 2),
    ] {
        for date_off in [
            Duration::days(-400),
            -Duration::HOUR,
            Duration::HOUR,
            Duration::days(400),
        ] {
            let backend = Backend::start(0);
            let mut is_first = true;
            backend.s3.set_script(move |asked| {
                let wrong = Reply {
                    date_off,
                    ..Reply::error(status, code)
                };
                if std::mem::take(&mut is_first) {
                    return Some(wrong);
                }
                // S3 itself has the right time, and insists on it.
                (!is_signed_now(asked)).then(|| Reply::error(403, "RequestTimeTooSkewed"))
            });
            let trigger = json!({"action": "any_trigger_initialization"});
            backend.call(&trigger);
            let reads = count_of(&backend.s3.asked(), "GET", PRIVATE);
            assert_eq!(reads, tries, "{status} {code}");
            let (answered, body, _) = backend.call(&trigger);
            assert_eq!(answered, 200, "{body} after {status} {code} {date_off}");
            let later = &backend.s3.asked()[reads..];
            assert!(
                later.iter().all(is_signed_now),
                "{status} {code} {date_off}"
            );
        }
    }
}

fn a_checksum_goes_with_each_object(counts: &Counts) {
    // Object Lock refuses what has none, and the emulator what has a wrong one.
    let locked = S3Options {
        object_lock: true,
        ..S3Options::default()
    };
    let backend = support::Backend::start(counts, locked, &[]);
    let reset = json!({"action": "any_reset_test_setup",
        "test_secret": local::setup::TEST_SECRET});
    assert_eq!(backend.call(&reset), (200, json!({})));
    let session = backend.present_session();
    let attendance = json!({"action": "coach_register_participation", "session_id": session,
        "participants": [support::id("Grandmaster Oh")]});
    backend.ok_as("Grandmaster Oh", &attendance);

    let backend = Backend::start(0);
    backend.s3.set_script(|_| None);
    assert_eq!(backend.create("Robin").0, 200);
    for asked in backend.s3.asked() {
        let checksum = asked.headers.get("x-amz-checksum-sha256");
        assert_eq!(checksum.is_some(), asked.method == "PUT");
        let signed = asked.headers["authorization"].contains(";x-amz-checksum-sha256;");
        assert_eq!(signed, asked.method == "PUT");
    }
    let stored = backend.s3.bytes(PRIVATE);
    let puts = backend.s3.asked();
    let sent = puts
        .iter()
        .rfind(|asked| asked.method == "PUT" && asked.object == PRIVATE);
    let checksum = BASE64_STANDARD.encode(Sha256::digest(stored));
    assert_eq!(
        sent.expect("it was written").headers["x-amz-checksum-sha256"],
        checksum
    );
}

fn an_event_that_was_just_handed_over_has_not_expired(counts: &Counts) {
    let backend = support::Backend::demo(counts);
    let now = SystemTime::now();
    let seconds = StdDuration::from_secs;
    let deadlines = [
        SystemTime::UNIX_EPOCH + seconds(1_000),
        now - seconds(400 * 86_400),
        now - seconds(86_400),
        now - seconds(3_600),
        now - seconds(11),
        now - seconds(1),
        now,
        now + StdDuration::from_millis(300),
        now + seconds(86_400),
        now + seconds(100 * 365 * 86_400),
    ];
    for (number, deadline) in deadlines.into_iter().enumerate() {
        let delivery = Delivery {
            deadline: Some(deadline),
            ..Delivery::default()
        };
        let data = json!({"action": "admin_create_user", "role": "Student",
            "name": format!("Member {number}"), "auth_token": support::code("Grandmaster Oh")});
        backend.count(&data);
        let payload = backend.delivered(delivery, &url_event(&data.to_string()));
        assert_eq!(answer(&payload).0, 200, "{payload} at {deadline:?}");
    }
    assert_eq!(backend.s3_requests().len(), 2 * deadlines.len());
}

/// A club that is under this protocol already, so that a change is one PUT of each object.
fn started(padding: usize) -> Backend {
    let backend = Backend::start(padding);
    assert_eq!(backend.create("First").0, 200);
    backend
}

fn count_of(asked: &[Asked], method: &str, object: &str) -> usize {
    let is_meant = |asked: &&Asked| asked.method == method && asked.object == object;
    asked.iter().filter(is_meant).count()
}

/// Whether a request was signed with a time that S3 lets pass.
fn is_signed_now(asked: &Asked) -> bool {
    let signed = &asked.headers["x-amz-date"];
    let near = |minutes: i64| {
        let time = time::OffsetDateTime::now_utc() + Duration::minutes(minutes);
        let (year, month, day) = time.to_calendar_date();
        let minute = format!(
            "{year}{:02}{day:02}T{:02}{:02}",
            u8::from(month),
            time.hour(),
            time.minute()
        );
        signed.starts_with(&minute)
    };
    (-15..=15).any(near)
}

/// More than the buffers of a connection hold.
const LARGE: usize = 5 << 20;
