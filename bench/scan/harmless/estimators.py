# SPDX-License-Identifier: Apache-2.0
"""scikit-learn: fitted estimators as pickle, joblib, skops and ONNX."""

import warnings

import numpy as np
import pandas as pd
import skl2onnx
import skops.io
from sklearn import (calibration, cluster, compose, covariance, cross_decomposition, datasets,
                     decomposition, discriminant_analysis, dummy, ensemble, feature_extraction,
                     feature_selection, gaussian_process, impute, isotonic, kernel_approximation,
                     kernel_ridge, linear_model, manifold, metrics, mixture, model_selection,
                     multiclass, multioutput, naive_bayes, neighbors, neural_network, pipeline,
                     preprocessing, random_projection, svm, tree)


def make(shelf):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y = datasets.load_iris(return_X_y=True)
        fitted = {name: estimator.fit(x, y) for name, estimator in estimators().items()}
        fitted |= special(x, y)
        for index, (name, estimator) in enumerate(fitted.items()):
            save(shelf, index, name, estimator, x)


def save(shelf, index, name, estimator, x):
    """Ways of saving take turns, so that every way meets many classes."""
    shelf.pickle(f"sklearn-{name}", estimator, 2 + index % 4)
    shelf.joblib(f"sklearn-{name}", estimator, [None, "gzip", "zlib", "xz", "bz2"][index % 5])
    try:
        skops.io.dump(estimator, shelf.path(f"sklearn-{name}.skops"))
    except Exception:  # Some classes are beyond skops; what it began is no file of its own.
        (shelf.folder / f"sklearn-{name}.skops").unlink(missing_ok=True)
    try:
        model = skl2onnx.to_onnx(estimator, x[:1].astype("f4"))
    except Exception:  # Many classes have no counterpart in ONNX.
        return
    shelf.put(f"sklearn-{name}.onnx", model.SerializeToString())


def estimators():
    kernel = gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()
    kinds = [
        linear_model.LinearRegression(), linear_model.Ridge(), linear_model.Lasso(),
        linear_model.ElasticNet(), linear_model.LogisticRegression(max_iter=200),
        linear_model.SGDClassifier(random_state=0), linear_model.BayesianRidge(),
        linear_model.HuberRegressor(), linear_model.Perceptron(), linear_model.RANSACRegressor(),
        linear_model.PoissonRegressor(), linear_model.QuantileRegressor(), linear_model.LassoCV(),
        svm.SVC(probability=True), svm.LinearSVC(), svm.SVR(), svm.NuSVC(nu=0.1), svm.OneClassSVM(),
        tree.DecisionTreeClassifier(), tree.ExtraTreeRegressor(),
        ensemble.RandomForestClassifier(5, random_state=0), ensemble.ExtraTreesRegressor(5),
        ensemble.GradientBoostingClassifier(n_estimators=3),
        ensemble.AdaBoostClassifier(n_estimators=3),
        ensemble.HistGradientBoostingClassifier(max_iter=3),
        ensemble.HistGradientBoostingRegressor(max_iter=3, loss="poisson"),
        ensemble.BaggingClassifier(n_estimators=3), ensemble.IsolationForest(n_estimators=5),
        ensemble.RandomTreesEmbedding(3),
        neighbors.KNeighborsClassifier(), neighbors.RadiusNeighborsRegressor(2.0),
        neighbors.NearestNeighbors(algorithm="ball_tree"), neighbors.KernelDensity(),
        neighbors.LocalOutlierFactor(novelty=True), neighbors.NearestCentroid(),
        naive_bayes.GaussianNB(), naive_bayes.MultinomialNB(), naive_bayes.ComplementNB(),
        neural_network.MLPClassifier((6,), max_iter=5), neural_network.BernoulliRBM(4, n_iter=2),
        cluster.KMeans(3, n_init=2), cluster.MiniBatchKMeans(3, n_init=2), cluster.DBSCAN(),
        cluster.AgglomerativeClustering(3), cluster.SpectralClustering(3), cluster.Birch(),
        cluster.MeanShift(), cluster.OPTICS(), cluster.HDBSCAN(),
        decomposition.PCA(2), decomposition.TruncatedSVD(2), decomposition.NMF(2, max_iter=50),
        decomposition.FastICA(2), decomposition.KernelPCA(2),
        decomposition.LatentDirichletAllocation(2),
        discriminant_analysis.LinearDiscriminantAnalysis(), covariance.EllipticEnvelope(),
        cross_decomposition.PLSRegression(2), mixture.GaussianMixture(n_components=2),
        mixture.BayesianGaussianMixture(n_components=2),
        gaussian_process.GaussianProcessRegressor(kernel), kernel_ridge.KernelRidge(),
        kernel_approximation.RBFSampler(), kernel_approximation.Nystroem(n_components=9),
        manifold.Isomap(), manifold.TSNE(init="random", max_iter=250),
        preprocessing.StandardScaler(), preprocessing.MinMaxScaler(), preprocessing.RobustScaler(),
        preprocessing.PolynomialFeatures(), preprocessing.QuantileTransformer(n_quantiles=9),
        preprocessing.PowerTransformer(), preprocessing.KBinsDiscretizer(3, encode="ordinal"),
        preprocessing.SplineTransformer(), preprocessing.Normalizer(), preprocessing.OneHotEncoder(),
        feature_selection.SelectKBest(k=2), feature_selection.VarianceThreshold(),
        feature_selection.RFE(linear_model.LogisticRegression(max_iter=200)),
        impute.SimpleImputer(), impute.KNNImputer(), random_projection.GaussianRandomProjection(2),
        dummy.DummyClassifier(), isotonic.IsotonicRegression(out_of_bounds="clip"),
        multiclass.OneVsRestClassifier(svm.LinearSVC()),
        multiclass.OutputCodeClassifier(linear_model.RidgeClassifier()),
        calibration.CalibratedClassifierCV(naive_bayes.GaussianNB()),
    ]
    kinds = {type(kind).__name__: kind for kind in kinds}
    kinds.pop("IsotonicRegression")
    return kinds


def special(x, y):
    """Combinations, and estimators of other data."""
    frame = pd.DataFrame(x, columns=["a", "b", "c", "d"]).assign(kind=[f"k{n % 4}" for n in y])
    columns = compose.ColumnTransformer([
        ("numbers", preprocessing.StandardScaler(), ["a", "b"]),
        ("kinds", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["kind"])])
    texts = ["a model that reads texts", "another text", "texts and models", "words"] * 5
    labels = [0, 1, 0, 1] * 5
    forest = ensemble.RandomForestClassifier(3)
    pair = [("forest", forest), ("bayes", naive_bayes.GaussianNB())]
    return {
        "pipeline": pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()).fit(x, y),
        "columns": pipeline.make_pipeline(columns, linear_model.RidgeClassifier()).fit(frame, y),
        "union": pipeline.make_union(decomposition.PCA(1), preprocessing.MinMaxScaler()).fit(x),
        "grid": model_selection.GridSearchCV(svm.SVC(), {"C": [1, 2]}, cv=2).fit(x, y),
        "search": model_selection.RandomizedSearchCV(
            forest, {"max_depth": [2, 3]}, n_iter=2, cv=2).fit(x, y),
        "stack": ensemble.StackingClassifier(pair).fit(x, y),
        "vote": ensemble.VotingClassifier(pair).fit(x, y),
        "multi": multioutput.MultiOutputRegressor(linear_model.Ridge()).fit(x, x),
        "chain": multioutput.RegressorChain(linear_model.Ridge()).fit(x, x),
        "target": compose.TransformedTargetRegressor(linear_model.Ridge()).fit(x, y),
        "log-target": compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1).fit(x, y),
        "words": pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(),
                                        naive_bayes.MultinomialNB()).fit(texts, labels),
        "counts": feature_extraction.text.CountVectorizer(ngram_range=(1, 2)).fit(texts),
        "hashing": feature_extraction.text.HashingVectorizer(n_features=16).fit(texts),
        "dicts": feature_extraction.DictVectorizer().fit([{"a": 1, "b": "x"}, {"a": 2}]),
        "labels": preprocessing.LabelEncoder().fit(["a", "b"]),
        "binarizer": preprocessing.LabelBinarizer().fit(y),
        "ordinal": preprocessing.OrdinalEncoder().fit(frame[["kind"]]),
        "isotonic": isotonic.IsotonicRegression().fit(x[:, 0], y),
        "log": preprocessing.FunctionTransformer(np.log1p).fit(x),
        "splits": model_selection.StratifiedKFold(3, shuffle=True, random_state=1),
        "repeated": model_selection.RepeatedStratifiedKFold(n_splits=3, random_state=1),
        "parameters": model_selection.ParameterGrid({"C": [1, 2]}),
        "scorer": metrics.make_scorer(metrics.f1_score, average="macro"),
        "validated": model_selection.cross_validate(
            linear_model.RidgeClassifier(), x, y, cv=3, return_estimator=True),
        "confusion": metrics.ConfusionMatrixDisplay(metrics.confusion_matrix(y, y)),
        "bunch": datasets.load_iris(),
    }
