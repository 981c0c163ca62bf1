//! What the site is told: fallback, pages, prefix, caches, other sites.

use super::*;
use crate::site::cache_control::CachePolicy;
use crate::site::cors::Cors;

fn site(line: &str) -> site::options::Options {
    read(line).unwrap_or_else(|exit| panic!("{line}: {}", exit.message)).site
}

fn spa(config: &Config) -> Option<String> {
    config.site.spa.as_ref().map(|path| String::from_utf8(path.as_bytes().to_vec()).unwrap())
}

#[test]
fn the_file_of_an_application_is_optional_and_never_taken_for_the_folder() {
    for (line, file, root) in [
        ("", None, "."),
        ("-s", Some("index.html"), "."),
        ("-s dist", Some("index.html"), "dist"),
        ("dist -s", Some("index.html"), "dist"),
        ("--spa dist 9000", Some("index.html"), "dist"),
        ("dist --spa app.html", Some("app.html"), "dist"),
        ("-s app.htm dist", Some("app.htm"), "dist"),
        ("--spa=a/b dist", Some("a/b"), "dist"),
        ("-s=/app.html", Some("app.html"), "."),
        ("-sq dist", Some("index.html"), "dist"),
        ("--spa -- app.html", Some("index.html"), "app.html"),
        ("--spa --error-page=404=lost.html", Some("index.html"), "."),
        ("-s --index=a.html dist", Some("index.html"), "dist"),
    ] {
        let config = read(line).unwrap();
        assert_eq!(spa(&config).as_deref(), file, "{line}");
        assert_eq!(config.root, std::path::absolute(root).unwrap(), "{line}");
    }
    // Behind `--` everything is a word.
    assert!(read("-- --spa app.html").unwrap_err().message.starts_with("app.html is not a port"));
}

#[test]
fn variables_may_leave_out_optional_values_too() {
    for (value, file) in
        [("true", Some("index.html")), ("0", None), ("app.html", Some("app.html")), ("", None)]
    {
        let config = read_with(&[], &[("SERVE_SPA", value)], false).unwrap();
        assert_eq!(spa(&config).as_deref(), file, "{value}");
    }
    let cors = |value| read_with(&[], &[("SERVE_CORS", value)], false).unwrap().site.cors;
    assert_eq!((cors("yes"), cors("off"), cors("*")), (Cors::Any, Cors::Off, Cors::Any));
    let Cors::Origins(origins) = cors("https://a.example, http://b.example:80") else { panic!("no origins") };
    assert_eq!(
        origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["https://a.example", "http://b.example"]
    );
    let pages = read_with(&[], &[("SERVE_ERROR_PAGE", "404=a.html,500=b.html")], false).unwrap();
    assert_eq!(pages.site.error_pages.len(), 2);
}

#[test]
fn routing_arrives() {
    let site =
        site("--clean-urls --coi --base-path docs/v%31/ --error-page 404=a.html --error-page 500=/b/c.html");
    assert!(site.clean_urls && site.coi);
    assert_eq!(site.base.as_bytes(), b"docs/v1");
    let pages: Vec<_> =
        site.error_pages.iter().map(|(status, path)| (status.code(), path.as_bytes())).collect();
    assert_eq!(pages, [(404, &b"a.html"[..]), (500, b"b/c.html")]);
    assert!(self::site("--base-path /").base.is_root() && self::site("").base.is_root());
}

#[test]
fn caches_and_other_sites_arrive() {
    for (line, cache) in [
        ("", CachePolicy::NoCache),
        ("--cache no-cache", CachePolicy::NoCache),
        ("--cache off", CachePolicy::Off),
        ("--cache auto", CachePolicy::Auto),
        ("--cache 1h", CachePolicy::MaxAge(Duration::from_secs(3600))),
        ("--cache=90", CachePolicy::MaxAge(Duration::from_secs(90))),
        ("--cache 0", CachePolicy::MaxAge(Duration::ZERO)),
    ] {
        assert_eq!(site(line).cache, cache, "{line}");
    }
    for (line, count) in
        [("--cors=https://a.example", 1), ("--cors https://a.example --cors=http://[::1]:8000", 2)]
    {
        assert!(matches!(site(line).cors, Cors::Origins(origins) if origins.len() == count), "{line}");
    }
    for line in ["--cors", "--cors *", "--cors --cors=*", "--cors dist"] {
        assert_eq!(site(line).cors, Cors::Any, "{line}");
    }
    assert_eq!(site("").cors, Cors::Off);
}

#[test]
fn mistakes_say_what_would_be_right() {
    for (line, expected) in [
        ("--spa=../x", "--spa ../x: give a file by its path beneath the root, like index.html"),
        ("--spa=", "--spa needs a value: --spa[=<FILE>]"),
        ("--error-page 404", "--error-page 404: write CODE=FILE, like --error-page 404=lost.html"),
        (
            "--error-page 404=..",
            "--error-page 404=..: give a file by its path beneath the root, like index.html",
        ),
        (
            "--error-page 200=a.html",
            "--error-page 200=a.html: the codes of errors are 400, 403, 404, 405, 406, 408, 412, 414, 416, 421, 431, 500, 501, 503, 505",
        ),
        ("--cache 1,5h", "--cache 1,5h: write no-cache, off, auto, or a time up to a year, like 10m"),
        ("--cache 500ms", "--cache 500ms: caches count in whole seconds"),
        ("--base-path /../x", "--base-path /../x: give the path of a URL, like /docs"),
        (
            "--base-path C:/docs",
            "--base-path C:/docs: give the path of a URL, like /docs; the first slash can be left out",
        ),
        (
            "--cors=https://a.example/b",
            "--cors https://a.example/b: an origin has no path: --cors=https://a.example",
        ),
        (
            "--cors=a.example",
            "--cors a.example: an origin looks like https://app.example or http://localhost:5173, and each one is given in full",
        ),
        (
            "--cors null",
            "--cors null: null is what sandboxed pages of every site call themselves; --cors alone lets every site read",
        ),
        (
            "--cors --cors=https://a.example",
            "--cors lets every site read, so --cors=https://a.example has no use: leave one out",
        ),
        (
            "-c-1",
            "-c is not an option of serve: browsers are told to revalidate already, so nothing gets stale; did you mean --cache 1h, which lets them keep files, or --cors? (serve does not read its options from files: every option is also a variable, and files _redirects and _headers in the folder are followed)",
        ),
        ("--single", "--single is not an option of serve: use --spa, or --spa=FILE"),
    ] {
        assert_eq!(read(line).unwrap_err().message, expected, "{line}");
    }
}

#[test]
fn settings_show_what_the_site_does() {
    let line = "--spa app.html --clean-urls --error-page 404=lost.html --base-path /docs --cors=https://a.example \
                --coi --cache 1h";
    let settings = read(line).unwrap().settings;
    for part in [
        "--spa=app.html\n",
        "--clean-urls\n",
        "--error-page 404=lost.html\n",
        "--base-path /docs\n",
        "--cors=https://a.example\n",
        "--coi\n",
        "--cache 1h\n",
    ] {
        assert!(settings.contains(part), "{part} in\n{settings}");
    }
    let settings = read("").unwrap().settings;
    assert!(
        settings.contains("--cache no-cache\n")
            && !settings.contains("--spa")
            && !settings.contains("--cors")
    );
}

#[test]
fn files_that_options_name_and_that_are_missing_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there.html"), "").unwrap();
    let warnings = |options: &[&str]| {
        let mut arguments = vec![OsString::from("--root"), folder.path().into()];
        arguments.extend(options.iter().map(OsString::from));
        let warnings = Config::from_args(arguments).unwrap().warnings();
        warnings.into_iter().filter(|warning| warning.contains(".html")).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&["--spa=there.html", "--error-page", "404=there.html"]), [""; 0]);
    assert_eq!(warnings(&["--spa"]).len(), 1);
    let file = OsString::from(folder.path().join("there.html"));
    let exit = Config::from_args(["--spa".into(), "--root".into(), file]).unwrap_err();
    assert!(exit.code == 2 && exit.message.starts_with("--spa needs a folder"), "{}", exit.message);
    assert!(warnings(&["--error-page", "404=lost.html"])[0].contains("lost.html"));
}

#[test]
fn secrets_that_would_be_served_are_warned_of_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=b").unwrap();
    let warnings = |option: Option<&str>| {
        let mut arguments = vec![OsString::from("--root"), folder.path().into()];
        arguments.extend(option.map(OsString::from));
        let warnings = Config::from_args(arguments).unwrap().warnings();
        warnings.into_iter().filter(|warning| warning.contains("secrets")).collect::<Vec<_>>()
    };
    assert_eq!(warnings(None), [""; 0]);
    assert!(warnings(Some("--hidden"))[0].contains(".env (because of --hidden)"));
    std::fs::write(folder.path().join("all.kdbx"), "").unwrap();
    assert!(warnings(None)[0].contains("served: all.kdbx;"));
}

#[test]
fn names_are_taken_in_any_case_unless_somebody_asks() {
    let (plain, strict) = (read("").unwrap(), read("--strict-case").unwrap());
    assert!(!plain.site.strict_case && strict.site.strict_case);
    assert!(!plain.settings.contains("--strict-case") && strict.settings.contains("--strict-case\n"));
}

#[test]
fn what_the_process_gives_up_is_chosen() {
    use sys::sandbox::Sandbox::{Auto, Off, Strict};
    for (line, sandbox) in [("", Auto), ("--sandbox strict", Strict), ("--sandbox off", Off)] {
        assert_eq!(read(line).unwrap().sandbox, sandbox, "{line}");
    }
    for user in ["www", "www:web", "33:33"] {
        assert_eq!(read(&format!("--user {user}")).unwrap().user.as_deref(), Some(user));
    }
    for (line, reason) in [
        ("--sandbox no", "--sandbox no: choose one of auto, strict, off"),
        (
            "--sandbox strict --symlinks follow",
            "--sandbox strict and --symlinks follow contradict each other: what lies outside could not be read",
        ),
        (
            "--user a:b:c",
            "--user a:b:c: give the name of a user, like www-data, or of a user and a group, like www-data:users",
        ),
    ] {
        let exit = read(line).unwrap_err();
        assert_eq!((exit.code, exit.message.as_str()), (2, reason));
    }
}
