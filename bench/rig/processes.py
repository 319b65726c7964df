"""Programs that are run to their end while the event loop goes on."""

import asyncio
from collections.abc import Mapping, Sequence


async def finished(words: Sequence[str], *, patience: float, env: Mapping[str, str] | None = None) -> str:
    """What a program printed, errors included; RuntimeError where it failed or outlived `patience` seconds."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
        env=env,
    )
    try:
        async with asyncio.timeout(patience):
            output, _ = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    said = output.decode(errors="replace")
    if process.returncode != 0:
        message = f"{words[0]} ended with {process.returncode}:\n{said[-2000:]}"
        raise RuntimeError(message)
    return said
