// SPDX-License-Identifier: Apache-2.0
//! What never stands in a file.

use casemate_iam::NewKey;

use crate::fixture::Fixture;

#[test]
fn no_file_holds_a_secret_or_a_name() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let token = fixture.iam.bootstrap_token().unwrap();
    let unused = token.expose().to_owned();
    let (_, secret) = fixture.key(&app, NewKey::default()).unwrap();
    let (info, _) = fixture.key(&app, NewKey::default()).unwrap();
    let (_, rotated) = fixture
        .rotate(info.id, std::time::Duration::from_secs(60))
        .unwrap();
    let name = "Grace Brewster Hopper";
    let (person, _, admin) = fixture.bootstrap(&unused, name).unwrap();
    fixture
        .shows_from(secret.expose(), Some("192.0.2.77"))
        .unwrap();
    fixture.door.close();
    let files = fixture.files();
    let holds = |text: &[u8]| {
        files
            .iter()
            .any(|(_, bytes)| bytes.windows(text.len()).any(|window| window == text))
    };
    // The search finds what is there.
    assert!(holds(b"iam_person") && holds(person.id.as_bytes()) && holds(b"app"));
    for key in [secret.expose(), rotated.expose(), admin.expose(), &unused] {
        for part in [key, &key[3..19], &key[19..35]] {
            assert!(!holds(part.as_bytes()), "a key is stored");
        }
    }
    for part in [name, "Grace", "Brewster", "Hopper"] {
        assert!(!holds(part.as_bytes()), "a name is stored in clear");
    }
}

#[test]
fn nothing_prints_a_secret() {
    let fixture = Fixture::new();
    let app = fixture.app();
    let (info, secret) = fixture.key(&app, NewKey::default()).unwrap();
    let found = fixture.shows(secret.expose()).unwrap();
    let printed = format!(
        "{info:?} {secret:?} {found:?} {:?} {}",
        fixture.iam,
        fixture.everything()
    );
    assert!(!printed.contains(&secret.expose()[3..]));
}
