//! What the errors of Windows mean.

use std::io;

use windows_sys::Win32::Foundation as code;

use crate::sys::{Detour, Trouble};

/// What an error of [`Root`](super::Root) means to the one who asked for the name.
pub fn trouble(error: &io::Error) -> Trouble {
    let Some(number) = error.raw_os_error() else {
        return match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices => {
                Trouble::Missing
            }
            io::ErrorKind::PermissionDenied => Trouble::Forbidden,
            io::ErrorKind::OutOfMemory => Trouble::Exhausted,
            _ => Trouble::Failed,
        };
    };
    match number.cast_unsigned() {
        code::ERROR_FILE_NOT_FOUND | code::ERROR_PATH_NOT_FOUND | code::ERROR_DIRECTORY => Trouble::Missing,
        code::ERROR_INVALID_NAME | code::ERROR_BAD_PATHNAME | code::ERROR_FILENAME_EXCED_RANGE => {
            Trouble::Missing
        }
        code::ERROR_INVALID_DRIVE | code::ERROR_BAD_NETPATH | code::ERROR_BAD_NET_NAME => Trouble::Missing,
        // Links that lead nowhere, loop, or are of a forbidden kind.
        code::ERROR_CANT_ACCESS_FILE
        | code::ERROR_CANT_RESOLVE_FILENAME
        | code::ERROR_STOPPED_ON_SYMLINK
        | code::ERROR_SYMLINK_CLASS_DISABLED => Trouble::Missing,
        code::ERROR_DELETE_PENDING => Trouble::Missing,
        code::ERROR_ACCESS_DENIED | code::ERROR_PRIVILEGE_NOT_HELD => Trouble::Forbidden,
        code::ERROR_TOO_MANY_OPEN_FILES
        | code::ERROR_NOT_ENOUGH_MEMORY
        | code::ERROR_OUTOFMEMORY
        | code::ERROR_NO_SYSTEM_RESOURCES => Trouble::Exhausted,
        // Somebody is just writing it.
        code::ERROR_SHARING_VIOLATION | code::ERROR_LOCK_VIOLATION => Trouble::Exhausted,
        _ => Trouble::Failed,
    }
}

/// Whether an error of [`Root`](super::Root) is that of a link, for who explains it.
pub fn detour(error: &io::Error) -> Option<Detour> {
    (error.kind() == io::ErrorKind::CrossesDevices).then_some(Detour::Outside)
}
