// SPDX-License-Identifier: Apache-2.0
//! Containers: archives and compressed streams. They are unpacked in memory, within bounds, and each
//! member is looked at as a file of its own.

mod compressed;
mod names;
mod tar;
mod unpack;
mod zip;

pub(crate) use zip::{has_end as has_zip_end, records as zip_records};

use crate::{
    place::Place,
    scan::{Expect, Scan},
};

/// Reads bytes as every container that they can be; the names of those that they are.
pub(crate) fn scan(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    place: &Place,
    expect: Expect,
) -> Vec<&'static str> {
    let mut read = Vec::new();
    read.extend(tar::scan(scan, bytes, place));
    read.extend(compressed::scan(scan, bytes, place, expect));
    // The last member of an archive can be an archive, whose end then stands near the end.
    if read.is_empty() || zip::is_sure(bytes) {
        read.extend(zip::scan(scan, bytes, place));
    }
    read
}
