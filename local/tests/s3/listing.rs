//! Lists, in pages.

use crate::common::signed;
use crate::{BUCKET, PRIVATE, get, put, server, values};
use local::{S3Options, S3Server};

/// In the order of their bytes, which is S3's.
const KEYS: [&str; 6] = [
    "a b+c",
    "data.json",
    "sessions/2025.json",
    "sessions/2026.json",
    "ä",
    "🥋",
];
const ENCODED: [&str; 6] = [
    "a+b%2Bc",
    "data.json",
    "sessions/2025.json",
    "sessions/2026.json",
    "%C3%A4",
    "%F0%9F%A5%8B",
];

fn filled() -> S3Server {
    let s3 = server();
    for key in KEYS.iter().rev() {
        s3.put_object(local::setup::PRIVATE_BUCKET, key, "{}");
    }
    s3.put_object(local::setup::PRIVATE_BUCKET, "deleted", "{}");
    s3.delete_object(local::setup::PRIVATE_BUCKET, "deleted");
    s3
}

#[test]
fn buckets_are_listed() {
    let s3 = server();
    let listed = signed(&s3.endpoint(), "GET", "/", &[], b"");
    assert_eq!(
        values(&listed, "Name"),
        ["dojang-local-private", "dojang-local-public"],
        "{}",
        listed.text()
    );
    let one = signed(&s3.endpoint(), "GET", "/?prefix=dojang-local-pu", &[], b"");
    assert_eq!(values(&one, "Name"), ["dojang-local-public"]);
    let head = signed(&s3.endpoint(), "HEAD", BUCKET, &[], b"");
    assert_eq!(
        (head.status, head.header("x-amz-bucket-region")),
        (200, Some("eu-central-1"))
    );
    assert_eq!(
        signed(&s3.endpoint(), "HEAD", "/no-such-bucket", &[], b"").status,
        404
    );
}

/// A query, and what is to be seen of objects and of common prefixes.
const QUERIES: &[(&str, &[&str], &[&str])] = &[
    ("", &KEYS, &[]),
    ("encoding-type=url", &ENCODED, &[]),
    (
        "prefix=sessions/",
        &["sessions/2025.json", "sessions/2026.json"],
        &[],
    ),
    ("prefix=none", &[], &[]),
    (
        "delimiter=/",
        &["a b+c", "data.json", "ä", "🥋"],
        &["sessions/"],
    ),
    ("delimiter=/&prefix=s", &[], &["sessions/"]),
    (
        "delimiter=/&prefix=sessions/",
        &["sessions/2025.json", "sessions/2026.json"],
        &[],
    ),
    (
        "delimiter=20&encoding-type=url",
        &["a+b%2Bc", "data.json", "%C3%A4", "%F0%9F%A5%8B"],
        &["sessions/20"],
    ),
    ("delimiter=", &KEYS, &[]),
    ("max-keys=0", &[], &[]),
];

#[test]
fn objects_are_listed() {
    let s3 = filled();
    for (query, keys, prefixes) in QUERIES {
        for path in [
            format!("{BUCKET}?list-type=2&{query}"),
            format!("{BUCKET}?{query}"),
        ] {
            let listed = get(&s3, &path);
            assert_eq!(listed.status, 200, "{path}: {}", listed.text());
            assert_eq!(values(&listed, "Key"), *keys, "{path}");
            let common = values(&listed, "CommonPrefixes").join("");
            let expected: String = prefixes
                .iter()
                .map(|p| format!("<Prefix>{p}</Prefix>"))
                .collect();
            assert_eq!(common, expected, "{path}");
            assert_eq!(values(&listed, "IsTruncated"), ["false"], "{path}");
            assert_eq!(values(&listed, "Size").len(), keys.len(), "{path}");
        }
    }
    let after = format!("{BUCKET}?list-type=2&start-after=sessions/2025.json&fetch-owner=true");
    let listed = get(&s3, &after);
    assert_eq!(values(&listed, "Key"), KEYS[3..]);
    assert_eq!(values(&listed, "Owner").len(), 3);
    // A folder that the marker lies in is still shown.
    let within = format!("{after}&delimiter=/");
    let listed = get(&s3, &within);
    assert_eq!(values(&listed, "Key"), KEYS[4..]);
    assert!(
        listed
            .text()
            .contains("<CommonPrefixes><Prefix>sessions/</Prefix>")
    );
}

#[test]
fn pages_lead_to_the_end() {
    let s3 = filled();
    for (base, keep) in [
        (format!("{BUCKET}?list-type=2"), "NextContinuationToken"),
        (
            format!("{BUCKET}?list-type=2&delimiter=/"),
            "NextContinuationToken",
        ),
        (
            format!("{BUCKET}?delimiter=/&encoding-type=url"),
            "NextMarker",
        ),
        (
            format!("{BUCKET}?versions&encoding-type=url"),
            "NextKeyMarker",
        ),
    ] {
        let whole = get(&s3, &base);
        for size in 1..=4 {
            let (mut keys, mut next) = (Vec::new(), String::new());
            loop {
                let path = format!("{base}&max-keys={size}{next}");
                let listed = get(&s3, &path);
                assert_eq!(listed.status, 200, "{path}: {}", listed.text());
                let here = values(&listed, "Key").len() + values(&listed, "CommonPrefixes").len();
                assert!(here <= size, "{path}: {}", listed.text());
                keys.extend(values(&listed, "Key").into_iter().map(str::to_owned));
                keys.extend(
                    values(&listed, "CommonPrefixes")
                        .into_iter()
                        .map(str::to_owned),
                );
                if values(&listed, "IsTruncated") == ["false"] {
                    assert!(values(&listed, keep).is_empty(), "{path}");
                    break;
                }
                assert_eq!(here, size, "{path}");
                let marker = values(&listed, keep)[0];
                next = match keep {
                    "NextContinuationToken" => format!("&continuation-token={marker}"),
                    "NextMarker" => format!("&marker={marker}"),
                    _ => format!(
                        "&key-marker={marker}&version-id-marker={}",
                        values(&listed, "NextVersionIdMarker")[0]
                    ),
                };
            }
            let mut expected = values(&whole, "Key");
            expected.extend(values(&whole, "CommonPrefixes"));
            expected.sort_unstable();
            keys.sort_unstable();
            assert_eq!(keys, expected, "{base} by {size}");
        }
    }
}

#[test]
fn versions_are_listed_newest_first() {
    let s3 = server();
    let other = put(&s3, &format!("{BUCKET}/a/b"), b"x");
    let ids: Vec<_> = (0..5).map(|n| put(&s3, PRIVATE, &[b'0' + n])).collect();
    let deleted = signed(&s3.endpoint(), "DELETE", PRIVATE, &[], b"");
    let marker = deleted.header("x-amz-version-id").unwrap();
    let list = |query: &str| get(&s3, &format!("{BUCKET}?versions{query}"));

    let all = list("");
    let versions: Vec<_> = values(&all, "Version")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let markers = values(&all, "DeleteMarker");
    assert_eq!((versions.len(), markers.len()), (6, 1), "{}", all.text());
    assert!(markers[0].contains(&format!("<VersionId>{marker}</VersionId>")));
    assert!(markers[0].contains("<IsLatest>true</IsLatest>"));
    assert!(versions[0].contains(&other) && versions[0].contains("<IsLatest>true</IsLatest>"));
    for (version, id) in versions[1..].iter().zip(ids.iter().rev()) {
        assert!(
            version.contains(id) && version.contains("<IsLatest>false</IsLatest>"),
            "{version}"
        );
    }
    // Within one key a page may end anywhere.
    let rest = list(&format!(
        "&key-marker=data.json&version-id-marker={}",
        ids[2]
    ));
    assert_eq!(values(&rest, "VersionId"), [&*ids[1], &*ids[0]]);
    assert_eq!(values(&list("&key-marker=data.json"), "VersionId").len(), 0);
    assert_eq!(values(&list("&prefix=a/"), "VersionId"), [&*other]);
    assert!(list("&delimiter=/").text().contains("<Prefix>a/</Prefix>"));
    let alone = list(&format!("&version-id-marker={}", ids[2]));
    assert_eq!((alone.status, alone.code()), (400, "InvalidArgument"));
}

#[test]
fn wrong_queries_are_refused() {
    let s3 = server();
    for query in [
        "list-type=2&max-keys=-1",
        "max-keys=-1",
        "versions&max-keys=-1",
        "list-type=2&encoding-type=xml",
        "versions&encoding-type=xml",
        "list-type=2&continuation-token=*",
    ] {
        let refused = get(&s3, &format!("{BUCKET}?{query}"));
        assert_eq!(
            (refused.status, refused.code()),
            (400, "InvalidArgument"),
            "{query}"
        );
    }
    let limited = get(&s3, &format!("{BUCKET}?max-keys=5000"));
    assert_eq!(values(&limited, "MaxKeys"), ["1000"]);
    for query in ["list-type=2", "", "versions", "uploads"] {
        let absent = get(&s3, &format!("/no-such-bucket?{query}"));
        assert_eq!(
            (absent.status, absent.code()),
            (404, "NoSuchBucket"),
            "{query}"
        );
    }
    let s3 = S3Server::start(S3Options {
        list_bucket: false,
        ..S3Options::default()
    })
    .unwrap();
    for query in ["list-type=2", "", "versions"] {
        let refused = get(&s3, &format!("{BUCKET}?{query}"));
        assert_eq!(
            (refused.status, refused.code()),
            (403, "AccessDenied"),
            "{query}"
        );
    }
}
