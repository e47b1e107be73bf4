//! `memcpy` and `memmove` for x86-64 with musl.
//!
//! musl's are `rep movsq`, and single bytes before and after: some hundred cycles for a few bytes. Parsing and
//! writing JSON copies a few bytes thousands of times (`DESIGN.md#what-is-written-by-hand-and-why` has what this saves).
//! On arm64 musl has good ones of its own; with glibc this crate is not linked.
//!
//! Linking it is enough: its symbols come before those of the C library.
#![no_std]
// Otherwise the compiler might see that this is a memcpy, and call it.
#![no_builtins]

#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(target_arch = "x86_64")]
pub use sse2::{memcpy, memmove};
