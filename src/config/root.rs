//! Whether what is to be shared can be shared, and if not, what to say. Looks at
//! the root itself only; never opens what could block, like a FIFO.

use std::fs;
use std::io;
use std::path::Path;

/// A directory or a file that can be read; else the reason, and what to do.
pub(super) fn check(root: &Path) -> Result<(), String> {
    let shown = root.display();
    let explained = |error: io::Error| trouble(root, &error);
    let metadata = fs::metadata(root).map_err(explained)?;
    if metadata.is_dir() {
        fs::read_dir(root).map(drop).map_err(explained)
    } else if metadata.is_file() {
        fs::File::open(root).map(drop).map_err(explained)
    } else {
        Err(format!("cannot share {shown}: it is neither a folder nor a file; give the PATH of one"))
    }
}

fn trouble(root: &Path, error: &io::Error) -> String {
    let shown = root.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            // Often it is the one above that is mistyped, or the wrong folder we are in.
            let above =
                root.ancestors().skip(1).find(|path| path.is_dir()).filter(|path| path.parent().is_some());
            let known = above.map(|path| format!("; {} is there", path.display())).unwrap_or_default();
            format!("cannot share {shown}: it does not exist{known}; give the PATH of a folder or a file")
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "cannot share {shown}: no permission to read it; change its permissions, or the user who runs serve"
            )
        }
        io::ErrorKind::NotADirectory => {
            format!(
                "cannot share {shown}: what should be a folder on the way is a file; give the PATH of a folder or a file"
            )
        }
        _ => format!("cannot share {shown}: {error}; give the PATH of a folder or a file"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_can_be_shared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(check(folder.path()), Ok(()));
        assert_eq!(check(&file), Ok(()));
        let missing = check(&folder.path().join("missing/too")).unwrap_err();
        assert!(missing.contains("does not exist") && missing.contains("is there"), "{missing}");
        let below_a_file = check(&file.join("x")).unwrap_err();
        assert!(below_a_file.contains("cannot share"), "{below_a_file}");
    }

    #[cfg(unix)]
    #[test]
    fn sockets_and_dangling_links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(check(&socket).unwrap_err().contains("neither a folder nor a file"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("missing", &link).unwrap();
        assert!(check(&link).unwrap_err().contains("does not exist"));
    }

    #[test]
    fn what_may_not_be_read_is_said_so() {
        // By hand, because tests may run as a user who may read everything.
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(trouble(Path::new("/x"), &denied).contains("no permission"));
        assert!(trouble(Path::new("/x"), &io::Error::other("disk on fire")).contains("disk on fire"));
    }
}
