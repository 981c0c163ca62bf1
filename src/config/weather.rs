//! The options of a bad network, for people who test their front end; and what is said of
//! them. What they do is done by [`crate::net::rate`] and [`crate::h1::weather`].

use std::fmt::Write;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use super::values;
use crate::h1::Weather;
use crate::h1::weather::Share;
use crate::net::rate::Rate;

/// Nobody tests with more. A number alone counts seconds, and people who think in
/// milliseconds should not wait for minutes to find that out.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// How slow a kind of network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slow {
    latency: Duration,
    /// Bytes a second; None is as fast as it goes.
    rate: Option<u64>,
}

/// The regular networks of Firefox's developer tools: 250 kbit/s and 300 ms, 750 kbit/s and
/// 100 ms, 4 Mbit/s and 20 ms
/// (<https://firefox-source-docs.mozilla.org/devtools-user/network_monitor/throttling/>).
const NETWORKS: [(&str, Slow); 3] = [
    ("2g", Slow { latency: Duration::from_millis(300), rate: Some(250_000 / 8) }),
    ("3g", Slow { latency: Duration::from_millis(100), rate: Some(750_000 / 8) }),
    ("4g", Slow { latency: Duration::from_millis(20), rate: Some(4_000_000 / 8) }),
];

/// Where they stand in the help.
const HEADING: &str = "A bad network, on purpose";

/// The options themselves.
#[derive(Args, Debug)]
pub(super) struct WeatherOptions {
    /// Answer late, as on a slow network: 2g, 3g, 4g, or a time
    ///
    /// Each answer begins so long after its request, or after the answer before it. The
    /// networks are those of Firefox's developer tools: 2g is 300ms and 250 kbit/s, 3g
    /// 100ms and 750 kbit/s, 4g 20ms and 4 Mbit/s. A time like 300ms slows nothing else.
    #[arg(long, value_name = "NETWORK|TIME", value_parser = slow, help_heading = HEADING, hide_short_help = true)]
    pub slow: Option<Slow>,

    /// Send no faster than this on each connection, like 500kB or 2MB/s
    ///
    /// Browsers open up to six connections, and get six times as much. Where a network has
    /// a rate, too, the lower one counts.
    #[arg(long, value_name = "RATE", value_parser = rate, help_heading = HEADING, hide_short_help = true)]
    pub limit_rate: Option<Rate>,

    /// Let so many of a hundred requests fail, like 5 or 0.5%
    ///
    /// Chosen by chance: half of them get 503, which scripts can see; of the other half the
    /// connection is reset when half of the answer is sent.
    #[arg(long, value_name = "PERCENT", value_parser = share, help_heading = HEADING, hide_short_help = true)]
    pub fail: Option<Share>,
}

impl WeatherOptions {
    /// What requests meet.
    pub(super) fn weather(&self) -> Weather {
        Weather {
            latency: self.slow.map(|slow| slow.latency).unwrap_or_default(),
            failures: self.fail.unwrap_or_default(),
        }
    }

    /// How fast each connection sends: the lower of what was said.
    pub(super) fn rate(&self) -> Option<Rate> {
        let network = self.slow.and_then(|slow| slow.rate).and_then(Rate::per_second);
        self.limit_rate.into_iter().chain(network).min()
    }
}

/// A network, or a latency.
fn slow(text: &str) -> Result<Slow, String> {
    let text = text.trim();
    if let Some((_, slow)) = NETWORKS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(*slow);
    }
    match values::grace(text) {
        Ok(latency) if latency <= LATENCY_MAX => Ok(Slow { latency, rate: None }),
        Ok(_) => Err("an answer is at most a minute late; give a time like 300ms or 2s".to_owned()),
        Err(_) => Err("give 2g, 3g or 4g, or a time like 300ms".to_owned()),
    }
}

/// Bytes a second.
fn rate(text: &str) -> Result<Rate, String> {
    let text = text.trim();
    let size: Option<ByteSize> = text.strip_suffix("/s").unwrap_or(text).parse().ok();
    size.and_then(|size| Rate::per_second(size.as_u64()))
        .ok_or_else(|| "give bytes a second, like 500kB, 2MB or 64KiB, and more than none".to_owned())
}

/// Percent, with its sign or without.
fn share(text: &str) -> Result<Share, String> {
    let text = text.trim();
    let percent = text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok();
    percent.and_then(Share::of_percent).ok_or_else(|| "give a share of 0 to 100, like 5 or 0.5%".to_owned())
}

/// What is done on purpose, in one line without its end; None if nothing is.
pub fn text(weather: &Weather, rate: Option<Rate>) -> Option<String> {
    let mut slowed = Vec::new();
    if !weather.latency.is_zero() {
        slowed.push(format!("each answer {} late", humantime::format_duration(weather.latency)));
    }
    if let Some(rate) = rate {
        slowed.push(format!("{}/s for each connection", size(rate)));
    }
    let mut text = String::new();
    if !slowed.is_empty() {
        let _ = write!(text, "slowed: {}", slowed.join(", "));
    }
    if !weather.failures.is_none() {
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}{} % of requests fail", weather.failures);
    }
    (!text.is_empty()).then_some(text)
}

/// A rate as people write it.
pub(super) fn size(rate: Rate) -> String {
    ByteSize(rate.bytes_per_second()).display().si().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_times_are_slow() {
        for (text, latency, rate) in [
            ("2g", 300, Some(31_250)),
            ("3G", 100, Some(93_750)),
            ("4g", 20, Some(500_000)),
            ("1s", 1000, None),
        ] {
            assert_eq!(slow(text), Ok(Slow { latency: Duration::from_millis(latency), rate }), "{text}");
        }
        for text in ["", "5g", "61s", "300", "fast", "-1ms"] {
            assert!(slow(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("2MB", 2_000_000),
            ("500KiB", 512_000),
            ("1.5MB/s", 1_500_000),
            ("1000", 1_000),
            ("64 kB", 64_000),
            ("2M", 2_000_000),
        ] {
            assert_eq!(rate(text).unwrap().bytes_per_second(), bytes, "{text}");
        }
        for text in ["", "0", "0MB", "fast", "-1", "2MB/min", "/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_percent() {
        for (text, expected) in [("5", "5"), ("5%", "5"), ("0.5 %", "0.5"), ("0", "0"), ("100", "100")] {
            assert_eq!(share(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "%", "120", "-1", "nan", "inf", "half"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_lower_rate_counts() {
        let options = |slow_by: Option<&str>, limit: Option<&str>| WeatherOptions {
            slow: slow_by.map(|text| slow(text).unwrap()),
            limit_rate: limit.map(|text| rate(text).unwrap()),
            fail: None,
        };
        for (slow_by, limit, expected) in [
            (None, None, None),
            (Some("3g"), None, Some(93_750)),
            (Some("3g"), Some("1MB"), Some(93_750)),
            (Some("3g"), Some("50kB"), Some(50_000)),
            (Some("1s"), Some("50kB"), Some(50_000)),
        ] {
            let rate = options(slow_by, limit).rate();
            assert_eq!(rate.map(Rate::bytes_per_second), expected, "{slow_by:?} {limit:?}");
        }
    }

    #[test]
    fn what_is_done_on_purpose_is_one_line() {
        let weather = |millis, percent| Weather {
            latency: Duration::from_millis(millis),
            failures: Share::of_percent(percent).unwrap(),
        };
        let rate = Rate::per_second(50_000);
        for (weather, rate, expected) in [
            (weather(0, 0.0), None, None),
            (weather(400, 0.0), None, Some("slowed: each answer 400ms late")),
            (weather(0, 0.0), rate, Some("slowed: 50.0 kB/s for each connection")),
            (weather(0, 0.5), None, Some("0.5 % of requests fail")),
            (
                weather(400, 5.0),
                rate,
                Some("slowed: each answer 400ms late, 50.0 kB/s for each connection; 5 % of requests fail"),
            ),
        ] {
            assert_eq!(text(&weather, rate).as_deref(), expected);
        }
    }
}
