# placeholder until the colleague's files are here; overwrite this
class ManifestError(Exception):
    pass


def looks_like_manifest(name):
    return False


def is_manifest(name, head):
    return False


def read_manifest(stream, name, schema=()):
    return iter(())


def inventory_files(content, name):
    return []
