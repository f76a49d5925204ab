"""Expected output as a file: compared line by line, rewritten by ``--update-golden``, reviewed as a diff.

::

    def test_the_table(golden: Golden) -> None:
        golden.check("decisions.txt", render(table(...)))
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Golden:
    """Hold the folder of the expected files and whether they are being rewritten."""

    folder: Path
    update: bool

    def check(self, name: str, text: str) -> None:
        """Compare with the file, or write it when the run was told to."""
        file = self.folder / name
        if self.update:
            file.write_text(text)
            return
        assert file.exists(), f"tests/golden/{name} is missing; run 'pytest --update-golden' and review the new file"
        assert text.splitlines() == file.read_text().splitlines(), (
            f"tests/golden/{name} differs; if the change is meant, run 'pytest --update-golden' and review the diff"
        )
