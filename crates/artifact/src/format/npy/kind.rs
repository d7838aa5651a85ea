// SPDX-License-Identifier: Apache-2.0
//! Types of an array's items, as numpy writes them into headers: a short word, or a list of parts.

/// Lists of parts within one another.
const DEPTH: usize = 8;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) has_objects: bool,
    /// Bytes of an item, if they can be told.
    pub(super) bytes: Option<u64>,
}

/// Reads a type; nothing if numpy would not take it.
pub(super) fn read(text: &str) -> Option<Kind> {
    let mut reader = Reader { rest: text.trim() };
    let kind = reader.kind(0)?;
    reader.rest.is_empty().then_some(kind)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn kind(&mut self, depth: usize) -> Option<Kind> {
        if depth > DEPTH {
            return None;
        }
        if !self.take("[") {
            return word(self.text()?);
        }
        let mut whole = Kind {
            has_objects: false,
            bytes: Some(0),
        };
        loop {
            let part = self.part(depth)?;
            whole.has_objects |= part.has_objects;
            whole.bytes = whole
                .bytes
                .zip(part.bytes)
                .and_then(|(sum, part)| sum.checked_add(part));
            let more = self.take(",");
            if self.take("]") {
                return Some(whole);
            }
            if !more {
                return None;
            }
        }
    }

    /// A name, or a title with a name; a type; and how many of it, if it is more than one.
    fn part(&mut self, depth: usize) -> Option<Kind> {
        if !self.take("(") {
            return None;
        }
        if self.take("(") {
            self.text()?;
            self.expect(",")?;
            self.text()?;
            self.expect(")")?;
        } else {
            self.text()?;
        }
        self.expect(",")?;
        let mut kind = self.kind(depth + 1)?;
        if self.take(",") && !self.rest.starts_with(')') {
            let count = self.count()?;
            kind.bytes = kind.bytes.and_then(|bytes| bytes.checked_mul(count));
            self.take(",");
        }
        self.expect(")")?;
        Some(kind)
    }

    /// A number, or a tuple of numbers.
    fn count(&mut self) -> Option<u64> {
        if !self.take("(") {
            return self.number();
        }
        let mut count = 1_u64;
        while !self.take(")") {
            count = count.checked_mul(self.number()?)?;
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Some(count)
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        digits.parse().ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next().filter(|c| "'\"".contains(*c))?;
        let (text, rest) = self.rest.get(1..)?.split_once(quote)?;
        self.rest = rest.trim_start();
        Some(text)
    }

    fn take(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn expect(&mut self, sign: &str) -> Option<()> {
        self.take(sign).then_some(())
    }
}

/// A type of one word: the order of its bytes, a letter, a size, and the unit of a time.
fn word(text: &str) -> Option<Kind> {
    if text.contains(',') {
        // Several at once, which numpy does not write itself.
        let has_objects = is_object(text);
        return has_objects.then_some(Kind {
            has_objects,
            bytes: None,
        });
    }
    let plain = text.strip_prefix(['<', '>', '|', '=']).unwrap_or(text);
    let letter = plain.chars().next().filter(char::is_ascii)?;
    let rest = plain.get(1..)?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = rest.split_at(end.unwrap_or(rest.len()));
    let size: Option<u64> = digits.parse().ok();
    let is_right = match letter {
        '?' => digits.is_empty(),
        'b' => size == Some(1),
        'i' | 'u' => matches!(size, Some(1 | 2 | 4 | 8)),
        'f' => matches!(size, Some(2 | 4 | 8 | 10 | 12 | 16)),
        'c' => matches!(size, Some(8 | 16 | 20 | 24 | 32)),
        'm' | 'M' => size == Some(8),
        'O' => matches!(size, None | Some(4 | 8)),
        'S' | 'a' | 'U' | 'V' => size.is_some(),
        _ => return (is_object(text)).then_some(OBJECTS),
    };
    let is_time = matches!(letter, 'm' | 'M');
    if !is_right || !(unit.is_empty() || is_time && is_unit(unit)) {
        return None;
    }
    Some(match letter {
        'O' => OBJECTS,
        'U' => plain_kind(size?.checked_mul(4)?),
        '?' => plain_kind(1),
        _ => plain_kind(size?),
    })
}

const OBJECTS: Kind = Kind {
    has_objects: true,
    bytes: None,
};

const fn plain_kind(bytes: u64) -> Kind {
    Kind {
        has_objects: false,
        bytes: Some(bytes),
    }
}

/// `[ns]`, `[25s]`, `[D/10]`.
fn is_unit(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic",
    ];
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let Some(inner) = inner else { return false };
    let name = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    let (name, divisor) = name.split_once('/').unwrap_or((name, "1"));
    UNITS.contains(&name) && divisor.parse::<u32>().is_ok()
}

/// Whether a type, or one of those that it names at once (`u1,O`), is an object.
fn is_object(kind: &str) -> bool {
    let mut words = kind.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        let word = word.trim_matches(|c: char| c.is_ascii_digit());
        matches!(word, "O" | "object")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_numpy_takes() {
        for (text, bytes) in [
            ("'<f8'", 8),
            ("'|b1'", 1),
            ("'<U3'", 12),
            ("'|S0'", 0),
            ("'<M8[ns]'", 8),
            ("'<m8[25s]'", 8),
            ("[('a', '<f4'), ('b', '<i2')]", 6),
            ("[('a', '<f4', (2, 3)), ('', '|V2')]", 26),
            ("[(('t', 'a'), '<f4', 2)]", 8),
            ("[('a', [('x', '<f8'), ('y', '<f8')]),]", 16),
        ] {
            assert_eq!(read(text), Some(plain_kind(bytes)), "{text}");
        }
        for text in [
            "'|O'",
            "'O8'",
            "'object'",
            "'u1,O'",
            "[('a', '|O'), ('b', '<i2')]",
        ] {
            assert!(read(text).is_some_and(|kind| kind.has_objects), "{text}");
        }
        for text in [
            "'<n8'",
            "'<f3'",
            "'<F8'",
            "'f'",
            "'<M8[T]'",
            "'<M8[25]'",
            "'<f8' 'x'",
            "[]",
            "'f4,f8'",
            "[('a' '<f4')]",
            "[('a', '<f4')M ('b', '<i2')]",
            "[('a', '<f4'), ('b', '<i2']",
            "[('a', '<f4'),1('b', '<i2')]",
            "[('a',)]",
            "[('a', '<f4', )x]",
            "['<f4']",
            "<f8",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = format!("{}'<f4'{}", "[('a', ".repeat(50), ")]".repeat(50));
        assert_eq!(read(&deep), None);
    }
}
