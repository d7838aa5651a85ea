// SPDX-License-Identifier: Apache-2.0
//! Schemas of skops: a tree of objects, each with module, class and loader.

use super::json::Leaf;
use crate::{
    pickle::{AllowList, Standing},
    rule::{self, Rule},
};

/// What was seen of objects that name a loader.
#[derive(Debug, Default)]
pub(super) struct Skops {
    open: Vec<Object>,
    pub(super) is_skops: bool,
    found: Vec<(&'static Rule, String)>,
}

#[derive(Debug, Default)]
struct Object {
    class: Option<String>,
    module: Option<String>,
    loader: Option<String>,
    /// The function of a method or call.
    function: Option<String>,
}

impl Skops {
    /// Takes the next value.
    pub(super) fn take(&mut self, path: &[&str], leaf: Leaf<'_>, allow: &AllowList) {
        let key = path.last().copied().unwrap_or_default();
        match (leaf, self.open.last_mut()) {
            (Leaf::Open, _) => self.open.push(Object::default()),
            (Leaf::Close, _) => {
                if let Some(object) = self.open.pop() {
                    self.reaches(&object);
                    self.judge(object, allow);
                }
            }
            (Leaf::Text(text), Some(object)) => match key {
                "__class__" => object.class = Some(text.to_owned()),
                "__module__" => object.module = Some(text.to_owned()),
                "__loader__" => object.loader = Some(text.to_owned()),
                "func" => object.function = Some(text.to_owned()),
                _ => {}
            },
            _ => {}
        }
    }

    fn judge(&mut self, object: Object, allow: &AllowList) {
        let (Some(class), Some(module), Some(loader)) =
            (object.class, object.module, object.loader)
        else {
            return;
        };
        self.is_skops = true;
        let name = format!("{module}.{class}");
        match allow.standing(&module, &class) {
            Standing::Listed(_) => {}
            _ if is_plain(&module, &class) => {}
            Standing::Dangerous(why) => {
                self.found.push((
                    &rule::SKOPS_TYPE,
                    format!("`{name}` by `{loader}`, which {why}"),
                ));
            }
            Standing::Known => self
                .found
                .push((&rule::SKOPS_TYPE, format!("`{name}` by `{loader}`"))),
            Standing::Foreign => self
                .found
                .push((&rule::PICKLE_CLASS, format!("makes a `{name}`"))),
        }
    }

    /// What lies behind a dot or an underscore is nobody's business, whatever type is said to have it.
    fn reaches(&mut self, object: &Object) {
        if object.loader.as_deref() == Some("OperatorFuncNode") {
            let why = "a function of `operator`, under whatever name".to_owned();
            self.found.push((&rule::SKOPS_TYPE, why));
        }
        let function = object.function.as_deref().unwrap_or_default();
        if function.starts_with('_') || function.contains('.') {
            let why = format!("the member `{function}`");
            self.found.push((&rule::SKOPS_TYPE, why));
        }
    }

    /// What was found, if it was about skops at all.
    pub(super) fn findings(self) -> Vec<(&'static Rule, String)> {
        match self.is_skops {
            true => self.found,
            false => Vec::new(),
        }
    }
}

/// Types that skops names in ways of its own.
fn is_plain(module: &str, class: &str) -> bool {
    match module {
        "builtins" => matches!(
            class,
            "bool"
                | "bytearray"
                | "bytes"
                | "complex"
                | "dict"
                | "float"
                | "int"
                | "list"
                | "NoneType"
                | "set"
                | "frozenset"
                | "slice"
                | "str"
                | "tuple"
        ),
        "numpy" => {
            matches!(
                class,
                "ndarray" | "ufunc" | "dtype" | "generic" | "bool_" | "str_"
            ) || class.starts_with("float")
                || class.starts_with("int")
                || class.starts_with("uint")
        }
        "types" => class == "NoneType",
        _ => false,
    }
}
