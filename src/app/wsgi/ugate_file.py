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
        # Up to whatever is empty: a text file ends with "", which is not b"".
        while True:
            piece = self.filelike.read(self.block_size)
            if not piece:
                return
            yield piece

    def region(self):
        """
        (descriptor, offset, bytes) of a real file that says how long it is, else None: those of /proc say nothing.
        By type: a GzipFile has a descriptor too, of other bytes.
        """
        if type(self.filelike) not in (io.BufferedReader, io.BufferedRandom, io.FileIO):
            return None
        try:
            fd = self.filelike.fileno()
            status = os.fstat(fd)
            offset = self.filelike.tell()
        except (OSError, ValueError):
            return None
        size = status.st_size - offset
        return (fd, offset, size) if stat.S_ISREG(status.st_mode) and size > 0 else None
