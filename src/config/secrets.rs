//! Whether what is to be shared looks like secrets that nobody meant to share. It looks at
//! the names at the top, and at the first bytes of those files whose names make one doubt.
//!
//! Warnings are rare (hazards R48). What is hidden is not served and so not warned of, and
//! what is beneath the top is not looked for: a start must take no time.

use std::cell::Cell;
use std::path::Path;

use super::banner::printable;
use crate::http::target::{is_hidden, is_hidden_path};
use crate::sys::{self, Kind, Root, Symlinks};

/// So many names are looked at.
const NAMES_MAX: usize = 4096;

/// So many of them can be secrets; who has more has been warned well enough.
const SECRETS_MAX: usize = 64;

/// So many are named.
const NAMED_MAX: usize = 5;

/// So much of a file tells whether it is a key: some have a comment before it.
const BEGINNING: usize = 1024;

/// What makes one doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// The name is enough, of a file or a folder.
    Name,
    /// A file of that name is a secret if its beginning has one of these in it.
    Content(&'static [&'static str]),
}

/// Private keys: PEM (RFC 7468) and OpenSSH, PGP, PuTTY.
const KEY: Doubt = Doubt::Content(&["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "PuTTY-User-Key-File"]);

/// Names that are secrets by themselves.
const NAMES: &[&str] = &[
    ".env",
    ".git",
    ".hg",
    ".svn",
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".bash_history",
    ".zsh_history",
    ".vault-token",
    "wp-config.php",
    "terraform.tfstate",
];

/// Names that can be.
const DOUBTFUL: &[(&str, Doubt)] = &[
    (".npmrc", Doubt::Content(&["_authToken", "_password", "_auth="])),
    (".pypirc", Doubt::Content(&["password"])),
    ("credentials.json", Doubt::Content(&["client_secret", "private_key"])),
];

/// Endings that are secrets by themselves: password databases, key stores, settings of `dotenv`.
const ENDINGS: &[&str] = &[".kdbx", ".p12", ".pfx", ".jks", ".env"];

/// Endings that can be.
const DOUBTFUL_ENDINGS: &[&str] = &[".pem", ".key", ".ppk", ".asc"];

/// What a name makes one think.
fn doubt(name: &str) -> Option<Doubt> {
    let name = name.to_ascii_lowercase();
    let is_example = [".example", ".sample", ".template", ".dist"].iter().any(|end| name.ends_with(end));
    if NAMES.contains(&&*name) || name.starts_with(".env.") && !is_example {
        return Some(Doubt::Name);
    }
    if let Some((_, doubt)) = DOUBTFUL.iter().find(|(doubtful, _)| *doubtful == name) {
        return Some(*doubt);
    }
    let ends = |endings: &[&str]| {
        endings.iter().any(|end| name.strip_suffix(end).is_some_and(|stem| !stem.is_empty()))
    };
    let is_ssh_key = name.starts_with("id_") && !name.contains('.');
    match name {
        _ if ends(ENDINGS) => Some(Doubt::Name),
        _ if ends(DOUBTFUL_ENDINGS) || is_ssh_key => Some(KEY),
        _ => None,
    }
}

/// Whether this is one, by its beginning.
fn is_secret(doubt: Doubt, beginning: &[u8]) -> bool {
    match doubt {
        Doubt::Name => true,
        Doubt::Content(marks) => {
            let text = String::from_utf8_lossy(beginning);
            marks.iter().any(|mark| text.contains(mark))
        }
    }
}

/// The warning for these names; None if there are none.
fn text(mut names: Vec<String>) -> Option<String> {
    // What is served by itself comes first.
    names.sort_by_key(|name| (is_hidden(name.as_bytes()), name.clone()));
    let more = names.len().saturating_sub(NAMED_MAX);
    let first_hidden = names.iter().position(|name| is_hidden(name.as_bytes()));
    names.truncate(NAMED_MAX);
    let shown = |names: &[String]| names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    let (open, hidden) = names.split_at(first_hidden.unwrap_or(names.len()).min(names.len()));
    let because = "because of --hidden";
    let list = match (open, hidden) {
        ([], []) => return None,
        (open, []) => shown(open),
        ([], hidden) => format!("{} ({because})", shown(hidden)),
        (open, hidden) => format!("{}, {} ({because})", shown(open), shown(hidden)),
    };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "this folder has what looks like secrets, and they are served: {list}{more}; \
         share another folder, or move them"
    ))
}

/// The warning for a folder, by what would be served of it. A single file is shared by its
/// name, and that is wanted. What cannot be read is somebody else's to tell.
pub(super) fn warning(root: &Path, symlinks: Symlinks, hidden: bool) -> Option<String> {
    let root = Root::new(root, symlinks).ok()?;
    let root = if hidden { root } else { root.hiding(is_hidden_path) };
    let seen = Cell::new(0);
    let is_doubtful = |name: &[u8]| {
        let is_served = hidden || !is_hidden(name);
        is_served && std::str::from_utf8(name).is_ok_and(|name| doubt(name).is_some())
    };
    let keep = |name: &[u8]| {
        seen.set(seen.get() + 1);
        // Of a very large folder the rest is taken as it comes, so that reading ends.
        seen.get() > NAMES_MAX || is_doubtful(name)
    };
    let listing = root.list(b"", SECRETS_MAX, keep).ok()?;
    let mut names = Vec::new();
    for entry in listing.entries {
        let name = entry.name.to_string_lossy().into_owned();
        let Some(doubt) = doubt(&name).filter(|_| hidden || !is_hidden(name.as_bytes())) else { continue };
        let is_found = match doubt {
            Doubt::Name => true,
            Doubt::Content(_) if entry.stat.kind != Kind::File => false,
            Doubt::Content(_) => {
                let opened = root.open(name.as_bytes());
                let beginning = opened.and_then(|opened| sys::read_range(&opened.file, 0, BEGINNING));
                beginning.is_ok_and(|beginning| is_secret(doubt, &beginning))
            }
        };
        if is_found {
            names.push(name);
        }
    }
    text(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "secrets_tests.rs"]
mod tests;
