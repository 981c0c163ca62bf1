//! A URL as a QR code, in characters. Pure.

use qrcode::types::{Color, QrError};
use qrcode::{EcLevel, QrCode};

/// What has to stay light around it, in modules (ISO/IEC 18004 §5.3.8).
const QUIET_ZONE: usize = 4;

/// Black on white, whatever the terminal's own colours are.
const ON: &str = "\x1b[30;107m";
const OFF: &str = "\x1b[0m";

/// The code, one line of text for two lines of modules; None if it does not fit in so many
/// columns.
///
/// Without colours what is light is drawn, as is right on a dark terminal; on a light one
/// cameras see it inverted, which most of them read as well.
///
/// # Errors
/// When the URL is too long for any code.
pub fn text(url: &str, color: bool, columns: Option<usize>) -> Result<Option<String>, QrError> {
    let code = QrCode::with_error_correction_level(url, EcLevel::L)?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = width + 2 * QUIET_ZONE;
    if columns.is_some_and(|columns| columns < side) {
        return Ok(None);
    }
    let is_dark = |x: usize, y: usize| {
        let within = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < width);
        match (within(x), within(y)) {
            (Some(x), Some(y)) => modules.get(y * width + x) == Some(&Color::Dark),
            _ => false,
        }
    };
    let (on, off) = if color { (ON, OFF) } else { ("", "") };
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        text.push_str(on);
        // With colours the dark is drawn, else the light.
        text.extend((0..side).map(|x| match (is_dark(x, y) == color, is_dark(x, y + 1) == color) {
            (true, true) => '\u{2588}',
            (true, false) => '\u{2580}',
            (false, true) => '\u{2584}',
            (false, false) => ' ',
        }));
        text.push_str(off);
        text.push('\n');
    }
    Ok(Some(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The modules of a text, `true` for dark, without the quiet zone.
    fn read(text: &str, color: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let line: Vec<char> = line.replace(ON, "").replace(OFF, "").chars().collect();
            let upper = |c: &char| matches!(c, '\u{2588}' | '\u{2580}') == color;
            let lower = |c: &char| matches!(c, '\u{2588}' | '\u{2584}') == color;
            rows.push(line.iter().map(upper).collect());
            rows.push(line.iter().map(lower).collect());
        }
        rows
    }

    #[test]
    fn it_says_what_the_library_says_with_light_around_it() {
        let url = "http://192.168.1.20:8000/";
        let code = QrCode::with_error_correction_level(url, EcLevel::L).unwrap();
        for color in [true, false] {
            let rows = read(&text(url, color, None).unwrap().unwrap(), color);
            let side = code.width() + 2 * QUIET_ZONE;
            for (y, row) in rows.iter().enumerate() {
                assert_eq!(row.len(), side);
                for (x, &is_dark) in row.iter().enumerate() {
                    let inner = (QUIET_ZONE..side - QUIET_ZONE).contains(&x)
                        && (QUIET_ZONE..side - QUIET_ZONE).contains(&y);
                    let expected = inner && code[(x - QUIET_ZONE, y - QUIET_ZONE)] == Color::Dark;
                    assert_eq!(is_dark, expected, "{x} {y}");
                }
            }
            assert!(rows.iter().flatten().filter(|dark| **dark).count() > 100);
        }
    }

    #[test]
    fn it_is_left_out_where_there_is_no_room() {
        let url = "http://127.0.0.1:8000/";
        assert_eq!(text(url, true, Some(20)).unwrap(), None);
        assert!(text(url, true, Some(33)).unwrap().is_some());
        assert!(text(&"x".repeat(5000), true, None).is_err());
    }
}
