// SPDX-License-Identifier: Apache-2.0
//! Paddle: programs of blocks of operators.

use super::super::proto::{self, Value};
use crate::{place::Place, rule, scan::Scan};

/// Operators that run Python, read or write files, or listen on the network.
const HOSTILE: &[&str] = &[
    "py_func",
    "py_layer",
    "save",
    "save_combine",
    "load",
    "load_combine",
    "listen_and_serv",
    "send",
    "recv",
    "run_program",
    "heter_listen_and_serv",
    "fetch_barrier",
    "send_barrier",
    "create_custom_reader",
    "open_files",
    "read_file",
    "print_file",
    "gen_nccl_id",
    "c_gen_nccl_id",
    "prefetch",
    "checkpoint_notify",
];

/// Whether an operator does more than compute, by its name.
pub(crate) fn is_hostile(kind: &str) -> bool {
    HOSTILE.contains(&kind)
}

/// Reads a program, if these are its fields.
pub(super) fn scan(scan: &mut Scan<'_>, fields: &[(u32, Value<'_>)], place: &Place) -> bool {
    let known =
        |(field, value): &(u32, Value<'_>)| matches!((field, value), (1 | 4 | 5, Value::Bytes(_)));
    let blocks: Option<Vec<_>> = proto::parts(fields, 1).map(proto::message).collect();
    let Some(blocks) = blocks.filter(|blocks| !blocks.is_empty() && fields.iter().all(known))
    else {
        return false;
    };
    let is_block = |block: &Vec<(u32, Value<'_>)>| {
        proto::number(block, 1).is_some()
            && proto::number(block, 2).is_some()
            && block.iter().all(|(field, _)| (1..=5).contains(field))
    };
    if !blocks.iter().all(is_block) {
        return false;
    }
    scan.format("paddle");
    for operator in blocks.iter().flat_map(|block| proto::parts(block, 4)) {
        let Some(operator) = proto::message(operator) else {
            let why = "an operator that cannot be read".to_owned();
            scan.found(&rule::PROTOBUF_MALFORMED, place.whole(), why);
            continue;
        };
        let kind = proto::text(&operator, 3);
        if is_hostile(&kind) {
            let why = format!("the operator `{kind}`");
            scan.found(&rule::PADDLE_OPERATOR, place.whole(), why);
        }
    }
    true
}
