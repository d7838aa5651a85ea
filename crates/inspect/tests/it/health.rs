// SPDX-License-Identifier: Apache-2.0
//! Health records: medical facts together with a person.

use casemate_inspect::Segment;
use casemate_types::{Channel, FindingKind, Role, Trust};

use crate::common::{INSPECTOR, inspected};

fn is_record(text: &str) -> bool {
    inspected(text, Role::User, Channel::Content)
        .iter()
        .any(|finding| finding.kind == FindingKind::Health)
}

#[test]
fn records_and_what_looks_like_them() {
    for (text, expected) in [
        (
            "Patient: Ada L., DOB 1815-12-10. Diagnosis: diabetes, metformin prescribed.",
            true,
        ),
        ("The patient was diagnosed with asthma.", true),
        ("Mrs. Smith, ICD-10 E11.9: diabetes", true),
        (
            "Patientin geb. 1970, Befund: Krankheit, Medikation folgt",
            true,
        ),
        ("patient has diabetes (E11.9)", true),
        ("diabetes and hypertension are common", false),
        ("the patient waits", false),
        ("a patient approach to cancer research", false),
        ("what are the symptoms of asthma?", false),
        ("she is diagnosed", false),
        ("patient, diabetes diabetes", false),
        ("", false),
    ] {
        assert_eq!(is_record(text), expected, "{text}");
    }
}

#[test]
fn words_far_apart_do_not_belong_together() {
    let far = " ".repeat(450);
    assert!(!is_record(&format!(
        "the patient{far}was diagnosed with asthma"
    )));
    assert!(!is_record(&format!("patient diagnosed{far}asthma")));
    let near = " ".repeat(300);
    assert!(is_record(&format!(
        "the patient{near}was diagnosed with asthma"
    )));
    assert!(is_record(&format!(
        "diagnosed with asthma{near}the patient"
    )));
}

#[test]
fn roles_and_trust_do_not_matter_for_health() {
    let text = "Patient with diabetes, insulin prescribed";
    for role in Role::ALL {
        for trust in Trust::ALL {
            let segment = Segment {
                text,
                role: *role,
                channel: Channel::Content,
                trust: *trust,
            };
            let found = INSPECTOR.inspect(segment);
            assert!(
                found
                    .iter()
                    .any(|finding| finding.kind == FindingKind::Health)
            );
        }
    }
}
