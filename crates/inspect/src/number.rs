// SPDX-License-Identifier: Apache-2.0
//! Checks of numbers.

/// Luhn check (ISO/IEC 7812-1 annex B).
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let doubled = u32::from(*digit) << (at % 2);
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether digits begin like a payment card of a network that exists, with its lengths.
pub(crate) fn is_card_range(digits: &[u8]) -> bool {
    let head = |count: usize| {
        digits
            .iter()
            .take(count)
            .fold(0_u32, |value, digit| value * 10 + u32::from(*digit))
    };
    let length = digits.len();
    match head(1) {
        4 => matches!(length, 13 | 16 | 19),
        3 => match head(2) {
            34 | 37 => length == 15,
            36 | 38 | 39 => matches!(length, 14 | 16),
            30 => matches!(length, 14 | 16),
            35 => matches!(length, 16..=19),
            _ => false,
        },
        5 => {
            matches!(head(2), 51..=55) && length == 16 || head(2) == 50 && matches!(length, 12..=19)
        }
        2 => matches!(head(4), 2221..=2720 | 2200..=2204) && matches!(length, 16..=19),
        6 => matches!(length, 16..=19) || (head(2) != 60 && matches!(length, 12..=15)),
        _ => false,
    }
}

/// Length of an IBAN by country (SWIFT IBAN registry); `None` for a country without.
pub(crate) fn iban_length(country: &[u8]) -> Option<usize> {
    const LENGTHS: &[(&[u8; 2], usize)] = &[
        (b"AD", 24),
        (b"AE", 23),
        (b"AL", 28),
        (b"AT", 20),
        (b"AZ", 28),
        (b"BA", 20),
        (b"BE", 16),
        (b"BG", 22),
        (b"BH", 22),
        (b"BI", 27),
        (b"BR", 29),
        (b"BY", 28),
        (b"CH", 21),
        (b"CR", 22),
        (b"CY", 28),
        (b"CZ", 24),
        (b"DE", 22),
        (b"DJ", 27),
        (b"DK", 18),
        (b"DO", 28),
        (b"EE", 20),
        (b"EG", 29),
        (b"ES", 24),
        (b"FI", 18),
        (b"FK", 18),
        (b"FO", 18),
        (b"FR", 27),
        (b"GB", 22),
        (b"GE", 22),
        (b"GI", 23),
        (b"GL", 18),
        (b"GR", 27),
        (b"GT", 28),
        (b"HR", 21),
        (b"HU", 28),
        (b"IE", 22),
        (b"IL", 23),
        (b"IQ", 23),
        (b"IS", 26),
        (b"IT", 27),
        (b"JO", 30),
        (b"KW", 30),
        (b"KZ", 20),
        (b"LB", 28),
        (b"LC", 32),
        (b"LI", 21),
        (b"LT", 20),
        (b"LU", 20),
        (b"LV", 21),
        (b"LY", 25),
        (b"MC", 27),
        (b"MD", 24),
        (b"ME", 22),
        (b"MK", 19),
        (b"MN", 20),
        (b"MR", 27),
        (b"MT", 31),
        (b"MU", 30),
        (b"NI", 28),
        (b"NL", 18),
        (b"NO", 15),
        (b"OM", 23),
        (b"PK", 24),
        (b"PL", 28),
        (b"PS", 29),
        (b"PT", 25),
        (b"QA", 29),
        (b"RO", 24),
        (b"RS", 22),
        (b"RU", 33),
        (b"SA", 24),
        (b"SC", 31),
        (b"SD", 18),
        (b"SE", 24),
        (b"SI", 19),
        (b"SK", 24),
        (b"SM", 27),
        (b"SO", 23),
        (b"ST", 25),
        (b"SV", 28),
        (b"TL", 23),
        (b"TN", 24),
        (b"TR", 26),
        (b"UA", 29),
        (b"VA", 22),
        (b"VG", 24),
        (b"XK", 20),
        (b"YE", 30),
    ];
    LENGTHS
        .iter()
        .find(|(known, _)| known.as_slice() == country)
        .map(|(_, length)| *length)
}

/// Mod-97 check of an IBAN without spaces (ISO 13616, ISO 7064).
pub(crate) fn iban_check(iban: &[u8]) -> bool {
    let Some((head, tail)) = iban.split_at_checked(4) else {
        return false;
    };
    let rest = tail
        .iter()
        .chain(head)
        .try_fold(0_u32, |rest, byte| match byte {
            b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
            b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
            _ => None,
        });
    rest == Some(1)
}

/// Whether a US social security number could have been issued (SSA numbering rules).
pub(crate) const fn is_ssn(area: u32, group: u32, serial: u32) -> bool {
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
        // Numbers printed in advertisements and forms.
        && !(area == 78 && group == 5 && serial == 1120)
        && !(area == 219 && group == 9 && serial == 9999)
}
