#!/usr/bin/env python3
"""A line on loopback that is as slow as one to a server far away: slow_line.py PORT MILLISECONDS. Prints the port of its near end.

An answer comes MILLISECONDS later than without it, and a new connection takes as long; how much travels at once is not limited."""
import asyncio
import sys

port, delay = int(sys.argv[1]), float(sys.argv[2]) / 1000


async def carry(reader, writer, first):
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue()

    async def deliver():
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(deliver())
    due = loop.time() + first
    while data := await reader.read(1 << 18):
        due = max(due, loop.time() + delay / 2)
        waiting.put_nowait((due, data))
    waiting.put_nowait((loop.time() + delay / 2, b""))
    await task


async def connect(reader, writer):
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    # A connection is made by a question and an answer, then the first bytes travel.
    there = carry(reader, far_writer, delay * 3 / 2)
    back = carry(far_reader, writer, 0)
    try:
        await asyncio.gather(there, back)
    except ConnectionError:
        pass


async def main():
    server = await asyncio.start_server(connect, "127.0.0.1", 0, limit=1 << 22, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
