// SPDX-License-Identifier: Apache-2.0
//! Time and randomness, passed in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// An instant from milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The instant `by` later, saturating at the end of time.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Days since the epoch in UTC, the key of a daily budget.
    #[must_use]
    pub const fn utc_day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// Year and month (1-12) in UTC, the key of a monthly budget.
    #[must_use]
    pub const fn utc_month(self) -> (i64, u32) {
        let (year, month, _) = civil(self.utc_day());
        (year, month)
    }

    /// RFC 3339 in UTC with milliseconds, `2026-11-21T08:30:00.000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (year, month, day) = civil(self.utc_day());
        let ms = self.0.rem_euclid(86_400_000);
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        format!(
            "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z",
            ms % 1000
        )
    }

    /// Reads RFC 3339 in UTC (`…Z`), with or without a fraction; what is finer than milliseconds is
    /// cut. None for everything else, leap seconds as well.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [h, m, s] = numbers(time, ':', [2, 2, 2])?;
        let is_fraction =
            (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
        let ms = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
        let days = days_from_civil(i64::from(year), month, day);
        // A day that the month does not have would be one of the next.
        let is_date = (1..=12).contains(&month) && civil(days) == (i64::from(year), month, day);
        let is_time = h < 24 && m < 60 && s < 60;
        let seconds = days * 86_400 + i64::from(h * 3_600 + m * 60 + s);
        (is_fraction && is_date && is_time).then_some(Self(seconds * 1_000 + ms))
    }

    /// The first instant of the UTC day `days` after the epoch.
    #[must_use]
    pub const fn from_utc_day(days: i64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// The first instant of the next UTC month.
    #[must_use]
    pub const fn next_utc_month(self) -> Self {
        let (year, month) = self.utc_month();
        let (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        Self::from_utc_day(days_from_civil(year, month, 1))
    }
}

/// Three numbers of these many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut next = |digits| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let [first, second, third] = digits;
    let numbers = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(numbers)
}

/// Proleptic Gregorian date of a day number (Howard Hinnant, "chrono-compatible date algorithms").
const fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month as i64 + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day as i64 - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, the one place of the product that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one implementation of `Clock` that may"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `out` with bytes nobody can guess.
    fn fill(&self, out: &mut [u8]);

    /// Ten random bytes, what an id needs.
    fn id_bytes(&self) -> [u8; 10] {
        let mut out = [0; 10];
        self.fill(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_odd() {
        for millis in [
            0,
            951_782_400_000,
            1_795_300_563_007,
            -1,
            253_402_300_799_999,
        ] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from_rfc3339(&time.to_rfc3339()), Some(time));
        }
        for (text, millis) in [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T00:00:01.5Z", Some(1_500)),
            ("1970-01-01T00:00:01.123456789Z", Some(1_123)),
            ("1970-01-01T00:00:01.Z", None),
            ("1970-01-01T00:00:01", None),
            ("1970-01-01T00:00:01+00:00", None),
            ("1970-01-01T24:00:00Z", None),
            ("1970-02-29T00:00:00Z", None),
            ("1970-00-01T00:00:00Z", None),
            ("1970-01-00T00:00:00Z", None),
            ("1970-13-01T00:00:00Z", None),
            ("1970-1-01T00:00:00Z", None),
            ("1970-01-01-01T00:00:00Z", None),
            ("+970-01-01T00:00:00Z", None),
            ("", None),
        ] {
            let read = Timestamp::from_rfc3339(text);
            assert_eq!(read.map(Timestamp::as_millis), millis, "{text}");
        }
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_300_563_007, "2026-11-21T22:36:03.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_rfc3339(), text);
        }
        let december = Timestamp::from_millis(1_798_700_000_000);
        assert_eq!(
            december.next_utc_month().to_rfc3339(),
            "2027-01-01T00:00:00.000Z"
        );
    }
}
