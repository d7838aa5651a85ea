// SPDX-License-Identifier: Apache-2.0
//! Any bytes, as text, in every role and channel: findings stand in the text and do not overlap.
#![no_main]

use std::sync::LazyLock;

use casemate_inspect::{Hosts, Inspector, Segment};
use casemate_types::{Channel, Finding, FindingKind, Role, Trust};
use libfuzzer_sys::fuzz_target;

static INSPECTOR: LazyLock<Inspector> = LazyLock::new(|| {
    let hosts = Hosts::new(&["example.org", "*.example.com"]).expect("these are hosts");
    let inspector = Inspector::new(&["CANARY-7f3a9c".to_owned()]);
    inspector
        .expect("the canary is long enough")
        .with_hosts(hosts)
});

/// In order, without overlaps, and in the text.
fn apart(text: &str, found: &[Finding]) {
    let mut end = 0;
    for finding in found {
        assert!(finding.span.start >= end && !finding.span.is_empty());
        inside(text, finding);
        end = finding.span.end;
    }
}

fn inside(text: &str, finding: &Finding) {
    assert!(text.get(finding.span.clone()).is_some());
    assert!((0.0..=1.0).contains(&finding.score));
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    apart(&text, &INSPECTOR.inspect_exact(&text));
    apart(&text, &INSPECTOR.names(&text));
    let mut whole = INSPECTOR.whole(&text);
    apart(&text, &whole);
    whole.retain(|finding| finding.kind != FindingKind::Entity);
    for role in Role::ALL {
        for channel in [Channel::Content, Channel::ToolResult] {
            for trust in Trust::ALL {
                let segment = Segment {
                    text: &text,
                    role: *role,
                    channel,
                    trust: *trust,
                };
                let found = INSPECTOR.inspect(segment);
                assert_eq!(&found[..whole.len()], whole.as_slice());
                found.iter().for_each(|finding| inside(&text, finding));
            }
        }
    }
});
