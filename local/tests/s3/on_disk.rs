//! What of versions, settings and buckets survives a restart, and what other releases make of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::common::{place, signed};
use crate::{BUCKET, PRIVATE, get, put, values};
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{S3Options, S3Server};

fn start(dir: &Path) -> S3Server {
    S3Server::start(S3Options {
        data_dir: Some(dir.to_owned()),
        ..S3Options::default()
    })
    .unwrap()
}

fn ids(s3: &S3Server, path: &str) -> Vec<String> {
    let listed = get(s3, &format!("{path}?versions"));
    values(&listed, "VersionId")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn versions_survive_a_restart() {
    let dir = place("s3-versions");
    let s3 = start(&dir);
    let odd = format!("{BUCKET}/..");
    for body in [&b"one"[..], b"two", b"three"] {
        put(&s3, PRIVATE, body);
        put(&s3, &odd, body);
    }
    signed(&s3.endpoint(), "DELETE", &odd, &[], b"");
    let before = ids(&s3, BUCKET);
    assert_eq!(before.len(), 7);
    let second = format!("{PRIVATE}?versionId={}", before[before.len() - 2]);
    drop(s3);

    let s3 = start(&dir);
    assert_eq!(ids(&s3, BUCKET), before);
    assert_eq!(get(&s3, &second).body, b"two");
    let gone = get(&s3, &odd);
    assert_eq!(
        (gone.status, gone.header("x-amz-delete-marker")),
        (404, Some("true"))
    );
    // All that is deleted for good is gone from the disk.
    for path in [PRIVATE, &odd] {
        for id in &before {
            signed(
                &s3.endpoint(),
                "DELETE",
                &format!("{path}?versionId={id}"),
                &[],
                b"",
            );
        }
    }
    assert_eq!(ids(&s3, BUCKET), [""; 0]);
    drop(s3);
    let files = fs::read_dir(dir.join(PRIVATE_BUCKET).join(".versions")).unwrap();
    assert_eq!(files.count(), 0);
    assert!(!dir.join(PRIVATE_BUCKET).join("data.json").exists());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn settings_and_buckets_survive_a_restart() {
    let dir = place("s3-settings");
    let s3 = start(&dir);
    let versions = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    let region = b"<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
    let put_to = |path: &str, body: &[u8]| signed(&s3.endpoint(), "PUT", path, &[], body).status;
    assert_eq!(put_to(&format!("{BUCKET}?versioning"), versions), 200);
    assert_eq!(put_to("/club-copy", region), 200);
    assert_eq!(put_to("/club-copy/x", b"{}"), 200);
    assert_eq!(put_to("/club-empty", region), 200);
    assert_eq!(
        signed(&s3.endpoint(), "DELETE", "/club-empty", &[], b"").status,
        204
    );
    drop(s3);

    let s3 = start(&dir);
    let status = get(&s3, &format!("{BUCKET}?versioning"));
    assert_eq!(values(&status, "Status"), ["Suspended"]);
    assert_eq!(s3.object("club-copy", "x").unwrap().bytes, b"{}");
    let all = signed(&s3.endpoint(), "GET", "/", &[], b"");
    assert_eq!(
        values(&all, "Name"),
        ["club-copy", PRIVATE_BUCKET, PUBLIC_BUCKET]
    );
    drop(s3);
    fs::remove_dir_all(dir).unwrap();
}

/// A file of a release without versions, written now: old versions expire.
fn old_file(bytes: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_millis();
    let line = format!(
        r#"{{"cache_control":null,"content_type":null,"last_modified_ms":{now},"metadata":{{"a":"b"}}}}"#
    );
    format!("{line}\n{bytes}")
}

#[test]
fn directories_of_earlier_releases_are_read_and_they_read_these() {
    let dir = place("s3-earlier");
    let file = dir.join(PRIVATE_BUCKET).join("data.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, old_file("old")).unwrap();
    let s3 = start(&dir);
    let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!((&*object.bytes, &*object.metadata["a"]), (&b"old"[..], "b"));
    let first = put(&s3, PRIVATE, b"new");
    assert_eq!(ids(&s3, BUCKET), [&*first, "null"]);
    drop(s3);

    // What such a release reads: the object as it is now, and nothing else in the folder but hidden names.
    let text = fs::read_to_string(&file).unwrap();
    let (line, content) = text.split_once('\n').unwrap();
    assert_eq!(content, "new");
    for field in [
        "cache_control",
        "content_type",
        "last_modified_ms",
        "metadata",
    ] {
        assert!(line.contains(&format!("\"{field}\":")), "{line}");
    }
    let names = fs::read_dir(file.parent().unwrap()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .all(|name| name == "data.json" || name.to_str().unwrap().starts_with('.'))
    );
    // What it writes is the newest.
    fs::write(&file, old_file("by the earlier release")).unwrap();
    let s3 = start(&dir);
    assert_eq!(
        s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes,
        b"by the earlier release"
    );
    let versions = ids(&s3, BUCKET);
    assert_eq!((versions.len(), &*versions[1]), (2, "null"));
    let last = put(&s3, PRIVATE, b"newest");
    assert_eq!(ids(&s3, BUCKET), [&*last, &*versions[0], "null"]);
    drop(s3);
    // What it deletes leaves the versions.
    fs::remove_file(&file).unwrap();
    let s3 = start(&dir);
    assert_eq!(ids(&s3, BUCKET), versions);
    drop(s3);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_end_while_an_object_was_deleted_leaves_one_truth() {
    let dir = place("s3-deleting");
    let s3 = start(&dir);
    put(&s3, PRIVATE, b"one");
    let file = dir.join(PRIVATE_BUCKET).join("data.json");
    let kept = fs::read(&file).unwrap();
    signed(&s3.endpoint(), "DELETE", PRIVATE, &[], b"");
    let before = ids(&s3, BUCKET);
    drop(s3);
    // The last step had not been done.
    fs::write(&file, kept).unwrap();
    let s3 = start(&dir);
    assert_eq!(
        (ids(&s3, BUCKET), s3.object(PRIVATE_BUCKET, "data.json")),
        (before, None)
    );
    assert!(!file.exists());
    drop(s3);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn old_versions_expire_at_the_start() {
    let dir = place("s3-expired");
    let s3 = start(&dir);
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        s3.put_object(bucket, "aged", "x");
        for days in [40, 31, 20, 0] {
            let mut object = s3.object(bucket, "aged").unwrap();
            object.last_modified = SystemTime::now() - days * DAY;
            s3.buckets().put_version(bucket, "aged", object);
        }
    }
    s3.delete_object(PRIVATE_BUCKET, "only-a-marker");
    s3.delete_object(PRIVATE_BUCKET, "z-kept");
    s3.put_object(PRIVATE_BUCKET, "z-kept", "x");
    let list = |s3: &S3Server, prefix: &str| {
        let path = format!("{BUCKET}?versions&prefix={prefix}");
        let listed = get(s3, &path);
        values(&listed, "VersionId")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = list(&s3, "aged");
    assert_eq!(
        (before.len(), list(&s3, "only").len(), list(&s3, "z").len()),
        (5, 1, 2)
    );
    drop(s3);
    // The second of five was replaced 31 days ago, the third 20 days ago, the first before it was written.
    let s3 = start(&dir);
    assert_eq!(list(&s3, "aged"), before[..3]);
    assert_eq!((list(&s3, "only").len(), list(&s3, "z").len()), (0, 2));
    assert_eq!(s3.object(PUBLIC_BUCKET, "aged").unwrap().bytes, b"x");
    drop(s3);
    fs::remove_dir_all(dir).unwrap();
}

const DAY: Duration = Duration::from_secs(86_400);
