//! `_headers`: a path on a line of its own, then its fields, one a line.

use std::fmt;

use super::destination::{FILLED_MAX, encode_capture};
use super::pattern::{Captures, Pattern, find_placeholder};
use super::{Complaints, HEADERS, lines, quoted};
use crate::http::fields::{is_field_value, is_reserved, is_token};
use crate::http::media_type::is_media_type;
use crate::http::{Response, SafePath, Status};

/// As many rules as Cloudflare Pages takes.
const RULES_MAX: usize = 100;

/// Fields of all rules together; each request looks at them.
const FIELDS_MAX: usize = 1000;

/// Fields that tell how long the answer may be kept. On an error or a redirect they would
/// keep it, too: a file that was missing for the moment of a deployment stayed missing.
const FRESHNESS: &[&str] =
    &["age", "cache-control", "cdn-cache-control", "expires", "pragma", "surrogate-control"];

/// Fields that describe the file. RFC 9110 §15.4.5 wants none of them in a 304.
const DESCRIPTION: &[&str] = &["content-disposition", "content-language", "content-type"];

/// What a rule does to the fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// No field of that name, ours included.
    Remove(&'a str),
    /// In place of ours, and beside those of earlier rules.
    Set(&'a str, String),
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Remove(name) => write!(f, "removes {name}"),
            Change::Set(name, value) => write!(f, "sets {name}: {value}"),
        }
    }
}

/// A path and its fields; removals come first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    path: Pattern,
    removed: Vec<String>,
    set: Vec<(String, String)>,
}

/// The rules, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    rules: Vec<Rule>,
}

impl Headers {
    pub fn parse(file: &[u8], complaints: &mut Complaints) -> Headers {
        let mut rules: Vec<Rule> = Vec::new();
        // Where the rule in question begins, and whether it can be used.
        let (mut begun, mut usable, mut fields) = (None, false, 0);
        for (number, line) in lines(HEADERS, file, complaints) {
            if !(line.starts_with('/') || line.contains("://") && !line.contains(": ")) {
                let Some(rule) = rules.last_mut().filter(|_| usable) else {
                    if begun.is_none() {
                        complaints.add(
                            HEADERS,
                            number,
                            "a field comes behind the path that it is for".into(),
                        );
                    }
                    continue;
                };
                fields += 1;
                let read =
                    if fields > FIELDS_MAX { Err(too_many(FIELDS_MAX, "fields")) } else { rule.read(line) };
                if let Err(what) = read {
                    complaints.add(HEADERS, number, what);
                }
                continue;
            }
            refuse_empty(&rules, begun.filter(|_| usable), complaints);
            begun = Some(number);
            let pattern = match Pattern::parse(line) {
                _ if line.contains("://") => {
                    Err("rules for one host are not supported; begin with the path".into())
                }
                _ if rules.len() == RULES_MAX => Err(too_many(RULES_MAX, "rules")),
                pattern => pattern.map_err(|what| format!("{}: {what}", quoted(line))),
            };
            usable = pattern.is_ok();
            match pattern {
                Ok(path) => rules.push(Rule { path, removed: Vec::new(), set: Vec::new() }),
                Err(what) => complaints.add(HEADERS, number, what),
            }
        }
        refuse_empty(&rules, begun.filter(|_| usable), complaints);
        Headers { rules }
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules for this path do, in their order.
    pub fn changes<'a>(&'a self, path: &'a SafePath) -> impl Iterator<Item = Change<'a>> {
        let matching = self.rules.iter().filter_map(|rule| Some((rule, rule.path.matches(path)?)));
        let mut room = FILLED_MAX;
        matching.flat_map(move |(rule, captures)| {
            let removed = rule.removed.iter().map(|name| Change::Remove(name));
            let filled = |(name, value): &'a (String, String)| {
                Some(Change::Set(name, fill(value, &captures, &mut room)?))
            };
            let set: Vec<Change<'a>> = rule.set.iter().filter_map(filled).collect();
            removed.chain(set)
        })
    }
}

fn too_many(most: usize, what: &str) -> String {
    format!("this is left out: there are {most} {what} at most")
}

fn refuse_empty(rules: &[Rule], begun: Option<usize>, complaints: &mut Complaints) {
    if let (Some(rule), Some(line)) = (rules.last(), begun)
        && rule.removed.is_empty()
        && rule.set.is_empty()
    {
        complaints.add(HEADERS, line, "no usable field follows this path".into());
    }
}

impl Rule {
    /// Reads a field: `Name: value`, or `! Name` to remove it.
    fn read(&mut self, line: &str) -> Result<(), String> {
        if let Some(name) = line.strip_prefix('!') {
            let name = checked_name(name.trim(), true)?;
            self.removed.push(name);
            return Ok(());
        }
        let (name, value) =
            line.split_once(':').ok_or("write 'Name: value', or '! Name' to remove a field")?;
        let (name, value) = (checked_name(name.trim(), false)?, value.trim());
        if value.is_empty() {
            return Err(format!("{name} has no value; write '! {name}' to remove it"));
        }
        if !is_field_value(value.as_bytes()) {
            return Err("the value of a field is printable ASCII in one line".into());
        }
        if name.eq_ignore_ascii_case("content-type") && !is_media_type(value) {
            return Err("a type looks like text/plain or text/html; charset=utf-8".into());
        }
        self.set.push((name, value.to_owned()));
        Ok(())
    }
}

fn checked_name(name: &str, removed: bool) -> Result<String, String> {
    if !is_token(name.as_bytes()) {
        return Err(format!("{} is not the name of a field", quoted(name)));
    }
    if name.eq_ignore_ascii_case("basic-auth") {
        // Netlify's own: as a field it would tell everyone the password.
        return Err("serve does not ask for passwords, and sends none".into());
    }
    if is_reserved(name, removed) || removed && name.eq_ignore_ascii_case("content-type") {
        return Err(format!("the server alone can know {name}; leave it out"));
    }
    Ok(name.to_owned())
}

/// The value with what the path captured, encoded, so that it stays one value; None if there
/// is no room for that.
fn fill(value: &str, captures: &Captures<'_>, room: &mut usize) -> Option<String> {
    let (mut filled, mut begin, mut from) = (String::with_capacity(value.len()), 0, 0);
    while let Some((start, end)) = find_placeholder(value, from) {
        if let Some((_, captured)) = captures.iter().find(|(name, _)| *name == &value[start + 1..end]) {
            if captured.len() > *room {
                return None; // Encoded it is not shorter, and that takes its time.
            }
            let captured = encode_capture(captured).unwrap_or_default();
            *room = room.checked_sub(captured.len())?;
            filled.push_str(&value[begin..start]);
            filled.push_str(&captured);
            begin = end;
        }
        from = end;
    }
    filled.push_str(&value[begin..]);
    Some(filled)
}

/// Whether a field of a rule belongs into a response of that status.
pub(super) fn belongs(name: &str, response: &Response) -> bool {
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match response.status {
        // Parts have types of their own, and what holds them together is our affair.
        Status::PartialContent if name.eq_ignore_ascii_case("content-type") => {
            response.fields.get("Content-Type").is_none_or(|own| !own.starts_with("multipart/"))
        }
        Status::Ok | Status::PartialContent => true,
        Status::NotModified => !among(DESCRIPTION),
        _ => !among(DESCRIPTION) && !among(FRESHNESS),
    }
}
