//! Folders and files to be saved: what an archive is, that it can be continued, and that no
//! wrong one is ever whole.

use std::io::Read;
#[cfg(unix)]
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use super::harness::set_modified;
use super::harness::{Answer, TestServer};

/// Name and content of each file in a ZIP, by another reader, which checks the checksums.
fn unzipped(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = rawzip::ZipArchive::from_slice(archive).unwrap();
    let mut entries = archive.entries();
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = String::from_utf8(entry.file_path().as_bytes().to_vec()).unwrap();
        let local = archive.get_entry(entry.wayfinder()).unwrap();
        let mut content = Vec::new();
        local.verifying_reader(local.data()).read_to_end(&mut content).unwrap();
        found.push((name, content));
    }
    found
}

fn untarred(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name, content)
    });
    entries.collect()
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    let mut names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// A tree in which nothing is new, so that tags are strong.
fn settled(options: &[&str]) -> TestServer {
    let large: String = (0..150_000).map(|n| format!("{n:07}\n")).collect();
    let files = [
        ("d/a.txt", "alpha"),
        ("d/sub/b.txt", "beta"),
        ("d/sub/empty", ""),
        ("d/large.txt", large.as_str()),
        ("d/.secret", "hidden"),
        ("d/sub/.git/config", "hidden"),
    ];
    let server = TestServer::with_files(&files, options);
    for (name, _) in files {
        server.settle(name);
    }
    settle_directories(&server);
    server
}

/// On Windows a directory opens for nothing of the kind, and there its time is younger.
fn settle_directories(server: &TestServer) {
    #[cfg(unix)]
    for name in ["d/sub", "d"] {
        let directory = std::fs::File::open(server.directory.path().join(name)).unwrap();
        directory.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = server;
}

fn part(server: &TestServer, target: &str, fields: &str) -> Answer {
    server.request("GET", target, fields)
}

#[test]
fn a_folder_is_saved_as_an_archive_with_all_that_would_be_served() {
    let server = settled(&[]);
    let zip = server.get("/d/?download");
    assert_eq!((zip.status, zip.field("content-type")), (200, Some("application/zip")));
    assert_eq!(zip.field("content-disposition"), Some("attachment; filename=\"d.zip\""));
    assert_eq!(zip.field("accept-ranges"), Some("bytes"));
    assert_eq!(zip.field("cache-control"), Some("no-cache"));
    let files = unzipped(&zip.body);
    let all = ["d/a.txt", "d/large.txt", "d/sub/", "d/sub/b.txt", "d/sub/empty"];
    assert_eq!(names(&files), all);
    let content = |name: &str| files.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(content("d/sub/b.txt"), b"beta");
    assert_eq!(content("d/large.txt"), server.get("/d/large.txt").body);
    let tar = server.get("/d/?download=tar");
    assert_eq!((tar.status, tar.field("content-type")), (200, Some("application/x-tar")));
    assert_eq!(tar.field("content-disposition"), Some("attachment; filename=\"d.tar\""));
    assert_eq!(names(&untarred(&tar.body)), all);
    // The root has no name that is anybody's business.
    let root = server.get("/?download=tar");
    assert_eq!(root.field("content-disposition"), Some("attachment; filename=\"files.tar\""));
    assert!(names(&untarred(&root.body)).iter().all(|name| name.starts_with("files/")));
    // The same question has the same answer, to the byte.
    assert_eq!(server.get("/d/?download").undated(), zip.undated());
    let redirect = server.get("/d?download=zip&name=a.txt");
    assert_eq!((redirect.status, redirect.field("location")), (301, Some("/d/?download=zip&name=a.txt")));
}

#[test]
fn the_length_of_an_archive_is_known_before_and_to_head() {
    let server = settled(&[]);
    for target in ["/d/?download", "/d/?download=tar", "/d/?download&name=a.txt"] {
        let head = server.request("HEAD", target, "");
        let get = server.get(target);
        assert_eq!(head.undated().fields, get.clone().undated().fields, "{target}");
        assert_eq!(get.field("content-length"), Some(get.body.len().to_string().as_str()));
    }
}

#[test]
fn an_archive_that_broke_off_is_continued() {
    let server = settled(&[]);
    for target in ["/d/?download", "/d/?download=tar"] {
        let whole = server.get(target);
        let length = whole.body.len();
        let tag = whole.field("etag").unwrap();
        if cfg!(unix) {
            assert!(!tag.starts_with("W/"), "{tag}");
        }
        for start in [0, 1, 29, 30, 300, 5000, length / 3, length / 2, length - 600, length - 1] {
            let rest = part(&server, target, &format!("Range: bytes={start}-\r\n"));
            assert_eq!(rest.status, 206, "{start}");
            let range = format!("bytes {start}-{}/{length}", length - 1);
            assert_eq!(rest.field("content-range"), Some(range.as_str()));
            assert!(rest.body == whole.body[start..], "{target} from {start}");
        }
        let middle = part(&server, target, "Range: bytes=100-200099\r\n");
        assert!(middle.body == whole.body[100..200_100]);
        let beyond = part(&server, target, &format!("Range: bytes={length}-\r\n"));
        assert_eq!(
            (beyond.status, beyond.field("content-range")),
            (416, Some(&*format!("bytes */{length}")))
        );
        let several = part(&server, target, "Range: bytes=0-0,5-5\r\n");
        assert_eq!((several.status, several.body.len()), (200, length));
        let same = part(&server, target, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((same.status, same.field("etag")), (304, Some(tag)));
    }
}

/// Only where times of directories can be set back: else the tag is weak, and the whole is
/// sent anyway.
#[cfg(unix)]
#[test]
fn an_archive_of_a_tree_that_has_changed_is_not_continued() {
    let server = settled(&[]);
    let tag = server.get("/d/?download").field("etag").unwrap().to_owned();
    let fields = format!("Range: bytes=100-\r\nIf-Range: {tag}\r\n");
    assert_eq!(part(&server, "/d/?download", &fields).status, 206);
    server.write("d/sub/b.txt", "BETA");
    server.settle("d/sub/b.txt");
    set_modified(
        &server.directory.path().join("d/sub/b.txt"),
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_778),
    );
    let again = part(&server, "/d/?download", &fields);
    assert_eq!(again.status, 200);
    assert!(unzipped(&again.body).contains(&("d/sub/b.txt".to_owned(), b"BETA".to_vec())));
    // While something in it is new, it may change unnoticed: nothing is continued then.
    server.write("d/new", "new");
    let new = server.get("/d/?download").field("etag").unwrap().to_owned();
    assert!(new.starts_with("W/"), "{new}");
    let fields = format!("Range: bytes=100-\r\nIf-Range: {new}\r\n");
    assert_eq!(part(&server, "/d/?download", &fields).status, 200);
}

#[test]
fn a_selection_is_saved_in_the_same_way() {
    let server = settled(&[]);
    let files = unzipped(&server.get("/d/?download=zip&name=sub&name=a.txt").body);
    assert_eq!(names(&files), ["d/a.txt", "d/sub/", "d/sub/b.txt", "d/sub/empty"]);
    if cfg!(unix) {
        // It can be continued like all of it.
        let tag = server.get("/d/?download=zip&name=sub").field("etag").unwrap().to_owned();
        assert!(!tag.starts_with("W/"), "{tag}");
    }
    for name in ["nothing", ".secret", "..", "", "sub/b.txt", "%2e%2e", "a.txt%00", "sub%2f..%2f.."] {
        let answer = server.get(&format!("/d/?download&name=a.txt&name={name}"));
        assert_eq!(answer.status, 404, "{name}");
    }
}

#[test]
fn a_file_is_saved_under_its_name() {
    let server = TestServer::with_files(&[("a b.txt", "x"), ("d/ä.html", "<p>")], &[]);
    for (target, disposition) in [
        ("/a%20b.txt?download", "attachment; filename=\"a b.txt\""),
        ("/a%20b.txt?v=1&download=zip", "attachment; filename=\"a b.txt\""),
        ("/d/%C3%A4.html?download", "attachment; filename=\"__.html\"; filename*=UTF-8''%C3%A4%2Ehtml"),
    ] {
        let plain = server.get(target.split('?').next().unwrap());
        assert_eq!(plain.field("content-disposition"), None);
        let saved = server.get(target);
        assert_eq!((saved.status, saved.field("content-disposition")), (200, Some(disposition)), "{target}");
        assert_eq!((saved.field("etag"), &saved.body), (plain.field("etag"), &plain.body));
        // Asked again, it is remembered, and the same.
        assert_eq!(server.get(target).undated(), saved.undated());
        assert_eq!(server.get(target.split('?').next().unwrap()).undated(), plain.undated());
    }
}

#[test]
fn without_archives_folders_are_listed_whatever_the_query_says() {
    for options in [&["--no-archives"][..], &["--no-listing"]] {
        let server = TestServer::with_files(&[("d/a", "a")], options);
        let answer = server.get("/d/?download=zip");
        let expected = if options[0] == "--no-archives" {
            (200, "text/html; charset=utf-8")
        } else {
            (404, "text/html; charset=utf-8")
        };
        assert_eq!((answer.status, answer.field("content-type").unwrap()), expected);
        assert!(!answer.text().contains("name=\"download\""));
        // That is about folders.
        assert!(server.get("/d/a?download").field("content-disposition").is_some());
    }
}

/// What is not served is in no archive (R4, R5, R8).
#[cfg(unix)]
#[test]
fn links_are_in_an_archive_exactly_as_they_are_served() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    for (option, expected) in [
        ("inside", &["d/a", "d/back/", "d/inside", "d/sub/", "d/sub/up/"][..]),
        ("deny", &["d/a", "d/sub/"]),
        (
            "follow",
            &["d/a", "d/back/", "d/inside", "d/out", "d/outside/", "d/outside/secret", "d/sub/", "d/sub/up/"],
        ),
    ] {
        let server = TestServer::with_files(&[("d/a", "a")], &["--symlinks", option]);
        let d = server.directory.path().join("d");
        std::fs::create_dir(d.join("sub")).unwrap();
        symlink(outside.path(), d.join("outside")).unwrap();
        symlink(outside.path().join("secret"), d.join("out")).unwrap();
        symlink("a", d.join("inside")).unwrap();
        symlink("nowhere", d.join("broken")).unwrap();
        // Back to where we are: there, and empty.
        symlink(".", d.join("back")).unwrap();
        symlink("..", d.join("sub/up")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(d.join("pipe")).status().unwrap().success());
        assert_eq!(names(&unzipped(&server.get("/d/?download").body)), expected, "{option}");
        let named = server.get("/d/?download&name=out").status;
        assert_eq!(named, if option == "follow" { 200 } else { 404 }, "{option}");
    }
}

#[test]
fn rules_are_in_no_archive_of_the_root() {
    let files = [("_headers", "/*\n  X-A: 1\n"), ("_redirects", "/a /b\n"), ("d/_headers", "x"), ("a", "a")];
    let server = TestServer::with_files(&files, &[]);
    assert_eq!((server.get("/_headers").status, server.get("/d/_headers").text()), (404, "x"));
    let found = unzipped(&server.get("/?download").body);
    assert_eq!(names(&found), ["files/a", "files/d/", "files/d/_headers"]);
}

#[test]
fn what_a_forced_rule_answers_for_is_in_no_archive() {
    let rules = "/secret/* /nope 404!\n/moved /a 302!\n/plain /a 302\n";
    let files = [("_redirects", rules), ("secret/x", "x"), ("moved", "m"), ("plain", "p"), ("a", "a")];
    let server = TestServer::with_files(&files, &[]);
    for (target, status) in [("/secret/x", 404), ("/moved", 302), ("/plain", 200)] {
        assert_eq!(server.get(target).status, status, "{target}");
    }
    let found = unzipped(&server.get("/?download").body);
    assert!(
        !found.iter().any(|(name, _)| name.ends_with("secret/x") || name.ends_with("moved")),
        "{found:?}"
    );
    assert!(names(&found).contains(&"files/plain"));
    for name in ["moved", "secret"] {
        let answer = server.get(&format!("/?download&name={name}"));
        assert!(answer.status == 404 || names(&unzipped(&answer.body)) == ["files/secret/"], "{name}");
    }
}

/// The beginning of an archive of a file that is too large to be sent at once.
#[cfg(unix)]
fn begun(target: &str, len: u64) -> (TestServer, super::harness::Client) {
    let server = TestServer::with_files(&[("d/z", "end")], &[]);
    let large = server.write("d/large", "");
    std::fs::File::options().write(true).open(large).unwrap().set_len(len).unwrap();
    let mut client = server.connect();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    client.take(100_000);
    (server, client)
}

/// Never a wrong archive that looks whole (R30): sparse files are for Unix.
#[cfg(unix)]
#[test]
fn what_changes_while_it_is_sent_ends_the_download() {
    use std::io::Write;
    type Change = fn(&TestServer);
    let changes: [(&str, Change); 6] = [
        ("shorter", |server| {
            let path = server.directory.path().join("d/large");
            std::fs::File::options().write(true).open(path).unwrap().set_len(1 << 20).unwrap();
        }),
        ("longer", |server| {
            let path = server.directory.path().join("d/large");
            std::fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        }),
        ("another byte", |server| {
            let path = server.directory.path().join("d/large");
            std::fs::File::options().write(true).open(path).unwrap().write_all(b"X").unwrap();
        }),
        // It may have been written to as well: no file system tells the one from the other.
        ("removed", |server| {
            std::fs::remove_file(server.directory.path().join("d/large")).unwrap();
        }),
        ("the next one removed", |server| {
            std::fs::remove_file(server.directory.path().join("d/z")).unwrap();
        }),
        ("the next one longer", |server| {
            server.write("d/z", "another end");
        }),
    ];
    for target in ["/d/?download=zip", "/d/?download=tar"] {
        for (what, change) in changes {
            let (server, mut client) = begun(target, 64 << 20);
            change(&server);
            client.expect_reset();
            // Others do not notice.
            assert_eq!(server.get("/d/").status, 200, "{what}");
        }
    }
}

/// What was opened is read as it was, whatever takes its name. There is more of it than the
/// buffers of sockets hold: at its end the removal would be found.
#[cfg(unix)]
#[test]
fn what_is_removed_while_it_is_sent_is_read_as_it_was() {
    for target in ["/d/?download=zip", "/d/?download=tar"] {
        let (server, mut client) = begun(target, 1 << 30);
        std::fs::remove_file(server.directory.path().join("d/large")).unwrap();
        let head_and_more = client.take(60 << 20);
        assert!(head_and_more[1000..].iter().all(|byte| *byte == 0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn who_leaves_in_the_middle_leaves_nothing_open() {
    use super::harness::process::Process;
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large");
    std::fs::File::create(large).unwrap().set_len(64 << 20).unwrap();
    let server = Process::serve(directory.path(), &["--threads", "1"]);
    // A first one, so that all that stays is there.
    let ask = |bytes: usize| {
        let mut client = server.connect();
        client.send("GET /?download HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.take(bytes);
        client
    };
    drop(ask(1000));
    let mut probe = server.connect();
    let settled = |probe: &mut super::harness::Client| {
        // Each answer is a turn of the one loop, in which those who left are closed.
        (0..200).map(|_| (probe.get("/none").status, server.descriptors()).1).min().unwrap()
    };
    let before = settled(&mut probe);
    let clients: Vec<_> = (0..20).map(|_| ask(300_000)).collect();
    assert!(server.descriptors() > before + 20, "each has a socket, and most a file");
    drop(clients);
    let mut after = settled(&mut probe);
    for _ in 0..1000 {
        if after <= before {
            break;
        }
        after = after.min(settled(&mut probe));
    }
    assert_eq!(after, before);
}

#[test]
fn others_are_served_while_an_archive_is_sent() {
    let server = settled(&["--threads", "1"]);
    let mut slow = server.connect();
    slow.send("GET /d/?download HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(slow.head().starts_with("HTTP/1.1 200 "));
    for _ in 0..50 {
        assert_eq!(server.get("/d/a.txt").text(), "alpha");
    }
    // And on the same connection, what follows comes behind it.
    let two = server.exchange(
        "GET /d/?download HTTP/1.1\r\nHost: localhost\r\n\r\nGET /d/a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        &["GET", "GET"],
    );
    assert_eq!((two[0].body.len() > 1_000_000, two[1].text()), (true, "alpha"));
}
