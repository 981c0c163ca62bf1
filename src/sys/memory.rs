//! The memory of the process.

use std::ops::Range;

/// What is in memory of the program and its libraries, as far as it is as their files have it.
#[derive(Debug, Default)]
pub struct Program {
    parts: Vec<Range<usize>>,
}

impl Program {
    /// Looks for it, where a system tells (Linux): nothing is found elsewhere, and where
    /// `/proc` cannot be read.
    pub fn find() -> Program {
        #[cfg(target_os = "linux")]
        let parts =
            std::fs::read_to_string("/proc/self/smaps").map_or_else(|_| Vec::new(), |text| parts(&text));
        #[cfg(not(target_os = "linux"))]
        let parts = Vec::new();
        Program { parts }
    }

    /// Gives up its pages: what is touched again comes back from the page cache, with what is
    /// around it. So what only the start of a process needs does not stay in its memory.
    pub fn release(&self) {
        self.parts.iter().for_each(release);
    }
}

/// One mapping of [`parts`].
#[cfg(target_os = "linux")]
fn release(part: &Range<usize>) {
    let begin = std::ptr::without_provenance_mut::<libc::c_void>(part.start);
    // SAFETY: nobody may write there, it belongs to a file, and no page of it was anything but
    // the file's: what is read there later is the same (madvise(2)). That is so still, for the
    // program and its libraries stay where they are until the process ends.
    let _ = unsafe { libc::madvise(begin, part.len(), libc::MADV_DONTNEED) };
}

/// None is ever found.
#[cfg(not(target_os = "linux"))]
fn release(_part: &Range<usize>) {}

/// The mappings that `smaps` (proc_pid_smaps(5)) tells of which are private, not to be written
/// to, of a file, and without a page of their own. Such pages have what the linker has changed
/// before it forbade to write; the breakpoints of a debugger; and the whole of a program that
/// has unpacked itself.
#[cfg(target_os = "linux")]
fn parts(smaps: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    // The last one, unless something speaks against it.
    let mut is_open = false;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if let Some(range) = range(first) {
            let inode = words.nth(2).unwrap_or("0");
            is_open = second.starts_with("r-") && second.ends_with('p') && inode != "0";
            found.extend(is_open.then_some(range));
        } else if is_open && matches!(first, "Anonymous:" | "Swap:") && second != "0" {
            found.pop();
            is_open = false;
        }
    }
    found
}

/// `55d0c0a00000-55d0c0b00000`.
#[cfg(target_os = "linux")]
fn range(text: &str) -> Option<Range<usize>> {
    let (begin, end) = text.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(begin)?..number(end)?)
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn only_what_is_as_its_file_has_it_is_a_part() {
        let mapping = |head: &str, anonymous: usize, swap: usize| {
            format!(
                "{head}\nSize: 8 kB\nRss: 8 kB\nAnonymous: {anonymous} kB\nSwap: {swap} kB\nVmFlags: rd mr me\n"
            )
        };
        let text = [
            mapping("1000-3000 r--p 00000000 fe:00 77   /bin/with a space", 0, 0),
            mapping("3000-6000 r-xp 00002000 fe:00 77   /bin/with a space", 0, 0),
            mapping("6000-7000 r-xp 00005000 fe:00 77   /bin/with a breakpoint", 4, 0),
            mapping("7000-8000 r--p 00006000 fe:00 77   /bin/relocated", 4, 0),
            mapping("8000-9000 r--p 00006000 fe:00 77   /bin/relocated and swapped", 0, 4),
            mapping("9000-a000 rw-p 00007000 fe:00 77   /bin/variables", 0, 0),
            mapping("a000-b000 r-xs 00000000 fe:00 78   /shared", 0, 0),
            mapping("b000-c000 r-xp 00000000 00:00 0", 8, 0),
            mapping("c000-d000 r-xp 00000000 00:00 0    [vdso]", 0, 0),
            mapping("d000-e000 ---p 00000000 fe:00 78   /between", 0, 0),
            mapping("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]", 0, 0),
            mapping("7f00deadb000-7f00deadf000 r-xp 00000000 fe:00 79   /lib", 0, 0),
        ];
        assert_eq!(
            parts(&text.concat()),
            [0x1000..0x3000, 0x3000..0x6000, 0x7f00_dead_b000..0x7f00_dead_f000]
        );
        for text in ["", "\n", "-", "x-y r-xp 0 0 1", "1000-2000 r-xp", "Anonymous: 4 kB", "nonsense"] {
            assert_eq!(parts(text), [], "{text:?}");
        }
    }

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

    fn sum() -> u64 {
        black_box(&TABLE).iter().fold(0, |sum: u64, &each| sum.wrapping_add(each))
    }

    fn page_size() -> usize {
        // SAFETY: it takes a plain number, and gives one.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
    }

    fn pages_of_the_middle() -> usize {
        size_of_val(&TABLE) / 2 / page_size()
    }

    /// How many pages of the table's middle are in the memory of this process: what is beside
    /// the table may bring its ends along.
    fn resident() -> usize {
        const PRESENT: u64 = 1 << 63;
        let pages = File::open("/proc/self/pagemap").unwrap();
        let middle = (&raw const TABLE[TABLE.len() / 4]).addr() / page_size();
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
        Program::find().release();
        assert_eq!(resident(), 0);
        assert_eq!(sum(), before);
        assert_eq!(resident(), pages_of_the_middle());
    }
}
