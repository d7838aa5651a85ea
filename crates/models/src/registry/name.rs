// SPDX-License-Identifier: Apache-2.0
//! Names that callers give. They are data: none of them ever becomes part of a path of the server.

use std::{fmt, str::FromStr};

use casemate_crypto::Sha256;

use crate::hex;

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no {what}: {why}")]
pub struct NameError {
    name: String,
    what: &'static str,
    why: &'static str,
}

fn wrong(name: &str, what: &'static str, why: &'static str) -> NameError {
    // What somebody sends may be long, and may be meant for a terminal.
    let shown = name.chars().take(80);
    let visible = |letter: char| {
        if is_deceptive(letter) {
            '\u{FFFD}'
        } else {
            letter
        }
    };
    NameError {
        name: shown.map(visible).collect(),
        what,
        why,
    }
}

/// Letters that are not what they look like on a screen: controls and changes of direction.
fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// The name of a model within its project, by the rules of the Hub's clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelName(String);

impl ModelName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let refused = |why| Err(wrong(name, "name of a model", why));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 96 || !name.bytes().all(plain) {
            return refused("use 1 to 96 letters, digits, `-`, `_` and `.`");
        }
        if name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
            return refused("it begins or ends with `-` or `.`");
        }
        if name.contains("--") || name.contains("..") || name.ends_with(".git") {
            return refused("it has `--`, `..` or ends with `.git`");
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a pointer to a version: `production`, `staging`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasName(String);

impl AliasName {
    /// The alias that clients mean who name none.
    pub const DEFAULT: &'static str = "production";

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AliasName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let refused = |why| Err(wrong(name, "alias", why));
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return refused("use 1 to 64 small letters, digits, `-`, `_` and `.`");
        }
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return refused("it does not begin with a letter");
        }
        // `main` is how clients say that they want none in particular.
        if name == "main" || is_digest(name) {
            return refused("it is a name with a meaning of its own");
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_digest(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How a version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By an alias.
    Alias(AliasName),
    /// By its root digest.
    Digest(Sha256),
    /// By its number.
    Number(i64),
    /// By the first 20 bytes of its root digest, which clients that think of Git take for a commit.
    Prefix([u8; 20]),
}

impl FromStr for Reference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bare = text.strip_prefix('@').unwrap_or(text);
        if bare == "main" {
            return Ok(Self::Alias(AliasName(AliasName::DEFAULT.to_owned())));
        }
        if let Some(digest) = hex::decode(bare.strip_prefix("sha256:").unwrap_or(bare)) {
            return Ok(Self::Digest(digest));
        }
        if let Some(prefix) = hex::decode(bare) {
            return Ok(Self::Prefix(prefix));
        }
        let digits = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
        match bare.parse() {
            Ok(number) if digits => Ok(Self::Number(number)),
            _ => bare.parse().map(Self::Alias),
        }
    }
}

/// The name of a file of a model: relative, in parts that are safe wherever they are written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

impl FileName {
    /// The name, its parts divided by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let refused = |why| Err(wrong(name, "name of a file", why));
        if name.is_empty() || name.len() > 1024 {
            return refused("it has no letters, or more than 1024 bytes");
        }
        if name.chars().any(is_deceptive) {
            return refused("it has control characters");
        }
        if name.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
            return refused("it has a sign that means something else on some systems");
        }
        for part in name.split('/') {
            if part.is_empty() || part == "." || part == ".." {
                return refused("it leads elsewhere than below its directory");
            }
            if part.len() > 255 || part.ends_with(['.', ' ']) || part.starts_with(' ') {
                return refused("a part of it is too long, or begins or ends with a space or dot");
            }
            if is_device(part) {
                return refused("a part of it is the name of a device on some systems");
            }
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `NUL`, `COM1`, … with any ending: on Windows these are no files.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_uppercase();
    let numbered = |prefix| {
        let rest = stem.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_below_their_directory() {
        for good in [
            "a",
            "model.safetensors",
            "onnx/model.onnx",
            ".gitattributes",
            "ä b/ü.bin",
            "a..b",
        ] {
            assert!(good.parse::<FileName>().is_ok(), "{good}");
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "a\\b",
            "c:",
            "C:/a",
            "a\0b",
            "a\nb",
            "a\u{202E}b",
            "nul",
            "a/COM1.bin",
            "x.",
            "x ",
            " x",
            &long,
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn references_are_told_apart() {
        let full = "ab".repeat(32);
        for (text, expected) in [
            ("3", Reference::Number(3)),
            ("@3", Reference::Number(3)),
            ("main", Reference::Alias(AliasName("production".into()))),
            ("staging", Reference::Alias(AliasName("staging".into()))),
            (&full, Reference::Digest([0xab; 32])),
            (&format!("sha256:{full}"), Reference::Digest([0xab; 32])),
            (&format!("@sha256:{full}"), Reference::Digest([0xab; 32])),
            (&full[..40], Reference::Prefix([0xab; 20])),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "@",
            "-1",
            "+1",
            "99999999999999999999",
            "Production",
            "../x",
            "sha256:ab",
            "a b",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn aliases_hide_no_version() {
        for bad in [
            "main",
            "3",
            "3a",
            &"ab".repeat(20),
            &"cd".repeat(32),
            "-x",
            "a/b",
        ] {
            assert!(bad.parse::<AliasName>().is_err(), "{bad}");
        }
        assert!("production".parse::<AliasName>().is_ok());
    }

    #[test]
    fn names_of_models_are_those_of_the_hub() {
        for bad in [
            "", ".a", "a.", "a--b", "a..b", "a.git", "a/b", "a b", "-a", "ä",
        ] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad}");
        }
        assert!("bert-base_v1.2".parse::<ModelName>().is_ok());
    }
}
