// SPDX-License-Identifier: Apache-2.0
//! The instructions of pickle, protocols 0 to 5.

use std::ops::Range;

/// What stands behind an instruction's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    None,
    /// That many bytes.
    Fixed(usize),
    /// A length of that many bytes, then as many as it says.
    Counted(usize),
    /// A line.
    Line,
    /// Two lines.
    TwoLines,
}

/// An instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    AddItems,
    Append,
    Appends,
    BinFloat,
    BinGet,
    BinInt,
    BinPersId,
    BinPut,
    Build,
    ByteArray,
    Bytes,
    Dict,
    Dup,
    EmptyDict,
    EmptyList,
    EmptySet,
    EmptyTuple,
    Ext,
    Float,
    Frame,
    FrozenSet,
    Get,
    Global,
    Inst,
    Int,
    LineString,
    List,
    Long,
    LongLine,
    Mark,
    Memoize,
    NewFalse,
    NewObj,
    NewObjEx,
    NewTrue,
    NextBuffer,
    None,
    Obj,
    PersId,
    Pop,
    PopMark,
    Proto,
    Put,
    ReadonlyBuffer,
    Reduce,
    SetItem,
    SetItems,
    StackGlobal,
    Stop,
    String,
    Text,
    TextLine,
    Tuple,
    Tuple1,
    Tuple2,
    Tuple3,
}

/// The instruction of a byte, and what stands behind it.
pub(super) const fn decode(byte: u8) -> Option<(Op, Operand)> {
    use Operand::{Counted, Fixed, Line, TwoLines};
    const NO: Operand = Operand::None;
    Some(match byte {
        b'(' => (Op::Mark, NO),
        b'.' => (Op::Stop, NO),
        b'0' => (Op::Pop, NO),
        b'1' => (Op::PopMark, NO),
        b'2' => (Op::Dup, NO),
        b'F' => (Op::Float, Line),
        b'I' => (Op::Int, Line),
        b'J' => (Op::BinInt, Fixed(4)),
        b'K' => (Op::BinInt, Fixed(1)),
        b'L' => (Op::LongLine, Line),
        b'M' => (Op::BinInt, Fixed(2)),
        b'N' => (Op::None, NO),
        b'P' => (Op::PersId, Line),
        b'Q' => (Op::BinPersId, NO),
        b'R' => (Op::Reduce, NO),
        b'S' => (Op::LineString, Line),
        b'T' => (Op::String, Counted(4)),
        b'U' => (Op::String, Counted(1)),
        b'V' => (Op::TextLine, Line),
        b'X' => (Op::Text, Counted(4)),
        b'a' => (Op::Append, NO),
        b'b' => (Op::Build, NO),
        b'c' => (Op::Global, TwoLines),
        b'd' => (Op::Dict, NO),
        b'}' => (Op::EmptyDict, NO),
        b'e' => (Op::Appends, NO),
        b'g' => (Op::Get, Line),
        b'h' => (Op::BinGet, Fixed(1)),
        b'i' => (Op::Inst, TwoLines),
        b'j' => (Op::BinGet, Fixed(4)),
        b'l' => (Op::List, NO),
        b']' => (Op::EmptyList, NO),
        b'o' => (Op::Obj, NO),
        b'p' => (Op::Put, Line),
        b'q' => (Op::BinPut, Fixed(1)),
        b'r' => (Op::BinPut, Fixed(4)),
        b's' => (Op::SetItem, NO),
        b't' => (Op::Tuple, NO),
        b')' => (Op::EmptyTuple, NO),
        b'u' => (Op::SetItems, NO),
        b'G' => (Op::BinFloat, Fixed(8)),
        0x80 => (Op::Proto, Fixed(1)),
        0x81 => (Op::NewObj, NO),
        0x82 => (Op::Ext, Fixed(1)),
        0x83 => (Op::Ext, Fixed(2)),
        0x84 => (Op::Ext, Fixed(4)),
        0x85 => (Op::Tuple1, NO),
        0x86 => (Op::Tuple2, NO),
        0x87 => (Op::Tuple3, NO),
        0x88 => (Op::NewTrue, NO),
        0x89 => (Op::NewFalse, NO),
        0x8a => (Op::Long, Counted(1)),
        0x8b => (Op::Long, Counted(4)),
        b'B' => (Op::Bytes, Counted(4)),
        b'C' => (Op::Bytes, Counted(1)),
        0x8c => (Op::Text, Counted(1)),
        0x8d => (Op::Text, Counted(8)),
        0x8e => (Op::Bytes, Counted(8)),
        0x8f => (Op::EmptySet, NO),
        0x90 => (Op::AddItems, NO),
        0x91 => (Op::FrozenSet, NO),
        0x92 => (Op::NewObjEx, NO),
        0x93 => (Op::StackGlobal, NO),
        0x94 => (Op::Memoize, NO),
        0x95 => (Op::Frame, Fixed(8)),
        0x96 => (Op::ByteArray, Counted(8)),
        0x97 => (Op::NextBuffer, NO),
        0x98 => (Op::ReadonlyBuffer, NO),
        _ => return None,
    })
}

/// An instruction with its place and operand.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub(super) op: Op,
    /// Where its byte stands.
    pub(super) at: usize,
    /// The operand without length and line ends.
    pub(super) first: Range<usize>,
    /// The second line.
    pub(super) second: Range<usize>,
    /// Where the next one stands.
    pub(super) next: usize,
}

/// Reads the instruction at `at`.
pub(super) fn read(bytes: &[u8], at: usize) -> Result<Instruction, &'static str> {
    let byte = *bytes.get(at).ok_or("the bytes end before STOP")?;
    let (op, operand) = decode(byte).ok_or("a byte that is no instruction")?;
    let start = at + 1;
    let cut = "the bytes end inside of an instruction";
    let (first, second, next) = match operand {
        Operand::None => (start..start, start..start, start),
        Operand::Fixed(length) => {
            let end = start.checked_add(length).ok_or(cut)?;
            (start..end, end..end, end)
        }
        Operand::Counted(width) => {
            let begin = start + width;
            let length = little(bytes.get(start..begin).ok_or(cut)?);
            let length = usize::try_from(length).map_err(|_| cut)?;
            let end = begin.checked_add(length).ok_or(cut)?;
            (begin..end, end..end, end)
        }
        Operand::Line => {
            let end = line_end(bytes, start).ok_or(cut)?;
            (start..end, end..end, end + 1)
        }
        Operand::TwoLines => {
            let end = line_end(bytes, start).ok_or(cut)?;
            let last = line_end(bytes, end + 1).ok_or(cut)?;
            (start..end, end + 1..last, last + 1)
        }
    };
    if next > bytes.len() {
        return Err(cut);
    }
    Ok(Instruction {
        op,
        at,
        first,
        second,
        next,
    })
}

/// Whether the instruction at `at` could be read if the bytes went on up to `length`.
pub(super) fn is_cut(bytes: &[u8], at: usize, length: u64) -> bool {
    let Some(byte) = bytes.get(at) else {
        return true;
    };
    if read(bytes, at).is_ok() {
        return false;
    }
    match decode(*byte) {
        None => false,
        Some((_, Operand::Counted(width))) => {
            let begin = at + 1 + width;
            let said = bytes.get(at + 1..begin).map_or(0, little);
            (begin as u64).saturating_add(said) <= length
        }
        Some(_) => true,
    }
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(from..)?).map(|at| from + at)
}

/// At most eight bytes, the lowest first.
pub(super) fn little(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8).rev();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}
