//! What is told of the content: tags where the time says nothing, and digests.

use super::*;

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
