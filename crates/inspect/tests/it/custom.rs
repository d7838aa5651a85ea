// SPDX-License-Identifier: Apache-2.0
//! Word lists, tables and documents of the operator's own.

use std::ops::Range;

use casemate_inspect::{
    CustomError, Dictionary, ExactSet, ExactTable, Fingerprints, Inspector, InspectorSettings,
    Segment, SetName, Together, Winnowing,
};
use casemate_types::{Channel, DataClass, FindingKind, Role};
use proptest::prelude::*;

use crate::common::cases;

/// A file with some bytes changed and the digest at its end made right, so that what reads it goes on.
fn forged(mut file: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    file.truncate(file.len() - 8);
    let length = file.len() - 5;
    for (at, byte) in changes {
        file[5 + at % length] = *byte;
    }
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&file);
    file.extend_from_slice(&digest[..8]);
    file
}

const SALT: &[u8] = b"a salt of the operator's own";

fn texts(text: &str, spans: &[Range<usize>]) -> Vec<String> {
    spans
        .iter()
        .map(|span| text[span.clone()].to_owned())
        .collect()
}

mod dictionary {
    use super::*;

    fn check(list: &str, text: &str, expected: &[&str]) {
        let dictionary = Dictionary::read(list).unwrap();
        assert_eq!(
            texts(text, &dictionary.find(text)),
            expected,
            "{list:?}: {text}"
        );
    }

    #[test]
    fn words_and_phrases() {
        let list = "# code names\nFalcon\nFalcon X\nblue heron\nÜberflieger\nC++\n\n";
        check(
            list,
            "The FALCON and the Blue Heron fly.",
            &["FALCON", "Blue Heron"],
        );
        check(list, "Falcon X, Falcon Xavier", &["Falcon X", "Falcon"]);
        check(list, "falconry, 5falcon, _falcon, blue herons", &[]);
        check(
            list,
            "üBERFLIEGERn ÜBERFLIEGER überflieger",
            &["ÜBERFLIEGER", "überflieger"],
        );
        check(list, "C++17 and c++.", &["C++", "c++"]);
        check(
            "#! case-sensitive\nFalcon",
            "falcon Falcon FALCON",
            &["Falcon"],
        );
        check("#! part-of-word\nfalcon", "Falconry", &["Falcon"]);
    }

    #[test]
    fn lists_that_cannot_be_used() {
        for (list, expected) in [
            ("", CustomError::Empty),
            ("# nothing\n\n", CustomError::Empty),
            ("#! case\nx", CustomError::Damaged),
            (&*"x".repeat(201), CustomError::TooMuch),
            (&*"x\n".repeat(100_001), CustomError::TooMuch),
        ] {
            assert_eq!(Dictionary::read(list).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_long_list_is_a_list() {
        let list: String = (0..100_000)
            .map(|at| format!("project {at:06}\n"))
            .collect();
        check(
            &list,
            "on Project 012345 and project 99",
            &["Project 012345"],
        );
    }
}

mod exact {
    use super::*;

    const ROWS: [[&str; 4]; 3] = [
        [
            "Ada Lovelace",
            "DE89 3704 0044 0532 0130 00",
            "ada@example.org",
            "London",
        ],
        ["Grace Hopper", "4711-0815", "", "Arlington"],
        ["José Núñez", "99 11 22", "x", "London"],
    ];

    fn set(together: Together) -> ExactSet {
        let file = ExactSet::build(SALT, together, ROWS).unwrap();
        ExactSet::read(SALT, &file).unwrap()
    }

    fn check(text: &str, expected: &[&str]) {
        let found = set(Together::default()).find(text);
        assert_eq!(texts(text, &found), expected, "{text}");
    }

    #[test]
    fn cells_of_a_row_that_stand_together() {
        check("Ada Lovelace lives in London.", &["Ada Lovelace", "London"]);
        check(
            "pay ADA LOVELACE, IBAN DE89370400440532013000",
            &["ADA LOVELACE", "DE89370400440532013000"],
        );
        check(
            "iban DE89-3704-0044-0532-0130-00 london",
            &["DE89-3704-0044-0532-0130-00", "london"],
        );
        check("4711 0815 (Grace  Hopper)", &["4711 0815", "Grace  Hopper"]);
        check("47110815: grace-hopper", &["47110815", "grace-hopper"]);
        check("josé núñez 991122", &["josé núñez", "991122"]);
        check(
            "Ada Lovelace, ada@example.org, London",
            &["Ada Lovelace", "ada@example.org", "London"],
        );
        // One cell alone, the same cell twice, cells of two rows.
        check("Ada Lovelace", &[]);
        check("London, London, London", &[]);
        check("Ada Lovelace and Ada Lovelace", &[]);
        check("Grace Hopper lives in London", &[]);
        check("Ada lives in London", &[]);
        check("", &[]);
    }

    #[test]
    fn cells_far_apart_do_not_belong_together() {
        let far = |gap: usize| format!("Ada Lovelace{}London", " ".repeat(gap));
        check(&far(182), &["Ada Lovelace", "London"]);
        check(&far(183), &[]);
    }

    #[test]
    fn three_cells_when_three_are_asked_for() {
        let three = set(Together {
            cells: 3,
            within: 200,
        });
        assert!(three.find("Ada Lovelace lives in London").is_empty());
        assert_eq!(three.find("Ada Lovelace, London, ada@example.org").len(), 3);
    }

    #[test]
    fn a_file_says_nothing_of_its_cells_and_needs_its_salt() {
        let file = ExactSet::build(SALT, Together::default(), ROWS).unwrap();
        for word in ["Ada", "ada", "Lovelace", "London", "london", "3704"] {
            let found = file.windows(word.len()).any(|part| part == word.as_bytes());
            assert!(!found, "{word}");
        }
        let other = ExactSet::build(b"another salt of the operator", Together::default(), ROWS);
        assert_ne!(file, other.unwrap());
        let read = |salt: &[u8]| ExactSet::read(salt, &file).map(|_| ()).unwrap_err();
        assert_eq!(read(b"another salt of the operator"), CustomError::Salt);
        assert_eq!(read(b"short"), CustomError::Salt);
    }

    #[test]
    fn what_every_row_has_tells_none() {
        let rows = (0..40)
            .map(|at| format!("person{at:03}"))
            .collect::<Vec<_>>();
        let rows = rows.iter().map(|name| [name.as_str(), "Headquarters"]);
        let file = ExactSet::build(SALT, Together::default(), rows).unwrap();
        let set = ExactSet::read(SALT, &file).unwrap();
        assert!(set.find("person001 at Headquarters").is_empty());
    }

    #[test]
    fn rows_with_too_few_cells_are_counted() {
        let mut table = ExactTable::new(SALT, Together::default()).unwrap();
        assert_eq!(table.add(["Ada Lovelace", "x", ""]).unwrap(), 1);
        assert_eq!(table.add(["Ada Lovelace", "London"]).unwrap(), 2);
        assert_eq!(table.finish().unwrap().never_found, 1);
        // A value that stands in many rows is none of theirs.
        let mut table = ExactTable::new(SALT, Together::default()).unwrap();
        for at in 0..40 {
            let (name, number) = (format!("person{at:03}"), format!("4711{at:03}"));
            let row = match at {
                0..35 => [name.as_str(), "Headquarters", "x"],
                _ => [name.as_str(), "Headquarters", number.as_str()],
            };
            table.add(row).unwrap();
        }
        assert_eq!(table.finish().unwrap().never_found, 35);
    }

    #[test]
    fn numbers_are_found_with_two_signs_between_their_groups() {
        let rows = [["Ada Lovelace", "030123456"]];
        let file = ExactSet::build(SALT, Together::default(), rows).unwrap();
        let set = ExactSet::read(SALT, &file).unwrap();
        for text in ["Ada Lovelace, (030) 123456", "Ada Lovelace 030 / 123-456"] {
            assert_eq!(set.find(text).len(), 2, "{text}");
        }
        assert!(set.find("Ada Lovelace 030\n\n\n\n123456").is_empty());
    }

    #[test]
    fn values_of_many_rows_do_not_pile_up() {
        let rows: Vec<_> = (0..20_000)
            .map(|at| [format!("name{at:05}"), format!("number{at:05}")])
            .collect();
        let each = rows.iter().map(|row| row.iter().map(String::as_str));
        let file = ExactSet::build(SALT, Together::default(), each).unwrap();
        let set = ExactSet::read(SALT, &file).unwrap();
        let names: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
        let text = format!("{} name00007 number00007", names.join(" "));
        let found = set.find(&text);
        let found: Vec<_> = found.into_iter().map(|span| &text[span]).collect();
        // The last name is the cell of its row that stands near.
        assert_eq!(found, ["name00007", "number00007"]);
    }

    fn word() -> impl Strategy<Value = String> {
        "[A-Za-zäöü]{3,12}( [A-Za-z]{1,8}){0,2}|[0-9]{4,12}|[A-Z]{2}[0-9]{2}( [0-9]{4}){1,4}"
    }

    proptest! {
        #![proptest_config(cases(200))]

        #[test]
        fn every_row_is_found_and_no_cell_alone(
            rows in proptest::collection::vec(proptest::collection::vec(word(), 2..5), 1..20),
            filler in "[ ,.;:a-z]{0,40}",
        ) {
            let cells = rows.iter().map(|row| row.iter().map(String::as_str));
            let file = ExactSet::build(SALT, Together::default(), cells).unwrap();
            let set = ExactSet::read(SALT, &file).unwrap();
            for row in &rows {
                let (a, b) = (&row[0], &row[1]);
                let text = format!("{filler} # {a} #. {filler} .# {b}; {filler}");
                let same = |one: &str| one.to_lowercase().replace(' ', "");
                let nested = same(a).contains(&same(b)) || same(b).contains(&same(a));
                if !nested {
                    prop_assert!(set.find(&text).len() >= 2, "{row:?} in {text:?}");
                }
                // Alone, unless its own words are cells of a row.
                let alone = set.find(a);
                let parts = rows.iter().flatten().filter(|cell| same(a).contains(&same(cell)));
                prop_assert!(alone.is_empty() || parts.count() > 1, "{alone:?} in {a:?}");
            }
        }

        #[test]
        fn any_text_and_any_bytes(text: String, bytes: Vec<u8>, at: usize, bit in 0_u8..8) {
            for span in set(Together::default()).find(&text) {
                prop_assert!(text.get(span).is_some());
            }
            prop_assert!(ExactSet::read(SALT, &bytes).is_err());
            let mut file = ExactSet::build(SALT, Together::default(), ROWS).unwrap();
            let at = at % file.len();
            prop_assert!(ExactSet::read(SALT, &file[..at]).is_err());
            file[at] ^= 1 << bit;
            prop_assert!(ExactSet::read(SALT, &file).is_err());
        }

        #[test]
        fn whoever_writes_a_file_can_make_nothing_panic(
            changes in proptest::collection::vec((8_usize..4096, any::<u8>()), 1..4),
            text: String,
        ) {
            let file = ExactSet::build(SALT, Together::default(), ROWS).unwrap();
            if let Ok(set) = ExactSet::read(SALT, &forged(file, &changes)) {
                let text = format!("Ada Lovelace, London {text} DE89 3704 0044 0532 0130 00");
                for span in set.find(&text) {
                    prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}

mod fingerprint {
    use super::*;

    const SMALL: Winnowing = Winnowing {
        gram: 16,
        window: 8,
        run: 1,
    };

    fn read(winnowing: Winnowing, documents: &[(&str, &str)]) -> Fingerprints {
        let file = Fingerprints::build(winnowing, documents.iter().copied()).unwrap();
        Fingerprints::read(&file).unwrap()
    }

    /// Words without order, the same for a seed.
    fn prose(seed: u64, words: usize) -> String {
        let mut state = seed;
        let mut step = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut text = String::new();
        for _ in 0..words {
            for _ in 0..2 + step() % 7 {
                text.push(char::from(b'a' + (step() % 26) as u8));
            }
            text.push(' ');
        }
        text
    }

    #[test]
    fn a_stretch_of_a_document_is_found_whatever_stands_around_it() {
        let (one, two) = (prose(1, 300), prose(2, 300));
        let set = read(Winnowing::default(), &[("one", &one), ("two", &two)]);
        let stretch = &two[400..800];
        // Line ends, capitals and punctuation do not count.
        let changed = stretch.to_uppercase().replace(' ', ",\n  ");
        let text = format!("{}{changed}{}", prose(3, 50), prose(4, 50));
        let found = set.matches(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(set.document(found[0].document), Some("two"));
        let span = found[0].span.clone();
        let own = text.find(&changed).unwrap();
        assert!(span.start >= own && span.end <= own + changed.len());
        assert!(span.len() * 10 > changed.len() * 8, "{span:?}");
        let shares = set.shares(&text);
        assert_eq!(shares.len(), 1);
        assert!((0.1..0.5).contains(&shares[0].1), "{shares:?}");
        assert!(set.shares(&two)[0].1 > 0.99);
    }

    #[test]
    fn other_texts_are_not() {
        let set = read(Winnowing::default(), &[("one", &prose(1, 500))]);
        assert!(set.matches(&prose(9, 2000)).is_empty());
        assert!(set.matches("").is_empty());
        // Short quotations are below the run.
        assert!(set.matches(&prose(1, 500)[..40]).is_empty());
    }

    #[test]
    fn what_stands_in_every_document_costs_no_more() {
        let line = prose(5, 60);
        let documents: Vec<_> = (0..100)
            .map(|at| format!("{line}{}", prose(100 + at, 20)))
            .collect();
        let named: Vec<_> = documents
            .iter()
            .map(|text| ("form", text.as_str()))
            .collect();
        let set = read(Winnowing::default(), &named);
        assert!(!set.matches(&line).is_empty());
        assert!(set.matches(&line).len() <= 8);
    }

    #[test]
    fn bounds_of_winnowing() {
        for (gram, window, run) in [
            (15, 20, 4),
            (65, 20, 4),
            (30, 0, 4),
            (30, 257, 4),
            (30, 20, 0),
        ] {
            let winnowing = Winnowing { gram, window, run };
            let built = Fingerprints::build(winnowing, [("a", "b")]);
            assert_eq!(built.unwrap_err(), CustomError::TooMuch);
        }
        assert_eq!(Winnowing::default().certain(), 109);
    }

    proptest! {
        #![proptest_config(cases(300))]

        /// The guarantee of the paper, and what follows for several fingerprints in a row.
        #[test]
        fn what_two_texts_share_is_found(
            document in "[a-d ]{200,400}",
            before in "[a-d ,]{0,80}",
            behind in "[a-d ,]{0,80}",
            at in 0.0..1.0_f64,
            run in 1_u8..4,
        ) {
            let winnowing = Winnowing { run, ..SMALL };
            let letters: Vec<char> = document.chars().filter(|letter| *letter != ' ').collect();
            let length = winnowing.certain();
            prop_assume!(letters.len() > length);
            let start = ((letters.len() - length) as f64 * at) as usize;
            let shared: String = letters[start..start + length].iter().collect();
            let text = format!("{before}{shared}{behind}");
            let found = read(winnowing, &[("d", &document)]).matches(&text);
            prop_assert!(!found.is_empty());
            let own = before.len()..before.len() + shared.len();
            let over = found.iter().any(|one| one.span.start < own.end && one.span.end > own.start);
            prop_assert!(over);
        }

        #[test]
        fn any_text_and_any_bytes(text: String, bytes: Vec<u8>, at: usize, bit in 0_u8..8) {
            let document = prose(1, 40);
            let set = read(SMALL, &[("one", &document), ("any", &text)]);
            for one in set.matches(&text) {
                prop_assert!(text.get(one.span).is_some());
            }
            prop_assert!(Fingerprints::read(&bytes).is_err());
            let mut file = Fingerprints::build(SMALL, [("one", document.as_str())]).unwrap();
            let at = at % file.len();
            prop_assert!(Fingerprints::read(&file[..at]).is_err());
            file[at] ^= 1 << bit;
            prop_assert!(Fingerprints::read(&file).is_err());
        }

        #[test]
        fn whoever_writes_a_file_can_make_nothing_panic(
            changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        ) {
            let document = prose(1, 60);
            let file = Fingerprints::build(SMALL, [("one", document.as_str())]).unwrap();
            if let Ok(set) = Fingerprints::read(&forged(file, &changes)) {
                for one in set.matches(&document) {
                    prop_assert!(document.get(one.span).is_some());
                }
                let _ = set.shares(&document);
            }
        }
    }
}

/// An inspector with one set of each sort.
fn inspector() -> Inspector {
    let name = |name| SetName::new(name).unwrap();
    let rows = [["Ada Lovelace", "K-4711"]];
    let exact = ExactSet::build(SALT, Together::default(), rows).unwrap();
    let document = "The heron leaves its nest at noon and returns before the tide has turned, as every \
                    keeper of the northern lighthouse has written down in the books since 1871.";
    let prints = Fingerprints::build(Winnowing::default(), [("log", document)]).unwrap();
    Inspector::with(InspectorSettings {
        dictionaries: vec![(name("projects"), Dictionary::read("blue heron").unwrap())],
        exact_sets: vec![(name("customers"), ExactSet::read(SALT, &exact).unwrap())],
        fingerprints: vec![(name("books"), Fingerprints::read(&prints).unwrap())],
        ..InspectorSettings::default()
    })
    .unwrap()
}

#[test]
fn an_inspector_finds_what_is_its_operators() {
    let inspector = inspector();
    for (text, expected) in [
        (
            "about Blue Heron",
            vec![(FindingKind::Dictionary, "dictionary.projects")],
        ),
        (
            "K4711 is Ada Lovelace",
            vec![(FindingKind::Exact, "exact.customers"); 2],
        ),
        (
            "the heron leaves its nest at noon, and returns before the tide has turned: as every keeper of \
             the northern lighthouse has written down in the books",
            vec![(FindingKind::Fingerprint, "fingerprint.books")],
        ),
    ] {
        let found = inspector.inspect(Segment::new(text, Role::User, Channel::Content));
        let own: Vec<_> = found
            .iter()
            .filter(|one| one.kind.class() == DataClass::Custom)
            .map(|one| (one.kind, one.rule))
            .collect();
        assert_eq!(own, expected, "{text}");
    }
}

#[test]
fn what_is_listed_hides_nothing() {
    let name = SetName::new("own").unwrap();
    let token = format!("ghp_{}", "aZ3bY7cX1dW9eV5fU2gT8hS4aZ3bY7cX1dW9");
    let list = format!(
        "#! part-of-word\n{}\n4111 1111\nAda Lovelace of example.org",
        &token[4..20]
    );
    let inspector = Inspector::with(InspectorSettings {
        dictionaries: vec![(name, Dictionary::read(&list).unwrap())],
        ..InspectorSettings::default()
    })
    .unwrap();
    let plain = Inspector::new(&[]).unwrap();
    for text in [
        "card 4111 1111 1111 1111",
        &format!("token {token}"),
        "Ada Lovelace of example.org, ada@example.org",
    ] {
        let mut found = inspector.whole(text);
        let own = |one: &casemate_types::Finding| one.kind.class() == DataClass::Custom;
        assert_eq!(found.iter().filter(|one| own(one)).count(), 1, "{text}");
        found.retain(|one| !own(one));
        assert_eq!(found, plain.whole(text), "{text}");
    }
}

#[test]
fn names_of_sets() {
    for name in ["", "Projects", "a b", "a.b", &"x".repeat(65)] {
        assert_eq!(SetName::new(name).unwrap_err(), CustomError::Name);
    }
}

/// Twice the text takes twice the time, by what is done for each word of it.
#[test]
fn the_work_is_linear() {
    const SIZE: usize = 1 << 17;
    let inspector = inspector();
    for unit in [
        "ada lovelace k 4711 ",
        "4711 ",
        "a",
        "blue heron ",
        "the heron leaves its nest at noon ",
    ] {
        let time = |size: usize| {
            let text = unit.repeat(size / unit.len());
            let runs = (0..3).map(|_| {
                let start = std::time::Instant::now();
                let _ = inspector.structured(&text);
                start.elapsed()
            });
            runs.min().unwrap()
        };
        let (half, whole) = (time(SIZE), time(2 * SIZE));
        let limit = half * 4 + std::time::Duration::from_millis(200);
        assert!(whole < limit, "{unit}: {half:?}, {whole:?}");
    }
}
