//! Requests to sites of all kinds: whatever is asked, and however the site is set up, the
//! answer is one that a client can read, gives away nothing that is not shared, and says
//! only what was asked for.
//!
//! The input is four bytes of options, and what the client says.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::codec::{Format, Level, decode, encode};
use serve::http::host::HostGuard;
use serve::http::{Answer, Exchange, Handler, Peer, Request, Response, SafePath, Status};
use serve::site::cache_control::CachePolicy;
use serve::site::coach::Coach;
use serve::site::cors::{Cors, Origin};
use serve::site::files::Memory;
use serve::site::multipart::Boundaries;
use serve::site::trail::{Step, Trail};
use serve::site::watch::Hub;
use serve::site::{Options, Site, rules};

use super::dialogue;
use super::wire;

/// Stands in what must not be seen.
const SECRET: &[u8] = b"not for everyone";

/// Stands in pages that are live.
const SCRIPT: &[u8] = b".serve/watch.js";

/// What the files are.
static FILES: LazyLock<Memory> = LazyLock::new(|| {
    let mut files = Memory::default();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let text = "0123456789abcdef".repeat(128);
    for (path, content) in [
        ("index.html", "<!doctype html><title>start</title>"),
        ("404.html", "<!doctype html><title>none</title>"),
        ("about.html", "<title>about</title>"),
        ("a b/c d.txt", "c"),
        ("list/1.txt", "1"),
        ("list/10.js", "10"),
        ("app.8f3a1c2b.js", "app()"),
        ("empty", ""),
        ("no-time", "no time"),
        ("text.txt", &text),
        ("made.txt", &text),
    ] {
        let modified = if path == "no-time" { SystemTime::UNIX_EPOCH } else { then };
        files.insert(path, content.to_owned(), modified);
    }
    for path in [".secret", ".git/config", "list/.secret"] {
        files.insert(path, SECRET, then);
    }
    for (format, ending) in [(Format::Gzip, "gz"), (Format::Brotli, "br")] {
        let coded = encode(format, Level::Fast, text.as_bytes()).unwrap_or_default();
        files.insert(&format!("text.txt.{ending}"), coded, then);
    }
    let headers = "/list/*\n  X-List: yes\n  ! ETag\n/*.txt\n  Cache-Control: max-age=5\n/x\n  Bad Name: 1\n";
    let redirects =
        "/old/* /list/:splat 301\n/away https://e.example/ 302\n/alias /text.txt 200\n/gone /404.html 404\n";
    files.insert("_headers", headers, then);
    files.insert("_redirects", redirects, then);
    files
});

/// The property.
pub fn check(input: &[u8]) {
    let Some((flags, said)) = input.split_first_chunk::<4>() else { return };
    let flags = u32::from_le_bytes(*flags);
    let now = Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let said = &said[..said.len().min(8192)];
    let hold = |trail| dialogue::hold(App::new(flags, trail), said, flags & 1 != 0, &now);
    let (bytes, app) = hold(None);
    if flags & WATCHED != 0 {
        let trail = Trail::kept();
        let (same, _) = hold(Some(trail.clone()));
        let is_same = in_no_order(&same) == in_no_order(&bytes);
        assert!(is_same, "it is answered otherwise when somebody wants to know why");
        let is_told = |step: &Step| !step.topic.is_empty() && !step.text.is_empty();
        assert!(trail.take().iter().all(is_told));
    }
    let responses = wire::read(&bytes, |index| match app.asked.get(index) {
        Some(asked) => asked.is_head,
        // What is refused is a HEAD only if it begins like one.
        None => said.windows(5).any(|five| five == b"HEAD ") && is_bodiless(&bytes),
    });
    let shows_hidden = flags & 2 != 0;
    if !shows_hidden {
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET), "hidden, and sent");
    }
    let mut start = 0;
    for (response, asked) in responses.iter().zip(&app.asked) {
        let answer = &bytes[start..start + response.length];
        start += response.length;
        judge(response, &answer[..response.head], &answer[response.head..], asked);
    }
}

/// Whether a path ends with a slash, or with dots in its place (RFC 3986 §5.2.4).
fn is_of_folder(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default().replace("%2e", ".").replace("%2E", ".");
    matches!(last.as_str(), "" | "." | "..")
}

/// The lines: what is remembered has its fields in another order, which means nothing
/// (RFC 9110 §5.3).
fn in_no_order(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

/// Somebody wants to know why each answer is what it is.
const WATCHED: u32 = 1 << 17;

/// The last response is all head.
fn is_bodiless(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n\r\n")
}

fn options(flags: u32) -> Options {
    let is = |bit: u32| flags >> bit & 1 == 1;
    let path = |text| SafePath::parse(text).unwrap_or_else(|_| SafePath::root());
    let origin = Origin::parse("https://app.example");
    Options {
        hidden: is(1),
        listing: !is(2),
        clean_urls: is(3),
        // One that is there, one that is not, and one that is none.
        spa: is(4).then(|| path(["/index.html", "/no", "/list", "/list/1.txt"][(flags >> 18 & 3) as usize])),
        base: if is(5) { path("/base") } else { SafePath::root() },
        error_pages: if is(6) && is(20) {
            vec![(Status::NotFound, path("/list")), (Status::BadRequest, path("/none"))]
        } else if is(6) {
            vec![(Status::NotFound, path("/about.html")), (Status::Forbidden, path("/no"))]
        } else {
            Vec::new()
        },
        headers: if is(7) {
            vec![("X-Own".into(), Some("1".into())), ("Server".into(), None)]
        } else {
            Vec::new()
        },
        cache: [
            CachePolicy::NoCache,
            CachePolicy::Auto,
            CachePolicy::Off,
            CachePolicy::MaxAge(Duration::from_secs(9)),
        ][(flags >> 8 & 3) as usize],
        cors: match flags >> 10 & 3 {
            0 | 1 => Cors::Off,
            2 => Cors::Any,
            _ => Cors::Origins(origin.into_iter().collect()),
        },
        coi: is(12),
        precompressed: !is(13),
        compress: !is(14),
        rules: is(15).then(rules::Shared::default),
        watch: is(16)
            .then(|| Hub::new(if is(5) { "/base".into() } else { String::new() }, SystemTime::UNIX_EPOCH)),
        host_guard: HostGuard::new(["a".to_owned()]),
        boundaries: Boundaries::keyed([0; 16]),
        ..Options::default()
    }
}

/// What a response must not say unless it was asked for.
#[derive(Default)]
struct Asked {
    is_head: bool,
    is_get: bool,
    names: Vec<String>,
    is_own_text: bool,
    is_listing: bool,
}

fn judge(response: &wire::Response, head: &[u8], body: &[u8], asked: &Asked) {
    let Ok(head) = std::str::from_utf8(head) else { return };
    let has = |name: &str| asked.names.iter().any(|sent| sent == name);
    match response.status {
        304 => assert!(has("if-none-match") || has("if-modified-since"), "{head}"),
        412 => assert!(has("if-match") || has("if-unmodified-since"), "{head}"),
        206 | 416 => assert!(has("range") && asked.is_get, "{head}"),
        421 => assert!(has("host"), "{head}"),
        406 => assert!(has("accept-encoding"), "{head}"),
        // What cannot be met is a client's mistake, never ours.
        500.. => assert!(response.status == 501, "{head}"),
        _ => {}
    }
    let field = |name: &str| {
        let named =
            |line: &&str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        head.lines().filter(named).find_map(|line| line[name.len()..].strip_prefix(": "))
    };
    assert_eq!(field("X-Content-Type-Options"), Some("nosniff"), "{head}");
    let is_live = body.windows(SCRIPT.len()).any(|window| window == SCRIPT);
    let is_page = field("Content-Type").is_some_and(|media_type| media_type.starts_with("text/html"));
    assert!(!is_live || is_page && (has("sec-fetch-dest") || has("accept") || asked.is_listing), "{head}");
    let coding = field("Content-Encoding");
    assert!(coding.is_none() || has("accept-encoding"), "{head}");
    if response.status == 200 && asked.is_own_text && asked.is_get {
        let format = match coding {
            None => None,
            Some("gzip") => Some(Format::Gzip),
            Some("br") => Some(Format::Brotli),
            Some("zstd") => Some(Format::Zstd),
            Some(other) => panic!("{other}"),
        };
        let text = "0123456789abcdef".repeat(128);
        let decoded = format.map_or(Ok(body.to_vec()), |format| decode(format, body, 4096));
        assert!(decoded.is_ok_and(|decoded| decoded == text.as_bytes()), "{head}");
    }
}

/// The site, and notes of what it was asked.
struct App {
    site: Site<Memory>,
    asked: Vec<Asked>,
}

impl App {
    fn new(flags: u32, trail: Option<Trail>) -> App {
        let mut options = options(flags);
        options.coach = trail
            .as_ref()
            .map(|_| Coach::at_once(Arc::new(|hint| assert!(hint.starts_with("404 "), "{hint}"))));
        let site = Site::new(Arc::new(options), FILES.clone(), Arc::new(|_| {}));
        App { site: site.with_trail(trail.unwrap_or_default()), asked: Vec::new() }
    }
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        let answer = self.site.respond(request, peer, now);
        if !matches!(answer, Answer::After(_)) {
            self.asked.push(Asked {
                is_head: request.method_token == "HEAD",
                is_get: request.method_token == "GET",
                names: request.fields.lines().iter().map(|line| line.name.to_ascii_lowercase()).collect(),
                is_listing: request.target_text.split('?').next().is_some_and(is_of_folder),
                is_own_text: matches!(request.target_text, "/text.txt" | "/made.txt" | "/base/text.txt"),
            });
        }
        answer
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.site.error(status, peer, now)
    }

    fn is_logging(&self) -> bool {
        false
    }

    fn log(&mut self, _: &Exchange, _: &Now) {}

    fn notice(&mut self, message: &str, _: &Now) {
        panic!("noticed: {message}");
    }

    fn end_of_turn(&mut self, _: &Now) {}
}
