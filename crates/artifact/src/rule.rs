// SPDX-License-Identifier: Apache-2.0
//! Every rule there is. Identifiers are a promise: policies and suppressions name them.

use crate::outcome::ScanOutcome;

/// A rule: what it means to break it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which never changes.
    pub id: &'static str,
    /// What one finding of it leads to.
    pub outcome: ScanOutcome,
    /// What it says.
    pub title: &'static str,
    /// What to do about a finding.
    pub advice: &'static str,
    /// A weakness (CWE) or vulnerability (CVE) behind it.
    pub reference: &'static str,
}

impl Rule {
    /// How grave a finding of it is.
    #[must_use]
    pub const fn severity(&self) -> &'static str {
        self.outcome.severity()
    }
}

/// All rules.
#[must_use]
pub const fn rules() -> &'static [&'static Rule] {
    ALL
}

macro_rules! rules {
    ($($name:ident $id:literal $outcome:ident $reference:literal $title:literal $advice:literal;)*) => {
        $(pub(crate) static $name: Rule = Rule {
            id: $id,
            outcome: ScanOutcome::$outcome,
            title: $title,
            advice: $advice,
            reference: $reference,
        };)*
        static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    ARCHIVE_BOMB "archive-bomb" Refuse "CWE-409"
        "A container unpacks to far more than its own size"
        "Do not unpack it. If it is yours, store it without compression.";
    ARCHIVE_DEPTH "archive-depth" Refuse "CWE-674"
        "Containers are nested deeper than any model needs"
        "Unpack the outer containers and scan what is inside.";
    ARCHIVE_DUPLICATE "archive-duplicate" Refuse "CWE-694"
        "Two members of an archive have the same name"
        "Do not load it: readers see different files.";
    ARCHIVE_ENCRYPTED "archive-encrypted" Refuse "CWE-311"
        "A member is encrypted, so nobody can say what it holds"
        "Ask for it without a password.";
    ARCHIVE_FOREIGN "archive-foreign" Refuse "CVE-2025-1889"
        "An archive of a kind that models do not come in, and that scanners do not open"
        "Unpack it where nothing can happen, and scan what is inside.";
    ARCHIVE_LIMIT "archive-limit" Review "CWE-400"
        "More members or bytes than one scan looks at"
        "Split it, or scan its parts one by one.";
    ARCHIVE_LINK "archive-link" Refuse "CWE-59"
        "A member is a link, a device or something else that is no file"
        "Replace it by the file that it stands for.";
    ARCHIVE_MALFORMED "archive-malformed" Unreadable "CWE-20"
        "A container cannot be read to its end"
        "Get it again; if it stays like this, do not use it.";
    ARCHIVE_PATH "archive-path" Refuse "CWE-22"
        "A member would be written outside of the directory it is unpacked to"
        "Do not unpack it.";
    ARCHIVE_TRAILING "archive-trailing-data" Refuse "CWE-506"
        "Bytes behind the end of an archive"
        "Do not load it: somebody put something where scanners do not look.";
    CODE_OPERATOR "code-operator" Refuse "CWE-913"
        "A stored program calls an operation that reads or writes files"
        "Do not load it; ask for the weights alone.";
    CODE_SOURCE "code-source" Review "CWE-829"
        "Source of a program that runs if loaders are told to trust it"
        "Read it before it is run, and keep remote code off.";
    CONFIG_AUTO_MAP "config-auto-map" Review "CWE-829"
        "A configuration names classes of its own repository to load"
        "Read that code, or load it with remote code off.";
    CONFIG_CALLABLE "config-callable" Refuse "CWE-94"
        "A configuration names something to call that is no part of a model"
        "Do not load it.";
    CONFIG_REMOTE_CODE "config-remote-code" Refuse "CWE-829"
        "A configuration takes code from elsewhere"
        "Do not load it; ask for a version that needs no code of others.";
    COREML_CUSTOM "coreml-custom" Review "CWE-829"
        "A Core ML model needs classes of its author"
        "Read their code before you register them.";
    FILE_LARGE "file-large" Review "CWE-400"
        "A file that is too large to be kept in memory, of a format that has to be"
        "Scan it on a larger machine, or ask for safetensors.";
    FILE_LINK "file-link" Review "CWE-59"
        "A link or device in a directory, which was not followed"
        "Give the path that it leads to.";
    FILE_MISMATCH "file-mismatch" Refuse "CWE-436"
        "The same bytes are valid in formats that do not go together"
        "Do not load it: what a loader sees depends on the loader.";
    FILE_UNREAD "file-unread" Unreadable "CWE-20"
        "A file that cannot be opened or read"
        "Mend its permissions, or leave it out.";
    FILE_UNKNOWN "file-unknown" Review "CWE-434"
        "Content of no known format"
        "Find out what it is for; leave it out if nothing needs it.";
    GGUF_MALFORMED "gguf-malformed" Unreadable "CWE-787"
        "A GGUF file whose counts, offsets or types do not hold"
        "Get it again; loaders have had memory errors on such files.";
    HDF5_EXTERNAL "hdf5-external" Refuse "CWE-73"
        "An HDF5 file takes data from other files"
        "Do not load it; ask for one file that holds everything.";
    HDF5_MALFORMED "hdf5-malformed" Unreadable "CWE-20"
        "An HDF5 file that cannot be read to its end"
        "Get it again.";
    JSON_MALFORMED "json-malformed" Unreadable "CWE-20"
        "JSON that cannot be read, or reads differently in different programs"
        "Get it again, or mend it by hand.";
    KERAS_LAMBDA "keras-lambda" Refuse "CVE-2024-3660"
        "A layer holds compiled code that runs when the model is loaded or used"
        "Ask for the model without Lambda layers.";
    KERAS_MALFORMED "keras-malformed" Unreadable "CWE-20"
        "A Keras model whose parts do not fit together"
        "Get it again.";
    KERAS_MODULE "keras-module" Refuse "CVE-2025-1550"
        "A Keras configuration imports what is no part of Keras"
        "Do not load it, not even in safe mode of older versions.";
    KERAS_URL "keras-url" Refuse "CVE-2025-8747"
        "A Keras configuration fetches a file"
        "Do not load it.";
    KERAS_CUSTOM "keras-custom" Review "CWE-829"
        "A Keras configuration needs classes of its author"
        "Read their code before you register them.";
    NATIVE_CODE "native-code" Refuse "CWE-829"
        "A native program or library"
        "Never run it to load a model. llamafiles have their weights as GGUF inside.";
    NPY_MALFORMED "npy-malformed" Unreadable "CWE-20"
        "A numpy array whose header and bytes do not fit together"
        "Get it again.";
    ONNX_CUSTOM "onnx-custom-domain" Review "CWE-829"
        "Operators of a domain that a runtime does not have: they need a library of the author"
        "Find out which library, and who makes it.";
    ONNX_EXTERNAL "onnx-external-data" Refuse "CVE-2024-27318"
        "Weights are taken from a file outside of the model's directory"
        "Do not load it.";
    ONNX_MALFORMED "onnx-malformed" Unreadable "CWE-20"
        "An ONNX model that cannot be read to its end"
        "Get it again.";
    ONNX_PYTHON "onnx-python-operator" Refuse "CWE-94"
        "An operator that runs Python"
        "Do not load it.";
    PADDLE_OPERATOR "paddle-operator" Refuse "CWE-913"
        "A program reads or writes files, listens on the network or runs Python"
        "Do not load it.";
    PICKLE_BUILD "pickle-build" Refuse "CWE-915"
        "A pickle changes a module, class or function instead of an object of its own"
        "Do not load it.";
    PICKLE_CALL "pickle-unlisted-call" Refuse "CWE-502"
        "A pickle calls something that no list of harmless models holds"
        "Ask for safetensors or ONNX; or let the author say why it is needed, and read that code.";
    PICKLE_CLASS "pickle-unlisted-class" Review "CWE-502"
        "A pickle needs classes or functions of somebody's own package"
        "Read that package before you load the model.";
    PICKLE_COMPUTED "pickle-computed-name" Refuse "CWE-470"
        "A pickle computes what it imports or calls"
        "Do not load it: nobody who saves a model does this.";
    PICKLE_DANGEROUS "pickle-dangerous-call" Refuse "CWE-502"
        "A pickle runs commands or code, or reaches files or the network"
        "Do not load it. Keep it for whoever looks into the incident.";
    PICKLE_DOTTED "pickle-dotted-name" Refuse "CWE-470"
        "A pickle reaches through an object to what is behind it"
        "Do not load it.";
    PICKLE_EXTENSION "pickle-extension-code" Refuse "CWE-470"
        "A pickle names what it imports by a number of the process that loads it"
        "Do not load it.";
    PICKLE_LIMIT "pickle-limit" Review "CWE-400"
        "A pickle with more instructions or values than one scan follows"
        "Ask for safetensors.";
    PICKLE_MALFORMED "pickle-malformed" Unreadable "CWE-20"
        "A pickle that cannot be read to its end; what stands before the break would still run"
        "Get it again; if it stays like this, do not use it.";
    PICKLE_MEMBER "pickle-unlisted-member" Refuse "CWE-502"
        "A pickle takes something from Python or a framework that no harmless model needs"
        "Ask for safetensors or ONNX.";
    PICKLE_PERSISTENT "pickle-persistent-id" Review "CWE-502"
        "A pickle refers to objects that only a loader of its own can supply"
        "Find out which loader it is for.";
    PICKLE_TRAILING "pickle-trailing-data" Review "CWE-506"
        "Bytes behind the end of a pickle that no loader is known to read"
        "Find out what they are for.";
    PROTOBUF_MALFORMED "protobuf-malformed" Unreadable "CWE-20"
        "A model graph that cannot be read to its end"
        "Get it again.";
    SAFETENSORS_MALFORMED "safetensors-malformed" Unreadable "CWE-20"
        "A safetensors file whose header and bytes do not fit together"
        "Get it again.";
    SKOPS_TYPE "skops-type" Refuse "CVE-2024-37065"
        "A skops file names a type or function that no list of harmless models holds"
        "Do not trust it by its name; ask what it is for.";
    TEMPLATE_DANGEROUS "template-dangerous" Refuse "CVE-2024-34359"
        "A chat template reaches for the insides of Python"
        "Do not render it, not even sandboxed.";
    TEMPLATE_UNKNOWN "template-unknown" Review "CWE-1336"
        "A chat template with constructs that no chat needs, or that cannot be read"
        "Read it before it is rendered.";
    TENSORFLOW_OPERATOR "tensorflow-operator" Refuse "CWE-913"
        "A graph reads or writes files, reaches the network or runs Python"
        "Do not load it.";
    TENSORFLOW_CUSTOM "tensorflow-custom" Review "CWE-829"
        "A graph needs operators of a library that is not TensorFlow"
        "Find out which library, and who makes it.";
    TFLITE_CUSTOM "tflite-custom" Review "CWE-829"
        "A model needs operators that TensorFlow Lite does not have"
        "Find out which library, and who makes it.";
    TFLITE_MALFORMED "tflite-malformed" Unreadable "CWE-20"
        "A TensorFlow Lite model whose tables do not hold"
        "Get it again.";
    XML_ENTITY "xml-entity" Refuse "CWE-611"
        "An XML file that takes text from elsewhere or repeats itself without end"
        "Do not parse it with entities on.";
    XML_EXTENSION "xml-extension" Review "CWE-829"
        "An XML model needs code of its author, or names files outside of itself"
        "Find out which library, and who makes it.";
    XML_MALFORMED "xml-malformed" Unreadable "CWE-20"
        "XML that cannot be read to its end"
        "Get it again.";
    YAML_TAG "yaml-tag" Refuse "CVE-2020-14343"
        "YAML that makes objects of Python when it is loaded"
        "Load it with a safe loader only, if at all.";
    ZIP_CHECKSUM "zip-checksum" Unreadable "CVE-2025-10156"
        "A member's bytes do not have the checksum that the archive says"
        "Get it again: loaders do not check it and scanners stop there.";
    ZIP_DISAGREEMENT "zip-disagreement" Refuse "CVE-2025-1944"
        "The directory of a zip archive and its members do not say the same"
        "Do not load it: readers see different files.";
    ZIP_FLAGS "zip-flags" Refuse "CVE-2025-1945"
        "A member has flags that make readers stop or skip it"
        "Do not load it.";
    ZIP_HIDDEN "zip-hidden-data" Refuse "CWE-506"
        "Members or bytes that the directory of a zip archive does not name"
        "Do not load it: somebody put something where scanners do not look.";
}
