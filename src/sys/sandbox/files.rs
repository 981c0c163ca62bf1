//! Landlock: what this thread, and those that it starts, can do with files and ports.
//!
//! Two layers, because the first can be had at once and by everyone, while the second is
//! tied to a root. What is not handled by a layer stays allowed by it; what is handled and
//! has no rule is refused. A kernel that knows less gives less, and says so.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags,
};
use std::os::fd::AsFd;
use std::path::Path;

use super::{Identity, Shared, Wall};
use crate::sys::walk;

/// The version whose every right is asked for: with it came the last one that is of use
/// here, Linux 6.12. Versions after it are asked for when they have been tried.
const KNOWN: ABI = ABI::V6;

/// Below this version (Linux 6.2) a file can still be truncated by who can open it.
const WHOLE: ABI = ABI::V3;

/// What reading is.
const READING: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// Nothing is written, made, removed or run any more, no port is bound or connected to, no
/// process outside is signalled, and no abstract Unix socket of others is reached. What is
/// open already stays as it is: listeners, standard streams.
pub fn change_nothing() -> Wall {
    // ABI 4, 5 and 6 restrict what the other wall refuses, too: they are a bonus.
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN) & !READING)
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(KNOWN)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(KNOWN)))
        .and_then(Ruleset::create);
    // The oldest complete version is asked for by a question of its own.
    match ruleset.and_then(RulesetCreated::restrict_self) {
        Ok(status) => match (status.ruleset, status.landlock) {
            (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
                Wall::Missing("it is switched off in this kernel".to_owned())
            }
            (RulesetStatus::NotEnforced, _) => Wall::Missing("this kernel does not have it".to_owned()),
            (RulesetStatus::PartiallyEnforced, status) if !is_whole(&status) => Wall::Partly,
            (RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced, _) => Wall::Stands,
        },
        Err(error) => Wall::Missing(error.to_string()),
    }
}

/// Whether the kernel has all that files need.
fn is_whole(status: &LandlockStatus) -> bool {
    matches!(status, LandlockStatus::Available { effective_abi, .. } if *effective_abi >= WHOLE)
}

/// Nothing is read any more but what is shared, as it is now; tells which that is, if it is
/// there. What takes its place later cannot be read by this thread.
pub fn read_only_what_is(shared: &Shared) -> (Wall, Option<Identity>) {
    match restrict_reading(shared) {
        Ok((RulesetStatus::NotEnforced, _)) => {
            (Wall::Missing("this kernel does not have it".to_owned()), None)
        }
        Ok((_, identity)) => (Wall::Stands, identity),
        Err(error) => (Wall::Missing(error.to_string()), None),
    }
}

fn restrict_reading(shared: &Shared) -> Result<(RulesetStatus, Option<Identity>), RulesetError> {
    let ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(READING)?.create()?;
    let (ruleset, identity) = match shared {
        Shared::Directory(path) => allow(ruleset, path, READING)?,
        Shared::File(path) => {
            // Its directory is opened first, which takes a right to list it.
            let directory = path.parent().unwrap_or(path);
            let (ruleset, _) = allow(ruleset, directory, AccessFs::ReadDir.into())?;
            allow(ruleset, path, AccessFs::ReadFile.into())?
        }
    };
    Ok((ruleset.restrict_self()?.ruleset, identity))
}

/// A rule for what lies at a path; none if nothing does, for it may come later.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<(RulesetCreated, Option<Identity>), RulesetError> {
    let Ok(handle) = PathFd::new(path) else { return Ok((ruleset, None)) };
    // From the handle: the path may lead elsewhere by the next look.
    let identity = rustix::fs::fstat(handle.as_fd()).ok().map(|stat| walk::identity(&stat));
    Ok((ruleset.add_rule(PathBeneath::new(handle, access))?, identity))
}
