// SPDX-License-Identifier: Apache-2.0
//! ONNX: operators of domains that runtimes do not have, and weights outside of the file.

use super::{
    super::{
        hidden,
        proto::{self, Fields, Value},
    },
    DEPTH, MOST,
};
use crate::{place::Place, rule, scan::Scan};

type Message<'a> = [(u32, Value<'a>)];

/// Domains that come with runtimes.
const DOMAINS: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.experimental",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
    "com.microsoft.dml",
    "pkg.onnxscript.torch_lib",
    "pkg.onnxscript.torch_lib.common",
    "com.microsoft.extensions",
];
const PYTHON: &[&str] = &[
    "PyOp",
    "PyFunc",
    "PythonOp",
    "PythonOpGrad",
    "PyCustomOp",
    "PyCustomOpDef",
    "ATen",
    "ATenOp",
];

/// Reads a model, if these are its fields.
pub(super) fn scan(scan: &mut Scan<'_>, fields: &Message<'_>, place: &Place) -> bool {
    let version = proto::number(fields, 1).is_some_and(|version| (1..=64).contains(&version));
    let known = |(field, value): &(u32, Value<'_>)| match value {
        Value::Number(_) => matches!(field, 1 | 5),
        Value::Bytes(_) => matches!(field, 2..=4 | 6..=8 | 14 | 20 | 25 | 26),
        Value::Fixed => false,
    };
    let has_graph = proto::parts(fields, 7).next().is_some();
    if !version || !has_graph || !fields.iter().all(known) {
        return false;
    }
    scan.format("onnx");
    let mut walk = Walk {
        nodes: 0,
        own: Vec::new(),
        is_broken: false,
        found: Vec::new(),
    };
    // Functions of the model itself are no custom operators.
    for function in proto::parts(fields, 25) {
        if let Some(function) = proto::message(function) {
            walk.own
                .push((proto::text(&function, 10), proto::text(&function, 1)));
        }
    }
    for graph in proto::parts(fields, 7) {
        walk.graph(graph, 0);
    }
    for training in proto::parts(fields, 20) {
        let training = walk.message(training);
        proto::parts(&training, 1)
            .chain(proto::parts(&training, 2))
            .for_each(|graph| walk.graph(graph, 0));
    }
    for function in proto::parts(fields, 25) {
        let function = walk.message(function);
        proto::parts(&function, 7).for_each(|node| walk.node(node, 1));
    }
    // Without it nobody knows what the operators are; a file that is cut off ends like this.
    walk.is_broken |= proto::parts(fields, 8).next().is_none();
    for entry in proto::parts(fields, 14) {
        let entry = walk.message(entry);
        let (key, text) = (proto::text(&entry, 1), proto::text(&entry, 2));
        hidden::text(scan, &text, &place.member(&key));
    }
    for (rule, why) in walk.found {
        scan.found(rule, place.whole(), why);
    }
    if walk.is_broken {
        let why = "a message that cannot be read, or is nested too deep".to_owned();
        scan.found(&rule::ONNX_MALFORMED, place.whole(), why);
    }
    true
}

/// Whether bytes begin as a model and then break.
pub(super) fn broken(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> bool {
    let mut fields = Fields::new(bytes);
    let Some(Some((1, Value::Number(1..=64)))) = fields.next() else {
        return false;
    };
    let Some(Some((2, Value::Bytes(producer)))) = fields.next() else {
        return false;
    };
    let is_name = !producer.is_empty()
        && producer
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if is_name {
        scan.format("onnx");
        let why = "it ends or breaks before its end".to_owned();
        scan.found(&rule::ONNX_MALFORMED, place.whole(), why);
    }
    is_name
}

struct Walk {
    nodes: usize,
    own: Vec<(String, String)>,
    is_broken: bool,
    found: Vec<(&'static rule::Rule, String)>,
}

impl Walk {
    fn message<'a>(&mut self, bytes: &'a [u8]) -> Vec<(u32, Value<'a>)> {
        proto::message(bytes).unwrap_or_else(|| {
            self.is_broken = true;
            Vec::new()
        })
    }

    fn graph(&mut self, bytes: &[u8], depth: usize) {
        if depth > DEPTH {
            self.is_broken = true;
            return;
        }
        let graph = self.message(bytes);
        for node in proto::parts(&graph, 1) {
            self.node(node, depth);
        }
        for tensor in proto::parts(&graph, 5) {
            self.tensor(tensor);
        }
        for sparse in proto::parts(&graph, 15) {
            self.sparse(sparse);
        }
    }

    fn node(&mut self, bytes: &[u8], depth: usize) {
        self.nodes += 1;
        if self.nodes > MOST {
            self.is_broken = true;
            return;
        }
        let node = self.message(bytes);
        let (operator, domain) = (proto::text(&node, 4), proto::text(&node, 7));
        let is_own = self
            .own
            .iter()
            .any(|(own, name)| *own == domain && *name == operator);
        let is_context = operator == "EPContext";
        if PYTHON.contains(&operator.as_str()) && !is_own {
            self.found
                .push((&rule::ONNX_PYTHON, format!("`{domain}.{operator}`")));
        } else if !DOMAINS.contains(&domain.as_str()) && !is_own {
            self.found
                .push((&rule::ONNX_CUSTOM, format!("`{domain}.{operator}`")));
        }
        for attribute in proto::parts(&node, 5) {
            let attribute = self.message(attribute);
            // It is compiled code, in the file or in another one.
            let is_path = is_context && proto::text(&attribute, 1) == "ep_cache_context";
            let location = proto::text(&attribute, 4);
            if is_path && location.len() < 4096 && !is_beside(&location) {
                self.found
                    .push((&rule::ONNX_EXTERNAL, format!("`{location}`")));
            }
            for graph in proto::parts(&attribute, 6).chain(proto::parts(&attribute, 11)) {
                self.graph(graph, depth + 1);
            }
            for tensor in proto::parts(&attribute, 5).chain(proto::parts(&attribute, 10)) {
                self.tensor(tensor);
            }
            for sparse in proto::parts(&attribute, 22).chain(proto::parts(&attribute, 23)) {
                self.sparse(sparse);
            }
        }
    }

    fn sparse(&mut self, bytes: &[u8]) {
        let sparse = self.message(bytes);
        proto::parts(&sparse, 1)
            .chain(proto::parts(&sparse, 2))
            .for_each(|tensor| self.tensor(tensor));
    }

    fn tensor(&mut self, bytes: &[u8]) {
        let tensor = self.message(bytes);
        for entry in proto::parts(&tensor, 13) {
            let entry = self.message(entry);
            if proto::text(&entry, 1) == "location" {
                let location = proto::text(&entry, 2);
                if !is_beside(&location) {
                    self.found
                        .push((&rule::ONNX_EXTERNAL, format!("`{location}`")));
                }
            }
        }
    }
}

/// Whether a location is a file in the model's directory or below.
fn is_beside(location: &str) -> bool {
    let parts = location.split(['/', '\\']);
    !location.is_empty()
        && !location.starts_with(['/', '\\', '~', '$'])
        && location.as_bytes().get(1) != Some(&b':')
        && !location.contains("://")
        && !location.contains('\0')
        && !parts.clone().any(|part| part == "..")
}
