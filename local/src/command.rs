//! `cargo run -p local`: web page, Function URL, S3, Runtime API and the function, until Ctrl-C.
//!
//! The function is this executable started again with the argument `function`: one build suffices, and
//! what runs is what `bootstrap` runs in Lambda, [`dojang::backend::run`].

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::function_url::FunctionUrl;
use crate::lambda::{Lambda, LambdaOptions};
use crate::options::{self, Options, Request};
use crate::page::{self, Page};
use crate::runtime_api::{Delivery, Invoke, Outcome, RuntimeApiOptions};
use crate::s3::{S3Options, S3Server};
use crate::signals::Signals;
use crate::{setup, welcome};

/// Runs the command with `arguments` (without the program's name).
///
/// The exit code is 0 after SIGINT or SIGTERM, 2 if the command line is wrong or a port or the data
/// directory cannot be used, 1 if the function fails at the start.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|argument| argument == FUNCTION).is_some() {
        return dojang::backend::run();
    }
    let served = match options::parse(arguments) {
        Ok(Request::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Request::Serve(options)) if options.s3_only => serve_s3(&options),
        Ok(Request::Serve(options)) => serve(&options),
        Err(message) => Err(Failure::Usage(message)),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("local: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Function(message)) => {
            eprintln!("local: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Why the command ends by itself.
enum Failure {
    /// The command line asks for what cannot be had.
    Usage(String),
    /// The function does not work.
    Function(String),
}

fn serve(options: &Options) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::Function(error.to_string()))?;
    let s3 = start_s3(options)?;
    let program = match &options.function {
        Some(path) => Ok(path.clone()),
        None => std::env::current_exe(),
    };
    let program = program.map_err(|error| Failure::Function(error.to_string()))?;
    let port = options.port_after(2);
    let lambda = Lambda::start(LambdaOptions {
        arguments: if options.function.is_some() {
            vec![]
        } else {
            vec![FUNCTION.into()]
        },
        program: program.clone(),
        environment: setup::lambda_environment("", &s3.endpoint()),
        runtime_api: RuntimeApiOptions {
            port,
            timeout: TIMEOUT,
            observer: Some(Box::new(|notice| eprintln!("local: {notice}"))),
            ..RuntimeApiOptions::default()
        },
        on_line: Box::new(|line| eprintln!("function: {line}")),
    })
    .map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => in_use("the Runtime API", port),
        _ => Failure::Usage(format!("{} cannot be started: {error}", program.display())),
    })?;
    let function_url = FunctionUrl::start(options.port, lambda.invoker())
        .map_err(|error| not_listening("the Function URL", options.port, &error))?;
    let page_port = options.page_port();
    let page = Page::start(
        page_port,
        options.page.clone().unwrap_or_else(page::source_folder),
        // A browser adds the slash, and a Content-Security-Policy tells the one from the other.
        &format!("{}/", function_url.url()),
        &public_data_url(&s3),
        &options.about,
    )
    .map_err(|error| not_listening("the web page", page_port, &error))?;
    // Only now that nothing else can go wrong, and never if there is a club already.
    if s3.object(setup::PRIVATE_BUCKET, DATA_KEY).is_none() {
        let outcome = lambda
            .invoker()
            .submit(Delivery::default(), first_event(options.empty));
        let Some(outcome) = signals.unless_signalled(outcome) else {
            return Ok(());
        };
        check_club_made(outcome.unwrap_or_else(|_| Outcome::stopped()))?;
    }
    greet(options, &s3, &lambda, &function_url, &page)
        .map_err(|error| Failure::Function(error.to_string()))?;
    signals.wait();
    Ok(())
}

fn serve_s3(options: &Options) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::Function(error.to_string()))?;
    let s3 = start_s3(options)?;
    print(&exports(&s3.endpoint())).map_err(|error| Failure::Function(error.to_string()))?;
    eprintln!("local: S3 listens at {}; Ctrl-C ends it", s3.endpoint());
    signals.wait();
    Ok(())
}

/// For a shell: what the AWS CLI and a function need to use the S3 server.
fn exports(endpoint: &str) -> String {
    let environment = setup::s3_environment(endpoint).into_iter();
    environment
        .map(|(name, value)| format!("export {name}='{value}'\n"))
        .collect()
}

fn start_s3(options: &Options) -> Result<S3Server, Failure> {
    let port = options.port_after(1);
    let s3 = S3Server::start(S3Options {
        port,
        data_dir: Some(options.data_dir.clone()),
        ..S3Options::default()
    })
    .map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => in_use("S3", port),
        _ => no_data_dir(options, &error),
    })?;
    let file = options.data_dir.join(S3_ENV);
    std::fs::write(file, exports(&s3.endpoint())).map_err(|error| no_data_dir(options, &error))?;
    Ok(s3)
}

fn no_data_dir(options: &Options, error: &io::Error) -> Failure {
    Failure::Usage(format!(
        "--data-dir {}: {error}",
        options.data_dir.display()
    ))
}

/// The event that makes a club.
fn first_event(empty: bool) -> Vec<u8> {
    let event = if empty {
        json!({ "action": "any_trigger_initialization" })
    } else {
        json!({ "action": "any_reset_test_setup", "test_secret": setup::TEST_SECRET })
    };
    event.to_string().into_bytes()
}

fn check_club_made(outcome: Outcome) -> Result<(), Failure> {
    let what = match outcome {
        Outcome::Response(answer) => {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            if answer.get("statusCode").and_then(Value::as_u64) == Some(200) {
                return Ok(());
            }
            format!("it answered {answer}")
        }
        Outcome::Error(report) => report.to_string(),
        Outcome::TimedOut => "no answer in time".to_owned(),
        Outcome::ResponseTooLarge => "its answer is too large".to_owned(),
    };
    Err(Failure::Function(format!(
        "the function could not make the club: {what}"
    )))
}

fn public_data_url(s3: &S3Server) -> String {
    format!("{}/{}/{DATA_KEY}", s3.endpoint(), setup::PUBLIC_BUCKET)
}

fn greet(
    options: &Options,
    s3: &S3Server,
    lambda: &Lambda,
    function_url: &FunctionUrl,
    page: &Page,
) -> io::Result<()> {
    let url = function_url.url();
    let endpoint = s3.endpoint();
    let public_data = public_data_url(s3);
    let private = s3
        .object(setup::PRIVATE_BUCKET, DATA_KEY)
        .map(|object| object.bytes)
        .unwrap_or_default();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?
        .as_secs();
    let now = i64::try_from(now).map_err(io::Error::other)?;
    // Within single quotes a shell takes everything as it is but the quote itself.
    let s3_env = options.data_dir.join(S3_ENV).display().to_string();
    let s3_env = s3_env.replace('\'', r"'\''");
    print(&format!(
        "Function URL  {url}\nS3            {endpoint}\nPublic data   {public_data}\n\
         Runtime API   {}\n\n{}\n. '{s3_env}' && aws s3 ls --recursive \"s3://$PRIVATE_BUCKET_NAME\"\n\n\
         Ctrl-C ends everything.\n\nopen {}\n",
        lambda.runtime_api().address(),
        welcome::text(&private, &url, &public_data, now),
        page.url()
    ))
}

/// `print!` would panic when nobody reads any more, as behind `| head`.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn not_listening(what: &str, port: u16, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => in_use(what, port),
        _ => Failure::Usage(format!("{what} cannot listen on port {port}: {error}")),
    }
}

fn in_use(what: &str, port: u16) -> Failure {
    Failure::Usage(format!(
        "port {port}, meant for {what}, is in use; --port chooses others"
    ))
}

const FUNCTION: &str = "function";
const DATA_KEY: &str = "data.json";
/// In the data directory, for a shell that is to use the running S3 server.
const S3_ENV: &str = "s3.env";
/// The project's own deployment gives the function as long.
const TIMEOUT: Duration = Duration::from_secs(10);
