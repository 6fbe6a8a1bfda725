"""The card of an AligNet triplet data set, and the facts of every split, which its Parquet file carries."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem, constants

from alignet_hf.hub.artifacts import METADATA_KEY, facts_table


def with_facts(schema: pa.Schema, facts: dict) -> pa.Schema:
    """The schema of a split's file."""
    return schema.with_metadata({**schema.metadata, METADATA_KEY: json.dumps(facts)})


def facts_of(folder: Path) -> dict[str, dict]:
    """What made each split of a folder."""
    return {file.stem: _facts_in(pq.read_schema(file)) for file in sorted(folder.glob("*.parquet"))}


def facts_on_hub(repo_id: str, revision: str | None, token: str | None) -> dict[str, dict]:
    """What made each split of a repository, read off the end of its files; none where there is no repository."""
    files = HfFileSystem(endpoint=constants.ENDPOINT, token=token, skip_instance_cache=True)  # what is there now
    root = f"datasets/{repo_id}@{revision}" if revision else f"datasets/{repo_id}"
    try:
        names = files.glob(f"{root}/*.parquet")
    except FileNotFoundError:
        return {}
    facts = {}
    for name in names:
        with files.open(name, "rb") as file:
            facts[Path(name).stem] = _facts_in(pq.read_schema(file))
    return facts


def _facts_in(schema: pa.Schema) -> dict:
    return json.loads((schema.metadata or {}).get(METADATA_KEY.encode(), b"{}"))


def card(splits: dict[str, dict]) -> str:
    """The data set's card.

    Args:
        splits: name -> what made it; where all say the same `license`, the Hub is told.
    """
    licences = {facts.get("license") for facts in splits.values()}
    license_line = f"license: {licences.pop()}\n" if len(licences) == 1 and None not in licences else ""
    configs = "\n".join(f"  - split: {split}\n    path: {split}.parquet" for split in splits)
    sections = "\n\n".join(f"## {split}\n\n{facts_table(facts)}" for split, facts in splits.items())
    return f"""---
{license_line}tags:
- alignet
- odd-one-out
configs:
- config_name: default
  data_files:
{configs}
---

# AligNet triplets

Odd-one-out responses of a surrogate teacher. A row holds `indices` of three images, the odd one last, and the teacher's
`similarities` of the pairs [ij, ik, jk], to be used as logits; where the images have names, `filenames`; where these
are ImageNet's, `labels`, of which the names are WordNet ids.

```python
from alignet_hf import load_alignet

triplets = load_alignet(".", "{next(iter(splits), "train")}")  # in this folder; or the repository's name for "."
```

{sections}
"""
