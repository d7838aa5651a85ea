# SPDX-License-Identifier: Apache-2.0
"""XGBoost, LightGBM and CatBoost in their own formats, as pickles, and in what they export."""

import catboost
import lightgbm
import xgboost
from sklearn import datasets


def make(shelf):
    x, y = datasets.load_iris(return_X_y=True)
    xgboost_models(shelf, x, y)
    lightgbm_models(shelf, x, y)
    catboost_models(shelf, x, y)


def saved(shelf, name, model):
    shelf.pickle(name, model, 2, 4, 5)
    shelf.joblib(name, model, None, "gzip")


def xgboost_models(shelf, x, y):
    small = {"n_estimators": 3, "max_depth": 2, "n_jobs": 1}
    models = {
        "classifier": xgboost.XGBClassifier(**small).fit(x, y),
        "regressor": xgboost.XGBRegressor(**small).fit(x, y),
        "ranker": xgboost.XGBRanker(**small).fit(x, y, group=[50, 50, 50]),
        "forest": xgboost.XGBRFClassifier(**small).fit(x, y),
        "dart": xgboost.XGBRegressor(booster="dart", **small).fit(x, y),
        "linear": xgboost.XGBRegressor(booster="gblinear", n_estimators=3).fit(x, y),
    }
    for name, model in models.items():
        saved(shelf, f"xgboost-{name}", model)
        booster = model.get_booster()
        booster.set_attr(note="trained on irises")
        for ending in ("json", "ubj"):
            booster.save_model(shelf.path(f"xgboost-{name}.{ending}"))
        shelf.pickle(f"xgboost-{name}-booster", booster, 4)


def lightgbm_models(shelf, x, y):
    small = {"n_estimators": 3, "num_leaves": 4, "verbose": -1, "n_jobs": 1}
    models = {
        "classifier": lightgbm.LGBMClassifier(**small).fit(x, y),
        "regressor": lightgbm.LGBMRegressor(**small).fit(x, y),
        "ranker": lightgbm.LGBMRanker(**small).fit(x, y, group=[50, 50, 50]),
        "dart": lightgbm.LGBMClassifier(boosting_type="dart", **small).fit(x, y),
        "forest": lightgbm.LGBMClassifier(boosting_type="rf", subsample=0.5, subsample_freq=1,
                                          **small).fit(x, y),
    }
    for name, model in models.items():
        saved(shelf, f"lightgbm-{name}", model)
        model.booster_.save_model(shelf.path(f"lightgbm-{name}.txt"))
        shelf.pickle(f"lightgbm-{name}-booster", model.booster_, 4)


def catboost_models(shelf, x, y):
    small = {"iterations": 3, "depth": 2, "verbose": False, "allow_writing_files": False,
             "thread_count": 1}
    models = {
        "classifier": catboost.CatBoostClassifier(**small).fit(x, y),
        "binary": catboost.CatBoostClassifier(**small).fit(x[:100], y[:100]),
        "regressor": catboost.CatBoostRegressor(**small).fit(x, y),
    }
    for name, model in models.items():
        saved(shelf, f"catboost-{name}", model)
        for kind, ending in (("cbm", "cbm"), ("json", "json"), ("onnx", "onnx")):
            model.save_model(shelf.path(f"catboost-{name}.{ending}"), format=kind)
    regressor = models["regressor"]
    regressor.save_model(shelf.path("catboost-regressor.mlmodel"), format="coreml")
    regressor.save_model(shelf.path("catboost-regressor.pmml"), format="pmml")
