//! Instances of the real store, and what became of every request they were given.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dojang::club::operation::{OperationKey, Secret};
use dojang::club::projection::private_json;
use dojang::club::stored::read_club;
use dojang::request::RequestData;
use dojang::store::journal::Journal;
use dojang::store::protections::Protections;
use dojang::store::{Failure, Request, State, Store, Trace, World};
use serde_json::{Map, Value};

use crate::random::Random;
use crate::s3::{Connection, Faults, Killed, S3};
use crate::scheduler::{Micros, Scheduler};
use crate::workload;

/// A run of the simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) instances: usize,
    /// So many threads serve requests in one process (`AWS_LAMBDA_MAX_CONCURRENCY`); of `instances` in all.
    pub(crate) threads: usize,
    /// There is no club in the beginning.
    pub(crate) is_empty: bool,
    /// Requests of each instance.
    pub(crate) requests: u64,
    pub(crate) faults: Faults,
    pub(crate) protections: Protections,
    /// So many of 100 requests take attendance, or change the session that it is taken of.
    pub(crate) attendance: u64,
    /// So many of 1,000 requests are made twice at once.
    pub(crate) twice: u64,
    /// In so many of 1,000 requests, somebody restores an old version or the old service writes.
    pub(crate) foreign: u64,
}

/// What happened to one request, in all its invocations.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) request: Map<String, Value>,
    pub(crate) invocations: Vec<Invocation>,
}

/// One invocation.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// When Lambda took the request: before the instance was started, if it was started for it.
    pub(crate) arrived: Micros,
    pub(crate) start: Micros,
    pub(crate) end: Micros,
    /// The instance's clock at its start: seconds since 1970.
    pub(crate) now: i64,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Answer(Value),
    Refused(String),
    Fault(State),
    Killed,
}

/// All that a run left behind.
pub(crate) struct Record {
    pub(crate) s3: S3,
    pub(crate) operations: BTreeMap<OperationKey, Operation>,
}

/// Plays a run.
pub(crate) fn play(setting: &Setting) -> Record {
    let s3 = S3::default();
    let club = private_json(&workload::initial_club(BASE));
    let metadata = Journal::new(Secret([7; 16]))
        .to_metadata()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if !setting.is_empty {
        s3.write_foreign(0, PRIVATE, DATA, club, metadata);
    }
    let shared = Mutex::new(Shared {
        operations: BTreeMap::new(),
        retries: Vec::new(),
        count: 0,
        started: BTreeMap::new(),
    });
    let end = Scheduler::run(setting.instances, |scheduler, thread| {
        Instance::new(setting, scheduler, thread, &s3, &shared).run();
    });
    // One last undisturbed request brings the public object in line if a killed instance did not.
    let calm = Setting {
        faults: Faults::default(),
        foreign: 0,
        requests: 1,
        threads: 1,
        ..*setting
    };
    Scheduler::run(1, |scheduler, thread| {
        scheduler.sleep(end + 5_000_000);
        Instance::new(&calm, scheduler, thread, &s3, &shared).run();
    });
    let operations = shared.into_inner().expect("no thread panicked").operations;
    Record { s3, operations }
}

struct Shared {
    operations: BTreeMap<OperationKey, Operation>,
    /// Requests that clients send again.
    retries: Vec<OperationKey>,
    count: u64,
    /// What runs in each process whose threads share it.
    started: BTreeMap<usize, Started>,
}

/// A process: its store, and how far its clock is off, in seconds.
type Started = Arc<(Store<Connection, Clock>, Arc<AtomicI64>)>;

struct Instance<'a> {
    setting: &'a Setting,
    scheduler: &'a Scheduler,
    thread: usize,
    s3: &'a S3,
    shared: &'a Mutex<Shared>,
    random: Random,
}

impl<'a> Instance<'a> {
    fn new(
        setting: &'a Setting,
        scheduler: &'a Scheduler,
        thread: usize,
        s3: &'a S3,
        shared: &'a Mutex<Shared>,
    ) -> Self {
        let random = Random::new(
            setting
                .seed
                .wrapping_mul(0x1_0001)
                .wrapping_add(thread as u64),
        );
        Self {
            setting,
            scheduler,
            thread,
            s3,
            shared,
            random,
        }
    }

    fn run(mut self) {
        let mut store = self.start(0);
        for _ in 0..self.setting.requests {
            let pause = self.random.below(60_000);
            self.scheduler.sleep(pause);
            if self.random.happens(5) {
                let skew = i64::try_from(self.random.below(120)).expect("it is small") - 60;
                store.1.store(skew, Ordering::Relaxed);
            }
            if self.random.happens(self.setting.foreign) {
                self.meddle();
            }
            let arrived = self.scheduler.now();
            let (key, request) = self.next_request();
            if self.random.happens(80) {
                store = self.start(store.1.load(Ordering::Relaxed));
            }
            if self.setting.threads > 1 {
                let shared = self.shared.lock().expect("no thread panics with it");
                store = Arc::clone(&shared.started[&self.process()]);
            }
            let start = self.scheduler.now();
            let skew = store.1.load(Ordering::Relaxed);
            let now = seconds(start) + skew;
            let deadline = time(start, skew) + Duration::from_secs(10);
            let request = Request {
                data: &data(&request),
                id: "no request id",
                // Lambda's clock and the instance's are taken to agree, as promise 7 does.
                arrived: Some(time(arrived, skew)),
                deadline,
            };
            let served = catch_unwind(AssertUnwindSafe(|| {
                store.0.apply(&request, &mut Trace::default())
            }));
            let outcome = match served {
                Ok(Ok(answer)) => Outcome::Answer(answer),
                Ok(Err(Failure::Refused(refusal))) => Outcome::Refused(refusal.to_string()),
                Ok(Err(Failure::Fault(fault))) => Outcome::Fault(fault.state),
                Err(panic) if panic.is::<Killed>() => Outcome::Killed,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            let end = self.scheduler.now();
            if matches!(outcome, Outcome::Killed) {
                store = self.start(store.1.load(Ordering::Relaxed));
            }
            self.note(
                key,
                Invocation {
                    arrived,
                    start,
                    end,
                    now,
                    outcome,
                },
            );
        }
    }

    fn process(&self) -> usize {
        self.thread / self.setting.threads
    }

    /// Starts a process, whose clock is off by `skew` seconds.
    fn start(&mut self, skew: i64) -> Started {
        let skew = Arc::new(AtomicI64::new(skew));
        let connection = Connection {
            s3: self.s3.clone(),
            scheduler: self.scheduler.clone(),
            skew: Arc::clone(&skew),
            faults: self.setting.faults,
            latency: (4_000, 16_000),
            random: Mutex::new(Random::new(self.random.next())),
        };
        let clock = Clock {
            scheduler: self.scheduler.clone(),
            skew: Arc::clone(&skew),
            random: Mutex::new(Random::new(self.random.next())),
        };
        let store = Store::new(connection, clock, PRIVATE.into(), PUBLIC.into(), None)
            .with_protections(self.setting.protections);
        if self.random.happens(700) {
            // An instance that is killed during its start is started again; here it just goes on.
            let prefetched = catch_unwind(AssertUnwindSafe(|| {
                let _ = store.prefetch(Duration::from_secs(2));
            }));
            if let Err(panic) = prefetched
                && !panic.is::<Killed>()
            {
                std::panic::resume_unwind(panic);
            }
        }
        let started = Arc::new((store, skew));
        if self.setting.threads > 1 {
            let mut shared = self.shared.lock().expect("no thread panics with it");
            shared.started.insert(self.process(), Arc::clone(&started));
        }
        started
    }

    fn next_request(&mut self) -> (OperationKey, Map<String, Value>) {
        let mut shared = self.shared.lock().expect("no thread panics with it");
        if !shared.retries.is_empty() && self.random.happens(500) {
            let some = self.random.below(shared.retries.len() as u64);
            let key = shared
                .retries
                .swap_remove(usize::try_from(some).expect("it is an index"));
            return (key, shared.operations[&key].request.clone());
        }
        let club = match self.s3.newest(PRIVATE, DATA) {
            Some(newest) => read_club(&newest.bytes).expect("it can be read"),
            None => workload::initial_club(BASE),
        };
        shared.count += 1;
        let now = seconds(self.scheduler.now());
        let kind = if self.random.below(100) < self.setting.attendance {
            58 + self.random.below(21)
        } else {
            self.random.below(100)
        };
        let request = workload::request(&mut self.random, kind, &club, shared.count, now);
        let key = OperationKey::new(&data(&request), "no request id");
        let operation = Operation {
            request: request.clone(),
            invocations: Vec::new(),
        };
        shared.operations.insert(key, operation);
        // A client that sends it twice at once, or Lambda that has it run twice.
        if self.random.happens(self.setting.twice) {
            shared.retries.push(key);
        }
        (key, request)
    }

    fn note(&mut self, key: OperationKey, invocation: Invocation) {
        let mut shared = self.shared.lock().expect("no thread panics with it");
        let is_repeated = match invocation.outcome {
            Outcome::Fault(..) | Outcome::Killed => self.random.happens(900),
            Outcome::Answer(_) => self.random.happens(80),
            Outcome::Refused(_) => self.random.happens(30),
        };
        if is_repeated {
            shared.retries.push(key);
        }
        let operation = shared.operations.get_mut(&key).expect("it was made before");
        operation.invocations.push(invocation);
    }

    /// Restores an old version, with or without its metadata, deletes the public object, or writes as the old
    /// service does.
    fn meddle(&mut self) {
        let chain = self.s3.chain(PRIVATE, DATA);
        if chain.is_empty() {
            return;
        }
        let now = self.scheduler.now();
        let back = usize::try_from(self.random.below(8)).expect("it is small");
        let version = &chain[chain.len().saturating_sub(1 + back)];
        let bytes = version.bytes.to_vec();
        match self.random.below(7) {
            6 => self.s3.delete(now, PUBLIC, DATA),
            0 | 3 => self
                .s3
                .write_foreign(now, PRIVATE, DATA, bytes, version.metadata.clone()),
            1 | 4 => self
                .s3
                .write_foreign(now, PRIVATE, DATA, bytes, BTreeMap::new()),
            _ => {
                let mut club = read_club(&chain[chain.len() - 1].bytes).expect("it can be read");
                if let Some(session) = club.sessions.values_mut().next() {
                    session.comment = Some(Some(format!("foreign {now}")));
                }
                let bytes = private_json(&club);
                self.s3
                    .write_foreign(now, PRIVATE, DATA, bytes.clone(), BTreeMap::new());
                self.scheduler.sleep(20_000);
                let public = dojang::club::projection::public_json(&club);
                let now = self.scheduler.now();
                self.s3
                    .write_foreign(now, PUBLIC, DATA, public, BTreeMap::new());
            }
        }
    }
}

/// The world as an instance sees it.
pub(crate) struct Clock {
    pub(crate) scheduler: Scheduler,
    pub(crate) skew: Arc<AtomicI64>,
    pub(crate) random: Mutex<Random>,
}

impl World for Clock {
    fn now(&self) -> SystemTime {
        time(self.scheduler.now(), self.skew.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.scheduler.now())
    }

    fn random(&self) -> Option<[u8; Secret::BYTES]> {
        let mut random = self.random.lock().expect("no thread panics with it");
        let mut bytes = [0; Secret::BYTES];
        bytes[..8].copy_from_slice(&random.next().to_be_bytes());
        bytes[8..].copy_from_slice(&random.next().to_be_bytes());
        Some(bytes)
    }

    fn pause(&self, duration: Duration) {
        let duration = Micros::try_from(duration.as_micros()).expect("pauses are short");
        self.scheduler.sleep(duration);
    }
}

/// The true time.
pub(crate) fn seconds(at: Micros) -> i64 {
    BASE + i64::try_from(at / 1_000_000).expect("runs are short")
}

pub(crate) fn time(at: Micros, skew: i64) -> SystemTime {
    let base = u64::try_from(BASE + skew).expect("it is after 1970");
    SystemTime::UNIX_EPOCH + Duration::from_secs(base) + Duration::from_micros(at)
}

/// Friday 15 January 2027, 08:00 UTC: far from the end of a year.
pub(crate) const BASE: i64 = 1_800_000_000;
pub(crate) const PRIVATE: &str = "private";
pub(crate) const PUBLIC: &str = "public";
pub(crate) const DATA: &str = "data.json";

/// Request data as the function reads it.
pub(crate) fn data(request: &Map<String, Value>) -> RequestData {
    RequestData::try_from(request).expect("it is request data")
}
