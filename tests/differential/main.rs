//! A differential test against nginx: thousands of generated combinations of conditions,
//! ranges and content codings, asked of both on the same folder.
//!
//! Each answer is checked against the files ([`shape`]): lengths, bytes and fields. What is
//! left of it is a [`Shape`], and that of both servers is foretold ([`reading`]): ours by
//! RFC 9110, nginx's by the same but for the entries of one list ([`differences`]). So a
//! difference that no entry explains fails, and so does an entry that explains none.
//!
//! It runs nginx only if it is asked to: `.ci/run nginx`. All but nginx's side of it is
//! part of every `cargo test`. `DIFFERENTIAL_SEED` is another sequence of cases.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod case;
mod differences;
mod generate;
mod nginx;
mod reading;
#[allow(dead_code, reason = "most of it is for the other tests of the whole server")]
#[path = "../serve"]
mod serving {
    pub mod harness;
}
mod shape;
mod site;
mod values;
mod wire;

use std::net::SocketAddr;

use case::Case;
use differences::Set;
use nginx::Nginx;
use serving::harness::{self, TestServer};
use shape::Shape;
use site::{PAGES, Site};
use wire::Connection;

const SEED: u64 = 9110;
const CASES: usize = 20_000;
/// Those that are asked of ours alone, wherever the tests run.
const CASES_OF_OURS: usize = 4_000;
/// So many mistakes are told.
const TOLD: usize = 10;

fn seed() -> u64 {
    std::env::var("DIFFERENTIAL_SEED").map_or(SEED, |text| text.parse().expect("a number"))
}

/// A server that is asked, and what is known of it.
struct Asked<'a> {
    name: &'static str,
    connection: Connection,
    tags: Vec<site::Tags>,
    /// What it does otherwise than RFC 9110 has it.
    differs: Set,
    site: &'a Site,
}

impl<'a> Asked<'a> {
    fn new(name: &'static str, address: SocketAddr, differs: Set, site: &'a Site) -> Asked<'a> {
        let mut connection = Connection::to(address);
        let tags = PAGES.iter().map(|page| page.learn_tags(&mut connection)).collect();
        Asked { name, connection, tags, differs, site }
    }

    /// Its answer; or what is wrong with it, as told to a reader.
    fn answer(&mut self, case: &Case) -> Result<Shape, String> {
        let tags = &self.tags[case.page];
        let request = case.request(tags);
        let expected = reading::answer(case, self.site, self.differs);
        let answer = self.connection.ask(&request, case.head);
        // nginx ends a connection after a 412, and says that it will be kept.
        if self.differs != Set::NONE && answer.as_ref().is_ok_and(|answer| answer.status == 412) {
            self.connection.renew();
        }
        let shape = answer.and_then(|answer| shape::understand(&answer, case, self.site, tags));
        let wrong = match shape {
            Ok(shape) if shape == expected => return Ok(shape),
            Ok(shape) => format!("{shape:?}"),
            Err(wrong) => wrong,
        };
        let request = String::from_utf8_lossy(&request).escape_debug().to_string();
        Err(format!("{}, asked\n    printf '{request}'\n  {wrong}\n  expected {expected:?}", self.name))
    }
}

/// Fails with what is wrong, if anything is.
fn report(seed: u64, wrong: &[String]) {
    let told: Vec<_> = wrong.iter().take(TOLD).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} wrong, with DIFFERENTIAL_SEED={seed}:\n{}", wrong.len(), told.join("\n"));
}

fn start_ours(site: &Site) -> TestServer {
    let directory = tempfile::tempdir().unwrap();
    site.write_to(directory.path());
    TestServer::start_in(directory, "", &["--compress", "off", "--log", "off"])
}

#[test]
fn serve_answers_as_the_rfc_is_read_here() {
    let site = Site::new();
    let server = start_ours(&site);
    let mut ours = Asked::new("serve", server.address, Set::NONE, &site);
    let cases = generate::cases(seed(), CASES_OF_OURS, &site);
    let wrong: Vec<_> = cases.iter().filter_map(|case| ours.answer(case).err()).collect();
    report(seed(), &wrong);
}

#[test]
#[ignore = "needs nginx: .ci/run nginx"]
fn every_difference_from_nginx_is_explained() {
    let site = Site::new();
    let server = start_ours(&site);
    let nginx = Nginx::start(server.directory.path());
    let known = differences::of_version(nginx.version);
    let mut ours = Asked::new("serve", server.address, Set::NONE, &site);
    let mut theirs = Asked::new("nginx", nginx.address, known, &site);

    let mut wrong = Vec::new();
    let mut tally = differences::Tally::default();
    for case in generate::cases(seed(), CASES, &site) {
        match (ours.answer(&case), theirs.answer(&case)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => tally.same(),
            (Ok(_), Ok(_)) => tally.different(differences::needed(&case, &site, known)),
            (ours, theirs) => wrong.extend([ours.err(), theirs.err()].into_iter().flatten()),
        }
    }
    println!("nginx {}, seed {}\n{tally}", nginx.version, seed());
    report(seed(), &wrong);
    assert_eq!(tally.dead(known), [""; 0], "entries that explain nothing");
}
