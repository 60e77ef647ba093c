"""Own an SMTP instance."""

from monitors.sandbox.child import Context


async def main(context: Context) -> None:
    context.ready.set()
    await context.stopping.wait()
