"""Downloads from the Hugging Face hub.

Access, token, offline mode and mirrors are those of `huggingface_hub`. Its own downloads cannot be
resumed by a later process or stopped half way, and our files have up to two gigabytes.
"""

from __future__ import annotations

import errno
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import httpx
from anyio import to_thread
from huggingface_hub import constants, get_async_session, get_token, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined] # documented, not in __all__

from tts_hub.download.folders import Place
from tts_hub.download.transfer import Source, transfer, unavailable
from tts_hub.errors import update_command
from tts_hub.progress import ProgressCallback
from tts_hub_chatterbox.files.variants import Variant


async def fetch(
    variant: Variant, places: Sequence[Place], on_progress: ProgressCallback, *, remedy: str
) -> None:
    """Fetch files of a model to their places. Cancelling keeps what has arrived.

    Raises:
        BackendUnavailableError: no network, no access, no space, or not what was published.
    """
    with _explain_errors(variant, remedy):
        token = await to_thread.run_sync(get_token)  # HF_TOKEN, or what `hf auth login` has left
        carried = bool(token) and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN
        source = Source(
            client=get_async_session,
            url_of=lambda name: hf_hub_url(variant.repository, name, revision=variant.revision),
            raise_for_status=hf_raise_for_status,
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            headers={"Authorization": f"Bearer {token}"} if carried else {},
        )
        await transfer(variant.model, places, source, on_progress, remedy=remedy)


@contextmanager
def _explain_errors(variant: Variant, remedy: str) -> Generator[None, None, None]:
    """Translate the errors of a download into ours, each with a remedy."""
    repository = f"{constants.ENDPOINT}/{variant.repository}"
    try:
        yield
    except OfflineModeIsEnabled as exc:
        raise unavailable(
            variant.model,
            "files are missing, and HF_HUB_OFFLINE forbids downloads",
            f"HF_HUB_OFFLINE=0 {remedy}",
        ) from exc
    except GatedRepoError as exc:
        text = f"{repository} is open only to people who have accepted its terms there"
        raise unavailable(variant.model, text, "hf auth login") from exc
    except RevisionNotFoundError as exc:
        text = f"{repository} has no revision {variant.revision}"
        raise unavailable(variant.model, text, update_command()) from exc
    except RemoteEntryNotFoundError as exc:
        text = f"{repository} lacks a file of the model: {exc.response.url}"
        raise unavailable(variant.model, text, update_command()) from exc
    except RepositoryNotFoundError as exc:
        text = f"{repository} does not exist, or is not open to you"
        raise unavailable(variant.model, text, "hf auth login") from exc
    except HfHubHTTPError as exc:
        status = exc.response.status_code
        text = f"{repository} answers with status {status}"
        refused = status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
        text += ": it rejects your token" if refused else ""
        raise unavailable(variant.model, text, "hf auth login" if refused else remedy) from exc
    except httpx.HTTPError as exc:
        reason = exc or type(exc).__name__
        text = f"cannot reach {constants.ENDPOINT}: {reason}; what was downloaded so far is kept"
        raise unavailable(variant.model, text, remedy) from exc
    except OSError as exc:
        full = "; what was downloaded so far is kept" if exc.errno == errno.ENOSPC else ""
        raise unavailable(variant.model, f"cannot write the files: {exc}{full}", remedy) from exc
