"""The far end of a long way: hands bytes on from one port to another, each as much later as was last read from stdin.

`python3 -m apusbench.relay FROM TO`; a line of stdin is a number of seconds. Ends with stdin.
"""

import asyncio
import sys


class _Way:
    """What all connections go through."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.delay = 0.0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        hand = asyncio.create_task(self._hand_on(queue, writer))
        while True:
            try:
                data = await reader.read(65_536)
            except ConnectionError:
                data = b""
            queue.put_nowait((asyncio.get_running_loop().time() + self.delay, data))
            if not data:
                break
        await hand

    async def _hand_on(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if not data:
                writer.close()
                return
            writer.write(data)


async def _main(port: int, target: int) -> None:
    way = _Way(target)
    server = await asyncio.start_server(way.accept, "0.0.0.0", port, backlog=1024)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        way.delay = float(line)
        print("ready", flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
