//! A client that reads strictly: what is not exactly a response is an error.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::harness::PATIENCE;

/// A response as it came.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field that must not be there twice.
    pub fn field(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() { Err(format!("{name} twice")) } else { Ok(value) }
    }

    /// How many bytes the body has, or would have if this were no answer to HEAD.
    pub fn content_length(&self) -> Result<Option<u64>, String> {
        let Some(text) = self.field("content-length")? else { return Ok(None) };
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number);
        number.map(Some).ok_or_else(|| format!("Content-Length: {text}"))
    }
}

/// A connection that is kept, and made anew when the server has closed it.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// What was read and belongs to no answer yet.
    buffer: Vec<u8>,
}

impl Connection {
    pub fn to(address: SocketAddr) -> Connection {
        Connection { address, stream: None, buffer: Vec::new() }
    }

    /// Sends one request and reads its answer, and nothing must follow that.
    pub fn ask(&mut self, request: &[u8], head: bool) -> Result<Answer, String> {
        let answer = self.exchange(request, head);
        if answer.is_err() {
            // The next one shall not suffer for it.
            self.renew();
        }
        answer
    }

    /// The next request gets another connection.
    pub fn renew(&mut self) {
        self.stream = None;
        self.buffer.clear();
    }

    fn exchange(&mut self, request: &[u8], head: bool) -> Result<Answer, String> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().unwrap();
        stream.write_all(request).map_err(|error| format!("while sending: {error}"))?;
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head_text: Vec<u8> = self.buffer.drain(..end).collect();
        let mut answer = parse_head(&head_text)?;
        let length = body_length(&answer, head)?;
        while self.buffer.len() < length {
            self.more()?;
        }
        answer.body = self.buffer.drain(..length).collect();
        if !self.buffer.is_empty() {
            return Err(format!("{} bytes behind the answer", self.buffer.len()));
        }
        if answer.field("connection")?.is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.expect_end()?;
        }
        Ok(answer)
    }

    fn more(&mut self) -> Result<(), String> {
        let mut chunk = [0; 64 * 1024];
        let count = self.stream.as_mut().unwrap().read(&mut chunk).map_err(|error| error.to_string())?;
        self.buffer.extend_from_slice(&chunk[..count]);
        if count == 0 { Err(format!("ended after {} bytes of an answer", self.buffer.len())) } else { Ok(()) }
    }

    fn expect_end(&mut self) -> Result<(), String> {
        let mut stream = self.stream.take().unwrap();
        match stream.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            other => Err(format!("no end after Connection: close, but {other:?}")),
        }
    }
}

/// RFC 9112 §6.3, without what neither server should ever need: a body has a length, and
/// no other coding.
fn body_length(answer: &Answer, head: bool) -> Result<usize, String> {
    if answer.field("transfer-encoding")?.is_some() {
        return Err("a transfer coding".to_owned());
    }
    let length = answer.content_length()?;
    if head || answer.status == 304 {
        return Ok(0);
    }
    length.map(|length| length as usize).ok_or_else(|| format!("{} without Content-Length", answer.status))
}

fn parse_head(head: &[u8]) -> Result<Answer, String> {
    let text = std::str::from_utf8(head).ok().and_then(|text| text.strip_suffix("\r\n\r\n"));
    let mut lines = text.ok_or("a head that is no text")?.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split_once(' '));
    let status =
        status.map(|(code, _)| code).filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("status line {status_line:?}"))?;
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("field line {line:?}"))?;
        let is_token =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_token || value.chars().any(char::is_control) {
            return Err(format!("field line {line:?}"));
        }
        fields.push((name.to_owned(), value.to_owned()));
    }
    Ok(Answer { status, fields, body: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What is read when these bytes are sent, and then the end.
    fn read(bytes: &'static [u8], head: bool) -> Result<Answer, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            // Whatever is sent is taken, so that the end is no reset.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let answer = {
            let mut connection = Connection::to(address);
            connection.ask(b"GET / HTTP/1.1\r\n\r\n", head)
        };
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_read_to_its_length() {
        let answer = read(b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi", false).unwrap();
        assert_eq!((answer.status, answer.body), (200, b"hi".to_vec()));
        let answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true).unwrap();
        assert_eq!((answer.content_length(), answer.body.len()), (Ok(Some(2)), 0));
        assert!(read(b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", false).is_ok());
        let closed = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert!(read(closed, false).is_ok());
    }

    #[test]
    fn what_is_not_exactly_an_answer_is_an_error() {
        for (bytes, head) in [
            (&b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"[..], false),
            (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", false),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", true),
            (b"HTTP/1.1 304 Not Modified\r\n\r\nhi", false),
            (b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: 0\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\na b: c\r\nContent-Length: 0\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", false),
        ] {
            let answer = read(bytes, head);
            assert!(answer.is_err(), "{:?}: {answer:?}", String::from_utf8_lossy(bytes));
        }
    }
}
