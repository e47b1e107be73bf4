//! S3 and time a step at a time: each request waits for its turn, and somebody says whose turn comes next.

use std::panic::panic_any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use dojang::s3::{ETag, Fetched, Head, Location, ObjectStore, S3Error, Upload, Written};
use dojang::store::World;

use crate::connection::Killed;
use crate::random::Random;
use crate::s3::{S3, Write};
use crate::scheduler::Micros;
use crate::world::time;

/// Choices, and among how many.
pub(crate) type Path = Vec<(usize, usize)>;

/// Who goes next: each request to S3 waits for its turn, from `begin` to `end`.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    now: Micros,
    /// Of each thread; while there are none, nobody waits.
    turns: Vec<Turn>,
    is_crash_left: bool,
    /// Nobody gives turns any more.
    is_abandoned: bool,
    path: Path,
    /// How many choices were made.
    made: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Runs,
    Waits { is_write: bool },
    Goes(Move),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Proceeds,
    DiesBefore,
    DiesAfter,
}

impl Turns {
    pub(crate) fn new(is_crash_left: bool, path: Path) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                now: 0,
                turns: Vec::new(),
                is_crash_left,
                is_abandoned: false,
                path,
                made: 0,
            }),
            changed: Condvar::new(),
        }))
    }

    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.now += REQUEST;
        state.turns = vec![Turn::Runs; 2];
    }

    /// The choices that were made.
    pub(crate) fn end(&self) -> Path {
        let mut state = self.lock();
        state.now += REQUEST;
        state.turns = Vec::new();
        std::mem::take(&mut state.path)
    }

    /// Gives turns until both threads have ended.
    pub(crate) fn conduct(&self) {
        // By a panic too: the threads are not to wait for ever.
        let _end = Abandons(self);
        loop {
            let mut state = self.lock();
            while state
                .turns
                .iter()
                .any(|turn| matches!(turn, Turn::Runs | Turn::Goes(_)))
            {
                state = self.wait(state);
            }
            let moves = state.moves();
            if moves.is_empty() {
                return;
            }
            let (thread, step) = moves[state.choose(moves.len())];
            state.is_crash_left &= step == Move::Proceeds;
            state.now += REQUEST;
            state.turns[thread] = Turn::Goes(step);
            drop(state);
            self.0.changed.notify_all();
        }
    }

    /// Waits for the thread's turn, and says whether to die after it.
    fn take(&self, thread: usize, is_write: bool) -> Move {
        let mut state = self.lock();
        if state.turns.is_empty() {
            state.now += REQUEST;
            return Move::Proceeds;
        }
        state.turns[thread] = Turn::Waits { is_write };
        self.0.changed.notify_all();
        loop {
            if let Turn::Goes(step) = state.turns[thread] {
                state.turns[thread] = Turn::Runs;
                return step;
            }
            assert!(!state.is_abandoned, "nobody gives turns any more");
            state = self.wait(state);
        }
    }

    pub(crate) fn now(&self) -> Micros {
        self.lock().now
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.0.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What may come next.
    fn moves(&self) -> Vec<(usize, Move)> {
        let mut moves = Vec::new();
        for (thread, turn) in self.turns.iter().enumerate() {
            if let Turn::Waits { is_write } = *turn {
                moves.push((thread, Move::Proceeds));
                if self.is_crash_left {
                    moves.push((thread, Move::DiesBefore));
                }
                if self.is_crash_left && is_write {
                    moves.push((thread, Move::DiesAfter));
                }
            }
        }
        moves
    }

    fn choose(&mut self, among: usize) -> usize {
        self.made += 1;
        if let Some(&(choice, known)) = self.path.get(self.made - 1) {
            assert_eq!(known, among, "the same choices bring about the same");
            return choice;
        }
        self.path.push((0, among));
        0
    }
}

/// Has no turns be given any more when it is dropped.
struct Abandons<'a>(&'a Turns);

impl Drop for Abandons<'_> {
    fn drop(&mut self) {
        self.0.lock().is_abandoned = true;
        self.0.0.changed.notify_all();
    }
}

/// Has a thread's part end when it is dropped.
pub(crate) struct Ends<'a>(pub(crate) &'a Turns, pub(crate) usize);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.lock().turns[self.1] = Turn::Ended;
        self.0.0.changed.notify_all();
    }
}

/// S3 as one instance reaches it, a step at a time.
pub(crate) struct Step {
    pub(crate) turns: Turns,
    pub(crate) s3: S3,
    pub(crate) thread: usize,
}

impl Step {
    fn exchange<T>(&self, is_write: bool, serve: impl FnOnce(Micros) -> T) -> T {
        let step = self.turns.take(self.thread, is_write);
        if step == Move::DiesBefore {
            panic_any(Killed);
        }
        let answer = serve(self.turns.now());
        if step == Move::DiesAfter {
            panic_any(Killed);
        }
        answer
    }
}

impl ObjectStore for Step {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        _timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        if let Some(etag) = unless {
            self.s3.is_known(self.turns.now(), etag);
        }
        self.exchange(false, |now| self.s3.get(now, location, unless))
    }

    fn head(&self, location: Location<'_>, _timeout: Duration) -> Result<Head, S3Error> {
        self.exchange(false, |now| self.s3.head(now, location))
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        _timeout: Duration,
    ) -> Result<Written, S3Error> {
        let write = Write::new(location, upload);
        self.exchange(true, |now| self.s3.put(now, &write))
    }
}

/// Time passes with each request, and with pauses.
pub(crate) struct Time {
    pub(crate) turns: Turns,
    pub(crate) random: Mutex<Random>,
}

impl World for Time {
    fn now(&self) -> SystemTime {
        time(self.turns.now(), 0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.turns.now())
    }

    fn random(&self) -> Option<[u8; 16]> {
        Some(
            self.random
                .lock()
                .expect("no thread panics with it")
                .bytes(),
        )
    }

    fn pause(&self, _duration: Duration) {
        // Who pauses comes later, which is one of the orders anyway.
    }
}

/// What a request takes, in µs.
const REQUEST: Micros = 10_000;
