// SPDX-License-Identifier: Apache-2.0
//! What pickles may import: exact pairs of module and name, and what may be done with each.
//!
//! The lists are files in `lists/`, one pair a line, made from what harmless models of real
//! libraries hold (`lists/collect.py`) and read by a person. A name that is not there is not
//! harmless; the other lists only tell how grave that is.

use std::collections::{HashMap, HashSet};

/// What a pickle may do with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Call it with any arguments.
    pub(crate) call: bool,
    /// Make an instance without its initialiser.
    pub(crate) new: bool,
    /// Call it, if its first argument may be called as well.
    pub(crate) calls_first: bool,
    /// Call it, if its first argument is a constant, which is looked at in turn.
    pub(crate) loads_first: bool,
    /// Call it, if its first argument may be made without its initialiser.
    pub(crate) makes_first: bool,
    /// Call it, if what it is given is of its own module: it calls that.
    pub(crate) takes_own: bool,
}

impl Uses {
    /// Whether it does something with its arguments, so that they have to be known.
    pub(crate) const fn is_careful(self) -> bool {
        self.calls_first || self.makes_first || self.loads_first || self.takes_own
    }
}

/// How a name stands to the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Runs commands or code, reaches files or the network.
    Dangerous(&'static str),
    /// Of a package we know nothing of.
    Foreign,
    /// Of Python or a framework, and not on a list.
    Known,
    Listed(Uses),
}

/// All lists.
#[derive(Debug)]
pub(crate) struct AllowList {
    pairs: HashMap<&'static str, HashMap<&'static str, Uses>>,
    dangerous: HashMap<&'static str, &'static str>,
    known: HashSet<&'static str>,
}

impl AllowList {
    pub(crate) fn new() -> Self {
        let mut pairs: HashMap<&str, HashMap<&str, Uses>> = HashMap::new();
        for list in ALLOWED {
            for (line, entry) in entries(list) {
                let mut words = line.split_whitespace();
                let (Some(module), Some(name)) = (words.next(), words.next()) else {
                    debug_assert!(false, "a line without a name: {entry}");
                    continue;
                };
                let uses = uses(words.next().unwrap_or("value"));
                pairs.entry(module).or_default().insert(name, uses);
            }
        }
        let mut dangerous = HashMap::new();
        for (line, _) in entries(DANGEROUS) {
            if let Some((module, why)) = line.split_once(' ') {
                dangerous.insert(module, why.trim());
            }
        }
        let known = entries(KNOWN).flat_map(|(line, _)| line.split_whitespace());
        Self {
            pairs,
            dangerous,
            known: known.collect(),
        }
    }

    /// How `module` and `name` stand, both exact.
    pub(crate) fn standing(&self, module: &str, name: &str) -> Standing {
        if let Some(uses) = self.pairs.get(module).and_then(|names| names.get(name)) {
            return Standing::Listed(*uses);
        }
        if let Some(why) = self.danger(module, name) {
            return Standing::Dangerous(why);
        }
        let root = module.split('.').next().unwrap_or(module);
        match self.known.contains(root) {
            true => Standing::Known,
            false => Standing::Foreign,
        }
    }

    /// Why a name or its module, or a package that the module is in, is dangerous.
    fn danger(&self, module: &str, name: &str) -> Option<&'static str> {
        let whole = format!("{module}:{name}");
        if let Some(why) = self.dangerous.get(whole.as_str()) {
            return Some(why);
        }
        let mut part = module;
        loop {
            if let Some(why) = self.dangerous.get(part) {
                return Some(why);
            }
            part = part.rsplit_once('.')?.0;
        }
    }
}

fn uses(word: &str) -> Uses {
    let has = |use_| word.split(',').any(|part| part == use_);
    Uses {
        call: has("call"),
        new: has("new"),
        calls_first: has("calls-first"),
        loads_first: has("loads-first"),
        makes_first: has("makes-first"),
        takes_own: has("takes-own"),
    }
}

/// Lines of a list with what they say, without comments.
fn entries(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.lines().filter_map(|line| {
        let said = line.split('#').next().unwrap_or_default().trim();
        (!said.is_empty()).then_some((said, line))
    })
}

const ALLOWED: &[&str] = &[
    include_str!("../../lists/python.allow"),
    include_str!("../../lists/numpy.allow"),
    include_str!("../../lists/scipy.allow"),
    include_str!("../../lists/sklearn.allow"),
    include_str!("../../lists/pandas.allow"),
    include_str!("../../lists/boosting.allow"),
    include_str!("../../lists/torch.allow"),
];
const DANGEROUS: &str = include_str!("../../lists/dangerous.txt");
const KNOWN: &str = include_str!("../../lists/known.txt");
