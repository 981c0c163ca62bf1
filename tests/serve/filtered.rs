//! What the server does where the kernel refuses a system call, and which calls it never
//! makes at all: with filters on its threads (R3, R9b, R48).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{O_CREAT, O_RDWR, O_TRUNC, O_WRONLY};
use seccompiler::SeccompAction;
use signal_hook::consts::SIGSYS;

use crate::harness::filter::{Call, filtered, without_openat2};
use crate::harness::{TestServer, process};
use crate::names::{expect_hidden_names_hidden, expect_nothing_above, fortress};

/// R3: an old kernel, a container that forbids the call, and renames that never end: the
/// walk gives the answers that the kernel gives.
#[test]
fn without_openat2_every_path_has_the_same_answer() {
    for error in [libc::ENOSYS, libc::EPERM, libc::EACCES, libc::EAGAIN, libc::EXDEV] {
        let server = without_openat2(error, || fortress(&["--hidden"]));
        expect_nothing_above(&server);
        let server = without_openat2(error, || fortress(&[]));
        expect_hidden_names_hidden(&server);
    }
}

/// R9b: each error of an open has its answer, in which nothing of the machine stands, and
/// the next request on the same connection has one, too.
#[test]
fn each_error_of_an_open_is_an_answer_and_the_connection_goes_on() {
    for (error, status) in [
        (libc::ENOENT, 404),
        (libc::ENOTDIR, 404),
        (libc::ENAMETOOLONG, 404),
        (libc::ELOOP, 404),
        (libc::ENXIO, 404),
        (libc::ENODEV, 404),
        (libc::EMFILE, 503),
        (libc::ENFILE, 503),
        (libc::ENOMEM, 503),
        (libc::EIO, 500),
        (libc::ESTALE, 500),
        (libc::ENOTCONN, 500),
    ] {
        // With hidden names shown the kernel decides alone.
        let server = without_openat2(error, || {
            TestServer::with_files(&[("a.txt", "a"), ("dir/index.html", "i")], &["--hidden"])
        });
        let root = server.directory.path().to_str().unwrap().to_owned();
        let mut client = server.connect();
        for target in ["/a.txt", "/dir/", "/dir", "/dir/index.html", "/a.txt"] {
            let answer = client.get(target);
            let seen = format!("{}: {target}: {answer:?}", std::io::Error::from_raw_os_error(error));
            assert_eq!((answer.status, answer.field("connection")), (status, None), "{seen}");
            assert_eq!(answer.field("retry-after"), (status == 503).then_some("1"), "{seen}");
            assert!(!answer.text().contains(&root) && !answer.text().contains("os error"), "{seen}");
        }
        client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.answer_to("OPTIONS").status, 204);
    }
}

/// Calls that write, run or ask somebody else.
fn never_made() -> Vec<Call> {
    let always = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_connect,
        libc::SYS_ptrace,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_unlinkat,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_truncate,
        libc::SYS_ftruncate,
        libc::SYS_fallocate,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_fsetxattr,
        libc::SYS_setuid,
    ];
    #[cfg(target_arch = "x86_64")]
    let older = [
        libc::SYS_mkdir,
        libc::SYS_mknod,
        libc::SYS_unlink,
        libc::SYS_rmdir,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_rename,
        libc::SYS_creat,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_fork,
        libc::SYS_vfork,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let older = [];
    let writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    let mut calls: Vec<Call> = always.into_iter().chain(older).map(|call| (call, None)).collect();
    calls.push((libc::SYS_openat, Some((2, writing))));
    #[cfg(target_arch = "x86_64")]
    calls.push((libc::SYS_open, Some((1, writing))));
    calls
}

/// Everything that a client can ask for.
fn ask_for_everything(server: &TestServer) {
    for (method, target, fields) in [
        ("GET", "/a.txt", ""),
        ("GET", "/a.txt", "Range: bytes=0-0,2-3\r\n"),
        ("GET", "/long.txt", "Range: bytes=0-9,200-300\r\n"),
        ("GET", "/a.txt", "If-None-Match: *\r\n"),
        ("GET", "/a.txt", "Want-Repr-Digest: sha-256=1\r\n"),
        ("GET", "/a.js", "Accept-Encoding: gzip\r\n"),
        ("HEAD", "/a.txt", ""),
        ("GET", "/dir", ""),
        ("GET", "/dir/", ""),
        ("GET", "/dir/?format=json", ""),
        ("GET", "/missing", ""),
        ("GET", "/old", ""),
        ("GET", "/../a", ""),
        ("GET", "/;id|touch%20x`touch%20y`$(touch%20z)", ""),
        ("PUT", "/new.txt", ""),
        ("DELETE", "/a.txt", ""),
        ("PATCH", "/a.txt", ""),
        ("MKCOL", "/new", ""),
        ("BREW", "/a.txt", ""),
        ("OPTIONS", "/a.txt", ""),
        ("POST", "/a.txt", "Content-Length: 5\r\n"),
    ] {
        server.request(method, target, fields);
    }
    // Compressed in the background.
    process::until("a compressed form", || {
        let answer = server.request("GET", "/long.txt", "Accept-Encoding: br, gzip\r\n");
        answer.field("content-encoding").is_some()
    });
}

/// R48: it writes nothing, changes nothing, runs nothing and asks nobody. A call that was
/// made all the same raises SIGSYS in its thread.
#[test]
fn nothing_is_ever_written_run_or_asked_of_others() {
    let seen = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGSYS, Arc::clone(&seen)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let long = "all work and no play ".repeat(1000);
    for (name, content) in [
        ("a.txt", "hello"),
        ("a.js", "//"),
        ("a.js.gz", "stale"),
        ("long.txt", &long),
        ("dir/b", "b"),
        ("_redirects", "/old /a.txt 301\n"),
    ] {
        crate::harness::write(&directory.path().join(name), content.as_bytes());
    }
    for name in ["a.txt", "a.js", "a.js.gz", "long.txt"] {
        let settled = std::time::SystemTime::UNIX_EPOCH + crate::harness::SETTLED;
        crate::harness::set_modified(&directory.path().join(name), settled);
    }
    let path = directory.path().to_owned();
    let server = filtered(&never_made(), SeccompAction::Trap, || {
        // The filter works, or nothing would be proven. What a call gives that was never
        // made means nothing.
        let _ = std::fs::create_dir(path.join("made"));
        assert!(!path.join("made").exists() && seen.swap(false, Ordering::SeqCst), "no filter");
        // That is no file, either, and must not be closed as one.
        std::mem::forget(std::fs::File::create_new(path.join("written")));
        assert!(!path.join("written").exists() && seen.swap(false, Ordering::SeqCst), "no filter for open");
        TestServer::start_in(directory, "", &[])
    });
    ask_for_everything(&server);
    assert_eq!(server.get("/a.txt").text(), "hello");
    server.stop();
    assert!(!seen.load(Ordering::SeqCst), "a call that the server has no need of was made");
}
