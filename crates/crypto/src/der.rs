// SPDX-License-Identifier: Apache-2.0
//! DER (X.690), as much of it as keys and certificates need: a reader that never looks beyond its
//! input, and a writer for what is always of the same form.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// What is left to read.
#[derive(Clone, Copy)]
pub(crate) struct Der<'a>(&'a [u8]);

/// A value with its tag.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag and length as well.
    pub(crate) whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not read yet.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_end(self) -> bool {
        self.0.is_empty()
    }

    /// The next value. None at the end, and for what is not DER: tags of several bytes, lengths
    /// that are indefinite or longer than they need to be.
    pub(crate) fn next(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (content, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Value {
            tag,
            content,
            whole,
        })
    }

    /// The content of the next value, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.optional(tag)
    }

    /// The content of the next value if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let value = ahead.next().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value.content)
    }

    /// What is inside of the next value, which has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self)
    }

    /// A number that is not negative and fits.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let bytes = self.expect(INTEGER)?;
        let digits = match bytes {
            [0, rest @ ..] => rest,
            [first, ..] if first & 0x80 == 0 => bytes,
            _ => return None,
        };
        (digits.len() <= 8).then(|| {
            digits
                .iter()
                .fold(0, |number, &byte| number << 8 | u64::from(byte))
        })
    }
}

/// The only value of `bytes`, entered.
pub(crate) fn sole(bytes: &[u8], tag: u8) -> Option<Der<'_>> {
    let mut outer = Der::new(bytes);
    let inner = outer.enter(tag)?;
    outer.is_end().then_some(inner)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    let length = digits
        .iter()
        .fold(0_u64, |length, &digit| length << 8 | u64::from(digit));
    let is_shortest = length >= 0x80 && digits.first() != Some(&0);
    is_shortest.then_some((usize::try_from(length).ok()?, rest))
}

/// A value of up to 65,535 bytes.
pub(crate) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u16::try_from(content.len()).unwrap_or(u16::MAX) {
        short @ 0..=0x7f => out.push(short.to_be_bytes()[1]),
        middle @ 0x80..=0xff => out.extend([0x81, middle.to_be_bytes()[1]]),
        long => {
            out.push(0x82);
            out.extend(long.to_be_bytes());
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_shortest_form_is_read() {
        for (bytes, read) in [
            (&b"\x04\x01a"[..], true),
            (b"\x04\x81\x01a", false),
            (b"\x04\x80a\0\0", false),
            (b"\x1f\x01a", false),
            (b"\x04\x02a", false),
            (b"\x04\x85\0\0\0\0\x01a", false),
            (b"\x04", false),
        ] {
            assert_eq!(Der::new(bytes).next().is_some(), read, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = write(OCTET_STRING, &[&content]);
            let mut der = Der::new(&bytes);
            prop_assert_eq!(der.expect(OCTET_STRING), Some(&content[..]));
            prop_assert!(der.is_end());
        }

        #[test]
        fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut der = Der::new(&bytes);
            let mut read = 0;
            while let Some(value) = der.next() {
                read += value.whole.len();
            }
            prop_assert!(read <= bytes.len());
        }
    }
}
