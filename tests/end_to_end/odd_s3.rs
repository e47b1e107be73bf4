//! S3-compatible servers that are not quite what they should be, and one whose clock differs from ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use dojang::sigv4::string_to_sign::timestamp;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::cases;
use crate::scripted_s3::{Asked, Backend, Flaws, Reply, Server};
use crate::support::{Counts, expect_log_line, patient_runtime_api};

cases!(
    a_wrong_clock_is_corrected_by_s3s_date,
    a_wrong_clock_is_corrected_with_an_existing_club,
    a_wrong_clock_is_corrected_by_an_answer_without_a_body,
    a_server_that_cannot_keep_the_promises_gets_no_change,
    a_server_that_cannot_keep_the_promises_gets_no_club,
    one_instance_at_a_time_may_do_with_less,
    each_instance_probes_once,
    a_probe_that_fails_is_made_again,
    an_answer_without_an_etag_cannot_be_used,
    what_cannot_be_tried_is_read_from,
    a_probe_that_somebody_deletes_is_made_again,
    an_answer_that_is_cut_short_cannot_be_used,
);

fn a_wrong_clock_is_corrected_by_s3s_date(_: &Counts) {
    let backend = start(Oddity::AnHourAhead, "");
    assert_eq!(initialise(&backend), (200, json!({})));
    // Corrected once, the clock stays right.
    assert_eq!(initialise(&backend), (200, json!({})));
    let refused = backend
        .s3
        .statuses()
        .iter()
        .filter(|status| **status == 403)
        .count();
    assert!((1..=2).contains(&refused), "{:?}", backend.s3.statuses());
}

fn a_wrong_clock_is_corrected_with_an_existing_club(_: &Counts) {
    let backend = start(Oddity::AnHourAhead, NOBODY);
    assert_eq!(initialise(&backend), (200, json!({})));
    assert_eq!(initialise(&backend), (200, json!({})));
}

fn a_wrong_clock_is_corrected_by_an_answer_without_a_body(_: &Counts) {
    let backend = start(Oddity::HeadAnHourAhead, NOBODY);
    assert_eq!(initialise(&backend), (200, json!({})));
    let refused = |status: &u16| *status == 403;
    assert_eq!(backend.s3.statuses().into_iter().filter(refused).count(), 1);
}

/// What a server does not keep, and words of what is said of it.
const UNFIT: [(Oddity, &str); 6] = [
    (Oddity::NoIfMatch, "ignores If-Match"),
    (Oddity::NoIfNoneMatch, "ignores If-None-Match"),
    (Oddity::NoConditions, "ignores If-Match"),
    (
        Oddity::UnknownConditions,
        "does not know conditional writes",
    ),
    (Oddity::NoMetadata, "drops x-amz-meta-*"),
    (Oddity::NotAtomic, "lets several writes pass one If-Match"),
];

fn a_server_that_cannot_keep_the_promises_gets_no_change(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = probing("probed", oddity, &one_admin());
        let (status, body) = call(&backend, &new_user());
        assert_eq!(status, 503, "{oddity:?}: {body}");
        let text = body["error"].as_str().unwrap_or_default();
        assert!(text.contains("Nothing was changed"), "{text}");
        let line = expect_log_line(&backend.function, words);
        let host = backend.s3.endpoint.trim_start_matches("http://");
        for expected in ["ERROR", host, "given_up=server"] {
            assert!(line.contains(expected), "{expected}: {line}");
        }
        let has_way_out = oddity != Oddity::UnknownConditions;
        assert_eq!(line.contains("DOJANG_S3_SERVER"), has_way_out, "{line}");
        assert_eq!(
            backend.s3.bytes("private data.json"),
            one_admin().into_bytes()
        );
        // A read is served, and another change is refused as well.
        let (status, body) = call(&backend, &look());
        assert_eq!(status, 200, "{oddity:?}: {body}");
        assert_eq!(call(&backend, &new_user()).0, 503, "{oddity:?}");
    }
}

fn a_server_that_cannot_keep_the_promises_gets_no_club(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = probing("probed", oddity, "");
        assert_eq!(initialise(&backend).0, 503, "{oddity:?}");
        expect_log_line(&backend.function, words);
        let objects = backend.s3.versions();
        assert!(
            objects
                .keys()
                .all(|name| name.ends_with(" dojang-probe.json"))
        );
    }
}

fn one_instance_at_a_time_may_do_with_less(_: &Counts) {
    for (oddity, words) in UNFIT {
        let backend = probing("single-instance", oddity, &one_admin());
        // What knows no conditions takes none of our writes.
        let (expected, level) = match oddity {
            Oddity::UnknownConditions => (503, "ERROR"),
            _ => (200, "WARN"),
        };
        assert_eq!(call(&backend, &new_user()).0, expected, "{oddity:?}");
        assert!(expect_log_line(&backend.function, words).contains(level));
    }
}

fn each_instance_probes_once(_: &Counts) {
    let backend = probing("probed", Oddity::None, &one_admin());
    let requests = || backend.s3.statuses().len();
    assert_eq!(call(&backend, &user_named("Ane")).0, 200, "Ane");
    let (before, probed) = (requests(), probes(&backend.s3));
    assert_eq!(call(&backend, &user_named("Bo Bech")).0, 200, "Bo Bech");
    assert_eq!(requests() - before, 2, "two PUTs");
    assert!(probed > 8 && probes(&backend.s3) == probed, "{probed}");
    // Another instance does not rely on what this one found.
    let other = on(Arc::clone(&backend.s3), "probed");
    assert_eq!(call(&other, &user_named("Cleo")).0, 200);
    assert_eq!(probes(&backend.s3), 2 * probed);
    let trusting = on(Arc::clone(&backend.s3), "trusted");
    assert_eq!(call(&trusting, &user_named("Dina")).0, 200);
    assert_eq!(probes(&backend.s3), 2 * probed);
}

fn a_probe_that_fails_is_made_again(_: &Counts) {
    for oddity in [Oddity::BusyAtFirst, Oddity::BusyInRaces] {
        let backend = probing("probed", oddity, &one_admin());
        assert_eq!(call(&backend, &new_user()).0, 200, "{oddity:?}");
        // Not taken for one that has passed.
        assert!(probes(&backend.s3) > 23, "{}", probes(&backend.s3));
    }
}

fn one_admin() -> String {
    json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin", "auth_token": "AbCd1234"}},
        "sessions": {}})
    .to_string()
}

fn look() -> Value {
    json!({"action": "coach_get_historical_participation", "auth_token": "AbCd1234",
        "start_time": 1_700_000_000, "end_time": 1_700_086_400})
}

fn new_user() -> Value {
    user_named("Somebody")
}

fn user_named(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": "AbCd1234", "role": "Student", "name": name})
}

fn an_answer_without_an_etag_cannot_be_used(_: &Counts) {
    let backend = start(Oddity::NoETag, NOBODY);
    assert_eq!(initialise(&backend).0, 500);
    expect_log_line(&backend.function, "expected an ETag");
    assert_eq!(backend.s3.versions().len(), 1, "nothing was written");
}

/// Each read finds that the club, which somebody copied in by hand, was never published.
fn what_cannot_be_tried_is_read_from(_: &Counts) {
    for (oddity, words) in [
        (Oddity::NoETagOfWrites, "expected an ETag"),
        (Oddity::NoProbe, "AccessDenied"),
        (Oddity::ProbeIsNeverThere, "there is no such object"),
    ] {
        let backend = probing("probed", oddity, &one_admin());
        for _ in 0..2 {
            let (status, body) = call(&backend, &look());
            assert_eq!(status, 200, "{oddity:?}: {body}");
            assert_eq!(initialise(&backend), (200, json!({})), "{oddity:?}");
            let (status, body) = call(&backend, &new_user());
            assert_eq!(status, 503, "{oddity:?}: {body}");
            let text = body["error"].as_str().unwrap_or_default();
            assert!(text.contains("Nothing was changed"), "{text}");
        }
        let line = expect_log_line(&backend.function, words);
        for expected in ["ERROR", "dojang-probe.json", "given_up=server"] {
            assert!(line.contains(expected), "{expected}: {line}");
        }
        let club = backend.s3.bytes("private data.json");
        assert_eq!(club, one_admin().into_bytes(), "{oddity:?}");
        let objects = backend.s3.versions();
        assert!(!objects.contains_key("public data.json"), "{objects:?}");
    }
}

fn a_probe_that_somebody_deletes_is_made_again(_: &Counts) {
    let backend = probing("probed", Oddity::ProbeIsDeletedOnce, &one_admin());
    assert_eq!(call(&backend, &new_user()).0, 200);
    let gone = backend.s3.statuses().into_iter();
    assert!(gone.filter(|status| *status == 404).count() > 0);
}

fn an_answer_that_is_cut_short_cannot_be_used(_: &Counts) {
    let backend = start(Oddity::LyingLength, NOBODY);
    let (status, body) = initialise(&backend);
    assert_eq!(status, 503, "{body}");
    assert!(
        body["error"]
            .as_str()
            .is_some_and(|text| text.contains("Nothing was changed"))
    );
    expect_log_line(&backend.function, "cut short");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    None,
    /// Its clock is an hour ahead of ours, and it insists on it.
    AnHourAhead,
    /// The same for HEAD only.
    HeadAnHourAhead,
    NoConditions,
    NoIfMatch,
    NoIfNoneMatch,
    /// It answers every conditional write with 501.
    UnknownConditions,
    NoMetadata,
    /// `If-Match` is compared with what it knew a moment ago: two writers in a row pass.
    NotAtomic,
    /// It answers the first writes with 503.
    BusyAtFirst,
    /// The first that are made at once.
    BusyInRaces,
    NoETag,
    /// The same for PUT only.
    NoETagOfWrites,
    /// It lets nobody write the object on which it is tried.
    NoProbe,
    /// It does not show that object.
    ProbeIsNeverThere,
    /// Somebody deletes it as soon as it was written first.
    ProbeIsDeletedOnce,
    /// It announces more than it sends.
    LyingLength,
}

impl Oddity {
    fn flaws(self) -> Flaws {
        let is_ahead = matches!(self, Self::AnHourAhead | Self::HeadAnHourAhead);
        Flaws {
            clock_ahead: if is_ahead {
                Duration::HOUR
            } else {
                Duration::ZERO
            },
            is_late: self == Self::NotAtomic,
            hides_etags: self == Self::NoETag,
            cuts_answers: self == Self::LyingLength,
        }
    }

    /// Changes the request to what this server sees of it, or answers it. `probes`: how many there were.
    fn meddle(self, asked: &mut Asked, probes: &mut usize) -> Option<Reply> {
        let is_write = asked.method == "PUT";
        let is_probe = is_probe(asked);
        *probes += usize::from(is_probe);
        let is_look = !is_write && asked.object.ends_with("dojang-probe.json");
        let headers = &mut asked.headers;
        let is_conditional =
            headers.contains_key("if-match") || headers.contains_key("if-none-match");
        match self {
            Self::AnHourAhead if is_an_hour_behind(headers) => {
                return Some(Reply::error(403, "RequestTimeTooSkewed"));
            }
            Self::HeadAnHourAhead if asked.method == "HEAD" && is_an_hour_behind(headers) => {
                return Some(Reply::error(403, "RequestTimeTooSkewed"));
            }
            Self::UnknownConditions if is_write && is_conditional => {
                return Some(Reply::error(501, "NotImplemented"));
            }
            Self::BusyAtFirst if is_probe && *probes <= 3 => {
                return Some(Reply::error(503, "SlowDown"));
            }
            Self::BusyInRaces if is_probe && (6..=13).contains(&*probes) => {
                return Some(Reply::error(503, "SlowDown"));
            }
            Self::NoETagOfWrites if is_write => {
                return Some(Reply {
                    status: 200,
                    is_applied: true,
                    ..Reply::default()
                });
            }
            Self::NoProbe if is_probe => return Some(Reply::error(403, "AccessDenied")),
            Self::ProbeIsNeverThere if is_look => return Some(Reply::error(404, "NoSuchKey")),
            Self::ProbeIsDeletedOnce if is_look && *probes == 1 => {
                return Some(Reply::error(404, "NoSuchKey"));
            }
            Self::NoMetadata => headers.retain(|name, _| !name.starts_with("x-amz-meta-")),
            _ => {}
        }
        if matches!(self, Self::NoConditions | Self::NoIfMatch) {
            headers.remove("if-match");
        }
        if matches!(self, Self::NoConditions | Self::NoIfNoneMatch) {
            headers.remove("if-none-match");
        }
        None
    }
}

fn is_probe(asked: &Asked) -> bool {
    asked.method == "PUT" && asked.object.ends_with("dojang-probe.json")
}

/// Signed by a clock that is right, and not by that of a server that is an hour ahead.
fn is_an_hour_behind(headers: &BTreeMap<String, String>) -> bool {
    headers["x-amz-date"] < timestamp(OffsetDateTime::now_utc() + Duration::HOUR / 2)
}

/// The executable on an odd server with this private `data.json`, none if it is empty.
fn start(oddity: Oddity, club: &str) -> Backend {
    probing("trusted", oddity, club)
}

/// With this value of `DOJANG_S3_SERVER`.
fn probing(trust: &str, oddity: Oddity, club: &str) -> Backend {
    let server = Server::start((!club.is_empty()).then_some(club));
    server.set_flaws(oddity.flaws());
    let mut probes = 0;
    server.set_script(move |asked| oddity.meddle(asked, &mut probes));
    on(server, trust)
}

fn on(server: Arc<Server>, trust: &str) -> Backend {
    Backend::on(
        server,
        &[("DOJANG_S3_SERVER", trust)],
        patient_runtime_api(),
    )
}

fn initialise(backend: &Backend) -> (u64, Value) {
    call(backend, &json!({"action": "any_trigger_initialization"}))
}

fn call(backend: &Backend, request: &Value) -> (u64, Value) {
    let (status, body, _) = backend.call(request);
    (status, body)
}

/// How often the object was written on which a server is tried, or was to be.
fn probes(server: &Server) -> usize {
    server
        .asked()
        .iter()
        .filter(|asked| is_probe(asked))
        .count()
}

const NOBODY: &str = r#"{"users":{},"sessions":{}}"#;
