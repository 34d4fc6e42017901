"""Keras's way of working: what `fit`, `evaluate` and `predict` mean, held against NumPy."""

import json
import signal
from importlib.util import find_spec

import numpy as np
import pytest

from trimaran import callbacks, layers, losses, models, optimizers
from trimaran.errors import DescriptionError, RecipeError, RunError, TrainingError
from trimaran.fitting import feeding
from trimaran.spec import summary
from trimaran.steps.implementation import source
from trimaran.training.events import Epoch

RNG = np.random.default_rng(7)
X = RNG.normal(size=(90, 6)).astype(np.float32)
Y = (X[:, :3].argmax(axis=1)).astype(np.int64)
FLOAT32 = {"precision": "float32", "threads": 1}


def classifier(**compiled):
    model = models.Sequential(
        [
            layers.Dense(8, activation="tanh", input_shape=(6,)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    settings = {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "training": FLOAT32,
    }
    model.compile(**settings | compiled)
    return model


def cross_entropy(p, y):
    return -np.log(p[np.arange(len(y)), y])


def test_fit_returns_keras_history():
    history = classifier().fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [len(values) for values in history.history.values()] == [3] * 4
    assert history.epoch == [0, 1, 2]
    assert history.stopped == "finished"
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_without_metrics_the_history_is_the_loss_alone():
    model = classifier(metrics=None)
    assert list(model.fit(X, Y, verbose=0).history) == ["loss"]
    assert isinstance(model.evaluate(X, Y), float)


def test_figures_keep_the_names_that_were_asked_for():
    model = classifier(metrics=["acc"])
    assert list(model.fit(X, Y, verbose=0, validation_data=(X, Y)).history) == [
        "loss",
        "acc",
        "val_loss",
        "val_acc",
    ]


def test_evaluate_and_predict_agree_with_numpy():
    model = classifier()
    model.fit(X, Y, epochs=2, verbose=0)
    p = model.predict(X)
    assert p.shape == (90, 3)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    loss, accuracy = model.evaluate(X, Y)
    np.testing.assert_allclose(loss, cross_entropy(p, Y).mean(), rtol=1e-5)
    assert accuracy == (p.argmax(axis=1) == Y).mean()
    assert model.evaluate(X, Y, return_dict=True) == {"loss": loss, "accuracy": accuracy}


def test_sample_weights_have_their_own_denominator():
    model = classifier()
    weights = RNG.uniform(0, 2, len(X))
    loss, _ = model.evaluate(X, Y, sample_weight=weights)
    rows = cross_entropy(model.predict(X).astype(np.float64), Y)
    np.testing.assert_allclose(loss, (weights * rows).sum() / weights.sum(), rtol=1e-5)


def still(monkeypatch=None):
    """A classifier whose weights stay, so that each figure tells which rows it is of."""
    return classifier(optimizer=optimizers.SGD(learning_rate=0.0))


def holds_keras_split(model):
    history = model.fit(X, Y, validation_split=0.2, verbose=0).history
    first, last = model.evaluate(X[:72], Y[:72])[0], model.evaluate(X[72:], Y[72:])[0]
    return np.isclose(history["loss"][0], first, rtol=1e-5) and np.isclose(
        history["val_loss"][0], last, rtol=1e-5
    )


def test_validation_split_takes_the_last_fifth_before_shuffling():
    assert holds_keras_split(still())


@pytest.mark.parametrize("fault", ["first", "shuffled"])
def test_another_split_is_noticed(monkeypatch, fault):
    def planted(rows, fraction):
        order = np.arange(len(rows))
        order = order[::-1] if fault == "first" else np.random.default_rng(0).permutation(order)
        return rows.take(order[:72]), rows.take(order[72:])

    monkeypatch.setattr(feeding, "split_last", planted)
    assert not holds_keras_split(still())


def test_validation_data_is_scored_and_not_trained_on():
    alone, beside = classifier(), classifier()
    alone.fit(X[:50], Y[:50], epochs=2, verbose=0)
    history = beside.fit(X[:50], Y[:50], epochs=2, verbose=0, validation_data=(X[50:], Y[50:]))
    for key, array in alone.get_weights().items():
        np.testing.assert_array_equal(array, beside.get_weights()[key])
    assert history.history["val_loss"][-1] == beside.evaluate(X[50:], Y[50:])[0]


def test_one_hot_labels_train_as_class_numbers_do():
    sparse = classifier()
    dense = classifier(loss="categorical_crossentropy")
    first = sparse.fit(X, Y, epochs=2, verbose=0).history
    second = dense.fit(X, np.eye(3)[Y], epochs=2, verbose=0).history
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], rtol=1e-5)


def test_class_weights_are_sample_weights_of_the_training_rows():
    weighted, classes = classifier(), classifier()
    per_row = np.choose(Y, [1.0, 3.0, 0.5])
    weighted.fit(X, Y, verbose=0, sample_weight=per_row)
    history = classes.fit(
        X, Y, verbose=0, class_weight={1: 3.0, 2: 0.5}, validation_data=(X, Y)
    ).history
    for key, array in weighted.get_weights().items():
        np.testing.assert_array_equal(array, classes.get_weights()[key])
    assert history["val_loss"][0] == classes.evaluate(X, Y)[0]


def test_a_softmax_trains_on_its_logits():
    model = classifier(optimizer="sgd")
    weights = model.get_weights()
    weights["dense2.bias"][:] = [300.0, 0.0, 0.0]
    model.set_weights(weights)
    wrong = np.full(len(X), 2)
    # Probabilities clipped at 1e-7 would give 16.1, and no gradient to learn from.
    assert 290 < model.evaluate(X, wrong)[0] < 310
    model.fit(X, wrong, verbose=0)
    assert model.get_weights()["dense2.bias"][0] < 300.0


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    def fitted(seed):
        model = models.Sequential([layers.Dense(3, input_shape=(6,))], seed=seed)
        model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(X, Y, verbose=0)
        return model.get_weights()["dense1.weight"]

    np.testing.assert_array_equal(fitted(1), fitted(1))
    assert np.abs(fitted(1) - fitted(2)).max() > 0.01


def test_optimizers_by_name_have_keras_default_arguments():
    rates = {"sgd": 0.01, "adam": 1e-3, "rmsprop": 1e-3, "adamw": 1e-3, "adagrad": 1e-3}
    for name, rate in rates.items():
        model = classifier(optimizer=name)
        assert model._compiled.training.optimizer.learning_rate == rate
    assert classifier()._compiled.training.optimizer == optimizers.Adam(1e-3, epsilon=1e-7)


def test_an_optimizer_as_a_value_is_the_one_that_trains():
    named, value = classifier(optimizer="rmsprop"), classifier(optimizer=optimizers.RMSprop(1e-3))
    for model in (named, value):
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(
        named.get_weights()["dense1.weight"], value.get_weights()["dense1.weight"]
    )


def test_a_model_without_input_shape_is_built_by_its_first_data():
    model = models.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
    assert "unknown" in repr(model)
    with pytest.raises(DescriptionError, match="shape is unknown"):
        model.summary()
    model.compile("adam", "mse", metrics=["mae"], training=FLOAT32)
    history = model.fit(X, X.sum(axis=1), epochs=2, verbose=0)
    assert set(history.history) == {"loss", "mae"}
    assert model.count_params() == 6 * 4 + 4 + 4 + 1
    assert model.predict(X).shape == (90, 1)


def test_layers_can_be_added_and_taken_away_and_the_rest_keeps_its_weights():
    model = models.Sequential()
    model.add(layers.Input((6,)))
    model.add(layers.Dense(8, activation="relu"))
    model.add(layers.Dense(2))
    model.compile("adam", "mse", training=FLOAT32)
    model.fit(X, X[:, :2], verbose=0)
    trained = model.get_weights()["dense1.weight"]
    model.pop()
    model.add(layers.Dense(3))
    np.testing.assert_array_equal(model.get_weights()["dense1.weight"], trained)
    assert model.predict(X).shape == (90, 3)


def test_several_inputs_and_outputs_go_by_name_or_in_order():
    left, right = layers.Input((4,), name="left"), layers.Input((2,), name="right")
    both = layers.Concatenate()([layers.Dense(5)(left), layers.Dense(5)(right)])
    outputs = {
        "kind": layers.Dense(3, activation="softmax")(both),
        "size": layers.Dense(1)(both),
    }
    model = models.Model([left, right], outputs)
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        metrics={"kind": ["accuracy"]},
        loss_weights={"size": 0.5},
        training=FLOAT32,
    )
    x, y = {"right": X[:, 4:], "left": X[:, :4]}, {"size": X.sum(axis=1), "kind": Y}
    history = model.fit(x, y, epochs=2, verbose=0, validation_split=0.1).history
    own = {"loss", "kind_loss", "size_loss", "kind_accuracy"}
    assert set(history) == own | {f"val_{name}" for name in own}
    total = np.array(history["kind_loss"]) + 0.5 * np.array(history["size_loss"])
    np.testing.assert_allclose(history["loss"], total, rtol=1e-6)
    by_name = model.predict(x)
    in_order = model.predict([X[:, :4], X[:, 4:]])
    assert by_name["kind"].shape == (90, 3)
    np.testing.assert_array_equal(by_name["size"], in_order["size"])


def test_early_stopping_stops_and_restores():
    model = classifier(optimizer=optimizers.Adam(0.3))
    rule = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    noise = np.random.default_rng(1).integers(0, 3, len(X))
    history = model.fit(X, noise, epochs=40, validation_split=0.3, verbose=0, callbacks=[rule])
    values = history.history["val_loss"]
    assert history.stopped == "early stopping"
    assert len(values) == int(np.argmin(values)) + 3
    np.testing.assert_allclose(model.evaluate(X[62:], noise[62:])[0], min(values), rtol=1e-6)


def test_what_cannot_be_called_back_is_refused_with_the_way_to_say_it():
    with pytest.raises(RecipeError, match="callback LambdaCallback cannot be used.*EarlyStopping"):
        classifier().fit(X, Y, callbacks=[type("LambdaCallback", (), {})()])


def test_saving_and_loading_give_the_same_model_without_pickle(tmp_path):
    model = classifier(loss=losses.SparseCategoricalCrossentropy())
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "model.json",
        "model.safetensors",
        "compiled.json",
    }
    json.loads((tmp_path / "kept" / "compiled.json").read_text())
    loaded = models.load_model(tmp_path / "kept")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, Y) == model.evaluate(X, Y)
    loaded.fit(X, Y, verbose=0)


def test_a_folder_of_two_models_is_refused(tmp_path):
    classifier().save(tmp_path / "a")
    other = models.Sequential([layers.Dense(5, input_shape=(6,))])
    other.save(tmp_path / "b")
    (tmp_path / "a" / "model.safetensors").write_bytes(
        (tmp_path / "b" / "model.safetensors").read_bytes()
    )
    with pytest.raises(RunError, match="another model"):
        models.load_model(tmp_path / "a")
    with pytest.raises(RunError, match=r"without \.keras"):
        other.save(tmp_path / "model.keras")


def test_the_recipe_gives_the_same_weights(tmp_path):
    from trimaran.data.prepare import prepare
    from trimaran.python import train

    recipe = {
        "data": {"set": "digits", "limit": 300},
        "model": {"zoo": "mlp"},
        "training": {"epochs": 2, "batch_size": 32, "seed": 5, **FLOAT32},
    }
    run = train(recipe, out=tmp_path / "run", progress=False)
    prepared = prepare(run.recipe.data_settings(), 5)
    rows, held = prepared.splits["train"], prepared.splits["validation"]
    model = models.from_description(run.model, seed=5)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"], training=FLOAT32)
    history = model.fit(
        rows.floats(), rows.targets["output"], epochs=2, verbose=0,
        validation_data=(held.floats(), held.targets["output"]),
    )  # fmt: skip
    for key, array in run.weights.items():
        np.testing.assert_allclose(model.get_weights()[key], array, rtol=0, atol=1e-6)
    told = [event["metrics"]["val_loss"] for event in run.events if event["kind"] == "Epoch"]
    np.testing.assert_allclose(history.history["val_loss"], told, rtol=1e-5)
    loaded = models.load_model(run.path)
    np.testing.assert_allclose(
        loaded.predict(held.floats()), model.predict(held.floats()), atol=1e-5
    )


def test_the_source_is_the_backends_and_the_summary_that_of_the_description(capsys):
    model = classifier()
    assert model.to_source() == source(model.description, "torch")
    assert "import torch" in model.to_source("torch")
    assert model.to_source("keras", "subclass") == source(model.description, "keras", "subclass")
    model.summary()
    assert capsys.readouterr().out.strip() == summary(model.description).strip()


def test_batch_statistics_count_as_in_keras():
    model = models.Sequential(
        [layers.Dense(4, input_shape=(6,)), layers.BatchNormalization(), layers.Dense(1)]
    )
    assert model.count_params() == 28 + 16 + 5


def test_nothing_is_said_when_verbose_is_0_and_a_line_per_epoch_when_it_is_2(capsys):
    model = classifier()
    model.fit(X, Y, verbose=0)
    assert capsys.readouterr() == ("", "")
    model.fit(X, Y, epochs=2, verbose=2)
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["1/2", "2/2"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"loss": None}, "compile needs a loss"),
        ({"loss": "sparse_crossentropy"}, "There is no loss"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"metrics": ["precision"]}, "cannot be followed while training"),
        ({"metrics": ["mae"]}, "does not fit the loss.*use accuracy"),
        ({"loss": losses.SparseCategoricalCrossentropy(from_logits=True)}, "ends in softmax"),
        ({"loss": {"outputs": "mse"}}, "did you mean 'output'"),
        ({"loss": ["mse", "mse"], "metrics": None}, "one for each"),
        ({"training": {"clipnorm": 1.0}}, "did you mean 'clip_norm'"),
    ],
)
def test_wrong_words_are_refused_when_compiling(wrong, text):
    with pytest.raises((RecipeError, TrainingError), match=text):
        classifier(**wrong)


def test_a_model_that_is_not_compiled_says_so():
    with pytest.raises(TrainingError, match="call compile"):
        models.Sequential([layers.Dense(1, input_shape=(6,))]).fit(X, Y)


def test_a_model_is_no_layer():
    with pytest.raises(DescriptionError, match="holds layers, got Sequential"):
        models.Sequential([classifier()])


def test_ctrl_c_keeps_the_weights_of_the_last_update(monkeypatch):
    def press(event):
        if isinstance(event, Epoch):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(models, "watch", lambda verbose: (press, lambda: None))
    model, whole = classifier(), classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=5)
    monkeypatch.undo()
    whole.fit(X, Y, epochs=5, verbose=0)
    assert not np.array_equal(
        model.get_weights()["dense1.weight"], whole.get_weights()["dense1.weight"]
    )
    fresh = classifier().get_weights()["dense1.weight"]
    assert not np.array_equal(model.get_weights()["dense1.weight"], fresh)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_same_model_learns_the_same_on_keras(backend):
    if find_spec("keras") is None or find_spec(backend) is None:
        pytest.skip(f'keras or {backend} is not installed: pip install "trimaran[keras]"')
    here, there = classifier(), classifier(backend=backend)
    ours, theirs = (m.fit(X, Y, epochs=3, verbose=0).history for m in (here, there))
    np.testing.assert_allclose(theirs["loss"], ours["loss"], rtol=1e-5)
    np.testing.assert_allclose(there.predict(X), here.predict(X), atol=1e-5)
    np.testing.assert_allclose(there.evaluate(X, Y), here.evaluate(X, Y), rtol=1e-5)


def test_an_unknown_backend_is_refused():
    with pytest.raises(RecipeError, match="tensorflo"):
        classifier(backend="tensorflo")
