//! What this process gives up for good, so that a bug in it is of less use to anyone.
//!
//! There are two walls, one behind the other, and both hold for the calling thread and all
//! that it starts from then on; nothing takes them away again:
//!
//! - [Landlock](https://docs.kernel.org/userspace-api/landlock.html) (`files`): the
//!   kernel refuses to open, make, change or run files, by what they are and not by name,
//!   and to connect or bind sockets.
//! - A seccomp filter (`calls`): the kernel does not even hear of system calls that are
//!   not in a `table`.
//!
//! Reading is a restriction of its own ([`read_only_what_is`]), for it is the one that has
//! to follow a root that is made anew. Rules name directories as they are, not paths: what
//! is put in their place later is outside. So whoever may still have to go elsewhere is
//! restricted in threads that can be replaced.
//!
//! It never decides what is enough; it tells what was had.

use std::path::{Path, PathBuf};

// Other processors have other calls, and nobody has made a list of them.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod table;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
pub use calls::{allow_only_what_is_needed, allowed_calls};
#[cfg(target_os = "linux")]
pub use files::{change_nothing, read_only_what_is};

/// How much confinement is wanted (`--sandbox`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// As much as the system has.
    #[default]
    Auto,
    /// All of it, or no server.
    Strict,
    /// None.
    Off,
}

/// What came of a restriction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wall {
    /// It holds.
    Stands,
    /// It holds as far as an older kernel knows it.
    Partly,
    /// The system does not have it, and says why.
    Missing(String),
}

/// What is shared, as a path: all that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// A directory, and all beneath it.
    Directory(PathBuf),
    /// One file, and the names that lie beside it.
    File(PathBuf),
}

impl Shared {
    /// What lies at that path now; a directory if nothing does.
    pub fn at(path: &Path) -> Shared {
        if path.is_file() { Shared::File(path.to_path_buf()) } else { Shared::Directory(path.to_path_buf()) }
    }
}

/// Which file or directory: device and inode, which together name it as long as it is open,
/// or a rule is tied to it.
pub type Identity = (u64, u64);

/// What lies at a path now, through links; `None` if nothing does.
#[cfg(unix)]
pub fn identity_of(path: &Path) -> Option<Identity> {
    rustix::fs::stat(path).ok().map(|stat| super::walk::identity(&stat))
}

/// Nobody asks where nothing is restricted.
#[cfg(not(unix))]
pub fn identity_of(_path: &Path) -> Option<Identity> {
    None
}

/// What is said where there is nothing.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
const NONE: &str = "serve knows none on this system";

/// Nothing here.
#[cfg(not(target_os = "linux"))]
pub fn change_nothing() -> Wall {
    Wall::Missing(NONE.to_owned())
}

/// Nothing here.
#[cfg(not(target_os = "linux"))]
pub fn read_only_what_is(_shared: &Shared) -> (Wall, Option<Identity>) {
    (Wall::Missing(NONE.to_owned()), None)
}

/// Nothing here.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
pub fn allow_only_what_is_needed() -> Wall {
    Wall::Missing(NONE.to_owned())
}

/// There is no list.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
pub fn allowed_calls() -> usize {
    0
}
