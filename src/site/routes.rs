//! What the owner's rules make of a request: another place, another file, other fields.
//!
//! A plain rule applies where no file answers, a forced one everywhere. Whatever it
//! leads to here goes through the same walk as a request for it, hidden names and all,
//! but rules are not applied to it again. A redirect is given only if following it, by
//! the same rules, comes to an end. Rules see paths beneath the base path, and lead there.

use std::sync::Arc;

use super::Site;
use super::files::{FileSystem, Node};
use super::routing::Place;
use super::rules::{Change, Match, Outcome, Rules, is_rule_file};
use crate::clock::Now;
use crate::http::negotiate;
use crate::http::target::Target;
use crate::http::{Answer, Request, Response, SafePath, Status};

/// Redirects one after the other; beyond it is a loop, or as good as one. Browsers
/// follow 20.
const HOPS_MAX: usize = 10;

/// Rules for the fields of one path.
pub(super) struct Overlay {
    rules: Arc<Rules>,
    path: SafePath,
}

impl Overlay {
    /// What the rules say.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.rules.fields(&self.path)
    }

    /// Does what the rules say.
    pub fn apply(&self, response: &mut Response) {
        // Whose page asked there is not told what is configured here (R37).
        if response.status != Status::MisdirectedRequest {
            self.rules.apply(&self.path, response);
        }
    }
}

impl<F: FileSystem> Site<F> {
    /// The rules for the fields of what is answered to this request.
    pub(super) fn overlay(&self, request: &Request<'_>) -> Option<Overlay> {
        let rules = Some(self.rules.rules()).filter(|rules| rules.has_fields())?;
        let Target::Path { path, query } = request.target else { return None };
        match self.enter(SafePath::parse(path).ok()?, query) {
            Ok(Place::Inside(path)) => Some(Overlay { rules: Arc::clone(rules), path }),
            Ok(Place::Elsewhere(_)) | Err(_) => None,
        }
    }

    /// Whether a path is that of a file of rules, which is for the server only.
    pub(super) fn is_rule_file(&self, path: &SafePath) -> bool {
        self.rules.is_on() && is_rule_file(path) && !self.files.is_shared_by_name(path)
    }

    /// Answers for a path as the rules want it; where neither they nor a file answer, the
    /// fallback does.
    pub(super) fn route(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        query: Option<&str>,
        now: &Now,
    ) -> Result<Answer, Status> {
        if self.is_rule_file(path) {
            let why = "it is read by the server, and not sent; --no-rules would send it";
            self.trail.note("rules", || why.to_owned());
            return Err(Status::NotFound);
        }
        let rules = Some(self.rules.rules()).filter(|rules| rules.has_redirects()).map(Arc::clone);
        let found = rules.and_then(|rules| {
            let found = rules.redirect(path, query);
            let told =
                || found.as_ref().map_or_else(|| "no rule is for this path".to_owned(), Match::to_string);
            self.trail.note("_redirects", told);
            Some((found?, rules))
        });
        if let Some((found, rules)) = found.as_ref().filter(|(found, _)| found.forced)
            && let Some(obeyed) = self.obey(rules, request, found, query, now)
        {
            return obeyed;
        }
        let answer = self.answer_path(request, path, query, now);
        if let Some((found, rules)) = found.as_ref().filter(|(found, _)| !found.forced) {
            if self.is_file(&answer, path, now) {
                let why =
                    "the rule is left out, because a file answers; a ! behind its status would force it";
                self.trail.note("_redirects", || why.to_owned());
            } else if let Some(obeyed) = self.obey(rules, request, found, query, now) {
                return obeyed;
            }
        }
        match answer {
            Err(Status::NotFound) => self.when_nothing_answers(request, path, now),
            answer => answer,
        }
    }

    /// Whether a file made this answer. Most answers tell by themselves, and save a look-up.
    fn is_file(&mut self, answer: &Result<Answer, Status>, path: &SafePath, now: &Now) -> bool {
        match answer {
            Err(status) => *status != Status::NotFound,
            Ok(Answer::Ready(response)) if !response.status.is_redirect() => true,
            // Only of a file there is something to find out first.
            Ok(Answer::After(_)) => true,
            // Perhaps a listing, or the way to one.
            Ok(Answer::Ready(_) | Answer::Later(_) | Answer::NextTurn) => self.has_file(path, now),
        }
    }

    /// Whether a file answers for that path: its own, that of a clean URL, or as the index
    /// of a directory.
    fn has_file(&mut self, path: &SafePath, now: &Now) -> bool {
        if self.find_clean(path, now).is_ok_and(|found| found.is_some()) {
            return true;
        }
        let directory = match self.find(path, now) {
            Ok(Node::File(_)) => return !path.has_trailing_slash() || path.is_root(),
            Ok(Node::Directory) => path.to_directory(),
            Err(_) => return false,
        };
        self.find_index(&directory, now).is_ok_and(|found| found.is_some())
    }

    /// Does what a rule says; None if it had better not.
    fn obey(
        &mut self,
        rules: &Rules,
        request: &Request<'_>,
        found: &Match,
        query: Option<&str>,
        now: &Now,
    ) -> Option<Result<Answer, Status>> {
        match &found.outcome {
            Outcome::TooLong => {
                let why = "the rule is left out, because what the path brings makes the address too long";
                self.trail.note("_redirects", || why.to_owned());
                None
            }
            Outcome::Page { status, path } => Some(self.page(request, *status, path, query, now)),
            Outcome::Redirect { status, location, here } => {
                if let Some((path, query)) = here.clone()
                    && !self.ends(rules, path, query, now)
                {
                    let why = "the rule is left out, because who follows it would go in circles";
                    self.trail.note("_redirects", || why.to_owned());
                    return None;
                }
                let mut response = Response::new(*status);
                let prefix = here.as_ref().map(|_| self.base_prefix()).unwrap_or_default();
                response.fields.push("Location", format_args!("{prefix}{location}"));
                // Tomorrow the rule may be another: browsers would keep a 301 for ever.
                response.fields.push_block("Cache-Control: no-cache\r\n");
                Some(Ok(Answer::Ready(response)))
            }
        }
    }

    /// Whether who follows these redirects arrives.
    fn ends(&mut self, rules: &Rules, mut path: SafePath, mut query: Option<String>, now: &Now) -> bool {
        for _ in 0..HOPS_MAX {
            let next = rules.redirect(&path, query.as_deref());
            match next.filter(|next| next.forced || !self.has_file(&path, now)).map(|next| next.outcome) {
                Some(Outcome::Redirect { here: Some(next), .. }) => (path, query) = next,
                Some(Outcome::Redirect { here: None, .. } | Outcome::Page { .. }) => return true,
                // Longer with each hop: a circle, too.
                Some(Outcome::TooLong) => return false,
                // Directories redirect, too: to the slash.
                None => match self.find(&path, now) {
                    Ok(Node::Directory) if !path.has_trailing_slash() => {
                        path = path.to_directory();
                    }
                    _ => return true,
                },
            }
        }
        false
    }

    /// Answers with what lies under another path.
    fn page(
        &mut self,
        request: &Request<'_>,
        status: Status,
        path: &SafePath,
        query: Option<&str>,
        now: &Now,
    ) -> Result<Answer, Status> {
        if self.is_rule_file(path) || path.is_hidden() && !self.options.hidden {
            return Err(Status::NotFound);
        }
        if status != Status::Ok {
            // Preconditions and ranges are about what was asked for, and that is missing.
            return Ok(Answer::Ready(self.missing_by(path, negotiate::form(request.fields), now)));
        }
        // The address stays, so there is nobody to send to the slash.
        let directory = match self.find(path, now) {
            Ok(Node::Directory) => Some(path.to_directory()),
            _ => None,
        };
        self.answer_path(request, directory.as_ref().unwrap_or(path), query, now)
    }
}
