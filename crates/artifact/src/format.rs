// SPDX-License-Identifier: Apache-2.0
//! Formats of models and of what comes with them.

mod code;
mod config;
pub(crate) mod gguf;
mod graphs;
mod hdf5;
mod hidden;
mod jinja;
mod json;
mod keras;
mod known;
mod npy;
mod proto;
pub(crate) mod safetensors;
mod skops;
pub(crate) mod text;
mod tflite;
mod xml;
mod yaml;

use crate::{place::Place, scan::Scan};

/// Reads bytes as every format with a beginning of its own; the names of those that they are.
pub(crate) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> Vec<&'static str> {
    let length = bytes.len() as u64;
    let mut read = Vec::new();
    read.extend(safetensors::scan_header(scan, bytes, length, place).then_some("safetensors"));
    read.extend(gguf::scan_head(scan, bytes, length, place).then_some("gguf"));
    read.extend(npy::scan(scan, bytes, place).then_some("npy"));
    read.extend(hdf5::scan(scan, bytes, place).then_some("hdf5"));
    read.extend(tflite::scan(scan, bytes, place).then_some("tflite"));
    read.extend(graphs::scan(scan, bytes, place));
    read.extend(known::scan(scan, bytes));
    read
}

/// Looks for configurations of Keras in bytes of no known format.
pub(crate) fn embedded(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) {
    if memchr::memmem::find(bytes, b"\"class_name\"").is_some() {
        hdf5::embedded_keras(scan, bytes, place);
    }
}

pub(crate) use code::torchscript;
pub(crate) use tflite::is_model as is_tflite;
