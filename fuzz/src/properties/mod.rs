//! The properties: plain functions over bytes, which panic where one does not hold.
//!
//! They judge by models of their own, written from the RFCs and the contract, and
//! never by a second call of what they judge.

pub mod conn_script;
pub mod decode;
pub mod parse_request;
pub mod range;
mod rfc;
pub mod rules;
pub mod target;
mod wire;
mod world;

/// A property: panics if it does not hold for these bytes.
pub type Property = fn(&[u8]);

/// Every property, under the name of its fuzz target and of its corpus.
pub const ALL: [(&str, Property); 6] = [
    ("parse_request", parse_request::check),
    ("target", target::check),
    ("range", range::check),
    ("conn_script", conn_script::check),
    ("decode", decode::check),
    ("rules", rules::check),
];
