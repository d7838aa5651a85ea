// SPDX-License-Identifier: Apache-2.0
//! Files to convert whose cost would be a product: something long, and many short references to it.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use casemate_artifact::{ByteSource, ConvertError, ConvertOptions, Limits, Plan, Scanner, plan};

const MIB: usize = 1 << 20;
/// Less than any of these took, and more than any takes on a slow machine without optimisation.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pickle that makes values, each under a number of the memo, and leaves a list of references to them.
struct Pickle {
    bytes: Vec<u8>,
    next: u8,
}

impl Pickle {
    fn new() -> Self {
        Self {
            bytes: b"\x80\x02".to_vec(),
            next: 0,
        }
    }

    /// Makes a value and puts it away; how to get it back.
    fn value(&mut self, parts: &[&[u8]]) -> [u8; 2] {
        parts
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        let number = self.next;
        self.next += 1;
        self.bytes.extend_from_slice(&[b'q', number, b'0']);
        [b'h', number]
    }

    fn list(mut self, item: &[u8], count: usize) -> Vec<u8> {
        self.bytes.extend_from_slice(b"](");
        self.bytes.extend_from_slice(&item.repeat(count));
        self.bytes.extend_from_slice(b"e.");
        self.bytes
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [b"X", &(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
}

/// Bytes as protocols before 3 write them: made of a text.
fn made(bytes: &[u8]) -> Vec<u8> {
    [b"c_codecs\nencode\n", &text(bytes)[..], b"U\x06latin1\x86R"].concat()
}

/// An array of numpy whose description is given.
fn array(shape: &[u8], bytes: &[u8]) -> Vec<u8> {
    const KIND: &[u8] =
        b"cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb";
    [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01",
        shape,
        KIND,
        b"I00\n",
        bytes,
        b"tb",
    ]
    .concat()
}

fn planned(bytes: &[u8], once: bool) -> Result<Plan, ConvertError> {
    let options = ConvertOptions {
        once,
        ..ConvertOptions::default()
    };
    plan(&Scanner::default(), &bytes.to_vec(), &options)
}

#[track_caller]
fn refused(bytes: &[u8], why: &str) {
    let began = Instant::now();
    match planned(bytes, false) {
        Err(ConvertError::Unsupported(text)) => assert!(text.contains(why), "{text:.300}"),
        other => panic!("{:.300}", format!("{other:?}")),
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn a_long_key_of_many_values() {
    for count in [1_000, 2_000, 200_000] {
        let mut pickle = Pickle::new();
        let key = text(&vec![b'k'; MIB]);
        let dict = pickle.value(&[b"}", &key, b"K\x01s"]);
        refused(&pickle.list(&dict, count), "names and shapes");
    }
    // A few are what they are.
    let mut pickle = Pickle::new();
    let dict = pickle.value(&[
        b"}",
        &text(&vec![b'k'; MIB]),
        &array(b"K\x01\x85", &made(b"a")),
        b"s",
    ]);
    let plan = planned(&pickle.list(&dict, 4), false).unwrap();
    assert_eq!(plan.tensors().count(), 4);
}

#[test]
fn one_key_of_a_dict_again_and_again() {
    let mut pickle = Pickle::new();
    let key = pickle.value(&[&text(&vec![b'k'; MIB])]);
    let entries = [&key[..], b"N"].concat().repeat(200_000);
    let dict = pickle.value(&[b"}(", &entries, b"u"]);
    refused(&pickle.list(&dict, 1), "names and shapes");
}

#[test]
fn a_large_object_of_many_references() {
    // What it holds is looked through for parts of a module each time.
    let mut pickle = Pickle::new();
    let members: Vec<u8> = (0..6_000_u32)
        .flat_map(|number| [&b"J"[..], &number.to_le_bytes(), b"N"].concat())
        .collect();
    let object = pickle.value(&[
        b"ctorch.nn.modules.container\nSequential\n)\x81}(",
        &members,
        b"ub",
    ]);
    let scanner = Scanner::new(Limits {
        values: 400_000,
        ..Limits::default()
    });
    let bytes = pickle.list(&object, 20_000);
    match plan(&scanner, &bytes, &ConvertOptions::default()) {
        Err(ConvertError::Unsupported(text)) => assert!(text.contains("more values"), "{text}"),
        other => panic!("{:.300}", format!("{other:?}")),
    }
}

#[test]
fn a_shape_of_many_dimensions() {
    let shape = [&b"("[..], &b"K\x01".repeat(100_000), b"t"].concat();
    let mut pickle = Pickle::new();
    let tensor = pickle.value(&[&array(&shape, &made(b"a"))]);
    refused(&pickle.list(&tensor, 1), "more than 64 dimensions");
    // As many as there may be, often, without any items.
    let shape = [&b"("[..], &b"K\0".repeat(64), b"t"].concat();
    let mut pickle = Pickle::new();
    let tensor = pickle.value(&[&array(&shape, &made(b""))]);
    refused(&pickle.list(&tensor, 1_000_000), "names and shapes");
}

#[test]
fn a_header_that_nobody_reads() {
    // What JSON has to escape is six times as long there.
    let mut pickle = Pickle::new();
    let key = text(&vec![1; MIB]);
    let dict = pickle.value(&[b"}", &key, &array(b"K\x01\x85", &made(b"a")), b"s"]);
    refused(
        &pickle.list(&dict, 20),
        "a header of more than 100000000 bytes",
    );
}

/// A torch archive whose tensors are all the same one.
fn tied(names: &[u8]) -> Vec<u8> {
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\0K\x01\x85K\x01\x85\x89)tR";
    let pickle = [b"\x80\x02", &tensor[..], b"q\x000}(", names, b"u."].concat();
    crate::make::zip::zip(&[
        ("archive/data.pkl", &pickle),
        ("archive/version", b"3\n"),
        ("archive/data/0", b"abcd"),
    ])
}

#[test]
fn a_long_name_that_others_are_noted_by() {
    let mut names = [&text(&vec![b'a'; MIB])[..], b"h\0"].concat();
    for number in 0..30_000_u32 {
        names.extend([&text(format!("b{number}").as_bytes())[..], b"h\0"].concat());
    }
    let file = tied(&names);
    assert_eq!(planned(&file, false).unwrap().shared(), 30_000);
    match planned(&file, true) {
        Err(ConvertError::Unsupported(text)) => {
            assert!(text.contains("a header of more"), "{text}")
        }
        other => panic!("{:.300}", format!("{other:?}")),
    }
}

/// How often a file is read.
struct Counted(Vec<u8>, Cell<usize>);

impl ByteSource for Counted {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.1.set(self.1.get() + 1);
        self.0.read_at(at, into)
    }
}

/// An old torch file of one storage.
fn old(values: usize) -> Vec<u8> {
    [
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02](",
        &b"N".repeat(values)[..],
        b"e0(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01NtQ.\x80\x02]U\x010a.\x01\0\0\0\0\0\0\0abcd",
    ]
    .concat()
}

/// Tensors over a storage that stands in the pickle as a file of its own; each loads it itself, or all
/// refer to the same load.
fn nested(count: usize, is_loaded_once: bool) -> Vec<u8> {
    let file = old(20_000);
    let constant = [b"B", &(file.len() as u32).to_le_bytes()[..], &file].concat();
    let mut pickle = Pickle::new();
    let load = pickle.value(&[b"ctorch.storage\n_load_from_bytes\n"]);
    let given = pickle.value(&[&constant, b"\x85"]);
    let storage = match is_loaded_once {
        true => pickle.value(&[&load, &given, b"R"]).to_vec(),
        false => [&load[..], &given, b"R"].concat(),
    };
    let rebuild = pickle.value(&[b"ctorch._utils\n_rebuild_tensor_v2\n"]);
    let one = pickle.value(&[b"K\x01\x85"]);
    let item = [&rebuild[..], b"(", &storage, b"K\0", &one, &one, b"\x89)tR"].concat();
    pickle.list(&item, count)
}

#[test]
fn a_file_in_a_constant_is_read_once() {
    for is_loaded_once in [true, false] {
        let reads = |count: usize| {
            let source = Counted(nested(count, is_loaded_once), Cell::new(0));
            let plan = plan(&Scanner::default(), &source, &ConvertOptions::default()).unwrap();
            assert_eq!(plan.tensors().count(), count);
            source.1.get()
        };
        assert_eq!(reads(1), reads(300));
    }
}

#[test]
fn what_is_loaded_again_and_again_is_scanned_once() {
    let scan = |count| {
        let began = Instant::now();
        assert_eq!(
            Scanner::default().scan(&nested(count, false)).outcome,
            casemate_artifact::ScanOutcome::Clean
        );
        began.elapsed()
    };
    let (one, many) = (scan(1), scan(5_000));
    assert!(
        many < one * 100 + Duration::from_secs(1),
        "{one:?} {many:?}"
    );
}

#[test]
fn tensors_within_themselves_and_one_another() {
    // A parameter of a parameter, and so on.
    let mut pickle = Pickle::new();
    let parameter = pickle.value(&[b"ctorch._utils\n_rebuild_parameter\n"]);
    let deep = 300_000;
    let deep = pickle.value(&[&parameter.repeat(deep), b"N", &b"\x85R".repeat(deep)]);
    refused(&pickle.list(&deep, 1), "a parameter around parameters");
    // A module that is its own parameters, buffers and modules.
    let mut pickle = Pickle::new();
    let module = pickle.value(&[b"ctorch.nn.modules.container\nSequential\n)\x81"]);
    let members = [
        &text(b"_parameters")[..],
        &module,
        &text(b"_buffers"),
        &module,
        &text(b"_modules"),
        &module,
    ]
    .concat();
    pickle.value(&[&module, b"}(", &members, b"ub"]);
    refused(&pickle.list(&module, 1), "no tensor");
}

#[test]
fn names_of_storages_are_short_and_different() {
    let storage = |key: &[u8]| {
        [
            b"(U\x07storagectorch\nFloatStorage\n",
            key,
            b"U\x03cpuK\x01NtQ",
        ]
        .concat()
    };
    let file = |model: &[u8], keys: &[u8]| {
        [
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02",
            model,
            b".\x80\x02](",
            keys,
            b"e.\x01\0\0\0\0\0\0\0abcd\x01\0\0\0\0\0\0\0abcd",
        ]
        .concat()
    };
    for (key, keys, why) in [
        (&b"U\x010"[..], &b"U\x010U\x010"[..], "stands there twice"),
        (&text(&[b'0'; 2_000]), &b""[..], "not named as torch does"),
        (&b"U\x010"[..], &text(&[b'0'; 2_000]), "no short texts"),
    ] {
        match planned(&file(&storage(key), keys), false) {
            Err(ConvertError::Findings(report)) => {
                let told: Vec<_> = report.findings.iter().map(|one| &one.why).collect();
                assert!(told.iter().any(|told| told.contains(why)), "{told:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_long_text_in_the_place_of_a_word() {
    let long = text(&vec![b'_'; MIB]);
    let outcome = |make: &dyn Fn(&mut Pickle, &[u8]) -> Vec<u8>| {
        let began = Instant::now();
        let mut pickle = Pickle::new();
        let word = pickle.value(&[&long]);
        let item = make(&mut pickle, &word);
        let report = Scanner::default().scan(&pickle.list(&item, 200_000));
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert!(
            report
                .findings
                .iter()
                .all(|finding| finding.why.len() < 2_000)
        );
        report.outcome
    };
    use casemate_artifact::ScanOutcome::{Clean, Refuse, Unreadable};
    // A key, again and again, which means nothing in a dict.
    assert_eq!(outcome(&|_, word| [b"}", word, b"Ns"].concat()), Clean);
    // A member with a meaning, of many objects.
    let given = outcome(&|pickle, word| {
        let class = pickle.value(&[b"csklearn.svm._classes\nSVC\n"]);
        [&class[..], b")\x81}", word, b"Nsb"].concat()
    });
    assert!(matches!(given, Refuse | Unreadable), "{given}");
    // A module, and a name in it.
    let named = outcome(&|_, word| [word, word, b"\x93"].concat());
    assert_ne!(named, Clean);
    // A code of letters, and the kind of what the loader has.
    let coded = outcome(&|pickle, word| {
        let encode = pickle.value(&[b"c_codecs\nencode\n"]);
        [&encode[..], word, word, b"\x86R"].concat()
    });
    assert_ne!(coded, Clean);
    assert_ne!(outcome(&|_, word| [word, b"\x85Q"].concat()), Clean);
}
