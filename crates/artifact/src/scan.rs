// SPDX-License-Identifier: Apache-2.0
//! One scan: bytes in, findings out. Every format that accepts the bytes reads them.

use std::collections::HashSet;

use crate::{
    container, format, identify,
    limits::Limits,
    outcome::{Finding, ScanOutcome, ScanReport},
    pickle::{self, AllowList},
    place::Place,
    rule::{self, Rule},
};

/// What is known of bytes before they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Anything: what is not known has to be judged.
    Anything,
    /// Numbers, as far as the container says. What is not known is fine.
    Opaque,
    /// The code of a TorchScript archive.
    TorchCode,
    /// The pickle of a torch archive, which refers to storages beside it.
    TorchPickle,
    /// The same in a TorchScript archive, whose classes are written beside it.
    TorchScriptPickle,
}

/// A scan that is under way.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    allow: &'a AllowList,
    limits: &'a Limits,
    depth: usize,
    unpacked: u64,
    stored: u64,
    /// Bytes of the outermost content.
    whole: u64,
    members: u64,
    instructions: u64,
    formats: Vec<&'static str>,
    findings: Vec<Finding>,
    said: HashSet<(&'static str, String)>,
    outcome: ScanOutcome,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(allow: &'a AllowList, limits: &'a Limits) -> Self {
        Self {
            allow,
            limits,
            depth: 0,
            unpacked: 0,
            stored: 0,
            whole: 0,
            members: 0,
            instructions: 0,
            formats: Vec::new(),
            findings: Vec::new(),
            said: HashSet::new(),
            outcome: ScanOutcome::Clean,
        }
    }

    pub(crate) fn report(self) -> ScanReport {
        ScanReport {
            outcome: self.outcome,
            formats: self.formats,
            findings: self.findings,
        }
    }

    pub(crate) const fn allow(&self) -> &'a AllowList {
        self.allow
    }

    pub(crate) const fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Looks at bytes in all the ways in which somebody could read them.
    pub(crate) fn content(&mut self, bytes: &[u8], place: &Place, expect: Expect) {
        if self.depth > self.limits.depth {
            let why = "what is inside was not looked at".to_owned();
            self.found(&rule::ARCHIVE_DEPTH, place.whole(), why);
            return;
        }
        self.whole = self.whole.max(bytes.len() as u64);
        self.depth += 1;
        self.readings(bytes, place, expect);
        self.depth -= 1;
    }

    fn readings(&mut self, bytes: &[u8], place: &Place, expect: Expect) {
        if bytes.is_empty() {
            if expect == Expect::Anything {
                self.format("empty");
            }
            return;
        }
        if expect == Expect::TorchCode {
            format::torchscript(self, bytes, place);
            return;
        }
        let mut read: Vec<&'static str> = Vec::new();
        if let Some(kind) = identify::native(bytes) {
            self.format(kind);
            let why = format!("begins as {kind}");
            self.found(&rule::NATIVE_CODE, place.whole(), why);
            read.push(kind);
        }
        read.extend(format::scan(self, bytes, place));
        read.extend(container::scan(self, bytes, place, expect));
        let is_text = identify::is_text(bytes);
        // What was read already is a pickle as well only if it names something.
        let expect_pickle = match read.is_empty() {
            true => expect,
            false => Expect::Opaque,
        };
        if let Some(stream) = pickle::scan(self, bytes, place, expect_pickle) {
            self.behind_pickles(bytes, stream, place, &read);
            read.push("pickle");
        }
        if read.is_empty() && is_text {
            read.push("text");
            format::text::scan(self, bytes, place);
        }
        self.mismatch(&read, place);
        if read.is_empty() && !is_text {
            format::embedded(self, bytes, place);
        }
        if read.is_empty() && expect == Expect::Anything {
            self.format("unknown");
            let why = identify::beginning(bytes);
            self.found(&rule::FILE_UNKNOWN, place.whole(), why);
        }
    }

    /// What stands behind the last pickle: the tensors of old torch files, or something hidden.
    fn behind_pickles(
        &mut self,
        bytes: &[u8],
        stream: pickle::Stream,
        place: &Place,
        read: &[&str],
    ) {
        let rest = bytes.get(stream.end..).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
        if stream.is_torch {
            self.format("torch");
        } else if read.is_empty() && !rest.iter().all(|byte| b"\0\n\r ".contains(byte)) {
            let why = format!("{} bytes behind the end", rest.len());
            self.found(&rule::PICKLE_TRAILING, place.at(stream.end), why);
        }
        self.content(rest, &place.part(stream.end), Expect::Opaque);
    }

    /// Looks at the beginning of a file of `length` bytes, which was read as something else, as at a
    /// pickle. False when that does not suffice to say what the pickle does.
    pub(crate) fn head_as_pickle(
        &mut self,
        bytes: &[u8],
        length: u64,
        read: &'static str,
        place: &Place,
    ) -> bool {
        if pickle::goes_beyond(self, bytes, length) {
            return false;
        }
        if pickle::scan(self, bytes, place, Expect::Opaque).is_some() {
            self.mismatch(&[read, "pickle"], place);
        }
        true
    }

    /// Formats that never share their bytes.
    fn mismatch(&mut self, read: &[&'static str], place: &Place) {
        if read.len() > 1 {
            let why = format!("valid as {}", read.join(" and as "));
            self.found(&rule::FILE_MISMATCH, place.whole(), why);
        }
    }

    /// Notes a finding, unless it was said of another place.
    pub(crate) fn found(&mut self, rule: &'static Rule, place: String, why: String) {
        self.outcome = self.outcome.worse(rule.outcome);
        let is_full = self.findings.len() >= self.limits.findings;
        if is_full || !self.said.insert((rule.id, why.clone())) {
            return;
        }
        self.findings.push(Finding { rule, place, why });
    }

    /// Looks at something and says whether that alone was clean.
    pub(crate) fn is_clean(&mut self, look: impl FnOnce(&mut Self)) -> bool {
        let before = std::mem::replace(&mut self.outcome, ScanOutcome::Clean);
        look(self);
        let is_clean = self.outcome == ScanOutcome::Clean;
        self.outcome = self.outcome.worse(before);
        is_clean
    }

    /// Notes a format that was read.
    pub(crate) fn format(&mut self, name: &'static str) {
        if !self.formats.contains(&name) {
            self.formats.push(name);
        }
    }

    /// Whether a format was read.
    pub(crate) fn has_format(&self, name: &str) -> bool {
        self.formats.contains(&name)
    }

    pub(crate) const fn instructions_left(&self) -> u64 {
        self.limits.instructions.saturating_sub(self.instructions)
    }

    pub(crate) const fn spend_instructions(&mut self, spent: u64) {
        self.instructions = self.instructions.saturating_add(spent);
    }

    /// Counts a member of a container; false when there were too many.
    pub(crate) fn spend_member(&mut self, place: &Place) -> bool {
        self.members += 1;
        if self.members <= self.limits.members {
            return true;
        }
        let why = format!("more than {} members", self.limits.members);
        self.found(&rule::ARCHIVE_LIMIT, place.whole(), why);
        false
    }

    /// Counts bytes of a member that is stored as it is; false when members together are longer than
    /// the file could be, because they share bytes.
    pub(crate) fn spend_stored(&mut self, bytes: usize, place: &Place) -> bool {
        self.stored = self.stored.saturating_add(bytes as u64);
        let most = self
            .whole
            .saturating_mul(self.limits.depth as u64)
            .saturating_add(1 << 20);
        if self.stored <= most + self.unpacked.saturating_mul(2) {
            return true;
        }
        let why = "members that share their bytes".to_owned();
        self.found(&rule::ARCHIVE_BOMB, place.whole(), why);
        false
    }

    /// Bytes that a stream of `packed` bytes may still unpack to.
    pub(crate) fn room(&self, packed: u64) -> Room {
        let by_ratio = packed
            .saturating_mul(self.limits.ratio)
            .max(self.limits.unpacked_free.saturating_sub(self.unpacked));
        let by_total = self.limits.unpacked.saturating_sub(self.unpacked);
        Room {
            bytes: by_ratio.min(by_total),
            is_ratio: by_ratio <= by_total,
        }
    }

    pub(crate) const fn spend_unpacked(&mut self, bytes: u64) {
        self.unpacked = self.unpacked.saturating_add(bytes);
    }
}

/// How much a stream may unpack to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) bytes: u64,
    /// Whether the ratio is the bound, and not the total.
    pub(crate) is_ratio: bool,
}
