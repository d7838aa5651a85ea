// SPDX-License-Identifier: Apache-2.0
//! Any bytes, as text, in every role and channel.
#![no_main]

use std::sync::LazyLock;

use casemate_inspect::{Inspector, Segment};
use casemate_types::{Channel, Role, Trust};
use libfuzzer_sys::fuzz_target;

static INSPECTOR: LazyLock<Inspector> = LazyLock::new(|| {
    Inspector::new(&["CANARY-7f3a9c".to_owned()]).expect("the canary is long enough")
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let exact = INSPECTOR.inspect_exact(&text);
    let mut end = 0;
    for finding in &exact {
        assert!(finding.span.start >= end && !finding.span.is_empty());
        assert!(text.get(finding.span.clone()).is_some());
        end = finding.span.end;
    }
    for role in Role::ALL {
        for channel in Channel::ALL {
            for trust in Trust::ALL {
                let segment = Segment {
                    text: &text,
                    role: *role,
                    channel: *channel,
                    trust: *trust,
                };
                let found = INSPECTOR.inspect(segment);
                assert_eq!(&found[..exact.len()], exact.as_slice());
                for finding in &found[exact.len()..] {
                    assert!(text.get(finding.span.clone()).is_some());
                    assert!((0.0..=1.0).contains(&finding.score));
                }
            }
        }
    }
});
