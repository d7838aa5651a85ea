// SPDX-License-Identifier: Apache-2.0
//! A tensor as pickles describe it: a type, a shape, and how its items lie in a storage.

use super::source::Origin;

/// Types that safetensors has, in the order in which its own writer sorts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    U64,
    I64,
    F64,
    C64,
    F32,
    U32,
    I32,
    Bf16,
    F16,
    U16,
    I16,
    F8E5m2Fnuz,
    F8E4m3Fnuz,
    F8E8m0,
    F8E4m3,
    F8E5m2,
    I8,
    U8,
    Bool,
}

impl Kind {
    /// As safetensors writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::U64 => "U64",
            Self::I64 => "I64",
            Self::F64 => "F64",
            Self::C64 => "C64",
            Self::F32 => "F32",
            Self::U32 => "U32",
            Self::I32 => "I32",
            Self::Bf16 => "BF16",
            Self::F16 => "F16",
            Self::U16 => "U16",
            Self::I16 => "I16",
            Self::F8E5m2Fnuz => "F8_E5M2FNUZ",
            Self::F8E4m3Fnuz => "F8_E4M3FNUZ",
            Self::F8E8m0 => "F8_E8M0",
            Self::F8E4m3 => "F8_E4M3",
            Self::F8E5m2 => "F8_E5M2",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
        }
    }

    /// Bytes of an item.
    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::U64 | Self::I64 | Self::F64 | Self::C64 => 8,
            Self::F32 | Self::U32 | Self::I32 => 4,
            Self::Bf16 | Self::F16 | Self::U16 | Self::I16 => 2,
            _ => 1,
        }
    }

    /// Bytes whose order says how large a number is: of a complex number, those of one part.
    pub(super) const fn swapped(self) -> usize {
        match self {
            Self::C64 => 4,
            other => other.bytes() as usize,
        }
    }

    /// Of a class of torch's storages.
    pub(super) fn of_storage(name: &str) -> Option<Self> {
        Some(match name {
            "BFloat16Storage" => Self::Bf16,
            "BoolStorage" => Self::Bool,
            "ByteStorage" | "UntypedStorage" | "_UntypedStorage" => Self::U8,
            "CharStorage" => Self::I8,
            "ComplexFloatStorage" => Self::C64,
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "IntStorage" => Self::I32,
            "LongStorage" => Self::I64,
            "ShortStorage" => Self::I16,
            _ => return None,
        })
    }

    /// Bytes of an item of a class of storages, of those that safetensors does not have as well.
    pub(super) fn storage_bytes(name: &str) -> Option<u64> {
        Some(match name {
            "ComplexDoubleStorage" => 16,
            "QInt32Storage" => 4,
            "QInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage" | "QUInt8Storage" => 1,
            _ => Self::of_storage(name)?.bytes(),
        })
    }

    /// Of a member of `torch`.
    pub(super) fn of_torch(name: &str) -> Option<Self> {
        Some(match name {
            "bfloat16" => Self::Bf16,
            "bool" => Self::Bool,
            "complex64" | "cfloat" => Self::C64,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            "half" | "float16" => Self::F16,
            "float8_e4m3fn" => Self::F8E4m3,
            "float8_e4m3fnuz" => Self::F8E4m3Fnuz,
            "float8_e5m2" => Self::F8E5m2,
            "float8_e5m2fnuz" => Self::F8E5m2Fnuz,
            "float8_e8m0fnu" => Self::F8E8m0,
            "int8" => Self::I8,
            "short" | "int16" => Self::I16,
            "int" | "int32" => Self::I32,
            "long" | "int64" => Self::I64,
            "uint8" => Self::U8,
            "uint16" => Self::U16,
            "uint32" => Self::U32,
            "uint64" => Self::U64,
            _ => return None,
        })
    }

    /// Of numpy's short names, without the order of bytes.
    pub(super) fn of_numpy(name: &str) -> Option<Self> {
        Some(match name {
            "b1" => Self::Bool,
            "c8" => Self::C64,
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            _ => return None,
        })
    }
}

/// Bytes that tensors are views of.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) origin: Origin,
    pub(super) bytes: u64,
    /// Whether the highest byte of a number comes first.
    pub(super) is_big: bool,
}

/// A view of a storage.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) kind: Kind,
    pub(super) shape: Vec<u64>,
    /// Items from one to the next along each dimension.
    pub(super) strides: Vec<u64>,
    /// Items in front of the first.
    pub(super) first: u64,
    pub(super) storage: Storage,
}

impl Tensor {
    /// A tensor, if all of its items lie in its storage.
    pub(super) fn new(
        kind: Kind,
        shape: Vec<u64>,
        strides: Vec<u64>,
        first: u64,
        storage: Storage,
    ) -> Result<Self, &'static str> {
        let tensor = Self {
            kind,
            shape,
            strides,
            first,
            storage,
        };
        if tensor.shape.len() != tensor.strides.len() {
            return Err("a shape and strides that do not fit together");
        }
        let items = tensor.count().ok_or("more items than there can be")?;
        items
            .checked_mul(tensor.kind.bytes())
            .ok_or("more bytes than there can be")?;
        let end = tensor
            .span()
            .and_then(|(_, end)| end.checked_mul(tensor.kind.bytes()));
        match end {
            Some(end) if items == 0 || end <= tensor.storage.bytes => Ok(tensor),
            _ => Err("items outside of its storage"),
        }
    }

    /// How many items it has.
    pub(super) fn count(&self) -> Option<u64> {
        let mut sizes = self.shape.iter();
        if self.shape.contains(&0) {
            return Some(0);
        }
        sizes.try_fold(1_u64, |count, size| count.checked_mul(*size))
    }

    /// Bytes that it has when it is written.
    pub(super) fn bytes(&self) -> u64 {
        self.count().unwrap_or(0).saturating_mul(self.kind.bytes())
    }

    /// Bytes that its shape and strides take in memory.
    pub(super) fn described(&self) -> usize {
        size_of_val(&*self.shape) + size_of_val(&*self.strides)
    }

    /// The first item of the storage that it uses, and the one behind the last.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        let mut end = self.first;
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            end = end.checked_add(size.saturating_sub(1).checked_mul(*stride)?)?;
        }
        Some((self.first, end.checked_add(1)?))
    }

    /// What two tensors have in common if they are the same view of the same numbers.
    pub(super) fn identity(&self) -> Option<(u64, Kind, Vec<u64>, Vec<u64>)> {
        let Origin::File(start) = self.storage.origin else {
            return None;
        };
        let first = start.checked_add(self.first.checked_mul(self.kind.bytes())?)?;
        let is_empty = self.bytes() == 0;
        (!is_empty).then(|| (first, self.kind, self.shape.clone(), self.strides.clone()))
    }

    /// Whether its items lie one behind the other, in the order in which they are written.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1_u64;
        for (size, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *size != 1 && *stride != expected {
                return false;
            }
            expected = expected.saturating_mul(*size);
        }
        true
    }
}

/// Strides of items that lie one behind the other.
pub(super) fn dense(shape: &[u64], is_fortran: bool) -> Vec<u64> {
    let mut strides = vec![1; shape.len()];
    let mut stride = 1_u64;
    let places: Vec<usize> = match is_fortran {
        true => (0..shape.len()).collect(),
        false => (0..shape.len()).rev().collect(),
    };
    for place in places {
        if let (Some(own), Some(size)) = (strides.get_mut(place), shape.get(place)) {
            *own = stride;
            stride = stride.saturating_mul((*size).max(1));
        }
    }
    strides
}
