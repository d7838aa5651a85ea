# SPDX-License-Identifier: Apache-2.0
"""Pickles: every callable of the tables, and every instruction that reaches one."""

import struct

from .artefact import hostile
from .callables import GROUPS
from .opcodes import (ADDITEMS, APPEND, APPENDS, BUILD, EMPTY_DICT, EMPTY_TUPLE, MARK, MEMOIZE,
                      NEWOBJ, NEWOBJ_EX, OBJ, POP, REDUCE, SETITEM, SETITEMS, STACK_GLOBAL, TUPLE,
                      Code, call, line, long, made, named, pickle, refer, short, stacked, value)

SYSTEM = named("os", "system")
TRUE = long("true")


def corpus():
    yield from calls()
    yield from ways()
    yield from names()
    yield from without_a_call()


def calls():
    """One pickle per callable. Protocols take turns; dotted names need 4 or later."""
    for group, table in GROUPS.items():
        for index, (module, name, *arguments) in enumerate(table):
            protocol = 4 + index % 2 if "." in name else index % 6
            callee = stacked(module, name) if protocol >= 4 else named(module, name)
            text = {0: line, 4: short, 5: short}.get(protocol, long)
            yield hostile(
                f"pickle-{group}-{module}.{name}.pkl".replace("__", "_"), f"pickle: {group}",
                f"calls {module}.{name}",
                pickle(call(callee, *arguments, text=text), protocol=protocol))


def code_object():
    """`types.CodeType` for a function that returns nothing, as constant arguments."""
    body = b"\x97\x00d\x00S\x00"
    return made("types", "CodeType", 0, 0, 0, 0, 1, 3, body, (None,), (), (), "<inert>", "inert",
                "inert", 1, b"", b"", (), ())


def ways():
    """The same call in every way that pickles have to make one."""
    family = "pickle: instructions"
    for protocol in range(6):
        yield hostile(f"pickle-way-global-{protocol}.pkl", family,
                      f"GLOBAL and REDUCE under protocol {protocol}",
                      pickle(call(SYSTEM, "true", text=long if protocol else line),
                             protocol=protocol))
    new = stacked("types", "FunctionType")
    mapped = refer("os", "system"), ["true"]
    table = {
        "stack-global": ("STACK_GLOBAL and REDUCE",
                         pickle(stacked("os", "system"), TRUE, b"\x85", REDUCE)),
        "stack-global-below-4": ("STACK_GLOBAL under protocol 2, which readers accept",
                                 pickle(stacked("os", "system"), TRUE, b"\x85R", protocol=2)),
        "inst": ("INST", pickle(MARK, line("true"), b"ios\nsystem\n", protocol=0)),
        "inst-binary": ("INST under protocol 3", pickle(MARK, TRUE, b"ios\nsystem\n", protocol=3)),
        "obj": ("OBJ", pickle(MARK, SYSTEM, TRUE, OBJ, protocol=1)),
        "obj-stack-global": ("OBJ with STACK_GLOBAL",
                             pickle(MARK, stacked("os", "system"), TRUE, OBJ)),
        "newobj-function": ("NEWOBJ makes a function of a code object, which is called",
                            pickle(new, value((code_object(), {})), NEWOBJ, EMPTY_TUPLE, REDUCE)),
        "newobj-ex-function": ("NEWOBJ_EX makes a function, which is called",
                               pickle(new, value((code_object(), {})), EMPTY_DICT, NEWOBJ_EX,
                                      EMPTY_TUPLE, REDUCE)),
        "newobj-map": ("NEWOBJ only: tuple.__new__ drains map.__new__(os.system, …)",
                       pickle(stacked("builtins", "tuple"), MARK, stacked("builtins", "map"),
                              value(mapped), NEWOBJ, TUPLE, NEWOBJ)),
        "newobj-filter": ("NEWOBJ only: bytes.__new__ drains filter.__new__",
                          pickle(stacked("builtins", "bytes"), MARK, stacked("builtins", "filter"),
                                 value(mapped), NEWOBJ, TUPLE, NEWOBJ)),
        "newobj-ex-map": ("NEWOBJ_EX only",
                          pickle(stacked("builtins", "frozenset"), MARK,
                                 stacked("builtins", "map"), value(mapped), EMPTY_DICT, NEWOBJ_EX,
                                 TUPLE, EMPTY_DICT, NEWOBJ_EX)),
        "build-setstate": ("BUILD stores __setstate__ in an object, the next BUILD calls it",
                           pickle(stacked("argparse", "Namespace"), EMPTY_TUPLE, NEWOBJ,
                                  value({"__setstate__": refer("os", "system")}), BUILD, TRUE,
                                  BUILD)),
        "append": ("APPEND calls the `append` that BUILD put into an object",
                   pickle(stacked("argparse", "Namespace"), EMPTY_TUPLE, NEWOBJ,
                          value({"append": refer("os", "system")}), BUILD, TRUE, APPEND)),
        "appends": ("APPENDS calls `extend`",
                    pickle(stacked("argparse", "Namespace"), EMPTY_TUPLE, NEWOBJ,
                           value({"extend": refer("os", "system"), "append": 0}), BUILD, MARK, TRUE,
                           APPENDS)),
        "additems": ("ADDITEMS calls `add`",
                     pickle(stacked("argparse", "Namespace"), EMPTY_TUPLE, NEWOBJ,
                            value({"add": refer("os", "system")}), BUILD, MARK, TRUE, ADDITEMS)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"pickle-way-{name}.pkl", family, why, data)
    register = call(stacked("copyreg", "add_extension"), "os", "system", 1) + POP
    for name, code in (("1", b"\x82\x01"), ("2", b"\x83\x01\x00"), ("4", b"\x84\x01\0\0\0")):
        yield hostile(f"pickle-way-ext{name}.pkl", family,
                      f"registers an extension code, then calls it by EXT{name}",
                      pickle(register, code, TRUE, b"\x85", REDUCE))
        yield hostile(f"pickle-way-ext{name}-alone.pkl", family,
                      f"EXT{name} calls whatever the loading process registered",
                      pickle(code, TRUE, b"\x85", REDUCE))


def names():
    """The name itself is hidden, computed, or reached through something else."""
    family = "pickle: names"
    tail = TRUE + b"\x85" + REDUCE
    attribute = made("builtins", "getattr", made("importlib", "import_module", "os"), "system")
    table = {
        "escaped": ("a text with escapes", b"V\\u006fs\nVsy\\u0073tem\n" + STACK_GLOBAL + tail),
        "string": ("STRING with escapes", b"S'o\\x73'\nS'sys\\x74em'\n" + STACK_GLOBAL + tail),
        "short-string": ("SHORT_BINSTRING", b"U\x02osU\x06system" + STACK_GLOBAL + tail),
        "long-text": ("a text with a length of eight bytes",
                      b"\x8d" + struct.pack("<Q", 2) + b"os" + short("system") + STACK_GLOBAL + tail),
        "memo": ("names from the memo",
                 short("system") + MEMOIZE + POP + short("os") + b"h\x00" + STACK_GLOBAL + tail),
        "memo-overwritten": ("the memo is overwritten before the name is taken from it",
                             short("len") + b"q\x05" + POP + short("system") + b"q\x05" + POP
                             + short("os") + b"h\x05" + STACK_GLOBAL + tail),
        "memo-long": ("LONG_BINPUT and LONG_BINGET",
                      short("os") + b"r\xff\xff\x00\x00" + POP + b"j\xff\xff\x00\x00"
                      + short("system") + STACK_GLOBAL + tail),
        "memo-text": ("PUT and GET with leading zeros",
                      short("system") + b"p007\n" + POP + short("os") + b"g7\n" + STACK_GLOBAL + tail),
        "memo-callable": ("the callable goes through the memo",
                          SYSTEM + b"q\x01" + POP + value([1, 2]) + POP + b"h\x01" + tail),
        "dup": ("the callable is duplicated", SYSTEM + b"2" + POP + tail),
        "pop-mark": ("values are thrown away between the names and STACK_GLOBAL",
                     short("os") + short("system") + MARK + short("math") + short("sqrt") + b"1"
                     + STACK_GLOBAL + tail),
        "dead-strings": ("harmless names stand between the names and STACK_GLOBAL",
                         short("os") + short("system") + short("collections") + POP
                         + short("OrderedDict") + POP + STACK_GLOBAL + tail),
        "tuple-pop": ("names built into a tuple that is thrown away are not those of the call",
                      short("math") + short("sqrt") + b"\x86" + POP + stacked("os", "system") + tail),
        "computed-concat": ("operator.concat computes the name",
                            short("os") + call(stacked("operator", "concat"), "sys", "tem")
                            + STACK_GLOBAL + tail),
        "computed-str": ("builtins.str computes the name",
                         short("os") + call(stacked("builtins", "str"), b"system", "ascii")
                         + STACK_GLOBAL + tail),
        "computed-decode": ("codecs.decode computes the name by rot13",
                            short("os") + call(stacked("codecs", "decode"), "flfgrz", "rot13")
                            + STACK_GLOBAL + tail),
        "computed-encode": ("_codecs.encode and bytes.decode compute the name",
                            short("os") + call(stacked("builtins", "bytes.decode"),
                                               made("_codecs", "encode", "system", "latin1"))
                            + STACK_GLOBAL + tail),
        "computed-join": ("str.join computes the name",
                          short("os") + call(stacked("builtins", "str.join"), "", ["sys", "tem"])
                          + STACK_GLOBAL + tail),
        "computed-dict": ("the name is an item of a dictionary",
                          short("os") + call(stacked("operator", "getitem"), {"k": "system"}, "k")
                          + STACK_GLOBAL + tail),
        "dotted-module": ("through a module that imports os", stacked("shutil", "os.system") + tail),
        "dotted-path": ("through os.path", stacked("posixpath", "os.system") + tail),
        "dotted-framework": ("through a framework's own import",
                             stacked("torch.serialization", "os.system") + tail),
        "dotted-numpy": ("through a module of numpy",
                         stacked("numpy.testing._private.utils", "os.system") + tail),
        "dotted-sklearn": ("through a module of scikit-learn",
                           stacked("sklearn.datasets._base", "os.remove") + tail),
        "dotted-joblib": ("through a module of joblib", stacked("joblib.memory", "os.system") + tail),
        "dotted-class": ("through the bases of a listed class",
                         stacked("collections", "OrderedDict.__base__.__base__.__subclasses__")
                         + EMPTY_TUPLE + REDUCE),
        "dotted-globals": ("through the globals of a function",
                           call(stacked("operator", "getitem"),
                                refer("functools", "singledispatch.__globals__"), "get_cache_token")
                           + EMPTY_TUPLE + REDUCE),
        "getattr": ("getattr of an imported module", value(attribute) + tail),
        "attrgetter": ("operator.attrgetter",
                       call(call(stacked("operator", "attrgetter"), "system"),
                            made("importlib", "import_module", "os")) + tail),
        "methodcaller": ("operator.methodcaller",
                         call(call(stacked("operator", "methodcaller"), "system", "true"),
                              made("importlib", "import_module", "os"))),
        "itemgetter": ("operator.itemgetter takes it out of sys.modules",
                       call(stacked("builtins", "getattr"),
                            Code(call(call(stacked("operator", "itemgetter"), "os"),
                                      refer("sys", "modules"))), "system") + tail),
        "partial": ("functools.partial",
                    call(stacked("functools", "partial"), refer("os", "system"), "true")
                    + EMPTY_TUPLE + REDUCE),
        "partial-state": ("BUILD gives a harmless partial another function",
                          call(stacked("functools", "partial"), refer("builtins", "int"))
                          + value((refer("os", "system"), ("true",), {}, None)) + BUILD
                          + EMPTY_TUPLE + REDUCE),
        "reduce": ("functools.reduce over getattr",
                   call(stacked("functools", "reduce"), refer("builtins", "getattr"), ["system"],
                        made("importlib", "import_module", "os")) + tail),
        "map": ("list(map(…))", call(stacked("builtins", "list"),
                                     made("builtins", "map", refer("os", "system"), ["true"]))),
        "starmap": ("itertools.starmap drained by a deque",
                    call(stacked("collections", "deque"),
                         made("itertools", "starmap", refer("os", "system"), [("true",)]))),
        "defaultdict": ("a defaultdict's factory",
                        call(stacked("operator", "getitem"),
                             made("collections", "defaultdict", refer("os", "getpid")), "x")),
        "iter": ("next of iter(callable, sentinel)",
                 call(stacked("builtins", "next"),
                      made("builtins", "iter", refer("os", "getpid"), 0))),
        "method-type": ("types.MethodType",
                        call(stacked("types", "MethodType"), refer("os", "system"), "true")
                        + EMPTY_TUPLE + REDUCE),
        "copyreg": ("copyreg.__newobj__",
                    call(stacked("copyreg", "__newobj__"), refer("subprocess", "Popen"))
                    + value({"__setstate__": refer("os", "system")}) + BUILD + TRUE + BUILD),
        "reconstructor": ("copyreg._reconstructor makes an object to be given __setstate__",
                          call(stacked("copyreg", "_reconstructor"), refer("argparse", "Namespace"),
                               refer("builtins", "object"), None)
                          + value({"__setstate__": refer("os", "system")}) + BUILD + TRUE + BUILD),
        "multimethod": ("the descriptor protocol: property.__get__",
                        call(stacked("builtins", "property.__get__"),
                             made("builtins", "property", refer("os", "system")), "true")),
        "type": ("a class made by type(), whose __class_getitem__ is called",
                 call(stacked("operator", "getitem"),
                      made("builtins", "type", "T", (), {"__class_getitem__": refer("os", "system")}),
                      "true")),
        "numpy-apply": ("numpy.apply_along_axis calls what it is given",
                        call(stacked("numpy", "apply_along_axis"), refer("os", "system"), 0,
                             ["true"])),
        "numpy-frompyfunc": ("numpy.frompyfunc makes a callable of a callable",
                             call(call(stacked("numpy", "frompyfunc"), refer("os", "system"), 1, 1),
                                  "true")),
        "numpy-vectorize": ("numpy.vectorize",
                            call(call(stacked("numpy", "vectorize"), refer("os", "system")), "true")),
        "torch-rebuild": ("torch._tensor._rebuild_from_type_v2 calls its first argument",
                          call(stacked("torch._tensor", "_rebuild_from_type_v2"),
                               refer("os", "system"), refer("torch", "Tensor"), ("true",), {})),
        "scipy-callback": ("scipy.optimize.minimize calls what it is given",
                           call(stacked("scipy.optimize", "minimize"), refer("os", "system"), 0)),
        "sklearn-transformer": ("FunctionTransformer keeps a function for later",
                                stacked("sklearn.preprocessing._function_transformer",
                                        "FunctionTransformer") + EMPTY_TUPLE + NEWOBJ
                                + value({"func": refer("os", "system"), "inverse_func": None})
                                + BUILD),
        "pandas-pipe": ("pandas applies what it is given",
                        call(stacked("pandas", "Series.apply"), made("pandas", "Series", ["true"]),
                             refer("os", "system"))),
        "joblib-delayed": ("joblib runs what it is given",
                           call(stacked("joblib._parallel_backends", "SafeFunction"),
                                refer("os", "system")) + TRUE + b"\x85" + REDUCE),
        "substring": ("a module whose name only begins like a known one",
                      stacked("numpy_casemate", "system") + tail),
    }
    for name, (why, code) in table.items():
        yield hostile(f"pickle-name-{name}.pkl", family, why, pickle(code))
    yield hostile("pickle-name-python-2.pkl", family, "a module of Python 2 is translated",
                  pickle(call(named("__builtin__", "eval"), "None"), protocol=2))


def without_a_call():
    """No call at all: what is changed is the process that loads."""
    family = "pickle: changes the process"
    table = {
        "module-build": ("BUILD changes a module's members",
                         stacked("sys", "modules") + POP + call(stacked("importlib", "import_module"),
                                                                "math")
                         + value({"sqrt": refer("os", "system")}) + BUILD),
        "class-build": ("BUILD changes a class",
                        stacked("argparse", "Namespace")
                        + value((None, {"__init__": refer("os", "system")})) + BUILD),
        "function-build": ("BUILD gives a function another body",
                           stacked("json", "loads") + value((None, {"__code__": code_object()}))
                           + BUILD),
        "builtins-item": ("SETITEM replaces a builtin", stacked("numpy", "__builtins__")
                          + long("print") + SYSTEM + SETITEM),
        "modules-item": ("SETITEM replaces a module", stacked("sys", "modules") + long("math")
                         + long("x") + SETITEM),
        "modules-items": ("SETITEMS replace modules", stacked("sys", "modules") + MARK + long("json")
                          + long("x") + SETITEMS),
        "path-append": ("APPEND changes where modules come from", stacked("sys", "path")
                        + long("/nonexistent/casemate") + APPEND),
        "path-appends": ("APPENDS changes where modules come from", stacked("sys", "path") + MARK
                         + long("/nonexistent/casemate") + APPENDS),
        "hooks": ("APPEND adds an import hook", stacked("sys", "meta_path")
                  + stacked("os", "system") + APPEND),
        "environment": ("SETITEM changes the environment", stacked("os", "environ")
                        + long("CASEMATE") + long("1") + SETITEM),
        "dispatch": ("SETITEM registers a reducer", stacked("copyreg", "dispatch_table")
                     + stacked("builtins", "int") + stacked("os", "system") + SETITEM),
        "globals": ("SETITEM on the globals of a function",
                    stacked("collections", "namedtuple.__globals__") + long("_sys")
                    + stacked("os", "system") + SETITEM),
        "defaults": ("BUILD changes the defaults of a function",
                     stacked("json", "loads")
                     + value((None, {"__kwdefaults__": {"cls": refer("os", "system")}})) + BUILD),
        "class-attribute": ("BUILD gives an object another class",
                            stacked("argparse", "Namespace") + EMPTY_TUPLE + NEWOBJ
                            + value((None, {"__class__": refer("subprocess", "Popen")})) + BUILD),
    }
    for name, (why, code) in table.items():
        yield hostile(f"pickle-change-{name}.pkl", family, why, pickle(code))
