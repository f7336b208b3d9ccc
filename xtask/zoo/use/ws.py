"""websockets: talks now and then, and stays for a while."""
import asyncio
import sys

import websockets


async def one(address, stay):
    while True:
        try:
            async with websockets.connect(address, ping_interval=20) as socket:
                for _ in range(stay):
                    await socket.send("zoo")
                    await socket.recv()
                    await asyncio.sleep(3)
        except Exception:
            await asyncio.sleep(1)


async def main():
    await asyncio.gather(*(one(address, 3 + 9 * turn) for turn, address in enumerate(sys.argv[1:])))


asyncio.run(main())
