//! A virtual clock, and threads that run one at a time.
//!
//! A thread that waits hands the baton to the thread whose time comes next. So a run depends on its seed alone.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Microseconds of virtual time since the start.
pub(crate) type Micros = u64;

thread_local! {
    /// Which of the threads this is.
    static THREAD: Cell<usize> = const { Cell::new(0) };
}

/// Hands the baton around.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    turns: Vec<Condvar>,
}

struct State {
    now: Micros,
    /// When each waiting thread wants to go on; `None` for the one that runs and those that ended.
    wakes: Vec<Option<Micros>>,
    running: usize,
}

/// Hands the baton on when it is dropped.
struct PassesOn<'a>(&'a Scheduler);

impl Drop for PassesOn<'_> {
    fn drop(&mut self) {
        self.0.pass_on(self.0.lock());
    }
}

impl Scheduler {
    /// Runs `work` in so many threads, one at a time, and returns when all have ended.
    pub(crate) fn run(threads: usize, work: impl Fn(&Self, usize) + Send + Sync) -> Micros {
        let scheduler = Self(Arc::new(Shared {
            // Thread 0 runs first, all others wait for time 0.
            state: Mutex::new(State {
                now: 0,
                wakes: (0..threads).map(|n| (n > 0).then_some(0)).collect(),
                running: 0,
            }),
            turns: (0..threads).map(|_| Condvar::new()).collect(),
        }));
        thread::scope(|scope| {
            for thread in 0..threads {
                let (scheduler, work) = (&scheduler, &work);
                scope.spawn(move || {
                    THREAD.set(thread);
                    scheduler.wait_for_turn(thread);
                    // By a panic too: the others are not to wait for ever.
                    let _end = PassesOn(scheduler);
                    work(scheduler, thread);
                });
            }
        });
        scheduler.now()
    }

    pub(crate) fn now(&self) -> Micros {
        self.lock().now
    }

    /// Lets time pass for the calling thread, which is the one that runs.
    pub(crate) fn sleep(&self, duration: Micros) {
        let thread = THREAD.get();
        let mut state = self.lock();
        state.wakes[thread] = Some(state.now + duration);
        self.pass_on(state);
        self.wait_for_turn(thread);
    }

    fn pass_on(&self, mut state: MutexGuard<'_, State>) {
        let next = (0..state.wakes.len())
            .filter_map(|thread| Some((state.wakes[thread]?, thread)))
            .min();
        if let Some((wake, thread)) = next {
            state.now = state.now.max(wake);
            state.wakes[thread] = None;
            state.running = thread;
            // Woken earlier, that thread would only wait for the lock.
            drop(state);
            if thread != THREAD.get() {
                self.0.turns[thread].notify_one();
            }
        }
    }

    fn wait_for_turn(&self, thread: usize) {
        let mut state = self.lock();
        while state.running != thread {
            state = self.0.turns[thread]
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
