//! The Runtime API's answers, and its address.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dojang_fuzz::runtime_api(input));
