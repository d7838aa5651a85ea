// SPDX-License-Identifier: Apache-2.0
//! The check language of `rules/personal.rules`: alternatives of checks that must all pass.
//!
//! Every check is total: a character it has no value for, or too few characters, means that it does
//! not pass.

mod coin;
mod date;
mod named;
mod tables;

use std::borrow::Cow;

use date::DateForm;

/// What must hold for a number: one of the alternatives, of which all checks hold.
#[derive(Debug, Clone)]
pub(crate) struct Check(Vec<Vec<Placed>>);

/// A check of a part of the characters.
#[derive(Debug, Clone)]
struct Placed {
    prim: Prim,
    /// From this character on, up to that one.
    part: Option<(usize, Option<usize>)>,
}

/// What a weighted sum must give.
#[derive(Debug, Clone)]
enum Digit {
    /// The remainder itself, over all characters.
    Sum(i64),
    /// A check character made from the remainder, or from what is missing to the modulus.
    Made {
        complement: bool,
        map: Vec<(i64, u8)>,
        alphabet: Vec<u8>,
    },
}

#[derive(Debug, Clone)]
enum Prim {
    Bech32(Vec<u8>),
    Base58Check(Vec<u8>),
    Base58Length(usize),
    Date(DateForm),
    Divides(u64),
    InList {
        from: usize,
        upto: usize,
        items: Vec<Box<str>>,
        wanted: bool,
    },
    Country(usize, usize),
    Luhn(Vec<u8>),
    Mrz(Vec<(usize, usize)>, usize),
    Named(fn(&Value<'_>) -> Option<bool>),
    Number {
        from: usize,
        upto: usize,
        modulus: u64,
        rule: NumberRule,
        check: (usize, usize),
        before: Vec<u8>,
    },
    PolishId(Vec<i64>),
    TwoWeights(Vec<i64>, Vec<i64>, i64),
    Weights {
        weights: Vec<i64>,
        modulus: i64,
        digit: Digit,
        ascii: bool,
        crossed: bool,
    },
}

#[derive(Debug, Clone)]
enum NumberRule {
    Alphabet(Vec<u8>),
    Complement,
    Remainder,
}

/// The characters that are checked.
pub(super) struct Value<'a> {
    /// As they stand in the text.
    pub(super) raw: &'a [u8],
    /// Without separators.
    pub(super) bare: &'a [u8],
}

impl Check {
    /// Reads a check; tells what is wrong with one that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self(vec![Vec::new()]));
        }
        let prims = |alternative: &str| -> Result<Vec<_>, String> {
            alternative.split(" & ").map(Placed::parse).collect()
        };
        let alternatives: Result<_, String> = text.split(" / ").map(prims).collect();
        Ok(Self(alternatives?))
    }

    /// Whether a match as it stands in the text passes.
    pub(crate) fn passes(&self, raw: &[u8]) -> bool {
        let bare = without_separators(raw);
        self.0.iter().any(|all| {
            all.iter()
                .all(|placed| placed.passes(raw, &bare) == Some(true))
        })
    }
}

/// What checks work on: no space, no-break space, dash, dot, slash, bracket, colon or plus.
fn without_separators(raw: &[u8]) -> Cow<'_, [u8]> {
    let other = |byte: &u8| {
        !matches!(
            byte,
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b':' | b'+' | 0xC2 | 0xA0
        )
    };
    if raw.iter().all(other) {
        return raw.into();
    }
    let mut bare = Vec::with_capacity(raw.len());
    bare.extend(raw.iter().filter(|byte| other(byte)));
    bare.into()
}

impl Placed {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (text, part) = match text.rsplit_once('@') {
            // An `@` inside the brackets of a date is its own.
            Some((head, place)) if !place.contains(')') => (head, Some(part(place)?)),
            _ => (text, None),
        };
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or("a bracket is open")?),
            None => (text, ""),
        };
        let prim = prim(name, arguments).map_err(|why| format!("{name}: {why}"))?;
        Ok(Self { prim, part })
    }

    fn passes(&self, raw: &[u8], bare: &[u8]) -> Option<bool> {
        let bare = match self.part {
            None => bare,
            Some((from, None)) => bare.get(from..)?,
            Some((from, Some(upto))) => bare.get(from..upto)?,
        };
        self.prim.passes(&Value { raw, bare })
    }
}

/// `a-b` or `a-`, counted from one, as a range.
fn part(text: &str) -> Result<(usize, Option<usize>), String> {
    let wrong = || format!("`{text}` is no range");
    let (from, upto) = text.split_once('-').ok_or_else(wrong)?;
    let from: usize = from.trim().parse().map_err(|_| wrong())?;
    let upto = match upto.trim() {
        "" => None,
        upto => Some(upto.parse().map_err(|_| wrong())?),
    };
    Ok((from.checked_sub(1).ok_or_else(wrong)?, upto))
}

fn range(text: &str) -> Result<(usize, usize), String> {
    match part(text)? {
        (from, Some(upto)) if from < upto => Ok((from, upto)),
        _ => Err(format!("`{text}` is no range")),
    }
}

fn numbers(text: &str) -> Result<Vec<i64>, String> {
    let number = |part: &str| {
        part.trim()
            .parse()
            .map_err(|_| format!("`{part}` is no number"))
    };
    text.split(',').map(number).collect()
}

fn prim(name: &str, arguments: &str) -> Result<Prim, String> {
    let fields: Vec<&str> = arguments.split(';').map(str::trim).collect();
    let field = |at: usize| fields.get(at).copied().ok_or("an argument is missing");
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    Ok(match name {
        "b58check" => Prim::Base58Check(coin::versions(arguments)?),
        "b58len" => Prim::Base58Length(number(arguments)? as usize),
        "bech32" => Prim::Bech32(arguments.as_bytes().to_vec()),
        "country" => {
            let (from, upto) = range(arguments)?;
            Prim::Country(from, upto)
        }
        "date" => Prim::Date(DateForm::parse(&fields)?),
        "div" => Prim::Divides(number(arguments)?),
        "in" | "notin" => {
            let (from, upto) = range(field(0)?)?;
            let items = field(1)?.split(',').map(Into::into).collect();
            Prim::InList {
                from,
                upto,
                items,
                wanted: name == "in",
            }
        }
        "luhn" => Prim::Luhn(arguments.as_bytes().to_vec()),
        "mrz" => {
            let ranges = field(0)?.split(',').map(range).collect::<Result<_, _>>()?;
            let place: u64 = number(field(1)?)?;
            Prim::Mrz(ranges, (place as usize).saturating_sub(1))
        }
        "num" => {
            let (from, upto) = range(field(0)?)?;
            let rule = match field(2)? {
                "C" => NumberRule::Complement,
                rule => match rule.split_once(':') {
                    Some((_, alphabet)) => NumberRule::Alphabet(alphabet.into()),
                    None => NumberRule::Remainder,
                },
            };
            Prim::Number {
                from,
                upto,
                modulus: number(field(1)?)?,
                rule,
                check: range(field(3)?)?,
                before: fields.get(4).copied().unwrap_or("").into(),
            }
        }
        "pl_id" => Prim::PolishId(numbers(arguments)?),
        "w" | "wx" => Prim::Weights {
            weights: numbers(field(0)?)?,
            modulus: number(field(1)?)? as i64,
            digit: digit(field(2)?)?,
            ascii: fields.get(3) == Some(&"ascii48"),
            crossed: name == "wx",
        },
        "w2" => Prim::TwoWeights(
            numbers(field(0)?)?,
            numbers(field(1)?)?,
            number(field(2)?)? as i64,
        ),
        other => Prim::Named(named::find(other).ok_or("it is not known")?),
    })
}

/// `0`, `=k`, or `r` and `c` with a map in braces or an alphabet behind a colon.
fn digit(text: &str) -> Result<Digit, String> {
    let wrong = || format!("`{text}` is no rule for a check digit");
    if let Some(sum) = text.strip_prefix('=') {
        return Ok(Digit::Sum(sum.parse().map_err(|_| wrong())?));
    }
    if text == "0" {
        return Ok(Digit::Sum(0));
    }
    let complement = text.starts_with('c');
    let rest = text.strip_prefix(['r', 'c']).ok_or_else(wrong)?;
    let (mut map, mut alphabet) = (Vec::new(), Vec::new());
    if let Some(letters) = rest.strip_prefix(':') {
        alphabet = letters.into();
    } else if let Some(inside) = rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')) {
        for pair in inside.split(',') {
            let (value, written) = pair.split_once(':').ok_or_else(wrong)?;
            let written = *written.as_bytes().first().ok_or_else(wrong)?;
            map.push((value.parse().map_err(|_| wrong())?, written));
        }
    }
    Ok(Digit::Made {
        complement,
        map,
        alphabet,
    })
}

impl Digit {
    fn fits(&self, sum: i64, modulus: i64, written: u8) -> Option<bool> {
        let Self::Made {
            complement,
            map,
            alphabet,
        } = self
        else {
            return None;
        };
        let rest = sum.rem_euclid(modulus);
        let value = if *complement {
            (modulus - rest) % modulus
        } else {
            rest
        };
        if !alphabet.is_empty() {
            return Some(alphabet.get(usize::try_from(value).ok()?) == Some(&written));
        }
        if let Some((_, mapped)) = map.iter().find(|(from, _)| *from == value) {
            return Some(*mapped == written);
        }
        Some(value < 10 && written == b'0' + u8::try_from(value).ok()?)
    }
}

/// The value of a digit or capital letter.
pub(super) fn value(byte: u8) -> Option<i64> {
    match byte {
        b'0'..=b'9' => Some(i64::from(byte - b'0')),
        b'A'..=b'Z' => Some(i64::from(byte - b'A') + 10),
        _ => None,
    }
}

/// The value of a digit.
pub(super) fn digit_value(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// The digits of a number as one.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = u64::try_from(digit_value(*byte)?).ok()?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The sum of a number's decimal digits.
pub(super) const fn cross(mut number: i64) -> i64 {
    let mut sum = 0;
    while number > 0 {
        sum += number % 10;
        number /= 10;
    }
    sum
}

/// The weighted sum of digits, first weight to first digit.
pub(super) fn weighted(bytes: &[u8], weights: &[i64]) -> Option<i64> {
    let pairs = bytes.iter().zip(weights);
    pairs
        .map(|(byte, weight)| Some(digit_value(*byte)? * weight))
        .sum()
}

impl Prim {
    fn passes(&self, v: &Value<'_>) -> Option<bool> {
        let bare = v.bare;
        match self {
            Self::Base58Check(versions) => coin::base58_check(bare, coin::BITCOIN, versions),
            Self::Base58Length(length) => Some(coin::base58(bare, coin::BITCOIN)?.len() == *length),
            Self::Bech32(prefix) => coin::bech32(v.raw, prefix),
            Self::Country(from, upto) => {
                let code = bare.get(*from..*upto)?;
                Some(named::is_country(code))
            }
            Self::Date(form) => form.passes(bare),
            Self::Divides(modulus) => {
                let rest = bare.iter().try_fold(0_u64, |rest, byte| {
                    let digit = u64::try_from(digit_value(*byte)?).ok()?;
                    Some((rest * 10 + digit) % modulus)
                });
                Some(rest? == 0)
            }
            Self::InList {
                from,
                upto,
                items,
                wanted,
            } => {
                let part = std::str::from_utf8(bare.get(*from..(*upto).min(bare.len()))?).ok()?;
                Some(items.iter().any(|item| is_item(item, part)) == *wanted)
            }
            Self::Luhn(before) => luhn(before.iter().chain(bare)),
            Self::Mrz(ranges, place) => mrz(bare, ranges, *place),
            Self::Named(check) => check(v),
            Self::Number {
                from,
                upto,
                modulus,
                rule,
                check,
                before,
            } => {
                let digits = [before.as_slice(), bare.get(*from..*upto)?].concat();
                let rest = decimal(&digits)? % modulus;
                let written = bare.get(check.0..check.1)?;
                let number = match rule {
                    NumberRule::Alphabet(alphabet) => {
                        let letter = alphabet.get(usize::try_from(rest).ok()?)?;
                        return Some(written == [*letter]);
                    }
                    NumberRule::Complement => modulus - rest,
                    NumberRule::Remainder => rest,
                };
                let width = check.1 - check.0;
                Some(format!("{number:0width$}").as_bytes() == written)
            }
            Self::PolishId(weights) => {
                let sum: Option<i64> = bare
                    .iter()
                    .zip(weights)
                    .map(|(byte, weight)| Some(value(*byte)? * weight))
                    .sum();
                Some(sum? % 10 == 0)
            }
            Self::TwoWeights(first, second, modulus) => {
                let (last, body) = bare.split_last()?;
                if body.len() != first.len() {
                    return Some(false);
                }
                let mut rest = weighted(body, first)? % modulus;
                if rest == 10 {
                    rest = weighted(body, second)? % modulus;
                }
                Some(digit_value(*last)? == rest % 10)
            }
            Self::Weights {
                weights,
                modulus,
                digit,
                ascii,
                crossed,
            } => {
                let value = |byte: u8| match ascii {
                    true => Some(i64::from(byte) - 48),
                    false => value(byte),
                };
                let product = |number: i64| if *crossed { cross(number) } else { number };
                let sum = |bytes: &[u8]| -> Option<i64> {
                    let skipped = weights.len().checked_sub(bytes.len())?;
                    bytes
                        .iter()
                        .zip(&weights[skipped..])
                        .map(|(byte, weight)| Some(product(value(*byte)? * weight)))
                        .sum()
                };
                if let Digit::Sum(wanted) = digit {
                    return Some(sum(bare)?.rem_euclid(*modulus) == *wanted);
                }
                let (last, body) = bare.split_last()?;
                digit.fits(sum(body)?, *modulus, *last)
            }
        }
    }
}

/// Whether a text is an item of a list, or lies in a range of numbers of the same width.
fn is_item(item: &str, text: &str) -> bool {
    if item == text {
        return true;
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    item.split_once('-').is_some_and(|(first, last)| {
        digits(first)
            && digits(last)
            && digits(text)
            && first.len() == text.len()
            && (first..=last).contains(&text)
    })
}

/// Luhn check (ISO/IEC 7812-1 annex B).
pub(super) fn luhn<'a>(digits: impl DoubleEndedIterator<Item = &'a u8>) -> Option<bool> {
    let mut sum = 0;
    for (at, byte) in digits.rev().enumerate() {
        let doubled = digit_value(*byte)? << (at % 2);
        sum += if doubled > 9 { doubled - 9 } else { doubled };
    }
    Some(sum % 10 == 0)
}

/// A check digit of a machine readable zone (ICAO 9303 part 3 section 4.9).
fn mrz(bytes: &[u8], ranges: &[(usize, usize)], place: usize) -> Option<bool> {
    let (mut sum, mut at, mut empty) = (0, 0, true);
    for (from, upto) in ranges {
        for byte in bytes.get(*from..*upto)? {
            let value = if *byte == b'<' { 0 } else { value(*byte)? };
            empty &= *byte == b'<';
            sum += value * [7, 3, 1][at % 3];
            at += 1;
        }
    }
    let written = *bytes.get(place)?;
    Some(digit_value(written) == Some(sum % 10) || (written == b'<' && empty))
}
