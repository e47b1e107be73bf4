//! Copies through 16-byte registers, which every x86-64 processor has.
//!
//! Where the length is no multiple of 16, the last two registers overlap.

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};
use core::ptr::{read_unaligned, write_unaligned};

/// C's `memcpy`: copies `count` bytes from `from` to `to`, which must not overlap. Returns `to`.
///
/// # Safety
/// As C says: `from` must be readable and `to` writable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's promise is the same, and more.
    unsafe {
        if count <= 2 * BLOCK {
            copy_short(to, from, count);
        } else {
            copy_up(to, from, count);
        }
    }
    to
}

/// C's `memmove`: the same for what may overlap.
///
/// # Safety
/// As C says: `from` must be readable and `to` writable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // Wraps to something large if `to` lies before `from`.
    let ahead = to.addr().wrapping_sub(from.addr());
    // SAFETY: the caller's promise; upwards is right unless `to` begins within what is still to be read.
    unsafe {
        if count <= 2 * BLOCK {
            copy_short(to, from, count);
        } else if ahead >= count {
            copy_up(to, from, count);
        } else {
            copy_down(to, from, count);
        }
    }
    to
}

/// At most two blocks: everything is read before anything is written.
///
/// # Safety
/// As `memmove`, and `count` at most `2 * BLOCK`.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: each pair of accesses lies within `count` bytes.
    unsafe {
        match count {
            BLOCK.. => copy_ends::<__m128i>(to, from, count),
            8.. => copy_ends::<u64>(to, from, count),
            4.. => copy_ends::<u32>(to, from, count),
            2.. => copy_ends::<u16>(to, from, count),
            1 => *to = *from,
            0 => {}
        }
    }
}

/// The first and the last bytes, as many as a `T` has; together they are all.
///
/// # Safety
/// As `memmove`, and `count` at least the size of a `T` and at most twice.
#[inline(always)]
unsafe fn copy_ends<T>(to: *mut u8, from: *const u8, count: usize) {
    let last = count - size_of::<T>();
    // SAFETY: `last` and a `T` are `count` bytes.
    unsafe {
        let first = read_unaligned(from.cast::<T>());
        let end = read_unaligned(from.add(last).cast::<T>());
        write_unaligned(to.cast(), first);
        write_unaligned(to.add(last).cast(), end);
    }
}

/// Upwards, four blocks at a time, the last ones on their own.
///
/// # Safety
/// As `memmove`, `count` more than a block, and `to` not within the bytes after `from`.
#[inline(always)]
unsafe fn copy_up(to: *mut u8, from: *const u8, count: usize) {
    let last = count - BLOCK;
    // SAFETY: `done` and what is copied with it stay at most `count`.
    unsafe {
        // Read first: where `to` lies before `from`, the loop may write over it.
        let end = load(from.add(last));
        let mut done = 0;
        while done + 4 * BLOCK <= count {
            let (from, to) = (from.add(done), to.add(done));
            let (a, b) = (load(from), load(from.add(BLOCK)));
            let (c, d) = (load(from.add(2 * BLOCK)), load(from.add(3 * BLOCK)));
            store(to, a);
            store(to.add(BLOCK), b);
            store(to.add(2 * BLOCK), c);
            store(to.add(3 * BLOCK), d);
            done += 4 * BLOCK;
        }
        while done < last {
            store(to.add(done), load(from.add(done)));
            done += BLOCK;
        }
        store(to.add(last), end);
    }
}

/// Downwards, for what is moved up by less than its length.
///
/// # Safety
/// As `memmove`, and `count` more than a block.
#[inline(always)]
unsafe fn copy_down(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: `left` and what is copied with it stay within `count`.
    unsafe {
        let first = load(from);
        let mut left = count;
        while left > BLOCK {
            left -= BLOCK;
            store(to.add(left), load(from.add(left)));
        }
        store(to, first);
    }
}

#[inline(always)]
unsafe fn load(from: *const u8) -> __m128i {
    // SAFETY: the caller's promise: 16 readable bytes.
    unsafe { _mm_loadu_si128(from.cast()) }
}

#[inline(always)]
unsafe fn store(to: *mut u8, bytes: __m128i) {
    // SAFETY: the caller's promise: 16 writable bytes.
    unsafe { _mm_storeu_si128(to.cast(), bytes) }
}

const BLOCK: usize = size_of::<__m128i>();
