//! What is told at the end.

use std::time::Duration;

use serde::Serialize;

use super::run::Tally;

/// One line of JSON. What could not be measured is null.
#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: u64,
    pub seconds: f64,
    pub requests_per_second: f64,
    /// Of all that came, heads included; a megabyte has 1,000,000 bytes.
    pub megabytes_per_second: f64,
    pub p50_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p999_us: Option<f64>,
    /// Wrong answers, and connections that broke.
    pub errors: u64,
    pub first_error: Option<String>,
    /// Connections made after the beginning.
    pub reconnects: u64,
    /// Processor time of the generator: close to `seconds`, and it is what was measured.
    pub own_cpu_seconds: Option<f64>,
    /// Processor time of the server.
    pub server_cpu_seconds: Option<f64>,
    /// In milliseconds for 1,000 requests, which is microseconds for one.
    pub server_cpu_per_1000: Option<f64>,
}

impl Report {
    pub fn new(tally: Tally, time: Duration, own: Option<Duration>, server: Option<Duration>) -> Report {
        let seconds = time.as_secs_f64();
        let percentile =
            |part| tally.latencies.percentile(part).map(|time| rounded(time.as_secs_f64() * 1e6));
        let is_any = tally.answers > 0;
        let per_request = |time: Duration| rounded(time.as_secs_f64() * 1e6 / tally.answers as f64);
        Report {
            requests: tally.answers,
            seconds: rounded(seconds),
            requests_per_second: rounded(tally.answers as f64 / seconds),
            megabytes_per_second: rounded(tally.bytes as f64 / seconds / 1e6),
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            p999_us: percentile(0.999),
            errors: tally.errors,
            reconnects: tally.reconnects,
            own_cpu_seconds: own.map(|time| rounded(time.as_secs_f64())),
            server_cpu_seconds: server.map(|time| rounded(time.as_secs_f64())),
            server_cpu_per_1000: server.filter(|_| is_any).map(per_request),
            first_error: tally.first_error,
        }
    }
}

/// To thousandths: nobody measures more.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
