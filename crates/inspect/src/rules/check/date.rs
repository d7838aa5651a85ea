// SPDX-License-Identifier: Apache-2.0
//! Dates inside numbers.

use super::decimal;

/// The last year somebody can have been born in, as far as a pure function can know: what lies
/// beyond is no date of birth.
const LAST_YEAR: u64 = 2035;
const FIRST_YEAR: u64 = 1880;

/// Characters that give the century, and the century, if they settle it.
type Meanings = Vec<(u8, Option<u64>)>;

/// How a date stands in a number; see the head of `rules/personal.rules`.
#[derive(Debug, Clone)]
pub(super) struct DateForm {
    fields: Vec<(u8, usize)>,
    at: usize,
    /// Offsets of the month, with the century they mean.
    months: Vec<(u64, Option<u64>)>,
    days: Vec<u64>,
    /// The character that gives the century, and what it means.
    century: Option<(usize, Meanings)>,
}

impl DateForm {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{what}` is no date");
        let (first, options) = fields.split_first().ok_or("it is empty")?;
        let (format, place) = first.split_once('@').ok_or_else(|| wrong(first))?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong(text));
        let place_of = |text: &str| {
            let place = usize::try_from(number(text)?).unwrap_or(usize::MAX);
            place.checked_sub(1).ok_or_else(|| wrong(text))
        };
        let mut form = Self {
            fields: Vec::new(),
            at: place_of(place)?,
            months: vec![(0, None)],
            days: vec![0],
            century: None,
        };
        for letter in format.bytes() {
            match form.fields.last_mut() {
                Some((known, count)) if *known == letter => *count += 1,
                _ => form.fields.push((letter, 1)),
            }
        }
        let century = |text: &str| match text {
            "*" => Ok(None),
            text => number(text).map(Some),
        };
        for option in options {
            let (name, list) = option.split_once('=').ok_or_else(|| wrong(option))?;
            let items = list.split(',');
            if name == "m" {
                let month = |item: &str| match item.split_once(':') {
                    Some((offset, cent)) => Ok((number(offset)?, century(cent)?)),
                    None => Ok::<_, String>((number(item)?, None)),
                };
                form.months = items.map(month).collect::<Result<_, _>>()?;
            } else if name == "d" {
                form.days = items.map(number).collect::<Result<_, _>>()?;
            } else if let Some(place) = name.strip_prefix("c@") {
                let meaning = |item: &str| {
                    let (letter, cent) = item.split_once(':').ok_or_else(|| wrong(item))?;
                    let letter = *letter.as_bytes().first().ok_or_else(|| wrong(item))?;
                    Ok::<_, String>((letter, century(cent)?))
                };
                form.century = Some((
                    place_of(place)?,
                    items.map(meaning).collect::<Result<_, _>>()?,
                ));
            } else {
                return Err(wrong(option));
            }
        }
        Ok(form)
    }

    pub(super) fn passes(&self, bytes: &[u8]) -> Option<bool> {
        let (mut year, mut month, mut day) = ((0, 0), 0, 0);
        let mut at = self.at;
        for (letter, width) in &self.fields {
            let number = decimal(bytes.get(at..at + width)?)?;
            at += width;
            match letter {
                b'y' => year = (number, *width),
                b'm' => month = number,
                _ => day = number,
            }
        }
        let given = match &self.century {
            None => None,
            Some((place, meanings)) => {
                let letter = bytes.get(*place)?;
                let meaning = meanings.iter().find(|(known, _)| known == letter);
                match meaning {
                    Some((_, century)) => Some(*century),
                    None => return Some(false),
                }
            }
        };
        let exists = |(offset, century): &(u64, Option<u64>)| {
            let century = given.unwrap_or(*century);
            let month = month.checked_sub(*offset);
            self.days.iter().any(|add| {
                let (Some(month), Some(day)) = (month, day.checked_sub(*add)) else {
                    return false;
                };
                let open = year.1 == 2 && century.is_none();
                years(year, century)
                    .into_iter()
                    .flatten()
                    .any(|year| (open || is_of_life(year)) && is_date(year, month, day))
            })
        };
        Some(self.months.iter().any(exists))
    }
}

/// The years that a written year can mean.
const fn years((number, width): (u64, usize), century: Option<u64>) -> [Option<u64>; 2] {
    match (width, century) {
        (2, Some(century)) => [Some(century * 100 + number), None],
        (2, None) => [Some(1900 + number), Some(2000 + number)],
        (3, _) => match number / 100 {
            0 => [Some(2000 + number), None],
            8 | 9 => [Some(1000 + number), None],
            _ => [None, None],
        },
        _ => [Some(number), None],
    }
}

/// Whether somebody who lives may have been born in a year.
pub(super) const fn is_of_life(year: u64) -> bool {
    FIRST_YEAR <= year && year <= LAST_YEAR
}

/// Whether a date exists (Gregorian).
pub(super) const fn is_date(year: u64, month: u64, day: u64) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    1 <= day && day <= days
}
