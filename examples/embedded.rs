//! A server within another program: here a test, and a tool that reads over HTTP what it has
//! just made. `cargo test --example embedded` runs the test.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serve::server::Server;

/// What a tool makes, and reads back as its users will.
fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("serve-embedded-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("report.html"), "<h1>All is well</h1>")?;

    // On a port that the system chooses, for this machine only, as long as none of the options,
    // which are those of the command line, says otherwise.
    let server = Server::builder().root(&folder).option_with("--cache", "1h").start()?;
    println!("{}report.html", server.url());
    println!("{}", get(server.addresses()[0], "/report.html")?);

    // Who only drops it does not wait for transfers.
    server.stop()?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// As little of a client as will do.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut server = TcpStream::connect(address)?;
    write!(server, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each test has its own server, and none has to wait for it or to guess a port.
    #[test]
    fn a_page_is_there_when_the_server_is() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("index.html"), "hello")?;
        let server = Server::builder().root(folder.path()).start()?;
        let answer = get(server.addresses()[0], "/")?;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
        Ok(())
    }

    /// A server that ends when the program under test has fetched what it should.
    #[test]
    fn whole_files_can_be_waited_for() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("update.bin"), [7; 100_000])?;
        let server = Server::builder().root(folder.path()).option("--once").start()?;
        get(server.addresses()[0], "/missing")?;
        get(server.addresses()[0], "/update.bin").ok();
        server.wait()?;
        Ok(())
    }
}
