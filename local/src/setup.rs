//! The names and secrets of the local set-up, in one place. None of them is worth anything elsewhere.

use std::collections::BTreeMap;

/// The environment that Lambda gives the function (AWS documentation, "Defined runtime environment
/// variables"), with this project's own variables (`docs/running.md#configuration`) and the local S3 endpoint.
///
/// `runtime_api` is `host:port`, `s3_endpoint` a URL such as `http://127.0.0.1:9002`. Nothing of the
/// parent's environment is in it but `PATH`.
pub fn lambda_environment(runtime_api: &str, s3_endpoint: &str) -> BTreeMap<String, String> {
    let mut environment = s3_environment(s3_endpoint);
    for (name, value) in [
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION_NAME),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "Text"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/dojang-local"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local/[$LATEST]0"),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    if let Ok(path) = std::env::var("PATH") {
        environment.insert("PATH".to_owned(), path);
    }
    environment
}

/// The part of [`lambda_environment`] that other emulators of Lambda do not set: where S3 is, how to
/// sign for it, and this project's own variables.
pub fn s3_environment(s3_endpoint: &str) -> BTreeMap<String, String> {
    [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        // The AWS CLI and boto3 read only this one, the function only the other one.
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ENDPOINT_URL_S3", s3_endpoint),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN),
        // It keeps conditions and metadata; and so the function makes the requests that it makes on AWS.
        ("DOJANG_S3_SERVER", "trusted"),
        ("PRIVATE_BUCKET_NAME", PRIVATE_BUCKET),
        ("PUBLIC_BUCKET_NAME", PUBLIC_BUCKET),
        ("TEST_SECRET", TEST_SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The bucket with login codes and history.
pub const PRIVATE_BUCKET: &str = "dojang-local-private";
/// The bucket that everybody may read.
pub const PUBLIC_BUCKET: &str = "dojang-local-public";

/// The region that requests must be signed for.
pub const REGION: &str = "eu-central-1";
/// Begins with `ASIA`, as the key ids of temporary credentials do.
pub const ACCESS_KEY_ID: &str = "ASIALOCALDOJANGLOCAL";
/// See [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "local/secret+access/key/of/the/local/club";
/// Has characters that need care when a header is written or signed.
pub const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEFUaDGV1LWNlbnRyYWwtMSJH/local+session=token==";

/// Permits `any_reset_test_setup`.
pub const TEST_SECRET: &str = "local-test-secret";

/// The function's name in its environment and ARN.
pub const FUNCTION_NAME: &str = "dojang-local";
/// The function's ARN; 123456789012 is the account number of AWS's examples.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:dojang-local";
/// See [`FUNCTION_ARN`].
pub const ACCOUNT_ID: &str = "123456789012";

/// Port of the Function URL; the web page takes the one before, S3 and the Runtime API the next two.
pub const DEFAULT_PORT: u16 = 9001;
