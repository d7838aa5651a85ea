# SPDX-License-Identifier: Apache-2.0
"""Keras and TensorFlow: archives, HDF5, saved models, TensorFlow Lite."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import shutil  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402


def make(shelf):
    keras.utils.set_random_seed(0)
    for name, model in models().items():
        model.save(shelf.path(f"keras-{name}.keras"))
        model.save(shelf.path(f"keras-{name}.h5"))
        model.save_weights(shelf.path(f"keras-{name}.weights.h5"))
        shelf.put(f"keras-{name}.json", model.to_json())
    for name in ("dense", "convolution"):
        saved_model(shelf, name, models()[name])


def models():
    def dense():
        model = keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"),
                                  layers.Dropout(0.2), layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        return model

    def functional():
        given = layers.Input((6,), name="given")
        left = layers.Dense(4, kernel_regularizer=keras.regularizers.L2(1e-3))(given)
        right = layers.Dense(4, kernel_initializer="he_normal")(given)
        return keras.Model(given, layers.Concatenate()([layers.Add()([left, right]), left]))

    return {
        "dense": dense(),
        "functional": functional(),
        "convolution": keras.Sequential([
            layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2)]),
        "recurrent": keras.Sequential([
            layers.Input((5,)), layers.Embedding(20, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.GRU(2)]),
        "attention": keras.Sequential([
            layers.Input((5, 4)), layers.TimeDistributed(layers.Dense(4)), layers.LayerNormalization(),
            layers.GlobalAveragePooling1D()]),
        "prepared": keras.Sequential([
            layers.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.RandomFlip(),
            layers.DepthwiseConv2D(3), layers.LeakyReLU(), layers.GlobalMaxPooling2D()]),
    }


def saved_model(shelf, name, model):
    """The graph without its variables, whose files are numbers without a header."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        shutil.copy(Path(folder) / "saved_model.pb", shelf.path(f"savedmodel-{name}.pb"))
        shutil.copy(Path(folder) / "fingerprint.pb", shelf.path(f"savedmodel-{name}-fingerprint.pb"))
        shutil.copy(Path(folder) / "variables/variables.index", shelf.path(f"savedmodel-{name}.index"))
    signature = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec([1, *model.input_shape[1:]], tf.float32))
    shelf.put(f"frozen-{name}.pb", signature.graph.as_graph_def().SerializeToString())
