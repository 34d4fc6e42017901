"""Recipes: every key known, every value of its type, every error one sentence with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trimaran import recipe
from trimaran.data.augment import Augment
from trimaran.errors import RecipeError
from trimaran.keys import every_path
from trimaran.recipe import Layer, Recipe, load, merge, overrides
from trimaran.training.optimizers import SGD, Adam
from trimaran.training.schedules import CosineDecay
from trimaran.zoo import ZOO


def with_words(*words: str, source: str = "mnist-cnn") -> Recipe:
    return load(source, overrides(list(words)))


def refusal(*words: str) -> str:
    with pytest.raises(RecipeError) as caught:
        with_words(*words)
    text = str(caught.value)
    assert text.startswith("the command line: ") and text.endswith((".", "?"))
    return text.removeprefix("the command line: ")


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_is_short_whole_and_comes_back_from_what_is_saved(
    name: str, tmp_path: Path
) -> None:
    text = (recipe.RECIPES / f"{name}.yaml").read_text("utf-8")
    assert len(text.splitlines()) <= 30 and text.startswith("# ")
    made = load(name)
    assert made.name == name and made.model.zoo in ZOO and made.data.set
    saved = tmp_path / "recipe.yaml"
    saved.write_text(made.to_yaml(), "utf-8")
    assert recipe.read(saved) == made


def test_what_is_saved_holds_every_key() -> None:
    values = yaml.safe_load(load("mnist-cnn").to_yaml())
    tops = {path.split(".")[0] for path in every_path(Recipe)}
    assert set(values) == tops
    inside = {p.split(".")[1] for p in every_path(Recipe) if p.startswith("training.")}
    assert set(values["training"]) == inside


def test_a_name_or_a_mapping_chooses_an_optimizer() -> None:
    assert with_words("training.optimizer=sgd").training.optimizer == SGD()
    assert with_words("training.optimizer={name: SGD, momentum: 0.9}").training.optimizer == SGD(
        momentum=0.9
    )
    assert with_words("training.schedule=cosine").training.schedule == CosineDecay()


def test_what_is_chosen_takes_its_arguments_in_any_order() -> None:
    words = ("training.optimizer=sgd", "training.optimizer.momentum=0.9")
    for given_words in (words, words[::-1]):
        assert with_words(*given_words).training.optimizer == SGD(momentum=0.9)
    words = ("training.schedule.warm_up=0.1", "training.schedule.name=cosine")
    assert with_words(*words).training.schedule == CosineDecay(warm_up=0.1)
    data = with_words("data.limit=50", "data=iris").data
    assert (data.set, data.limit) == ("iris", 50)


def test_words_of_which_one_would_be_lost_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"early_stopping is given as None as well"):
        overrides(["training.early_stopping.patience=3", "training.early_stopping=null"])
    with pytest.raises(RecipeError, match=r"training\.epochs is given as 3 as well"):
        overrides(["training.epochs=3", "training.epochs.x=1"])


def test_a_number_may_be_written_as_yaml_1_1_reads_text() -> None:
    # PyYAML reads 1e-3 as text: YAML 1.1 wants a dot in it.
    assert yaml.safe_load("1e-3") == "1e-3"
    changed = with_words("training.optimizer.learning_rate=1e-2").training.optimizer
    assert changed == Adam(learning_rate=0.01)


def test_another_optimizer_forgets_the_arguments_of_the_one_before() -> None:
    found = with_words("training.optimizer={name: sgd}").training.optimizer
    assert found == SGD() and found.learning_rate != Adam().learning_rate


def test_one_argument_of_the_default_optimizer_may_be_given_alone() -> None:
    made = load({"data": "digits", "training": {"optimizer": {"learning_rate": 0.5}}})
    assert made.training.optimizer == Adam(learning_rate=0.5)


def test_short_forms() -> None:
    made = load({"data": "mnist", "model": "resnet18"})
    assert (made.data.set, made.model.zoo) == ("mnist", "resnet18")


def test_a_path_takes_the_place_of_a_set_and_a_spec_that_of_a_zoo_name() -> None:
    made = with_words("data.path=a.csv", "model.spec=model.json")
    assert (made.data.set, made.data.path) == (None, "a.csv")
    assert (made.model.zoo, made.model.spec) == (None, "model.json")


def test_on_and_off_are_words_where_a_word_is_expected() -> None:
    assert with_words("training.compile=on").training.compile == "on"
    assert with_words("training.compile=off").training.compile == "off"


def test_augmentation_becomes_the_data_rooms_own_value() -> None:
    assert with_words("training.augment.flip=true").training.augment == Augment(flip=True)
    assert with_words("training.augment.crop=4").training.augment == Augment(crop=4)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("training.epoch=3", "did you mean 'training.epochs'?"),
        ("trianing.epochs=3", "did you mean 'training'?"),
        ("epochs=3", "did you mean 'training.epochs'?"),
        ("max_epochs=3", "here it is called 'training.epochs'."),
        ("num_train_epochs=3", "here it is called 'training.epochs'."),
        ("training.lr=3", "here it is called 'training.optimizer.learning_rate'."),
        ("training.optimizer.momentum=0.9", "known here are learning_rate, beta_1"),
        ("training.augment.flop=1", "did you mean 'training.augment.flip'?"),
        ("data.validation_split=0.1", "here it is called 'data.validation'."),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(word: str, hint: str) -> None:
    text = refusal(word)
    assert text.startswith("there is no key") and hint in text


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("training.epochs=three", "training.epochs is 'three'; expected a whole number."),
        ("training.epochs=2.5", "training.epochs is 2.5; expected a whole number."),
        ("training.epochs=true", "training.epochs is True; expected a whole number."),
        ("data.set=5", "data.set is 5; expected text or null."),
        ("data.validation=lots", "data.validation is 'lots'; expected a number."),
        ("data.stratify=7", "data.stratify is 7; expected true or false."),
        ("model.input_shape=3", "expected a list of whole numbers or null."),
        ("training=5", "training is 5; expected keys such as"),
        ("training.optimizer=addam", "'addam', which is not known; did you mean adam?"),
        ("training.schedule=cosin", "did you mean cosine?"),
        ("training.optimizer.learning_rate=-1", "learning_rate must be a finite number >= 0"),
        ("data.normalize=foo", "expected one of auto, unit, standard, none."),
        ("backend=mxnet", "backend is 'mxnet', which this Trimaran does not have"),
        ("task=guess", "task is 'guess'; expected classify, regress, language or forecast."),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_sentence(word: str, expected: str) -> None:
    assert expected in refusal(word)


def test_the_file_is_blamed_for_its_own_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: {set: digits}\ntraining: {epochs: many}\n")
    with pytest.raises(RecipeError, match=r"mine\.yaml: training\.epochs is 'many'"):
        load(path, overrides(["training.seed=1"]))
    with pytest.raises(RecipeError, match="the command line: training.seed"):
        load(path, overrides(["training.seed=x", "training.epochs=1"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: [", "line"),
        ("- 1\n- 2\n", "holds list instead of keys"),
        ("", "holds NoneType"),
        ("backend: torch\nbackend: torch\n", "line 2: the key 'backend' stands there twice"),
        ("training:\n  epochs: 1\n  epochs: 2\n", "line 3: the key 'epochs' stands there twice"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=expected) as caught:
        load(path)
    assert "bad.yaml" in str(caught.value)


def test_an_unknown_recipe_is_told_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean mnist-cnn"):
        load("mnist-cn")
    with pytest.raises(RecipeError, match=r"no recipe file x/y\.yaml"):
        load("x/y.yaml")


@pytest.mark.parametrize("word", ["epochs", "=3", "training.epochs"])
def test_a_word_without_a_value_is_refused(word: str) -> None:
    with pytest.raises(RecipeError, match="KEY=VALUE"):
        overrides([word])


def test_two_tasks_that_differ_are_refused() -> None:
    with pytest.raises(RecipeError, match="give one of them"):
        load({"task": "classify", "data": {"set": "iris", "task": "regress"}})
    assert load({"task": "regress", "data": "iris"}).data_settings().task == "regress"


mappings = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
).filter(lambda value: isinstance(value, dict))


@given(mappings, mappings)
def test_merging_keeps_what_is_new_and_what_is_not_contradicted(old: dict, new: dict) -> None:  # type: ignore[type-arg]
    made = merge(old, new)
    assert merge(made, new) == made and merge({}, new) == new and merge(old, {}) == old
    assert set(made) == set(old) | set(new)
    for key, value in new.items():
        if not (isinstance(value, dict) and isinstance(old.get(key), dict)):
            assert made[key] == value


@given(st.sampled_from(sorted(p for p in every_path(Recipe) if "." in p)))
def test_a_letter_too_many_is_found_for_every_key(path: str) -> None:
    values: object = 1
    for part in reversed(f"{path}q".split(".")):
        values = {part: values}
    assert isinstance(values, dict)
    with pytest.raises(RecipeError, match="here: there is no key"):
        load("mnist-cnn", Layer("here", values))
