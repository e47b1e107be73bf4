//! What a process takes at most (`VmHWM`), whatever is sent.

use std::fs;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::setup::PRIVATE_BUCKET;
use local::{Delivery, Outcome, RuntimeApi, S3Options};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, url_event};
use local::PATIENCE;

cases! {
    the_worst_events_take_48_mb_at_most,
    so_do_many_at_once,
    the_largest_clubs_are_changed_and_published,
}

fn the_worst_events_take_48_mb_at_most(counts: &Counts) {
    let backend = Backend::demo(counts);
    let api = &backend.runtime_api;
    let before = peak_after(&backend, || {});
    println!("{:<44}{:>9}{:>8}", "event", "bytes", "VmHWM");
    println!("{:<44}{:>9}{before:>5} MB", "(none)", 0);
    for (name, event) in worst_events() {
        let peak = peak_after(&backend, || refused(api, name, &event));
        println!("{name:<44}{:>9}{peak:>5} MB", event.len());
        assert!(peak <= MOST_MB, "{name}: {peak} MB");
    }
}

fn so_do_many_at_once(counts: &Counts) {
    // The shipped executable has one heap for all threads; glibc would keep one for each.
    let variables = [
        ("AWS_LAMBDA_MAX_CONCURRENCY", "8"),
        ("MALLOC_ARENA_MAX", "1"),
    ];
    let backend = Backend::start(counts, S3Options::default(), &variables);
    let api = &backend.runtime_api;
    for (name, event) in worst_events() {
        let peak = peak_after(&backend, || {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| refused(api, name, &event));
                }
            });
        });
        println!("8 at once: {name:<33}{:>9}{peak:>5} MB", event.len());
        assert!(peak <= MOST_MB, "{name}: {peak} MB");
    }
}

fn the_largest_clubs_are_changed_and_published(counts: &Counts) {
    println!("{:<44}{:>9}{:>8}", "change of a club of", "bytes", "VmHWM");
    for (name, club) in clubs(dojang::limits::DATA.most) {
        let mut backend = Backend::empty(counts);
        backend
            .s3
            .put_object(PRIVATE_BUCKET, "data.json", club.clone());
        backend.restart();
        let change = json!({"action": "coach_update_training_session", "auth_token": "admin",
            "session_id": "last", "session_state": "deleted"});
        let delivery = Delivery {
            timeout: Some(PATIENCE),
            ..Delivery::default()
        };
        let peak = peak_after(&backend, || {
            let event = change.to_string();
            let Outcome::Response(payload) =
                backend.runtime_api.invoke_with(delivery, event.as_bytes())
            else {
                panic!("{name}: no answer")
            };
            let payload: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(answer(&payload), (200, json!({})), "{name}");
        });
        println!("{name:<44}{:>9}{peak:>5} MB", club.len());
        assert!(peak <= MOST_CLUB_MB, "{name}: {peak} MB");
        assert!(backend.public()["sessions"].get("last").is_none());
    }
}

/// Clubs of nearly so many bytes, of what costs most in memory and of what is usual.
fn clubs(bytes: usize) -> Vec<(&'static str, String)> {
    let room = bytes - 500;
    let user = |id: &str| {
        format!(r#""{id}":{{"user_id":"{id}","name":"{id}","role":"Admin","auth_token":"{id}"}}"#)
    };
    let session = |id: &str, participation: &str, rest: &str| {
        format!(
            r#""{id}":{{"session_id":"{id}","start_time":1,"end_time":2,"state":"scheduled","participation":{{{participation}}}{rest}}}"#
        )
    };
    let club = |users: &str, sessions: &str| {
        let (admin, last) = (user("admin"), session("last", "", ""));
        format!(r#"{{"users":{{{users}{admin}}},"sessions":{{{sessions}{last}}}}}"#)
    };
    let members = |item: &dyn Fn(usize) -> String| club(&(numbered(room, item) + ","), "");
    let sessions = |item: &dyn Fn(usize) -> String| club("", &(numbered(room, item) + ","));
    let short = numbered(500_000, &|n| format!(r#""{n}":"Yes""#));
    let usual = numbered(500_000, &|n| format!(r#""{n:0>36}":"Yes""#));
    let comment = format!(r#","comment":"{}""#, "x".repeat(10_000));
    let one = format!(r#","comment":"{}""#, "x".repeat(room - 200));
    let unknown = numbered(room - 200, &|n| format!(r#""x{n}":0"#));
    vec![
        ("members, short", members(&|n| user(&n.to_string()))),
        ("members, usual", members(&|n| user(&format!("{n:0>36}")))),
        ("sessions", sessions(&|n| session(&n.to_string(), "", ""))),
        (
            "comments",
            sessions(&|n| session(&n.to_string(), "", &comment)),
        ),
        (
            "answers, short",
            sessions(&|n| session(&n.to_string(), &short, "")),
        ),
        (
            "answers, usual",
            sessions(&|n| session(&n.to_string(), &usual, "")),
        ),
        ("one comment", club("", &(session("a", "", &one) + ","))),
        (
            "unknown keys",
            club("", &(session("a", "", &format!(",{unknown}")) + ",")),
        ),
    ]
}

/// As many items, with commas between them, as have room.
fn numbered(bytes: usize, item: &dyn Fn(usize) -> String) -> String {
    let mut text = item(0);
    for n in 1.. {
        let item = item(n);
        if text.len() + item.len() >= bytes {
            break;
        }
        text = text + "," + &item;
    }
    text
}

/// Events of up to 6 MB that would cost most if what they hold were kept.
fn worst_events() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str| open.repeat(100) + "0" + &close.repeat(100);
    let list = |item: &str, bytes: usize| {
        format!(
            "[{}{item}]",
            format!("{item},").repeat(bytes / (item.len() + 1) - 1)
        )
    };
    let with = |key: &str, value: &str| format!("{{\"action\":\"any_x\",\"{key}\":{value}}}");
    let url = |body: &str| url_event(body).to_string().into_bytes();
    let base64 = |body: &str| {
        let mut event = url_event(&BASE64_STANDARD.encode(body));
        event["isBase64Encoded"] = json!(true);
        event.to_string().into_bytes()
    };
    let objects = nested("{\"\":", "}");
    let lists = nested("[", "]");
    let many = FULL - 1000;
    // So much of a body of quotation marks that are escaped in the event.
    let quoted = many * 5 / 7;
    vec![
        (
            "objects, 100 deep",
            url(&with("p", &list(&objects, quoted))),
        ),
        (
            "lists, 100 deep, base64",
            base64(&with("p", &list(&lists, many * 3 / 4))),
        ),
        (
            "lists, 100 deep, direct",
            with("p", &list(&lists, many)).into_bytes(),
        ),
        (
            "keys, each another",
            url(&with(
                "p",
                &format!("{{{}}}", numbered(quoted, &|n| format!("\"{n}\":0"))),
            )),
        ),
        (
            "keys, each another, direct",
            format!("{{{}}}", numbered(many, &|n| format!("\"{n}\":0"))).into_bytes(),
        ),
        (
            "keys, as many as may be, escaped",
            format!(
                "{{{}}}",
                numbered(many, &|n| format!(
                    "\"{}{n}\":{}",
                    r"\u0041".repeat(8),
                    if n < 99_000 { "0" } else { "00" }
                ))
            )
            .into_bytes(),
        ),
        (
            "small lists, direct",
            with("p", &list("[]", many)).into_bytes(),
        ),
        (
            "zeroes, base64",
            base64(&with("p", &list("0", many * 3 / 4))),
        ),
        (
            "participants",
            with("participants", &list("\"\"", many)).into_bytes(),
        ),
        (
            "as many long participants as may be",
            with(
                "participants",
                &format!("[{}]", numbered(many, &|n| format!("\"{n:0>290}\""))),
            )
            .into_bytes(),
        ),
        (
            "login codes",
            url(&with(
                "user_auth_tokens",
                &format!("[{}]", numbered(quoted, &|n| format!("\"{n}\""))),
            )),
        ),
        (
            "answers",
            with(
                "joining_sessions",
                &format!("{{{}}}", numbered(many, &|n| format!("\"\\n{n}\":\"Yes\""))),
            )
            .into_bytes(),
        ),
        (
            "one long string, escaped",
            with("auth_token", &format!("\"{}\"", r"\n".repeat(many / 2))).into_bytes(),
        ),
        (
            "one long string, escaped twice",
            url(&with(
                "auth_token",
                &format!("\"{}\"", r"\n".repeat(many / 3)),
            )),
        ),
        ("base64 with escapes", {
            let body = with("p", &list("{}", many / 2));
            let event = url_event(&BASE64_STANDARD.encode(body)).to_string();
            event
                .replace("false", "true")
                .replace("\"body\":\"e", "\"body\":\"\\u0065")
                .into_bytes()
        }),
        ("headers", {
            let mut event = url_event(&with("p", "0"));
            event["headers"] = serde_json::from_str(&format!(
                "{{{}}}",
                numbered(many, &|n| format!("\"{n}\":\"\""))
            ))
            .unwrap();
            event.to_string().into_bytes()
        }),
    ]
}

#[track_caller]
fn refused(api: &RuntimeApi, name: &str, event: &[u8]) {
    assert!(event.len() <= FULL, "{name}: {}", event.len());
    let delivery = Delivery {
        timeout: Some(PATIENCE),
        ..Delivery::default()
    };
    let Outcome::Response(payload) = api.invoke_with(delivery, event) else {
        panic!("{name}: no answer")
    };
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(answer(&payload).0, 400, "{name}");
}

/// The most memory that the process had while `run` ran, in MB.
fn peak_after(backend: &Backend<'_>, run: impl FnOnce()) -> u64 {
    let process = format!("/proc/{}", backend.function.id());
    fs::write(format!("{process}/clear_refs"), "5").expect("the process is ours");
    run();
    let status = fs::read_to_string(format!("{process}/status")).expect("the process runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.expect("Linux says so").div_ceil(1024)
}

/// What Lambda delivers at most.
const FULL: usize = 6 * 1024 * 1024;
/// Of the 256 MB that the function has by default.
const MOST_MB: u64 = 48;
/// The same for a change of a club as large as it may become.
const MOST_CLUB_MB: u64 = 128;
