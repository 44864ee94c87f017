"""Other people's code, kept from taking the hub down: whatever it raises concerns one request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel


@asynccontextmanager
async def contained(on_failure: Callable[[BaseException], None]) -> AsyncGenerator[None, None]:
    """Hand every exception of the block to `on_failure`, except a cancellation that is meant for us.

    A cancelled future that the block awaited raises the same class as our own cancellation does, and
    extension modules raise classes of their own besides `Exception`; either would end every other request
    in the task group.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except anyio.get_cancelled_exc_class() as exc:
        await anyio.lowlevel.checkpoint_if_cancelled()
        on_failure(exc)
    except BaseException as exc:  # noqa: BLE001 - see above
        on_failure(exc)
