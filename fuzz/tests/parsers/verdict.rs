//! What "more lenient than the strictest two that agree" is.

use super::peers::NAMES;
use super::reading::{Body, Head, Reading};

/// How ours is more lenient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lenience {
    /// It takes what two others refuse.
    Refused,
    /// It takes it otherwise than any two others that agree.
    OtherHead,
    /// It takes the head as another does, and what follows it otherwise.
    OtherBody,
}

/// The rule. What ours refuses, or waits for, is never lenient. What it takes is, if
///
/// 1. two or more of the others refuse it;
/// 2. or two or more of them agree on a head (or on waiting), and no such two on ours; or
///    no two agree, and nobody at all reads the head as ours does;
/// 3. or, of those who read the same head and say what follows it, two or more agree, and
///    any of these agreements is not ours; or nobody is of our mind.
pub fn lenience(ours: &Reading, others: &[Reading; NAMES.len()]) -> Option<Lenience> {
    let Reading::Read(head, body) = ours else { return None };
    if others.iter().filter(|other| **other == Reading::Refused).count() >= 2 {
        return Some(Lenience::Refused);
    }
    let heads: Vec<Option<&Head>> = others.iter().filter_map(head_of).collect();
    let count = |wanted: &Option<&Head>| heads.iter().filter(|head| *head == wanted).count();
    let ours_is_shared = count(&Some(head));
    let some_agree = heads.iter().any(|head| count(head) >= 2);
    if ours_is_shared < if some_agree { 2 } else { 1 } {
        return Some(Lenience::OtherHead);
    }
    let bodies: Vec<&Body> = others.iter().filter_map(|other| body_of(other, head)).collect();
    let count = |wanted: &Body| bodies.iter().filter(|body| **body == wanted).count();
    let is_outvoted = bodies.iter().any(|other| *other != body && count(other) >= 2);
    let is_alone = !bodies.is_empty() && count(body) == 0;
    (is_outvoted || is_alone).then_some(Lenience::OtherBody)
}

/// None for what is refused; `Some(None)` for what waits.
fn head_of(reading: &Reading) -> Option<Option<&Head>> {
    match reading {
        Reading::Refused => None,
        Reading::Incomplete => Some(None),
        Reading::Read(head, _) => Some(Some(head)),
    }
}

fn body_of<'a>(reading: &'a Reading, of: &Head) -> Option<&'a Body> {
    match reading {
        Reading::Read(head, body) if head == of && *body != Body::Unsaid => Some(body),
        _ => None,
    }
}

/// A reader to be found out: whatever `httparse` takes, without a rule of our own.
pub fn by_httparse_alone(input: &[u8]) -> Reading {
    let mut storage = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut storage);
    match request.parse(input) {
        Ok(httparse::Status::Complete(end)) => {
            let fields =
                request.headers.iter().map(|line| (line.name.as_bytes().to_vec(), line.value.to_vec()));
            let start =
                [request.method.unwrap_or_default().as_bytes(), request.path.unwrap_or_default().as_bytes()];
            let version = if request.version == Some(1) { "1.1" } else { "1.0" };
            Reading::Read(Head::new(start, version, end, fields), Body::Length(0))
        }
        Ok(httparse::Status::Partial) => Reading::Incomplete,
        Err(_) => Reading::Refused,
    }
}
