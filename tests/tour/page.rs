//! Step 2: one page. What is said of the protocol holds in steps 3 and 4, too.

use super::Step;

const PAGE: &str = "<!doctype html><title>serve</title><p>Hello from an event loop.\n";
const STEPS: [&str; 3] = ["tour_2_page", "tour_3_files", "tour_4_site"];

/// The steps that speak HTTP; what they have at `/` does not matter.
fn all() -> (tempfile::TempDir, Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), PAGE).unwrap();
    let steps = STEPS.iter().map(|name| Step::serving(name, folder.path())).collect();
    (folder, steps)
}

/// The status codes of all that comes back.
fn statuses(text: &str) -> Vec<&str> {
    // A page may speak of HTTP/1.1, too, but not with a number behind it.
    let codes = text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]);
    codes.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

#[test]
fn the_page_comes_with_its_length() {
    let step = Step::start("tour_2_page");
    let answer = step.get("/");
    assert_eq!((answer.status, answer.body()), (200, PAGE));
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert!(answer.field("Date").is_some_and(|date| date.ends_with(" GMT")));
    for target in ["/?query", "http://localhost", "http://localhost/?query", "http://localhost?query"] {
        assert_eq!(step.get(target).body(), PAGE, "{target}");
    }
    assert_eq!(step.get("/other").status, 404);
}

#[test]
fn head_is_get_without_the_body() {
    let (_folder, steps) = all();
    for step in steps {
        let (get, mut head) = (step.get("/"), step.request("HEAD", "/"));
        // They may fall into different seconds.
        head.head = head.head.replace(head.field("Date").unwrap(), get.field("Date").unwrap());
        assert_eq!((head.status, &head.head), (200, &get.head));
        let rest = step.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(rest.ends_with("\r\n\r\n"), "{rest}");
    }
}

#[test]
fn a_head_may_come_in_any_pieces() {
    let (_folder, steps) = all();
    for step in steps {
        let mut client = step.connect();
        client.stream.get_ref().set_nodelay(true).unwrap();
        for byte in b"\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n" {
            client.say([*byte]);
        }
        assert_eq!(client.answer(true).body(), PAGE);
        client.say("GET / HTTP/1.1\r\nHost: local");
        assert!(client.hears_nothing());
        client.say("host\r\n\r\n");
        assert_eq!(client.answer(true).body(), PAGE);
    }
}

/// Clients need not wait for one answer before they ask for the next.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_folder, steps) = all();
    for step in steps {
        let mut client = step.connect();
        let (one, two) =
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.say([one, two].concat().repeat(100));
        for _ in 0..100 {
            assert_eq!((client.answer(true).status, client.answer(true).status), (200, 404));
        }
    }
}

#[test]
fn a_connection_is_kept_as_long_as_both_want() {
    let (_folder, steps) = all();
    for step in steps {
        let requests = |first: &str| format!("{first}\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let last = [
            "GET / HTTP/1.0",
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close",
            "GET / HTTP/1.1\r\nHost: localhost\r\nconnection: te , CLOSE",
        ];
        for first in last {
            let text = step.ask(requests(first));
            assert_eq!(statuses(&text), ["200"], "{first}");
            assert!(text.contains("\r\nConnection: close\r\n"));
        }
        assert_eq!(statuses(&step.ask(requests("GET / HTTP/1.1\r\nHost: localhost"))), ["200", "200"]);
    }
}

#[test]
fn what_is_wrong_has_its_own_status_and_is_the_last() {
    let (_folder, steps) = all();
    for step in steps {
        let cases = [
            ("GET / HTTP/1.1", "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a", "400"),
            ("GET / HTTP/1.0\r\nHost: a\r\nHost: a", "400"),
            ("GET / HTTP/1.1\r\nHost : localhost", "400"),
            ("GET /\r\nHost: localhost", "400"),
            ("GET / and more HTTP/1.1\r\nHost: localhost", "400"),
            ("GET / HTTP/2.0\r\nHost: localhost", "505"),
        ];
        for (head, status) in cases {
            let text = step.ask(format!("{head}\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assert_eq!(statuses(&text), [status], "{head}");
            assert!(text.contains("\r\nConnection: close\r\n"));
        }
        let unknown = "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(statuses(&step.ask(unknown.repeat(2))), ["501", "501"], "that can be understood");
    }
}

/// A head of 8 KiB is answered, and one of a byte more is not, in whatever pieces it comes.
#[test]
fn heads_have_a_limit() {
    const HEAD_MAX: usize = 8 * 1024;
    for step in STEPS[..2].iter().map(|name| Step::start(name)) {
        let head = |length: usize| {
            let start = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
            format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
        };
        for (length, is_too_long) in [(HEAD_MAX - 1, false), (HEAD_MAX, false), (HEAD_MAX + 1, true)] {
            let text = head(length);
            assert_eq!(text.len(), length);
            assert_eq!(statuses(&step.ask(&text)) == ["431"], is_too_long, "{length}");
            let mut client = step.connect();
            for piece in text.as_bytes().chunks(length / 3) {
                client.say(piece);
                client.hears_nothing();
            }
            assert_eq!(client.answer(true).status == 431, is_too_long, "{length}");
        }
        // Who never ends a line does not have to end it to be told.
        let mut client = step.connect();
        client.say("x".repeat(2 * HEAD_MAX));
        assert_eq!(client.answer(true).status, 431);
        let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: x\r\n".repeat(64));
        assert_eq!(statuses(&step.ask(many)), ["431"]);
    }
}

/// What looks like a request in a body is none. That is how smuggling begins.
#[test]
fn a_body_is_never_taken_for_a_request() {
    let (_folder, steps) = all();
    for step in steps {
        let inner = "GET /inner HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for framing in [format!("Content-Length: {}", inner.len()), "Transfer-Encoding: chunked".to_owned()] {
            let text = step.ask(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n{inner}"));
            assert_eq!(statuses(&text), ["200"], "{framing}");
        }
        let text = step.ask(format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n{inner}"));
        assert_eq!(statuses(&text), ["200", "404"], "there is no body");
    }
}

/// Closing at once would reset the connection, and the reset could overtake the answer.
#[test]
fn an_answer_outlives_what_is_not_read() {
    let (_folder, steps) = all();
    for step in steps {
        for _ in 0..20 {
            let mut client = step.connect();
            client.say("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n");
            client.say(vec![b'x'; 200_000]);
            let answer = client.answer(true);
            assert_eq!((answer.status, answer.body()), (200, PAGE));
            assert_eq!(client.rest(), b"");
        }
    }
}

/// What the tour says of requests that can be read in two ways.
#[test]
fn the_server_is_stricter_than_the_steps() {
    let (_folder, steps) = all();
    for head in [
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    ] {
        let found: Vec<String> = steps.iter().map(|step| statuses(&step.ask(head)).join(" ")).collect();
        assert_eq!(found, ["200", "200", "400"], "{head}");
    }
}
