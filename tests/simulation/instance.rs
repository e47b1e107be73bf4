//! Instances of the real store, and what became of every request they were given.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dojang::club::operation::{OperationKey, Secret};
use dojang::club::projection::private_json;
use dojang::club::stored::read_club;
use dojang::request::RequestData;
use dojang::store::journal::Journal;
use dojang::store::{Failure, Obstacle, Request, Store, Trace};
use serde_json::{Map, Value, json};

use crate::connection::{Connection, Killed};
use crate::faults::{Faults, MOST_LATE};
use crate::meddler;
use crate::process::{LONGEST_INVOCATION, Process};
use crate::random::Random;
use crate::reader;
use crate::record::{DATA, Invocation, Operation, Outcome, PRIVATE, PUBLIC, Record};
use crate::s3::{S3, serve};
use crate::scheduler::Scheduler;
use crate::setting::Setting;
use crate::workload::{self, TEST_SECRET};
use crate::world::{BASE, Clock, seconds, time};

/// Plays a run.
pub(crate) fn play(setting: &Setting) -> Record {
    play_on(S3::default(), setting)
}

/// Plays a run on an S3 that may lack something.
pub(crate) fn play_on(s3: S3, setting: &Setting) -> Record {
    if !setting.is_empty {
        write_first_club(&s3);
    }
    let shared = Mutex::new(Shared {
        operations: BTreeMap::new(),
        retries: Vec::new(),
        count: 0,
        invocations: 0,
        started: BTreeMap::new(),
    });
    let random = Random::new(!setting.seed);
    let (end, looks) = reader::beside(setting.instances, &s3, random, |scheduler, thread| {
        Instance::new(setting, scheduler, thread, &s3, &shared).run();
    });
    // One last undisturbed request brings the public object in line if a killed instance did not.
    let calm = Setting {
        faults: Faults::default(),
        foreign: 0,
        refused_probes: 0,
        requests: 1,
        threads: 1,
        ..*setting
    };
    Scheduler::run(1, |scheduler, thread| {
        scheduler.sleep(end + MOST_LATE + 1);
        Instance::new(&calm, scheduler, thread, &s3, &shared).run();
    });
    let operations = shared.into_inner().expect("no thread panicked").operations;
    Record {
        s3,
        operations,
        looks,
    }
}

/// The club that runs begin with, with an empty list of operations.
pub(crate) fn write_first_club(s3: &S3) {
    let club = private_json(&workload::initial_club(BASE));
    let metadata = Journal::new(Secret([7; 16]))
        .to_metadata()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    s3.write_foreign(0, PRIVATE, DATA, club, metadata);
}

struct Shared {
    operations: BTreeMap<OperationKey, Operation>,
    /// Requests that clients send again.
    retries: Vec<OperationKey>,
    count: u64,
    /// How many there were so far.
    invocations: u64,
    /// What runs in each process whose threads share it.
    started: BTreeMap<usize, Arc<Process>>,
}

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
        let seed = setting.seed.wrapping_mul(0x1_0001);
        Self {
            setting,
            scheduler,
            thread,
            s3,
            shared,
            random: Random::new(seed.wrapping_add(thread as u64)),
        }
    }

    fn run(mut self) {
        let mut process = self.start(0);
        for _ in 0..self.setting.requests {
            let pause = self.random.below(self.setting.pause);
            self.scheduler.sleep(pause);
            if self.random.happens(5) {
                let skew = i64::try_from(self.random.below(120)).expect("it is small") - 60;
                process.set_clock(skew);
            }
            if self.random.happens(self.setting.foreign) {
                meddler::meddle(self.s3, self.scheduler, &mut self.random);
            }
            let arrived = self.scheduler.now();
            let (key, request) = self.next_request();
            if self.random.happens(80) {
                process = self.start(process.skew());
            }
            if self.setting.threads > 1 {
                process = Arc::clone(&lock(self.shared).started[&self.process()]);
            }
            let invocation = self.invoke(&process, arrived, &request);
            let is_token_refused = process.store.s3().is_token_refused();
            match invocation.outcome {
                Outcome::Killed => process = self.start(process.skew()),
                // As the backend does, which has no other credentials.
                Outcome::Fault(_) | Outcome::BadServer(_) if is_token_refused => {
                    self.s3.note("a process ended for its token");
                    process = self.start(process.skew());
                }
                _ => {}
            }
            self.note(key, invocation);
        }
    }

    fn invoke(
        &mut self,
        process: &Process,
        arrived: u64,
        request: &Map<String, Value>,
    ) -> Invocation {
        let id = {
            let mut shared = lock(self.shared);
            shared.invocations += 1;
            shared.invocations
        };
        serve(id);
        let start = self.scheduler.now();
        // Lambda's clock and that of the machine differ a little.
        let since = Duration::from_micros(self.random.below(MOST_APART));
        let (told, deadline) = process.told(time(arrived, 0) - since, time(start, 0));
        let now = seconds(start) + process.skew();
        let request = Request {
            data: &data(request),
            id: "no request id",
            arrived: told,
            deadline,
        };
        let left = deadline.duration_since(time(start, process.skew()));
        let left = left.map_or(0, |left| {
            u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
        });
        let served = catch_unwind(AssertUnwindSafe(|| {
            process.store.apply(&request, &mut Trace::default())
        }));
        let outcome = match served {
            Ok(Ok(answer)) => Outcome::Answer(answer),
            Ok(Err(Failure::Refused(refusal))) => Outcome::Refused(refusal.to_string()),
            Ok(Err(Failure::Fault(fault))) if fault.given_up == Some(Obstacle::Server) => {
                Outcome::BadServer(fault.state)
            }
            Ok(Err(Failure::Fault(fault))) => Outcome::Fault(fault.state),
            Err(panic) if panic.is::<Killed>() => Outcome::Killed,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Invocation {
            id,
            arrived,
            start,
            end: self.scheduler.now(),
            limit: left.min(1_000_000 * LONGEST_INVOCATION.unsigned_abs()),
            now,
            is_probe_refused: process.store.s3().is_probe_refused(),
            outcome,
        }
    }

    fn process(&self) -> usize {
        self.thread / self.setting.threads
    }

    /// Starts a process, on a machine whose clock is off by `skew` seconds.
    fn start(&mut self, skew: i64) -> Arc<Process> {
        // What it does before its first request belongs to none.
        serve(0);
        let mut is_lambdas_clock_off = true;
        let mut from_the_start = skew;
        if self.random.happens(self.setting.clocks) {
            is_lambdas_clock_off = self.random.happens(500);
            let off = i64::try_from(self.random.below(3_600)).expect("it is small");
            from_the_start = *self.random.pick(&[off, -off]);
            let what = if from_the_start < 0 {
                "ClockBehind"
            } else {
                "ClockAhead"
            };
            self.s3.note(what);
        }
        let skew = Arc::new(AtomicI64::new(0));
        let clock = Clock {
            scheduler: self.scheduler.clone(),
            skew: Arc::clone(&skew),
            look_takes: Arc::default(),
            random: Mutex::new(Random::new(self.random.next())),
        };
        let connection = Connection::new(
            self.s3,
            self.scheduler,
            self.setting.faults,
            self.setting.latency,
            Random::new(self.random.next()),
            &skew,
            is_lambdas_clock_off,
        );
        // Not drawn where it does not happen: all other runs are as they would be without it.
        let is_probe_refused =
            self.setting.refused_probes > 0 && self.random.happens(self.setting.refused_probes);
        let connection = if is_probe_refused {
            connection.with_refused_probe()
        } else {
            connection
        };
        let store = Store::new(
            connection,
            clock,
            PRIVATE.into(),
            PUBLIC.into(),
            Some(TEST_SECRET.to_owned()),
        )
        .with_trust(self.setting.trust);
        let process = Process {
            store,
            skew,
            is_lambdas_clock_off,
        };
        process.set_clock(from_the_start);
        if self.random.happens(700) {
            // An instance that is killed during its start is started again; here it just goes on.
            let prefetched = catch_unwind(AssertUnwindSafe(|| {
                let _ = process.store.prefetch(Duration::from_secs(2));
            }));
            if let Err(panic) = prefetched
                && !panic.is::<Killed>()
            {
                std::panic::resume_unwind(panic);
            }
        }
        let process = Arc::new(process);
        if self.setting.threads > 1 {
            let number = self.process();
            lock(self.shared)
                .started
                .insert(number, Arc::clone(&process));
        }
        process
    }

    fn next_request(&mut self) -> (OperationKey, Map<String, Value>) {
        let mut shared = lock(self.shared);
        if self.random.happens(self.setting.old)
            && let Some(old) = self.about_to_be_forgotten(&shared)
        {
            self.s3.note("an old request was repeated");
            return (old, shared.operations[&old].request.clone());
        }
        if !shared.retries.is_empty() && self.random.happens(500) {
            let some = self.random.below(shared.retries.len() as u64);
            let key = shared
                .retries
                .swap_remove(usize::try_from(some).expect("it is an index"));
            return (key, shared.operations[&key].request.clone());
        }
        shared.count += 1;
        let mut request = if self.random.happens(self.setting.resets) {
            workload::reset()
        } else {
            let club = match self.s3.newest(PRIVATE, DATA) {
                Some(newest) => read_club(&newest.bytes).expect("it can be read"),
                None => workload::initial_club(BASE),
            };
            let kind = if self.random.below(100) < self.setting.attendance {
                58 + self.random.below(21)
            } else {
                self.random.below(100)
            };
            let now = seconds(self.scheduler.now());
            workload::request(&mut self.random, kind, &club, shared.count, now)
        };
        let name = json!(format!("operation-{}", shared.count));
        request.insert("operation_id".to_owned(), name);
        let key = OperationKey::new(&data(&request), "no request id");
        shared
            .operations
            .insert(key, Operation::new(request.clone()));
        // A client that sends it twice at once, or Lambda that has it run twice.
        if self.random.happens(self.setting.twice) {
            shared.retries.push(key);
        }
        (key, request)
    }

    /// One of the first operations on the full list of the newest version.
    fn about_to_be_forgotten(&mut self, shared: &Shared) -> Option<OperationKey> {
        let chain = self.s3.chain(PRIVATE, DATA);
        let first = chain.len().checked_sub(Journal::CAPACITY)?;
        let first = first + usize::try_from(self.random.below(3)).expect("it is small");
        let journal = Journal::from_metadata(&chain.get(first)?.metadata);
        let keys = shared.operations.keys().copied();
        keys.into_iter().find(|key| journal.is_last(*key))
    }

    fn note(&mut self, key: OperationKey, invocation: Invocation) {
        let is_repeated = match invocation.outcome {
            Outcome::Fault(_) | Outcome::BadServer(_) | Outcome::Killed => self.random.happens(900),
            Outcome::Answer(_) => self.random.happens(80),
            Outcome::Refused(_) => self.random.happens(30),
        };
        let mut shared = lock(self.shared);
        if is_repeated {
            shared.retries.push(key);
        }
        let operation = shared.operations.get_mut(&key).expect("it was made before");
        operation.invocations.push(invocation);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with it")
}

/// Request data as the function reads it.
pub(crate) fn data(request: &Map<String, Value>) -> RequestData {
    RequestData::try_from(request).expect("it is request data")
}

/// How far Lambda's clock and that of the machine are apart, in µs (`src/store/cache.rs`, `CLOCK_MARGIN`).
const MOST_APART: u64 = 4_000;
