//! How much and how long a connection may: data, with units in the names.

use std::time::Duration;

/// The limits of one connection (behaviour, section 8). Each is reached by a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request line in bytes, without its CR LF; beyond it 414. As nginx's.
    pub request_line_bytes_max: usize,
    /// Longest head in bytes, all line ends included; beyond it 431.
    pub head_bytes_max: usize,
    /// Whole head, from its first byte, whatever trickles in: then 408. Slowloris
    /// lives from servers that start this anew with each byte (hazards R16).
    pub header_timeout: Duration,
    /// Between requests, and before the first byte: then the connection closes.
    pub idle_timeout: Duration,
    /// Without a byte of progress while sending: then the connection is aborted.
    pub send_timeout: Duration,
    /// For an answer that the pool works on: then 503.
    pub answer_timeout: Duration,
    /// Lingering ends after this long without data…
    pub linger_idle_timeout: Duration,
    /// …or after this long in all…
    pub linger_timeout: Duration,
    /// …or after so many bytes. Time enough for a client to read an early answer
    /// before its unread upload makes the kernel reset the connection (R22).
    pub linger_bytes_max: u64,
    /// While more than this waits to be sent, pipelined requests wait too (R20).
    pub pipeline_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            request_line_bytes_max: 8 * 1024,
            head_bytes_max: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            linger_idle_timeout: Duration::from_secs(2),
            linger_timeout: Duration::from_secs(10),
            linger_bytes_max: 256 * 1024,
            pipeline_bytes_max: 64 * 1024,
        }
    }
}

/// Most fields of one request; beyond it 431.
pub const FIELDS_MAX: usize = 100;
