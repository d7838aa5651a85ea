// SPDX-License-Identifier: Apache-2.0
//! The two forms of time in certificates (RFC 5280, 4.1.2.5).

use casemate_types::Timestamp;

use crate::der::Der;

/// Seconds since 1970.
pub(super) fn read(der: &mut Der<'_>) -> Option<i64> {
    let value = der.next()?;
    let digits = value.content.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let pairs: Vec<i64> = digits
        .chunks(2)
        .map(|pair| {
            pair.iter()
                .fold(0, |n, digit| n * 10 + i64::from(digit - b'0'))
        })
        .collect();
    match (value.tag, digits.len(), pairs.as_slice()) {
        (0x17, 12, &[year, month, day, h, m, s]) => {
            // Two digits are years from 1950 to 2049.
            let century = if year >= 50 { 1900 } else { 2000 };
            seconds(century + year, month, day, (h, m, s))
        }
        (0x18, 14, &[century, year, month, day, h, m, s]) => {
            seconds(century * 100 + year, month, day, (h, m, s))
        }
        _ => None,
    }
}

fn seconds(year: i64, month: i64, day: i64, (h, m, s): (i64, i64, i64)) -> Option<i64> {
    let is_time = h < 24 && m < 60 && s < 60;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !is_time {
        return None;
    }
    // Days since 0000-03-01 (Howard Hinnant, "chrono-compatible date algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = year.rem_euclid(400);
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
        - 719_468;
    Some(days * 86_400 + h * 3_600 + m * 60 + s)
}

/// For people, without fractions.
pub(super) fn shown(seconds: i64) -> String {
    let text = Timestamp::from_millis(seconds.saturating_mul(1_000)).to_rfc3339();
    text.replace(".000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_with_the_calendar() {
        for (tag, text, expected) in [
            (0x17, "700101000000Z", Some("1970-01-01T00:00:00Z")),
            (0x17, "491231235959Z", Some("2049-12-31T23:59:59Z")),
            (0x17, "500101000000Z", Some("1950-01-01T00:00:00Z")),
            (0x17, "240229120000Z", Some("2024-02-29T12:00:00Z")),
            (0x18, "99991231235959Z", Some("9999-12-31T23:59:59Z")),
            (0x18, "20500101000000Z", Some("2050-01-01T00:00:00Z")),
            (0x17, "20500101000000Z", None),
            (0x17, "241301000000Z", None),
            (0x17, "240101250000Z", None),
            (0x17, "240101000000+0000", None),
            (0x17, "24010100000Z", None),
            (0x18, "240101000000Z", None),
        ] {
            let bytes = crate::der::write(tag, &[text.as_bytes()]);
            let read = read(&mut Der::new(&bytes)).map(shown);
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
