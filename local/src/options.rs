//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::page::About;
use crate::setup::DEFAULT_PORT;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Serve(Options),
    Help,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Port of the Function URL; 0 takes any free ones.
    pub(crate) port: u16,
    pub(crate) data_dir: PathBuf,
    /// No demo club.
    pub(crate) empty: bool,
    /// `None` runs the function that is compiled in.
    pub(crate) function: Option<PathBuf>,
    pub(crate) s3_only: bool,
    /// The page's files; `None` are those of the source.
    pub(crate) page: Option<PathBuf>,
    /// What the page says about the club.
    pub(crate) about: About,
}

impl Options {
    /// The port of the web page: the one before the Function URL's.
    pub(crate) fn page_port(&self) -> u16 {
        self.port.saturating_sub(1)
    }

    /// The port `place` places after that of the Function URL.
    pub(crate) fn port_after(&self, place: u16) -> u16 {
        if self.port == 0 { 0 } else { self.port + place }
    }
}

/// # Errors
///
/// One line that says what is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut options = Options {
        port: DEFAULT_PORT,
        data_dir: default_data_dir(),
        empty: false,
        function: None,
        s3_only: false,
        page: None,
        about: About::default(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.to_str() else {
            return Err(format!("unknown option {}", argument.display()));
        };
        let mut value = |what: &str| {
            arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value: {what}"))
        };
        match name {
            "--help" | "-h" => return Ok(Request::Help),
            "--empty" => options.empty = true,
            "--s3-only" => options.s3_only = true,
            "--port" => options.port = port(&value("a port number")?)?,
            "--data-dir" => options.data_dir = value("a directory")?.into(),
            "--page" => options.page = Some(value("a directory")?.into()),
            "--name" => options.about.name = Some(text(value("the club's name")?)?),
            "--color" => options.about.color = Some(text(value("a colour, #rrggbb")?)?),
            "--time-zone" => options.about.time_zone = Some(text(value("a time zone")?)?),
            "--picture" => options.about.picture = Some(value("a picture")?.into()),
            "--function" => options.function = Some(executable(value("an executable")?)?),
            _ => return Err(format!("unknown option {name}; --help lists the options")),
        }
    }
    Ok(Request::Serve(options))
}

fn text(value: OsString) -> Result<String, String> {
    let no_text = |value: OsString| format!("expected text, found {}", value.display());
    value.into_string().map_err(no_text)
}

fn port(value: &OsString) -> Result<u16, String> {
    let port = value.to_str().and_then(|value| value.parse::<u16>().ok());
    // 1 would leave the page 0, which is any port.
    port.filter(|port| *port <= PORT_MAX && *port != 1)
        .ok_or_else(|| {
            format!(
                "--port: expected 0 or a number from 2 to {PORT_MAX}, found {}",
                value.display()
            )
        })
}

fn executable(value: OsString) -> Result<PathBuf, String> {
    let path = PathBuf::from(value);
    // Absolute: a bare name would be looked for in PATH.
    match path.canonicalize() {
        Ok(path) if path.is_file() => Ok(path),
        Ok(_) => Err(format!("--function: {} is not a file", path.display())),
        Err(error) => Err(format!("--function: {}: {error}", path.display())),
    }
}

fn default_data_dir() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .unwrap_or(package)
        .join("target")
        .join("local")
}

pub(crate) const HELP: &str = "\
The whole club on your machine: web page, Function URL, S3 and Runtime API on 127.0.0.1.

usage: cargo run -p local [-- OPTIONS]

  --port N         port of the Function URL (default 9001; the web page takes N-1, S3 N+1, the
                   Runtime API N+2; 0 takes any free ports)
  --data-dir DIR   where the buckets are kept (default target/local), and s3.env: what the AWS CLI needs
                   to look at them while this runs
  --empty          make no demo club; only the default admin exists
  --function PATH  run this executable as the function, e.g. target/release/bootstrap
  --page DIR       serve the page of this directory, such as what bootstrap/page makes
  --name NAME      the club's name on the page; likewise --color #rrggbb, --picture FILE and
                   --time-zone ZONE (such as Europe/Copenhagen)
  --s3-only        start only S3, and print the environment that a function needs to use it
  --help           print this text

Ctrl-C ends everything. The club is found again at the next start; delete the directory to begin anew.
";

/// Two more ports follow.
const PORT_MAX: u16 = u16::MAX - 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn defaults() {
        let Ok(Request::Serve(options)) = parsed(&[]) else {
            panic!("no options given")
        };
        assert_eq!((options.page_port(), options.port), (9000, 9001));
        assert_eq!(options.port_after(2), 9003);
        assert!(options.data_dir.ends_with("target/local"));
        assert!(!options.empty && !options.s3_only && options.function.is_none());
    }

    #[test]
    fn all_options() {
        let executable = std::env::current_exe().unwrap().canonicalize().unwrap();
        let function = executable.to_str().unwrap();
        let arguments = [
            "--port",
            "0",
            "--data-dir",
            "d",
            "--empty",
            "--function",
            function,
            "--page",
            "w",
            "--name",
            "Hwarang",
            "--color",
            "#7a1f2b",
            "--picture",
            "p.svg",
            "--time-zone",
            "UTC",
        ];
        let Ok(Request::Serve(options)) = parsed(&arguments) else {
            panic!("{arguments:?}")
        };
        assert_eq!(
            (options.page_port(), options.port_after(2)),
            (0, 0),
            "any free port for each server"
        );
        assert_eq!(
            options,
            Options {
                port: 0,
                data_dir: "d".into(),
                empty: true,
                function: Some(executable),
                s3_only: false,
                page: Some("w".into()),
                about: About {
                    name: Some("Hwarang".to_owned()),
                    color: Some("#7a1f2b".to_owned()),
                    picture: Some("p.svg".into()),
                    time_zone: Some("UTC".to_owned()),
                },
            }
        );
        assert_eq!(parsed(&["--port", "2", "--help"]), Ok(Request::Help));
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        for (arguments, expected) in [
            (
                &["--prot"][..],
                "unknown option --prot; --help lists the options",
            ),
            (&["9001"], "unknown option 9001; --help lists the options"),
            (&["--port"], "--port needs a value: a port number"),
            (
                &["--port", "x"],
                "--port: expected 0 or a number from 2 to 65533, found x",
            ),
            (
                &["--port", "1"],
                "--port: expected 0 or a number from 2 to 65533, found 1",
            ),
            (
                &["--port", "65534"],
                "--port: expected 0 or a number from 2 to 65533, found 65534",
            ),
            (&["--function", "/"], "--function: / is not a file"),
        ] {
            assert_eq!(parsed(arguments), Err(expected.to_owned()), "{arguments:?}");
        }
        let missing = parsed(&["--function", "/no/such/file"]).unwrap_err();
        assert!(
            missing.starts_with("--function: /no/such/file: "),
            "{missing}"
        );
    }
}
