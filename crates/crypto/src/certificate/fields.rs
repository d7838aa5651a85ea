// SPDX-License-Identifier: Apache-2.0
//! The fields of a certificate that matter here, read by a total reader.

use std::fmt::Write as _;

use super::time;
use crate::der::{
    BIT_STRING, BOOLEAN, Der, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING, sole,
};

/// What a certificate says.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) names: Vec<String>,
    /// Names that are texts, unchanged.
    pub(super) identities: Vec<String>,
    /// The names of subject and issuer as bytes, by which chains are built.
    pub(super) subject_der: Vec<u8>,
    pub(super) issuer_der: Vec<u8>,
    /// From and until, both within, in seconds since 1970.
    pub(super) validity: (i64, i64),
    /// `SubjectPublicKeyInfo`.
    pub(super) public_key: Vec<u8>,
    /// The first byte of the key usage.
    key_usage: Option<u8>,
    pub(super) for_code_signing: bool,
    is_authority: bool,
    path_length: Option<u64>,
}

impl Fields {
    /// None for what is not a certificate of version 3.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        if der.len() > MAX {
            return None;
        }
        let mut certificate = sole(der, SEQUENCE)?;
        let mut body = certificate.enter(SEQUENCE)?;
        // Version 3 is written as 2.
        if Der::new(body.expect(0xa0)?).number() != Some(2) {
            return None;
        }
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = body.expect(SEQUENCE)?;
        let mut fields = Self {
            issuer: name(Der::new(issuer))?,
            issuer_der: issuer.to_vec(),
            ..Self::default()
        };
        let mut validity = body.enter(SEQUENCE)?;
        fields.validity = (time::read(&mut validity)?, time::read(&mut validity)?);
        let subject = body.expect(SEQUENCE)?;
        fields.subject = name(Der::new(subject))?;
        fields.subject_der = subject.to_vec();
        let key = body.next().filter(|value| value.tag == SEQUENCE)?;
        fields.public_key = key.whole.to_vec();
        // Unique identifiers of issuer and subject.
        body.optional(0x81);
        body.optional(0x82);
        if let Some(outer) = body.optional(0xa3) {
            fields.extensions(sole(outer, SEQUENCE)?)?;
        }
        body.is_end().then_some(fields)
    }

    fn extensions(&mut self, mut list: Der<'_>) -> Option<()> {
        let mut seen: Vec<&[u8]> = Vec::new();
        while !list.is_end() {
            let mut extension = list.enter(SEQUENCE)?;
            let kind = extension.expect(OID)?;
            extension.optional(BOOLEAN);
            let value = extension.expect(OCTET_STRING)?;
            // Which of two would count is what readers do not agree on.
            if seen.contains(&kind) || seen.len() == MAX_EXTENSIONS {
                return None;
            }
            seen.push(kind);
            match kind.strip_prefix(ID_CE) {
                Some([15]) => self.key_usage = Some(key_usage(value)?),
                Some([17]) => (self.names, self.identities) = alternative_names(value)?,
                Some([19]) => (self.is_authority, self.path_length) = authority(value)?,
                Some([37]) => self.for_code_signing = code_signing(value)?,
                _ => {}
            }
        }
        Some(())
    }

    /// Key usage `digitalSignature`, or extended key usage `codeSigning`.
    pub(super) fn may_sign_data(&self) -> bool {
        self.for_code_signing || self.key_usage.is_some_and(|bits| bits & 0x80 != 0)
    }

    /// An authority, whose key usage has `keyCertSign` if there is one.
    pub(super) fn may_issue(&self) -> bool {
        self.is_authority && self.key_usage.is_none_or(|bits| bits & 0x04 != 0)
    }

    /// Whether its name is that of its issuer, as in roots and in new keys of authorities.
    fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// Whether these may stand between it and a signer's certificate.
    pub(super) fn allows_below(&self, intermediates: &[Self]) -> bool {
        let counted = intermediates.iter().filter(|below| !below.is_self_issued());
        self.path_length
            .is_none_or(|most| counted.count() as u64 <= most)
    }
}

fn key_usage(value: &[u8]) -> Option<u8> {
    let mut der = Der::new(value);
    let bits = der.expect(BIT_STRING)?;
    let (_, bytes) = bits.split_first()?;
    Some(bytes.first().copied().unwrap_or_default())
}

fn authority(value: &[u8]) -> Option<(bool, Option<u64>)> {
    let mut constraints = sole(value, SEQUENCE)?;
    let flag = constraints.optional(BOOLEAN);
    let length = match constraints.is_end() {
        true => None,
        false => Some(constraints.number()?),
    };
    Some((flag == Some(&[0xff]), length))
}

fn code_signing(value: &[u8]) -> Option<bool> {
    let mut purposes = sole(value, SEQUENCE)?;
    let mut found = false;
    while !purposes.is_end() {
        found |= purposes.expect(OID)? == CODE_SIGNING;
    }
    Some(found)
}

/// For people, and as they stand.
fn alternative_names(value: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let mut list = sole(value, SEQUENCE)?;
    let (mut names, mut identities) = (Vec::new(), Vec::new());
    while !list.is_end() {
        let name = list.next()?;
        let text = match name.tag {
            // rfc822Name, dNSName and uniformResourceIdentifier.
            0x81 | 0x82 | 0x86 => name.content,
            0xa0 => match user_name(name.content) {
                Some(text) => text,
                None => continue,
            },
            _ => continue,
        };
        if names.len() < MAX_NAMES {
            names.push(visible(text));
            identities.extend(std::str::from_utf8(text).map(str::to_owned));
        }
    }
    Some((names, identities))
}

/// An otherName of Fulcio: a user name that is no mail address.
fn user_name(content: &[u8]) -> Option<&[u8]> {
    let mut der = Der::new(content);
    der.expect(OID).filter(|kind| *kind == FULCIO_USER_NAME)?;
    let mut value = der.enter(0xa0)?;
    let text = value.expect(UTF8_STRING)?;
    (der.is_end() && value.is_end()).then_some(text)
}

/// `CN=…,O=…`, as they stand in the certificate.
fn name(mut der: Der<'_>) -> Option<String> {
    let mut out = String::new();
    while !der.is_end() {
        let mut set = der.enter(SET)?;
        while !set.is_end() {
            let mut pair = set.enter(SEQUENCE)?;
            let kind = pair.expect(OID)?;
            let value = pair.next()?;
            if !out.is_empty() {
                out.push(',');
            }
            let _ = write!(out, "{}={}", attribute(kind), visible(value.content));
        }
    }
    Some(out)
}

/// Text without what would disturb a terminal or hide a part of it.
fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    for c in text.chars() {
        match c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            true => out.extend(c.escape_default()),
            false if matches!(c, ',' | '\\') => out.extend(['\\', c]),
            false => out.push(c),
        }
    }
    out
}

fn attribute(oid: &[u8]) -> String {
    let known = match oid {
        b"\x55\x04\x03" => "CN",
        b"\x55\x04\x05" => "serialNumber",
        b"\x55\x04\x06" => "C",
        b"\x55\x04\x07" => "L",
        b"\x55\x04\x08" => "ST",
        b"\x55\x04\x0a" => "O",
        b"\x55\x04\x0b" => "OU",
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01" => "emailAddress",
        b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" => "DC",
        _ => {
            return oid
                .iter()
                .fold("#".to_owned(), |out, byte| format!("{out}{byte:02x}"));
        }
    };
    known.to_owned()
}

/// A certificate has one to three kilobytes.
const MAX: usize = 64 << 10;
const MAX_EXTENSIONS: usize = 64;
const MAX_NAMES: usize = 64;
/// id-ce, 2.5.29.
const ID_CE: &[u8] = b"\x55\x1d";
/// id-kp-codeSigning, 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x03";
/// 1.3.6.1.4.1.57264.1.7.
const FULCIO_USER_NAME: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x07";
