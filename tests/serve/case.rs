//! Names in another case than the file system's: `--strict-case` makes every system say of
//! them what Linux says.

use super::harness::{TestServer, write};

const FILES: [(&str, &str); 6] = [
    ("index.html", "<p>start"),
    ("Img/Logo.PNG", "logo"),
    ("docs/Index.HTML", "<p>docs"),
    ("app.js", "let a = 1;"),
    ("APP.js.GZ", "no gzip"),
    ("talks/a.txt", "a"),
];

/// What is asked for, and whether it is spelled as it is.
const NAMES: [(&str, bool); 11] = [
    ("/index.html", true),
    ("/INDEX.HTML", false),
    ("/Index.html", false),
    ("/Img/Logo.PNG", true),
    ("/Img/logo.png", false),
    ("/img/Logo.PNG", false),
    ("/Img/", true),
    ("/IMG/", false),
    ("/talks/a.txt", true),
    ("/Talks/a.txt", false),
    ("/talks/A.TXT", false),
];

/// The statuses of all names. Each is asked for three times, and in between what is there:
/// what is remembered of a file is remembered of its spelling.
fn statuses(server: &TestServer) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (name, _) in NAMES {
        let status = server.get(name).status;
        for _ in 0..2 {
            assert_eq!(server.get("/index.html").status, 200);
            assert_eq!(server.get(name).status, status, "{name}");
        }
        statuses.push(status);
    }
    statuses
}

#[test]
fn with_strict_case_a_name_in_another_case_is_missing_on_every_system() {
    let server = TestServer::with_files(&FILES, &["--strict-case"]);
    server.settle("index.html");
    let expected: Vec<u16> = NAMES.iter().map(|(_, is_exact)| if *is_exact { 200 } else { 404 }).collect();
    assert_eq!(statuses(&server), expected);
    // No index by another name, no sibling, no page for errors.
    assert!(server.get("/docs/").text().contains("Index.HTML"), "a list");
    assert_eq!(server.get("/docs/Index.HTML").text(), "<p>docs");
    server.write("404.HTML", "mine");
    assert!(!server.get("/missing").text().contains("mine"));
    server.stop();
}

#[test]
fn without_it_the_file_system_decides() {
    let server = TestServer::with_files(&FILES, &[]);
    server.settle("index.html");
    let takes_any = server.directory.path().join("INDEX.HTML").exists();
    assert!(!cfg!(target_os = "linux") || !takes_any, "the tests are in an ordinary folder");
    let status = |is_exact: bool| if is_exact || takes_any { 200 } else { 404 };
    let expected: Vec<u16> = NAMES.iter().map(|(_, is_exact)| status(*is_exact)).collect();
    assert_eq!(statuses(&server), expected);
    server.stop();
}

#[test]
fn what_is_renamed_to_another_case_goes_by_its_new_name() {
    let server = TestServer::with_files(&FILES, &["--strict-case"]);
    server.settle("index.html");
    assert_eq!(server.get("/index.html").text(), "<p>start");
    let root = server.directory.path();
    // Wine renames nothing to what it takes for the same name.
    std::fs::rename(root.join("index.html"), root.join("other")).unwrap();
    std::fs::rename(root.join("other"), root.join("INDEX.html")).unwrap();
    assert_eq!(server.get("/INDEX.html").text(), "<p>start");
    assert_eq!(server.get("/index.html").status, 404);
    server.stop();
}

#[test]
fn a_single_file_is_called_as_its_owner_calls_it() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("Photo.JPG"), b"photo");
    let server = TestServer::start_in(directory, "Photo.JPG", &["--strict-case"]);
    assert_eq!(server.get("/Photo.JPG").text(), "photo");
    assert_eq!(server.get("/photo.jpg").status, 404);
    server.stop();
}
