// SPDX-License-Identifier: Apache-2.0
//! A JSON writer for the hot path: appends to a buffer, allocates nothing of its own.

/// Appends JSON to a byte buffer. The caller is responsible for the order of calls; tests parse
/// what comes out.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: Vec<u8>,
    comma: bool,
}

impl JsonWriter {
    /// A writer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            comma: false,
        }
    }

    /// The bytes written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Opens an object.
    pub fn open(&mut self) -> &mut Self {
        self.out.push(b'{');
        self.comma = false;
        self
    }

    /// Closes an object.
    pub fn close(&mut self) -> &mut Self {
        self.out.push(b'}');
        self.comma = true;
        self
    }

    /// Writes a member's name.
    pub fn key(&mut self, name: &str) -> &mut Self {
        if self.comma {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.comma = true;
        self
    }

    /// Writes a member that is a string.
    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name);
        escape_into(&mut self.out, value);
        self
    }

    /// Writes a member that is shown by `Display` and needs no escapes, such as an id or a number.
    pub fn plain(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        use std::io::Write as _;
        self.key(name);
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "\"{value}\"");
        self
    }

    /// Writes a member that is an integer.
    pub fn number(&mut self, name: &str, value: i64) -> &mut Self {
        use std::io::Write as _;
        self.key(name);
        let _ = write!(self.out, "{value}");
        self
    }

    /// Writes a member whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &[u8]) -> &mut Self {
        self.key(name);
        self.out.extend_from_slice(json);
        self
    }

    /// Writes a member that `serde` knows how to write.
    pub fn value(&mut self, name: &str, value: &impl serde::Serialize) -> &mut Self {
        self.key(name);
        if serde_json::to_writer(&mut self.out, value).is_err() {
            self.out.extend_from_slice(b"null");
        }
        self
    }
}

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7).
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape_body_into(out, text);
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string, without quotes.
pub fn escape_body_into(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(&bytes[clean..at]);
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
                clean = at + 1;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[clean..at]);
        out.extend_from_slice(escape);
        clean = at + 1;
    }
    out.extend_from_slice(&bytes[clean..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives() {
        let text: String = (0..=0x2FF)
            .filter_map(char::from_u32)
            .chain("𝄞⟦".chars())
            .collect();
        let mut writer = JsonWriter::default();
        writer
            .open()
            .string("text", &text)
            .number("n", -5)
            .plain("id", 7)
            .close();
        let value: serde_json::Value = serde_json::from_slice(&writer.finish()).unwrap();
        assert_eq!(value, serde_json::json!({"text": text, "n": -5, "id": "7"}));
    }
}
