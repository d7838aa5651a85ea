// SPDX-License-Identifier: Apache-2.0
//! TensorFlow: saved models and frozen graphs, and operators that do more than compute.

mod words;

use std::{collections::HashSet, sync::LazyLock};

use super::{
    super::proto::{self, Value},
    MOST,
};
use crate::{place::Place, rule, scan::Scan};

pub(crate) use words::scan as scan_text;

type Message<'a> = [(u32, Value<'a>)];

/// Reads a saved model or a graph, if these are its fields.
pub(super) fn scan(
    scan: &mut Scan<'_>,
    fields: &Message<'_>,
    place: &Place,
) -> Option<&'static str> {
    let graphs = saved_model(fields);
    let (name, graphs) = match graphs {
        Some(graphs) => ("tensorflow-saved-model", graphs),
        None if is_graph(fields) => ("tensorflow-graph", vec![fields.to_vec()]),
        None => return None,
    };
    scan.format(name);
    let mut is_broken = false;
    let mut count = 0;
    // Functions of the graph's own library are called like operators.
    let own: HashSet<String> = graphs.iter().flat_map(|graph| functions(graph)).collect();
    for graph in &graphs {
        let mut nodes: Vec<&[u8]> = proto::parts(graph, 1).collect();
        for library in proto::parts(graph, 2) {
            let Some(library) = proto::message(library) else {
                is_broken = true;
                continue;
            };
            for function in proto::parts(&library, 1) {
                match proto::message(function) {
                    Some(function) => nodes.extend(proto::parts(&function, 3)),
                    None => is_broken = true,
                }
            }
        }
        for node in nodes {
            count += 1;
            let Some(node) = proto::message(node).filter(|_| count <= MOST) else {
                is_broken = true;
                break;
            };
            let operator = proto::text(&node, 2);
            if operator == "PrintV2" && proto::parts(&node, 5).any(prints_to_a_file) {
                let why = "the operator `PrintV2` writes to a file".to_owned();
                scan.found(&rule::TENSORFLOW_OPERATOR, place.whole(), why);
            } else if matches!(operator.as_str(), "DecodeProtoV2" | "EncodeProto")
                && proto::parts(&node, 5).any(reads_a_description)
            {
                let why = format!("the operator `{operator}` reads a file");
                scan.found(&rule::TENSORFLOW_OPERATOR, place.whole(), why);
            } else {
                judge(scan, &operator, &own, place);
            }
        }
    }
    if is_broken {
        let why = "a message that cannot be read".to_owned();
        scan.found(&rule::PROTOBUF_MALFORMED, place.whole(), why);
    }
    keras(scan, fields, place);
    assets(scan, fields, place);
    Some(name)
}

/// Says what is to be said of an operator, if it is not one that only computes.
fn judge(scan: &mut Scan<'_>, operator: &str, own: &HashSet<String>, place: &Place) {
    let rule = if is_hostile(operator) {
        &rule::TENSORFLOW_OPERATOR
    } else if !is_known(operator) && !own.contains(operator) {
        &rule::TENSORFLOW_CUSTOM
    } else {
        return;
    };
    let why = format!("the operator `{operator}`");
    scan.found(rule, place.whole(), why);
}

/// Names of the functions that a graph brings with it.
fn functions(graph: &Message<'_>) -> Vec<String> {
    let libraries = proto::parts(graph, 2).filter_map(proto::message);
    libraries
        .flat_map(|library| {
            let functions = proto::parts(&library, 1).filter_map(proto::message);
            let signatures = functions.filter_map(|function| {
                proto::message(proto::parts(&function, 1).next()?).map(|own| proto::text(&own, 1))
            });
            signatures.collect::<Vec<_>>()
        })
        .collect()
}

/// Whether an operator comes with TensorFlow. Those that begin with an underscore are put into graphs by
/// its own passes.
fn is_known(operator: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
        let lines = OPERATORS.lines().filter(|line| !line.starts_with('#'));
        lines.flat_map(str::split_whitespace).collect()
    });
    operator.starts_with('_') || KNOWN.contains(operator)
}

const OPERATORS: &str = include_str!("../../../lists/tensorflow.ops");

/// Whether an attribute names a file to print to.
fn prints_to_a_file(attribute: &[u8]) -> bool {
    memchr::memmem::find(attribute, b"file://").is_some()
}

/// Whether an attribute names a file that describes messages.
fn reads_a_description(attribute: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(attribute, word.as_bytes()).is_some();
    has("descriptor_source") && !has("local://") && !has("bytes://")
}

/// Files that come with a saved model stand in its own directory.
fn assets(scan: &mut Scan<'_>, fields: &Message<'_>, place: &Place) {
    let metas = proto::parts(fields, 2).filter_map(proto::message);
    let assets = metas.flat_map(|meta| {
        proto::parts(&meta, 6)
            .map(proto::message)
            .collect::<Vec<_>>()
    });
    for asset in assets.flatten() {
        let name = proto::text(&asset, 2);
        let is_outside = name.starts_with(['/', '\\'])
            || name.contains("://")
            || name.split(['/', '\\']).any(|part| part == "..");
        if is_outside {
            let why = format!("the asset `{name}` outside of the model's directory");
            scan.found(&rule::TENSORFLOW_OPERATOR, place.whole(), why);
        }
    }
}

/// Layers of Keras are described in JSON inside of the objects of a saved model.
fn keras(scan: &mut Scan<'_>, fields: &Message<'_>, place: &Place) {
    for meta in proto::parts(fields, 2) {
        super::super::hdf5::embedded_keras(scan, meta, place);
    }
}

/// The graphs of a saved model: a version, and messages that hold graphs.
fn saved_model<'a>(fields: &Message<'a>) -> Option<Vec<Vec<(u32, Value<'a>)>>> {
    let known = |(field, value): &(u32, Value<'_>)| {
        matches!(
            (field, value),
            (1, Value::Number(0..=16)) | (2, Value::Bytes(_))
        )
    };
    if !fields.iter().all(known) || proto::number(fields, 1).is_none() {
        return None;
    }
    let mut graphs = Vec::new();
    for meta in proto::parts(fields, 2) {
        let meta = proto::message(meta)?;
        let known =
            |(field, value): &(u32, Value<'_>)| matches!((field, value), (1..=7, Value::Bytes(_)));
        if !meta.iter().all(known) {
            return None;
        }
        for graph in proto::parts(&meta, 2) {
            graphs.push(proto::message(graph)?);
        }
    }
    (!graphs.is_empty()).then_some(graphs)
}

/// A graph by itself: nodes with a name and an operator, perhaps a library and versions.
fn is_graph(fields: &Message<'_>) -> bool {
    let known = |(field, value): &(u32, Value<'_>)| {
        matches!(
            (field, value),
            (1 | 2 | 4 | 5, Value::Bytes(_)) | (3, Value::Number(_))
        )
    };
    let is_node = |bytes: &[u8]| {
        proto::message(bytes).is_some_and(|node| {
            let known = |(field, value): &(u32, Value<'_>)| {
                matches!((field, value), (1..=7, Value::Bytes(_)))
            };
            let operator = proto::text(&node, 2);
            let is_name = |text: &str| {
                !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_>/.-:".contains(c))
            };
            node.iter().all(known) && is_name(&operator) && is_name(&proto::text(&node, 1))
        })
    };
    let mut nodes = proto::parts(fields, 1).peekable();
    nodes.peek().is_some() && fields.iter().all(known) && nodes.all(is_node)
}

/// Whether an operator reads or writes files, reaches the network or runs code of others.
pub(crate) fn is_hostile(operator: &str) -> bool {
    HOSTILE.contains(&operator)
}

const HOSTILE: &[&str] = &[
    "CacheDataset",
    "CacheDatasetV2",
    "DistributedSave",
    "ExperimentalDatasetToTFRecord",
    "ImmutableConst",
    "RecordInput",
    "AudioMicrofrontendFile",
    "SendTCP",
    "WriteScalarSummary",
    "WriteImageSummary",
    "WriteHistogramSummary",
    "WriteAudioSummary",
    "ExperimentalLMDBDataset",
    "KafkaDataset",
    "SnapshotChunkDataset",
    "SnapshotNestedDatasetReader",
    "SnapshotDatasetReader",
    "PyExec",
    "PyCall",
    "ExecuteOp",
    "RunCommand",
    "SystemCall",
    "ShellCommand",
    "ShellExecute",
    "LoadOpLibrary",
    "LoadLibrary",
    "Abort",
    "BigQueryReader",
    "BigtableClient",
    "CloseSummaryWriter",
    "CreateSummaryDbWriter",
    "CreateSummaryFileWriter",
    "DatasetToTFRecord",
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "DebugNanCount",
    "DebugNumericSummary",
    "DeleteFile",
    "EagerPyFunc",
    "ExperimentalCSVDataset",
    "CSVDataset",
    "CSVDatasetV2",
    "FixedLengthRecordDataset",
    "FixedLengthRecordDatasetV2",
    "FixedLengthRecordReader",
    "FixedLengthRecordReaderV2",
    "GcsConfigureBlockCache",
    "GcsConfigureCredentials",
    "ImportEvent",
    "LMDBDataset",
    "LMDBReader",
    "LoadDataset",
    "LoadDatasetV2",
    "MatchingFiles",
    "MatchingFilesDataset",
    "PrintV2File",
    "PyFunc",
    "PyFuncStateless",
    "ReadFile",
    "ReaderReadV2File",
    "RemoteCall",
    "RpcCall",
    "RpcClient",
    "RpcServer",
    "SaveDataset",
    "SaveDatasetV2",
    "SnapshotDataset",
    "SnapshotDatasetV2",
    "SqlDataset",
    "ExperimentalSqlDataset",
    "TFRecordDataset",
    "TFRecordDatasetV2",
    "TFRecordReader",
    "TFRecordReaderV2",
    "TextLineDataset",
    "TextLineReader",
    "TextLineReaderV2",
    "WholeFileReader",
    "WholeFileReaderV2",
    "WriteFile",
    "WriteGraphSummary",
    "WriteRawProtoSummary",
    "WriteSummary",
    "RegisterDataset",
    "RegisterDatasetV2",
    "DataServiceDataset",
    "DataServiceDatasetV2",
    "DataServiceDatasetV3",
    "DataServiceDatasetV4",
    "XlaLaunchFile",
    "ConfigureDistributedTPU",
    "OutfeedEnqueueFile",
    "CollectiveRecvFile",
    "NcclAllReduceFile",
    "FileSystemSetConfiguration",
    "Rpc",
    "TryRpc",
    "GrpcClient",
];
