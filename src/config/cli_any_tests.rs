//! Whatever is typed, it is understood or one line says why not.

use proptest::prelude::*;

use super::*;

/// Words as people type them, and rubbish.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "-b",
            "-p",
            "-d",
            "-H",
            "-q",
            "-v",
            "-h",
            "-V",
            "--",
            "-",
            "--index",
            "--log",
            "--mime",
            "--grace",
            "--symlinks",
            "--allow-host",
            "--threads",
            "--idle-timeout",
            "dist",
            "9000",
            "99999",
            ":8000",
            "[::1]",
            "json",
            "a=b/c",
            "X: y",
            "10s",
            "inside",
            "-c-1",
            "--bind=::1:",
            "--header=a",
            "--help-all",
            "",
        ])
        .prop_map(str::to_owned),
        "[-a-z:=0-9\\[\\]%.*]{0,12}",
        proptest::prelude::any::<String>(),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_errors_are_one_line(
        words in prop::collection::vec(word(), 0..6),
        name in prop::sample::select(vec!["SERVE_BIND", "SERVE_PORT", "SERVE_HEADER", "SERVE_HIDDEN", "SERVE_ROOT"]),
        value in word(),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match read_with(&words, &[(name, &value)], false) {
            Ok(config) => prop_assert!(!config.binds.is_empty() && config.threads > 0),
            Err(exit) if exit.code == 0 => prop_assert!(exit.to_stdout),
            Err(exit) => {
                prop_assert!(!exit.message.is_empty() && !exit.message.chars().any(char::is_control), "{:?}", exit);
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn arguments_need_not_be_text(words in prop::collection::vec(prop::collection::vec(1u8.., 0..8), 0..4)) {
        use std::os::unix::ffi::OsStringExt;
        let machine = Machine {
            variable: &|_| None,
            exists: &|_| false,
            resolve: &|_, _| Ok(Vec::new()),
            name: "box",
            stdout_is_terminal: false,
            stdout_knows_colors: true,
            cores: 1,
        };
        let _ = Config::read(words.into_iter().map(OsString::from_vec).collect(), &machine);
    }
}
