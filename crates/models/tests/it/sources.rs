// SPDX-License-Identifier: Apache-2.0
//! Models that come from elsewhere than a directory, and files that change while they are read.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use casemate_models::signing::{
    Content, Effort, Entry, EntryKind, Links, ModelSource, Refusal, SignOptions, SourceError,
    VerifiedModel, sign, verify,
};

use crate::fixture::{Fixture, NOW, refused};

/// Files in memory.
#[derive(Clone, Default)]
struct Blobs {
    files: Vec<(String, Vec<u8>)>,
    /// Bytes by which each file grows with each reading.
    grows: u64,
    /// Readings after which nothing comes any more.
    ends_after: Option<u64>,
}

struct Blob {
    bytes: Vec<u8>,
    grows: u64,
    ends_after: Option<u64>,
    readings: Arc<AtomicU64>,
}

impl ModelSource for Blobs {
    fn name(&self) -> String {
        "blobs".to_owned()
    }

    fn entries(&self) -> Result<Vec<Entry>, SourceError> {
        let entry = |(name, bytes): &(String, Vec<u8>)| Entry {
            name: name.clone(),
            kind: EntryKind::File {
                bytes: bytes.len() as u64,
            },
        };
        Ok(self.files.iter().map(entry).collect())
    }

    fn open(&self, name: &str, _: Links) -> Result<Box<dyn Content>, SourceError> {
        let found = self.files.iter().find(|(known, _)| known == name);
        Ok(Box::new(Blob {
            bytes: found.unwrap().1.clone(),
            grows: self.grows,
            ends_after: self.ends_after,
            readings: Arc::default(),
        }))
    }
}

impl Content for Blob {
    fn bytes(&self) -> io::Result<u64> {
        let readings = self.readings.load(Ordering::Relaxed);
        Ok(self.bytes.len() as u64 + readings * self.grows)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let readings = self.readings.fetch_add(1, Ordering::Relaxed);
        if self.ends_after.is_some_and(|last| readings >= last) {
            return Ok(0);
        }
        let rest = &self.bytes[usize::try_from(offset).unwrap()..];
        // Odd pieces, as networks give them.
        let length = rest.len().min(buffer.len()).min(777);
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

fn blobs() -> Blobs {
    Blobs {
        files: vec![
            ("a".to_owned(), vec![1; 5_000]),
            ("b/c".to_owned(), vec![2; 3_000_000]),
        ],
        ..Blobs::default()
    }
}

fn check(fixture: &Fixture, bundle: &[u8], source: &Blobs) -> Result<VerifiedModel, Refusal> {
    verify(bundle, &fixture.trust(), NOW, source, &Effort::default())
}

#[test]
fn a_store_of_blobs_is_a_model() {
    let fixture = Fixture::new();
    let read = AtomicU64::new(0);
    let effort = Effort {
        threads: 3,
        progress: &|bytes| _ = read.fetch_add(bytes, Ordering::Relaxed),
    };
    let signed = sign(
        &blobs(),
        &fixture.signer(),
        &SignOptions::default(),
        &effort,
    )
    .unwrap();
    assert_eq!(read.into_inner(), 3_005_000);
    let model = check(&fixture, &signed.bundle, &blobs()).unwrap();
    assert_eq!((model.files(), model.bytes()), (2, 3_005_000));
    assert_eq!(model.root(), signed.statement.root());
    // The same bytes on disk are the same model.
    let dir = fixture.dir.join("unpacked");
    std::fs::create_dir_all(dir.join("b")).unwrap();
    for (name, bytes) in blobs().files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    assert_eq!(
        fixture.verify_at(&dir, &signed.bundle).unwrap().root(),
        model.root()
    );
}

#[test]
fn a_file_that_changes_is_not_verified() {
    let fixture = Fixture::new();
    let options = SignOptions::default();
    let signed = sign(&blobs(), &fixture.signer(), &options, &Effort::default()).unwrap();
    let growing = Blobs {
        grows: 1,
        ..blobs()
    };
    refused(
        "growing",
        check(&fixture, &signed.bundle, &growing),
        "changes while it is read",
    );
    let ending = Blobs {
        ends_after: Some(1),
        ..blobs()
    };
    refused(
        "ending",
        check(&fixture, &signed.bundle, &ending),
        "changes while it is read",
    );
    let error = sign(&growing, &fixture.signer(), &options, &Effort::default()).unwrap_err();
    assert!(error.to_string().contains("changes"), "{error}");
}

/// Whoever writes to a file while it is read is noticed by its time as well as by its size.
#[test]
fn a_file_that_is_written_to_has_no_size_any_more() {
    let fixture = Fixture::new();
    let model = casemate_models::signing::LocalModel::open(&fixture.model).unwrap();
    let file = model.open("sub.txt", Links::Refuse).unwrap();
    let length = file.bytes().unwrap();
    let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    let same = std::fs::OpenOptions::new()
        .write(true)
        .open(fixture.path("sub.txt"))
        .unwrap();
    same.set_times(times).unwrap();
    assert_eq!(same.metadata().unwrap().len(), length);
    assert!(file.bytes().is_err());
}
