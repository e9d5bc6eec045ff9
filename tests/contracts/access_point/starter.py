"""The starter of the small access point: the chirp of one job, as its submit description and the pool allow it."""

import socket
import threading

REFUSED, MISSING, EMPTY = b"-8\n", b"-3\n", b"-5\n"  # a real one reads no empty file


class Starter:
    """Answers one job; `say` writes its lines into the log, files are read relative to `folder`.

    Parameters
    ----------
    allowed
        Commands that the submit description and the pool allow: ``ulog``, ``getfile``.
    """

    def __init__(self, config, folder, say, allowed):
        self._folder, self._say, self._allowed = folder, say, allowed
        self._server = socket.create_server(("127.0.0.1", 0))
        config.write_text(f"127.0.0.1 {self._server.getsockname()[1]} cookie\n")
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        """Listen no more; the connection of a job ends with the job."""
        self._server.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection):
        with connection, connection.makefile("rwb") as file:
            for line in file:
                command, _, given = line.decode().rstrip("\n").partition(" ")
                file.write(self._answer(command, given.replace("\\ ", " ").replace("\\\\", "\\")))
                file.flush()

    def _answer(self, command, given):
        if command == "cookie":
            return b"0\n"
        if command not in self._allowed:
            return REFUSED
        if command == "ulog":
            self._say(given)
            return b"0\n"
        try:
            content = (self._folder / given).read_bytes()
        except FileNotFoundError:
            return MISSING
        return b"%d\n%s" % (len(content), content) if content else EMPTY
