//! Buckets and their settings.

use crate::common::{signed, unsigned};
use crate::{BUCKET, Case, PUBLIC, PUBLIC_BUCKET_PATH, check, get, server, values};
use local::setup::PUBLIC_BUCKET;

#[test]
fn buckets_are_set_up_as_the_template_does() {
    let s3 = server();
    let get = |path: &str, what: &str| get(&s3, &format!("{path}?{what}"));
    assert_eq!(values(&get(BUCKET, "versioning"), "Status"), ["Enabled"]);
    assert!(values(&get(PUBLIC_BUCKET_PATH, "versioning"), "Status").is_empty());
    let rules = get(BUCKET, "lifecycle");
    assert_eq!(values(&rules, "ID"), ["old-versions", "unfinished-uploads"]);
    assert_eq!(values(&rules, "NoncurrentDays"), ["30"]);
    assert_eq!(values(&rules, "ExpiredObjectDeleteMarker"), ["true"]);
    assert_eq!(values(&rules, "DaysAfterInitiation"), ["1"]);
    let none = get(PUBLIC_BUCKET_PATH, "lifecycle");
    assert_eq!(
        (none.status, none.code()),
        (404, "NoSuchLifecycleConfiguration")
    );
    let block =
        |path| values(&get(path, "publicAccessBlock"), "RestrictPublicBuckets")[0].to_owned();
    assert_eq!(
        (block(BUCKET).as_str(), block(PUBLIC_BUCKET_PATH).as_str()),
        ("true", "false")
    );
    let location = get(BUCKET, "location");
    assert!(
        location
            .text()
            .contains(">eu-central-1</LocationConstraint>"),
        "{}",
        location.text()
    );
}

#[test]
fn only_rules_that_are_kept_to_are_taken() {
    let s3 = server();
    let put = |rule: &str| {
        let body = format!(
            "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status>{rule}</Rule></LifecycleConfiguration>"
        );
        let answer = signed(
            &s3.endpoint(),
            "PUT",
            &format!("{BUCKET}?lifecycle"),
            &[],
            body.as_bytes(),
        );
        (answer.status, answer.code().to_owned())
    };
    let days = "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>";
    let all = "<Filter><Prefix></Prefix></Filter>";
    assert_eq!(put(&format!("{all}{days}")), (200, String::new()));
    let rules = get(&s3, &format!("{BUCKET}?lifecycle"));
    assert_eq!(
        (values(&rules, "ID"), values(&rules, "NoncurrentDays")),
        (vec!["r"], vec!["3"])
    );
    for rule in [
        format!("<Filter><Prefix>a/</Prefix></Filter>{days}"),
        format!("{all}<Expiration><Days>1</Days></Expiration>"),
        format!("{all}<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>"),
    ] {
        assert_eq!(put(&rule), (501, "NotImplemented".to_owned()), "{rule}");
    }
    let path = format!("{BUCKET}?lifecycle");
    check(
        &s3,
        &[
            Case("DELETE", &path, &[], 204, "", &[]),
            Case("GET", &path, &[], 404, "NoSuchLifecycleConfiguration", &[]),
        ],
    );
}

#[test]
fn an_owner_can_close_the_public_bucket() {
    let s3 = server();
    s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
    let block = |flag: bool| {
        let body = format!(
            "<PublicAccessBlockConfiguration><RestrictPublicBuckets>{flag}</RestrictPublicBuckets>\
             </PublicAccessBlockConfiguration>"
        );
        let path = format!("{PUBLIC_BUCKET_PATH}?publicAccessBlock");
        assert_eq!(
            signed(&s3.endpoint(), "PUT", &path, &[], body.as_bytes()).status,
            200
        );
        unsigned(&s3.endpoint(), "GET", PUBLIC, &[]).status
    };
    assert_eq!((block(true), block(false)), (403, 200));
    let path = format!("{PUBLIC_BUCKET_PATH}?publicAccessBlock");
    check(
        &s3,
        &[
            Case("DELETE", &path, &[], 204, "", &[]),
            Case(
                "GET",
                &path,
                &[],
                404,
                "NoSuchPublicAccessBlockConfiguration",
                &[],
            ),
        ],
    );
}

#[test]
fn buckets_can_be_made_and_removed() {
    let s3 = server();
    let make = |path: &str, region: &str| {
        let body = format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        );
        let answer = signed(&s3.endpoint(), "PUT", path, &[], body.as_bytes());
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(make("/club-copy", "eu-central-1").0, 200);
    assert_eq!(
        make("/club-copy", "eu-central-1"),
        (409, "BucketAlreadyOwnedByYou".to_owned())
    );
    assert_eq!(
        make("/club-two", "eu-west-1"),
        (400, "IllegalLocationConstraintException".to_owned())
    );
    check(
        &s3,
        &[
            Case("PUT", "/club-copy/x", &[], 200, "", &[]),
            Case("DELETE", "/club-copy", &[], 409, "BucketNotEmpty", &[]),
            Case("DELETE", "/club-copy/x", &[], 204, "", &[]),
            Case("DELETE", "/club-copy", &[], 204, "", &[]),
            Case("DELETE", "/club-copy", &[], 404, "NoSuchBucket", &[]),
            Case("GET", "/club-copy/x", &[], 404, "NoSuchBucket", &[]),
        ],
    );
    // It is nobody else's to read while it is there.
    assert_eq!(make("/club-copy", "eu-central-1").0, 200);
    assert_eq!(
        unsigned(&s3.endpoint(), "GET", "/club-copy/x", &[]).status,
        403
    );
    for number in 0..97 {
        assert_eq!(make(&format!("/club-{number}"), "eu-central-1").0, 200);
    }
    assert_eq!(
        make("/club-last", "eu-central-1"),
        (400, "TooManyBuckets".to_owned())
    );
}
