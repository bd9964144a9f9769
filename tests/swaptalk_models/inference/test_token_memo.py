"""inference/token_memo.py"""

import torch

from swaptalk_models.inference.token_memo import TokenMemo


def rows_of(memo: TokenMemo, keys: list[int], width: int = 3) -> tuple[torch.Tensor, int]:
    """(rows, how many were made): a row says its key."""
    made = []

    def make(index: torch.Tensor) -> torch.Tensor:
        made.extend(index.tolist())
        return torch.tensor(keys)[index].float()[:, None].repeat(1, width)

    return memo.rows(torch.tensor(keys), make), len(made)


def test_each_key_is_made_once():
    memo = TokenMemo()
    for keys, fresh in (([5, 7, 5, 5], 2), ([7, 9], 1), ([9, 5, 7], 0)):
        rows, made = rows_of(memo, keys)
        assert made == fresh and torch.equal(rows, torch.tensor(keys).float()[:, None].repeat(1, 3))
    assert (memo.asked, memo.made) == (9, 3)


def test_what_does_not_fit_is_forgotten_and_made_again():
    memo = TokenMemo(limit=4 * 3 * 4)  # four rows
    asked = ([1, 2, 3], [1, 2, 3], [4, 1], [2, 3], [5, 1], [1, 2])
    assert [rows_of(memo, keys)[1] for keys in asked] == [3, 0, 1, 0, 2, 1]
    rows, made = rows_of(memo, list(range(9)))
    assert made == 9 and rows[:, 0].tolist() == list(range(9)), "a batch larger than the limit"
