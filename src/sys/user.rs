//! Becoming another user, for a server that root has started: ports below 1024 are bound
//! by then, and nothing else needs root.
//!
//! It happens once, before there are other threads, and is checked afterwards. It never
//! goes back.

use std::io;

/// Who to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    #[cfg(unix)]
    uid: libc::uid_t,
    #[cfg(unix)]
    gid: libc::gid_t,
    /// The name by which the system knows its groups; None for a mere number.
    #[cfg(unix)]
    name: Option<std::ffi::CString>,
}

/// There is none to find.
///
/// # Errors
///
/// Always, with the reason.
#[cfg(not(unix))]
pub fn find_user(_text: &str) -> Result<User, String> {
    Err("this system gives each service a user of its own; leave it out".to_owned())
}

/// Not reached, for nobody is found.
///
/// # Errors
///
/// Always.
#[cfg(not(unix))]
pub fn become_user(_user: &User) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
pub use unix::{become_user, find_user};

#[cfg(unix)]
mod unix {
    use std::ffi::{CStr, CString};
    use std::mem::MaybeUninit;
    use std::ptr;

    use super::{User, io};

    /// Entries longer than this are none of a sane system.
    const ENTRY_BYTES: usize = 64 * 1024;

    /// The user of that name or number, with the group behind a colon, or else its own.
    ///
    /// # Errors
    ///
    /// In one line: this process may not do it, or there is nobody of that name.
    pub fn find_user(text: &str) -> Result<User, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can become another user; leave it out, or start serve as root".to_owned());
        }
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        let entry = entry_of(name)?;
        let number = name.parse::<libc::uid_t>().ok();
        let Some(uid) = entry.as_ref().map(|entry| entry.uid).or(number) else {
            return Err(format!("there is no user {name} on this machine"));
        };
        let gid = match group {
            Some(group) => group_of(group)?,
            None => match &entry {
                Some(entry) => entry.gid,
                None => {
                    return Err(format!(
                        "no user has the number {name}: give its group, too, as {name}:GROUP"
                    ));
                }
            },
        };
        if uid == 0 {
            return Err("this is root, and has all rights still; name another user".to_owned());
        }
        Ok(User { uid, gid, name: entry.map(|entry| entry.name) })
    }

    struct Entry {
        name: CString,
        uid: libc::uid_t,
        gid: libc::gid_t,
    }

    /// A buffer for the strings of an entry.
    fn strings() -> Vec<libc::c_char> {
        vec![0; ENTRY_BYTES]
    }

    fn c_string(text: &str) -> Result<CString, String> {
        CString::new(text).map_err(|_| "names have no NUL in them".to_owned())
    }

    /// Looks a user up by its name, or else by its number.
    fn entry_of(text: &str) -> Result<Option<Entry>, String> {
        let name = c_string(text)?;
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let (mut strings, mut found) = (strings(), ptr::null_mut());
        // SAFETY: the name is a C string; the entry and the strings have room, and their
        // length is told; `found` is written (getpwnam_r(3)).
        let mut code = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                entry.as_mut_ptr(),
                strings.as_mut_ptr(),
                strings.len(),
                &raw mut found,
            )
        };
        if let (true, Ok(uid)) = (found.is_null(), text.parse::<libc::uid_t>()) {
            // SAFETY: as above.
            code = unsafe {
                libc::getpwuid_r(uid, entry.as_mut_ptr(), strings.as_mut_ptr(), strings.len(), &raw mut found)
            };
        }
        if found.is_null() {
            return told(code, text).map(|()| None);
        }
        // SAFETY: `found` is not null, so that it points to `entry`, which was filled.
        let entry = unsafe { entry.assume_init() };
        // SAFETY: its strings are in `strings`, which lives still.
        let name = unsafe { CStr::from_ptr(entry.pw_name) }.to_owned();
        Ok(Some(Entry { name, uid: entry.pw_uid, gid: entry.pw_gid }))
    }

    /// Looks a group up by its name; a number needs no entry.
    fn group_of(text: &str) -> Result<libc::gid_t, String> {
        let name = c_string(text)?;
        let mut entry = MaybeUninit::<libc::group>::uninit();
        let (mut strings, mut found) = (strings(), ptr::null_mut());
        // SAFETY: as in `entry_of` (getgrnam_r(3)).
        let code = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                entry.as_mut_ptr(),
                strings.as_mut_ptr(),
                strings.len(),
                &raw mut found,
            )
        };
        if !found.is_null() {
            // SAFETY: `found` is not null, so that it points to `entry`, which was filled.
            return Ok(unsafe { entry.assume_init() }.gr_gid);
        }
        told(code, text)?;
        text.parse().map_err(|_| format!("there is no group {text} on this machine"))
    }

    /// Nobody was found; systems also spell that as one of these errors (getpwnam(3)).
    fn told(code: libc::c_int, text: &str) -> Result<(), String> {
        match code {
            0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM => Ok(()),
            code => Err(format!("cannot look up {text}: {}", io::Error::from_raw_os_error(code))),
        }
    }

    /// Becomes that user for good, with its groups and no others.
    ///
    /// # Errors
    ///
    /// If the system refuses, or if root could be had back.
    pub fn become_user(user: &User) -> io::Result<()> {
        let groups = match &user.name {
            // The types differ by system; all group numbers fit.
            #[allow(clippy::useless_conversion, clippy::cast_possible_wrap, trivial_numeric_casts)]
            // SAFETY: the name is a C string.
            Some(name) => unsafe { libc::initgroups(name.as_ptr(), user.gid as _) },
            // SAFETY: one group is read.
            None => unsafe { libc::setgroups(1, &raw const user.gid) },
        };
        // The group first: afterwards there is no right to.
        // SAFETY: these take and change numbers alone, of all threads.
        let done = groups == 0 && unsafe { libc::setgid(user.gid) == 0 && libc::setuid(user.uid) == 0 };
        if !done {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        let is_back = unsafe { libc::setuid(0) == 0 || libc::getegid() != user.gid };
        if is_back { Err(io::Error::other("root could be had back")) } else { Ok(()) }
    }
}
