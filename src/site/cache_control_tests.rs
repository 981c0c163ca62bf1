//! Names as bundlers write them, and as people do.

use super::*;
use proptest::prelude::*;

/// Written by the tool that is named beside them.
const HASHED: &[&str] = &[
    // webpack, Create React App, Vue CLI, Rspack
    "main.8f3a1c2b.js",
    "787.28cb0dcd.chunk.js",
    "main.e6c13ad2.css",
    "main.3e1b5d7f9c2a4b6d8e0f.js",
    "main.8f3a1c2b.js.map",
    "main.8f3a1c2b.js.LICENSE.txt",
    "logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
    "8f3a1c2b4d5e6f708192.png",
    // Vite, Rollup, SvelteKit, Astro
    "index-BxY12ab3.css",
    "index-C_Dr8nZL.js",
    "react-CHdo91hT.svg",
    "start.DSaxX0r5.js",
    "0.Cf9n2MIm.js",
    "vendor-4sK2hE9a.mjs",
    // esbuild, Angular
    "main-5MNLQDU5.js",
    "polyfills-FFHMD2TL.js",
    "chunk-YEZRZ4RD.js",
    "main.2e1e1d3b0a1d3e5f.js",
    // Parcel
    "index.e31bb0bc.js",
    "photo.a1b2c3d4.webp",
    // Next.js
    "webpack-ee7e63bc15b31913.js",
    "fd9d1056-1e4c6d6b9f2c5e1f.js",
    "a1b2c3d4e5f6a7b8.css",
    // Django, Rails, Hugo, Gatsby, Trunk
    "base.27e20196a850.css",
    "application-2d9f1e0c4b8a7d6e5f3c2b1a09f8e7d6c5b4a3928170605f4e3d2c1b0a998877.css",
    "style.min.2f6e1a9c4b8d7e5f.css",
    "app-8f3a1c2b4d5e6f7a8b9c.js",
    "site-4a3f2b1c9d8e7f60.wasm",
];

/// Written by people, or by tools that mean something else.
const PLAIN: &[&str] = &[
    "A_0_v000.js",
    "index.html",
    "app.js",
    "jquery-3.7.1.min.js",
    "bootstrap.bundle.min.js",
    "backbone.js",
    "vendor-backbone.js",
    "three.WebGL2Renderer.js",
    "lib-Base64url.js",
    "defaced.css",
    "site-defacade.css",
    "deadbeef.js",
    "app.deadbeef.js",
    "app.12345678.js",
    "report-20240101.pdf",
    "IMG_20240101_123456.jpg",
    "photo-1712345678901.jpg",
    "report-2024dec1.pdf",
    "report-1feb2024.pdf",
    "report-2024dec01.pdf",
    "menu-cafe2024.pdf",
    "call-face2face.mp4",
    "music-decade80.mp3",
    "release-Version2.zip",
    "notes-v2_Final.docx",
    "logo-GitHub42.png",
    "plan-2024Q3Final.pdf",
    "screenshot-MacBook2019.png",
    "BxY12ab3.js",
    "8f3a1c2b.js",
    "8f3a1c2b-report.pdf",
    "data.8f3a1c2b",
    "8f3a1c2b",
    ".8f3a1c2b4d5e6f708192",
    "550e8400-e29b-41d4-a716-446655440000.png",
    "avatar-f47ac10b-58cc-4372-a567-0e02b2c3d479.png",
    "app-8F3a1C2b4D.js",
    "video-X264DEMO.mp4",
    // Hashes that could be words: missed, on purpose.
    "styles-5INURTSO.css",
    "index-DiwrgTda.js",
    "app-4hpvky4n.js",
    "a-1234567.js",
    "a-8f3a1c.js",
    "",
    ".",
    "-",
    "..",
    "a.",
    "-.-",
];

#[test]
fn names_of_bundlers_carry_a_hash() {
    for name in HASHED {
        assert!(has_content_hash(name.as_bytes()), "{name}");
    }
}

#[test]
fn names_of_people_do_not() {
    for name in PLAIN {
        assert!(!has_content_hash(name.as_bytes()), "{name}");
    }
    assert!(!has_content_hash(b"a-\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8.js"));
}

#[test]
fn only_a_hashed_file_under_its_own_name_is_immutable() {
    let auto = |name: &str, media_type, own| CachePolicy::Auto.field(name.as_bytes(), media_type, own);
    assert_eq!(auto("a.8f3a1c2b.js", "text/javascript", true).as_deref(), Some(IMMUTABLE));
    assert_eq!(auto("a.js", "text/javascript", true).as_deref(), Some("no-cache"));
    assert_eq!(auto("a.8f3a1c2b.js", "text/javascript", false).as_deref(), Some("no-cache"));
    for page in ["text/html; charset=utf-8", "application/xhtml+xml; charset=utf-8"] {
        assert_eq!(auto("a.8f3a1c2b.html", page, true).as_deref(), Some("no-cache"));
    }
}

#[test]
fn the_other_policies_do_not_look_at_names() {
    for name in [&b"a.js"[..], b"a.8f3a1c2b.js"] {
        let field = |policy: CachePolicy| policy.field(name, "text/javascript", true);
        assert_eq!(field(CachePolicy::NoCache).as_deref(), Some("no-cache"));
        assert_eq!(field(CachePolicy::MaxAge(Duration::from_secs(90))).as_deref(), Some("max-age=90"));
        assert_eq!(field(CachePolicy::Off), None);
    }
}

proptest! {
    #[test]
    fn any_long_hexadecimal_digest_is_found(digest in "[0-9a-f]{20,64}", name in "[a-z]{1,8}", mark in "[-.]") {
        // With twenty digits or more, one in a million alternates too little.
        prop_assume!(changes(digest.as_bytes()) >= 3);
        let name = format!("{name}{mark}{digest}.js");
        prop_assert!(has_content_hash(name.as_bytes()), "{}", name);
    }

    #[test]
    fn words_numbers_versions_and_dates_never_are(
        parts in prop::collection::vec("[a-z]{1,20}|[A-Z][a-z]{1,20}|[0-9]{1,20}|[A-Z]{1,20}|v[0-9]{1,9}|[A-Z]?[a-z]{4,12}[0-9]{1,4}", 1..6),
        marks in prop::collection::vec("[-._]", 6),
        extension in "js|css|pdf|png|min\\.js",
    ) {
        let name: String = parts.iter().zip(&marks).map(|(part, mark)| format!("{part}{mark}")).collect();
        let name = format!("{}.{extension}", &name[..name.len() - 1]);
        prop_assert!(!has_content_hash(name.as_bytes()), "{}", name);
    }

    #[test]
    fn no_bytes_make_it_panic(name in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = has_content_hash(&name);
    }
}
