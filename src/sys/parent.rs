//! What a program gets from the one that started it: open descriptors, and that one's own end.

use std::fs::File;
use std::io;

/// The process that started this one.
#[derive(Debug)]
pub struct Parent {
    #[cfg(unix)]
    number: Option<rustix::process::Pid>,
    #[cfg(windows)]
    process: std::os::windows::io::OwnedHandle,
}

#[cfg(unix)]
impl Parent {
    /// The one that is there now: to be asked as early as may be.
    ///
    /// # Errors
    /// None on Unix.
    pub fn find() -> io::Result<Parent> {
        Ok(Parent { number: rustix::process::getppid() })
    }

    /// Whether it has ended: another one has taken its place then. Not when a thread of it
    /// ends, as with `PR_SET_PDEATHSIG` of Linux: who starts servers in tests does so from
    /// threads that come and go.
    pub fn is_gone(&self) -> bool {
        rustix::process::getppid() != self.number
    }
}

#[cfg(windows)]
impl Parent {
    /// The one that is there now: to be asked as early as may be. Windows numbers processes
    /// anew, so one that has ended already may be taken for another.
    ///
    /// # Errors
    /// When it has ended already, or may not be watched.
    pub fn find() -> io::Result<Parent> {
        use std::os::windows::io::FromRawHandle;
        use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_SYNCHRONIZE};

        let number = parent_of(std::process::id())?;
        // SAFETY: takes numbers alone.
        let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, number) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened just now, and nobody else has it.
        Ok(Parent { process: unsafe { std::os::windows::io::OwnedHandle::from_raw_handle(handle) } })
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        use std::os::windows::io::AsRawHandle;
        use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
        use windows_sys::Win32::System::Threading::WaitForSingleObject;

        // SAFETY: the handle is open as long as it is borrowed; no time is waited.
        unsafe { WaitForSingleObject(self.process.as_raw_handle(), 0) == WAIT_OBJECT_0 }
    }
}

/// The number of the process that started another one.
#[cfg(windows)]
fn parent_of(number: u32) -> io::Result<u32> {
    use std::os::windows::io::{FromRawHandle, OwnedHandle};
    use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
    use windows_sys::Win32::System::Diagnostics::ToolHelp::{
        CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
    };

    // SAFETY: takes numbers alone.
    let all = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if all == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, and is closed at the end of this function.
    let _closes = unsafe { OwnedHandle::from_raw_handle(all) };
    let mut entry = PROCESSENTRY32W { dwSize: size_of::<PROCESSENTRY32W>() as u32, ..Default::default() };
    // SAFETY: the list is open, and the entry is as long as it says.
    let mut found = unsafe { Process32FirstW(all, &raw mut entry) };
    while found != 0 {
        if entry.th32ProcessID == number {
            return Ok(entry.th32ParentProcessID);
        }
        // SAFETY: as above.
        found = unsafe { Process32NextW(all, &raw mut entry) };
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Takes over a descriptor that the program was started with; once.
///
/// # Errors
/// When there is no such descriptor, when it is one of our own, and on Windows, whose
/// programs get handles without agreed numbers.
#[cfg(unix)]
pub fn inherited(number: u32) -> io::Result<File> {
    use std::os::fd::{FromRawFd, RawFd};

    let raw = RawFd::try_from(number).map_err(io::Error::other)?;
    // SAFETY: F_GETFD takes any number, and changes nothing.
    let flags = unsafe { libc::fcntl(raw, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    // All that this program opens itself is closed for others, and so cannot have come from
    // one.
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: F_SETFD changes the flags of an open descriptor alone. From here on it counts as
    // our own, so that it cannot be taken twice.
    if unsafe { libc::fcntl(raw, libc::F_SETFD, flags | libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nothing else in this program owns it: see above.
    Ok(unsafe { File::from_raw_fd(raw) })
}

/// The same where it cannot be had.
///
/// # Errors
/// Always.
#[cfg(windows)]
pub fn inherited(_: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Under Wine who started the tests is no process of Windows.
    #[cfg(unix)]
    #[test]
    fn a_parent_that_is_there_is_not_gone() {
        assert!(!Parent::find().unwrap().is_gone());
    }

    #[cfg(windows)]
    #[test]
    fn a_process_has_who_started_it_as_its_parent() {
        use std::process::{Command, Stdio};

        let mut child = Command::new("cmd")
            .args(["/C", "pause"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let parent = parent_of(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(parent.unwrap(), std::process::id());
        assert!(parent_of(u32::MAX).is_err());
    }

    /// What is ours already must not get a second owner.
    #[cfg(unix)]
    #[test]
    fn a_descriptor_is_taken_over_once_and_only_if_it_was_inherited() {
        use std::os::fd::{AsRawFd, IntoRawFd};

        let own = tempfile::tempfile().unwrap();
        let number = u32::try_from(own.as_raw_fd()).unwrap();
        assert_eq!(inherited(number).unwrap_err().kind(), io::ErrorKind::NotFound);
        // Without the flag it is as if it had come from outside, and nobody owns it.
        let raw = own.into_raw_fd();
        // SAFETY: clears the flags of a descriptor that is open.
        assert_eq!(unsafe { libc::fcntl(raw, libc::F_SETFD, 0) }, 0);
        let taken = inherited(number).unwrap();
        assert_eq!(taken.as_raw_fd(), raw);
        assert!(inherited(number).is_err());
        assert!(inherited(1_000_000).is_err());
        assert!(inherited(u32::MAX).is_err());
    }
}
