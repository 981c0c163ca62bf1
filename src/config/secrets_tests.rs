//! Which folders are warned of, and which are not.

use std::fs;

use proptest::prelude::*;

use super::*;

const KEY_TEXT: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn warned(files: &[(&str, &str)], hidden: bool) -> Option<String> {
    warning(folder(files).path(), Symlinks::Inside, hidden)
}

#[test]
fn what_is_served_and_looks_like_a_secret_is_named() {
    let files = [("id_rsa", KEY_TEXT), ("server.key", KEY_TEXT), (".env", "A=b"), ("index.html", "")];
    let open = "this folder has what looks like secrets, and they are served: id_rsa, server.key; \
                share another folder, or move them";
    assert_eq!(warned(&files, false).as_deref(), Some(open));
    let all = open.replace("server.key;", "server.key, .env (because of --hidden);");
    assert_eq!(warned(&files, true), Some(all));
    let only_hidden = warned(&[(".git/config", ""), (".env.local", "A=b")], true).unwrap();
    assert!(only_hidden.contains("served: .env.local, .git (because of --hidden); "), "{only_hidden}");
}

/// R48.
#[test]
fn an_ordinary_folder_is_not_warned_of() {
    let hidden_or_public = [
        (".env", "A=b"),
        (".git/config", ""),
        (".ssh/id_rsa", KEY_TEXT),
        ("id_rsa.pub", "ssh-rsa AAAA"),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("answer.key", "a b c d"),
        ("id_card", "no key"),
        ("credentials.json", "{}"),
        ("signature.asc", "-----BEGIN PGP SIGNATURE-----\n"),
        ("env", ""),
        ("environment.ts", ""),
        ("deep/id_rsa", KEY_TEXT),
        ("folder.pem/x", KEY_TEXT),
    ];
    assert_eq!(warned(&hidden_or_public, false), None);
    assert_eq!(warned(&[(".env.example", ""), (".npmrc", "fund=false"), (".well-known/x", "")], true), None);
    let file = folder(&[("id_rsa", KEY_TEXT)]);
    assert_eq!(warning(&file.path().join("id_rsa"), Symlinks::Inside, false), None, "named to be shared");
    assert_eq!(warning(Path::new("/no such folder"), Symlinks::Inside, false), None);
}

#[test]
fn what_only_the_content_can_tell_is_told_by_it() {
    for (name, content) in [
        ("a.pem", "Bag Attributes\n    friendlyName: x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
        ("ID_ED25519", KEY_TEXT),
        ("me.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
        ("me.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n"),
        ("credentials.json", "{\"installed\":{\"client_secret\":\"x\"}}"),
        ("wp-config.php", "<?php"),
        ("passwords.kdbx", ""),
        ("prod.env", ""),
    ] {
        let said = warned(&[(name, content)], false).unwrap_or_default();
        assert!(said.contains(&format!("served: {name};")), "{name}: {said}");
    }
    let token = warned(&[(".npmrc", "//registry.npmjs.org/:_authToken=npm_x")], true).unwrap_or_default();
    assert!(token.contains(".npmrc"), "{token}");
}

#[test]
fn more_than_five_are_counted() {
    let names: Vec<String> = (0..7).map(|name| format!("{name}.kdbx")).collect();
    let said = text(names).unwrap();
    assert!(said.contains("0.kdbx, 1.kdbx, 2.kdbx, 3.kdbx, 4.kdbx and 2 more; "), "{said}");
    assert_eq!(text(Vec::new()), None);
}

#[cfg(unix)]
#[test]
fn a_link_counts_as_what_is_served_of_it() {
    let outside = folder(&[("key", KEY_TEXT)]);
    let shared = folder(&[("index.html", "")]);
    std::os::unix::fs::symlink(outside.path().join("key"), shared.path().join("id_rsa")).unwrap();
    assert_eq!(warning(shared.path(), Symlinks::Inside, false), None);
    assert!(warning(shared.path(), Symlinks::Follow, false).is_some());
}

#[test]
fn of_a_very_large_folder_only_the_first_names_are_looked_at() {
    let shared = tempfile::tempdir().unwrap();
    for name in 0..NAMES_MAX + 2 * SECRETS_MAX {
        fs::write(shared.path().join(format!("{name}.txt")), "").unwrap();
    }
    assert_eq!(warning(shared.path(), Symlinks::Inside, false), None);
}

proptest! {
    /// R46.
    #[test]
    fn names_cannot_speak_to_the_terminal(names in prop::collection::vec("\\PC*[\u{1b}\n]?", 0..9)) {
        let said = text(names.clone()).unwrap_or_default();
        prop_assert!(!said.contains(char::is_control));
        prop_assert_eq!(said.is_empty(), names.is_empty());
    }
}
