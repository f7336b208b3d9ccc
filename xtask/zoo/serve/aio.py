"""aiohttp: answers, event streams, long polls, websockets, uploads."""
import asyncio

from aiohttp import web


async def quick(_):
    return web.Response(text="zoo\n" * 200)


async def poll(_):
    await asyncio.sleep(40)
    return web.Response(text="nothing new\n")


async def events(request):
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    while True:
        await answer.write(b"data: 1\n\n")
        await asyncio.sleep(15)


async def upload(request):
    size = 0
    async for chunk in request.content.iter_chunked(65536):
        size += len(chunk)
    return web.Response(text=f"{size}\n")


async def socket(request):
    ws = web.WebSocketResponse(heartbeat=10)
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(message.data)
    return ws


app = web.Application(client_max_size=1 << 28)
app.add_routes([web.get("/", quick), web.get("/poll", poll), web.get("/events", events), web.post("/", upload),
                web.get("/ws", socket)])
web.run_app(app, host="127.0.0.1", port=8203, print=None)
