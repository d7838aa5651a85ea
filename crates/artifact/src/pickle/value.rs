// SPDX-License-Identifier: Apache-2.0
//! Abstract values: as much of an object as is needed to say what a pickle does with it.

/// A value on the stack or in the memo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// Bytes that stand in the pickle.
    Bytes {
        start: usize,
        end: usize,
    },
    /// A dict that the pickle made; number of its [`Dict`].
    Dict(u32),
    /// Something imported; number of its `Global`.
    Global(u32),
    /// A whole number that fits.
    Int(i64),
    /// A list or set that the pickle made, with what is in it not kept.
    Items,
    /// A list that the pickle made; number of its items. Only when everything is kept.
    List(u32),
    /// Bytes that the pickle makes of a text; their number.
    Made(u32),
    /// What a harmless call gave; number of its [`Object`].
    Object(u32),
    /// What only the loader has.
    Persistent,
    /// The same, with the number of the tuple that names it.
    Stored(u32),
    /// None, a number, false.
    Plain,
    True,
    /// A text as it stands in the pickle.
    Text {
        start: usize,
        end: usize,
    },
    /// A text that had to be decoded; its number.
    TextDecoded(u32),
    /// A tuple; number of its items.
    Tuple(u32),
    /// What came of something that is no part of a harmless model.
    Unknown,
}

impl Value {
    /// Whether it can be the name of a member.
    pub(super) const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Bytes { .. } | Self::Text { .. } | Self::TextDecoded(_)
        )
    }
}

/// What a call gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    /// The number of the global that was called.
    pub(super) made_by: u32,
    pub(super) arguments: Value,
    /// What it was given afterwards.
    pub(super) state: Value,
}

/// The first entries of a dict whose keys are texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dict {
    pub(super) entries: Vec<(Value, Value)>,
    /// Whether there are more entries than are remembered.
    pub(super) is_cut: bool,
    /// A key that would be a member with a meaning, if this became the state of an object.
    pub(super) special: Option<Value>,
}

/// Entries of a dict that are remembered.
pub(super) const REMEMBERED: usize = 64;
