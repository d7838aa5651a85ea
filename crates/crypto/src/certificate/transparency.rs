// SPDX-License-Identifier: Apache-2.0
//! Certificate Transparency (RFC 6962): timestamps by which logs say that they know a certificate.
//!
//! A log signs the certificate as it was before the timestamps were put into it. These bytes are
//! made again here: the same certificate without that one extension.

use super::Certificate;
use crate::{
    Curve, EcdsaPublic,
    der::{Der, INTEGER, OCTET_STRING, OID, SEQUENCE, Value, sole, write},
    sha256,
};

/// A timestamp that stands in a certificate. Nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateTimestamp {
    /// Which log: SHA-256 of its public key.
    pub log_id: [u8; 32],
    /// When the log took the certificate, in milliseconds since 1970.
    pub millis: u64,
    extensions: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// The timestamps of logs that stand in it, of version 1 and signed by ECDSA with SHA-256;
    /// others are passed over. None if it has no such extension or it cannot be read.
    #[must_use]
    pub fn timestamps(&self) -> Option<Vec<CertificateTimestamp>> {
        let mut value = Der::new(self.extension(TIMESTAMPS)?);
        let list = value.expect(OCTET_STRING)?;
        let mut outer = Bytes(list);
        let mut list = Bytes(outer.vector()?);
        let mut found = Vec::new();
        while !list.0.is_empty() {
            if found.len() == MAX_TIMESTAMPS {
                return None;
            }
            found.extend(timestamp(list.vector()?)?);
        }
        (value.is_end() && outer.0.is_empty()).then_some(found)
    }
}

impl CertificateTimestamp {
    /// Whether a log with this key signed it for this certificate of this issuer.
    #[must_use]
    pub fn holds(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        log: &EcdsaPublic,
    ) -> bool {
        let Some(body) = before_timestamps(&certificate.der) else {
            return false;
        };
        let Ok(length) = u32::try_from(body.len()) else {
            return false;
        };
        let Ok(extensions) = u16::try_from(self.extensions.len()) else {
            return false;
        };
        let [_, length @ ..] = length.to_be_bytes();
        let signed = [
            // Version 1, a timestamp of a certificate.
            &[0, 0][..],
            &self.millis.to_be_bytes(),
            // The entry is a certificate before its timestamps.
            &[0, 1],
            &sha256(&issuer.fields.public_key),
            &length,
            &body,
            &extensions.to_be_bytes(),
            &self.extensions,
        ]
        .concat();
        log.curve() == Curve::P256 && log.verify(&signed, &self.signature)
    }
}

/// None for what breaks the format, nothing for a version or an algorithm that is not known.
fn timestamp(bytes: &[u8]) -> Option<Option<CertificateTimestamp>> {
    let mut bytes = Bytes(bytes);
    if bytes.array::<1>()? != [0] {
        return Some(None);
    }
    let log_id = bytes.array()?;
    let millis = u64::from_be_bytes(bytes.array()?);
    let extensions = bytes.vector()?.to_vec();
    let algorithm = bytes.array::<2>()?;
    let signature = bytes.vector()?.to_vec();
    bytes.0.is_empty().then_some(())?;
    Some((algorithm == SHA256_ECDSA).then_some(CertificateTimestamp {
        log_id,
        millis,
        extensions,
        signature,
    }))
}

/// Values of TLS: arrays, and vectors with a length of two bytes before them.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (vector, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(vector)
    }
}

/// The value of an extension.
pub(super) fn extension<'a>(certificate: &'a [u8], oid: &[u8]) -> Option<&'a [u8]> {
    let (_, list) = body(certificate)?;
    let mut list = Der::new(list);
    while !list.is_end() {
        let mut one = list.enter(SEQUENCE)?;
        if one.expect(OID)? == oid {
            one.optional(crate::der::BOOLEAN);
            return one.expect(OCTET_STRING);
        }
    }
    None
}

/// The body of a certificate without the timestamps in it.
fn before_timestamps(certificate: &[u8]) -> Option<Vec<u8>> {
    let (before, list) = body(certificate)?;
    let mut list = Der::new(list);
    let mut kept: Vec<&[u8]> = Vec::new();
    while !list.is_end() {
        let one = list.next()?;
        if Der::new(one.content).expect(OID)? != TIMESTAMPS {
            kept.push(one.whole);
        }
    }
    let extensions = write(0xa3, &[&write(SEQUENCE, &kept)]);
    Some(write(SEQUENCE, &[before, &extensions]))
}

/// What stands before the extensions in the body of a certificate, and the list of extensions.
fn body(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = sole(certificate, SEQUENCE)?.expect(SEQUENCE)?;
    let mut body = Der::new(content);
    let is_known = |value: &Value<'_>| matches!(value.tag, 0xa0 | INTEGER | SEQUENCE | 0x81 | 0x82);
    let mut before = 0;
    loop {
        let value = body.next()?;
        if value.tag == 0xa3 {
            let list = sole(value.content, SEQUENCE)?;
            return Some((content.get(..before)?, list.rest()));
        }
        is_known(&value).then_some(())?;
        before += value.whole.len();
    }
}

/// 1.3.6.1.4.1.11129.2.4.2.
const TIMESTAMPS: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02";
const SHA256_ECDSA: [u8; 2] = [4, 3];
const MAX_TIMESTAMPS: usize = 16;
