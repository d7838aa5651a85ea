// SPDX-License-Identifier: Apache-2.0
//! What the files of exact sets and fingerprints have in common: a magic, a version, numbers in
//! little endian, and a digest at the end that shows what was cut off or changed by accident.

use sha2::{Digest as _, Sha256};

use super::CustomError;

/// Bytes of the digest at the end.
const DIGEST: usize = 8;

/// Writes a file.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(magic: [u8; 4], version: u8) -> Self {
        let mut bytes = magic.to_vec();
        bytes.push(version);
        Self(bytes)
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let digest = Sha256::digest(&self.0);
        self.0.extend_from_slice(&digest[..DIGEST]);
        self.0
    }
}

/// Reads a file; every read says whether there was enough.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Checks magic, version and digest.
    pub(super) fn new(bytes: &'a [u8], magic: [u8; 4], version: u8) -> Result<Self, CustomError> {
        let (found, rest) = bytes.split_first_chunk::<4>().ok_or(CustomError::Kind)?;
        if *found != magic {
            return Err(CustomError::Kind);
        }
        let (found, _) = rest.split_first().ok_or(CustomError::Damaged)?;
        if *found != version {
            return Err(CustomError::Version(*found));
        }
        let (content, digest) = bytes
            .split_last_chunk::<DIGEST>()
            .ok_or(CustomError::Damaged)?;
        let body = content.get(5..).ok_or(CustomError::Damaged)?;
        match Sha256::digest(content)[..DIGEST] == *digest {
            true => Ok(Self(body)),
            false => Err(CustomError::Damaged),
        }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], CustomError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CustomError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CustomError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CustomError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CustomError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CustomError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, CustomError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, CustomError> {
        self.array().map(u64::from_le_bytes)
    }

    /// The number of things of `each` bytes that follow, which must all be there: nothing is
    /// reserved for what a damaged count says.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, CustomError> {
        let count = usize::try_from(self.u32()?).map_err(|_| CustomError::Damaged)?;
        let fits = count
            .checked_mul(each)
            .is_some_and(|all| all <= self.0.len());
        fits.then_some(count).ok_or(CustomError::Damaged)
    }

    pub(super) fn finish(self) -> Result<(), CustomError> {
        self.0.is_empty().then_some(()).ok_or(CustomError::Damaged)
    }
}
