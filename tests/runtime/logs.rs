//! The lines on standard error.

use serde_json::{Value, json};

use crate::harness::{Function, json_lines};
use crate::server::Answer;

#[test]
fn json_lines_carry_the_ids() {
    for format in ["JSON", "json"] {
        let log = log_of(&[("AWS_LAMBDA_LOG_FORMAT", format)], &with_all_ids());
        let lines = json_lines(&log);
        let levels: Vec<_> = lines.iter().map(|line| line["level"].clone()).collect();
        let expected = ["INFO", "WARN", "ERROR", "FATAL"];
        assert_eq!(levels, [expected, expected].concat());
        assert_eq!(
            without_time(&lines[0]),
            json!({"level": "INFO", "message": "first\nsecond"})
        );
        assert_eq!(
            without_time(&lines[4]),
            json!({"level": "INFO", "message": "first\nsecond", "requestId": "r1",
                "traceId": "Root=1-2-3;Sampled=0", "tenantId": "tenant 7", "n": 2, "words": "a b"})
        );
    }
}

#[test]
fn json_lines_have_no_ids_that_are_not_there() {
    let log = log_of(
        &[("AWS_LAMBDA_LOG_FORMAT", "JSON")],
        &Answer::event("r1", b"{}"),
    );
    assert_eq!(
        without_time(&json_lines(&log)[4]),
        json!({"level": "INFO", "message": "first\nsecond", "requestId": "r1", "n": 2,
            "words": "a b"})
    );
}

#[test]
fn text_lines_carry_the_ids_and_stay_one_record() {
    for environment in [&[][..], &[("AWS_LAMBDA_LOG_FORMAT", "Text")]] {
        let log = log_of(environment, &with_all_ids());
        assert_eq!(log.len(), 8, "{log:?}");
        assert_eq!(log[0], "INFO first\rsecond");
        assert_eq!(
            log[5],
            "WARN first\rsecond requestId=r1 traceId=Root=1-2-3;Sampled=0 \
             tenantId=\"tenant 7\" n=2 words=\"a b\""
        );
    }
}

#[test]
fn the_level_is_a_threshold() {
    for (level, first, count) in [
        ("TRACE", "TRACE", 6),
        ("debug", "DEBUG", 5),
        ("INFO", "INFO", 4),
        ("nonsense", "INFO", 4),
        ("WARN", "WARN", 3),
        ("Error", "ERROR", 2),
        ("FATAL", "FATAL", 1),
    ] {
        let environment = [
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", level),
        ];
        let lines = json_lines(&log_of(&environment, &Answer::event("r1", b"{}")));
        assert_eq!(lines.len(), 2 * count, "{level}");
        assert_eq!(lines[0]["level"], first);
    }
}

#[test]
fn the_level_has_no_say_in_text_format() {
    let log = log_of(
        &[("AWS_LAMBDA_LOG_LEVEL", "FATAL")],
        &Answer::event("r1", b"{}"),
    );
    assert_eq!(log.len(), 8, "{log:?}");
}

#[test]
fn errors_have_their_type() {
    let function = Function::start_with("script", &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
    function
        .expect_next()
        .answer(&Answer::event("r1", b"fail").header("Lambda-Runtime-Trace-Id", "t"));
    let report = function.expect("POST", "invocation/r1/error");
    report.answer(&Answer::status(410));
    let lines = json_lines(&function.stop());
    assert_eq!(
        without_time(&lines[0]),
        json!({"level": "ERROR", "message": "not today", "errorType": "Function.Unwilling",
            "requestId": "r1", "traceId": "t"})
    );
    assert_eq!(lines[1]["level"], "WARN");
    assert_eq!(lines[1]["traceId"], "t");
    assert_eq!(lines.len(), 2);
}

/// The log of a function that served this event.
fn log_of(environment: &[(&str, &str)], event: &Answer) -> Vec<String> {
    let function = Function::start_with("logger", environment);
    function.expect_next().answer(event);
    let response = function.expect("POST", "invocation/r1/response");
    response.answer(&Answer::status(202));
    function.stop()
}

fn with_all_ids() -> Answer {
    Answer::event("r1", b"{}")
        .header("Lambda-Runtime-Trace-Id", "Root=1-2-3;Sampled=0")
        .header("Lambda-Runtime-Aws-Tenant-Id", "tenant 7")
}

/// A line less its time stamp, which must look like one.
#[track_caller]
fn without_time(line: &Value) -> Value {
    let mut line = line.clone();
    let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
    let shape: String = time
        .as_str()
        .unwrap()
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    line
}
