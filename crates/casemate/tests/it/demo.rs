// SPDX-License-Identifier: Apache-2.0
//! `casemate demo` ends well and shows every row.

use crate::harness::Home;

#[test]
fn every_row_of_the_demo_is_as_expected() {
    let home = Home::new();
    let ran = home.run(&["demo"]).exits(0);
    let rows = ran.out.lines().filter(|line| line.contains('✓')).count();
    assert_eq!(rows, 20, "{}", ran.out);
    let ran = ran.says(&[
        "Look further:",
        "casemate ledger verify",
        "EMAIL_",
        "health.local-only",
        "gate.scan",
        "registry.quarantined",
    ]);
    assert!(!ran.out.contains("UNEXPECTED"));
    assert!(
        !home.data.exists(),
        "the demo touched the place of an installation"
    );
}
