// SPDX-License-Identifier: Apache-2.0
//! What is to be said of what a pickle did: one verdict for each place where it does something.

use super::{
    allow::{Standing, Uses},
    machine::{Run, What},
    names::Global,
    opcodes::{self, Op},
    value::Value,
};
use crate::{
    place::Place,
    rule::{self, Rule},
    scan::{Expect, Scan},
};

/// Names behind a break that are looked at.
const BEHIND: usize = 1_000_000;

/// Tells what a run did.
pub(super) fn judge(scan: &mut Scan<'_>, run: &Run, place: &Place, expect: Expect) {
    let is_torch = matches!(expect, Expect::TorchPickle | Expect::TorchScriptPickle);
    for global in &run.globals {
        if expect == Expect::TorchScriptPickle && is_script_class(&global.module) {
            continue;
        }
        if let Some((rule, at, why)) = verdict(scan, run, global) {
            scan.found(rule, place.at(at), why);
        }
    }
    for act in &run.acts {
        let (rule, why) = match &act.what {
            What::CallsComputed => (
                &rule::PICKLE_COMPUTED,
                "calls the result of another instruction".to_owned(),
            ),
            What::Changes(number) => {
                let name = run.globals.get(*number as usize).map(Global::path);
                let name = name.unwrap_or_default();
                (&rule::PICKLE_BUILD, format!("changes `{name}` itself"))
            }
            // Numbers can look like instructions that make no sense.
            What::Fails(_) if expect == Expect::Opaque => continue,
            What::Fails(why) => (&rule::PICKLE_MALFORMED, (*why).to_owned()),
            What::GivesMember(member) => (
                &rule::PICKLE_BUILD,
                format!("gives an object the member `{member}`"),
            ),
            What::ImportsByNumber(number) => (
                &rule::PICKLE_EXTENSION,
                format!("imports extension {number}"),
            ),
            What::ImportsComputed => (
                &rule::PICKLE_COMPUTED,
                "imports a name that it computes".to_owned(),
            ),
        };
        scan.found(rule, place.at(act.at), why);
    }
    if let Some(at) = run.persistent
        && !is_torch
    {
        let why = "refers to an object outside of the pickle".to_owned();
        scan.found(&rule::PICKLE_PERSISTENT, place.at(at), why);
    }
}

/// A class whose code stands in the same TorchScript archive, which is looked at there.
fn is_script_class(module: &str) -> bool {
    module == "__torch__" || module.starts_with("__torch__.")
}

/// The gravest of what there is to say about a global.
fn verdict(scan: &Scan<'_>, run: &Run, global: &Global) -> Option<(&'static Rule, usize, String)> {
    let path = global.path();
    let used = global.called.or(global.made);
    let at = used.unwrap_or(global.at);
    let verb = match (global.called, global.made) {
        (Some(_), _) => "calls",
        (None, Some(_)) => "makes a",
        (None, None) => "imports",
    };
    let standing = scan.allow().standing(&global.module, &global.name);
    if global.name.contains('.') && !matches!(standing, Standing::Listed(_)) {
        let why = format!("{verb} `{path}`, which lies behind another object");
        return Some((&rule::PICKLE_DOTTED, at, why));
    }
    if global.only_reads && used.is_none() {
        return None;
    }
    match standing {
        Standing::Dangerous(danger) => {
            let why = format!("{verb} `{path}`, which {danger}");
            Some((&rule::PICKLE_DANGEROUS, at, why))
        }
        Standing::Foreign => {
            let rule = match global.called {
                Some(_) => &rule::PICKLE_CALL,
                None => &rule::PICKLE_CLASS,
            };
            Some((rule, at, format!("{verb} `{path}`")))
        }
        Standing::Known => {
            let rule = match used {
                Some(_) => &rule::PICKLE_CALL,
                None => &rule::PICKLE_MEMBER,
            };
            Some((rule, at, format!("{verb} `{path}`")))
        }
        Standing::Listed(uses) => listed(scan, run, global, uses),
    }
}

/// Whether something on a list is used as harmless models use it.
fn listed(
    scan: &Scan<'_>,
    run: &Run,
    global: &Global,
    uses: Uses,
) -> Option<(&'static Rule, usize, String)> {
    let path = global.path();
    if let Some(at) = global.made
        && !uses.new
    {
        let why = format!("makes a `{path}` without its initialiser");
        return Some((&rule::PICKLE_CALL, at, why));
    }
    let at = global.called?;
    if !uses.call && !uses.is_careful() {
        let why = format!("calls `{path}`, which models only refer to");
        return Some((&rule::PICKLE_CALL, at, why));
    }
    if !uses.is_careful() {
        return None;
    }
    if let Some(at) = global.spread {
        let why = format!("calls `{path}` with arguments that it computes");
        return Some((&rule::PICKLE_COMPUTED, at, why));
    }
    if uses.takes_own {
        return foreign_argument(run, global, &path);
    }
    // The argument is judged by what is done with it; whether it is on a list at all is judged where
    // it is imported.
    for (at, first) in &global.firsts {
        match first {
            Some(Value::Global(number)) => {
                let first = run.globals.get(*number as usize)?;
                let standing = scan.allow().standing(&first.module, &first.name);
                let fine = match standing {
                    Standing::Listed(may) => uses.calls_first && may.call || uses.makes_first,
                    Standing::Foreign => uses.makes_first,
                    Standing::Dangerous(_) | Standing::Known => false,
                };
                if !fine {
                    let why = format!("calls `{}` through `{path}`", first.path());
                    return Some((&rule::PICKLE_CALL, *at, why));
                }
            }
            Some(Value::Unknown) => {
                let why = format!("calls the result of another instruction through `{path}`");
                return Some((&rule::PICKLE_COMPUTED, *at, why));
            }
            _ => {}
        }
    }
    None
}

/// What is not of its own module among the arguments of a function that calls them.
fn foreign_argument(
    run: &Run,
    global: &Global,
    path: &str,
) -> Option<(&'static Rule, usize, String)> {
    let foreign = |value: &Value| match value {
        Value::Global(number) => {
            let given = run.globals.get(*number as usize)?;
            (given.module != global.module).then(|| format!("`{}`", given.path()))
        }
        _ => Some("the result of another instruction".to_owned()),
    };
    let mut found = global
        .given
        .iter()
        .filter_map(|(at, value)| Some((*at, foreign(value)?)));
    let (at, what) = found.next()?;
    Some((
        &rule::PICKLE_CALL,
        at,
        format!("calls {what} through `{path}`"),
    ))
}

/// Looks at the names behind a break: another loader may not break there.
pub(super) fn behind(scan: &mut Scan<'_>, bytes: &[u8], from: usize, place: &Place) {
    let mut at = from;
    let mut texts = [None, None];
    for _ in 0..BEHIND {
        let Ok(instruction) = opcodes::read(bytes, at) else {
            return;
        };
        at = instruction.next;
        let text = |range: &std::ops::Range<usize>| {
            let text = bytes.get(range.clone()).unwrap_or_default();
            String::from_utf8_lossy(text.get(..256).unwrap_or(text)).into_owned()
        };
        let names = match instruction.op {
            Op::Global | Op::Inst => Some((text(&instruction.first), text(&instruction.second))),
            Op::Text | Op::String => {
                texts = [texts[1].take(), Some(text(&instruction.first))];
                continue;
            }
            Op::StackGlobal => match &texts {
                [Some(module), Some(name)] => Some((module.clone(), name.clone())),
                _ => None,
            },
            _ => None,
        };
        if let Some((module, name)) = names
            && let Standing::Dangerous(danger) = scan.allow().standing(&module, &name)
        {
            let why = format!("names `{module}.{name}`, which {danger}, behind a break");
            scan.found(&rule::PICKLE_DANGEROUS, place.at(instruction.at), why);
        }
    }
}
