//! A directory and a link to the outside take each other's place while we look
//! (hazards R3): whoever checks first and opens afterwards loses this.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{CANARY, Site};
use crate::sys::{Root, Symlinks, Trouble, read_range, trouble};

const OPENS: usize = 5000;

/// What came of all those opens.
#[derive(Debug, Default)]
struct Outcome {
    inside: usize,
    refused: usize,
    outside: usize,
    failed: usize,
}

/// Opens a name while two names are exchanged all the time.
fn race(site: &Site, root: &Root, names: (&str, &str), wanted: &str) -> Outcome {
    let (a, b) = (site.path.join(names.0), site.path.join(names.1));
    let stop = AtomicBool::new(false);
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..OPENS {
            let result = root.open(wanted.as_bytes()).and_then(|opened| read_range(&opened.file, 0, 100));
            *match result {
                Ok(content) if content == CANARY.as_bytes() => &mut outcome.outside,
                Ok(_) => &mut outcome.inside,
                Err(error) if trouble(&error) == Trouble::Missing => &mut outcome.refused,
                Err(_) => &mut outcome.failed,
            } += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    outcome
}

/// R3.
#[test]
fn no_exchange_of_names_ever_leads_outside() {
    let site = Site::new();
    symlink(&site.outside, site.path.join("link")).unwrap();
    symlink(site.outside.join("secret.txt"), site.path.join("link.txt")).unwrap();
    fs::create_dir(site.path.join("b.txt")).unwrap();
    let kernel = site.root(Symlinks::Inside);
    let walk = site.root(Symlinks::Inside).without_kernel_containment();
    for root in [&kernel, &walk] {
        // In the middle of the path, and at its end.
        for (names, wanted) in [(("dir", "link"), "dir/b.txt"), (("a.txt", "link.txt"), "a.txt")] {
            let outcome = race(&site, root, names, wanted);
            assert_eq!((outcome.outside, outcome.failed), (0, 0), "{outcome:?}");
            assert_eq!(outcome.inside + outcome.refused, OPENS);
            println!("{outcome:?}");
        }
    }
}
