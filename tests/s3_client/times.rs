//! A clock that S3 does not agree with.

use dojang::s3::{Location, ObjectStore};
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use crate::server::{Asked, Reply, Server};
use crate::{DATA, PATIENCE, client, name, upload};

#[test]
fn what_is_refused_for_its_time_is_made_again_with_s3s() {
    for (status, code) in [(403, "RequestTimeTooSkewed"), (400, "RequestTimeTooSkewed")] {
        for ahead in [-Duration::HOUR, Duration::HOUR] {
            let server = insisting(ahead, status, code);
            let client = client(&server);
            client.put(DATA, &upload(b"{}"), PATIENCE).unwrap();
            assert_eq!(server.asked().len(), 2, "{status} {code} {ahead}");
            // From then on it is S3's at once.
            client.put(DATA, &upload(b"{}"), PATIENCE).unwrap();
            client.get(DATA, None, PATIENCE).unwrap();
            client.head(DATA, PATIENCE).unwrap();
            assert_eq!(server.asked().len(), 5);
            // What is refused then has another reason.
            let elsewhere = Location {
                key: FORBIDDEN,
                ..DATA
            };
            client.head(elsewhere, PATIENCE).unwrap_err();
            client.get(elsewhere, None, PATIENCE).unwrap_err();
            assert_eq!(server.asked().len(), 7);
        }
    }
}

#[test]
fn a_time_that_does_not_help_is_forgotten() {
    let server = Server::start(|_, _| {
        let date = date(Duration::HOUR);
        Reply::error(403, "RequestTimeTooSkewed", &[&date])
    });
    let client = client(&server);
    for _ in 0..2 {
        let refused = client.get(DATA, None, PATIENCE).unwrap_err();
        assert_eq!(name(&refused), "refused");
    }
    let off: Vec<_> = server.asked().iter().map(hours_off).collect();
    assert_eq!(off, [0, 1, 0, 1]);
}

#[test]
fn another_refusal_tells_no_time() {
    for (method, status, code, ahead, times) in [
        ("GET", 403, "AccessDenied", Duration::HOUR, 1),
        ("GET", 200, "", Duration::HOUR, 1),
        ("GET", 500, "InternalError", Duration::HOUR, 1),
        ("GET", 403, "RequestTimeTooSkewed", Duration::HOUR, 2),
        // An answer to HEAD says no more than its status.
        ("HEAD", 403, "", Duration::HOUR, 2),
        ("HEAD", 403, "", -Duration::HOUR, 2),
        ("HEAD", 403, "", Duration::minutes(9), 1),
        ("HEAD", 403, "", Duration::minutes(-9), 1),
        ("HEAD", 400, "", Duration::HOUR, 1),
        ("HEAD", 404, "", Duration::HOUR, 1),
    ] {
        let server = Server::start(move |asked, _| {
            let date = date(ahead);
            match asked.method() {
                "HEAD" => Reply::raw(status, [&*date, "etag: \"a\""], b""),
                _ => Reply::error(status, code, &[&date, "etag: \"a\""]),
            }
        });
        let client = client(&server);
        match method {
            "HEAD" => drop(client.head(DATA, PATIENCE)),
            _ => drop(client.get(DATA, None, PATIENCE)),
        }
        let off: Vec<_> = server.asked().iter().map(hours_off).collect();
        let hour = ahead.whole_hours();
        assert_eq!(off, [0, hour][..times], "{method} {status} {code} {ahead}");
    }
}

/// A server whose clock is so far ahead, and that refuses whatever is not signed by it.
fn insisting(ahead: Duration, status: u16, code: &'static str) -> Server {
    Server::start(move |asked, _| {
        let date = date(ahead);
        if hours_off(asked) != ahead.whole_hours() {
            return Reply::error(status, code, &[&date]);
        }
        let is_forbidden = asked.line.contains(FORBIDDEN);
        match asked.method() {
            "HEAD" if is_forbidden => Reply::raw(403, [&*date], b""),
            _ if is_forbidden => Reply::error(403, "AccessDenied", &[&date]),
            "HEAD" => Reply::raw(200, [&*date, "etag: \"a\""], b""),
            _ => Reply::new(200, &[&date, "etag: \"a\""], b"{}"),
        }
    })
}

/// A `Date` that is so far ahead.
fn date(ahead: Duration) -> String {
    let date = (OffsetDateTime::now_utc() + ahead)
        .format(&Rfc2822)
        .expect("it is a date");
    format!("date: {}", date.replace("+0000", "GMT"))
}

/// By how many hours, rounded, the time that a request was signed with is ahead of now.
fn hours_off(asked: &Asked) -> i64 {
    let text = &asked.headers["x-amz-date"];
    let number = |from: usize, to: usize| text[from..to].parse::<u8>().expect("two digits");
    let date = time::Date::from_calendar_date(
        text[..4].parse().expect("a year"),
        time::Month::try_from(number(4, 6)).expect("a month"),
        number(6, 8),
    );
    let time = time::Time::from_hms(number(9, 11), number(11, 13), number(13, 15));
    let signed = date.expect("a day").with_time(time.expect("a time"));
    let ahead = signed.assume_utc() - OffsetDateTime::now_utc();
    (ahead.whole_seconds() + 1_800).div_euclid(3_600)
}

/// The key of an object that nobody may read.
const FORBIDDEN: &str = "forbidden.json";
