# SPDX-License-Identifier: Apache-2.0
"""Writes harmless models of real libraries into a directory.

    collect.py make DIR      every estimator, array, booster and module there is
    collect.py list DIR      the globals in DIR's pickles, with how each is used

Run it in an environment of your own with the libraries you want to know about. What `list` prints is
read by a person before a line of it goes into a list: it says what models use, not what is safe.
"""

import io
import os
import pickle
import sys
import warnings
import zipfile
import zlib

warnings.filterwarnings("ignore")


def save(directory, name, value, protocols=(2, 4, 5)):
    """One object in all the ways that people save objects."""
    import joblib

    for protocol in protocols:
        path = os.path.join(directory, f"{name}.p{protocol}.pkl")
        try:
            with open(path, "wb") as file:
                pickle.dump(value, file, protocol=protocol)
        except Exception:
            os.unlink(path)
            return
    try:
        joblib.dump(value, os.path.join(directory, f"{name}.joblib"))
    except Exception:
        pass


def make(directory):
    os.makedirs(directory, exist_ok=True)
    for part in (sklearn_models, arrays, boosters, plain, torch_modules):
        try:
            part(directory)
        except Exception as error:
            print(f"left out from here on: {part.__name__}: {error}", file=sys.stderr)


def sklearn_models(directory):
    import numpy as np
    from sklearn.utils import all_estimators
    from sklearn.datasets import load_iris, load_diabetes, make_multilabel_classification

    x, y = load_iris(return_X_y=True)
    xr, yr = load_diabetes(return_X_y=True)
    _, multi = make_multilabel_classification(150, 4, random_state=0)
    for name, kind in all_estimators():
        for estimator in instances(name, kind):
            for data in ((x, y), (xr[:100], yr[:100]), (abs(x), multi), (x, None), (y, y),
                         (["a b", "b c d"], [0, 1]), ([{"a": 1}, {"b": 2.0}], [0, 1])):
                try:
                    estimator.fit(*data)
                    break
                except Exception:
                    continue
            save(directory, f"sklearn-{name}", estimator)
    more_sklearn(directory, x, y)


def instances(name, kind):
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler, OneHotEncoder

    try:
        yield kind()
        return
    except Exception:
        pass
    some = [("a", LogisticRegression()), ("b", LogisticRegression())]
    tries = [
        lambda: kind(LogisticRegression()), lambda: kind(Ridge()), lambda: kind(some),
        lambda: kind([("a", Ridge()), ("b", Ridge())]),
        lambda: kind([("s", StandardScaler()), ("m", LogisticRegression())]),
        lambda: kind([("s", StandardScaler(), [0, 1]), ("o", OneHotEncoder(), [2])]),
        lambda: kind(LogisticRegression(), {"C": [1, 2]}),
    ]
    for attempt in tries:
        try:
            yield attempt()
            return
        except Exception:
            continue


def more_sklearn(directory, x, y):
    import numpy as np
    from scipy import stats
    from sklearn import compose, ensemble, feature_extraction, gaussian_process, linear_model
    from sklearn import model_selection, neighbors, pipeline, preprocessing, svm, tree, metrics

    kernels = gaussian_process.kernels
    for kernel in (kernels.RBF() + kernels.WhiteKernel(), kernels.Matern() * kernels.ConstantKernel(),
                   kernels.RationalQuadratic(), kernels.ExpSineSquared(), kernels.DotProduct(),
                   kernels.Exponentiation(kernels.RBF(), 2), kernels.PairwiseKernel(),
                   kernels.CompoundKernel([kernels.RBF()])):
        try:
            model = gaussian_process.GaussianProcessRegressor(kernel=kernel, alpha=1.0).fit(x[:30], y[:30])
        except Exception:
            model = kernel
        save(directory, f"sklearn-gp-{type(kernel).__name__}", model)
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error",
                 "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
        model = linear_model.SGDClassifier(loss=loss).fit(x, y)
        save(directory, f"sklearn-sgd-{loss}", model)
    for loss in ("squared_error", "absolute_error", "poisson", "quantile", "gamma"):
        try:
            model = ensemble.HistGradientBoostingRegressor(
                loss=loss, quantile=0.5 if loss == "quantile" else None, max_iter=4).fit(x, y + 1)
            save(directory, f"sklearn-hist-{loss}", model)
        except Exception:
            pass
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        save(directory, f"sklearn-gb-{loss}",
             ensemble.GradientBoostingRegressor(loss=loss, n_estimators=4).fit(x, y))
    for loss in ("log_loss", "exponential"):
        save(directory, f"sklearn-gbc-{loss}",
             ensemble.GradientBoostingClassifier(loss=loss, n_estimators=4).fit(x[:100], y[:100]))
    for criterion in ("gini", "entropy", "log_loss"):
        save(directory, f"sklearn-tree-{criterion}", tree.DecisionTreeClassifier(criterion=criterion).fit(x, y))
    for criterion in ("squared_error", "friedman_mse", "absolute_error", "poisson"):
        save(directory, f"sklearn-treer-{criterion}", tree.DecisionTreeRegressor(criterion=criterion).fit(x, y))
    for algorithm in ("kd_tree", "ball_tree", "brute"):
        for metric in ("euclidean", "manhattan", "chebyshev", "minkowski", "canberra", "braycurtis",
                       "hamming", "cosine", "seuclidean", "mahalanobis", "haversine", "jaccard",
                       "sokalsneath", "rogerstanimoto", "russellrao", "dice", "yule", "correlation"):
            try:
                params = {"V": np.ones(4)} if metric == "seuclidean" else (
                    {"VI": np.eye(4)} if metric == "mahalanobis" else None)
                data = x[:, :2] if metric == "haversine" else x
                model = neighbors.KNeighborsClassifier(
                    algorithm=algorithm, metric=metric, metric_params=params).fit(data, y)
                save(directory, f"sklearn-knn-{algorithm}-{metric}", model)
            except Exception:
                pass
    for metric in ("euclidean", "manhattan", "chebyshev", "minkowski", "hamming", "canberra", "braycurtis"):
        save(directory, f"sklearn-dist-{metric}", metrics.DistanceMetric.get_metric(
            metric, **({"p": 3} if metric == "minkowski" else {})))
    texts = ["aa bb cc", "bb cc dd", "dd ee ff"]
    for kind in (feature_extraction.text.CountVectorizer, feature_extraction.text.TfidfVectorizer,
                 feature_extraction.text.HashingVectorizer):
        for analyzer in ("word", "char", "char_wb"):
            save(directory, f"sklearn-text-{kind.__name__}-{analyzer}", kind(analyzer=analyzer).fit(texts))
    grid = model_selection.GridSearchCV(
        pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", svm.SVC())]),
        {"m__C": [0.1, 1]}, scoring="accuracy").fit(x, y)
    save(directory, "sklearn-grid", grid)
    save(directory, "sklearn-grid-scorers", model_selection.GridSearchCV(
        svm.SVC(), {"C": [0.1, 1]}, scoring=["accuracy", "f1_macro"], refit="accuracy").fit(x, y))
    search = model_selection.RandomizedSearchCV(
        linear_model.LogisticRegression(), {"C": stats.uniform(0.1, 2)}, n_iter=2, random_state=0).fit(x, y)
    save(directory, "sklearn-random-search", search)
    for name, dist in (("loguniform", stats.loguniform(0.1, 2)), ("norm", stats.norm()), ("randint", stats.randint(1, 9)),
                       ("expon", stats.expon()), ("gamma", stats.gamma(2)), ("beta", stats.beta(1, 2))):
        save(directory, f"scipy-dist-{name}", dist)
    for function in (np.log1p, np.exp, np.sqrt, np.abs, np.log, np.square, np.sin, np.cos, np.expm1):
        save(directory, f"sklearn-function-{function.__name__}", preprocessing.FunctionTransformer(function).fit(x))
    for name in metrics.get_scorer_names():
        save(directory, f"sklearn-scorer-{name}", metrics.get_scorer(name))
    for splitter in ("KFold", "StratifiedKFold", "ShuffleSplit", "TimeSeriesSplit", "LeaveOneOut", "GroupKFold",
                     "RepeatedKFold", "StratifiedShuffleSplit", "LeaveOneGroupOut", "PredefinedSplit"):
        try:
            save(directory, f"sklearn-split-{splitter}", getattr(model_selection, splitter)())
        except Exception:
            pass
    try:
        import pandas as pd

        frame = pd.DataFrame(x, columns=list("abcd"))
        frame["e"] = ["u", "v", "w"] * 50
        model = pipeline.make_pipeline(compose.make_column_transformer(
            (preprocessing.StandardScaler(), list("abcd")),
            (preprocessing.OneHotEncoder(), ["e"])), linear_model.LogisticRegression()).fit(frame, y)
        save(directory, "sklearn-columns", model)
        save(directory, "sklearn-columns-select", compose.ColumnTransformer([
            ("n", preprocessing.StandardScaler(), compose.make_column_selector(dtype_include=float))]).fit(frame))
        frame["t"] = pd.date_range("2020", periods=150)
        frame["c"] = frame["e"].astype("category")
        save(directory, "pandas-frame", frame)
        save(directory, "pandas-series", frame["a"])
        save(directory, "pandas-categories", frame["c"])
        save(directory, "pandas-multi", frame.set_index(["e", "a"]))
        save(directory, "pandas-interval", pd.interval_range(0, 3))
        save(directory, "pandas-period", pd.period_range("2020", periods=3))
        save(directory, "pandas-delta", pd.timedelta_range("1h", periods=3))
        save(directory, "pandas-stamp", [pd.Timestamp("2020"), pd.Timedelta("1h"), pd.NaT, pd.NA])
        save(directory, "pandas-nullable", pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean"), "s": pd.array(["a", None], "string")}))
    except ImportError:
        pass


def arrays(directory):
    import numpy as np
    from scipy import interpolate, sparse, spatial, stats

    for kind in ("?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "g", "F", "D", "U5", "S5", "M8[D]", "m8[s]"):
        array = np.zeros(6, kind)
        name = kind.replace("?", "bool").replace("[", "").replace("]", "") + ("u" if kind.isupper() else "")
        save(directory, f"numpy-{name}", array)
        save(directory, f"numpy-scalar-{name}", array[0])
        np.save(os.path.join(directory, f"numpy-{name}.npy"), array)
    record = np.zeros(3, [("a", "f4"), ("b", "i8"), ("c", "U4")])
    save(directory, "numpy-record", record)
    np.save(os.path.join(directory, "numpy-record.npy"), record)
    save(directory, "numpy-recarray", record.view(np.recarray))
    save(directory, "numpy-object", np.array([{"a": 1}, [1, 2], None], dtype=object))
    np.save(os.path.join(directory, "numpy-object.npy"), np.array([{"a": 1}, "x", None], dtype=object))
    save(directory, "numpy-masked", np.ma.masked_array([1, 2, 3], [0, 1, 0]))
    save(directory, "numpy-matrix", np.matrix([[1, 2], [3, 4]]))
    save(directory, "numpy-fortran", np.asfortranarray(np.eye(4)))
    save(directory, "numpy-empty", np.zeros((0, 3)))
    save(directory, "numpy-dtypes", [np.dtype(k) for k in ("f4", "i8", "U3", "O")] + [np.float32, np.int64, np.ndarray])
    save(directory, "numpy-poly", [np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2]), np.polynomial.Chebyshev([1, 2])])
    for kind in (np.random.RandomState, np.random.default_rng):
        save(directory, f"numpy-random-{kind.__name__}", kind(0))
    for bits in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        save(directory, f"numpy-random-{bits}", np.random.Generator(getattr(np.random, bits)(0)))
        save(directory, f"numpy-bits-{bits}", getattr(np.random, bits)(0))
    save(directory, "numpy-seed", np.random.SeedSequence(1))
    np.savez(os.path.join(directory, "numpy-many.npz"), a=np.eye(3), b=np.arange(9))
    np.savez_compressed(os.path.join(directory, "numpy-packed.npz"), a=np.eye(3), b=np.arange(9))
    for kind in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        for suffix in ("matrix", "array"):
            value = getattr(sparse, f"{kind}_{suffix}")(np.eye(4))
            save(directory, f"scipy-{kind}-{suffix}", value)
            if kind in ("csr", "csc", "coo", "bsr", "dia"):
                sparse.save_npz(os.path.join(directory, f"scipy-{kind}-{suffix}.npz"), value)
    x = np.arange(8.0)
    save(directory, "scipy-interp1d", interpolate.interp1d(x, x ** 2))
    save(directory, "scipy-cubic", interpolate.CubicSpline(x, x ** 2))
    save(directory, "scipy-pchip", interpolate.PchipInterpolator(x, x ** 2))
    save(directory, "scipy-akima", interpolate.Akima1DInterpolator(x, x ** 2))
    save(directory, "scipy-univariate", interpolate.UnivariateSpline(x, x ** 2))
    save(directory, "scipy-bspline", interpolate.make_interp_spline(x, x ** 2))
    save(directory, "scipy-grid", interpolate.RegularGridInterpolator((x, x), np.outer(x, x)))
    save(directory, "scipy-rbf", interpolate.RBFInterpolator(np.random.rand(9, 2), np.random.rand(9)))
    save(directory, "scipy-ckdtree", spatial.cKDTree(np.random.rand(9, 2)))
    save(directory, "scipy-kdtree", spatial.KDTree(np.random.rand(9, 2)))
    save(directory, "scipy-kde", stats.gaussian_kde(np.random.rand(9)))
    save(directory, "scipy-rotation", spatial.transform.Rotation.from_euler("z", 1))


def boosters(directory):
    import numpy as np

    x, y = np.random.RandomState(0).rand(60, 4), np.arange(60) % 3
    try:
        import xgboost

        for kind in (xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFClassifier, xgboost.XGBRFRegressor):
            for booster in ("gbtree", "dart", "gblinear"):
                try:
                    model = kind(n_estimators=3, booster=booster).fit(x, y)
                except Exception:
                    continue
                save(directory, f"xgboost-{kind.__name__}-{booster}", model)
                for form in ("json", "ubj"):
                    model.save_model(os.path.join(directory, f"xgboost-{kind.__name__}-{booster}.{form}"))
                save(directory, f"xgboost-booster-{kind.__name__}-{booster}", model.get_booster())
        save(directory, "xgboost-ranker", xgboost.XGBRanker(n_estimators=3).fit(x, y, qid=np.arange(60) // 6))
    except ImportError:
        pass
    try:
        import lightgbm

        for kind in (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor):
            for booster in ("gbdt", "dart", "rf"):
                try:
                    model = kind(n_estimators=3, boosting_type=booster, verbose=-1, bagging_freq=1,
                                 bagging_fraction=0.5).fit(x, y)
                except Exception:
                    continue
                save(directory, f"lightgbm-{kind.__name__}-{booster}", model)
                model.booster_.save_model(os.path.join(directory, f"lightgbm-{kind.__name__}-{booster}.txt"))
                save(directory, f"lightgbm-booster-{kind.__name__}-{booster}", model.booster_)
        save(directory, "lightgbm-ranker", lightgbm.LGBMRanker(n_estimators=3, verbose=-1).fit(x, y, group=[6] * 10))
    except ImportError:
        pass
    try:
        import catboost

        for kind in (catboost.CatBoostClassifier, catboost.CatBoostRegressor):
            model = kind(iterations=3, verbose=0, allow_writing_files=False).fit(x, y)
            save(directory, f"catboost-{kind.__name__}", model)
            for form in ("cbm", "json", "onnx"):
                model.save_model(os.path.join(directory, f"catboost-{kind.__name__}.{form}"), format=form)
    except ImportError:
        pass


def plain(directory):
    import collections
    import datetime
    import decimal
    import fractions
    import pathlib
    import uuid

    values = {
        "dict": {"a": [1, 2.5, "x", None, True, b"y", (1, 2)]},
        "sets": [{1, 2}, frozenset([1]), bytearray(b"x"), complex(1, 2), range(3), slice(1, 2), ...],
        "collections": [collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]),
                        collections.Counter("abc"), collections.deque([1, 2], 5)],
        "times": [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.date(2020, 1, 1),
                  datetime.timedelta(1), datetime.time(1)],
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1 << 200, -5],
        "uuid": uuid.UUID(int=5),
        "long": list(range(5000)), "text": "x" * 70000, "nested": [[[[[[1]]]]]],
        "types": [int, float, str, list, dict, set, tuple, bool, bytes, object, complex, type(None)],
        "vocabulary": {f"token{i}": i for i in range(3000)},
    }
    for name, value in values.items():
        save(directory, f"plain-{name}", value, (0, 1, 2, 3, 4, 5))
    import gzip, bz2, lzma

    raw = pickle.dumps(values["dict"])
    for name, packed in (("gz", gzip.compress(raw)), ("bz2", bz2.compress(raw)), ("xz", lzma.compress(raw)),
                         ("z", zlib.compress(raw))):
        with open(os.path.join(directory, f"plain.pkl.{name}"), "wb") as file:
            file.write(packed)
    import joblib

    try:
        import numpy as np
        for level in ("zlib", "gzip", "bz2", "xz", "lzma"):
            joblib.dump({"a": np.eye(9)}, os.path.join(directory, f"joblib.{level}"), compress=(level, 3))
    except ImportError:
        pass


def torch_modules(directory):
    import torch
    from torch import nn

    def keep(name, value, **how):
        for legacy in (False, True):
            path = os.path.join(directory, f"torch-{name}{'-legacy' if legacy else ''}.pt")
            try:
                torch.save(value, path, _use_new_zipfile_serialization=not legacy)
            except Exception:
                if os.path.exists(path):
                    os.unlink(path)

    kinds = [getattr(torch, n) for n in dir(torch) if isinstance(getattr(torch, n), torch.dtype)]
    for kind in kinds:
        try:
            keep(f"dtype-{str(kind)[6:]}", {"x": torch.zeros(3).to(kind), "d": kind})
        except Exception:
            pass
    made = [
        nn.Linear(3, 4), nn.Conv1d(1, 2, 3), nn.Conv2d(1, 2, 3), nn.Conv3d(1, 2, 3), nn.ConvTranspose2d(1, 2, 3),
        nn.BatchNorm1d(3), nn.BatchNorm2d(3), nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.Embedding(5, 3),
        nn.EmbeddingBag(5, 3), nn.LSTM(3, 4), nn.GRU(3, 4), nn.RNN(3, 4), nn.LSTMCell(3, 4), nn.GRUCell(3, 4),
        nn.MultiheadAttention(4, 2), nn.Transformer(8, 2, 1, 1, 8), nn.TransformerEncoderLayer(8, 2),
        nn.Bilinear(2, 3, 4), nn.PReLU(), nn.CrossEntropyLoss(), nn.MSELoss(), nn.Upsample(scale_factor=2),
        nn.ModuleList([nn.Linear(1, 1)]), nn.ModuleDict({"a": nn.Linear(1, 1)}), nn.ParameterList([nn.Parameter(torch.zeros(1))]),
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 1), nn.Sigmoid()),
    ]
    for name in sorted(dir(nn)):
        kind = getattr(nn, name)
        if isinstance(kind, type) and issubclass(kind, nn.Module) and kind not in (type(m) for m in made):
            for args in ((), (2,), (2, 3), (2, 3, 1)):
                try:
                    made.append(kind(*args))
                    break
                except Exception:
                    continue
    for module in made:
        keep(f"nn-{type(module).__name__}", module)
        keep(f"state-{type(module).__name__}", module.state_dict())
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    for kind in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop", "LBFGS"):
        optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.1)
        keep(f"optim-{kind}", {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
        keep(f"optimizer-{kind}", optimizer)
    keep("tensors", [torch.eye(3), torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr(), torch.Size([1, 2]),
                     torch.device("cpu"), nn.Parameter(torch.zeros(2)), torch.float32,
                     torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8)])
    keep("generator", torch.get_rng_state())
    save(directory, "torch-pickled", {"w": torch.eye(3), "m": model})
    torch.jit.script(model).save(os.path.join(directory, "torchscript-scripted.pt"))
    torch.jit.trace(model, torch.zeros(1, 4)).save(os.path.join(directory, "torchscript-traced.pt"))


def uses(stream, found):
    """Adds what one pickle refers to, and how, by reading its instructions."""
    class Reader(pickle._Unpickler):
        dispatch = dict(pickle._Unpickler.dispatch)

        def find_class(self, module, name):
            value = super().find_class(module, name)
            names[id(value)] = (module, name)
            kept.append(value)
            found.setdefault((module, name), set())
            return value

        def persistent_load(self, pid):
            if isinstance(pid, tuple) and len(pid) > 4:
                import torch
                return torch.storage.TypedStorage(wrap_storage=torch.UntypedStorage(
                    pid[4] * torch._utils._element_size(getattr(pid[1], "dtype", torch.uint8))),
                    dtype=getattr(pid[1], "dtype", torch.uint8), _internal=True)
            return None

    names, kept = {}, []

    def note(value, how):
        if id(value) in names:
            found[names[id(value)]].add(how)

    def wrap(code, how):
        usual = Reader.dispatch[code[0]]

        def step(self):
            if how == "call":
                target, arguments = self.stack[-2], self.stack[-1]
                note(target, "call")
                if getattr(target, "__name__", "") in ("_reconstructor", "__newobj__", "__newobj_ex__"):
                    note(arguments[0], "new")
                if getattr(target, "__name__", "") in ("partial", "defaultdict") and arguments:
                    note(arguments[0], "call")
            else:
                note(self.stack[-3 if code == pickle.NEWOBJ_EX else -2], "new")
            usual(self)
        Reader.dispatch[code[0]] = step

    wrap(pickle.REDUCE, "call")
    wrap(pickle.NEWOBJ, "new")
    wrap(pickle.NEWOBJ_EX, "new")
    Reader(stream).load()


def listing(directory):
    import joblib.numpy_pickle as packed

    found = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        with open(path, "rb") as file:
            raw = file.read()
        try:
            if name.endswith(".pkl"):
                uses(io.BytesIO(raw), found)
            elif name.endswith(".pt") and raw.startswith(b"PK"):
                archive = zipfile.ZipFile(io.BytesIO(raw))
                for member in archive.namelist():
                    if member.endswith("data.pkl") and not name.startswith("torchscript"):
                        uses(io.BytesIO(archive.read(member)), found)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    for (module, name), how in sorted(found.items()):
        print(module, name, ",".join(sorted(how)) or "value")


if __name__ == "__main__":
    {"make": make, "list": listing}[sys.argv[1]](sys.argv[2])
