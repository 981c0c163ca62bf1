//! Memory of the process, on Linux.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use super::super::release_start;

/// A mebibyte of the program that no other test reads.
static TABLE: [u64; 1 << 17] = {
    let mut table = [0; 1 << 17];
    let mut at = 0;
    while at < table.len() {
        table[at] = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        at += 1;
    }
    table
};

fn page_size() -> usize {
    // SAFETY: it takes a plain number, and gives one.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

fn pages_of_the_middle() -> usize {
    size_of_val(&TABLE) / 2 / page_size()
}

fn sum() -> u64 {
    black_box(&TABLE).iter().fold(0, |sum: u64, &each| sum.wrapping_add(each))
}

/// How many pages of the table's middle are in the memory of this process: what is beside the
/// table may bring its ends along.
fn resident() -> usize {
    const PRESENT: u64 = 1 << 63;
    let page_size = page_size();
    let pages = File::open("/proc/self/pagemap").unwrap();
    let middle = (&raw const TABLE[TABLE.len() / 4]).addr() / page_size;
    let is_present = |page: usize| {
        let mut entry = [0; 8];
        pages.read_exact_at(&mut entry, page as u64 * 8).unwrap();
        u64::from_ne_bytes(entry) & PRESENT != 0
    };
    (middle..middle + pages_of_the_middle()).filter(|&page| is_present(page)).count()
}

#[test]
fn what_is_released_leaves_and_is_read_as_before() {
    let before = sum();
    assert_eq!(resident(), pages_of_the_middle());
    release_start();
    assert_eq!(resident(), 0);
    assert_eq!(sum(), before);
    assert_eq!(resident(), pages_of_the_middle());
}
