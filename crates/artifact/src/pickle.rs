// SPDX-License-Identifier: Apache-2.0
//! Pickles: what they do when they are loaded, without loading them.

mod allow;
mod joblib;
mod judge;
mod kept;
mod machine;
mod names;
mod opcodes;
mod text;
mod value;

pub(crate) use allow::{AllowList, Standing};
pub(crate) use kept::{Kept, Object, View};
pub(crate) use value::Value;

use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};
use machine::{Act, End, Loaded, Loader, Run};
use names::Global;

/// Pickles in one stream that are followed.
const MOST: usize = 100_000;

/// What the pickles of a stream were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Where the bytes behind the last of them stand.
    pub(crate) end: usize,
    pub(crate) is_torch: bool,
}

/// Follows the pickles that stand one behind the other, if there are any.
///
/// Nothing says that bytes are a pickle, so this is decided by what following them gives.
pub(crate) fn scan(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    place: &Place,
    expect: Expect,
) -> Option<Stream> {
    if !could_be(bytes) {
        return None;
    }
    let mut at = 0;
    let mut count = 0;
    let mut is_torch = false;
    while at < bytes.len() && count < MOST {
        // The first five of an old torch file are what its loader reads, whatever they look like.
        let expect = match is_torch {
            true => Expect::TorchPickle,
            false => expect,
        };
        let run = follow(scan, bytes, at, Loader::Joblib);
        let whole = matches!(run.end, End::Stop(end) if end == bytes.len());
        if !is_pickle(scan, &run, bytes.get(at..)?, expect, whole && count == 0) {
            break;
        }
        // The number alone, and not somewhere in a value.
        is_torch |= count == 0 && run.is_torch_magic && run.instructions <= 4;
        judge::judge(scan, &run, place, expect);
        if let Some(array) = run.first_array {
            as_instructions(scan, bytes, at, array, place, expect);
        }
        nested(scan, bytes, &run, place);
        made(scan, &run, place);
        loaded(scan, bytes, &run, place);
        count += 1;
        match run.end {
            End::Stop(end) => at = end,
            End::Broken(broken, why) => {
                judge::behind(scan, bytes, broken, place);
                scan.found(
                    &rule::PICKLE_MALFORMED,
                    place.at(broken),
                    format!("at this place: {why}"),
                );
                at = bytes.len();
            }
            End::Limit(limit) => {
                judge::behind(scan, bytes, limit, place);
                let why = "the rest was not followed".to_owned();
                scan.found(&rule::PICKLE_LIMIT, place.at(limit), why);
                at = bytes.len();
            }
        }
        // What stands behind the fifth of torch's own is tensors.
        if is_torch && count == 5 {
            break;
        }
    }
    if is_torch && count < 5 {
        let why = format!("an old torch file begins with five pickles, this one with {count}");
        scan.found(&rule::PICKLE_MALFORMED, place.at(at), why);
    }
    (count > 0).then(|| {
        scan.format("pickle");
        Stream { end: at, is_torch }
    })
}

/// Whether the first pickle of a file of `length` bytes, of which `bytes` is the beginning, could go on
/// behind it. What is larger than the file ends there as well, and goes nowhere.
pub(crate) fn goes_beyond(scan: &Scan<'_>, bytes: &[u8], length: u64) -> bool {
    if !could_be(bytes) || bytes.len() as u64 >= length {
        return false;
    }
    let (left, values) = (scan.instructions_left(), scan.limits().values);
    let run = machine::follow(bytes, 0, left, values, Loader::Joblib);
    // Arrays are not kept: where one stands it is not known from here what is behind it.
    match run.end {
        End::Broken(at, _) => run.first_array.is_some() || opcodes::is_cut(bytes, at, length),
        End::Limit(_) | End::Stop(_) => false,
    }
}

fn follow(scan: &mut Scan<'_>, bytes: &[u8], at: usize, loader: Loader) -> Run {
    let (left, values) = (scan.instructions_left(), scan.limits().values);
    let run = machine::follow(bytes, at, left, values, loader);
    scan.spend_instructions(run.instructions);
    run
}

/// Looks at what Python's own loader would make of bytes that joblib takes for an array.
fn as_instructions(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    at: usize,
    array: usize,
    place: &Place,
    expect: Expect,
) {
    let mut run = follow(scan, bytes, at, Loader::Plain);
    // Numbers can look like a name or two; they do not go on to use it. An array of objects is a pickle
    // with a memo of its own, so that only what is dangerous in whatever context tells.
    run.acts.retain(Act::is_deed);
    let is_pickle = bytes.get(array) == Some(&0x80);
    if is_pickle {
        run.acts.clear();
        run.globals.retain(|global| is_dangerous(scan, global));
    }
    let acts = run.acts.iter().any(|act| act.at >= array);
    let names = run.globals.iter().any(|global| {
        let used = global.called.or(global.made);
        global.is_plausible() && used.is_some_and(|used| used >= array)
    });
    if acts || names {
        judge::judge(scan, &run, place, expect);
    }
}

fn is_dangerous(scan: &Scan<'_>, global: &Global) -> bool {
    let standing = scan.allow().standing(&global.module, &global.name);
    matches!(standing, Standing::Dangerous(_))
}

/// Whether the first byte begins something that does more than end.
fn could_be(bytes: &[u8]) -> bool {
    // As a pickle, a zip archive would begin with a reference to an object of the loader's own, which
    // those that read archives never ask for and all others refuse.
    bytes.len() >= 2
        && !bytes.starts_with(b"PK\x03\x04")
        && bytes
            .first()
            .is_some_and(|byte| opcodes::decode(*byte).is_some())
}

/// Whether what was followed is a pickle and no chance.
fn is_pickle(scan: &Scan<'_>, run: &Run, bytes: &[u8], expect: Expect, whole: bool) -> bool {
    let has_header = matches!(bytes, [0x80, 0..=5, ..]);
    let names = run.globals.iter().filter(|global| global.is_plausible());
    let names = names.count();
    let acts = run
        .globals
        .iter()
        .any(|global| global.called.or(global.made).is_some())
        || run.acts.iter().any(Act::is_deed);
    let is_dangerous = run.globals.iter().any(|global| is_dangerous(scan, global));
    let is_torch = matches!(expect, Expect::TorchPickle | Expect::TorchScriptPickle);
    if is_torch || is_dangerous {
        return true;
    }
    let is_opaque = expect == Expect::Opaque;
    match &run.end {
        End::Stop(_) if is_opaque => {
            let holds = !run.globals.is_empty() || !run.constants.is_empty();
            names > 0 || has_header && holds
        }
        End::Stop(_) => has_header || whole || names > 0 || run.is_torch_magic,
        // A text can begin with letters that name something; it does not go on to call it.
        End::Broken(..) if is_opaque => names > 0 && acts && has_header,
        End::Broken(..) => {
            // Nor does it write to a memo again and again.
            let is_written = run.puts > 0 && run.instructions > 1;
            has_header || names > 0 && acts || is_written
        }
        End::Limit(_) => has_header || names > 0,
    }
}

/// Constants that somebody could load in turn.
fn nested(scan: &mut Scan<'_>, bytes: &[u8], run: &Run, place: &Place) {
    for (start, end) in &run.constants {
        let Some(constant) = bytes.get(*start..*end) else {
            continue;
        };
        if is_loadable(constant) {
            if !scan.spend_member(place) {
                return;
            }
            scan.content(constant, &place.part(*start), Expect::Opaque);
        }
    }
}

/// Constants that the pickle makes of texts.
fn made(scan: &mut Scan<'_>, run: &Run, place: &Place) {
    for (at, constant) in &run.made {
        if is_loadable(constant) {
            if !scan.spend_member(place) {
                return;
            }
            scan.content(constant, &place.part(*at), Expect::Opaque);
        }
    }
}

/// What nested loads are given: whatever it is, it is loaded.
fn loaded(scan: &mut Scan<'_>, bytes: &[u8], run: &Run, place: &Place) {
    for (at, loaded) in &run.loaded {
        let content = match loaded {
            Loaded::Made(number) => run.made.get(*number).map(|(_, made)| &**made),
            Loaded::Range(start, end) => bytes.get(*start..*end),
            Loaded::Text(text) => Some(&**text),
        };
        if !scan.spend_member(place) {
            return;
        }
        if let Some(content) = content {
            scan.content(content, &place.part(*at), Expect::Anything);
        }
    }
}

/// Whether bytes begin like something that is loaded or unpacked.
fn is_loadable(bytes: &[u8]) -> bool {
    const MAGICS: &[&[u8]] = &[
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"BZh",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"7z\xbc\xaf\x27\x1c",
        b"\x93NUMPY",
        b"\x7fELF",
    ];
    let begins_as_pickle = matches!(
        bytes,
        [0x80, 0..=5, ..] | [b'(' | b'c' | b'i' | b']' | b'}', ..]
    );
    bytes.len() >= 16 && (begins_as_pickle || MAGICS.iter().any(|magic| bytes.starts_with(magic)))
}
