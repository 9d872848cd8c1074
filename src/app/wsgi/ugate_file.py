"""`wsgi.file_wrapper`."""

import io
import os
import stat


class FileWrapper:
    """`wsgi.file_wrapper`: sent by the kernel when it is a real file, and nobody wrapped it further."""

    def __init__(self, filelike, block_size=65536):
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return iter(lambda: self.filelike.read(self.block_size), b"")

    def region(self):
        """(descriptor, offset, bytes) of a real file, else None. By type: a GzipFile has a descriptor too, of other bytes."""
        if type(self.filelike) not in (io.BufferedReader, io.BufferedRandom, io.FileIO):
            return None
        try:
            fd = self.filelike.fileno()
            status = os.fstat(fd)
            offset = self.filelike.tell()
        except (OSError, ValueError):
            return None
        return (fd, offset, max(0, status.st_size - offset)) if stat.S_ISREG(status.st_mode) else None
