//! Tables of command lines: what they mean, or the exact line that is said.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::log::Format;
use std::time::Duration;

/// What a terminal sees of the log by default.
const SHORT: Format = Format::Short { color: true };

/// Reads a command line on a machine of paper: it is called `box`, knows the name
/// `files`, and its folder holds `dist` and `2024`.
fn read_with(words: &[&str], variables: &[(&str, &str)], terminal: bool) -> Result<Config, Exit> {
    let machine = Machine {
        variable: &|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        },
        exists: &|path| path == Path::new("dist") || path == Path::new("2024"),
        resolve: &|name, port| match name {
            "files" => Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))]),
            _ => Err(io::Error::other("unknown name")),
        },
        name: "box.example",
        stdout_is_terminal: terminal,
        stdout_knows_colors: true,
        cores: 4,
    };
    Config::read(words.iter().map(OsString::from).collect(), &machine)
}

fn read(line: &str) -> Result<Config, Exit> {
    read_with(&line.split_whitespace().collect::<Vec<_>>(), &[], false)
}

fn addresses(config: &Config) -> String {
    let all: Vec<_> = config.binds.iter().flat_map(|bind| &bind.addresses).map(ToString::to_string).collect();
    all.join(" ")
}

/// R37.
#[test]
fn plain_serve_is_safe_and_has_the_defaults_of_the_floors() {
    let config = read("").unwrap();
    assert_eq!(addresses(&config), "127.0.0.1:8000");
    assert!(!config.port_was_given && !config.quiet && !config.verbose);
    assert_eq!(config.root, std::path::absolute(".").unwrap());
    assert_eq!((config.threads, config.symlinks, config.log), (4, sys::Symlinks::Inside, Format::Combined));
    assert_eq!(config.http, h1::limits::Limits::default());
    assert_eq!(config.net, net::limits::Limits::default());
    let site = site::options::Options::default();
    assert_eq!((&config.site.index, config.site.listing), (&site.index, site.listing));
    assert_eq!((config.site.hidden, &config.site.headers), (site.hidden, &site.headers));
    assert_eq!(config.site.media_types.of(b"a"), "application/octet-stream");
}

#[test]
fn binds_ports_and_roots() {
    for (line, expected, port_was_given, root) in [
        ("9000", "127.0.0.1:9000", true, "."),
        ("2024", "127.0.0.1:8000", false, "2024"),
        ("dist 9000", "127.0.0.1:9000", true, "dist"),
        ("dist -p 0", "127.0.0.1:0", true, "dist"),
        ("9000 -b 0.0.0.0 -d dir", "0.0.0.0:9000", true, "dir"),
        ("-b 0.0.0.0 -d dir 9000", "0.0.0.0:9000", true, "dir"),
        ("--bind=[::1] --port=9000 --root=dir", "[::1]:9000", true, "dir"),
        ("--directory dir", "127.0.0.1:8000", false, "dir"),
        ("-b :9000", "0.0.0.0:9000 [::]:9000", true, "."),
        ("-b :9000 -b files -p 80", "0.0.0.0:9000 [::]:9000 10.0.0.1:80", true, "."),
        ("-b localhost -b 127.0.0.1 -b ::1", "127.0.0.1:8000 [::1]:8000", false, "."),
        ("-b 127.0.0.1:0 -b 127.0.0.1:0", "127.0.0.1:0 127.0.0.1:0", true, "."),
        ("-- dist", "127.0.0.1:8000", false, "dist"),
        ("-- -x", "127.0.0.1:8000", false, "-x"),
        ("-b 127.0.0.1:1 -b :1 -b [::1]:1 -b 127.0.0.1:2", "0.0.0.0:1 [::]:1 127.0.0.1:2", true, "."),
    ] {
        let config = read(line).unwrap();
        assert_eq!(addresses(&config), expected, "{line}");
        assert_eq!(config.port_was_given, port_was_given, "{line}");
        assert_eq!(config.root, std::path::absolute(root).unwrap(), "{line}");
    }
}

#[test]
fn every_option_arrives() {
    let site = read_with(
        &[
            "--index",
            "a.html",
            "--index=b.html",
            "--no-listing",
            "--hidden",
            "-H",
            "X-A: b, c",
            "-H",
            "Server:",
            "--mime",
            "foo=text/x-foo",
            "--content-type",
            "text/plain",
            "--allow-host",
            "a.example",
            "-b",
            "files",
        ],
        &[],
        false,
    )
    .unwrap()
    .site;
    assert_eq!(site.index, ["a.html", "b.html"]);
    assert!(!site.listing && site.hidden);
    let headers = [("X-A".to_owned(), Some("b, c".to_owned())), ("Server".to_owned(), None)];
    assert_eq!(site.headers, headers);
    assert_eq!(site.media_types.of(b"a.foo"), "text/x-foo; charset=utf-8");
    assert_eq!(site.media_types.of(b"Makefile"), "text/plain; charset=utf-8");
    for host in ["box", "box.local", "box.example", "files", "a.example", "localhost"] {
        assert!(site.host_guard.allows(host), "{host}");
    }
    assert!(!site.host_guard.allows("b.example"));
    assert!(read("--allow-host *").unwrap().site.host_guard.allows("b.example"));

    let config = read(
        "--symlinks deny --threads 2 --max-connections 7 --idle-timeout 1m --header-timeout 2 \
         --send-timeout 500ms --grace 0 -v",
    )
    .unwrap();
    assert_eq!((config.symlinks, config.threads, config.verbose), (sys::Symlinks::Deny, 2, true));
    assert_eq!((config.net.connections_max, config.net.grace), (7, Duration::ZERO));
    assert_eq!(config.http.idle_timeout, Duration::from_secs(60));
    assert_eq!(config.http.header_timeout, Duration::from_secs(2));
    assert_eq!(config.http.send_timeout, Duration::from_millis(500));
    assert_eq!(read("--symlinks follow").unwrap().symlinks, sys::Symlinks::Follow);
}

#[test]
fn precompress_is_another_command_and_says_where() {
    for (line, root) in [
        ("--precompress", "."),
        ("--precompress dist", "dist"),
        ("--precompress=2024", "2024"),
        ("dist --precompress", "dist"),
        ("--root dist --precompress", "dist"),
        ("--precompress dist --hidden --threads 2 --mime a=text/plain --content-type text/plain -q", "dist"),
        ("--precompress -v", "."),
    ] {
        let config = read(line).unwrap();
        assert_eq!((config.command, config.binds.len()), (Command::Precompress, 0), "{line}");
        assert_eq!(config.root, std::path::absolute(root).unwrap(), "{line}");
    }
    assert_eq!(read("dist").unwrap().command, Command::Serve);
    // Variables may be there for the server that is started next.
    let variables = [("SERVE_PORT", "80"), ("SERVE_BIND", "unknown.example"), ("SERVE_ROOT", "2024")];
    let config = read_with(&["--precompress"], &variables, false).unwrap();
    assert_eq!(config.root, std::path::absolute("2024").unwrap());
    let config = read_with(&["--precompress", "dist"], &variables, false).unwrap();
    assert_eq!(config.root, std::path::absolute("dist").unwrap());
}

#[test]
fn what_has_no_use_with_precompress_is_said() {
    for (line, part) in [
        ("--precompress --bind :80", "--bind has no use with --precompress"),
        ("--precompress dist -p 80", "--port has no use"),
        ("--precompress dist --log off", "--log has no use"),
        ("--no-listing --precompress", "--no-listing has no use"),
        ("dist 9000 --precompress", "a PORT has no use"),
        ("9000 --precompress", "9000 has no use"),
        ("dist --precompress 2024", "both say what to compress"),
        ("--precompress dist --root 2024", "both say what to compress"),
        ("--precompress=", "needs a value"),
    ] {
        let exit = read(line).unwrap_err();
        assert_eq!(exit.code, 2, "{line}: {}", exit.message);
        assert!(exit.message.contains(part) && exit.message.lines().count() == 1, "{line}: {}", exit.message);
    }
}

#[test]
fn what_variables_say_is_told_by_their_names() {
    let says =
        |words: &[&str], variables: &[(&str, &str)]| read_with(words, variables, false).unwrap_err().message;
    assert_eq!(
        says(&[], &[("SERVE_ONCE", "true"), ("SERVE_COUNT", "3")]),
        "SERVE_ONCE and SERVE_COUNT contradict each other: choose one"
    );
    let lan = says(&[], &[("SERVE_LAN", "true"), ("SERVE_BIND", ":80")]);
    assert_eq!(lan, "SERVE_BIND and SERVE_LAN contradict each other: choose one");
}

#[test]
fn the_log_suits_its_reader() {
    for (line, variables, terminal, expected) in [
        ("", &[][..], true, SHORT),
        ("", &[], false, Format::Combined),
        ("", &[("NO_COLOR", "1")], true, Format::Short { color: false }),
        ("", &[("NO_COLOR", "")], true, SHORT),
        ("", &[("TERM", "dumb")], true, Format::Short { color: false }),
        ("--log short", &[], false, Format::Short { color: false }),
        ("--log json", &[], true, Format::Json),
        ("--log off", &[], true, Format::Off),
        ("-q", &[], true, Format::Off),
        ("-q --log json", &[], true, Format::Json),
        ("-q", &[("SERVE_LOG", "json")], true, Format::Off),
        ("--log combined", &[("SERVE_QUIET", "1")], true, Format::Combined),
    ] {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(read_with(&words, variables, terminal).unwrap().log, expected, "{line} {variables:?}");
    }
}

#[test]
fn variables_say_what_the_command_line_does_not() {
    let variables = [
        ("SERVE_BIND", "localhost, 10.0.0.1:80"),
        ("SERVE_PORT", "9000"),
        ("SERVE_ROOT", "dir"),
        ("SERVE_HEADER", "X-A: b, c\nX-B: d\n"),
        ("SERVE_INDEX", "a.html,b.html"),
        ("SERVE_MIME", "foo=text/x-foo\nbar=text/x-bar"),
        ("SERVE_NO_LISTING", "true"),
        ("SERVE_HIDDEN", "0"),
        ("SERVE_THREADS", ""),
        ("SERVE_GRACE", "1m"),
    ];
    let config = read_with(&[], &variables, false).unwrap();
    assert_eq!(addresses(&config), "127.0.0.1:9000 [::1]:9000 10.0.0.1:80");
    assert_eq!(config.root, std::path::absolute("dir").unwrap());
    assert_eq!(config.site.headers.len(), 2);
    assert_eq!(config.site.index, ["a.html", "b.html"]);
    assert_eq!(config.site.media_types.of(b"a.bar"), "text/x-bar; charset=utf-8");
    assert!(config.port_was_given && !config.site.listing && !config.site.hidden);
    assert_eq!((config.threads, config.net.grace), (4, Duration::from_secs(60)));
    // Every option has a variable, under the name that the help promises.
    assert_eq!(environment::variable_of("no-listing"), "SERVE_NO_LISTING");
}

#[test]
fn the_command_line_wins() {
    let variables =
        [("SERVE_BIND", "10.0.0.1:80"), ("SERVE_ROOT", "dir"), ("SERVE_INDEX", "a"), ("SERVE_VERBOSE", "1")];
    for (line, expected, root) in [
        ("", "10.0.0.1:80", "dir"),
        ("9000", "10.0.0.1:9000", "dir"),
        ("-p 9000 dist", "10.0.0.1:9000", "dist"),
        ("2024", "10.0.0.1:80", "2024"),
        ("-b ::1", "[::1]:8000", "dir"),
        ("--root other -b :7", "0.0.0.0:7 [::]:7", "other"),
    ] {
        let config = read_with(&line.split_whitespace().collect::<Vec<_>>(), &variables, false).unwrap();
        assert_eq!((addresses(&config).as_str(), config.verbose), (expected, true), "{line}");
        assert_eq!(config.root, std::path::absolute(root).unwrap(), "{line}");
    }
    let config = read_with(&["--index", "b", "-q"], &variables, false).unwrap();
    assert_eq!((config.site.index, config.quiet, config.verbose), (vec!["b".to_owned()], true, false));
    let port = [("SERVE_PORT", "9000")];
    assert_eq!(addresses(&read_with(&["1"], &port, false).unwrap()), "127.0.0.1:1");
    assert_eq!(addresses(&read_with(&["-b", ":1"], &port, false).unwrap()), "0.0.0.0:1 [::]:1");
}

#[test]
fn mistakes_are_one_line() {
    for (line, expected) in [
        ("--prot 80", "--prot is not an option: did you mean --port?"),
        ("--idle-timout", "--idle-timout is not an option: did you mean --idle-timeout?"),
        ("--log-lines", "--log-lines is not an option: did you mean --log?"),
        ("--maintenance", "--maintenance is not an option: `serve --help-all` shows those there are"),
        ("--xyzzy", "--xyzzy is not an option: `serve --help-all` shows those there are"),
        ("-y", "-y is not an option: `serve --help-all` shows those there are"),
        (
            "--host=0.0.0.0",
            "--host is not an option of serve: use --bind ADDR[:PORT], or --lan for all interfaces",
        ),
        (
            "-a 127.0.0.1",
            "-a is not an option of serve: did you mean --bind ADDR[:PORT]? (serve does not ask for passwords: put it behind a proxy that does)",
        ),
        ("--no-listings", "--no-listings is not an option of serve: use --no-listing"),
        ("--port", "--port needs a value: --port <N>"),
        ("-p", "--port needs a value: --port <N>"),
        ("-p -q", "--port needs a value: --port <N>"),
        ("-p ort", "--port ort: a port is a number from 1 to 65535, or 0 to let the system choose"),
        ("99999", "99999 as the port: a port is a number from 1 to 65535, or 0 to let the system choose"),
        ("-p 1 -p 2", "--port may be given only once"),
        ("--root a -d b", "--root may be given only once"),
        ("--once --count 2", "--once and --count contradict each other: choose one"),
        ("--lan -b ::1", "--lan and --bind contradict each other: choose one"),
        ("--count 0", "--count 0: give a number from 1 on"),
        ("--for 0", "--for 0: this would be over at once; give a time like 10s or 2m"),
        ("--ready-fd 1", "--ready-fd 1: to standard output that line comes with --json"),
        ("--open=http://x/", "--open http://x/: give a path below what is shared, like --open=/docs/"),
        ("-q -v", "--quiet and --verbose contradict each other: choose one"),
        ("--symlinks no", "--symlinks no: choose one of inside, follow, deny"),
        ("--log xml", "--log xml: choose one of short, combined, json, off"),
        ("--no-listing=no", "--no-listing takes no value"),
        ("--threads 0", "--threads 0: give a number from 1 to 1024"),
        (
            "-b 8000",
            "--bind 8000: an address is missing; write --port 8000, or --bind :8000 for all interfaces",
        ),
        (
            "-b nowhere",
            "--bind nowhere: no address is known for this name (unknown name); give an address of this machine",
        ),
        ("-b :9 -p 80", "port 80 has no use, because --bind :9 says its own: leave one out"),
        ("-d dir dist", "dist and --root dir both say what to share: leave one out"),
        ("-p 1 2", "2 and --port 1 both say the port: leave one out"),
        (
            "dist other",
            "other is not a port: serve takes one PATH, here dist, and one PORT; to share two folders, run it twice",
        ),
        (
            "dist 1 more",
            "more is one word too many: serve takes one PATH and one PORT; put quotes around a PATH with spaces",
        ),
    ] {
        let exit = read(line).unwrap_err();
        assert_eq!(exit.message, expected, "{line}");
        assert_eq!((exit.code, exit.to_stdout), (2, false), "{line}");
    }
}

#[test]
fn mistakes_in_variables_are_said_to_be_there() {
    for (name, value, expected) in [
        (
            "SERVE_LOG",
            "xml",
            "in the variable SERVE_LOG: --log xml: choose one of short, combined, json, off",
        ),
        ("SERVE_HIDDEN", "maybe", "SERVE_HIDDEN: this switch is either true or false"),
        (
            "SERVE_MAX_CONNECTIONS",
            "0",
            "in the variable SERVE_MAX_CONNECTIONS: --max-connections 0: give a number from 1 to 1000000",
        ),
    ] {
        assert_eq!(read_with(&[], &[(name, value)], false).unwrap_err().message, expected);
    }
}

#[test]
fn help_fits_one_screen_and_all_of_it_eighty_columns() {
    for line in ["-h", "--help", "--prot 80 -h"] {
        let help = read(line);
        if line.starts_with("--prot") {
            // What is wrong is said first: who mistypes gets the right word anyway.
            assert_eq!(help.unwrap_err().code, 2);
            continue;
        }
        let help = help.unwrap_err();
        assert_eq!((help.code, help.to_stdout), (0, true));
        assert!(help.message.lines().count() <= 23, "no room for the prompt:\n{}", help.message);
        assert!(help.message.lines().all(|line| line.chars().count() <= 80), "{}", help.message);
    }
    let all = read("--help-all").unwrap_err();
    assert_eq!((all.code, all.to_stdout), (0, true));
    assert!(
        all.message.lines().all(|line| line.chars().count() <= 80 && line.trim_end() == line),
        "{}",
        all.message
    );
    for option in ["--bind", "--threads", "--send-timeout", "--allow-host", "SERVE_PORT", "Examples:"] {
        assert!(all.message.contains(option), "{option}");
    }
    let version = read("-V").unwrap_err();
    assert_eq!((version.code, version.message), (0, format!("serve {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn settings_are_spelled_as_options() {
    let settings = read("dist -b :9000 --hidden -q --mime foo=text/x-foo").unwrap().settings;
    for part in
        ["--bind [::]:9000\n", "--hidden\n", "--mime foo='text/x-foo'", "--idle-timeout 1m\n", "--log off\n"]
    {
        assert!(settings.contains(part), "{part} in\n{settings}");
    }
    assert!(!settings.contains("--no-listing"));
    for option in settings.split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(cli::has_option(option), "{option}");
    }
}

/// R37.
#[test]
fn a_machines_name_never_opens_the_guard() {
    for name in ["*", "", ".", "a b", "*.example", "\u{e9}"] {
        let cli = arguments::parse(Vec::new(), &|_| None).unwrap();
        let guard = HostGuard::new(host_names(&cli, name));
        assert!(!guard.allows("evil.example") && !guard.allows(""), "{name}");
    }
}

#[test]
fn the_root_is_checked_on_the_real_machine() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = |path: &Path| [OsString::from("--root"), path.into()];
    assert_eq!(Config::from_args(arguments(folder.path())).unwrap().root, folder.path());
    let exit = Config::from_args(arguments(&folder.path().join("missing"))).unwrap_err();
    assert_eq!((exit.code, exit.to_stdout), (1, false));
    assert!(exit.message.contains("does not exist"), "{}", exit.message);
}

#[path = "cli_any_tests.rs"]
mod any;
#[path = "coming_from_tests.rs"]
mod coming_from;
#[path = "cli_site_tests.rs"]
mod site_options;
