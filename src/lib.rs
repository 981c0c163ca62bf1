//! `serve` shares a folder over HTTP. This page is the map of how it is built.
//!
//! It is one small binary on a `mio` event loop, written from sockets up: a TCP
//! server ([`net`]), an HTTP server on top of it ([`h1`]), a file handler on top of
//! that ([`site`]). No async runtime, no hidden threads: who reads this page, and
//! then the files in the order in which it names them, has read the whole server. Who would
//! rather see it grow begins with `docs/tour.md`: five programs, from an echo to this.
//!
//! # Five ideas
//!
//! 1. **Every response knows its length before its first byte.** A body is a list of
//!    [`Segment`]s: bytes in memory, a range of an open file, or of what is made while it is
//!    sent ([archives](site::archive)). There is no chunked coding anywhere. The one exception
//!    is [`http::events`], which end with their connection.
//! 2. **A connection is a machine with one deadline per state.** [`h1::Conn`] takes
//!    bytes and the time, and gives segments and a deadline. There is no socket, no
//!    clock and no file system in it, so it is tested in virtual time, fuzzed, and cut
//!    at every byte.
//! 3. **A request with a body ends its connection.** We serve files: such a request is
//!    answered, with `Connection: close`, and its body is discarded unread. Where a
//!    body ends is a question that never comes up, so request smuggling has nothing to
//!    hold on to.
//! 4. **Events mark, turns work.** An event only latches *readable* or *writable* on a
//!    connection and queues it. A turn ([`net::connection`]) has two halves. First everyone
//!    who is queued reads; then the time is read; then everyone is answered and writes,
//!    until nothing moves or the budget is spent, and says one of four words: wait until
//!    then, read again, yield, close. A latch is cleared only by `WouldBlock` from that
//!    very operation, or where the system lets a short read say as much (epoll). Edge
//!    triggering, software re-arming (Windows, `poll(2)`), fairness, backpressure and
//!    timers are all that one loop. And because all requests of a turn have come before
//!    its time was read, one look at a file serves them all, and is never too old.
//! 5. **The loop does not wait for slow work.** Listings are made *later*, by a small
//!    bounded [`pool`], which keeps a thread for what is short, and come back through the
//!    loop's waker with the connection's generation-checked token. Opening and reading a file is done at once, where the system
//!    has it in memory. Where it has not, the pool goes first: it opens the name and reads
//!    the beginning of its file, and then the request is asked again
//!    ([`open_at_hand`](site::FileSystem::open_at_hand)); of a large file it reads each
//!    piece before that is sent ([`Step::Fetch`](net::connection::Step::Fetch)), and of an
//!    archive it makes each: in its turn, however many want that. Only Linux can tell what is in
//!    memory; elsewhere a slow disk is felt by everyone.
//!
//! # Floors
//!
//! A module imports only from floors below its own; `tests/architecture.rs` holds the
//! table.
//!
//! | floor | modules | what it is | never |
//! |---|---|---|---|
//! | 6 | `main` | arguments in, exit code out | logic |
//! | 5 | [`server`] | puts it together: bind, one loop per core, signals, drain, join | HTTP details |
//! | 5 | [`precompress`] | the other thing that the program can be: writes `.br`, `.zst` and `.gz` files for a tree, and ends | sockets |
//! | 5 | [`explain`] | the third: says how a request would be answered, and why, and ends | sockets |
//! | 4 | [`config`] | command line and environment → validated options of the floors below | their behaviour |
//! | 3 | [`h1`] (RFC 9112, the wire) · [`site`] (what to answer) · [`log`] | | each other; sockets |
//! | 2 | [`net`] (event loop; speaks any [`net::Protocol`]) · [`http`] (RFC 9110, what messages mean) | | each other |
//! | 1 | [`segment`] · [`clock`] · [`pool`] · [`codec`] | | anything above |
//! | 0 | [`sys`] | the only `unsafe`: contained open, sendfile, listening sockets, the sandbox; one file per system behind one contract | anything of ours |
//! | 0 | `sync` | the locks and threads by which work is handed over, so that a model checker's can take their place | |
//!
//! `http` *is* RFC 9110 and `h1` *is* RFC 9112: the folders are the documents. `net`
//! knows neither, and `examples/echo.rs` proves it: another protocol on the same loop.
//!
//! # The walk of a request: `GET /app.js`
//!
//! 1. `main` → [`config::Config::from_args`] → [`server::Server::bind`], then `run`:
//!    one [`net::EventLoop`] per core. Each has its own poller, connections, deadlines,
//!    root and log buffer; they share the pool and the options, among these what is
//!    remembered of files and the listings that are being made.
//!    Between the two the process gives up what it will not need any more: what it may do
//!    ([`sys::sandbox`]), and the pages that only the start took ([`sys::Program`]).
//! 2. The loop sleeps until the nearest of its [`net::deadlines`], wakes, and reads the
//!    time once ([`clock::Now`]). [`net::accept`] takes the socket and gives it a turn
//!    at once: often the request is there with its connection, and then the poller
//!    never hears of either.
//! 3. [`net::connection::read`] reads into the loop's one buffer, behind what the others
//!    have read; [`net::connection::answer`] hands it to [`h1::Conn`], which keeps only
//!    what is left of an incomplete head: a connection that waits holds no buffer.
//! 4. [`h1::parse`]: [`Scanner`](h1::parse::Scanner) finds the end of the head, looking
//!    at each byte once; `httparse` takes it apart; the stricter rules decide. Wrong: an
//!    error response, and the connection ends. In [bad weather](h1::weather) an answer begins
//!    later, or its request fails.
//! 5. [`site::Site::respond`]. A question that was asked before, about a file that is in the
//!    same version still, has the answer that it had (`site::answers`). Else, top to
//!    bottom: guards → method →
//!    [`SafePath`](http::SafePath), decoded once and proven for good, beneath the base
//!    path → the owner's [rules](site::rules), which may send it elsewhere → one contained
//!    open ([`sys::Root`]), or the memory of one ([`site::cache`]) → directory: redirect,
//!    index, listing (with its [README](site::readme), which is [Markdown](site::markdown)
//!    mostly) or [archive](site::archive) → the form that the client likes best, from
//!    beside the file or from [memory](site::derived) →
//!    [preconditions](http::precondition) → [ranges](http::range) → fields and segments.
//!    What is missing may be answered by
//!    another file ([`site::routing`]), and an error be told by a page of the user's own
//!    ([`site::error_page`]); why there is nothing, who watches the terminal hears
//!    ([`site::coach`]). A listing is made in the pool, once for all who asked for it
//!    before its reading began ([`site::flight`]); each takes the
//!    [conditions](http::precondition::Conditions) of its own request along, for the
//!    validator is made of the content.
//! 6. The head is written and goes on the [`SendQueue`] with the body. Still in the same
//!    turn they are sent: memory by one `writev`, files by `sendfile`.
//! 7. `WouldBlock`: wait for writable, within the send deadline. Budget spent: yield. As much
//!    sent as [`--limit-rate`](net::rate) allows: wait until there may be more. Queue empty:
//!    one line for the [`log`], back to idle.
//! 8. At the end of the loop's turn the log buffer is handed to the thread that writes.
//!
//! The other walk, `serve --precompress dist`: `main` → [`precompress::run`]. It lists the
//! tree through [`sys::Root`], as the server would; each thread takes one sibling at a time,
//! encodes it with [`codec`] into a hidden draft, compares that with the original, and
//! renames it into place.
//!
//! Live pages ([`site::watch`]) are answered as all others. Their stream of events is an answer
//! that goes on: its connection asks a [source](http::events::Source) for what comes next, and
//! the reply comes through the loop's waker as that of the pool does. Who finds out what has
//! changed is a thread of the [`server`].
//!
//! Who watches a terminal, or waits for a file to be fetched, makes the [`server`] keep an account
//! of what ends, and of how far the rest is ([`http::delivery`]). Loops store numbers; a thread
//! draws them. Where nobody wants to know, there is no account. And another program can have a
//! server within itself: [`server::Server::builder`].
//!
//! Shorter ones end in [`config`], with text on standard output: help, and the manual page and
//! the completions that `--man` and `--completions` make of the same definition of options.
//!
//! And `serve --explain /app.js`: `main` → [`explain::run`], which asks an [`h1::Conn`] and a
//! [`site::Site`] as a loop would, and keeps the [trail](site::trail) of what they look up
//! and decide. It is no second description of the server that could go wrong.
//!
//! # How errors flow
//!
//! | what went wrong | type | where it ends |
//! |---|---|---|
//! | the peer's bytes | [`h1::parse::Error`] | a response with its status, then close |
//! | the request cannot be met | [`http::Status`] | one error page ([`site::error`], or the user's), never a path or a system's message |
//! | the file system | [`sys::Trouble`] → `Status`, by one map in [`site`] | as above; 5xx also to standard error, with the path |
//! | the file shrank while it was sent | unexpected end | the connection is reset: the promised length cannot be kept |
//! | one client's socket | an error inside its turn | that connection closes; nothing else notices |
//! | accepting | out of descriptors: rest by a timer; others: go on | counted |
//! | the poller, a listener | `io::Error` out of the loop | the server stops, exit code 1 |
//! | one sibling of `--precompress` | one line each; the others are made | standard error, exit code 1 |
//! | settings | one line: what, where, why, what would be right | standard error, exit code 2 |
//!
//! # Where it differs from the first plan, and why
//!
//! - A client that says `Connection: close` has promised to send nothing more (RFC 9112
//!   §9.6). When a read then finds nothing, the socket is closed at once instead of
//!   lingering: there is no unread input that could turn the close into a reset.
//! - Containment has one name, [`sys::Root`], instead of free functions: what it was
//!   opened with (the rule for links, the real path) is decided once.
//! - The root is looked at again once a second, and before a 404: a build that removes
//!   and makes it again, or a deployment that exchanges it, is followed
//!   ([`site::Disk`]).
//! - The most connections are shared out evenly to the loops instead of counted over all:
//!   idle connections can only be closed by their own loop, and those of one must not
//!   keep the clients of another out ([`net::Limits::share`]).
//! - Hidden is what has a hidden name once all links are resolved. On Unix the kernel is
//!   asked for a way without links, which is one call; only a way with links is walked,
//!   name by name. What `--symlinks follow` finds outside of the root has no name beneath
//!   it and is not judged; a way that leaves the root and comes back is.
//! - Several ranges are answered in the client's order, as RFC 9110 §15.3.7.2 wants it,
//!   and only where [the parts with all that is around them](site::multipart) are shorter
//!   than the file: a multipart of a file of 200 bytes helps nobody.
//! - A turn moves up to 512 KiB for a connection, and up to 2 MiB where few want something,
//!   instead of 256 KiB: what a large file costs is the number of calls.
//! - Within a turn a step without progress cannot be written down: each round of
//!   [`net::connection::answer`] moves bytes, clears a latch or ends. What is counted are
//!   turns for nothing that no event asked for ([`net::progress`]).
//! - The content of small files is [remembered](site::cache), and one look for each turn of
//!   the loop says whether it is the same still, as was planned. What was not planned is
//!   that a turn reads from everyone before it looks: else it could answer a request that
//!   began after a write which its look did not see.
//! - Heads are rendered for each question and not for each file: which of its answers a
//!   file has depends on the client, on rules and on options, and a question has them all.
//! - A sandbox takes from a thread for good, and knows directories, not paths. So a loop whose
//!   root was made anew comes out of [`net::EventLoop::run_until`], and goes on, connections
//!   and all, in a new thread that can read the new root ([`site::reach`]).
//! - A listing has up to 50,000 entries instead of 10,000, and a filter that it writes back,
//!   escaped as names are: the plan had no sorting or filtering without scripts.
//! - What has to be found out before a request can be answered (a digest, whether a
//!   sibling is what it claims) is one kind of answer,
//!   [`After`](http::Answer::After): the pool does it, and the handler is asked the same
//!   again. So answers are made in one place, on the loop, however they begin.
//!
//! [`Segment`]: segment::Segment
//! [`SendQueue`]: segment::SendQueue

pub mod clock;
pub mod codec;
pub mod config;
pub mod explain;
pub mod h1;
pub mod http;
pub mod log;
pub mod net;
pub mod pool;
pub mod precompress;
pub mod segment;
pub mod server;
pub mod site;
mod sync;
pub mod sys;
