import pytest

from holdfast_web.errors import ErrorCode, HoldfastError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (HoldfastError(ErrorCode.UNKNOWN_SALE), "unknown_sale: No sale has this name."),
        (HoldfastError(ErrorCode.CONFLICT, "Again."), "conflict: Again."),
    ],
)
def test_error_is_told_in_words(error: HoldfastError, told: str) -> None:
    assert str(error) == told
