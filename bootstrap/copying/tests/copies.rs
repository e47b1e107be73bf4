//! Every length up to some blocks, at every alignment, apart and overlapping both ways.
#![cfg(target_arch = "x86_64")]

use copying::{memcpy, memmove};

const LENGTHS: std::ops::Range<usize> = 0..300;
const SHIFTS: usize = 80;

fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 151 % 251) as u8).collect()
}

#[test]
fn what_lies_apart_is_copied_and_nothing_else_is_touched() {
    for length in LENGTHS {
        for shift in 0..17 {
            let from = sample(length + shift);
            let mut to = vec![0xEE; length + 2 * shift + 1];
            let target = to[shift..].as_mut_ptr();
            // SAFETY: both are at least `length` long from there on, and not one.
            let result = unsafe { memcpy(target, from[shift..].as_ptr(), length) };
            assert_eq!(result, target);
            assert_eq!(to[shift..shift + length], from[shift..]);
            let rest = to[..shift].iter().chain(&to[shift + length..]);
            assert!(rest.copied().all(|byte| byte == 0xEE), "{length}, {shift}");
        }
    }
}

#[test]
fn what_overlaps_is_moved_as_if_it_did_not() {
    for length in LENGTHS {
        for shift in 0..SHIFTS {
            for (from, to) in [(0, shift), (shift, 0)] {
                let mut moved = sample(length + SHIFTS);
                let mut expected = moved.clone();
                expected.copy_within(from..from + length, to);
                let base = moved.as_mut_ptr();
                // SAFETY: both ranges lie within `moved`.
                let result = unsafe { memmove(base.add(to), base.add(from), length) };
                assert_eq!(result, base.wrapping_add(to));
                assert!(moved == expected, "{length} bytes from {from} to {to}");
            }
        }
    }
}
