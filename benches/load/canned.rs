//! The answers of a server that has nothing to do: each is made once, and sent from memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use memchr::memmem;

/// Larger files are not sent from memory by anyone; parts of them are.
const FILE_MAX: u64 = 1024 * 1024;

/// Longer parts are not asked for.
const PART_MAX: u64 = 1024 * 1024;

/// A whole answer.
pub type Canned = Rc<[u8]>;

/// All answers that there are for the files of a directory.
pub struct Answers {
    root: PathBuf,
    whole: HashMap<Vec<u8>, Canned>,
    /// By path and range; read when they are first asked for.
    parts: HashMap<Vec<u8>, Canned>,
    not_modified: Canned,
    missing: Canned,
}

impl Answers {
    /// Reads the directory, and those in it.
    pub fn of(root: &Path) -> io::Result<Answers> {
        let mut whole = HashMap::new();
        read(root, "", &mut whole)?;
        let (parts, not_modified) = (HashMap::new(), answer("304 Not Modified", "", &[]));
        let missing = answer("404 Not Found", "", &[b'x'; 400]);
        Ok(Answers { root: root.to_path_buf(), whole, parts, not_modified, missing })
    }

    /// The answer to a request. Fields are looked for as the benchmark writes them.
    pub fn to(&mut self, head: &[u8]) -> Canned {
        let has = |words: &[u8]| memmem::find(head, words).is_some();
        let path = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        if has(b"\r\nIf-None-Match: ") && self.whole.contains_key(path) {
            return Rc::clone(&self.not_modified);
        }
        if let Some(at) = memmem::find(head, b"\r\nRange: bytes=") {
            return self.part(path, &head[at + b"\r\nRange: bytes=".len()..]);
        }
        if has(b"gzip")
            && let Some(coded) = self.whole.get(&[path, b".gz"].concat())
        {
            return Rc::clone(coded);
        }
        Rc::clone(self.whole.get(path).unwrap_or(&self.missing))
    }

    fn part(&mut self, path: &[u8], rest: &[u8]) -> Canned {
        let range = rest.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let key = [path, b" ", range].concat();
        if let Some(known) = self.parts.get(&key) {
            return Rc::clone(known);
        }
        let made = self.read_part(path, range).unwrap_or_else(|_| Rc::clone(&self.missing));
        self.parts.insert(key, Rc::clone(&made));
        made
    }

    fn read_part(&self, path: &[u8], range: &[u8]) -> io::Result<Canned> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(io::Error::other);
        let (first, last) = text(range)?.split_once('-').ok_or(io::ErrorKind::InvalidInput)?;
        let [first, last] = [first, last].map(|number| number.parse::<u64>().map_err(io::Error::other));
        let (first, last) = (first?, last?);
        let mut file = File::open(self.root.join(text(path)?.trim_start_matches('/')))?;
        file.seek(SeekFrom::Start(first))?;
        let mut content = Vec::new();
        file.take((last + 1).saturating_sub(first).min(PART_MAX)).read_to_end(&mut content)?;
        Ok(answer("206 Partial Content", &format!("Content-Range: bytes {first}-{last}/*\r\n"), &content))
    }
}

fn read(directory: &Path, above: &str, whole: &mut HashMap<Vec<u8>, Canned>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        let name = format!("{above}/{}", entry.file_name().to_string_lossy());
        if facts.is_dir() {
            read(&entry.path(), &name, whole)?;
        } else if facts.len() <= FILE_MAX {
            let coding = if name.ends_with(".gz") { "Content-Encoding: gzip\r\n" } else { "" };
            whole.insert(name.into_bytes(), answer("200 OK", coding, &std::fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// With about as many bytes of fields as servers send.
fn answer(status: &str, fields: &str, content: &[u8]) -> Canned {
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: limit\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Content-Type: application/octet-stream\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         ETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n{fields}Content-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat().into()
}
