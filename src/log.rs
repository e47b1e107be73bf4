//! Log lines in the two forms that Lambda knows: one JSON object a line, or plain text.
//!
//! AWS Lambda Developer Guide, "Configuring advanced logging controls", says what a runtime that is only an executable
//! has to write.
//!
//! Callers never give login codes, credentials or request bodies to a log.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use time::{OffsetDateTime, UtcOffset};

/// Where log lines go. Clones write to the same sink.
#[derive(Clone)]
pub struct Log {
    format: Format,
    level: Level,
    sink: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl Log {
    /// A log with this format, without lines below `level`.
    pub fn new(format: Format, level: Level, sink: impl Write + Send + 'static) -> Self {
        Self {
            format,
            level,
            sink: Arc::new(Mutex::new(Box::new(sink))),
        }
    }

    /// A log to standard error as `AWS_LAMBDA_LOG_FORMAT` and `AWS_LAMBDA_LOG_LEVEL` say. The level
    /// takes effect in JSON format only, as it does for Lambda's own filter.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let is_json = lookup("AWS_LAMBDA_LOG_FORMAT")
            .is_some_and(|format| format.eq_ignore_ascii_case("json"));
        let level = lookup("AWS_LAMBDA_LOG_LEVEL")
            .filter(|_| is_json)
            .and_then(|name| Level::from_name(&name))
            .unwrap_or(Level::Info);
        Self::new(
            if is_json { Format::Json } else { Format::Text },
            level,
            io::stderr(),
        )
    }

    /// Writes a line that belongs to no invocation.
    pub fn write(&self, level: Level, message: &str, fields: &[(&str, Value)]) {
        self.write_line(level, message, &[], fields);
    }

    /// The log of one invocation.
    #[must_use]
    pub fn of_request<'a>(
        &'a self,
        request_id: &'a str,
        trace_id: Option<&'a str>,
        tenant_id: Option<&'a str>,
    ) -> RequestLog<'a> {
        RequestLog {
            log: self,
            request_id,
            trace_id,
            tenant_id,
        }
    }

    fn write_line(
        &self,
        level: Level,
        message: &str,
        ids: &[(&str, Value)],
        fields: &[(&str, Value)],
    ) {
        if level < self.level {
            return;
        }
        let now = OffsetDateTime::now_utc();
        let line = match self.format {
            Format::Json => json_line(now, level, message, ids, fields),
            Format::Text => text_line(level, message, ids, fields),
        };
        // One write a line keeps lines whole. A caller can do nothing about a broken sink.
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = sink.write_all(line.as_bytes());
        let _ = sink.flush();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("format", &self.format)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// A log whose lines carry an invocation's ids.
#[derive(Clone, Copy, Debug)]
pub struct RequestLog<'a> {
    log: &'a Log,
    request_id: &'a str,
    trace_id: Option<&'a str>,
    tenant_id: Option<&'a str>,
}

impl RequestLog<'_> {
    /// Writes a line of this invocation.
    pub fn write(&self, level: Level, message: &str, fields: &[(&str, Value)]) {
        let mut ids = vec![("requestId", Value::from(self.request_id))];
        ids.extend(self.trace_id.map(|id| ("traceId", Value::from(id))));
        ids.extend(self.tenant_id.map(|id| ("tenantId", Value::from(id))));
        self.log.write_line(level, message, &ids, fields);
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// Level, message and `key=value` pairs.
    Text,
}

/// How grave a line is; a later one is graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finer than debugging needs.
    Trace,
    /// For debugging.
    Debug,
    /// The normal course of things.
    Info,
    /// Odd, but nothing failed.
    Warn,
    /// An invocation failed.
    Error,
    /// The process ends.
    Fatal,
}

impl Level {
    /// The level of that name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Fatal,
        ]
        .into_iter()
        .find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// The name that Lambda knows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

fn json_line(
    now: OffsetDateTime,
    level: Level,
    message: &str,
    ids: &[(&str, Value)],
    fields: &[(&str, Value)],
) -> String {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), Value::from(timestamp(now)));
    line.insert("level".to_owned(), Value::from(level.name()));
    line.insert("message".to_owned(), Value::from(message));
    for (name, value) in ids.iter().chain(fields) {
        line.insert((*name).to_owned(), value.clone());
    }
    format!("{}\n", Value::Object(line))
}

fn text_line(
    level: Level,
    message: &str,
    ids: &[(&str, Value)],
    fields: &[(&str, Value)],
) -> String {
    let mut line = format!("{} {message}", level.name());
    for (name, value) in ids.iter().chain(fields) {
        // Writing to a string does not fail.
        let _ = match value {
            Value::String(text) if !text.contains([' ', '"']) => write!(line, " {name}={text}"),
            value => write!(line, " {name}={value}"),
        };
    }
    // Lambda makes a record of each line; `\r` keeps a record together.
    line.replace(['\r', '\n'], "\r") + "\n"
}

/// RFC 3339 in UTC with milliseconds.
fn timestamp(now: OffsetDateTime) -> String {
    let now = now.to_offset(UtcOffset::UTC);
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second, ms) = now.to_hms_milli();
    format!(
        "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z",
        u8::from(month)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::mpsc::{Receiver, Sender, channel};

    struct Sink(Sender<String>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.0.send(text).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: Format, level: Level) -> (Log, Receiver<String>) {
        let (sender, lines) = channel();
        (Log::new(format, level, Sink(sender)), lines)
    }

    #[test]
    fn json_lines_have_lambdas_keys() {
        let (log, lines) = log(Format::Json, Level::Info);
        let request = log.of_request("r1", Some("t1"), None);
        request.write(Level::Warn, "a \"b\"\nc", &[("n", json!(1.5))]);
        let line = lines.try_recv().unwrap();
        assert!(line.ends_with("}\n") && line.matches('\n').count() == 1);
        let mut value: Value = serde_json::from_str(&line).unwrap();
        let timestamp = value["timestamp"].take();
        let timestamp = timestamp.as_str().unwrap();
        assert!(
            timestamp.len() == 24 && timestamp.ends_with('Z'),
            "{timestamp}"
        );
        assert_eq!(
            value,
            json!({"timestamp": null, "level": "WARN", "message": "a \"b\"\nc", "requestId": "r1",
                "traceId": "t1", "n": 1.5})
        );
    }

    #[test]
    fn text_lines_stay_one_record() {
        let (log, lines) = log(Format::Text, Level::Info);
        log.write(
            Level::Error,
            "a\nb",
            &[("x", json!("two words")), ("y", json!("one"))],
        );
        assert_eq!(
            lines.try_recv().unwrap(),
            "ERROR a\rb x=\"two words\" y=one\n"
        );
    }

    #[test]
    fn lower_levels_are_left_out() {
        let (log, lines) = log(Format::Json, Level::Warn);
        log.write(Level::Info, "x", &[]);
        assert!(lines.try_recv().is_err());
        log.write(Level::Fatal, "x", &[]);
        assert!(lines.try_recv().is_ok());
    }

    #[test]
    fn the_environment_chooses_format_and_level() {
        let chosen = |format: &str, level: &str| {
            let log = Log::from_environment(|name| match name {
                "AWS_LAMBDA_LOG_FORMAT" => Some(format.to_owned()),
                _ => Some(level.to_owned()),
            });
            (log.format, log.level)
        };
        assert_eq!(chosen("JSON", "debug"), (Format::Json, Level::Debug));
        assert_eq!(chosen("json", "nonsense"), (Format::Json, Level::Info));
        assert_eq!(chosen("Text", "ERROR"), (Format::Text, Level::Info));
    }

    #[test]
    fn a_broken_sink_fails_nobody() {
        let (log, lines) = log(Format::Text, Level::Info);
        drop(lines);
        log.write(Level::Info, "x", &[]);
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_369_353_600_007_000_000).unwrap();
        assert_eq!(timestamp(time), "2013-05-24T00:00:00.007Z");
    }
}
