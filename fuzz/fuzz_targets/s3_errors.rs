//! S3's error answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dojang_fuzz::s3_errors(input));
