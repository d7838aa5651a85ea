# SPDX-License-Identifier: Apache-2.0
"""numpy, scipy, pandas and h5py: arrays, sparse matrices, frames, and files that hold them."""

import h5py
import numpy as np
import pandas as pd
from scipy import interpolate, optimize, signal, sparse, spatial, stats

KINDS = ["?", "i1", "<i2", "<i4", "<i8", "u1", "<u4", "<f2", "<f4", "<f8", ">f4", "<c8", "<c16", "S7",
         "<U7", "<M8[s]", "<m8[ns]", [("a", "<i4"), ("b", "<f8", (2,))]]
COMPRESSIONS = [None, "zlib", "gzip", "bz2", "xz", "lzma", ("zlib", 9), ("gzip", 1)]


def make(shelf):
    random = np.random.default_rng(7)
    numpy_files(shelf, random)
    numpy_objects(shelf, random)
    scipy_objects(shelf, random)
    frames(shelf, random)
    hdf5_files(shelf, random)


def numpy_files(shelf, random):
    for index, kind in enumerate(KINDS):
        values = np.zeros((3, 4), kind)
        name = f"numpy-kind-{index:02}"
        np.save(shelf.path(f"{name}.npy"), values)
        shelf.joblib(name, values, None)
        shelf.pickle(name, values, 2 + index % 4)
    for index, shape in enumerate([(), (0,), (1,), (1000,), (3, 0, 2), (2, 3, 4, 5)]):
        np.save(shelf.path(f"numpy-shape-{index}.npy"), random.random(shape))
    np.save(shelf.path("numpy-fortran.npy"), np.asfortranarray(random.random((5, 6))))
    np.savez(shelf.path("numpy-many.npz"), **{f"w{n}": random.random((n + 1, 3)) for n in range(20)})
    np.savez_compressed(shelf.path("numpy-packed.npz"), weights=random.random((50, 50)), step=3)
    big = random.random((300, 200)).astype("f4")
    shelf.joblib("numpy-big", {"coef": big, "bias": big[0]}, *COMPRESSIONS)


def numpy_objects(shelf, random):
    table = {
        "scalars": [np.float32(1.5), np.int64(3), np.bool_(True), np.str_("x")],
        "record": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "masked": np.ma.masked_array([1, 2, 3], [0, 1, 0]),
        "mixed": np.array([1, "two", None, {"three": 3}], dtype=object),
        "random-state": np.random.RandomState(3),
        "generator": random,
        "state": np.random.RandomState(3).get_state(),
        "polynomial": np.polynomial.Polynomial([1, 2, 3]),
        "strings": np.array(["a", "bcd"], np.dtypes.StringDType()),
        "limits": np.finfo("f4"),
        "function": np.vectorize(abs),
        "types": [np.dtype("f4"), np.float64, np.ndarray],
        "history": {"loss": list(map(np.float64, (3, 2, 1))), "step": np.arange(3)},
    }
    for name, value in table.items():
        shelf.pickle(f"numpy-{name}", value, 2, 4, 5)
        shelf.joblib(f"numpy-{name}", value, None)


def scipy_objects(shelf, random):
    dense = random.random((6, 5)) * (random.random((6, 5)) > 0.6)
    for kind in ("csr", "csc", "coo", "dia", "lil", "dok", "bsr"):
        matrix = getattr(sparse, f"{kind}_matrix")(dense)
        shelf.pickle(f"scipy-{kind}", matrix, 2, 5)
        shelf.joblib(f"scipy-{kind}", matrix, None)
        if kind in ("csr", "csc", "coo", "dia", "bsr"):
            sparse.save_npz(shelf.path(f"scipy-{kind}.npz"), matrix)
    shelf.pickle("scipy-array", sparse.csr_array(dense), 4)
    x = np.linspace(0, 1, 12)
    table = {
        "spline": interpolate.CubicSpline(x, x**2),
        "interp1d": interpolate.interp1d(x, x**3),
        "pchip": interpolate.PchipInterpolator(x, x),
        "tree": spatial.cKDTree(random.random((20, 3))),
        "rotation": spatial.transform.Rotation.from_euler("z", 90, degrees=True),
        "nearest": interpolate.interp1d(x, x, kind="nearest"),
        "cubic": interpolate.interp1d(x, x**3, kind="cubic"),
        "smooth": interpolate.UnivariateSpline(x, x),
        "surface": interpolate.RectBivariateSpline(x, x, random.random((12, 12))),
        "scattered": interpolate.LinearNDInterpolator(random.random((9, 2)), random.random(9)),
        "hull": spatial.ConvexHull(random.random((9, 2))),
        "filter": signal.TransferFunction([1.0], [1.0, 2.0]),
        "minimum": optimize.OptimizeResult(x=x, fun=0.5, success=True, message="converged"),
        "regression": stats.linregress(x, 2 * x),
        "normal": stats.norm(1, 2),
        "gamma": stats.gamma(2),
        "poisson": stats.poisson(3),
        "normals": stats.multivariate_normal([0, 1]),
        "kde": stats.gaussian_kde(random.random(30)),
    }
    for name, value in table.items():
        shelf.pickle(f"scipy-{name}", value, 4)
        shelf.joblib(f"scipy-{name}", value, None)


def frames(shelf, random):
    frame = pd.DataFrame({"x": random.random(9), "n": range(9), "t": list("abcabcabc")})
    times = pd.date_range("2026-01-01", periods=9, freq="D")
    table = {
        "frame": frame,
        "series": frame["x"],
        "category": frame.assign(t=frame["t"].astype("category")),
        "times": frame.set_index(times),
        "zone": frame.set_index(times.tz_localize("UTC")),
        "city": frame.set_index(times.tz_localize("Europe/Berlin")),
        "period": frame.set_index(pd.period_range("2026-01", periods=9, freq="M")),
        "multi": frame.set_index(["t", "n"]),
        "nullable": pd.DataFrame({"i": pd.array([1, None], "Int64"),
                                  "b": pd.array([True, None], "boolean"),
                                  "s": pd.array(["x", None], "string")}),
        "small": pd.DataFrame({"f": pd.array([1.5, None], "Float32"),
                               "u": pd.array([1, 2], "UInt16")}),
        "month": pd.Period("2026-11"),
        "interval": pd.cut(frame["x"], 3),
        "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        "stamp": [pd.Timestamp("2026-11-22"), pd.Timedelta("1h"), pd.NaT, pd.NA],
        "grouped": frame.groupby("t")["x"].mean(),
    }
    for name, value in table.items():
        shelf.pickle(f"pandas-{name}", value, 2, 4, 5)
        shelf.joblib(f"pandas-{name}", value, None, "gzip")
    for ending in ("gz", "bz2", "xz", "zip"):
        frame.to_pickle(shelf.path(f"pandas-packed.pkl.{ending}"))
    shelf.put("pandas-table.csv", frame.to_csv())
    shelf.put("pandas-table.json", frame.to_json())


def hdf5_files(shelf, random):
    for version in ("earliest", "latest"):
        with h5py.File(shelf.path(f"hdf5-plain-{version}.h5"), "w", libver=version) as file:
            file.attrs["title"] = "weights"
            for number in range(30):
                file.create_dataset(f"layer{number}/kernel:0", data=random.random((8, 3)))
        with h5py.File(shelf.path(f"hdf5-packed-{version}.h5"), "w", libver=version) as file:
            file.create_dataset("x", data=random.random((200, 30)), chunks=True, compression="gzip",
                                shuffle=True, fletcher32=True)
            file.create_dataset("grows", data=range(9), maxshape=(None,))
            file["alias"] = h5py.SoftLink("/x")
            file["same"] = file["x"]
            file.create_dataset("words", data=["a", "bc"], dtype=h5py.string_dtype())
        with h5py.File(shelf.path(f"hdf5-types-{version}.h5"), "w", libver=version) as file:
            file.create_dataset("record", data=np.zeros(3, [("a", "i4"), ("b", "f8")]))
            file.create_dataset("flags", data=[True, False])
            file.create_dataset("empty", data=h5py.Empty("f4"))
            file["reference"] = file["record"].ref
