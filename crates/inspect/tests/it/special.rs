// SPDX-License-Identifier: Apache-2.0
//! Special categories: said of somebody, and as a topic.

use casemate_inspect::Segment;
use casemate_types::{Channel, DataClass, Role, Trust};

use crate::common::{INSPECTOR, inspected};

/// What is said of somebody, as `kind words`.
fn said(text: &str) -> Vec<String> {
    let found = inspected(text, Role::User, Channel::Content);
    let special = found
        .iter()
        .filter(|one| one.kind.class() == DataClass::Special);
    special
        .map(|one| format!("{} {}", one.kind, &text[one.span.clone()]))
        .collect()
}

/// All that differs from what is expected, at once.
fn check(cases: &[(&str, &[&str])]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = said(text);
            (found != *expected).then(|| format!("{text}: {found:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_said_of_somebody() {
    check(&[
        ("She is a devout Catholic.", &["religion devout Catholic"]),
        ("I'm muslim and need a day off", &["religion muslim"]),
        ("Our new employee is Jewish.", &["religion Jewish"]),
        (
            "Mr. Smith converted to Islam in 2015.",
            &["religion converted to Islam"],
        ),
        (
            "Maria Gonzalez identifies as Latina.",
            &["ethnicity Latina"],
        ),
        (
            "He is of Kurdish descent.",
            &["ethnicity of Kurdish descent"],
        ),
        (
            "My colleague John Miller is a union member.",
            &["union union member"],
        ),
        (
            "She has been a member of UNISON since 2009.",
            &["union UNISON"],
        ),
        ("He joined the Teamsters last year.", &["union Teamsters"]),
        ("The applicant is openly gay.", &["orientation openly gay"]),
        ("My son came out as bisexual.", &["orientation came out as"]),
        (
            "He is a registered Republican.",
            &["politics registered Republican"],
        ),
        (
            "Peter Brown voted for Trump.",
            &["politics voted for Trump"],
        ),
        (
            "She is an active member of the Green Party.",
            &["politics Green Party"],
        ),
        (
            "Her fingerprints were taken at the border.",
            &["biometric fingerprints"],
        ),
        (
            "The DNA profile of the suspect matched.",
            &["biometric DNA profile"],
        ),
        (
            "She carries a BRCA1 mutation.",
            &["biometric carries a BRCA1 mutation"],
        ),
        (
            "Name: Anna Lee\nReligion: Buddhist\n",
            &["religion Buddhist"],
        ),
        (
            "{\"name\": \"x\", \"ethnicity\": \"Hispanic\"}",
            &["ethnicity Hispanic"],
        ),
    ]);
}

#[test]
fn in_other_languages() {
    check(&[
        ("Frau Yılmaz ist Muslimin.", &["religion Muslimin"]),
        ("Er ist Mitglied der IG Metall.", &["union IG Metall"]),
        (
            "Unsere Mitarbeiterin ist lesbisch.",
            &["orientation lesbisch"],
        ),
        (
            "Ich bin aus der Kirche ausgetreten.",
            &["religion aus der Kirche ausgetreten"],
        ),
        (
            "Name: Kurt Weber, Konfession: evangelisch",
            &["religion evangelisch"],
        ),
        ("Elle est juive.", &["religion juive"]),
        ("Mon collègue est membre de la CGT.", &["union CGT"]),
        ("Mi esposa es católica.", &["religion católica"]),
        ("Ella es afiliada a CCOO.", &["union afiliada a CCOO"]),
        ("Lui è iscritto alla CGIL.", &["union iscritto alla CGIL"]),
        ("Mia sorella è lesbica.", &["orientation lesbica"]),
        ("A funcionária é evangélica.", &["religion evangélica"]),
        ("Zij is lid van de FNV.", &["union FNV"]),
        ("Jestem gejem.", &["orientation gejem"]),
        ("Moja żona jest katoliczką.", &["religion katoliczką"]),
        ("Hon är medlem i IF Metall.", &["union IF Metall"]),
        ("Ayşe Yılmaz sendika üyesi.", &["union sendika üyesi"]),
    ]);
}

#[test]
fn what_is_ordinary_talk() {
    for text in [
        "",
        "The history of Islam is long.",
        "What do Catholics believe about purgatory?",
        "Is the Pope Catholic?",
        "I am interested in Jewish history.",
        "She is reading a book about Buddhism.",
        "He is a Catholic school teacher.",
        "If the employee is a union member, the employer must consult.",
        "Can an applicant be asked whether she is gay?",
        "The European Union adopted the regulation.",
        "A credit union member may apply for a loan.",
        "Trade unions were legalised in 1871.",
        "The Green Party won four seats.",
        "Write an essay on why people voted for Brexit.",
        "The SSH key fingerprint is stored in known_hosts.",
        "My fingerprint reader does not work.",
        "Browser fingerprints are collected by trackers.",
        "He said the church was Catholic.",
        "The restaurant is Jewish-owned.",
        "Policy: religion, ethnicity and sexual orientation are protected characteristics.",
        "Official religion: Islam",
        "ROM is read-only memory, cut and paste the same line",
        "The gay rights movement began in the sixties.",
        "Die Geschichte der Gewerkschaft ist lang.",
        "Die Moschee ist alt.",
        "Wenn der Mitarbeiter Mitglied der IG Metall ist, gilt der Tarif.",
        "La historia del islam en España.",
        "L'histoire du syndicat CGT.",
        "Il sindacato ha proclamato lo sciopero.",
        "race: 100 m, black shoes, white socks",
    ] {
        assert_eq!(said(text), Vec::<String>::new(), "{text}");
    }
}

/// What was found is replaced, and nothing can be replaced twice.
#[test]
fn nothing_is_found_over_another_finding() {
    for text in [
        "Name: Anna Lee, email catholic@example.org, religion: Catholic",
        "He is Alevi. Mezhep: Alevi, soyadı Kaya",
        "She is a member of 12 Catholic Church Street.",
        "My name is Christian Black and I am Black.",
    ] {
        let found = inspected(text, Role::System, Channel::Content);
        let mut spans: Vec<_> = found.iter().map(|one| one.span.clone()).collect();
        spans.sort_by_key(|span| span.start);
        let apart = spans.windows(2).all(|pair| pair[0].end <= pair[1].start);
        assert!(apart, "{text}: {found:?}");
    }
}

#[test]
fn roles_and_trust_do_not_matter() {
    let text = "He is a member of the Communist Party.";
    for role in Role::ALL {
        for trust in Trust::ALL {
            let segment = Segment {
                text,
                role: *role,
                channel: Channel::Content,
                trust: *trust,
            };
            let found = INSPECTOR.inspect(segment);
            let special = found
                .iter()
                .filter(|one| one.kind.class() == DataClass::Special);
            assert_eq!(special.count(), 1, "{role:?} {trust:?}");
        }
    }
}
