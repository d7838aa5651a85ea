// SPDX-License-Identifier: Apache-2.0
//! Arrays that joblib writes into the middle of a pickle, behind the object that stands for them.

use super::{
    machine::{Array, Machine},
    opcodes::little,
    value::Value,
};

impl Machine<'_> {
    /// What stands at `at`, behind a BUILD, if that made one of joblib's arrays.
    pub(super) fn array(&mut self, at: usize) -> Result<Option<Array>, &'static str> {
        let Some(state) = self.wrapper() else {
            return Ok(None);
        };
        self.found_array(at)?;
        let unknown = "an array whose size is not known";
        if self
            .dicts
            .get(state as usize)
            .is_none_or(|dict| dict.is_cut)
        {
            return Err(unknown);
        }
        let member = |name: &str| {
            let entries = self.dicts.get(state as usize)?.entries.iter();
            let mut found = entries
                .rev()
                .filter(|(key, _)| self.word(*key).as_deref() == Some(name));
            found.next().map(|(_, value)| *value)
        };
        let kind = member("dtype").ok_or(unknown)?;
        let size = match self.item_size(kind).ok_or(unknown)? {
            0 => return Ok(Some(Array::Pickle(at))),
            size => size,
        };
        let mut count = 1_u64;
        match member("shape").ok_or(unknown)? {
            Value::Tuple(tuple) => {
                for item in self.tuples.get(tuple as usize).ok_or(unknown)? {
                    let Value::Int(length) = item else {
                        return Err(unknown);
                    };
                    let length = u64::try_from(*length).map_err(|_| unknown)?;
                    count = count.checked_mul(length).ok_or(unknown)?;
                }
            }
            _ => return Err(unknown),
        }
        let mut begin = at;
        if matches!(member("numpy_array_alignment_bytes"), Some(Value::Int(_))) {
            let padding = *self.bytes.get(at).ok_or("an array without its padding")?;
            begin += 1 + usize::from(padding);
        }
        let length = count.checked_mul(size).ok_or(unknown)?;
        let length = usize::try_from(length).map_err(|_| unknown)?;
        let end = begin.checked_add(length).ok_or(unknown)?;
        match end <= self.bytes.len() {
            true => Ok(Some(Array::Raw(end))),
            false => Err("an array that is longer than the file"),
        }
    }

    /// The state of the wrapper that stands on top of the stack.
    fn wrapper(&self) -> Option<u32> {
        let Value::Object(number) = self.peek()? else {
            return None;
        };
        let object = self.objects.get(number as usize)?;
        let made_by = self.global(object.made_by)?;
        // `copyreg._reconstructor` makes it in older protocols.
        let class = match &*made_by.name {
            "_reconstructor" | "__newobj__" => match object.arguments {
                Value::Tuple(tuple) => match self.tuples.get(tuple as usize)?.first()? {
                    Value::Global(class) => self.global(*class)?,
                    _ => return None,
                },
                _ => return None,
            },
            _ => made_by,
        };
        let is_wrapper = matches!(
            &*class.module,
            "joblib.numpy_pickle" | "sklearn.externals.joblib.numpy_pickle"
        ) && &*class.name == "NumpyArrayWrapper";
        match object.state {
            Value::Dict(state) if is_wrapper => Some(state),
            _ => None,
        }
    }

    /// Bytes of an item of a `numpy.dtype`, 0 for one that holds objects.
    fn item_size(&self, kind: Value) -> Option<u64> {
        let Value::Object(number) = kind else {
            return None;
        };
        let object = self.objects.get(number as usize)?;
        if &*self.global(object.made_by)?.name != "dtype" {
            return None;
        }
        let Value::Tuple(arguments) = object.arguments else {
            return None;
        };
        let name = self.word(*self.tuples.get(arguments as usize)?.first()?)?;
        let name = name.trim_start_matches(['<', '>', '|', '=']);
        let (letter, digits) = (name.chars().next()?, name.get(1..)?);
        let size: u64 = digits.parse().ok()?;
        Some(match letter {
            'O' => 0,
            'U' => size.checked_mul(4)?,
            'V' if self.has_objects(object.state) => 0,
            _ => size,
        })
        .filter(|bytes| *bytes > 0 || letter == 'O' || letter == 'V')
    }

    /// Whether the state of a structured type says that it holds objects.
    fn has_objects(&self, state: Value) -> bool {
        let Value::Tuple(tuple) = state else {
            return false;
        };
        let flags = self
            .tuples
            .get(tuple as usize)
            .and_then(|items| items.get(7));
        matches!(flags, Some(Value::Int(flags)) if little(&flags.to_le_bytes()) & 1 == 1)
    }
}
