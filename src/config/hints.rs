//! What fingers know from other servers, and what `serve` calls it.
//!
//! A table, looked up once the command line is known to be wrong; never a silent
//! reinterpretation of it. Where `serve` has no such feature, it is said plainly.

/// Spellings of other servers, and what to say instead.
const OPTIONS: &[(&[&str], &str)] = &[
    (
        &[
            "--host",
            "--hostname",
            "--address",
            "--addr",
            "--ip",
            "-l",
            "--listen",
            "--interface",
            "--interfaces",
        ],
        "use --bind ADDR[:PORT], or --lan for all interfaces",
    ),
    (
        &["-a"],
        "did you mean --bind ADDR[:PORT]? (serve does not ask for passwords: put it behind a proxy that does)",
    ),
    (
        &["-i"],
        "did you mean --bind ADDR[:PORT], --index NAME (index files are served anyway), or --cache auto?",
    ),
    (
        &["-c"],
        "browsers are told to revalidate already, so nothing gets stale; did you mean --cache 1h, which lets them keep files, or --cors? (serve does not read its options from files: every option is also a variable, and files _redirects and _headers in the folder are followed)",
    ),
    (&["-m"], "did you mean --cache TIME? (serve does not take uploads, it only sends files)"),
    (
        &[
            "--no-cache",
            "--nocache",
            "--cache-control",
            "--cache-time",
            "--max-age",
            "--maxage",
            "--cache-control-headers",
        ],
        "browsers are told to revalidate already, so nothing gets stale; --cache 1h lets them keep files, --cache off says nothing",
    ),
    (
        &[
            "-x",
            "-G",
            "-B",
            "--gzip",
            "--brotli",
            "--zstd",
            "--compression",
            "--no-compression",
            "--no-compress",
            "--compress-response",
            "--compression-static",
        ],
        "text is compressed anyway, unless with --compress off; --precompress DIR does it once and for all, and siblings are sent unless with --precompressed off",
    ),
    (&["--compression-level"], "serve chooses the level; --precompress DIR takes the highest"),
    (
        &["-g"],
        "text is compressed anyway, unless with --compress off, and siblings are sent unless with --precompressed off; folders can be saved anyway, unless with --no-archives; did you mean --verbose?",
    ),
    (&["-u"], "did you mean --compress off? (serve does not take uploads, it only sends files)"),
    (&["-U"], "times in logs are in UTC anyway (serve does not take uploads, it only sends files)"),
    (
        &["-C"],
        "did you mean --cors? (text is compressed anyway; serve does not encrypt: put it behind a proxy that does TLS)",
    ),
    (
        &["-S"],
        "did you mean --symlinks follow, or ?sort=size in the address of a folder? (serve does not encrypt: put it behind a proxy that does TLS)",
    ),
    (
        &["-r"],
        "did you mean --root PATH? (folders can be saved anyway, unless with --no-archives; robots.txt is a file in the folder)",
    ),
    (
        &["-z"],
        "folders are listed anyway, unless with --no-listing, and can be saved anyway, unless with --no-archives",
    ),
    (&["--cgi", "--middleware"], "serve never runs programs, it only sends files"),
    (&["--templates"], "files are sent as they are, and pages are not put together"),
    (&["--protocol"], "serve always speaks HTTP/1.1"),
    (&["-k", "--http2", "--http3"], "serve speaks HTTP/1.1 only; a proxy in front can speak more"),
    (
        &[
            "--single",
            "--single-page",
            "--page-fallback",
            "--render-spa",
            "--try-file",
            "--fallback",
            "--entry-file",
        ],
        "use --spa, or --spa=FILE",
    ),
    (&["--case-sensitive"], "use --strict-case"),
    (&["--qrcode"], "use --qr"),
    (
        &["-e", "-E"],
        "did you mean --clean-urls, which adds .html to paths, or --cache auto? (files always have an ETag)",
    ),
    (&["--ext", "--pretty-urls", "--cleanurls"], "use --clean-urls, which adds .html to paths"),
    (
        &["--enable-cors", "--allow-origin", "--cors-allow-origins"],
        "use --cors for all sites, or --cors=ORIGIN for each one",
    ),
    (&["--coop", "--coep", "--cross-origin-isolation"], "use --coi"),
    (&["--immutable", "--immutable-assets"], "use --cache auto, which knows names with a hash"),
    (&["--404", "--page404", "--page50x", "--error-pages", "--not-found"], "use --error-page CODE=FILE"),
    (
        &["-P"],
        "did you mean --symlinks deny? (serve does not forward requests, nor encrypt: put it behind a proxy that does TLS)",
    ),
    (&["--proxy", "--proxy-all", "--proxy-options"], "serve does not forward requests"),
    (
        &[
            "-K",
            "--ssl",
            "--tls",
            "--https",
            "--cert",
            "--key",
            "--tls-cert",
            "--tls-key",
            "--ssl-cert",
            "--ssl-key",
            "--tls-password-file",
            "--ssl-pass",
            "--pass",
            "--http2-tls-cert",
            "--http2-tls-key",
            "--https-redirect",
        ],
        "serve does not encrypt; put it behind a proxy that does TLS",
    ),
    (
        &["--dir", "--folder", "--path", "--public", "--docroot", "--document-root", "--webroot"],
        "give the PATH by itself, or use --root PATH",
    ),
    (
        &["--no-dotfiles", "--hide-dotfiles", "--no-hidden", "--ignore-hidden-files"],
        "hidden files are not served anyway, unless with --hidden",
    ),
    (&["--dotfiles", "--include-hidden", "--show-hidden"], "use --hidden"),
    (&["--silent", "--no-request-logging"], "use --quiet, or --log off to keep the start message"),
    (&["-L", "--no-log", "--no-logs"], "use --log off"),
    (&["--log-format", "--access-log"], "use --log short, combined, json or off"),
    (&["--log-file"], "serve does not write log files; the log goes to standard output, so use > FILE"),
    (&["--follow-symlinks", "--allow-symlink", "--allow-symlinks"], "use --symlinks follow"),
    (&["--no-symlinks", "--disable-symlinks", "--no-follow-symlinks"], "use --symlinks deny"),
    (
        &["--disable-indexing", "--no-directory-listing", "--no-listings", "--no-autoindex", "--no-indices"],
        "use --no-listing",
    ),
    (
        &["--directory-listing", "--autoindex", "--show-dir", "--browse", "--listing"],
        "folders are listed anyway, unless with --no-listing",
    ),
    (
        &["-I"],
        "did you mean --no-listing? (there is nothing to leave out: --spa leaves names with an extension alone)",
    ),
    (&["--index-files", "--index-file"], "use --index NAME"),
    (
        &[
            "-A",
            "-M",
            "-R",
            "--rm-files",
            "--media-type",
            "--raw-media-type",
            "--on-duplicate-files",
            "--chmod",
            "--mkdir",
            "--upload",
            "--upload-files",
            "--allow-upload",
            "--allow-all",
            "--allow-delete",
            "--enable-webdav",
        ],
        "serve does not take uploads, it only sends files",
    ),
    (
        &["--auth", "--auth-file", "--htpasswd", "--username", "--password", "--basic-auth"],
        "serve does not ask for passwords; put it behind a proxy that does",
    ),
    (&["--reload", "--livereload", "--live-reload"], "use --watch, which reloads pages when files change"),
    (
        &["--config", "--config-file"],
        "serve does not read its options from files; every option is also a variable like SERVE_PORT",
    ),
    (
        &["--redirect", "--redirects", "--rewrite", "--rewrites"],
        "write a file _redirects in the folder, with lines like: /old /new 301",
    ),
    (&["--no-redirects", "--no-headers", "--ignore-rules"], "use --no-rules"),
    (&["--timeout"], "use --idle-timeout, --header-timeout or --send-timeout"),
    (
        &["-t"],
        "did you mean --idle-timeout, --header-timeout or --send-timeout? (the page of a folder has one look, light or dark as the browser likes it; serve does not encrypt: put it behind a proxy that does TLS)",
    ),
    (&["--mimetypes", "--mime-types"], "use --mime EXT=TYPE, once for each"),
    (&["--default-mimetype", "--default-type"], "use --content-type TYPE"),
    (
        &["--base-dir", "--base-url", "--path-prefix", "--route-prefix", "--base", "--prefix"],
        "use --base-path PATH",
    ),
    (&["--workers", "--jobs", "-j", "--threads-multiplier"], "use --threads N"),
    (&["--throttle", "--bandwidth", "--speed", "--rate"], "use --limit-rate RATE, or --slow 3g"),
    (&["--delay", "--latency", "--lag"], "use --slow TIME, like --slow 300ms"),
    (&["--strict-port", "--no-port-switching"], "a port that was asked for is never replaced by another"),
    (&["--headers", "--custom-header"], "use --header 'Name: value', once for each"),
    (
        &["--domain"],
        "use --allow-host NAME; serve asks for no certificates, so put it behind a proxy that does",
    ),
    (&["--log-ip"], "use --log combined, which begins with the client's address"),
    (&["--robots"], "put a file robots.txt in the folder"),
    (&["-n"], "did you mean --threads N? (serve leaves the clipboard alone)"),
    (&["--no-clipboard"], "serve leaves the clipboard alone"),
    (
        &["--no-etag", "--etag"],
        "files always have an ETag, so that browsers get what has changed and nothing else",
    ),
    (&["--debug"], "use --verbose"),
    (&["--log-level"], "use --verbose or --quiet; the access log is set by --log"),
    (&["--log-remote-address"], "use --log combined, which begins with the client's address"),
    (&["--utc"], "times in logs are in UTC anyway"),
    (&["--no-browser"], "no browser is opened anyway, unless with --open"),
    (&["--browser"], "use --open, which takes the browser that the system prefers"),
    (&["--no-css-inject"], "--watch exchanges style sheets in place"),
    (
        &["--health"],
        "no path is for that alone: ask for a file, or the page of the folder; --ready-file says when it listens",
    ),
    (&["--metrics"], "serve counts at its end, with --verbose; --log json is a log for programs"),
    (
        &["--maintenance-mode"],
        "there is no such mode; a line `/* /down.html 200!` of a file _redirects in the folder answers all with that page",
    ),
    (&["--security-headers"], "use --header 'Name: value', once for each, or a file _headers in the folder"),
    (&["--grace-period"], "use --grace TIME"),
    (
        &["--redirect-trailing-slash", "--trailing-slash"],
        "a folder without its slash is redirected anyway, and a file with one is not there",
    ),
    (
        &["--unlisted"],
        "there is nothing to leave out of a listing but names that begin with a dot; --no-listing lists nothing",
    ),
    (&["--unix-socket"], "serve has no sockets of the file system: use --bind ADDR[:PORT]"),
    (&["--fd", "-f"], "serve binds by itself: use --bind ADDR[:PORT]"),
    (&["--random-route"], "use --base-path PATH, with a path that nobody guesses"),
    (
        &["-D"],
        "folders come first anyway; files are looked at for each request anyway, and --watch reloads pages when they change",
    ),
    (&["--dirs-first"], "folders come first anyway"),
    (
        &["--default-sorting-method", "--default-sorting-order", "--sort", "-O", "--directory-listing-order"],
        "add ?sort=size or ?sort=modified to the address of a folder",
    ),
    (
        &[
            "--enable-tar",
            "--enable-tar-gz",
            "--enable-zip",
            "--allow-archive",
            "--directory-listing-download",
        ],
        "folders can be saved anyway, by ?download or ?download=tar, unless with --no-archives",
    ),
    (&["--allow-search"], "a listing has a filter; ?q=WORD in the address of a folder is the same"),
    (&["--allow-hash"], "ask with the field Want-Repr-Digest: sha-256=1"),
    (&["--render-try-index"], "index files are served anyway; --index NAME names others"),
    (&["--render-index"], "index files are served anyway; --no-listing is 404 for folders without one"),
    (
        &["--directory-listing-format"],
        "add ?format=json, ndjson, csv or text to the address of a folder; Accept: application/json is the same",
    ),
    (
        &["--assets", "--title", "--theme", "--color-scheme", "--color-scheme-dark"],
        "the page of a folder has one look, light or dark as the browser likes it",
    ),
    (&["--readme"], "a README is shown below the list of its folder anyway"),
    (&["--directory-size"], "a listing has no sizes of folders"),
    (&["--file-limit"], "a listing has up to 50,000 entries"),
    (&["--print-completions"], "use --completions SHELL"),
    (&["--print-manpage", "--manpage"], "use --man"),
    (&["--dev"], "files are looked at for each request anyway; --watch reloads pages when they change"),
    (&["--wait"], "--watch waits until a build is done anyway"),
    (
        &["--ignore", "--ignores"],
        "there is nothing to leave out: --watch does not look at what is hidden, and --spa leaves names with an extension alone",
    ),
    (&["--mount"], "serve shares one folder; to share two, run it twice"),
    (&["--allowed-hosts", "--allow-hosts"], "use --allow-host NAME, once for each"),
];

/// What to say to an option that does not exist.
pub(super) fn for_option(spelling: &str) -> Option<&'static str> {
    OPTIONS.iter().find(|(spellings, _)| spellings.contains(&spelling)).map(|(_, hint)| *hint)
}

/// What to say to a PATH that does not exist.
pub(super) fn for_path(path: &str) -> Option<String> {
    let is_address = |text: &str| {
        text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
            || text.parse::<std::net::SocketAddr>().is_ok()
            || text.parse::<std::net::IpAddr>().is_ok()
            || text.strip_prefix("localhost").is_some_and(|port| port.is_empty() || port.starts_with(':'))
    };
    match path {
        _ if path.contains("://") => Some(format!(
            "{path} is a URL, and serve takes a PATH: the folder to share (where it listens is set by --bind)"
        )),
        _ if is_address(path) => Some(format!("there is no {path} to share; did you mean --bind {path}?")),
        "true" | "false" => Some(format!(
            "there is no {path} to share; -d takes a folder, and --no-listing switches listings off"
        )),
        "help" | "version" => Some(format!("there is no {path} to share; did you mean --{path}?")),
        "c-1" => Some(
            "there is no c-1 to share; browsers are told to revalidate already, and --cache off says nothing"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::cli;

    /// Every word that looks like an option, with the dashes.
    fn options_in(text: &str) -> impl Iterator<Item = &str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text.split(move |c| !is_part(c)).filter(|word| word.starts_with('-') && word.len() > 1)
    }

    #[test]
    fn hints_name_only_what_exists() {
        for (spellings, hint) in OPTIONS {
            for option in options_in(hint) {
                assert!(cli::has_option(option), "{spellings:?} points to {option}");
            }
        }
    }

    #[test]
    fn what_exists_has_no_hint() {
        let mut all = Vec::new();
        for spelling in OPTIONS.iter().flat_map(|(spellings, _)| *spellings) {
            assert!(!cli::has_option(spelling), "{spelling} exists now");
            assert!(!all.contains(&spelling), "{spelling} has two hints");
            all.push(spelling);
        }
    }

    #[test]
    fn paths_that_are_something_else() {
        for path in
            ["http://localhost:8000/", "localhost:8000", "127.0.0.1", ":8000", "[::1]:80", "false", "help"]
        {
            assert!(for_path(path).is_some(), "{path}");
        }
        for path in ["dist", "localhosts", "./:8000", "a:b", "C:\\www", "8000", ""] {
            assert_eq!(for_path(path), None, "{path}");
        }
    }
}
