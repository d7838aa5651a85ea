// SPDX-License-Identifier: Apache-2.0
//! Pickles: every dangerous name in every way to call it, tricks, and what is harmless.

use casemate_artifact::{ScanOutcome, Scanner};

use crate::{
    clean,
    make::{harmless, hostile, pickle},
    refused, review, unreadable,
};

/// One or more of each family of what has been used, or could be.
const DANGEROUS: &[(&str, &str)] = &[
    ("os", "system"),
    ("os", "popen"),
    ("posix", "system"),
    ("nt", "system"),
    ("os", "execv"),
    ("os", "spawnv"),
    ("subprocess", "Popen"),
    ("subprocess", "call"),
    ("subprocess", "check_output"),
    ("subprocess", "getoutput"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "compile"),
    ("builtins", "__import__"),
    ("builtins", "getattr"),
    ("builtins", "setattr"),
    ("builtins", "open"),
    ("builtins", "breakpoint"),
    ("builtins", "globals"),
    ("builtins", "map"),
    ("builtins", "help"),
    ("__builtin__", "eval"),
    ("__builtin__", "execfile"),
    ("__builtin__", "apply"),
    ("__builtin__", "reload"),
    ("commands", "getoutput"),
    ("runpy", "run_path"),
    ("runpy", "_run_code"),
    ("pty", "spawn"),
    ("socket", "create_connection"),
    ("socket", "socket"),
    ("ctypes", "CDLL"),
    ("ctypes", "PyDLL"),
    ("_ctypes", "dlopen"),
    ("importlib", "import_module"),
    ("importlib.util", "spec_from_file_location"),
    ("imp", "load_source"),
    ("webbrowser", "open"),
    ("antigravity", "webbrowser"),
    ("pickle", "loads"),
    ("_pickle", "loads"),
    ("cPickle", "loads"),
    ("dill", "loads"),
    ("cloudpickle", "loads"),
    ("marshal", "loads"),
    ("joblib", "load"),
    ("torch", "load"),
    ("torch.serialization", "load"),
    ("torch.hub", "load"),
    ("torch.utils.collect_env", "run"),
    ("torch.utils._config_module", "load_config"),
    ("torch.jit", "load"),
    ("torch._dynamo.guards", "GuardBuilder"),
    ("torch.fx.experimental.symbolic_shapes", "guard"),
    ("torch._utils", "_import_dotted_name"),
    ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy.f2py.crackfortran", "_eval_length"),
    ("numpy.f2py.diagnose", "run_command"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "memmap"),
    ("numpy", "save"),
    ("numpy.ctypeslib", "load_library"),
    ("pip", "main"),
    ("pip._internal", "main"),
    ("pip._internal.cli.main", "main"),
    ("bdb", "Bdb"),
    ("pdb", "run"),
    ("timeit", "timeit"),
    ("timeit", "main"),
    ("cProfile", "run"),
    ("cProfile", "runctx"),
    ("profile", "run"),
    ("trace", "Trace"),
    ("doctest", "debug_script"),
    ("code", "InteractiveInterpreter"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("operator", "itemgetter"),
    ("_operator", "methodcaller"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("codecs", "open"),
    ("shutil", "rmtree"),
    ("shutil", "copyfile"),
    ("sys", "modules"),
    ("sys", "exit"),
    ("asyncio", "run"),
    ("asyncio.unix_events", "_UnixSubprocessTransport"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("uuid", "_get_command_stdout"),
    ("imaplib", "IMAP4_stream"),
    ("_aix_support", "_read_cmd_output"),
    ("_osx_support", "_read_output"),
    ("_pyrepl.pager", "pipe_pager"),
    ("distutils.file_util", "write_file"),
    ("distutils.spawn", "spawn"),
    ("setuptools", "setup"),
    ("ensurepip", "_run_pip"),
    ("idlelib.pyshell", "ModifiedInterpreter"),
    ("idlelib.run", "Executive"),
    ("lib2to3.pgen2.grammar", "Grammar"),
    ("logging.config", "listen"),
    ("venv", "create"),
    ("zipimport", "zipimporter"),
    ("pydoc", "pipepager"),
    ("test.support.script_helper", "assert_python_ok"),
    ("requests", "get"),
    ("requests.api", "get"),
    ("urllib.request", "urlopen"),
    ("http.client", "HTTPSConnection"),
    ("aiohttp", "request"),
    ("httplib", "HTTPConnection"),
    ("smtplib", "SMTP"),
    ("ftplib", "FTP"),
    ("tempfile", "mktemp"),
    ("io", "open"),
    ("io", "FileIO"),
    ("types", "FunctionType"),
    ("types", "CodeType"),
    ("pandas", "read_pickle"),
    ("pandas", "read_csv"),
    ("pandas", "eval"),
    ("mlflow.projects.backend.local", "_run_entry_point"),
    ("yaml", "load"),
    ("site", "main"),
    ("pathlib", "Path.write_text"),
    ("inspect", "getsource"),
    ("gc", "get_objects"),
    ("threading", "Thread"),
    ("atexit", "register"),
    ("signal", "signal"),
    ("sqlite3", "connect"),
    ("tarfile", "open"),
    ("zipfile", "ZipFile"),
    ("nltk", "download"),
    (
        "transformers.dynamic_module_utils",
        "get_class_from_dynamic_module",
    ),
    ("keras.utils", "get_file"),
    ("tensorflow", "load_library"),
    ("IPython.utils.process", "system"),
    ("ansible.module_utils.basic", "run"),
    ("psutil", "Popen"),
    ("sklearn.datasets", "load_files"),
    ("scipy.io", "loadmat"),
    ("xgboost.dask", "run"),
    ("jinja2", "Template"),
    ("huggingface_hub", "hf_hub_download"),
];

#[test]
fn every_dangerous_name_is_refused_in_every_way_to_call_it() {
    let scanner = Scanner::default();
    let mut missed = Vec::new();
    for (module, name) in DANGEROUS {
        for (style, make) in pickle::STYLES {
            let outcome = scanner.scan(&make(module, name)).outcome;
            if outcome != ScanOutcome::Refuse {
                missed.push(format!("{module}.{name}, {style}: {outcome}"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_name_that_nobody_knows_is_never_clean() {
    for (style, make) in pickle::STYLES {
        for (module, name) in [
            ("somebody", "thing"),
            ("__main__", "Net"),
            ("numpy", "no_such_name"),
            ("os ", "system"),
            ("\u{f0}s", "system"),
        ] {
            let report = Scanner::default().scan(&make(module, name));
            assert_ne!(
                report.outcome,
                ScanOutcome::Clean,
                "{module}.{name}, {style}"
            );
        }
    }
    review(
        "a class that is only made",
        b"\x80\x02csomebody\nNet\n)\x81}U\x01aK\x01sb.",
        "pickle-unlisted-class",
    );
    refused(
        "a call",
        b"\x80\x02csomebody\nmake\n)R.",
        "pickle-unlisted-call",
    );
}

#[test]
fn tricks_are_refused() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("a dotted name", b"\x80\x04\x8c\x08builtins\x8c\x11str.__init_subclass\x93.", "pickle-malformed"),
        ("a dotted name, whole", b"\x80\x04\x8c\x0bcollections\x8c\x1bOrderedDict.__class__.mro__\x93.", "pickle-dotted-name"),
        ("extension 1", b"\x80\x02\x82\x01)R.", "pickle-extension-code"),
        ("extension 2", b"\x80\x02\x83\x01\x02)R.", "pickle-extension-code"),
        ("extension 4", b"\x80\x02\x84\x01\x02\x03\x04)R.", "pickle-extension-code"),
        ("a computed module", b"\x80\x04c_codecs\nencode\n\x8c\x02bf\x8c\x05rot13\x86R\x8c\x06system\x93\x8c\x04true\x85R.", "pickle-computed-name"),
        ("a computed callable", b"ccollections\nOrderedDict\n)R)R.", "pickle-computed-name"),
        ("a changed module", b"cnumpy\nndarray\n}S'__builtins__'\n}sb.", "pickle-build"),
        ("a changed class", b"ccollections\nOrderedDict\n}U\x01xK\x01sb.", "pickle-build"),
        ("an item of a global", b"ccollections\nOrderedDict\nU\x01xK\x01s.", "pickle-build"),
        ("a member with a meaning", b"ccollections\nOrderedDict\n)R}U\x0c__setstate__cbuiltins\nlist\nsb.", "pickle-build"),
        ("members in slots", b"ccollections\nOrderedDict\n)RN}U\x0a__reduce__K\x01s\x86b.", "pickle-build"),
        ("a memory map instead of an array", b"cnumpy\nmemmap\nU\x04true\x85\x81.", "pickle-dangerous-call"),
        ("a class made through copyreg", b"ccopyreg\n_reconstructor\n(csubprocess\nPopen\ncbuiltins\nobject\nNtR.", "pickle-dangerous-call"),
        ("a result through copyreg", b"ccopyreg\n_reconstructor\n(ccollections\nOrderedDict\n)RcbuiltIns\nobject\nNtR.", "pickle-computed-name"),
        ("a method of the insides", b"cbuiltins\ngetattr\n(ccollections\nOrderedDict\n)RS'__class__'\ntR.", "pickle-dangerous-call"),
        ("a method that is called", b"cbuiltins\ngetattr\n(ccollections\nOrderedDict\n)RS'update'\ntR)R.", "pickle-computed-name"),
        ("a class made by type", b"cbuiltins\ntype\n(S'x'\n)}tR.", "pickle-dangerous-call"),
    ];
    for (what, bytes, rule) in cases {
        if *rule == "pickle-malformed" {
            assert_ne!(
                Scanner::default().scan(bytes).outcome,
                ScanOutcome::Clean,
                "{what}"
            );
        } else {
            refused(what, bytes, rule);
        }
    }
}

#[test]
fn what_is_behind_or_within_is_seen() {
    refused(
        "a second pickle",
        &[harmless(), hostile()].concat(),
        "pickle-dangerous-call",
    );
    refused(
        "a tenth pickle",
        &[harmless().repeat(9), hostile()].concat(),
        "pickle-dangerous-call",
    );
    refused(
        "behind a break",
        b"\x80\x04]h\x63cos\nsystem\nU\x04true\x85R.",
        "pickle-dangerous-call",
    );
    review(
        "bytes behind",
        &[harmless(), vec![0xfe; 64]].concat(),
        "pickle-trailing-data",
    );
    refused(
        "a zip archive behind",
        &[harmless(), crate::make::zip::zip(&[("a", &hostile())])].concat(),
        "",
    );
    let mut inner = hostile();
    for _ in 0..4 {
        inner = [
            b"\x80\x03B",
            &(inner.len() as u32).to_le_bytes()[..],
            &inner,
            b".",
        ]
        .concat();
    }
    refused("pickles in pickles", &inner, "pickle-dangerous-call");
}

#[test]
fn broken_pickles_are_unreadable() {
    unreadable(
        "cut off",
        b"\x80\x04\x95\x20\0\0\0\0\0\0\0}\x94\x8c\x01a",
        "pickle-malformed",
    );
    unreadable("no such instruction", b"\x80\x04}\xff.", "pickle-malformed");
    unreadable(
        "a memo that is not there",
        b"\x80\x02]h\x05.",
        "pickle-malformed",
    );
    unreadable("an empty stack", b"\x80\x02R.", "pickle-malformed");
    unreadable("no mark", b"\x80\x02t.", "pickle-malformed");
}

#[test]
fn harmless_pickles_are_clean() {
    let cases: &[(&str, &[u8])] = &[
        ("a dict", b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s."),
        ("protocol 0", b"(dp0\nVa\np1\nI1\nsVb\np2\n(lp3\nF1.5\naL12L\nas."),
        ("an ordered dict", b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01X\x01\0\0\0aK\x01s."),
        ("an estimator", b"\x80\x02csklearn.linear_model._logistic\nLogisticRegression\nq\0)\x81q\x01}q\x02X\x01\0\0\0CG?\xf0\0\0\0\0\0\0sb."),
        ("an array", b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85c_codecs\nencode\nX\x01\0\0\0bX\x06\0\0\0latin1\x86R\x87R(K\x01K\x01\x85cnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89C\x01\x05tb."),
        ("none and its type", b"cbuiltins\ntype\nN\x85R."),
        ("a bound method that is kept", b"\x80\x02]cbuiltins\ngetattr\n(ctorch.nn.modules.linear\nLazyLinear\n)\x81U\x11_infer_parameterstRa."),
        ("several", b"\x80\x02}.\x80\x02].\x80\x02)."),
    ];
    for (what, bytes) in cases {
        clean(what, bytes);
    }
}

#[test]
fn arrays_of_joblib_are_passed_over() {
    let wrapper = |kind: &str, shape: u8, rest: &[u8]| {
        let kind = [
            b"X",
            &(kind.len() as u32).to_le_bytes()[..],
            kind.as_bytes(),
        ]
        .concat();
        [
            b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\0\0\0subclasscnumpy\nndarray\nX\x05\0\0\0shape",
            &[b'K', shape, 0x85][..],
            b"X\x05\0\0\0orderX\x01\0\0\0CX\x05\0\0\0dtypecnumpy\ndtype\n",
            &kind,
            b"\x89\x88\x87RX\x0a\0\0\0allow_mmap\x88ub",
            rest,
        ]
        .concat()
    };
    clean("numbers", &wrapper("u1", 4, b"cos\n."));
    refused(
        "a pickle of objects",
        &wrapper("O8", 1, &[hostile(), b".".to_vec()].concat()),
        "pickle-dangerous-call",
    );
    refused(
        "a call behind the numbers",
        &wrapper("u1", 4, b"cos\ncos\nsystem\n(S'true'\ntR."),
        "pickle-dangerous-call",
    );
    unreadable(
        "fewer numbers than there should be",
        &wrapper("f8", 9, b"."),
        "pickle-malformed",
    );
}
