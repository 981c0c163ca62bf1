//! The sandbox of a server: which walls it is to have, and who stands behind which.
//!
//! The whole process gives up to write, to run programs and to open connections. The
//! threads that serve, and those that work for them, also give up to read anything but what
//! is shared. The main thread, which never touches what clients send, keeps that right, or
//! nobody could follow a folder that is made anew; with `--sandbox strict` it gives it up,
//! too, and such a folder is not followed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Config, Exit};
use crate::site::Reach;
use crate::sys::Symlinks;
use crate::sys::sandbox::{
    Identity, Sandbox, Shared, Wall, allow_only_what_is_needed, allowed_calls, change_nothing, identity_of,
    read_only_what_is,
};

/// What was had of the walls of a process.
#[derive(Debug)]
struct Walls {
    changing: Wall,
    reading: Option<Wall>,
    calls: Wall,
}

/// What the threads of a server are confined to.
#[derive(Debug)]
pub struct Confinement {
    sandbox: Sandbox,
    root: PathBuf,
    /// Links may lead anywhere: then reading is not restricted.
    reads_anywhere: bool,
    /// What the process has already. Without it each thread that serves does it all by
    /// itself, and leaves the rest of the process alone: as a part of another program.
    process: Option<Walls>,
}

impl Confinement {
    /// What a configuration asks for; nothing is restricted yet.
    pub fn new(config: &Config) -> Confinement {
        Confinement {
            sandbox: config.sandbox,
            root: config.root.clone(),
            reads_anywhere: config.symlinks == Symlinks::Follow,
            process: None,
        }
    }

    /// Confines this thread and those that it starts: all of a process that has no others
    /// yet.
    ///
    /// # Errors
    /// One line, if something that is strictly wanted cannot be had.
    pub fn enter_process(&mut self) -> Result<(), Exit> {
        if self.sandbox == Sandbox::Off {
            return Ok(());
        }
        let changing = change_nothing();
        let reading = self.is_strict().then(|| read_only_what_is(&Shared::at(&self.root)).0);
        // Last, for it allows no more than a server needs.
        let walls = Walls { changing, reading, calls: allow_only_what_is_needed() };
        let missing = walls.missing();
        self.process = Some(walls);
        match missing {
            Some(missing) if self.is_strict() => {
                Err(Exit::failure(format_args!("--sandbox strict: {missing}; --sandbox auto does without")))
            }
            _ => Ok(()),
        }
    }

    /// Confines a thread that is about to serve, and those that it starts. Tells what it
    /// can read, if that is restricted to something.
    ///
    /// # Errors
    /// If something that is strictly wanted cannot be had.
    pub fn enter_thread(&self, reach: Option<&Reach>) -> io::Result<Option<Identity>> {
        if self.sandbox == Sandbox::Off || self.is_strict() && self.process.is_some() {
            return Ok(None);
        }
        let changing = self.process.is_none().then(change_nothing);
        let (reading, mut readable) = match self.reads_anywhere {
            true => (None, None),
            false => {
                let (wall, readable) = read_only_what_is(&Shared::at(&self.root));
                (Some(wall), readable)
            }
        };
        let calls = self.process.is_none().then(allow_only_what_is_needed);
        if let (true, Some(changing), Some(calls)) = (self.is_strict(), changing, calls)
            && let Some(missing) = (Walls { changing, reading: reading.clone(), calls }).missing()
        {
            return Err(io::Error::other(missing));
        }
        if matches!(reading, Some(Wall::Missing(_))) {
            // Then it reaches everything; what is there now is as good a name for it as any.
            readable = identity_of(&self.root);
        }
        if let Some(reach) = reach {
            reach.renew(readable);
        }
        Ok(readable)
    }

    /// What one loop reaches, if that is restricted.
    pub fn reach(&self) -> Option<Arc<Reach>> {
        let restricts = self.sandbox != Sandbox::Off && !self.reads_anywhere;
        let reach = restricts.then(Arc::<Reach>::default)?;
        // Right for who does not enter by thread; renewed by who does.
        reach.renew(identity_of(&self.root));
        Some(reach)
    }

    /// Whether a thread can be had that reaches what this one does not.
    pub fn can_follow(&self) -> bool {
        !self.is_strict()
    }

    fn is_strict(&self) -> bool {
        self.sandbox == Sandbox::Strict
    }

    /// What there is, in one line for `--verbose`.
    pub fn text(&self) -> String {
        let Some(walls) = &self.process else {
            let is_off = self.sandbox == Sandbox::Off;
            return if is_off { "off" } else { "of the threads that serve alone" }.to_owned();
        };
        let files = match &walls.changing {
            Wall::Missing(why) => format!("no Landlock ({why})"),
            wall => {
                let partly = if *wall == Wall::Partly { " as far as this kernel knows it" } else { "" };
                let reading = if self.reads_anywhere { "everything" } else { "what is shared" };
                format!("Landlock{partly} (reads {reading}; writes, runs and connects to nothing)")
            }
        };
        let calls = match &walls.calls {
            Wall::Missing(why) => format!("no seccomp ({why})"),
            _ => format!("seccomp ({} system calls)", allowed_calls()),
        };
        format!("{files}, {calls}")
    }
}

impl Walls {
    /// The first that does not stand in full, and why.
    fn missing(&self) -> Option<String> {
        let walls = [
            ("Landlock", Some(&self.changing)),
            ("Landlock", self.reading.as_ref()),
            ("seccomp", Some(&self.calls)),
        ];
        walls.into_iter().find_map(|(name, wall)| match wall? {
            Wall::Stands => None,
            Wall::Partly => Some(format!("{name} is that of an older kernel, and lacks a part")),
            Wall::Missing(why) => Some(format!("there is no {name}: {why}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walls(changing: Wall, calls: Wall) -> Walls {
        Walls { changing, reading: None, calls }
    }

    #[test]
    fn what_is_missing_is_named_with_its_reason() {
        assert_eq!(walls(Wall::Stands, Wall::Stands).missing(), None);
        let old = walls(Wall::Partly, Wall::Stands).missing().unwrap_or_default();
        assert!(old.contains("Landlock") && old.contains("older"), "{old}");
        let none = walls(Wall::Stands, Wall::Missing("no".to_owned())).missing();
        assert_eq!(none.as_deref(), Some("there is no seccomp: no"));
    }

    #[test]
    fn what_there_is_is_told() {
        let mut confinement = Confinement {
            sandbox: Sandbox::Auto,
            root: PathBuf::new(),
            reads_anywhere: false,
            process: None,
        };
        assert_eq!(confinement.text(), "of the threads that serve alone");
        confinement.sandbox = Sandbox::Off;
        assert_eq!(confinement.text(), "off");
        confinement.sandbox = Sandbox::Auto;
        confinement.process = Some(walls(Wall::Stands, Wall::Stands));
        assert!(confinement.text().contains("reads what is shared"), "{}", confinement.text());
        confinement.reads_anywhere = true;
        assert!(confinement.text().contains("reads everything"), "{}", confinement.text());
        confinement.process = Some(walls(Wall::Missing("a".to_owned()), Wall::Missing("b".to_owned())));
        assert_eq!(confinement.text(), "no Landlock (a), no seccomp (b)");
    }
}
