//! One measured run: a fresh process between fresh servers, from `exec` to its last answer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, lambda_environment};

use crate::as_aws::Hosts;
use crate::cgroup::Cgroup;
use crate::club::Club;
use crate::http::{Delays, Event, Wait};
use crate::process::{Process, Program, Used, Watched, evict};
use crate::runtime_api::{Notice, RuntimeApi};
use crate::s3::{Objects, S3, Sent};
use crate::tls::Chain;
use crate::variants::Variant;
use crate::verify::Checker;

/// What all runs share.
pub(crate) struct Bench {
    /// `None`: S3 without TLS.
    pub(crate) chain: Option<Chain>,
    pub(crate) delays: Delays,
    /// For files of a run.
    pub(crate) directory: PathBuf,
    /// How many runs were as AWS.
    pub(crate) runs_as_aws: AtomicU32,
    pub(crate) checker: Checker,
    pub(crate) group: Result<Cgroup, String>,
}

/// What a run is to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The first event; without one the process is ended when it asks for it.
    pub(crate) cold: Option<Kind>,
    /// Events after the first, in the same process.
    pub(crate) warm_writes: usize,
    /// The same, after the writes.
    pub(crate) warm_reads: usize,
    pub(crate) quota: Option<Quota>,
    /// In the place of those that all runs have.
    pub(crate) delays: Option<Delays>,
    /// Two hosts, as S3's two buckets are, and not one server for both. Needs a quota.
    pub(crate) as_aws: bool,
    /// Drops the function's files from the page cache first.
    pub(crate) evict: bool,
    /// Put before the program: a tool that watches it.
    pub(crate) wrapper: Vec<String>,
    pub(crate) watched: Watched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `any_register_participation`: GET private, PUT private, PUT public.
    Write,
    /// `any_trigger_initialization`: GET private.
    Read,
}

/// The share of a CPU that a function of so many MB gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) megabytes: u32,
    pub(crate) begins: Begins,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// With the process.
    AtStart,
    /// When the process first asks for an event: Lambda is widely reported to give INIT a full CPU.
    AfterInit,
}

/// What was measured. Times in ms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) pid: u32,
    pub(crate) client: Option<f64>,
    pub(crate) init: f64,
    pub(crate) invoke: f64,
    pub(crate) cold: f64,
    pub(crate) warm_writes: Vec<f64>,
    pub(crate) warm_reads: Vec<f64>,
    pub(crate) used: Used,
    pub(crate) connections: u64,
    pub(crate) sent: Sent,
    /// Where each event's requests end in `sent`: after the first, after the second, ...
    pub(crate) requests_after: Vec<usize>,
    /// For what S3 was waited for.
    pub(crate) waits: Vec<Wait>,
    /// From when to when each event was served.
    pub(crate) served: Vec<(Instant, Instant)>,
    pub(crate) timeline: Vec<(f64, String)>,
}

impl Bench {
    /// The objects that runs begin with: the club as `ours` leaves it after a change, with its list of
    /// operations, for that is what a cold start finds every day but the first.
    pub(crate) fn prepare(&self, club: &Club, ours: &Variant) -> Result<Objects, String> {
        let objects = Objects::default()
            .with(&private_path(), club.private.clone())
            .with(&public_path(), club.public.clone());
        let (s3, _) = self.s3(objects, &Plan::default())?;
        let api = RuntimeApi::start().map_err(text)?;
        let process = self.start(ours, &api, &s3, None, &Plan::default())?;
        api.deliver(club.write_event(PREPARING_EVENT));
        let prepared = wait_for_answer(&api);
        match prepared {
            Ok(_) => process.end().map_err(text)?,
            Err(error) => return Err(format!("{error}\n{}", process.abandon())),
        };
        Ok(s3.objects())
    }

    /// # Errors
    /// What went wrong, with the log of the process.
    pub(crate) fn run(
        &self,
        variant: &Variant,
        club: &Club,
        objects: &Objects,
        plan: &Plan,
    ) -> Result<Sample, String> {
        let (s3, hosts) = self.s3(objects.clone(), plan)?;
        let api = RuntimeApi::start().map_err(text)?;
        if plan.evict {
            variant
                .files
                .iter()
                .try_for_each(|path| evict(path))
                .map_err(text)?;
        }
        let process = self.start(variant, &api, &s3, hosts.as_deref(), plan)?;
        match self.watch(&process, club, &api, &s3, plan) {
            Err(error) => Err(format!("{}: {error}\n{}", variant.name, process.abandon())),
            Ok(mut sample) => {
                let started = process.started();
                sample.pid = process.id();
                sample.used = process.end().map_err(text)?;
                sample.client = client_ms(&sample.used.log);
                sample.connections = s3.connections();
                sample.sent = s3.sent();
                sample.waits = s3.waits();
                sample.timeline = timeline(started, &api, &s3);
                self.check(variant, club, &s3, plan, &sample)?;
                Ok(sample)
            }
        }
    }

    /// S3, and the hosts file by which it is found if it is as AWS.
    fn s3(&self, objects: Objects, plan: &Plan) -> Result<(S3, Option<PathBuf>), String> {
        let delays = plan.delays.unwrap_or(self.delays);
        let Some(chain) = &self.chain else {
            let s3 = S3::start(objects, None, delays).map_err(text)?;
            return Ok((s3, None));
        };
        if plan.as_aws {
            let number = self.runs_as_aws.fetch_add(1, Ordering::Relaxed);
            let hosts = Hosts::new(chain, &self.directory, number)?;
            let s3 = S3::start_as_aws(objects, hosts.servers, delays).map_err(text)?;
            return Ok((s3, Some(hosts.file)));
        }
        let tls = chain.server("localhost").map_err(text)?;
        let s3 = S3::start(objects, Some(tls), delays).map_err(text)?;
        Ok((s3, None))
    }

    fn start(
        &self,
        variant: &Variant,
        api: &RuntimeApi,
        s3: &S3,
        hosts: Option<&Path>,
        plan: &Plan,
    ) -> Result<Process, String> {
        let endpoint = s3.endpoint();
        let mut environment = lambda_environment(&api.address(), endpoint.unwrap_or_default());
        environment.remove("TEST_SECRET");
        if endpoint.is_none() {
            environment.remove("AWS_ENDPOINT_URL_S3");
        }
        if let Some(chain) = &self.chain {
            // Each client has a variable of its own for this; the root alone is in the file.
            for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
                environment.insert(name.to_owned(), chain.root.display().to_string());
            }
        }
        for (name, value) in &variant.environment {
            environment.insert(name.clone(), value.clone());
        }
        let mut program = variant.program.clone();
        if let Some((tool, arguments)) = plan.wrapper.split_first() {
            let own = [program.path.display().to_string()]
                .into_iter()
                .chain(program.arguments);
            program = Program {
                arguments: arguments.iter().cloned().chain(own).collect(),
                path: tool.into(),
                directory: program.directory,
            };
        }
        let Some(quota) = plan.quota else {
            return Process::start(&program, &environment, plan.watched).map_err(text);
        };
        let group = self.group.as_ref().map_err(Clone::clone)?;
        let at_start = match quota.begins {
            Begins::AtStart => Some(quota.megabytes),
            Begins::AfterInit => None,
        };
        group.limit(at_start).map_err(text)?;
        Process::start_within(group, &program, &environment, hosts).map_err(text)
    }

    fn watch(
        &self,
        process: &Process,
        club: &Club,
        api: &RuntimeApi,
        s3: &S3,
        plan: &Plan,
    ) -> Result<Sample, String> {
        let mut sample = Sample::default();
        let limited_later = plan.quota.filter(|quota| quota.begins == Begins::AfterInit);
        let first = plan.cold.map(|kind| event(club, kind, 0));
        if let (Some(event), None) = (&first, limited_later) {
            // Already there when the process asks.
            api.deliver(event.clone());
        }
        let Notice::Next(next) = api.wait(PATIENCE)? else {
            return Err("an answer before any event".to_owned());
        };
        sample.init = ms(next - process.started());
        let Some(first) = first else {
            return Ok(sample);
        };
        if let Some(quota) = limited_later {
            let group = self.group.as_ref().map_err(Clone::clone)?;
            group.limit(Some(quota.megabytes)).map_err(text)?;
            api.deliver(first);
        }
        sample.invoke = sample.serve(api)?;
        sample.cold = sample.init + sample.invoke;
        wait_for_next(api)?;
        sample.requests_after.push(s3.sent().requests.len());
        let kinds = [Kind::Write].repeat(plan.warm_writes);
        let kinds = kinds
            .into_iter()
            .chain([Kind::Read].repeat(plan.warm_reads));
        for (number, kind) in kinds.enumerate() {
            api.deliver(event(club, kind, number + 1));
            let time = sample.serve(api)?;
            match kind {
                Kind::Write => sample.warm_writes.push(time),
                Kind::Read => sample.warm_reads.push(time),
            }
            wait_for_next(api)?;
            sample.requests_after.push(s3.sent().requests.len());
        }
        Ok(sample)
    }

    /// That the process did its work, and that S3 would have let it.
    fn check(
        &self,
        variant: &Variant,
        club: &Club,
        s3: &S3,
        plan: &Plan,
        sample: &Sample,
    ) -> Result<(), String> {
        let failed = |error| format!("{}: {error}\n{}", variant.name, sample.used.log);
        if !variant.uses_s3 {
            return Ok(());
        }
        // The server that checks has no names of buckets; what is signed is signed as in all other runs.
        if !plan.as_aws {
            self.checker.check(&sample.sent).map_err(failed)?;
        }
        let last_write = match plan.cold {
            Some(Kind::Write) => plan.warm_writes,
            _ if plan.warm_writes > 0 => plan.warm_writes,
            _ => return Ok(()),
        };
        let (private, public) = s3
            .object(&private_path())
            .zip(s3.object(&public_path()))
            .ok_or_else(|| failed("an object is gone".to_owned()))?;
        club.check(last_write, &private, &public).map_err(failed)
    }
}

fn event(club: &Club, kind: Kind, number: usize) -> Vec<u8> {
    match kind {
        Kind::Write => club.write_event(number),
        Kind::Read => Club::read_event(),
    }
}

impl Sample {
    /// Waits for the answer to an event; how long it took from the event's delivery, in ms.
    fn serve(&mut self, api: &RuntimeApi) -> Result<f64, String> {
        let (delivered, answered) = wait_for_answer(api)?;
        self.served.push((delivered, answered));
        Ok(ms(answered.saturating_duration_since(delivered)))
    }
}

/// When an event was delivered, and when it was answered.
fn wait_for_answer(api: &RuntimeApi) -> Result<(Instant, Instant), String> {
    let mut delivered = None;
    loop {
        match api.wait(PATIENCE)? {
            Notice::Next(_) => {}
            Notice::Delivered(at) => delivered = Some(at),
            Notice::Answered(at, body) => {
                let delivered: Instant = delivered.ok_or("an answer before any event")?;
                let answer: serde_json::Value = serde_json::from_slice(&body).map_err(text)?;
                if answer["statusCode"] != 200 {
                    return Err(format!("expected status 200, found {answer}"));
                }
                return Ok((delivered, at));
            }
            Notice::Failed(error) => return Err(error),
        }
    }
}

fn wait_for_next(api: &RuntimeApi) -> Result<(), String> {
    match api.wait(PATIENCE)? {
        Notice::Next(_) => Ok(()),
        other => Err(format!(
            "expected the next request for an event, found {other:?}"
        )),
    }
}

/// What the process said of the time until its S3 client was ready.
fn client_ms(log: &str) -> Option<f64> {
    let (_, rest) = log.split_once("client_ms")?;
    let number: String = rest
        .trim_start_matches(['"', ':', '='])
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-'))
        .collect();
    number.parse().ok()
}

/// What the servers saw, in ms after the start.
fn timeline(started: Instant, api: &RuntimeApi, s3: &S3) -> Vec<(f64, String)> {
    let named = |who: &'static str, events: Vec<(Instant, Event)>| {
        events.into_iter().map(move |(at, event)| {
            let what = match event {
                Event::Connected => "connected".to_owned(),
                Event::Handshaken => "TLS handshake complete".to_owned(),
                Event::Received(name) => format!("received {name}"),
                Event::Answered(name) => format!("answered {name}"),
            };
            (
                ms(at.saturating_duration_since(started)),
                format!("{who}: {what}"),
            )
        })
    };
    let mut timeline: Vec<_> = named("Runtime API", api.events())
        .chain(named("S3", s3.events()))
        .collect();
    timeline.sort_by(|a, b| a.0.total_cmp(&b.0));
    timeline
}

fn private_path() -> String {
    format!("/{PRIVATE_BUCKET}/data.json")
}

fn public_path() -> String {
    format!("/{PUBLIC_BUCKET}/data.json")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// An event that no run sends.
const PREPARING_EVENT: usize = 99;
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_client_is_found_in_both_forms_of_log() {
        assert_eq!(
            client_ms("INFO S3 client ready client_ms=0.25\nx"),
            Some(0.25)
        );
        assert_eq!(
            client_ms(r#"{"client_ms":1.5e-2,"level":"INFO"}"#),
            Some(0.015)
        );
        assert_eq!(client_ms("nothing"), None);
    }
}
