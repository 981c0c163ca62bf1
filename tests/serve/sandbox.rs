//! A server behind its walls: that it serves as ever, what it follows, and what it says
//! where walls are missing (hazards R48).

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

use crate::harness::process::{Ended, Process, program, run};
use crate::harness::{Client, TestServer, write};

fn root() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("root/index.html"), b"hello");
    directory
}

/// The program on a kernel that answers these calls as if it did not know them.
fn on_a_kernel_without(calls: &[libc::c_long], options: &[&str]) -> Command {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let (missing, fine) = (SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow);
    let architecture = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter: BpfProgram =
        SeccompFilter::new(rules, fine, missing, architecture).unwrap().try_into().unwrap();
    let mut command = program(options);
    let refuse = move || apply_filter(&filter).map_err(io::Error::other);
    // SAFETY: between fork and exec it makes two system calls, and allocates only if one fails.
    unsafe { command.pre_exec(refuse) };
    command
}

const LANDLOCK: &[libc::c_long] = &[libc::SYS_landlock_create_ruleset];
const QUIET: [&str; 4] = ["--bind", "127.0.0.1:0", "--log", "off"];

fn sandbox_line(server: &Process) -> &str {
    server.banner.iter().find(|line| line.starts_with("sandbox: ")).unwrap()
}

#[track_caller]
fn expect_failure(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{:?}", ended.stderr);
    let [line] = &ended.stderr[..] else { panic!("not one line: {:?}", ended.stderr) };
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
}

fn expect_served(server: &Process) {
    assert_eq!(server.connect().get("/").text(), "hello");
    assert_eq!(server.connect().get("/missing").status, 404);
}

/// The value of a line of `/proc/PID/task/TID/status`, for every thread.
fn of_every_thread(server: &Process, name: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap();
    let value = |task: io::Result<fs::DirEntry>| {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    };
    tasks.map(value).collect()
}

/// R48: behind the walls of the kernel, each thread of the real program.
#[test]
fn every_thread_stands_behind_the_filter_and_can_gain_nothing() {
    let directory = root();
    let server = Process::serve(&directory.path().join("root"), &["--threads", "2", "--verbose"]);
    expect_served(&server);
    for (name, value) in [("Seccomp", "2"), ("NoNewPrivs", "1")] {
        let values = of_every_thread(&server, name);
        assert!(values.len() >= 5 && values.iter().all(|found| found == value), "{name}: {values:?}");
    }
    let line = sandbox_line(&server);
    assert!(line.contains("Landlock (reads what is shared") && line.contains("seccomp ("), "{line}");
}

#[test]
fn off_is_off() {
    let directory = root();
    let server = Process::serve(&directory.path().join("root"), &["--sandbox", "off", "--verbose"]);
    expect_served(&server);
    assert!(of_every_thread(&server, "Seccomp").iter().all(|mode| mode == "0"));
    assert_eq!(sandbox_line(&server), "sandbox: off");
}

#[test]
fn with_strict_everything_is_served_as_ever() {
    let directory = root();
    write(&directory.path().join("root/large"), &vec![b'x'; 4 << 20]);
    write(&directory.path().join("root/page.css"), &vec![b'y'; 4 << 10]);
    symlink("index.html", directory.path().join("root/link")).unwrap();
    symlink("/etc/passwd", directory.path().join("root/out")).unwrap();
    let options = ["--sandbox", "strict", "--threads", "2", "--verbose"];
    let server = Process::serve(&directory.path().join("root"), &options);
    expect_served(&server);
    let mut client = server.connect();
    assert_eq!(client.get("/large").body.len(), 4 << 20);
    assert_eq!(client.get("/link").text(), "hello");
    assert_eq!(client.get("/out").status, 404);
    assert_eq!(client.get("/page.css").status, 200);
    fs::create_dir(directory.path().join("root/folder")).unwrap();
    assert!(client.get("/folder/").text().contains("<html"));
    drop(client);
    server.signal(Signal::TERM);
    assert!(server.end().status.success());
}

/// What a build does that removes its folder and makes it anew: the next request finds it,
/// by a thread that can read it, and no connection is lost.
#[test]
fn a_root_that_is_made_anew_is_followed_again_and_again() {
    let directory = root();
    let root = directory.path().join("root");
    let server = Process::serve(&root, &["--threads", "2"]);
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for round in 0..20 {
        // Half of them by a rename, as a deployment does it.
        if round % 2 == 0 {
            fs::remove_dir_all(&root).unwrap();
            assert_eq!(clients[0].get("/index.html").status, 404, "a removed root is no empty folder");
            write(&root.join("index.html"), format!("{round}").as_bytes());
        } else {
            write(&directory.path().join("next/index.html"), format!("{round}").as_bytes());
            fs::rename(&root, directory.path().join(format!("old{round}"))).unwrap();
            fs::rename(directory.path().join("next"), &root).unwrap();
        }
        write(&root.join("new/file"), b"listed");
        // Not remembered, so that each loop has to look.
        for client in &mut clients {
            assert_eq!(client.get(&format!("/missing{round}")).status, 404);
            assert_eq!(client.get("/index.html").text(), format!("{round}"));
            assert!(client.get("/new/").text().contains("file"), "pools reach as far as loops");
        }
    }
    let names = |tasks: fs::ReadDir| tasks.count();
    let threads = names(fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap());
    assert!(threads < 40, "{threads} threads are left");
    drop(clients);
    server.signal(Signal::TERM);
    assert!(server.end().status.success());
}

#[test]
fn a_link_that_is_exchanged_is_followed() {
    let directory = root();
    write(&directory.path().join("second/index.html"), b"second");
    let current = directory.path().join("current");
    symlink("root", &current).unwrap();
    let server = Process::serve(&current, &["--threads", "1"]);
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    symlink("second", directory.path().join("next")).unwrap();
    fs::rename(directory.path().join("next"), &current).unwrap();
    // Before saying no, it looks.
    assert_eq!(client.get("/nothing").status, 404);
    assert_eq!(client.get("/").text(), "second");
}

#[test]
fn one_file_is_followed_when_it_is_saved_anew() {
    let directory = root();
    write(&directory.path().join("root/beside"), b"no");
    let file = directory.path().join("root/index.html");
    let server = Process::serve(&file, &["--threads", "2"]);
    let mut client = server.connect();
    for round in 0..5 {
        write(&directory.path().join("draft"), format!("{round}").as_bytes());
        fs::rename(directory.path().join("draft"), &file).unwrap();
        assert_eq!(client.get("/").text(), format!("{round}"));
        assert_eq!(client.get("/beside").status, 404);
    }
}

/// A download goes on while its loop changes threads, twice.
#[test]
fn a_transfer_survives_that_its_root_is_made_anew() {
    const SIZE: usize = 64 << 20;
    let directory = root();
    let root = directory.path().join("root");
    fs::File::create(root.join("large")).unwrap().set_len(SIZE as u64).unwrap();
    let server = Process::serve(&root, &["--threads", "1", "--send-timeout", "1h"]);
    let mut download = server.connect();
    download.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    download.take(1);
    let mut client = server.connect();
    for round in ["one", "two"] {
        fs::remove_dir_all(&root).unwrap();
        write(&root.join("index.html"), round.as_bytes());
        assert_eq!(client.get("/x").status, 404);
        assert_eq!(client.get("/").text(), round);
    }
    let zeros = download.rest().iter().filter(|byte| **byte == 0).count();
    assert_eq!(zeros, SIZE);
}

/// The thread that could follow has given that up, too. It is also the proof that a server
/// cannot open what lies outside: this folder is readable by everyone.
#[test]
fn with_strict_a_root_that_is_made_anew_is_out_of_reach_and_said_to_be() {
    let directory = root();
    let root = directory.path().join("root");
    let mut server = Process::serve(&root, &["--sandbox", "strict", "--threads", "1"]);
    expect_served(&server);
    fs::rename(&root, directory.path().join("old")).unwrap();
    write(&root.join("index.html"), b"new");
    for _ in 0..3 {
        assert_eq!(server.connect().get("/other").status, 404);
        assert_eq!(server.connect().get("/").status, 404);
    }
    let line = server.stderr.next().unwrap();
    assert!(line.starts_with("error: ") && line.contains("--sandbox strict"), "{line}");
    server.signal(Signal::TERM);
    let ended = server.end();
    assert!(ended.status.success() && ended.stderr.is_empty(), "told once: {:?}", ended.stderr);
}

#[test]
fn links_may_lead_anywhere_if_that_is_wanted() {
    let directory = root();
    write(&directory.path().join("elsewhere"), b"elsewhere");
    symlink("../elsewhere", directory.path().join("root/link")).unwrap();
    let options = ["--symlinks", "follow", "--verbose"];
    let server = Process::serve(&directory.path().join("root"), &options);
    assert_eq!(server.connect().get("/link").text(), "elsewhere");
    assert!(sandbox_line(&server).contains("reads everything"), "{}", sandbox_line(&server));
    let root = directory.path().join("root");
    let contradiction = ["--sandbox", "strict", "--symlinks", "follow", "--root", root.to_str().unwrap()];
    expect_failure(&run(&contradiction), 2, &["--sandbox strict", "--symlinks follow", "contradict"]);
}

#[test]
fn without_landlock_auto_goes_on_and_strict_does_not() {
    let directory = root();
    let root = directory.path().join("root");
    let server = Process::start(on_a_kernel_without(LANDLOCK, &QUIET), &root, &["--verbose"]);
    expect_served(&server);
    let line = sandbox_line(&server).to_owned();
    assert!(line.contains("no Landlock (") && line.contains("seccomp ("), "{line}");
    // Nothing keeps it from the new root now.
    fs::remove_dir_all(&root).unwrap();
    write(&root.join("index.html"), b"hello");
    expect_served(&server);
    let mut strict = on_a_kernel_without(LANDLOCK, &QUIET);
    strict.args(["--sandbox", "strict", "--root"]).arg(&root);
    let ended = Process::spawn(strict).end();
    expect_failure(&ended, 1, &["--sandbox strict", "Landlock", "--sandbox auto"]);
}

#[test]
fn without_seccomp_auto_goes_on_and_strict_does_not() {
    let directory = root();
    let root = directory.path().join("root");
    let calls = [libc::SYS_seccomp];
    let server = Process::start(on_a_kernel_without(&calls, &QUIET), &root, &["--verbose"]);
    expect_served(&server);
    let line = sandbox_line(&server);
    assert!(line.contains("Landlock (reads") && line.contains("no seccomp ("), "{line}");
    let mut strict = on_a_kernel_without(&calls, &QUIET);
    strict.args(["--sandbox", "strict", "--root"]).arg(&root);
    let ended = Process::spawn(strict).end();
    expect_failure(&ended, 1, &["--sandbox strict", "seccomp", "--sandbox auto"]);
}

/// An old kernel, or an old container runtime: the walk name by name does it all, behind
/// the walls that there are.
#[test]
fn without_openat2_the_walk_serves_behind_the_walls() {
    let directory = root();
    symlink("index.html", directory.path().join("root/link")).unwrap();
    write(&directory.path().join("secret"), b"secret");
    symlink("../secret", directory.path().join("root/out")).unwrap();
    let calls = [libc::SYS_openat2, libc::SYS_statx, libc::SYS_clone3, libc::SYS_rseq];
    let command = on_a_kernel_without(&calls, &QUIET);
    let server = Process::start(command, &directory.path().join("root"), &["--sandbox", "strict"]);
    expect_served(&server);
    assert_eq!(server.connect().get("/link").text(), "hello");
    assert_eq!(server.connect().get("/out").status, 404);
}

/// Servers as a part of another program confine their own threads, and nobody else's.
#[test]
fn a_server_of_a_library_leaves_the_rest_of_the_process_alone() {
    let server = TestServer::with_files(&[("a", "a")], &[]);
    assert_eq!(server.get("/a").text(), "a");
    server.write("b", "b");
    assert_eq!(server.get("/b").text(), "b");
    assert!(Command::new("true").status().unwrap().success());
    server.stop();
    let strict = TestServer::with_files(&[("a", "a")], &["--sandbox", "strict"]);
    assert_eq!(strict.get("/a").text(), "a");
    strict.stop();
}

mod user {
    use super::*;
    use crate::harness::skip;

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    /// `/proc/PID/status` of the process: Uid and Gid, real, effective, saved, file system.
    fn ids(server: &Process) -> Vec<Vec<String>> {
        ["Uid", "Gid", "Groups", "CapEff"].map(|name| of_every_thread(server, name)).to_vec()
    }

    #[test]
    fn root_becomes_another_user_in_every_thread_and_for_good() {
        if !is_root() {
            return skip("only root can become another user");
        }
        let directory = root();
        let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(directory.path(), open).unwrap();
        for user in ["65534:65534", "nobody", "nobody:daemon"] {
            let server = Process::serve(&directory.path().join("root"), &["--user", user]);
            expect_served(&server);
            let [uids, gids, groups, rights] = &ids(&server)[..] else { panic!("four lines") };
            assert!(uids.iter().all(|ids| ids.split_whitespace().all(|id| id == "65534")), "{uids:?}");
            assert!(gids.iter().all(|ids| ids.split_whitespace().all(|id| id != "0")), "{gids:?}");
            assert!(groups.iter().all(|ids| ids.split_whitespace().all(|id| id != "0")), "{groups:?}");
            assert!(rights.iter().all(|rights| rights == "0000000000000000"), "{rights:?}");
        }
    }

    #[test]
    fn what_that_user_may_not_read_is_said_at_the_start() {
        if !is_root() {
            return skip("only root can become another user");
        }
        let directory = root();
        let closed: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(directory.path(), closed).unwrap();
        let root = directory.path().join("root");
        let options = ["--bind", "127.0.0.1:0", "--user", "nobody", "--root", root.to_str().unwrap()];
        expect_failure(&run(&options), 1, &["cannot share", "permission"]);
    }

    #[test]
    fn nobody_of_that_name_is_one_line() {
        let directory = root();
        let root = directory.path().join("root");
        let with = |user| run(&["--bind", "127.0.0.1:0", "--user", user, "--root", root.to_str().unwrap()]);
        if is_root() {
            expect_failure(&with("no-such-user"), 1, &["--user no-such-user", "no user"]);
            expect_failure(&with("nobody:no-such-group"), 1, &["no group no-such-group"]);
            expect_failure(&with("root"), 1, &["--user root", "another user"]);
            expect_failure(&with("4000000000"), 1, &["give its group"]);
        } else {
            expect_failure(&with("nobody"), 1, &["--user nobody", "only root"]);
        }
        expect_failure(&with(":group"), 2, &["--user", "name of a user"]);
    }
}
