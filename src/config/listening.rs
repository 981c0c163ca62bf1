//! Which addresses a server listens at, and which names it answers to: options weighed against
//! each other.

use std::net::SocketAddr;

use super::bind::{Host, Spec};
use super::cli::Cli;
use super::{Bind, DEFAULT_PORT, Machine, values};

/// The binds; `port_option` is what the command line says, `port` also what the
/// environment does.
pub(super) fn binds(
    cli: &Cli,
    port_option: Option<u16>,
    port: Option<u16>,
    machine: &Machine<'_>,
) -> Result<Vec<Bind>, String> {
    let mut specs = cli.bind.clone();
    if specs.is_empty() {
        specs.push(Spec::parse(if cli.terminal.lan { "*" } else { "127.0.0.1" })?);
    } else if let (Some(port), true) = (port_option, specs.iter().all(|spec| spec.port.is_some())) {
        if !cli.bind_is_variable {
            // A number that changes nothing is a misunderstanding.
            let text = &specs[0].text;
            return Err(format!("port {port} has no use, because --bind {text} says its own: leave one out"));
        }
        specs.iter_mut().for_each(|spec| spec.port = None);
    }
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for spec in specs {
        let text = spec.text.clone();
        let mut bind = spec
            .resolve(port.unwrap_or(DEFAULT_PORT), machine.resolve)
            .map_err(|reason| format!("--bind {text}: {reason}"))?;
        // `-b localhost -b 127.0.0.1` would find its own port in use. Port 0 is a new
        // one each time.
        bind.addresses.retain(|address| address.port() == 0 || !seen.contains(address));
        seen.extend_from_slice(&bind.addresses);
        found.push(bind);
    }
    // Who listens everywhere listens there, too.
    let covers = |everywhere: &SocketAddr, address: &SocketAddr| {
        everywhere.ip().is_unspecified()
            && everywhere.is_ipv4() == address.is_ipv4()
            && everywhere.port() == address.port()
    };
    for bind in &mut found {
        bind.addresses.retain(|address| {
            address.port() == 0
                || address.ip().is_unspecified()
                || !seen.iter().any(|other| covers(other, address))
        });
    }
    found.retain(|bind| !bind.addresses.is_empty());
    Ok(found)
}

/// The names that the machine is called by, besides `localhost`.
pub(super) fn host_names(cli: &Cli, machine: &str) -> Vec<String> {
    let mut names = cli.allow_host.clone();
    names.extend(cli.bind.iter().filter_map(|spec| match &spec.host {
        Host::Name(name) => Some(name.clone()),
        Host::Everywhere | Host::Localhost | Host::Address(_) => None,
    }));
    // Some machines know their whole name, and mDNS publishes the first label of it.
    let label = machine.split('.').next().unwrap_or_default();
    let own = [machine.to_owned(), label.to_owned(), format!("{label}.local")];
    // A machine's name may be odd, but it must never switch the check off.
    names.extend(
        own.into_iter()
            .filter(|name| !name.starts_with('.') && values::host_name(name).is_ok() && name != "*"),
    );
    names
}
