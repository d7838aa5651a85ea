// SPDX-License-Identifier: Apache-2.0
//! Zip archives, right ones and others.

use std::io::Write as _;

/// A member, and what each of its headers says of it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) local_name: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) packed: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) local_method: u16,
    pub(crate) flags: u16,
    pub(crate) local_flags: u16,
    pub(crate) crc: u32,
    pub(crate) size: u32,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    /// Whether the directory names it.
    pub(crate) is_listed: bool,
}

impl Member {
    pub(crate) fn stored(name: &str, bytes: &[u8]) -> Self {
        Self {
            local_name: name.to_owned(),
            name: name.to_owned(),
            bytes: bytes.to_vec(),
            packed: bytes.to_vec(),
            method: 0,
            local_method: 0,
            flags: 0,
            local_flags: 0,
            crc: crc(bytes),
            size: bytes.len() as u32,
            made_by: 20,
            attributes: 0,
            is_listed: true,
        }
    }

    pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        Self {
            packed: encoder.finish().unwrap(),
            method: 8,
            local_method: 8,
            ..Self::stored(name, bytes)
        }
    }
}

/// An archive of right members.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    archive(
        &members
            .iter()
            .map(|(name, bytes)| Member::stored(name, bytes))
            .collect::<Vec<_>>(),
    )
}

/// An archive of any members.
pub(crate) fn archive(members: &[Member]) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for member in members {
        let offset = out.len() as u32;
        out.extend_from_slice(b"PK\x03\x04\x14\0");
        out.extend_from_slice(&member.local_flags.to_le_bytes());
        out.extend_from_slice(&member.local_method.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let sizes = [member.crc, member.packed.len() as u32, member.size];
        sizes
            .iter()
            .for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
        out.extend_from_slice(&(member.local_name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(member.local_name.as_bytes());
        out.extend_from_slice(&member.packed);
        if !member.is_listed {
            continue;
        }
        count += 1;
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&member.made_by.to_le_bytes());
        directory.extend_from_slice(&[20, 0]);
        directory.extend_from_slice(&member.flags.to_le_bytes());
        directory.extend_from_slice(&member.method.to_le_bytes());
        directory.extend_from_slice(&[0; 4]);
        sizes
            .iter()
            .for_each(|size| directory.extend_from_slice(&size.to_le_bytes()));
        directory.extend_from_slice(&(member.name.len() as u16).to_le_bytes());
        directory.extend_from_slice(&[0; 8]);
        directory.extend_from_slice(&member.attributes.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(member.name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(&end(count, directory.len() as u32, start, 0));
    out
}

/// The record of a directory's end.
pub(crate) fn end(count: u16, length: u32, start: u32, comment: u16) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&comment.to_le_bytes());
    out
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
