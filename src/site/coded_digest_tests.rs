//! What is told of the content: tags where the time says nothing, and digests.

use super::*;
use crate::site::derived::Entry;

#[test]
fn a_file_whose_time_says_nothing_is_known_by_its_content() {
    let content = text(5000);
    let mut bench = Bench::new(&[], 1 << 20);
    bench.site.files.insert("a.txt", content.clone(), SystemTime::UNIX_EPOCH);
    let whole = bench.get("/a.txt", "");
    let etag = whole.fields.get("etag").unwrap().to_owned();
    assert_eq!(etag, crate::http::precondition::ETag::of_bytes(&content).to_string());
    assert_eq!(whole.fields.get("last-modified"), None);
    assert_eq!(bench.get_with("/a.txt", &[("If-None-Match", &etag)]).status, Status::NotModified);
    let part = bench.get_with("/a.txt", &[("Range", "bytes=0-1"), ("If-Range", &etag)]);
    assert_eq!(part.status, Status::PartialContent);
    bench.site.files.insert("a.txt", text(5001), SystemTime::UNIX_EPOCH);
    assert_eq!(bench.get_with("/a.txt", &[("If-None-Match", &etag)]).status, Status::Ok);
}

#[test]
fn a_digest_is_made_once_away_from_the_loop_for_who_wants_it() {
    let long = text(100_000);
    let mut bench = Bench::new(&[("a.bin", &long, 1)], 1 << 20);
    let fields = [("Want-Repr-Digest", "sha-256=1")];
    let Answer::After(make) = bench.ask("GET", "/a.bin", &fields) else { panic!("made at once") };
    make();
    let Answer::Ready(response) = bench.ask("GET", "/a.bin", &fields) else { panic!("made again") };
    let digest = sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), &long));
    let expected = crate::site::digests::field_value(&digest.into());
    assert_eq!(response.fields.get("repr-digest"), Some(expected.as_str()));
    assert_eq!(bench.get("/a.bin", "").fields.get("repr-digest"), None);
}

#[test]
fn the_digest_of_a_coded_form_is_that_of_its_own_bytes_however_many() {
    // Hardly smaller when coded, so that its form is too long to be digested on the loop.
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + (state >> 60) as u8
    };
    let content: Vec<u8> = (0..200_000).map(|_| noise()).collect();
    let gz = coded(Format::Gzip, &content);
    assert!(gz.len() > 70_000, "{}", gz.len());
    let fields = [("Accept-Encoding", "gzip"), ("Want-Repr-Digest", "sha-256=1")];
    let expected = |bytes: &[u8]| Some(crate::site::digests::field_value(&crate::site::digests::of(bytes)));
    for files in [&[("a.js", &content[..], 1), ("a.js.gz", &gz[..], 1)][..], &[("a.js", &content[..], 1)]] {
        let mut bench = Bench::new(files, 1 << 24);
        // Where there is no sibling, it is made first.
        bench.get("/a.js", "gzip");
        while bench.work() {}
        let response = bench.get_with("/a.js", &fields);
        assert_eq!(response.fields.get("content-encoding"), Some("gzip"));
        assert_eq!(response.fields.get("repr-digest").map(str::to_owned), expected(&body(&response)));
        let whole = bench.get_with("/a.js", &fields[1..]);
        assert_eq!(whole.fields.get("repr-digest").map(str::to_owned), expected(&content));
    }
}

/// A hundred may ask for the same before it is there, and each of them has it prepared.
#[test]
fn what_many_wait_for_is_made_once() {
    let content = text(500_000);
    let sibling = coded(Format::Gzip, &content);
    let files = [("a.bin", &content[..], 1), ("a.txt", &content, 1), ("b.txt", &content, 1)];
    let mut bench = Bench::new(&files, 1 << 24);
    bench.put("b.txt.gz", &sibling, 1);
    let mut prepared = |target: &str, field| {
        let ask = |_| match bench.ask("GET", target, &[field]) {
            Answer::After(make) => make,
            _ => panic!("{target} needs no preparation"),
        };
        let mut jobs: Vec<_> = (0..8).map(ask).collect();
        jobs.pop().unwrap()();
        jobs
    };
    let digests = prepared("/a.bin", ("Want-Repr-Digest", "sha-256=1"));
    let forms = prepared("/a.txt", ("Accept-Encoding", "gzip, identity;q=0"));
    let proofs = prepared("/b.txt", ("Accept-Encoding", "gzip"));

    // What is there now is marked, and would be made anew without the mark.
    let mut with = |name: &str, mark: &dyn Fn(&mut Entry)| {
        let path = SafePath::parse(name).unwrap();
        let Ok(Node::File(file)) = bench.site.files.open(&path, &bench.now) else { panic!("no {name}") };
        bench.site.options.derived.with(path.as_bytes(), file.version, |entry| mark(entry));
    };
    let gzip = Format::Gzip.index();
    with("/a.bin", &|entry| entry.digest = Some([7; 32]));
    with("/b.txt", &|entry| {
        entry.siblings[gzip].as_mut().unwrap().found.as_mut().unwrap().proof = false;
    });
    for make in digests.into_iter().chain(forms).chain(proofs) {
        make();
    }
    with("/a.bin", &|entry| assert_eq!(entry.digest, Some([7; 32])));
    with("/b.txt", &|entry| assert!(!entry.siblings[gzip].as_ref().unwrap().found.as_ref().unwrap().proof));
    // The better form is made once, too.
    assert!(bench.work() && !bench.work());
}
