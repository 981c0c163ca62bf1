//! `_redirects`: one rule a line, `from [key=value …] to [status[!]]`.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

use super::destination::{Destination, Unfit, is_short};
use super::pattern::{Captures, Pattern};
use super::{Complaints, REDIRECTS, lines, quoted};
use crate::http::query::{Parameter, parameters};
use crate::http::{SafePath, Status};

/// As many as Cloudflare Pages takes.
const FIXED_MAX: usize = 2000;
const PATTERNED_MAX: usize = 100;

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send it elsewhere.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: Status,
        /// The value of the field, encoded.
        location: String,
        /// Path and query of it, if that is here.
        here: Option<(SafePath, Option<String>)>,
    },
    /// Answer with what lies under another path.
    Page {
        /// 200 or 404.
        status: Status,
        /// Which.
        path: SafePath,
    },
    /// Nothing: what the request brings makes an address of it that is too long for anybody.
    TooLong,
}

/// The rule that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its line in the file.
    pub line: usize,
    /// Whether it does so even where a file answers.
    pub forced: bool,
    /// What it says.
    pub outcome: Outcome,
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forced = if self.forced { ", forced" } else { "" };
        write!(f, "line {}{forced}: ", self.line)?;
        match &self.outcome {
            Outcome::Redirect { status, location, .. } => write!(f, "{} to {location}", status.code()),
            Outcome::Page { status, path } => write!(f, "{} with {}", status.code(), path.to_location()),
            Outcome::TooLong => write!(f, "leads to an address that is too long"),
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    line: usize,
    from: Pattern,
    query: Vec<(String, Wanted)>,
    to: Destination,
    status: Status,
    forced: bool,
}

/// The value of a parameter of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Is(String),
    Captured(String),
}

/// What a request asks for behind its path.
struct Asked<'a> {
    query: Option<&'a str>,
    /// Read once for all rules: a hundred may be for one path, and there is room for eight
    /// thousand parameters.
    parameters: OnceCell<Vec<Parameter<'a>>>,
}

impl<'a> Asked<'a> {
    fn parameters(&self) -> &[Parameter<'a>] {
        self.parameters.get_or_init(|| self.query.into_iter().flat_map(parameters).collect())
    }
}

/// The rules, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Redirects {
    rules: Vec<Rule>,
    /// The first rule of each path that is written out, with no condition.
    fixed: HashMap<Vec<u8>, usize>,
    /// The others, which are tried one after the other.
    patterned: Vec<usize>,
}

impl Redirects {
    pub fn parse(file: &[u8], complaints: &mut Complaints) -> Redirects {
        let mut all = Redirects::default();
        let mut count = [0, 0];
        for (number, line) in lines(REDIRECTS, file, complaints) {
            let rule = match Rule::parse(number, line) {
                Ok(Some(rule)) => rule,
                Ok(None) => continue,
                Err(what) => {
                    complaints.add(REDIRECTS, number, what);
                    continue;
                }
            };
            let fixed = rule.from.only_path().filter(|_| rule.query.is_empty());
            let (kind, most) = if fixed.is_some() { (0, FIXED_MAX) } else { (1, PATTERNED_MAX) };
            count[kind] += 1;
            if count[kind] > most {
                if count[kind] == most + 1 {
                    let kind = if fixed.is_some() { "without" } else { "with" };
                    complaints.add(
                        REDIRECTS,
                        number,
                        format!("from here on rules {kind} patterns are left out: there are {most} at most"),
                    );
                }
                continue;
            }
            let index = all.rules.len();
            match fixed {
                Some(path) => drop(all.fixed.entry(path).or_insert(index)),
                None => all.patterned.push(index),
            }
            all.rules.push(rule);
        }
        all
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule for this request that does not lead back to it.
    pub fn find(&self, path: &SafePath, query: Option<&str>) -> Option<Match> {
        let fixed = self.fixed.get(path.as_bytes()).copied();
        let before = self.patterned.partition_point(|&index| fixed.is_none_or(|fixed| index < fixed));
        let (before, after) = self.patterned.split_at(before);
        let candidates = before.iter().copied().chain(fixed).chain(after.iter().copied());
        let asked = Asked { query, parameters: OnceCell::new() };
        candidates.filter_map(|index| self.rules.get(index)).find_map(|rule| rule.apply(path, &asked))
    }
}

impl Rule {
    /// Reads a line; None if there is nothing on it but a comment.
    fn parse(number: usize, line: &str) -> Result<Option<Rule>, String> {
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
        let Some((from, words)) = words.split_first() else { return Ok(None) };
        if from.contains("://") {
            return Err("rules for one host are not supported; begin with the path".into());
        }
        let pattern = Pattern::parse(from).map_err(|what| format!("{}: {what}", quoted(from)))?;
        if pattern.stars() > 1 || pattern.stars() == 1 && !pattern.ends_with_star() {
            return Err(format!("{}: a * stands only once, at the end", quoted(from)));
        }
        // `/app/* 200`: as it is, whatever the rules below say.
        let onto_itself = from.strip_suffix("/*").map(|front| format!("{front}/:splat"));
        let (parameters, to, rest) = match words.split_first() {
            Some((&"200" | &"200!", _)) if onto_itself.is_some() => {
                (&[][..], onto_itself.as_deref().unwrap_or_default(), words)
            }
            _ => {
                let is_to = |word: &&str| word.starts_with('/') || word.contains("://");
                let at =
                    words.iter().position(is_to).ok_or("it has no destination; write FROM TO [STATUS]")?;
                (&words[..at], words[at], &words[at + 1..])
            }
        };
        let (status, forced) = status(rest)?;
        let query = parameters.iter().map(|word| parameter(word)).collect::<Result<Vec<_>, _>>()?;
        if from == &to && query.is_empty() && status.is_redirect() {
            return Err("it leads to itself".into());
        }
        let mut names = pattern.names();
        for (_, wanted) in &query {
            if let Wanted::Captured(name) = wanted {
                if names.contains(&&name[..]) {
                    return Err(format!(":{name} stands there twice"));
                }
                names.push(name);
            }
        }
        let to = Destination::parse(to, &names).map_err(|what| format!("{}: {what}", quoted(to)))?;
        if !to.is_here() && !status.is_redirect() {
            return Err("serve does not fetch from other servers: a status of 200 or 404 needs a path".into());
        }
        Ok(Some(Rule { line: number, from: pattern, query, to, status, forced }))
    }

    fn apply(&self, path: &SafePath, asked: &Asked<'_>) -> Option<Match> {
        let mut captures = self.from.matches(path)?;
        let left = match &self.query[..] {
            [] => asked.query.map(str::to_owned),
            _ => self.take_parameters(asked.parameters(), &mut captures)?,
        };
        let (line, forced) = (self.line, self.forced);
        let filled = match self.to.fill(&captures) {
            Ok(filled) => filled,
            Err(Unfit::NoPath) => return None,
            Err(Unfit::TooLong) => return Some(Match { line, forced, outcome: Outcome::TooLong }),
        };
        let outcome = match filled.path.clone() {
            Some(path) if !self.status.is_redirect() => Outcome::Page { status: self.status, path },
            here => {
                let location = filled.location(left.as_deref());
                let here = here.map(|here| (here, filled.query.or(left)));
                // Onto itself: it would come back at once, and again.
                if here.as_ref().is_some_and(|(to, query)| to == path && query.as_deref() == asked.query) {
                    return None;
                }
                match is_short(location.len()) {
                    Ok(()) => Outcome::Redirect { status: self.status, location, here },
                    Err(_) => Outcome::TooLong,
                }
            }
        };
        Some(Match { line, forced, outcome })
    }

    /// Captures what is asked of the query; gives what is left of it. None if the
    /// request has it otherwise.
    fn take_parameters<'a>(
        &'a self,
        asked: &[Parameter<'_>],
        captures: &mut Captures<'a>,
    ) -> Option<Option<String>> {
        let mut taken = Vec::with_capacity(self.query.len());
        for (key, wanted) in &self.query {
            let is_it = |(at, parameter): &(usize, &Parameter<'_>)| {
                *parameter.name == *key.as_bytes() && !taken.contains(at)
            };
            let (at, Parameter { value, .. }) = asked.iter().enumerate().find(is_it)?;
            taken.push(at);
            match wanted {
                Wanted::Is(wanted) if *wanted.as_bytes() != **value => return None,
                Wanted::Is(_) => {}
                Wanted::Captured(_) if value.is_empty() => return None,
                Wanted::Captured(name) => captures.push((name, Cow::Owned(value.to_vec()))),
            }
        }
        let left = asked.iter().enumerate().filter(|(at, _)| !taken.contains(at));
        let left: Vec<&str> = left.map(|(_, parameter)| parameter.text).collect();
        Some((!left.is_empty()).then(|| left.join("&")))
    }
}

/// The status, and whether it is forced.
fn status(words: &[&str]) -> Result<(Status, bool), String> {
    let Some((first, conditions)) = words.split_first() else { return Ok((Status::MovedPermanently, false)) };
    if let Some(condition) = words.iter().find(|word| word.contains('=')) {
        return Err(format!("{}: conditions are not supported", quoted(condition)));
    }
    if let Some(word) = conditions.first() {
        return Err(format!("{}: nothing follows the status", quoted(word)));
    }
    let (code, forced) = first.strip_suffix('!').map_or((*first, false), |code| (code, true));
    let status = match code {
        "200" => Status::Ok,
        "301" => Status::MovedPermanently,
        "302" => Status::Found,
        "303" => Status::SeeOther,
        "307" => Status::TemporaryRedirect,
        "308" => Status::PermanentRedirect,
        "404" => Status::NotFound,
        _ => {
            let known = "200, 301, 302, 303, 307, 308 or 404";
            return Err(format!("{}: the status is {known}, with ! to force it", quoted(first)));
        }
    };
    Ok((status, forced))
}

/// `key=value` or `key=:name`.
fn parameter(word: &str) -> Result<(String, Wanted), String> {
    let (key, value) = word
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("{}: between the two paths stand parameters like id=:id", quoted(word)))?;
    let wanted = match value.strip_prefix(':') {
        Some(name) if is_name(name) => Wanted::Captured(name.to_owned()),
        _ => Wanted::Is(value.to_owned()),
    };
    Ok((key.to_owned(), wanted))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "redirects_tests.rs"]
mod tests;
