"""A mail server on a socket (RFC 5321, as much of it as smtplib speaks), which keeps what it is given."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Postbox:
    """What came, from whom and for whom; `refuses` and `down` make it say no."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    down: bool = False
    tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Talk(self, reader, writer).run()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class _Talk:
    def __init__(self, box: Postbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box, self.reader, self.writer = box, reader, writer
        self.safe = False
        self.to: list[str] = []

    async def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self) -> None:
        if self.box.down:
            await self.say("421 closing for repairs")
            return
        await self.say("220 postbox.test ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\r\n")).decode().strip()
            word, _, rest = line.partition(" ")
            if word.upper() == "QUIT":
                await self.say("221 bye")
                return
            await getattr(self, word.lower(), self.unknown)(rest)

    async def unknown(self, _: str) -> None:
        await self.say("502 what?")

    async def ehlo(self, _: str) -> None:
        tls = ["250-STARTTLS"] if self.box.tls and not self.safe else []
        for line in ["250-postbox.test", *tls, "250-AUTH PLAIN", "250 SIZE 1000000"]:
            await self.say(line)

    async def starttls(self, _: str) -> None:
        await self.say("220 go ahead")
        await self.writer.start_tls(self.box.tls)
        self.safe = True

    async def auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
        self.box.logins.append((user, password))
        await self.say("235 welcome")

    async def mail(self, _: str) -> None:
        self.to = []
        await self.say("250 ok")

    async def rcpt(self, rest: str) -> None:
        address = rest.partition("<")[2].partition(">")[0]
        if address in self.box.refuses:
            await self.say("550 nobody of that name")
            return
        self.to.append(address)
        await self.say("250 ok")

    async def rset(self, _: str) -> None:
        await self.say("250 ok")

    async def data(self, _: str) -> None:
        await self.say("354 go on")
        text = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        mail = message_from_bytes(text, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.box.mails.append(mail)
        self.box.recipients.append(self.to)
        self.box.encrypted.append(self.safe)
        await self.say("250 taken")


@asynccontextmanager
async def open_postbox(tls: ssl.SSLContext | None = None, *, at_once: bool = False) -> AsyncIterator[Postbox]:
    """A mail server for the length of a test; it offers TLS, or speaks nothing else from the beginning."""
    box = Postbox(tls=None if at_once else tls)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0, ssl=tls if at_once else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
