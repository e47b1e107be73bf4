//! The list of operations is gone, or may have forgotten some.
//!
//! Then it cannot be told whether an operation took effect. The answer says so, and the operation does not take effect
//! once more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use dojang::club::operation::OperationKey;
use dojang::store::journal::Journal;
use local::setup::PRIVATE_BUCKET;
use local::{Fault, StoredObject};
use serde_json::json;

use crate::cases;
use crate::faults::{assert_fault, create, is_commit, trigger};
use crate::support::{Backend, Counts};

cases!(
    the_list_is_gone_after_a_lost_answer,
    the_club_is_deleted_after_a_lost_answer,
    the_same_version_is_put_back_without_its_list,
    the_list_may_have_forgotten_the_operation,
    the_list_on_which_the_operation_was_seen_is_gone,
    the_list_remembers_its_capacity_of_operations,
    a_list_that_cannot_be_read_is_not_known_and_said_to_be,
    one_operation_with_another_list_is_another_version,
    the_clubs_secret_can_be_replaced,
);

/// The old service writes over a change whose answer is lost: it has read it, but knows of no metadata.
fn the_list_is_gone_after_a_lost_answer(counts: &Counts) {
    let backend = Backend::demo(counts);
    after_a_lost_answer(&backend, |_, written| StoredObject {
        metadata: BTreeMap::new(),
        ..written
    });
    assert_fault(&backend.event(&create("New")), 503, "not known");
    assert_eq!(news(&backend), 1, "once");
    assert_eq!(backend.call(&trigger()).0, 200);
    assert_eq!(backend.public()["users"].as_object().unwrap().len(), 11);
}

/// No new club is made for an operation that may have taken effect in the deleted one.
fn the_club_is_deleted_after_a_lost_answer(counts: &Counts) {
    let backend = Backend::demo(counts);
    let buckets = backend.s3.buckets();
    let commits = AtomicUsize::new(0);
    backend.s3.set_fault(Some(Box::new(move |head| {
        if is_commit(head) {
            let is_first = commits.fetch_add(1, Ordering::Relaxed) == 0;
            return is_first.then_some(Fault::ApplyThenDrop);
        }
        if head.method == "GET" && commits.load(Ordering::Relaxed) == 1 {
            buckets.delete_object(PRIVATE_BUCKET, "data.json");
        }
        None
    })));
    assert_fault(&backend.event(&create("New")), 503, "not known");
    assert_eq!(backend.s3.object(PRIVATE_BUCKET, "data.json"), None);
    backend.s3.set_fault(None);
    assert_eq!(backend.call(&trigger()).0, 200);
}

/// The bytes, and so the ETag, are those that the change was to replace.
fn the_same_version_is_put_back_without_its_list(counts: &Counts) {
    let backend = Backend::demo(counts);
    after_a_lost_answer(&backend, |replaced, _| StoredObject {
        metadata: BTreeMap::new(),
        ..replaced
    });
    assert_fault(&backend.event(&create("New")), 503, "not known");
    assert_eq!(news(&backend), 0);
}

fn the_list_may_have_forgotten_the_operation(counts: &Counts) {
    for (more, is_known) in [(Journal::CAPACITY - 1, true), (Journal::CAPACITY, false)] {
        let backend = Backend::demo(counts);
        after_a_lost_answer(&backend, move |_, written| {
            let mut journal = Journal::from_metadata(&written.metadata);
            let secret = journal.secret().expect("the list is kept");
            for n in 0..more {
                let mut key = [0; OperationKey::BYTES];
                key[..8].copy_from_slice(&(n as u64).to_le_bytes());
                journal = journal.with(secret, OperationKey(key));
            }
            let metadata = journal.to_metadata().into_iter();
            StoredObject {
                metadata: metadata
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
                // Others changed it too.
                bytes: [&*written.bytes, b" "].concat(),
                etag: "\"0123456789abcdef0123456789abcdef\"".into(),
                ..written
            }
        });
        let payload = backend.event(&create("New"));
        if is_known {
            assert_eq!(payload["statusCode"], 200, "{payload}");
        } else {
            assert_fault(&payload, 503, "not known");
        }
        assert_eq!(news(&backend), 1, "once");
    }
}

/// The process knows the list on which the operation is; the newest version has none.
fn the_list_on_which_the_operation_was_seen_is_gone(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut request = create("New");
    request["operation_id"] = json!("a-new-member");
    assert_eq!(backend.call(&request).0, 200);
    let mut club = backend.private();
    club["users"]
        .as_object_mut()
        .unwrap()
        .retain(|_, user| user["name"] != "New");
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    assert_fault(&backend.event(&request), 503, "not known");
    assert_eq!(news(&backend), 0);
}

fn the_list_remembers_its_capacity_of_operations(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut request = create("New");
    request["operation_id"] = json!("a-new-member");
    let first = backend.call(&request);
    for n in 1..Journal::CAPACITY {
        let name = format!("Number {n}");
        let user = json!({"action": "admin_update_user", "auth_token": crate::support::code("Grandmaster Oh"),
            "user_id": first.1["user_id"], "role": "Student", "name": name});
        assert_eq!(backend.call(&user).0, 200);
    }
    assert_eq!(backend.call(&request), first);
    assert_eq!(backend.private()["users"].as_object().unwrap().len(), 11);
}

/// Of another release, or damaged: before an operation under way, and between two requests.
fn a_list_that_cannot_be_read_is_not_known_and_said_to_be(counts: &Counts) {
    let former = || {
        BTreeMap::from([
            (
                "dojang-secret".to_owned(),
                "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            ),
            ("dojang-operations".to_owned(), "AAAAAAA".to_owned()),
        ])
    };
    let damaged = |object: &StoredObject| {
        let cut =
            |(name, value): (&String, &String)| (name.clone(), value[..value.len() - 4].to_owned());
        object.metadata.iter().map(cut).collect::<BTreeMap<_, _>>()
    };
    for is_former in [true, false] {
        let metadata =
            move |object: &StoredObject| if is_former { former() } else { damaged(object) };
        // An operation under way, whose answer was lost: it may have been on the list.
        let backend = Backend::demo(counts);
        after_a_lost_answer(&backend, move |_, written| StoredObject {
            metadata: metadata(&written),
            // Somebody changed it too.
            bytes: [&*written.bytes, b" "].concat(),
            etag: "\"0123456789abcdef0123456789abcdef\"".into(),
            ..written
        });
        assert_fault(&backend.event(&create("New")), 503, "not known");
        assert_eq!(news(&backend), 1, "once");

        // Later requests go on, with a new list, and the log says why.
        backend.s3.set_fault(None);
        assert_eq!(backend.call(&create("Next")).0, 200);
        let line = backend.log_line(|line| {
            line["level"] == "WARN"
                && line["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("list of operations"))
        });
        assert!(
            line["message"].as_str().unwrap().contains("not known"),
            "{line}"
        );
        let object = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        assert!(Journal::from_metadata(&object.metadata).secret().is_some());
    }
}

/// The bytes differ, and so do the ETags, although the club is the same and so is the operation that wrote it.
fn one_operation_with_another_list_is_another_version(counts: &Counts) {
    let backend = Backend::demo(counts);
    let user_id = json!(crate::support::id("Emil"));
    let rename = |name: &str, id: Option<&str>| {
        let mut request = json!({"action": "admin_update_user", "role": "Student", "name": name,
            "auth_token": crate::support::code("Grandmaster Oh"), "user_id": user_id});
        if let Some(id) = id {
            request["operation_id"] = json!(id);
        }
        assert_eq!(backend.call(&request).0, 200);
        let object = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        (object.bytes.clone(), object.etag.clone())
    };
    let first = rename("Named", Some("one-and-the-same"));
    for n in 0..=Journal::CAPACITY {
        rename(&format!("Number {n}"), None);
    }
    let again = rename("Named", Some("one-and-the-same"));
    assert_eq!(first.0.trim_ascii_end(), again.0.trim_ascii_end());
    assert_ne!(first.1, again.1);
}

/// As the owner does it: the object is copied onto itself without metadata.
fn the_clubs_secret_can_be_replaced(counts: &Counts) {
    let backend = Backend::demo(counts);
    let secret = || {
        let object = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        Journal::from_metadata(&object.metadata).secret()
    };
    let (before, club) = (secret(), backend.private());
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    assert_eq!(secret(), None);
    assert_eq!(backend.call(&create("New")).0, 200);
    assert!(secret().is_some() && secret() != before);
    for (id, user) in club["users"].as_object().unwrap() {
        assert_eq!(backend.private()["users"][id], *user, "codes stay");
    }
}

/// The next commit takes effect, but its answer is lost. Before it is looked for, somebody makes another
/// version the newest: `foreign`, given the version that was replaced and the one that was written.
fn after_a_lost_answer(
    backend: &Backend<'_>,
    foreign: impl Fn(StoredObject, StoredObject) -> StoredObject + Send + Sync + 'static,
) {
    let buckets = backend.s3.buckets();
    let object = move || {
        buckets
            .object(PRIVATE_BUCKET, "data.json")
            .expect("it is there")
    };
    let replaced = object();
    let buckets = backend.s3.buckets();
    let (commits, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    backend.s3.set_fault(Some(Box::new(move |head| {
        if is_commit(head) {
            let is_first = commits.fetch_add(1, Ordering::Relaxed) == 0;
            return is_first.then_some(Fault::ApplyThenDrop);
        }
        let is_lost = head.method == "GET" && commits.load(Ordering::Relaxed) == 1;
        if is_lost && reads.fetch_add(1, Ordering::Relaxed) == 0 {
            let version = foreign(replaced.clone(), object());
            buckets.put_version(PRIVATE_BUCKET, "data.json", version);
        }
        None
    })));
}

/// How many members are called New.
fn news(backend: &Backend<'_>) -> usize {
    let club = backend.private();
    let users = club["users"]
        .as_object()
        .expect("users is an object")
        .values();
    users.filter(|user| user["name"] == "New").count()
}
