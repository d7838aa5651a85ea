// SPDX-License-Identifier: Apache-2.0
//! The façade.

use crate::{
    limits::Limits,
    outcome::ScanReport,
    pickle::AllowList,
    place::Place,
    rule::{self, Rule},
    scan::{Expect, Scan},
};

/// Scans files. Make one and keep it: it holds the lists of what is harmless.
#[derive(Debug)]
pub struct Scanner {
    allow: AllowList,
    limits: Limits,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Scanner {
    /// A scanner with these bounds.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            allow: AllowList::new(),
            limits,
        }
    }

    /// Scans a whole file that is in memory.
    #[must_use]
    pub fn scan(&self, bytes: &[u8]) -> ScanReport {
        let mut scan = self.start();
        scan.content(bytes, &Place::default(), Expect::Anything);
        scan.report()
    }

    /// What is to be said of a file that cannot be opened or read.
    #[must_use]
    pub fn unread(&self, why: String) -> ScanReport {
        self.only(&rule::FILE_UNREAD, why)
    }

    /// What is to be said of something in a directory that is no file, and was not followed.
    #[must_use]
    pub fn not_followed(&self, why: String) -> ScanReport {
        self.only(&rule::FILE_LINK, why)
    }

    pub(crate) fn only(&self, rule: &'static Rule, why: String) -> ScanReport {
        let mut scan = self.start();
        scan.found(rule, String::new(), why);
        scan.report()
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn start(&self) -> Scan<'_> {
        Scan::new(&self.allow, &self.limits)
    }
}
