// SPDX-License-Identifier: Apache-2.0
//! Keys are rotated without touching values, destroyed for good, and never taken for one another.

use std::{path::Path, sync::Arc};

use casemate_crypto::{CryptoError, Place, RootKey, key_id_of};
use casemate_store::{Database, Keyring, Options, Scope, StoreError};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, root_key};
use casemate_types::{PrincipalId, ProjectId};

const HOME: Place<'static> = Place {
    table: "iam_person",
    row: b"usr_1",
    column: "name",
};

fn subject(number: u8) -> Scope {
    Scope::Subject(PrincipalId::from_bytes([number; 16]))
}

fn project(number: u8) -> Scope {
    Scope::Project(ProjectId::from_bytes([number; 16]))
}

fn database(file: &Path) -> Database {
    Database::open(file, Options::default(), Keyring::MIGRATIONS).unwrap()
}

/// Each opening gets other randomness, as it does in earnest.
fn open(database: &Database, root: &RootKey, generation: u32) -> Result<Keyring, StoreError> {
    static SEED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let seed = SEED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let entropy = SeededEntropy::shared(seed);
    Keyring::open(
        database.clone(),
        root,
        generation,
        entropy,
        ManualClock::shared(),
    )
}

fn ring(dir: &TempDir) -> (Database, Keyring) {
    let database = database(&dir.join("keys.db"));
    let ring = open(&database, &root_key(1), 1).unwrap();
    (database, ring)
}

fn sql(database: &Database, sql: &str) {
    database
        .tx("test.edit", |tx| tx.execute(sql, &[]))
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
}

fn reads(ring: &Keyring, sealed: &[u8]) -> Option<Vec<u8>> {
    ring.open_value(HOME, sealed)
        .unwrap()
        .map(|plain| plain.to_vec())
}

fn is_key_error<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Key(CryptoError::NotAuthentic)))
}

#[test]
fn scopes_have_keys_of_their_own_that_survive_a_restart() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    let scopes = [
        Scope::System,
        project(1),
        project(2),
        subject(1),
        subject(2),
    ];
    let sealed = scopes.map(|scope| ring.seal(scope, HOME, b"Ada").unwrap());
    let mut ids: Vec<_> = sealed.iter().map(|value| key_id_of(value)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), scopes.len());
    drop(ring);

    let ring = open(&database, &root_key(1), 1).unwrap();
    for (scope, value) in scopes.into_iter().zip(&sealed) {
        assert_eq!(reads(&ring, value).unwrap(), b"Ada");
        let again = ring.seal(scope, HOME, b"Ada").unwrap();
        assert_eq!(key_id_of(&again), key_id_of(value));
    }
}

#[test]
fn a_wrong_root_or_generation_is_refused() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    assert_eq!(Keyring::root_generation(&database).unwrap(), 1);
    drop(ring);
    for (root, generation) in [(2, 1), (1, 2), (2, 2), (1, 0)] {
        let refused = open(&database, &root_key(root), generation);
        assert!(is_key_error(&refused), "{root} {generation}");
    }
    assert!(open(&database, &root_key(1), 1).is_ok());
}

#[test]
fn a_moved_or_altered_value_is_refused() {
    let dir = TempDir::new();
    let (_, ring) = ring(&dir);
    let sealed = ring.seal(subject(1), HOME, b"Ada").unwrap();
    let elsewhere = Place {
        row: b"usr_2",
        ..HOME
    };
    assert!(is_key_error(&ring.open_value(elsewhere, &sealed)));
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(is_key_error(&ring.open_value(HOME, &altered)));
    // Relabelled with the id of another key that exists.
    let other = ring.seal(subject(2), HOME, b"Ben").unwrap();
    let relabelled = [&other[..5], &sealed[5..]].concat();
    assert!(is_key_error(&ring.open_value(HOME, &relabelled)));
    let refused = ring.open_value(HOME, b"Ada");
    assert!(matches!(refused, Err(StoreError::Corrupt(_))));
}

#[test]
fn rotation_goes_on_under_readers_and_writers() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    let scopes = [Scope::System, project(1), subject(1)];
    let sealed = scopes.map(|scope| ring.seal(scope, HOME, b"old").unwrap());
    let derived = scopes.map(|scope| ring.derive(scope, "surrogates").unwrap());

    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            for round in 0..200_u32 {
                let value = ring.seal(project(1), HOME, &round.to_be_bytes()).unwrap();
                assert_eq!(reads(&ring, &value).unwrap(), round.to_be_bytes());
                assert_eq!(reads(&ring, &sealed[2]).unwrap(), b"old");
            }
        });
        ring.rotate(&root_key(2), 2).unwrap();
        ring.rotate(&root_key(3), 3).unwrap();
        work.join().unwrap();
    });
    assert_eq!(ring.generation(), 3);
    assert_eq!(Keyring::root_generation(&database).unwrap(), 3);

    let check = |ring: &Keyring| {
        for (at, scope) in scopes.into_iter().enumerate() {
            assert_eq!(reads(ring, &sealed[at]).unwrap(), b"old");
            let now = ring.derive(scope, "surrogates").unwrap();
            assert_eq!(now.expose(), derived[at].expose(), "{scope:?}");
            // System and projects seal with a fresh key, subjects keep theirs: one to destroy.
            let fresh = ring.seal(scope, HOME, b"new").unwrap();
            let changed = key_id_of(&fresh) != key_id_of(&sealed[at]);
            assert_eq!(changed, scope != subject(1), "{scope:?}");
        }
    };
    check(&ring);
    drop(ring);
    for (root, generation) in [(1, 1), (2, 2), (3, 1), (1, 3)] {
        let refused = open(&database, &root_key(root), generation);
        assert!(is_key_error(&refused), "{root} {generation}");
    }
    check(&open(&database, &root_key(3), 3).unwrap());
}

#[test]
fn a_rotation_that_fails_changes_nothing() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    let good = ring.seal(project(1), HOME, b"old").unwrap();
    let bad = ring.seal(subject(1), HOME, b"old").unwrap();
    let id = key_id_of(&bad).unwrap();
    sql(
        &database,
        &format!("UPDATE store_key SET wrapped = zeroblob(65) WHERE id = {id}"),
    );
    assert!(is_key_error(&ring.rotate(&root_key(2), 2)));
    assert_eq!(ring.generation(), 1);
    assert_eq!(reads(&ring, &good).unwrap(), b"old");
    drop(ring);
    let ring = open(&database, &root_key(1), 1).unwrap();
    assert_eq!(reads(&ring, &good).unwrap(), b"old");
    assert!(is_key_error(&ring.open_value(HOME, &bad)));
}

#[test]
fn a_destroyed_subject_is_unreadable_and_its_id_never_comes_back() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    let gone = ring.seal(subject(1), HOME, b"Ada").unwrap();
    let stays = ring.seal(subject(2), HOME, b"Ben").unwrap();
    let old = ring.derive(subject(1), "digest").unwrap();
    assert_eq!(ring.danger_destroy(subject(1)).unwrap(), 1);
    assert_eq!(ring.danger_destroy(subject(1)).unwrap(), 0);
    assert_eq!(reads(&ring, &gone), None);
    assert_eq!(reads(&ring, &stays).unwrap(), b"Ben");

    // The same subject comes back: with a new key that does not open the old value.
    let fresh = ring.seal(subject(1), HOME, b"Ada again").unwrap();
    assert!(key_id_of(&fresh) > key_id_of(&stays));
    let new = ring.derive(subject(1), "digest").unwrap();
    assert_ne!(new.expose(), old.expose());
    // Nor does the newest id come back after it was destroyed, also across a restart.
    ring.danger_destroy(subject(1)).unwrap();
    drop(ring);
    let ring = open(&database, &root_key(1), 1).unwrap();
    let third = ring.seal(subject(3), HOME, b"Eve").unwrap();
    assert!(key_id_of(&third) > key_id_of(&fresh));
    for value in [&gone, &fresh] {
        assert_eq!(reads(&ring, value), None);
    }
    assert_eq!(reads(&ring, &stays).unwrap(), b"Ben");
}

#[test]
fn a_destroyed_key_leaves_no_bytes_in_the_file() {
    let dir = TempDir::new();
    let (database, ring) = ring(&dir);
    let sealed = ring.seal(subject(1), HOME, b"Ada").unwrap();
    let id = i64::from(key_id_of(&sealed).unwrap());
    let wrapped = database
        .tx("test.wrapped", |tx| {
            let sql = "SELECT wrapped FROM store_key WHERE id = ?1";
            tx.query_one(sql, &[id.into()], |row| row.blob(0))
        })
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .unwrap();
    let on_disk = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(wrapped.len()).any(|part| part == wrapped))
    };
    assert!(on_disk());
    ring.danger_destroy(subject(1)).unwrap();
    assert!(!on_disk());
}

#[test]
fn swapped_or_altered_key_rows_are_refused() {
    for edit in [
        "UPDATE store_key SET wrapped = (SELECT wrapped FROM store_key WHERE id = 3) WHERE id = 2",
        "UPDATE store_key SET wrapped = zeroblob(65) WHERE id = 2",
        "UPDATE store_key SET id = id + 10",
    ] {
        let dir = TempDir::new();
        let (database, ring) = ring(&dir);
        ring.seal(project(1), HOME, b"one").unwrap();
        ring.seal(project(2), HOME, b"two").unwrap();
        drop(ring);
        sql(&database, edit);
        let refused =
            open(&database, &root_key(1), 1).and_then(|ring| ring.seal(project(1), HOME, b"x"));
        assert!(is_key_error(&refused), "{edit}: {refused:?}");
    }
}

#[test]
fn derived_keys_differ_by_scope_and_purpose() {
    let dir = TempDir::new();
    let (_, ring) = ring(&dir);
    let all = [
        (Scope::System, "a"),
        (Scope::System, "b"),
        (project(1), "a"),
        (project(2), "a"),
        (subject(1), "a"),
    ]
    .map(|(scope, purpose)| ring.hmac(scope, purpose).unwrap().digest(&[b"x"]));
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{at}");
    }
}

#[test]
fn two_threads_that_need_a_new_key_get_the_same() {
    let dir = TempDir::new();
    let (_, ring) = ring(&dir);
    let ring = Arc::new(ring);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| key_id_of(&ring.seal(project(9), HOME, b"x").unwrap())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
