"""A caller who waits is seven open files of Asterisk's: of a login shell's 1,024 the 144th is lost.

The soft limit is raised as far as the hard one allows; the parts inherit it. systemd's units have
theirs. Not without bound: whoever closes all files a child could have looks at each number.
"""

import resource

ENOUGH = 65_536


def allow_open_files() -> None:
    """Raise this process's soft limit of open files, never its hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
