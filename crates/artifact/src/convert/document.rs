// SPDX-License-Identifier: Apache-2.0
//! A pickle together with the storages that it refers to.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use super::{
    legacy,
    source::{ByteSource, Origin},
    tensor::{Kind, Storage, Tensor, dense},
    tree::Leaf,
};
use crate::{
    limits::Limits,
    pickle::{Kept, Object, Value, View},
};

/// Pickles within pickles, and parameters around a tensor.
const NESTED: usize = 4;
/// Dimensions that torch and numpy count to.
const DIMENSIONS: usize = 64;

/// A pickle, its bytes, and where the bytes behind its tensors are.
pub(super) struct Document<'a> {
    pub(super) kept: Kept<'a>,
    /// What the pickle was read from; constants are places in it.
    pub(super) bytes: &'a [u8],
    /// Where these bytes are in the source.
    pub(super) origin: Origin,
    /// By the key that persistent identifiers have.
    pub(super) storages: HashMap<String, Storage>,
    pub(super) source: &'a dyn ByteSource,
    pub(super) limits: &'a Limits,
    /// How many pickles it stands in.
    pub(super) depth: usize,
    /// What stands in constants that are files of their own: each is read once, however often the pickle
    /// refers to it.
    pub(super) inner: RefCell<HashMap<Value, Inner>>,
}

/// What an old torch file that stands in a constant is: a tensor, or a storage.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    leaf: Option<Leaf>,
    storage: Result<Typed, String>,
}

/// A storage, and the type of its items if safetensors has it.
type Typed = (Option<Kind>, Storage);

impl Document<'_> {
    /// The tensor that a value is; none if it is something else.
    pub(super) fn leaf(&self, value: Value) -> Option<Leaf> {
        let View::Object(mut object) = self.kept.view(value) else {
            return None;
        };
        let mut around = 0;
        while is_parameter(&object) {
            around += 1;
            if around > NESTED {
                let why = "a parameter around parameters".to_owned();
                return Some(Leaf::Unsupported(why));
            }
            let View::Object(inner) = self.kept.view(*object.arguments.first()?) else {
                return None;
            };
            object = inner;
        }
        let result = match (object.module, object.name) {
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
                self.torch(object.arguments, None)
            }
            ("torch._utils", "_rebuild_tensor_v3") => {
                let kind = object.arguments.get(6).copied();
                let name = kind
                    .and_then(|kind| self.kept.name(kind))
                    .map_or("", |name| name.1);
                match Kind::of_torch(name) {
                    Some(kind) => self.torch(object.arguments, Some(kind)),
                    None => Err(format!("items of the type `{name}`")),
                }
            }
            ("torch._tensor", "_rebuild_from_type" | "_rebuild_from_type_v2") => {
                self.of_type(object.arguments)
            }
            ("torch._utils", name) if name.starts_with("_rebuild_") => {
                Err(format!("a tensor of the kind that `{name}` makes"))
            }
            ("torch.storage", "_load_from_bytes") => return self.nested(object.arguments),
            (module, "_reconstruct") if module.starts_with("numpy.") => self.numpy(&object),
            (module, "_frombuffer") if module.starts_with("numpy.") => self.buffer(&object),
            _ => return None,
        };
        Some(result.map_or_else(Leaf::Unsupported, Leaf::Tensor))
    }

    /// `storage, first, shape, strides, …`, and metadata that says whether a sign is still to be put.
    fn torch(&self, arguments: &[Value], kind: Option<Kind>) -> Result<Tensor, String> {
        let [storage, first, shape, strides, rest @ ..] = arguments else {
            return Err("a tensor without storage, shape and strides".to_owned());
        };
        let metadata = rest.get(if kind.is_some() { 3 } else { 2 });
        if let Some(View::Map(entries)) = metadata.map(|value| self.kept.view(*value))
            && !entries.is_empty()
        {
            return Err("a tensor that is conjugated or negated when it is read".to_owned());
        }
        let (own, storage) = self.storage(*storage)?;
        let kind = match (kind, own) {
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) => return Err("items that safetensors has no type for".to_owned()),
        };
        let first = self
            .kept
            .number(*first)
            .ok_or("a place that is no number")?;
        let (shape, strides) = (self.numbers(*shape)?, self.numbers(*strides)?);
        Tensor::new(kind, shape, strides, first, storage).map_err(str::to_owned)
    }

    fn numbers(&self, value: Value) -> Result<Vec<u64>, String> {
        let items = match self.kept.view(value) {
            View::Sequence(items) => items,
            // `torch.Size` of a tuple.
            View::Object(object) => {
                let inner = object.arguments.first().copied();
                inner
                    .and_then(|inner| self.kept.items(inner))
                    .unwrap_or_default()
            }
            _ => return Err("a shape that is none".to_owned()),
        };
        if items.len() > DIMENSIONS {
            return Err(format!("a tensor of more than {DIMENSIONS} dimensions"));
        }
        let numbers = items.iter().map(|item| self.kept.number(*item));
        numbers
            .collect::<Option<_>>()
            .ok_or_else(|| "a shape with something else than numbers".to_owned())
    }

    /// The storage that a persistent identifier names, and its type if safetensors has it.
    fn storage(&self, value: Value) -> Result<Typed, String> {
        let items = match self.kept.view(value) {
            View::Stored(items) => items,
            // Plain pickles hold a storage as an old torch file of its own.
            View::Object(object) if object.name == "_load_from_bytes" => {
                return self.inner(object.arguments)?.storage;
            }
            _ => return Err("a tensor without a storage".to_owned()),
        };
        let [_, class, key, _, length, rest @ ..] = items else {
            return Err("a storage that is not named as torch does".to_owned());
        };
        let class = self.kept.name(*class).map_or("", |name| name.1);
        let key = self.kept.label(*key);
        let key = key.ok_or("a storage that is not named as torch does")?;
        let storage = self.storages.get(key.as_ref());
        let mut storage = storage
            .ok_or_else(|| format!("storage `{key}` is not there"))?
            .clone();
        let item = Kind::storage_bytes(class).ok_or_else(|| format!("a storage of `{class}`"))?;
        let said = self
            .kept
            .number(*length)
            .and_then(|length| length.checked_mul(item));
        match said {
            Some(said) if said <= storage.bytes => storage.bytes = said,
            _ => return Err(format!("storage `{key}` is shorter than it should be")),
        }
        // Torch does not turn the bytes of storages that have no type of their own.
        storage.is_big &= !matches!(class, "UntypedStorage" | "_UntypedStorage");
        // Old files have views of storages as storages of their own.
        if let Some(View::Sequence([_, first, length])) =
            rest.first().map(|view| self.kept.view(*view))
        {
            let bytes = |value: Value| self.kept.number(value).and_then(|n| n.checked_mul(item));
            let (first, length) = (bytes(*first), bytes(*length));
            let fits = |(first, length): &(u64, u64)| {
                first
                    .checked_add(*length)
                    .is_some_and(|end| end <= storage.bytes)
            };
            let Some((first, length)) = first.zip(length).filter(fits) else {
                return Err(format!("a view outside of storage `{key}`"));
            };
            (storage.origin, storage.bytes) = (storage.origin.behind(first), length);
        }
        Ok((Kind::of_storage(class), storage))
    }

    /// `function, type, arguments, state`: a tensor of a class of its own.
    fn of_type(&self, arguments: &[Value]) -> Result<Tensor, String> {
        let [function, _, inner, ..] = arguments else {
            return Err("a tensor that is not described".to_owned());
        };
        let inner = self.kept.items(*inner).unwrap_or_default();
        match self.kept.name(*function) {
            Some(("torch._utils", "_rebuild_tensor_v2")) => self.torch(inner, None),
            Some((_, name)) => Err(format!("a tensor of the kind that `{name}` makes")),
            None => Err("a tensor that is not described".to_owned()),
        }
    }

    /// A tensor that stands in a pickle as an old torch file of its own.
    fn nested(&self, arguments: &[Value]) -> Option<Leaf> {
        match self.inner(arguments) {
            Ok(inner) => inner.leaf,
            Err(why) => Some(Leaf::Unsupported(why)),
        }
    }

    /// What the old torch file is that a nested load is given.
    fn inner(&self, arguments: &[Value]) -> Result<Inner, String> {
        let given = *arguments.first().ok_or("a tensor that is not described")?;
        if let Some(known) = self.inner.borrow().get(&given) {
            return Ok(known.clone());
        }
        let inner = self.read_inner(given)?;
        self.inner.borrow_mut().insert(given, inner.clone());
        Ok(inner)
    }

    fn read_inner(&self, given: Value) -> Result<Inner, String> {
        if self.depth >= NESTED {
            return Err("files within files".to_owned());
        }
        let (bytes, origin) = match self.kept.view(given) {
            View::Constant(start, end) => {
                let bytes = self.bytes.get(start..end).unwrap_or_default();
                (bytes, self.origin.behind(start as u64))
            }
            View::Made(made) => (&**made, Origin::Memory(Arc::clone(made), 0)),
            _ => return Err("a tensor that is not described".to_owned()),
        };
        let place = legacy::Place {
            source: self.source,
            length: bytes.len() as u64,
            origin,
            depth: self.depth + 1,
        };
        let document = legacy::document(bytes, place, self.limits);
        let document = document.map_err(|broken| broken.to_string())?;
        Ok(Inner {
            leaf: document.leaf(document.kept.result()),
            storage: document.storage(document.kept.result()),
        })
    }

    /// An array that is made empty and then given its state: version, shape, type, order, bytes.
    fn numpy(&self, object: &Object<'_>) -> Result<Tensor, String> {
        let View::Sequence([_, shape, kind, is_fortran, bytes]) = self.kept.view(object.state)
        else {
            return Err("an array that is not described".to_owned());
        };
        // Only C order and False are the same; what is not False cannot be told from True.
        let is_fortran = self.kept.is_true(*is_fortran);
        self.array(*shape, *kind, is_fortran, *bytes)
    }

    /// `bytes, type, shape, order`.
    fn buffer(&self, object: &Object<'_>) -> Result<Tensor, String> {
        let [bytes, kind, shape, order, ..] = object.arguments else {
            return Err("an array that is not described".to_owned());
        };
        let order = self.kept.label(*order);
        let is_fortran = match order.as_deref() {
            Some("C") => false,
            Some("F") => true,
            _ => return Err("an array in an order of its own".to_owned()),
        };
        self.array(*shape, *kind, is_fortran, *bytes)
    }

    fn array(
        &self,
        shape: Value,
        kind: Value,
        is_fortran: bool,
        bytes: Value,
    ) -> Result<Tensor, String> {
        let View::Object(kind) = self.kept.view(kind) else {
            return Err("an array without a type".to_owned());
        };
        let name = kind
            .arguments
            .first()
            .and_then(|name| self.kept.label(*name));
        let name = name.unwrap_or_default();
        let order = match self.kept.view(kind.state) {
            View::Sequence([_, order, ..]) => self.kept.label(*order),
            _ => None,
        };
        let is_big = order.as_deref() == Some(">") || name.starts_with('>');
        let plain = name.trim_start_matches(['<', '>', '|', '=']);
        let kind = Kind::of_numpy(plain).ok_or_else(|| format!("items of the type `{name}`"))?;
        let (origin, length) = self.constant(bytes).ok_or("an array without its bytes")?;
        let shape = self.numbers(shape)?;
        let strides = dense(&shape, is_fortran);
        let storage = Storage {
            origin,
            bytes: length,
            is_big,
        };
        Tensor::new(kind, shape, strides, 0, storage).map_err(str::to_owned)
    }

    /// Where bytes that the pickle holds are, and how many.
    fn constant(&self, value: Value) -> Option<(Origin, u64)> {
        match self.kept.view(value) {
            View::Constant(start, end) => {
                Some((self.origin.behind(start as u64), (end - start) as u64))
            }
            View::Made(made) => Some((Origin::Memory(Arc::clone(made), 0), made.len() as u64)),
            // What bytes are made of stands in the arguments; without any they are none.
            View::Object(object) if matches!(object.name, "bytes" | "bytearray") => {
                match object.arguments.first() {
                    Some(Value::Object(_)) => None,
                    Some(inner) => self.constant(*inner),
                    None => Some((Origin::Memory(Arc::from([]), 0), 0)),
                }
            }
            _ => None,
        }
    }
}

fn is_parameter(object: &Object<'_>) -> bool {
    matches!(
        (object.module, object.name),
        (
            "torch._utils",
            "_rebuild_parameter" | "_rebuild_parameter_with_state"
        )
    )
}
