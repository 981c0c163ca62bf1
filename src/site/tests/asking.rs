//! For tests: requests as the parser hands them on, without a parser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::clock::Now;
use crate::http::fields::FieldLine;
use crate::http::host::Authority;
use crate::http::target::Target;
use crate::http::{Answer, Method, Peer, Request, RequestFields, Response, Version};
use crate::site::Site;
use crate::site::files::FileSystem;

/// A client on this machine.
pub(in crate::site) const PEER: Peer =
    Peer { address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1), loopback: true };

/// Asks for a target that the parser lets through; the host is `localhost`, unless a field
/// says another.
pub(in crate::site) fn ask<F: FileSystem>(
    site: &mut Site<F>,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    now: &Now,
) -> Answer {
    let lines: Vec<_> =
        fields.iter().map(|&(name, value)| FieldLine { name, value: value.as_bytes() }).collect();
    let fields = RequestFields::new(&lines);
    let host = fields.first("host").map_or("localhost", |host| std::str::from_utf8(host).unwrap());
    let request = Request {
        method: Method::parse(method.as_bytes()),
        method_token: method,
        target: Target::parse(target).unwrap().0,
        target_text: target,
        version: Version::Http11,
        authority: Authority::parse(host),
        fields,
    };
    site.respond(&request, &PEER, now)
}

/// The same, with all that it needs done here.
pub(in crate::site) fn answer<F: FileSystem>(
    site: &mut Site<F>,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    now: &Now,
) -> Response {
    for _ in 0..9 {
        match ask(site, method, target, fields, now) {
            Answer::Ready(response) => return response,
            Answer::Later(job) => return job(),
            Answer::After(preparation) => preparation(),
            Answer::NextTurn => {}
        }
    }
    panic!("never prepared: {target}");
}
