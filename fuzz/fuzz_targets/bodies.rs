//! Request data, tried with every kind of caller.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dojang_fuzz::bodies(input));
