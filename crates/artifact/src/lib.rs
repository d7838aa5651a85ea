// SPDX-License-Identifier: Apache-2.0
//! Model files and their dangers: what would happen if somebody loaded them, found without loading.
//!
//! Pure functions from bytes to findings: no I/O, no clock, no async, no panic; work and memory are
//! bounded by the input and by [`Limits`]. Formats are told by content, never by name, and when
//! several readers accept the same bytes, all of them read. What is not known to be harmless is not
//! [`ScanOutcome::Clean`] (`docs/adr/011-artifact-scanning.md`).
//!
//! ```
//! use casemate_artifact::{ScanOutcome, Scanner};
//! let scanner = Scanner::default();
//! let report = scanner.scan(b"cos\nsystem\n(S'id'\ntR.");
//! assert_eq!(report.outcome, ScanOutcome::Refuse);
//! assert_eq!(report.findings[0].rule.id, "pickle-dangerous-call");
//! ```

mod bytes;
mod container;
mod convert;
mod format;
mod identify;
mod intake;
mod limits;
mod outcome;
mod pickle;
mod place;
mod rule;
mod scan;
mod scanner;

pub use convert::{ByteSource, ConvertError, ConvertOptions, LeftOut, Plan, Planned, plan};
pub use intake::{Intake, Whole};
pub use limits::Limits;
pub use outcome::{Finding, ScanOutcome, ScanReport};
pub use rule::{Rule, rules};
pub use scanner::Scanner;
