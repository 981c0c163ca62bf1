//! A listing that is made once for many: each has all that it would have alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::http::response::ResponseJob;
use crate::site::files::{Entries, Lookup, Place};
use crate::site::listing::Row;

/// The directories of a disk that changes: each holds one file, whose name tells how
/// often the disk had been changed when it was read.
#[derive(Clone, Default)]
struct Disk {
    changes: Arc<AtomicUsize>,
    readings: Arc<AtomicUsize>,
    is_broken: Arc<AtomicBool>,
    /// What loops that have the same root have in common.
    root: &'static [u8],
}

impl FileSystem for Disk {
    fn open(&mut self, path: &SafePath, _: &Now) -> io::Result<Node> {
        if path.has_trailing_slash() { Ok(Node::Directory) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }

    fn place(&self, path: &SafePath) -> Option<Place> {
        Some([self.root, path.as_bytes()].concat())
    }
}

impl Lookup for Disk {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &SafePath, _: usize, _: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        self.readings.fetch_add(1, Ordering::Relaxed);
        assert!(!self.is_broken.load(Ordering::Relaxed), "on purpose");
        let name = format!("v{}", self.changes.load(Ordering::Relaxed)).into_bytes();
        let rows = vec![Row { name, is_directory: false, len: 1, modified: None }];
        Ok(Entries { rows, truncated: false })
    }
}

/// The sites of some loops of one server.
fn loops(disks: &[Disk], options: Options) -> Vec<Site<Disk>> {
    let options = Arc::new(options);
    let site = |disk: &Disk| Site::new(Arc::clone(&options), disk.clone(), Arc::new(|_: &str| {}));
    disks.iter().map(site).collect()
}

fn ask(site: &mut Site<Disk>, target: &str, fields: &[(&str, &str)]) -> ResponseJob {
    match asking::ask(site, "GET", target, fields, &Now::read()) {
        Answer::Later(job) => job,
        _ => panic!("a listing is made later"),
    }
}

/// How often the disk had been changed when this was read.
fn version(response: &Response) -> usize {
    let text = text(&response.body);
    let (_, rest) = text.split_once("\"./v").unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn one_reading_serves_all_who_asked_before_it_and_nobody_who_asked_later() {
    let disk = Disk::default();
    // Two loops, with a root of their own each, but of the same directory.
    let mut sites = loops(&[disk.clone(), disk.clone()], Options::default());
    let early: Vec<_> = (0..6).map(|n| ask(&mut sites[n % 2], "/d/", &[])).collect();
    disk.changes.store(1, Ordering::Relaxed);
    let mut early = early.into_iter();
    assert_eq!(version(&early.next().unwrap()()), 1);
    disk.changes.store(2, Ordering::Relaxed);
    let late = ask(&mut sites[0], "/d/", &[]);
    assert_eq!(version(&late()), 2, "asked after the change");
    assert!(early.all(|job| version(&job()) == 1));
    assert_eq!(disk.readings.load(Ordering::Relaxed), 2);
    // And nothing is kept for those who may come.
    assert_eq!(version(&ask(&mut sites[1], "/d/", &[])()), 2);
    assert_eq!(disk.readings.load(Ordering::Relaxed), 3);
}

#[test]
fn directories_forms_and_roots_have_readings_of_their_own() {
    let disk = Disk::default();
    let exchanged = Disk { root: b"new/", ..disk.clone() };
    let mut sites = loops(&[disk.clone(), exchanged], Options::default());
    let jobs = [
        ask(&mut sites[0], "/d/", &[]),
        ask(&mut sites[0], "/e/", &[]),
        ask(&mut sites[0], "/d/?format=json", &[]),
        ask(&mut sites[1], "/d/", &[]),
        ask(&mut sites[0], "/d/", &[("Accept", "application/json")]),
    ];
    let types = jobs.map(|job| job().fields.get("content-type").unwrap().to_owned());
    assert_eq!(types.each_ref().map(|text| text.contains("json")), [false, false, true, false, true]);
    assert_eq!(disk.readings.load(Ordering::Relaxed), 4);
}

#[test]
fn each_who_shares_has_conditions_and_fields_of_its_own() {
    let cors = Options { cors: cors::Cors::Any, ..Options::default() };
    let mut sites = loops(&[Disk::default()], cors);
    let tag = ask(&mut sites[0], "/", &[])().fields.get("etag").unwrap().to_owned();
    let jobs = [
        ask(&mut sites[0], "/", &[("If-None-Match", &*tag)]),
        ask(&mut sites[0], "/", &[("If-None-Match", "\"other\"")]),
        ask(&mut sites[0], "/", &[("If-Match", "\"other\"")]),
        ask(&mut sites[0], "/", &[]),
    ];
    let answers = jobs.map(|job| job());
    assert_eq!(
        answers.each_ref().map(|answer| answer.status),
        [Status::NotModified, Status::Ok, Status::PreconditionFailed, Status::Ok]
    );
    for answer in &answers {
        assert_eq!(answer.fields.get("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn who_has_it_already_is_told_so_though_others_ask_at_once_and_there_is_no_room_for_them() {
    let tag = ask(&mut loops(&[Disk::default()], Options::default())[0], "/", &[])();
    let tag = tag.fields.get("etag").unwrap().to_owned();
    let options = Options { listings: budget::Budget::new(10), ..Options::default() };
    let mut sites = loops(&[Disk::default()], options);
    let refused = ask(&mut sites[0], "/", &[]);
    let known = ask(&mut sites[0], "/", &[("If-None-Match", &*tag)]);
    assert_eq!([refused, known].map(|job| job().status), [Status::ServiceUnavailable, Status::NotModified]);
}

#[test]
fn what_many_share_is_in_memory_once() {
    let mut sites = loops(&[Disk::default()], Options::default());
    let one = ask(&mut sites[0], "/", &[])().body.len() as usize;
    let options = Options { listings: budget::Budget::new(one), ..Options::default() };
    let mut sites = loops(&[Disk::default()], options);
    let jobs: Vec<_> = (0..100).map(|_| ask(&mut sites[0], "/", &[])).collect();
    let answers: Vec<_> = jobs.into_iter().map(|job| job()).collect();
    assert!(answers.iter().all(|answer| answer.status == Status::Ok));
    assert_eq!(ask(&mut sites[0], "/", &[])().status, Status::ServiceUnavailable);
    drop(answers);
    assert_eq!(ask(&mut sites[0], "/", &[])().status, Status::Ok);
}

#[test]
fn who_leaves_takes_nobody_along_and_a_panic_is_told_to_all_who_share_it() {
    let disk = Disk::default();
    let mut sites = loops(std::slice::from_ref(&disk), Options::default());
    let mut ask = || ask(&mut sites[0], "/", &[]);
    let (left, stayed) = (ask(), ask());
    drop(left);
    assert_eq!(version(&stayed()), 0);
    disk.is_broken.store(true, Ordering::Relaxed);
    let (first, second) = (ask(), ask());
    // The loop makes a 500 of it.
    assert!(catch_unwind(AssertUnwindSafe(first)).is_err());
    assert_eq!(second().status, Status::InternalServerError);
    disk.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(ask()().status, Status::Ok);
}
