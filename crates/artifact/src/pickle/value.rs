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
    /// A frozen set that the pickle made, with what is in it not kept.
    Frozen,
    /// Something imported; number of its `Global`.
    Global(u32),
    /// A whole number that fits.
    Int(i64),
    /// A list that the pickle made, with what is in it not kept.
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
    /// A set that the pickle made, with what is in it not kept.
    Set,
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
    /// Whether it is certain that items cannot be appended to it.
    pub(super) const fn is_no_list(self) -> bool {
        self.is_single() || matches!(self, Self::Dict(_) | Self::Frozen | Self::Set)
    }

    /// Whether it is certain that items cannot be added to it.
    pub(super) const fn is_no_set(self) -> bool {
        self.is_single()
            || matches!(
                self,
                Self::Dict(_) | Self::Frozen | Self::Items | Self::List(_)
            )
    }

    /// Whether it is certain that nothing can be stored in it under a key.
    pub(super) const fn has_no_keys(self) -> bool {
        self.is_single() || matches!(self, Self::Frozen | Self::Set)
    }

    /// Whether it is certain that it can be no key.
    pub(super) const fn is_no_key(self) -> bool {
        matches!(
            self,
            Self::Dict(_) | Self::Items | Self::List(_) | Self::Set
        )
    }

    /// Whether it is certain that a call cannot have it for its arguments.
    pub(super) const fn is_no_tuple(self) -> bool {
        matches!(
            self,
            Self::Bytes { .. }
                | Self::Dict(_)
                | Self::Frozen
                | Self::Int(_)
                | Self::Items
                | Self::List(_)
                | Self::Plain
                | Self::Set
                | Self::Text { .. }
                | Self::TextDecoded(_)
                | Self::True
        )
    }

    /// Whether it is certain that it has no buffer. Bytes that are on the stack may have one.
    pub(super) const fn has_no_buffer(self) -> bool {
        self.has_no_keys() || matches!(self, Self::Dict(_) | Self::Items | Self::List(_))
    }

    /// A number, a text or a tuple: nothing can be put into it.
    const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Int(_)
                | Self::Plain
                | Self::Text { .. }
                | Self::TextDecoded(_)
                | Self::True
                | Self::Tuple(_)
        )
    }

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
