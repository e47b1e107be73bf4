//! The runtime as Lambda sees it: a process of its own.
//!
//! It talks to a Runtime API that each test plays step by step.
//!
//! * `events`: what comes in; `answers`: what goes out, and what the Runtime API may make of it
//! * `failures`: errors and panics; `startup`: before the first event; `polling`: when none comes
//! * `logs`: the lines on standard error
//! * `counter`: the example that uses S3 besides
//! * `child`: the functions under test; `harness`, `server`: how the tests play

mod answers;
mod child;
mod counter;
mod events;
mod failures;
mod harness;
mod logs;
mod polling;
mod server;
mod startup;
