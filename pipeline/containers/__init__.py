# placeholder until the colleague's files are here; overwrite this
import io


def is_container(name):
    return False


def members(container, open_range):
    return iter(())


def open_member(ref, open_range, *, sequential=None):
    raise NotImplementedError


class SequentialTars:
    def close(self):
        pass


class SeekableEntry(io.RawIOBase):
    pass
