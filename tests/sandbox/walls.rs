//! What a thread behind the walls of `sys::sandbox` cannot do any more: it calls what the
//! server calls, and then tries. Each wall is tried alone, too, so that neither hides a hole
//! in the other. They can only be put up for good, so each try has a thread of its own.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use serve::sys::sandbox::{
    Shared, Wall, allow_only_what_is_needed, change_nothing, identity_of, read_only_what_is,
};

/// Which walls a thread stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Landlock,
    Seccomp,
    Both,
}

/// A root with a file, and a secret beside it.
struct Place {
    directory: tempfile::TempDir,
    /// The whole file system, opened before.
    slash: File,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("root/sub")).unwrap();
        fs::write(directory.path().join("root/sub/file"), "shared").unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        symlink("../secret", directory.path().join("root/out")).unwrap();
        symlink(directory.path().join("secret"), directory.path().join("root/away")).unwrap();
        Place { directory, slash: File::open("/").unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a try on a thread behind these walls.
    #[track_caller]
    fn behind<T: Send>(&self, walls: Behind, attempt: impl FnOnce(&Place) -> T + Send) -> T {
        let run = || {
            if walls != Behind::Seccomp {
                assert_eq!(change_nothing(), Wall::Stands, "this needs Linux 6.2, with Landlock");
                let (wall, found) = read_only_what_is(&Shared::at(&self.path("root")));
                assert_eq!((wall, found), (Wall::Stands, identity_of(&self.path("root"))));
            }
            if walls != Behind::Landlock {
                assert_eq!(allow_only_what_is_needed(), Wall::Stands, "this needs seccomp");
            }
            attempt(self)
        };
        thread::scope(|scope| scope.spawn(run).join().unwrap())
    }
}

/// What was refused, and not by chance: permissions alone would let root do it.
#[track_caller]
fn expect_refused<T>(what: &str, result: io::Result<T>) {
    let Err(error) = result else { panic!("{what} was possible") };
    let code = error.raw_os_error();
    let refused = [libc::EACCES, libc::EPERM, libc::ENOSYS, libc::EXDEV];
    assert!(code.is_some_and(|code| refused.contains(&code)), "{what}: {error}");
}

fn read_at(directory: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(directory, path, flags, Mode::empty()).map(drop)?)
}

#[test]
fn what_is_shared_can_be_read_behind_all_walls() {
    let place = Place::new();
    place.behind(Behind::Both, |place| {
        assert_eq!(fs::read_to_string(place.path("root/sub/file")).unwrap(), "shared");
        assert_eq!(fs::read_dir(place.path("root")).unwrap().count(), 3);
    });
}

#[test]
fn no_file_outside_can_be_opened() {
    let place = Place::new();
    for walls in [Behind::Landlock, Behind::Both] {
        place.behind(walls, |place| {
            for name in ["secret", "root/out", "root/away", "root/sub/../../secret"] {
                expect_refused(name, fs::read(place.path(name)));
            }
            for path in ["/etc/passwd", "/proc/self/maps", "/proc/self/mem", "/dev/zero"] {
                expect_refused(path, File::open(path));
            }
            for path in ["/", "/etc", "/proc/self/fd"] {
                expect_refused(path, fs::read_dir(path));
            }
            // A handle from before is no way around.
            expect_refused("a handle of /", read_at(place.slash.as_fd(), Path::new("etc/passwd")));
            let (flags, mode) = (OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            let found = openat2(&place.slash, "etc/passwd", flags, mode, ResolveFlags::empty());
            expect_refused("openat2", found.map(drop).map_err(io::Error::from));
        });
    }
}

#[test]
fn nothing_can_be_changed_not_even_inside() {
    let place = Place::new();
    for walls in [Behind::Landlock, Behind::Seccomp, Behind::Both] {
        place.behind(walls, |place| {
            let file = place.path("root/sub/file");
            expect_refused("writing", File::options().write(true).open(&file));
            expect_refused("appending", File::options().append(true).open(&file));
            expect_refused("making", File::create(place.path("root/new")));
            expect_refused("removing", fs::remove_file(&file));
            expect_refused("renaming", fs::rename(&file, place.path("root/moved")));
            expect_refused("linking", fs::hard_link(&file, place.path("root/linked")));
            expect_refused("a link", symlink("file", place.path("root/link")));
            expect_refused("a folder", fs::create_dir(place.path("root/folder")));
            expect_refused("no folder", fs::remove_dir(place.path("root/sub")));
            let flags = OFlags::RDONLY | OFlags::TRUNC | OFlags::CLOEXEC;
            let truncated = openat(&place.slash, &file, flags, Mode::empty());
            expect_refused("truncating", truncated.map(drop).map_err(io::Error::from));
        });
        assert_eq!(fs::read_to_string(place.path("root/sub/file")).unwrap(), "shared");
    }
    // These are not for Landlock to refuse.
    place.behind(Behind::Seccomp, |place| {
        let file = File::open(place.path("root/sub/file")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        expect_refused("permissions", file.set_permissions(mode));
        expect_refused("times", file.set_modified(std::time::SystemTime::UNIX_EPOCH));
    });
}

#[test]
fn no_program_can_be_run_and_no_process_started() {
    let place = Place::new();
    for walls in [Behind::Landlock, Behind::Seccomp, Behind::Both] {
        place.behind(walls, |_| {
            expect_refused("running", Command::new("/bin/sh").args(["-c", "exit 0"]).status());
            // In the place of this process: 99 would be the end of this test.
            let error = Command::new("/bin/sh").args(["-c", "exit 99"]).exec();
            expect_refused("becoming another program", Err::<(), _>(error));
        });
    }
    place.behind(Behind::Seccomp, |_| {
        // SAFETY: a child would end at once; there is none.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe { libc::_exit(0) };
        }
        assert_eq!(child, -1, "a process was started");
    });
}

#[test]
fn nobody_can_be_connected_to_and_no_port_be_bound() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let local = UnixListener::bind(place.path("socket")).unwrap();
    place.behind(Behind::Landlock, |_| {
        // Since Linux 6.7.
        expect_refused("connecting", TcpStream::connect(address));
        expect_refused("listening", TcpListener::bind("127.0.0.1:0"));
    });
    for walls in [Behind::Seccomp, Behind::Both] {
        place.behind(walls, |place| {
            expect_refused("connecting", TcpStream::connect(address));
            expect_refused("listening", TcpListener::bind("127.0.0.1:0"));
            expect_refused("datagrams", UdpSocket::bind("127.0.0.1:0"));
            expect_refused("a local socket", UnixStream::connect(place.path("socket")));
            // With a socket from before, too.
            let result = rustix::net::connect(&listener, &address);
            expect_refused("connect", result.map_err(io::Error::from));
        });
    }
    drop(local);
}

#[test]
fn nobody_else_can_be_signalled_or_looked_into() {
    let place = Place::new();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let process = rustix::process::Pid::from_child(&child);
    for walls in [Behind::Seccomp, Behind::Both] {
        place.behind(walls, |_| {
            let result = rustix::process::kill_process(process, rustix::process::Signal::TERM);
            expect_refused("a signal", result.map_err(io::Error::from));
            // SAFETY: the call takes numbers alone, and is refused.
            let traced = unsafe { libc::ptrace(libc::PTRACE_ATTACH, child.id(), 0, 0) };
            assert_eq!(traced, -1, "traced");
        });
    }
    assert!(child.try_wait().unwrap().is_none(), "it was signalled");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn memory_can_never_be_run() {
    let place = Place::new();
    place.behind(Behind::Seccomp, |_| {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at no address of ours; it is refused.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
        assert_eq!(mapped, libc::MAP_FAILED);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS));
        // Nor memory that was there before, and could be written.
        let writable = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at no address of ours, of which nothing is used.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), 4096, writable, flags, -1, 0) };
        assert_ne!(mapped, libc::MAP_FAILED);
        // SAFETY: the mapping of above, which nobody else knows.
        let changed = unsafe { libc::mprotect(mapped, 4096, protection) };
        assert_eq!((changed, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ENOSYS)));
        // SAFETY: as above; nothing points into it.
        unsafe { libc::munmap(mapped, 4096) };
    });
}

/// Threads can be started still, and stand behind the same walls.
#[test]
fn threads_that_it_starts_are_no_way_out() {
    let place = Place::new();
    place.behind(Behind::Both, |place| {
        let secret = place.path("secret");
        let address = "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap();
        let (read, connected) =
            thread::spawn(move || (fs::read(secret), TcpStream::connect(address))).join().unwrap();
        expect_refused("reading", read);
        expect_refused("connecting", connected);
    });
}

/// One file: it, and nothing beside it.
#[test]
fn of_one_file_nothing_else_can_be_read() {
    let place = Place::new();
    fs::write(place.path("root/beside"), "not this").unwrap();
    let file = place.path("root/sub/../one");
    fs::write(place.path("root/one"), "one").unwrap();
    thread::scope(|scope| {
        let run = || {
            let (wall, found) = read_only_what_is(&Shared::at(&file));
            assert_eq!((wall, found), (Wall::Stands, identity_of(&file)));
            assert_eq!(fs::read_to_string(&file).unwrap(), "one");
            for name in ["root/beside", "root/sub/file", "secret"] {
                expect_refused(name, fs::read(place.path(name)));
            }
        };
        scope.spawn(run).join().unwrap();
    });
}

/// A rule is for a directory as it is: what takes its place is outside, until somebody who
/// stands before the walls makes a new one.
#[test]
fn what_takes_the_place_of_the_root_is_outside() {
    let place = Place::new();
    place.behind(Behind::Landlock, |place| {
        // By a thread that is free.
        assert!(fs::read(place.path("root/sub/file")).is_ok());
    });
    let (confined, is_confined) = std::sync::mpsc::channel();
    let (exchanged, is_exchanged) = std::sync::mpsc::channel::<()>();
    let (root, file) = (place.path("root"), place.path("root/sub/file"));
    let thread = thread::spawn(move || {
        assert_eq!(read_only_what_is(&Shared::at(&root)).0, Wall::Stands);
        confined.send(()).unwrap();
        is_exchanged.recv().unwrap();
        fs::read(file).map(drop)
    });
    is_confined.recv().unwrap();
    fs::rename(place.path("root"), place.path("old")).unwrap();
    fs::create_dir_all(place.path("root/sub")).unwrap();
    fs::write(place.path("root/sub/file"), "new").unwrap();
    exchanged.send(()).unwrap();
    expect_refused("the new root", thread.join().unwrap());
}
