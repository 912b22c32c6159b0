"""Each defect of stock caproto is still one, and none here. Fails for what upstream has mended."""

from pathlib import Path

import pytest

from tests.caserver.defects import EXPERIMENTS, harm


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.filterwarnings("ignore")  # stock caproto's client leaves coroutines behind
def test_a_defect_of_stock_caproto_is_gone_here(name: str, tmp_path: Path) -> None:
    assert harm(name, "stock", tmp_path)
    assert not harm(name, "ours", tmp_path)
