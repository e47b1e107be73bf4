//! `cargo run -p local`: the whole club backend on your machine.

fn main() {}
