//! The process ends at any moment, and so does S3's connection: the next start serves the same club.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET};
use local::{Fault, Outcome, RuntimeApi, S3Options, S3Server};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, code};

cases! {
    a_killed_process_is_followed_by_one_that_serves_the_same_club,
    a_process_killed_during_a_commit_loses_nothing,
    a_process_killed_between_commit_and_publication_is_made_up_for,
    a_repetition_is_recognised_by_the_next_process,
    the_club_survives_a_restart_of_s3_too,
}

fn a_killed_process_is_followed_by_one_that_serves_the_same_club(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    for number in 0..3 {
        let name = format!("Number {number}");
        let user = backend.ok_as(ADMIN, &create(&name));
        let (private, public) = (backend.private(), backend.public());
        let before = backend.function.id();
        backend.restart();
        assert_ne!(backend.function.id(), before);
        let shown = backend.ok_as(
            ADMIN,
            &json!({"action": "admin_show_auth_token", "user_id": user["user_id"]}),
        );
        assert_eq!(shown["auth_token"], user["auth_token"]);
        assert_eq!((backend.private(), backend.public()), (private, public));
    }
}

fn a_process_killed_during_a_commit_loses_nothing(counts: &Counts) {
    for (fault, users) in [(Fault::Stall, 10), (Fault::ApplyThenStall, 11)] {
        let mut backend = Backend::demo(counts);
        let mut data = create("New");
        data["operation_id"] = json!("a-new-member");
        kill_during(&mut backend, &data, PRIVATE_BUCKET, fault);
        assert_eq!(user_count(&backend.private()), users);
        let (status, user) = answer(&backend.event(&data));
        assert_eq!(status, 200, "{user}");
        assert_eq!(user_count(&backend.private()), 11, "once");
        assert_eq!(user_count(&backend.public()), 11);
        assert_eq!(
            backend.private()["users"][user["user_id"].as_str().unwrap()],
            user
        );
    }
}

fn a_process_killed_between_commit_and_publication_is_made_up_for(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let mut data = create("New");
    data["operation_id"] = json!("a-new-member");
    kill_during(&mut backend, &data, PUBLIC_BUCKET, Fault::Stall);
    assert_eq!(user_count(&backend.private()), 11);
    assert_eq!(user_count(&backend.public()), 10);
    let (status, user) = answer(&backend.event(&data));
    assert_eq!(status, 200, "{user}");
    assert_eq!(user_count(&backend.private()), 11, "once");
    assert_eq!(user_count(&backend.public()), 11);
}

fn a_repetition_is_recognised_by_the_next_process(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let mut data = create("New");
    data["operation_id"] = json!("a-new-member");
    let first = answer(&backend.event(&data));
    assert_eq!(first.0, 200);
    backend.restart();
    assert_eq!(answer(&backend.event(&data)), first);
    assert_eq!(user_count(&backend.private()), 11);
}

fn the_club_survives_a_restart_of_s3_too(counts: &Counts) {
    let directory = Directory::new();
    let options = S3Options {
        data_dir: Some(directory.0.clone()),
        ..S3Options::default()
    };
    let mut backend = Backend::start(counts, options.clone(), &[]);
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset).0, 200);
    let mut data = create("New");
    data["operation_id"] = json!("a-new-member");
    let first = answer(&backend.event(&data));
    assert_eq!(first.0, 200);
    let stored = |backend: &Backend<'_>| {
        [PRIVATE_BUCKET, PUBLIC_BUCKET].map(|bucket| backend.s3.object(bucket, "data.json"))
    };
    let before = stored(&backend);

    // The directory belongs to one server at a time.
    backend.s3 = S3Server::start(S3Options::default()).unwrap();
    backend.s3 = S3Server::start(options).unwrap();
    let endpoint = backend.s3.endpoint();
    backend.set_variable("AWS_ENDPOINT_URL_S3", &endpoint);
    backend.restart();
    let strip = |objects: [Option<local::StoredObject>; 2]| {
        objects.map(|object| {
            let object = object.unwrap();
            (object.bytes, object.metadata, object.cache_control)
        })
    };
    assert!(strip(stored(&backend)) == strip(before));
    assert_eq!(answer(&backend.event(&data)), first, "it is remembered");
    backend.ok_as(ADMIN, &create("Newer"));
    assert_eq!(user_count(&backend.private()), 12);
}

/// Sends a request, kills the process while it waits for S3's answer to a PUT of this bucket's
/// `data.json`, and starts another one.
fn kill_during(backend: &mut Backend<'_>, data: &Value, bucket: &'static str, fault: Fault) {
    let (reached, wait) = mpsc::channel();
    backend.s3.set_fault(Some(Box::new(move |head| {
        let is_meant = head.method == "PUT" && head.bucket == bucket && head.key == "data.json";
        is_meant.then(|| {
            let _ = reached.send(());
            fault.clone()
        })
    })));
    let event = data.to_string();
    let outcome = thread::scope(|scope| {
        let api: &RuntimeApi = &backend.runtime_api;
        let invocation = scope.spawn(move || {
            // Nobody ever answers it.
            let delivery = local::Delivery {
                timeout: Some(std::time::Duration::from_secs(2)),
                deadline: Some(std::time::SystemTime::now() + local::PATIENCE),
                ..local::Delivery::default()
            };
            api.invoke_with(delivery, event.as_bytes())
        });
        wait.recv_timeout(local::PATIENCE).unwrap();
        // Whatever the fault applies is applied before the request is recorded.
        while !backend.s3.requests().iter().any(|request| {
            request.method == "PUT" && request.bucket == bucket && request.status.is_none()
        }) {
            thread::yield_now();
        }
        backend.function.kill();
        backend.function.wait();
        invocation.join().unwrap()
    });
    assert!(!matches!(outcome, Outcome::Response(_)), "{outcome:?}");
    backend.s3.set_fault(None);
    backend.restart();
}

fn user_count(club: &Value) -> usize {
    club["users"].as_object().unwrap().len()
}

fn create(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": code(ADMIN), "role": "Student",
        "name": name})
}

/// A directory of its own, removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let name = format!("restart-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ADMIN: &str = "Grandmaster Oh";
