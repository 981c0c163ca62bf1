//! Floor 5: puts it together. Bind, one loop for each core, signals, drain, join.
//!
//! It decides nothing about HTTP and nothing about files: it hands every floor its
//! options and waits.

mod app;
mod audience;
mod builder;
mod confinement;
mod display;
mod ending;
mod greeting;
mod listen;
mod ready;
mod reports;
mod screen;
mod tally;
mod threads;
mod watcher;

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Now;
use crate::config::{Config, Exit, banner, moves_cursor, wants_color};
use crate::h1::{Conn, Made, Service};
use crate::log::{AccessLog, Format, Writer};
use crate::net::{Counters, EventLoop, Remote};
use crate::pool::Pool;
use crate::site::coach::Coach;
use crate::site::derived::Derived;
use crate::site::{Cached, Disk, Options, Report, Site};
use crate::sys::{self, Parent, Program};

use app::App;
use audience::Audience;
use confinement::Confinement;
use display::Display;
use ending::Ending;
use greeting::Greeting;
use listen::Listening;
use ready::Listeners;
use reports::{Limiter, Verdict};
use threads::Served;
use watcher::{Subject, Watcher};

/// Threads for slow work, whatever the number of loops: it waits for a disk, not for
/// a processor.
const POOL_THREADS: usize = 4;

/// Work that nobody waits for and that waits itself. Some of it holds a file open.
const BACKGROUND_WAITING_MAX: usize = 64;

/// What is remembered of siblings needs a little memory, whatever `--memory` says: without
/// it each request would decode them again.
const DERIVED_MIN: usize = 1024 * 1024;

/// Slow requests that wait for those threads; beyond it 503. At most half of them are
/// listings and the like, and of the longest so many are made in some seconds: who comes later
/// had better try again.
const POOL_WAITING_MAX: usize = 256;

/// Descriptors that are not for connections: listeners, pollers, roots, the log. Where
/// there are only few in all, half of them.
const DESCRIPTORS_KEPT: u64 = 64;

/// A loop's poller, waker, root and listeners.
const DESCRIPTORS_OF_A_LOOP: u64 = 6;

/// Fewer connections than this are not worth a loop of their own.
const SHARE_MIN: usize = 64;

/// How long the end may wait for a log that does not move.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

pub use builder::{Builder, Running};

type Loop = EventLoop<Conn<App>>;

/// A server that listens, but does not serve yet.
pub struct Server {
    loops: Vec<Served>,
    addresses: Vec<SocketAddr>,
    logs: Logs,
    config: Config,
    confinement: Confinement,
    ending: Arc<Ending>,
    audience: Option<Arc<Audience>>,
    /// Who started the process, if it is to end with that.
    parent: Option<Parent>,
    /// Where nobody waits for what is done.
    background: Pool,
    /// Only lives here.
    watcher: Option<Watcher>,
}

/// Whether a person watches, and what on.
#[derive(Default)]
struct Stage {
    is_watched: bool,
    display: Option<Display>,
}

impl Stage {
    fn of(config: &Config) -> Stage {
        let is_watched = !config.quiet && io::stderr().is_terminal();
        let display = moves_cursor(is_watched).then(|| Display::new(wants_color(is_watched)));
        Stage { is_watched, display }
    }
}

/// Where lines go: standard output for requests, standard error for troubles.
struct Logs {
    access: Writer,
    errors: Writer,
}

impl Logs {
    /// Above the lines of transfers, if there are some.
    fn start(display: Option<&Display>) -> Logs {
        match display {
            Some(display) if io::stdout().is_terminal() => Logs {
                access: Writer::start(display.above(io::stdout())),
                errors: Writer::start(display.above(io::stderr())),
            },
            Some(display) => Logs {
                access: Writer::start(io::stdout()),
                errors: Writer::start(display.above(io::stderr())),
            },
            None => Logs { access: Writer::start(io::stdout()), errors: Writer::start(io::stderr()) },
        }
    }
}

impl Server {
    /// Binds all addresses, opens the root, and prepares a loop for each thread. A sandbox
    /// will confine those threads alone, and nobody becomes another user: that is for who
    /// has the whole process ([`run`]).
    ///
    /// # Errors
    /// [`Exit`] with one line that says what could not be had, and what to do.
    pub fn bind(mut config: Config) -> Result<Server, Exit> {
        limit_connections(&mut config);
        let listening = listen::listen(&config)?;
        let confinement = Confinement::new(&config);
        Server::on(listening, config, confinement, &Stage::default())
    }

    /// The same on sockets that listen already.
    fn on(
        listening: Listening,
        config: Config,
        confinement: Confinement,
        stage: &Stage,
    ) -> Result<Server, Exit> {
        let Listening { addresses, sockets } = listening;
        let logs = Logs::start(stage.display.as_ref());
        let (ending, enough) = (Arc::<Ending>::default(), config.end.files);
        let board = stage.display.as_ref().map(Display::board);
        let audience = (stage.is_watched || enough.is_some())
            .then(|| Arc::new(Audience::new(board, enough, Arc::clone(&ending))));
        let pool = Pool::new(POOL_THREADS, POOL_WAITING_MAX);
        let threads = sockets.len();
        // One of two cores, so that compressing never takes all of a machine.
        let background = Pool::background(threads.div_ceil(2), BACKGROUND_WAITING_MAX);
        let derived = Derived::with_pool((config.memory / 8 * 3).max(DERIVED_MIN), background.clone());
        let coach = coach(&config, &logs.errors);
        let options = Arc::new(Options { derived, coach, ..config.site.clone() });
        let mut loops = Vec::with_capacity(threads);
        for (number, sockets) in sockets.into_iter().enumerate() {
            let files = Disk::new(&config.root, config.symlinks, config.site.hidden);
            let files = files.and_then(|files| files.with_strict_case(config.site.strict_case));
            let files = files.map_err(|error| {
                Exit::failure(format_args!("cannot open {}: {error}", config.root.display()))
            })?;
            let reach = confinement.reach();
            let files = reach.clone().into_iter().fold(files, Disk::within);
            let files = Cached::new(files, config.memory / 2 / threads);
            let mut site = Site::new(Arc::clone(&options), files, reporter(&logs.errors))
                .remembering(config.memory / 8 / threads);
            site.refresh_rules(&Now::read());
            let access = AccessLog::new(config.log, logs.access.clone());
            let app = App::new(site, access, reporter(&logs.errors))
                .within(reach.clone(), confinement.can_follow())
                .before(audience.clone());
            let service = Service::new(app, config.http.clone()).in_weather(config.weather, seed());
            let built = EventLoop::new(sockets, service, config.net.share(number, threads), pool.clone());
            let each = built.map_err(|error| {
                Exit::failure(format_args!("cannot start an event loop: {error}; fewer --threads need less"))
            })?;
            loops.push(Served { number, each, reach });
        }
        let watcher = watch(&config, &logs.errors)?;
        let parent = None;
        let server = Server {
            loops,
            addresses,
            logs,
            config,
            confinement,
            ending,
            audience,
            parent,
            background,
            watcher,
        };
        server.ending.of(server.remotes());
        Ok(server)
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Handles that stop the loops, for other threads.
    pub fn remotes(&self) -> Vec<Remote<Made>> {
        self.loops.iter().map(|served| served.each.remote()).collect()
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// When a loop is lost; the others are stopped then, too.
    pub fn run(self) -> io::Result<Counters> {
        let remotes = self.remotes();
        ending::watch(&self.config.end, self.parent, Arc::clone(&self.ending))?;
        let total = threads::run(self.loops, self.confinement, remotes);
        drop(self.watcher);
        // The process may go on without it, and so would what waits or works for it.
        self.background.close();
        self.ending.begin();
        self.logs.access.flush(LOG_PATIENCE);
        self.logs.errors.flush(LOG_PATIENCE);
        total
    }

    /// The same for who watches; says at the end what came of it.
    fn run_on(self, stage: Stage) -> Result<(), Exit> {
        let (errors, access) = (self.logs.errors.clone(), self.logs.access.clone());
        let (verbose, audience) = (self.config.verbose, self.audience.clone());
        // Without a thread that draws, all else is as it was.
        let drawing = stage.display.and_then(|display| display.start().ok());
        let ended = self.run();
        drop(drawing);
        let counters = ended.map_err(|error| Exit::failure(format_args!("the server stopped: {error}")))?;
        if let Some(audience) = audience.filter(|_| stage.is_watched) {
            say(&errors, &audience.summary());
        }
        if verbose {
            say_counters(&counters, &errors, &access);
        }
        errors.flush(LOG_PATIENCE);
        Ok(())
    }
}

/// Binds, says where, and serves until a signal.
///
/// # Errors
/// [`Exit`] when it could not run.
pub fn run(mut config: Config) -> Result<(), Exit> {
    let parent = config.end.with_parent.then(sys::Parent::find).transpose();
    let parent = parent
        .map_err(|error| Exit::failure(format_args!("--exit-with-parent cannot be had here: {error}")))?;
    let listeners = Listeners::find(&config.ready)?;
    let mut warnings = if config.quiet { Vec::new() } else { config.warnings() };
    let user = config.user.as_deref().map(find_user).transpose()?;
    limit_connections(&mut config);
    let listening = listen::listen(&config)?;
    // From here on there is less and less that can be done.
    let greeting = Greeting::new(&config, &listening.addresses);
    if let Some(user) = user {
        sys::become_user(&user)
            .map_err(|error| Exit::failure(format_args!("cannot become the user of --user: {error}")))?;
        config.check_root()?;
    }
    greeting.before(&config, &listeners, &mut warnings)?;
    // Behind the walls nothing tells of it.
    let program = Program::find();
    let mut confinement = Confinement::new(&config);
    confinement.enter_process()?;
    let stage = Stage::of(&config);
    let mut server = Server::on(listening, config, confinement, &stage)?;
    server.parent = parent;
    let ending = Arc::clone(&server.ending);
    sys::on_stop_signal(move || ending.urge())
        .map_err(|error| Exit::failure(format_args!("cannot listen to signals: {error}")))?;
    let (config, logs) = (&server.config, &server.logs);
    greeting::preface(config, &warnings, server.loops.len(), &server.confinement.text(), &logs.errors);
    greeting.after(config, listeners, &logs.errors)?;
    program.release();
    server.run_on(stage)
}

/// Starts to watch what is shared, if pages are to hear of changes.
fn watch(config: &Config, errors: &Writer) -> Result<Option<Watcher>, Exit> {
    let Some(hub) = config.site.watch.clone() else { return Ok(None) };
    let subject = Subject {
        root: config.root.clone(),
        hidden: config.site.hidden,
        rules: config.site.rules.is_some(),
        hub,
        report: reporter(errors),
    };
    let watcher = Watcher::start(subject);
    watcher.map(Some).map_err(|error| Exit::failure(format_args!("--watch cannot be had here: {error}")))
}

/// The user to become.
fn find_user(text: &str) -> Result<sys::User, Exit> {
    sys::find_user(text).map_err(|why| Exit::failure(format_args!("--user {text}: {why}")))
}

fn stop(remotes: &[Remote<Made>]) {
    for remote in remotes {
        // A loop that cannot be woken is gone already.
        let _ = remote.stop();
    }
}

/// As many connections as there can be descriptors, and no more: at the limit idle
/// ones make room, while at the end of the descriptors nothing works (R25).
fn limit_connections(config: &mut Config) {
    if let Some(descriptors) = sys::raise_descriptor_limit() {
        // An eighth stays for the files that are being sent.
        let loops = config.threads as u64;
        let kept = descriptors / 8 + (DESCRIPTORS_KEPT + loops * DESCRIPTORS_OF_A_LOOP).min(descriptors / 2);
        let possible = (descriptors - kept).max(1);
        let possible = usize::try_from(possible).unwrap_or(usize::MAX);
        config.net.connections_max = config.net.connections_max.min(possible);
    }
    // Each loop has its share, and clients do not choose their loop: small shares would
    // keep some waiting while there is room elsewhere.
    config.threads = config.threads.min(config.net.connections_max / SHARE_MIN).max(1);
}

/// A number of its own for each loop: std takes its keys from the system's chance.
fn seed() -> u64 {
    RandomState::new().hash_one(())
}

/// Who explains each 404, where a person reads it: among lines for programs it would be noise.
fn coach(config: &Config, errors: &Writer) -> Option<Coach> {
    let is_watched = io::stderr().is_terminal() && !config.quiet && config.log != Format::Json;
    let errors = errors.clone();
    let hint = move |text: &str| say(&errors, &format!("hint: {}", banner::printable(text)));
    is_watched.then(|| Coach::new(Arc::new(hint)))
}

/// Where a loop reports troubles to: not every one of thousands ([`reports`]).
fn reporter(errors: &Writer) -> Report {
    let (errors, limiter) = (errors.clone(), Mutex::new(Limiter::new(Now::instant())));
    Arc::new(move |message| {
        let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let Verdict { untold, is_told } = limiter.judge(Now::instant());
        if untold > 0 {
            say(&errors, &format!("error: {untold} more errors were not told"));
        }
        if is_told {
            say(&errors, &format!("error: {message}"));
        }
    })
}

/// The counters, for `--verbose`.
fn say_counters(counters: &Counters, errors: &Writer, access: &Writer) {
    say(errors, &format!("{counters}; {} log lines dropped", access.dropped()));
}

fn say(errors: &Writer, text: &str) {
    errors.push(format!("{text}\n").as_bytes(), 1);
}
