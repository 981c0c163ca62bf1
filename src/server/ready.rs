//! Tells programs that the server listens, and where: as one line of JSON.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Exit, Ready};
use crate::sys;

/// So many names are tried for a file that is renamed when it is whole.
const DRAFTS_MAX: usize = 100;

/// What a program that started the server needs to know.
#[derive(Serialize)]
pub struct Facts<'a> {
    /// Where it can be reached, from this machine first.
    pub urls: Vec<String>,
    /// Which process it is.
    pub pid: u32,
    /// What is shared.
    pub root: &'a Path,
}

impl Facts<'_> {
    /// One line, with its end. A root that no JSON can hold is left out.
    pub fn line(&self) -> String {
        let text = serde_json::to_string(self);
        let text = text.or_else(|_| {
            serde_json::to_string(&Facts { root: Path::new(""), urls: self.urls.clone(), ..*self })
        });
        text.unwrap_or_default() + "\n"
    }
}

/// Who is to be told.
pub struct Listeners {
    descriptor: Option<(u32, File)>,
    file: Option<PathBuf>,
}

impl Listeners {
    /// Makes sure that they can be told, before anything else is done: a descriptor that is
    /// none is a mistake, and a file of the last time would be a lie.
    ///
    /// # Errors
    /// [`Exit`] with what is wrong.
    pub fn find(ready: &Ready) -> Result<Listeners, Exit> {
        let descriptor = ready.descriptor.map(|number| {
            let taken = sys::inherited(number).map(|file| (number, file));
            taken.map_err(|error| match error.kind() {
                io::ErrorKind::Unsupported => Exit::failure("--ready-fd cannot be had on this system; use --ready-file"),
                _ => Exit::failure(format_args!(
                    "--ready-fd {number}: there is no such open descriptor; open it for serve, as in `serve --ready-fd {number} {number}>FILE`"
                )),
            })
        });
        let (descriptor, file) = (descriptor.transpose()?, ready.file.clone());
        if let Some(path) = &file {
            remove_old(path)
                .map_err(|error| Exit::failure(format_args!("--ready-file {}: {error}", path.display())))?;
        }
        Ok(Listeners { descriptor, file })
    }

    /// Tells who looks at the file. That is done while files can still be written.
    ///
    /// # Errors
    /// [`Exit`] if it cannot be written.
    pub fn tell_by_file(&self, line: &str) -> Result<(), Exit> {
        let Some(path) = &self.file else { return Ok(()) };
        let told = write_whole(path, line);
        told.map_err(|error| Exit::failure(format_args!("--ready-file {}: {error}", path.display())))
    }

    /// Tells who reads the descriptor, and closes it.
    ///
    /// # Errors
    /// [`Exit`] if nobody can hear.
    pub fn tell_by_descriptor(self, line: &str) -> Result<(), Exit> {
        let Some((number, mut file)) = self.descriptor else { return Ok(()) };
        let told = file.write_all(line.as_bytes());
        told.map_err(|error| Exit::failure(format_args!("--ready-fd {number}: {error}")))
    }
}

/// Removes the file of the last time, or a link to one; nothing else, which may be a device
/// or a pipe that others use.
fn remove_old(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_file() || metadata.is_symlink() => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("it is there, and no file; name another one")),
    }
}

/// Writes beside the file, and renames: nobody ever sees half of it.
fn write_whole(path: &Path, line: &str) -> io::Result<()> {
    let (mut file, draft) = draft_of(path)?;
    let written = file.write_all(line.as_bytes()).and_then(|()| fs::rename(&draft, path));
    written.inspect_err(|_| {
        // What cannot be written often cannot be removed either.
        let _ = fs::remove_file(&draft);
    })
}

/// A new file beside it. One that is there already is of somebody else: it may be a link to
/// what must not be written to.
fn draft_of(path: &Path) -> io::Result<(File, PathBuf)> {
    for number in 0..DRAFTS_MAX {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&draft) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, draft.into())),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn facts(root: &Path) -> String {
        Facts { urls: vec!["http://127.0.0.1:8000/".to_owned()], pid: 7, root }.line()
    }

    #[test]
    fn the_line_is_json_with_all_facts() {
        let line = facts(Path::new("/a \"b\"\n"));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["urls"][0], "http://127.0.0.1:8000/");
        assert_eq!((&json["pid"], &json["root"]), (&7.into(), &"/a \"b\"\n".into()));
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_root_without_a_name_in_unicode_does_not_hide_the_urls() {
        use std::os::unix::ffi::OsStrExt;
        let line = facts(Path::new(std::ffi::OsStr::from_bytes(b"/\xff")));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["urls"][0], "http://127.0.0.1:8000/");
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        fs::write(&path, "of the last time").unwrap();
        let ready = Ready { file: Some(path.clone()), ..Ready::default() };
        let listeners = Listeners::find(&ready).unwrap();
        assert!(!path.exists());
        listeners.tell_by_file("line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let nowhere = Ready { file: Some(folder.path().join("no/ready")), ..Ready::default() };
        let exit = Listeners::find(&nowhere).unwrap().tell_by_file("line\n").unwrap_err();
        assert!(exit.code == 1 && exit.message.contains("--ready-file"), "{exit:?}");
    }

    /// Who can write to the folder must not choose what is written to.
    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("ready"), folder.path().join("victim"));
        fs::write(&victim, "mine").unwrap();
        for link in ["ready", &format!("ready.{}-0", std::process::id())] {
            std::os::unix::fs::symlink(&victim, folder.path().join(link)).unwrap();
        }
        let ready = Ready { file: Some(path.clone()), ..Ready::default() };
        Listeners::find(&ready).unwrap().tell_by_file("line\n").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for path in [path, folder.path().to_owned()] {
            let exit =
                Listeners::find(&Ready { file: Some(path.clone()), ..Ready::default() }).err().unwrap();
            assert!(exit.code == 1 && exit.message.contains("no file"), "{exit:?}");
            assert!(path.exists());
        }
    }

    #[test]
    fn a_descriptor_that_is_none_is_said_at_once() {
        let ready = Ready { descriptor: Some(1_000_000), ..Ready::default() };
        let exit = Listeners::find(&ready).err().unwrap();
        assert!(exit.code == 1 && exit.message.contains("--ready-fd"), "{exit:?}");
    }
}
