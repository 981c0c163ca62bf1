// Reads requests with llhttp, as Node.js has it, and says what it made of each: see peers.rs.
'use strict';
const fs = require('fs');
const { HTTPParser, methods, allMethods } = process.binding('http_parser');

const hex = (text) => (text === '' ? '-' : Buffer.from(text, 'latin1').toString('hex'));

function parser() {
  const one = new HTTPParser();
  one.initialize(HTTPParser.REQUEST, {});
  const seen = { one, head: null, ended: false, body: 0, early: [], url: '' };
  // More fields than it keeps are told before the rest.
  one[HTTPParser.kOnHeaders] = (fields, url) => {
    seen.early.push(...fields);
    seen.url += url;
  };
  one[HTTPParser.kOnHeadersComplete] = (major, minor, fields, method, url) => {
    if (!seen.head) {
      const name = (allMethods || methods)[method];
      seen.head = { version: `${major}.${minor}`, method: name, url: seen.url + (url || ''), fields: seen.early.concat(fields || []) };
    }
  };
  one[HTTPParser.kOnBody] = (bytes) => { if (!seen.ended) seen.body += bytes.length; };
  one[HTTPParser.kOnMessageComplete] = () => { seen.ended = true; };
  return seen;
}

// Where the head ends, and whether the message does, too: one byte after the other.
function measured(input) {
  const seen = parser();
  for (let at = 0; at < input.length; at++) {
    if (seen.one.execute(input.subarray(at, at + 1)) instanceof Error && !seen.head) return null;
    if (seen.head) return { end: at + 1, ended: seen.ended };
  }
  return null;
}

// What follows a head: so many bytes, chunks, or more than anybody sends here.
function body(head) {
  const seen = parser();
  seen.one.execute(head);
  // Lines that are no sizes of chunks.
  const result = seen.one.execute(Buffer.from('x\r\n'.repeat(1366)));
  if (seen.ended) return String(seen.body);
  return result instanceof Error ? 'chunked' : 'long';
}

function read(input) {
  const seen = parser();
  const result = seen.one.execute(input);
  if (!seen.head) return result instanceof Error ? 'refused' : 'incomplete';
  const found = measured(input);
  if (!found) return 'refused';
  const length = found.ended ? '0' : body(input.subarray(0, found.end));
  const { method, url, version, fields } = seen.head;
  return ['read', hex(method), hex(url), version, found.end, length, ...fields.map(hex)].join(' ');
}

const all = fs.readFileSync(process.argv[2]);
const lines = [];
for (let at = 0; at < all.length;) {
  const length = all.readUInt32LE(at);
  lines.push(read(all.subarray(at + 4, at + 4 + length)));
  at += 4 + length;
}
process.stdout.write(lines.join('\n') + '\n');
