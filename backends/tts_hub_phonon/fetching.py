"""Downloads of checkpoints from the Hugging Face hub.

The hub says which files a revision has, with their sizes and digests: SHA-256 of large files, git's names of
the others. All files come from the commit that it named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_hub.download.folders import PublishedFile, unsound_of
from tts_hub.download.transfer import Source, transfer, unavailable
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub_phonon.checkpoints import CHECKPOINTS, MODEL, Checkpoint, pull_command
from tts_hub_phonon.files import CONFIG, TOKENIZER, WEIGHTS, folder_of, place_of, write_list

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
VOICE_FOLDERS = ("voices", "embeddings")
OTHERS = {CONFIG, TOKENIZER, "tokenizer.model", "ptts-model.json", "default-voice.safetensors", "LICENSE"}
REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LargeFile(_Part):
    """The digest of a large file."""

    sha256: str


class Sibling(_Part):
    """One file of a repository."""

    rfilename: str
    size: int
    blob_id: str = Field(alias="blobId")
    lfs: LargeFile | None = None

    @property
    def published(self) -> PublishedFile:
        """The file with the digest that the hub states."""
        if self.lfs is not None:
            return PublishedFile(self.rfilename, self.size, self.lfs.sha256)
        return PublishedFile(self.rfilename, self.size, sha256="", git_blob=self.blob_id)


class Revision(_Part):
    """A revision of a repository."""

    sha: str
    """The commit."""
    siblings: tuple[Sibling, ...]


async def fetch(name: str, hub: str, on_progress: ProgressCallback) -> None:
    """Fetch the missing or damaged files of a checkpoint, after a notice of its licence.

    Raises:
        BackendUnavailableError: no network, no access, no space, or a file differs from the published one.
    """
    checkpoint, hub, remedy = CHECKPOINTS[name], hub.rstrip("/"), pull_command(name)
    page = f"{hub}/{checkpoint.repository}"
    on_progress(ProgressEvent("notice", MODEL, f"licence of {page}: {checkpoint.licence}"))
    headers = await to_thread.run_sync(_headers)
    try:
        revision = await _revision(checkpoint, hub, headers)
        files = chosen(revision)
        if not files:
            raise unavailable(MODEL, f"{page} holds no weights that the package ptts reads", "")
        folder = folder_of(name)
        await to_thread.run_sync(write_list, files, folder)
        wanted = await to_thread.run_sync(unsound_of, [place_of(file, folder) for file in files])
        source = Source(
            client=lambda: httpx.AsyncClient(follow_redirects=True),
            url_of=lambda file: f"{page}/resolve/{revision.sha}/{quote(file)}",
            raise_for_status=httpx.Response.raise_for_status,
            timeout=TIMEOUT,
            headers=headers,
        )
        for place in wanted:
            place.content.parent.mkdir(parents=True, exist_ok=True)
        if wanted:
            await transfer(MODEL, wanted, source, on_progress, remedy=remedy)
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError, OSError) as exc:
        raise _explained(exc, page, remedy) from exc


def chosen(revision: Revision) -> list[PublishedFile]:
    """The files of a revision that are needed, the weights last; none if there are no weights."""
    files = {each.rfilename: each.published for each in revision.siblings}
    weights = next((name for name in WEIGHTS if name in files), "")
    if not weights:
        return []
    return [*(file for name, file in sorted(files.items()) if _is_needed(name)), files[weights]]


def _is_needed(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return name in OTHERS or (folder in VOICE_FOLDERS and file.endswith(".safetensors"))


async def _revision(checkpoint: Checkpoint, hub: str, headers: Mapping[str, str]) -> Revision:
    address = f"{hub}/api/models/{checkpoint.repository}/revision/{checkpoint.revision}?blobs=true"
    async with httpx.AsyncClient(follow_redirects=True, timeout=TIMEOUT) as client:
        response = await client.get(address, headers=dict(headers))
        response.raise_for_status()
        return Revision.model_validate_json(response.content)


def _headers() -> dict[str, str]:
    """The token of HF_TOKEN, or the one that `hf auth login` has left. Blocking."""
    token = os.environ.get("HF_TOKEN", "")
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    if not token:
        with suppress(OSError):
            token = (home / "token").read_text(encoding="utf-8").strip()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _explained(exc: Exception, page: str, remedy: str) -> BackendUnavailableError:
    """The error of a download, with what to do."""
    if isinstance(exc, httpx.HTTPStatusError):
        status = exc.response.status_code
        if status in REFUSED:
            text = f"{page} is open only to people who have accepted its terms there (status {status})"
            return unavailable(MODEL, text, "export HF_TOKEN=...")
        return unavailable(MODEL, f"{exc.request.url} answers with status {status}", remedy)
    if isinstance(exc, ValidationError):
        return unavailable(MODEL, f"{page}: the answer does not list the files of a model", remedy)
    if isinstance(exc, OSError):
        return unavailable(MODEL, f"cannot write the files: {exc}", remedy)
    return unavailable(MODEL, f"cannot reach {page}: {exc or type(exc).__name__}", remedy)
