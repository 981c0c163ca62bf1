//! Accept-Encoding and Accept into `http::coding` and `http::negotiate`, and what names say
//! of their content into `site::cache_control` and `http::media_type`.
//!
//! The input is lines. The first is a file name; each other one is a value of
//! Accept-Encoding, or of Accept if it begins with a colon.

use std::collections::HashMap;
use std::time::Duration;

use serve::http::RequestFields;
use serve::http::coding::{Accepted, Coding};
use serve::http::fields::FieldLine;
use serve::http::media_type::{MediaTypes, is_compressible, is_media_type};
use serve::http::negotiate::{Form, Taste, form, taste};
use serve::site::cache_control::{CachePolicy, has_content_hash};

/// The property.
pub fn check(input: &[u8]) {
    let mut values = input.split(|&b| b == b'\n');
    names(values.next().unwrap_or_default());
    let values: Vec<&[u8]> = values.take(20).collect();
    // No field value has others (RFC 9110 §5.5).
    if values.iter().any(|value| value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f)) {
        return;
    }
    let lines: Vec<FieldLine<'_>> = values
        .iter()
        .map(|value| match value.strip_prefix(b":") {
            Some(value) => FieldLine { name: "aCCept", value },
            None => FieldLine { name: "Accept-encoding", value },
        })
        .collect();
    let fields = RequestFields::new(&lines);
    let of = |name: &str| -> Vec<&[u8]> {
        let named = lines.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
        named.flat_map(|line| members(line.value)).collect()
    };
    codings(Accepted::of(fields), of("accept-encoding"));
    forms(fields, &of("accept"));
}

/// §5.6.1: split at commas that are not quoted.
pub(super) fn members(value: &[u8]) -> Vec<&[u8]> {
    let (mut members, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, &byte) in value.iter().enumerate() {
        is_quoted ^= byte == b'"';
        if byte == b',' && !is_quoted {
            members.push(&value[start..at]);
            start = at + 1;
        }
    }
    members.push(&value[start..]);
    members.into_iter().map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).collect()
}

/// §12.4.2, in thousandths.
fn quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_fine = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    let value = format!("{decimals:0<3}").parse::<u16>().ok().filter(|_| is_fine)?;
    match (whole, value) {
        ("0", value) => Some(value),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// §12.5.3: a token, and perhaps a weight.
fn coding(member: &[u8]) -> Option<(String, u16)> {
    let text = std::str::from_utf8(member).ok()?.to_ascii_lowercase();
    let (name, weight) =
        text.split_once(';').map_or((&text[..], None), |(name, weight)| (name, Some(weight)));
    let name = name.trim_end_matches([' ', '\t']);
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let quality = match weight {
        Some(weight) => quality(weight.trim_start_matches([' ', '\t']).strip_prefix("q=")?)?,
        None => 1000,
    };
    (is_token && !name.is_empty())
        .then(|| (name.replace("x-gzip", "gzip"), quality))
        .filter(|(name, _)| name != "gzip" || text.starts_with("gzip") || text.starts_with("x-gzip"))
}

fn codings(accepted: Accepted, members: Vec<&[u8]>) {
    // The lower of two.
    let mut named: HashMap<String, u16> = HashMap::new();
    for (name, quality) in members.into_iter().filter_map(coding) {
        let lower = named.get(&name).map_or(quality, |other| quality.min(*other));
        named.insert(name, lower);
    }
    for coding in Coding::ALL {
        let absent = u16::from(coding == Coding::Identity);
        let by_name = named.get(coding.name()).or_else(|| named.get("*"));
        // Nothing at all is identity, whatever it is worth.
        let expected = by_name.copied().unwrap_or(absent);
        assert_eq!(accepted.quality(coding), expected, "{coding:?} of {named:?}");
    }
    let chosen = accepted.choose(&Coding::ALL);
    assert_eq!(chosen.is_none(), Coding::ALL.iter().all(|coding| !accepted.accepts(*coding)));
    let order: Vec<Coding> = accepted.in_order().collect();
    assert_eq!(chosen, order.first().copied());
    assert!(order.is_sorted_by_key(|coding| std::cmp::Reverse(accepted.quality(*coding))));
    assert!(order.iter().all(|coding| accepted.choose(&[*coding]) == Some(*coding)));
}

/// §12.5.1: the most specific range decides, and its first weight.
fn weight(members: &[&[u8]], kind: &str, subtype: &str) -> (u8, u16) {
    let mut best = (0, 0);
    for member in members {
        let Ok(member) = std::str::from_utf8(member) else { continue };
        let mut parts = member.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specific = [(1, "*/*".to_owned()), (2, format!("{kind}/*")), (3, format!("{kind}/{subtype}"))];
        let Some((specific, _)) = specific.into_iter().find(|(_, known)| *known == range) else { continue };
        let weight = parts.find(|part| part.starts_with("q=") || part.starts_with("Q="));
        if let Some(quality) = weight.map_or(Some(1000), |weight| quality(&weight[2..]))
            && specific > best.0
        {
            best = (specific, quality);
        }
    }
    best
}

fn forms(fields: RequestFields<'_>, members: &[&[u8]]) {
    let (html, json) = (weight(members, "text", "html"), weight(members, "application", "json"));
    assert_eq!(form(fields) == Form::Json, json.1 > html.1, "{html:?}, {json:?}");
    match taste(fields) {
        Taste::Html => assert!(html.0 >= 2 && html.1 > 0),
        Taste::Anything => assert!(members.is_empty() || html.0 <= 1),
        Taste::Other => assert!(!members.is_empty()),
    }
}

fn names(name: &[u8]) {
    let extra = [("x".to_owned(), "text/x".to_owned()), (".Y".to_owned(), "image/y".to_owned())];
    for types in [MediaTypes::default(), MediaTypes::new(extra, Some("text/unknown".to_owned()))] {
        let media_type = types.of(name);
        assert!(is_media_type(&media_type), "{media_type}");
        let is_text = media_type.starts_with("text/");
        assert!(!is_text || (media_type.contains("charset") && is_compressible(&media_type)), "{media_type}");
    }
    // A year without asking is only for names with eight or more digits or letters in a row.
    let policy = |policy: CachePolicy| policy.field(name, "text/css", true).unwrap_or_default().into_owned();
    assert_eq!(policy(CachePolicy::Auto).contains("immutable"), has_content_hash(name));
    let is_long = name.split(|b| !b.is_ascii_alphanumeric() && *b != b'_').any(|run| run.len() >= 8);
    assert!(is_long || !has_content_hash(name), "{:?}", String::from_utf8_lossy(name));
    assert!(CachePolicy::Auto.field(name, "text/html", true).as_deref() == Some("no-cache"));
    assert!(CachePolicy::Auto.field(name, "text/css", false).as_deref() == Some("no-cache"));
    assert_eq!(
        policy(CachePolicy::MaxAge(Duration::from_secs(name.len() as u64))),
        format!("max-age={}", name.len())
    );
    assert_eq!(
        (policy(CachePolicy::Off), policy(CachePolicy::NoCache)),
        (String::new(), "no-cache".to_owned())
    );
    if let Ok(text) = std::str::from_utf8(name)
        && is_media_type(text)
    {
        let essence = text.split(';').next().unwrap_or_default().trim_end();
        assert!(essence.split('/').filter(|part| !part.is_empty()).count() == 2, "{text}");
        assert!(text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')), "{text}");
    }
}
