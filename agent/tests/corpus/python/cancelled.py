"""S23, cancelled connect: the task that was to use the connection is cancelled; its socket is left behind."""

import asyncio
import sys

left_behind = []


async def use(port):
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)
    transport.pause_reading()
    left_behind.append(transport)
    await asyncio.sleep(3600)
    transport.close()


async def main():
    task = asyncio.create_task(use(int(sys.argv[1])))
    await asyncio.sleep(0.3)
    task.cancel()
    print('{"did":"stuck"}', flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
