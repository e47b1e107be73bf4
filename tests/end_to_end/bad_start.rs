//! Starts that fail: one clear line in the log, and an init error that names the variable.

use std::collections::BTreeMap;

use local::setup::lambda_environment;
use local::{Function, RuntimeApi};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Counts, expect_next, patient_runtime_api, spawn};

cases! {
    every_required_variable_is_missed,
    a_malformed_variable_is_named_and_not_shown,
    the_default_region_stands_in,
    two_faults_are_told_one_at_a_time,
    the_text_format_has_one_line_too,
    without_a_runtime_api_the_log_is_all_there_is,
}

fn every_required_variable_is_missed(_: &Counts) {
    for name in [
        "PRIVATE_BUCKET_NAME",
        "PUBLIC_BUCKET_NAME",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert_fails(name, |environment| {
            environment.remove(name);
        });
        assert_fails(name, |environment| {
            environment.insert(name.to_owned(), String::new());
        });
    }
    // No credentials at all: any of them may be named.
    assert_fails("AWS_", |environment| {
        environment.retain(|name, _| !name.contains("ACCESS_KEY") && name != "AWS_SESSION_TOKEN");
    });
}

fn a_malformed_variable_is_named_and_not_shown(_: &Counts) {
    for (name, value) in [
        ("PRIVATE_BUCKET_NAME", "hunter2/club"),
        ("PRIVATE_BUCKET_NAME", "hunter2 club"),
        ("PRIVATE_BUCKET_NAME", "-hunter2"),
        ("PRIVATE_BUCKET_NAME", "hunter2\n"),
        ("PRIVATE_BUCKET_NAME", "hünter2"),
        ("PUBLIC_BUCKET_NAME", "hunter2?x"),
        ("PUBLIC_BUCKET_NAME", "arn:aws:s3:::hunter2"),
        ("PUBLIC_BUCKET_NAME", local::setup::PRIVATE_BUCKET),
        ("AWS_REGION", "hunter2 north"),
        ("AWS_REGION", "hunter2/"),
        ("AWS_ENDPOINT_URL_S3", "hunter2"),
        ("AWS_ENDPOINT_URL_S3", "hunter2:9002"),
        ("AWS_ENDPOINT_URL_S3", "//hunter2"),
        ("AWS_ENDPOINT_URL_S3", "ftp://hunter2"),
        ("AWS_ENDPOINT_URL_S3", "http://"),
        ("AWS_ENDPOINT_URL_S3", "http://:9002"),
        ("AWS_ENDPOINT_URL_S3", "http://hunter2:port"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:99999/hunter2"),
        ("AWS_ENDPOINT_URL_S3", "http://user:hunter2@127.0.0.1:9002"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9002?hunter2"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9002#hunter2"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1 hunter2"),
        ("AWS_CA_BUNDLE", "/nowhere/hunter2.pem"),
        ("AWS_CA_BUNDLE", env!("CARGO_TARGET_TMPDIR")),
        (
            "AWS_CA_BUNDLE",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ),
    ] {
        assert_fails(name, |environment| {
            environment.insert(name.to_owned(), value.to_owned());
        });
    }
}

fn the_default_region_stands_in(_: &Counts) {
    let (runtime_api, mut environment) = surroundings();
    environment.remove("AWS_REGION");
    environment.insert("AWS_DEFAULT_REGION".to_owned(), "eu-north-1".to_owned());
    let function = spawn(&environment);
    expect_next(&runtime_api);
    assert!(function.is_running());
}

fn two_faults_are_told_one_at_a_time(_: &Counts) {
    assert_fails("PRIVATE_BUCKET_NAME", |environment| {
        environment.retain(|key, _| !key.ends_with("BUCKET_NAME"));
    });
}

fn the_text_format_has_one_line_too(_: &Counts) {
    let (runtime_api, mut environment) = surroundings();
    environment.remove("PRIVATE_BUCKET_NAME");
    environment.insert("AWS_LAMBDA_LOG_FORMAT".to_owned(), "Text".to_owned());
    let function = spawn(&environment);
    assert!(!function.wait().success());
    let lines = function.log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("FATAL ") && lines[0].contains("PRIVATE_BUCKET_NAME"),
        "{lines:?}"
    );
    assert_eq!(runtime_api.init_errors().len(), 1);
}

fn without_a_runtime_api_the_log_is_all_there_is(_: &Counts) {
    for value in [None, Some(""), Some("hunter2:port"), Some("ftp://hunter2")] {
        let (_runtime_api, mut environment) = surroundings();
        match value {
            None => environment.remove("AWS_LAMBDA_RUNTIME_API"),
            Some(value) => {
                environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), value.to_owned())
            }
        };
        let function = spawn(&environment);
        assert!(!function.wait().success());
        let line = only_line(&function);
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("AWS_LAMBDA_RUNTIME_API"), "{line}");
        assert!(!message.contains("hunter2"), "{line}");
    }
}

/// Starts with a changed environment and expects it to fail for the variable `name`.
#[track_caller]
fn assert_fails(name: &str, change: impl FnOnce(&mut BTreeMap<String, String>)) {
    let (runtime_api, mut environment) = surroundings();
    let before = environment.clone();
    change(&mut environment);
    let function = spawn(&environment);
    let status = function.wait();
    assert!(!status.success(), "{name}: {status}");

    let line = only_line(&function);
    assert_eq!(line["errorType"], "Runtime.ConfigInvalid", "{line}");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains(name) && message.contains("must be"),
        "{line}"
    );
    let reports = runtime_api.init_errors();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(
        reports[0].error_type.as_deref(),
        Some("Runtime.ConfigInvalid")
    );
    let body: Value = serde_json::from_slice(&reports[0].body).unwrap();
    assert_eq!(
        body,
        json!({"errorType": "Runtime.ConfigInvalid", "errorMessage": message, "stackTrace": []})
    );
    assert_eq!(runtime_api.next_calls(), 0, "it does not ask for events");
    for (name, value) in environment.iter().chain(&before) {
        // The rest are words of any text, such as a region.
        if value.contains("hunter2") || name.contains("SECRET") || name.contains("TOKEN") {
            assert!(
                value.is_empty() || !line.to_string().contains(&**value),
                "{line} shows {name}"
            );
        }
    }
    assert!(!line.to_string().contains("hunter2"), "{line}");
}

/// The single line of the log, which must be a fatal one.
#[track_caller]
fn only_line(function: &Function) -> Value {
    let lines = function.log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "FATAL", "{line}");
    line
}

/// A Runtime API, and an environment that is fine. S3 is not needed: no start gets that far.
fn surroundings() -> (RuntimeApi, BTreeMap<String, String>) {
    let runtime_api = RuntimeApi::start(patient_runtime_api()).unwrap();
    let mut environment = lambda_environment(&runtime_api.address(), "http://127.0.0.1:1");
    environment.insert("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into());
    // It stands in for AWS_REGION.
    environment.remove("AWS_DEFAULT_REGION");
    (runtime_api, environment)
}
