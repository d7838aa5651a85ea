// SPDX-License-Identifier: Apache-2.0
//! Zip archives whose checksums are right, with headers that disagree: bytes alone would never get
//! past the first checksum.
#![no_main]

use casemate_fuzz::scan;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/artifact/tests/it/make/zip.rs"]
#[expect(dead_code, reason = "only what is put together here is used")]
mod zip;

use zip::Member;

const NAMES: [&str; 12] = [
    "archive/data.pkl",
    "archive/data/0",
    "archive/version",
    "archive/byteorder",
    "archive/constants.pkl",
    "archive/code/__torch__.py",
    "config.json",
    "model.weights.h5",
    "schema.json",
    "x.npy",
    "../x",
    "a/",
];

/// Bits of a member's first byte.
const PACKED: u8 = 1;
const OTHER_NAME: u8 = 2;
const UNLISTED: u8 = 4;
const WRONG_SUM: u8 = 8;
const FLAGS: u8 = 16;
const LINK: u8 = 32;
/// What comes after this is no member but changes to the archive.
const CHANGES: u8 = 0x80;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let mut members = Vec::new();
    while let Some((member, more)) = member(rest) {
        members.push(member);
        rest = more;
    }
    let mut file = zip::archive(&members);
    change(&mut file, rest.get(1..).unwrap_or_default());
    scan(&file);
});

/// A byte of choices, a name, a length of two bytes, the content.
fn member(bytes: &[u8]) -> Option<(Member, &[u8])> {
    let [choice, name, low, high, rest @ ..] = bytes else {
        return None;
    };
    if choice & CHANGES != 0 {
        return None;
    }
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
    let (content, rest) = rest.split_at(length);
    let has = |bit: u8| choice & bit != 0;
    let called = |number: usize| NAMES[number % NAMES.len()];
    let make = if has(PACKED) {
        Member::deflated
    } else {
        Member::stored
    };
    let mut member = make(called(usize::from(*name)), content);
    if has(OTHER_NAME) {
        member.local_name = called(usize::from(*name) + 1).to_owned();
    }
    if has(FLAGS) {
        member.flags = u16::from_le_bytes([*low, *name]);
    }
    if has(LINK) {
        (member.made_by, member.attributes) = (0x0314, 0o120_777 << 16);
    }
    member.crc ^= u32::from(has(WRONG_SUM));
    member.is_listed = !has(UNLISTED);
    Some((member, rest))
}

/// Each three bytes put a byte somewhere, counted from the end, where the directory is.
fn change(file: &mut [u8], changes: &[u8]) {
    for change in changes.chunks_exact(3) {
        let back = usize::from(u16::from_le_bytes([change[0], change[1]]));
        if let Some(place) = file.len().checked_sub(back + 1) {
            file[place] = change[2];
        }
    }
}
