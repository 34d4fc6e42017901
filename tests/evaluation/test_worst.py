"""The worst mistakes are found, in order, with their ids."""

import numpy as np

from trimaran.evaluation import worst_deviations, worst_mistakes


def test_planted_mistakes_come_first_and_in_order():
    true = np.zeros(6, int)
    sure = np.array([0.9, 0.1, 0.8, 0.3, 0.01, 0.6])
    chances = np.stack([sure, 1 - sure], axis=1)
    found = worst_mistakes(true, chances, ["cat", "dog"], ids=np.arange(6) * 10)
    assert [mistake.id for mistake in found] == [40, 10, 30]
    assert [mistake.row for mistake in found] == [4, 1, 3]
    assert (found[0].true, found[0].predicted) == ("cat", "dog")
    assert found[0].loss == -np.log(0.01)
    assert found[0].to_json()["probability_predicted"] == 0.99


def test_no_mistake_is_an_empty_answer_and_count_is_a_limit():
    chances = np.eye(3)
    assert worst_mistakes(np.arange(3), chances, ["a", "b", "c"]) == ()
    assert len(worst_mistakes(np.array([1, 2, 0]), chances, ["a", "b", "c"], count=2)) == 2


def test_the_largest_errors_of_numbers_name_their_output():
    true = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    guess = np.array([[1.0, 0.0], [0.0, -5.0], [2.0, 0.5]])
    found = worst_deviations(true, guess, ids=np.array([5, 6, 7]), count=2)
    assert [(row.id, row.output, row.error) for row in found] == [(6, 1, -5.0), (7, 0, 2.0)]
    assert worst_deviations([1.0], [3.0])[0].to_json()["error"] == 2.0
