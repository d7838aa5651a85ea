// SPDX-License-Identifier: Apache-2.0
//! Makers of files.

pub(crate) mod pickle;
pub(crate) mod proto;
pub(crate) mod tar;
pub(crate) mod zip;

/// A pickle that would run a command that does nothing.
pub(crate) fn hostile() -> Vec<u8> {
    b"cos\nsystem\n(S'true'\ntR.".to_vec()
}

/// A pickle of a dict.
pub(crate) fn harmless() -> Vec<u8> {
    b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.".to_vec()
}
