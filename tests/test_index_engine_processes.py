import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crm.index.chroma import ChromaIndex

pytestmark = pytest.mark.slow

_WRITER = """
import sys
from pathlib import Path
import numpy as np
from crm.index.chroma import ChromaIndex

index = ChromaIndex(Path(sys.argv[1]), embedder_name="words")
draw = np.random.default_rng(0)
for batch in range(30):
    vectors = draw.normal(size=(50, 16)).astype(np.float32)
    ids = [f"{batch * 50 + number}:0:00000000" for number in range(50)]
    index.add(ids, vectors, [{"conversation_id": batch + 1}] * 50)
"""


def test_a_reader_sees_what_another_process_writes_and_never_fails(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path, embedder_name="words")
    assert index.count() == 0
    query = np.eye(16, dtype=np.float32)[0]
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)])
    found = []
    while writer.poll() is None:
        ids = index.search(query, conditions=[], limit=20)
        assert len(ids) == len(set(ids))
        found.append(len(ids))
    assert writer.returncode == 0
    assert found
    assert len(index.search(query, conditions=[], limit=20)) == 20
    assert index.count() == 1500
