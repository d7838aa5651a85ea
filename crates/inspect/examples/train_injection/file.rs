// SPDX-License-Identifier: Apache-2.0
//! Writes the model as `src/attack/model.rs` reads it.

use casemate_inspect::training::BUCKETS;

use crate::head::{Head, bytes};

/// `limits` are the logits at which 0.75 shall stand.
pub(crate) fn write(path: &str, heads: &[Head; 2], limits: [f32; 2]) {
    let mut out = b"CMIJ\x02".to_vec();
    out.extend_from_slice(&(BUCKETS as u32).to_le_bytes());
    for (head, limit) in heads.iter().zip(limits) {
        let settings = head.settings;
        let offset = 3_f32.ln() - limit;
        numbers(
            &mut out,
            &[
                head.scale,
                head.linear.bias,
                settings.share,
                settings.tax,
                offset,
            ],
        );
        out.extend(bytes(&head.linear.weights, head.scale));
        numbers(&mut out, &[head.table_scale]);
        for neuron in &head.net.hidden {
            numbers(&mut out, &neuron.weights);
            numbers(&mut out, &[neuron.bias]);
        }
        for neuron in &head.net.out {
            numbers(&mut out, &neuron.weights);
            numbers(&mut out, &[neuron.bias]);
        }
        out.extend(bytes(head.net.table.as_flattened(), head.table_scale));
    }
    std::fs::write(path, &out).unwrap();
    println!("{path}: {} bytes, thresholds {limits:.3?}", out.len());
}

fn numbers(out: &mut Vec<u8>, numbers: &[f32]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
