//! The properties: plain functions over bytes, which panic where one does not hold.
//!
//! They judge by models of their own, written from the RFCs and the contract, and
//! never by a second call of what they judge.

mod app;
pub mod authority;
pub mod codings;
pub mod conditions;
pub mod conn_script;
pub mod conversation;
pub mod date;
pub mod decode;
mod dialogue;
pub mod fields;
pub mod listing;
pub mod log_line;
pub mod markdown;
pub mod parse_request;
pub mod range;
mod rfc;
pub mod rules;
pub mod site;
pub mod target;
mod wire;
mod world;

/// A property: panics if it does not hold for these bytes.
pub type Property = fn(&[u8]);

/// Every property, under the name of its fuzz target and of its corpus.
pub const ALL: [(&str, Property); 16] = [
    ("authority", authority::check),
    ("codings", codings::check),
    ("conditions", conditions::check),
    ("conn_script", conn_script::check),
    ("conversation", conversation::check),
    ("date", date::check),
    ("decode", decode::check),
    ("fields", fields::check),
    ("listing", listing::check),
    ("log_line", log_line::check),
    ("markdown", markdown::check),
    ("parse_request", parse_request::check),
    ("range", range::check),
    ("rules", rules::check),
    ("site", site::check),
    ("target", target::check),
];
