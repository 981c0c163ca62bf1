//! A site with a coach: what is said, how often, and who does not hear of it.

use std::time::{Duration, SystemTime};

use super::*;
use crate::http::{Response, Status};
use crate::site::files::Memory;
use crate::site::tests::asking::answer;
use crate::site::{Options, Site};

type Said = Arc<Mutex<Vec<String>>>;

/// A site of three files, with what its coach has said; and one without a coach.
fn sites(coach: impl Fn(Report) -> Coach) -> (Site<Memory>, Site<Memory>, Said) {
    let mut files = Memory::default();
    for path in ["img/Logo.PNG", "about.html", ".env"] {
        files.insert(path, "x", SystemTime::UNIX_EPOCH);
    }
    let said = Said::default();
    let sink = Arc::clone(&said);
    let coach = coach(Arc::new(move |line| sink.lock().unwrap().push(line.to_owned())));
    let report: Report = Arc::new(|line| panic!("{line}"));
    let site = |options| Site::new(Arc::new(options), files.clone(), Arc::clone(&report));
    (site(Options { coach: Some(coach), ..Options::default() }), site(Options::default()), said)
}

fn body(response: &Response) -> String {
    format!("{:?} {:?}", response.fields, response.body)
}

#[test]
fn who_watches_is_told_why_and_the_client_gets_what_it_always_gets() {
    let (mut site, mut plain, said) = sites(Coach::at_once);
    let now = Now::read();
    for (target, expected) in [
        ("/img/logo.png", Some("404 /img/logo.png: there is /img/Logo.PNG, which differs in case")),
        ("/.env", Some("404 /.env: hidden names are not served; --hidden would")),
        ("/abuot?x=1", Some("404 /abuot: did you mean /about.html?")),
        ("/a%1b[2J/x", Some("404 /a\u{1b}[2J/x: there is no folder")),
        ("/zzz", None),
        ("/about.html", None),
        ("/../x", None),
    ] {
        let (ours, theirs) =
            (answer(&mut site, "GET", target, &[], &now), answer(&mut plain, "GET", target, &[], &now));
        assert_eq!((ours.status, body(&ours)), (theirs.status, body(&theirs)), "{target}");
        let said = std::mem::take(&mut *said.lock().unwrap());
        assert_eq!(said.len(), usize::from(expected.is_some()), "{target}: {said:?}");
        assert!(said.iter().all(|line| line.starts_with(expected.unwrap())), "{target}: {said:?}");
    }
}

/// Waits until the searches that were begun are over: they are made one after the other.
fn wait(coach: &Coach) {
    let Work::Later(later) = &coach.work else { return };
    let pool = later.pool.lock().unwrap().clone();
    let (done, is_done) = std::sync::mpsc::channel();
    let Some((_, pool)) = pool else { return };
    while pool
        .submit(Box::new({
            let done = done.clone();
            move || done.send(()).unwrap()
        }))
        .is_err()
    {
        std::thread::yield_now();
    }
    is_done.recv().unwrap();
}

/// R46.
#[test]
fn a_client_that_guesses_names_cannot_fill_the_screen() {
    let (mut site, _, said) = sites(Coach::new);
    let coach = site.options.coach.clone().unwrap();
    let now = Now::read();
    let mut ask = |target: &str, now: &Now| {
        assert_eq!(answer(&mut site, "GET", target, &[], now).status, Status::NotFound);
        wait(&coach);
    };
    for _ in 0..3 {
        ask("/abuot", &now);
    }
    assert_eq!(*said.lock().unwrap(), ["404 /abuot: did you mean /about.html?"], "once");
    for name in 0..1000 {
        ask(&format!("/x{name}/y"), &now);
    }
    assert_eq!(said.lock().unwrap().len(), 10);
    ask("/abuot", &now.later(Duration::from_secs(100)));
    assert_eq!(said.lock().unwrap().len(), 11);
}

#[test]
fn what_programs_ask_for_by_themselves_is_not_explained() {
    let (mut site, _, said) = sites(Coach::new);
    let now = Now::read();
    for target in ["/favicon.ico", "/robots.txt", "/.well-known/x/y", "/apple-touch-icon.png", "/js/a.js.map"]
    {
        answer(&mut site, "GET", target, &[], &now);
    }
    answer(&mut site, "POST", "/abuot", &[], &now);
    answer(&mut site, "OPTIONS", "/abuot", &[], &now);
    let Some(Coach { work: Work::Later(later), .. }) = &site.options.coach else { panic!("no coach") };
    assert!(later.pool.lock().unwrap().is_none(), "nothing was searched for");
    assert!(said.lock().unwrap().is_empty());
}

#[test]
fn another_root_has_another_thread_and_the_same_root_the_same() {
    let later = Arc::<Later>::default();
    let (done, is_done) = std::sync::mpsc::channel();
    let mut threads = Vec::new();
    for place in [b"a", b"a", b"b"] {
        let done = done.clone();
        let job = move || done.send(std::thread::current().id()).unwrap();
        Work::Later(Arc::clone(&later)).run(Some(place.to_vec()), Box::new(job));
        threads.push(is_done.recv().unwrap());
    }
    assert_eq!(threads[0], threads[1]);
    assert_ne!(threads[1], threads[2]);
}
