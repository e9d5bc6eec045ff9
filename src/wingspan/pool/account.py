"""Choose the account of a personal pool's daemons.

It is the caller's, or for root an ordinary account in a user namespace.

Root may not submit jobs and has no business running daemons for itself. In a user namespace root's own user id
bears the number of an ordinary account: inside, files of root are files of that account, and jobs run as it.
Clients need not enter the namespace: the daemons authenticate a client by the owner of a file that it makes, so
root outside *is* that account inside, and the account itself, outside, is an unmapped user.
"""

import os
import pwd
import shutil

from wingspan.errors import PoolError


def own_account() -> pwd.struct_passwd:
    """Return the account of the daemons: the caller's, or for root an ordinary one."""
    uid = os.getuid()
    if uid:
        try:
            return pwd.getpwuid(uid)
        except KeyError as error:
            problem = f"user id {uid} has no entry in the password file"
            raise PoolError("wingspan pool start", problem, "HTCondor needs one: add it") from error
    accounts = [entry for entry in pwd.getpwall() if 0 < entry.pw_uid < 60000]
    if not accounts:
        problem = "the password file has no account but root's, and root may not submit jobs"
        raise PoolError("wingspan pool start", problem, "add an ordinary account: useradd NAME")
    return min(accounts, key=lambda entry: (entry.pw_uid < 1000, entry.pw_uid))


def words_to_become(account: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that let root run it as another account.

    The command runs in a user namespace.
    """
    if os.getuid():
        return []
    if shutil.which("unshare") is None:
        problem = "expected the program unshare (package util-linux) on the PATH, found none"
        raise PoolError("wingspan pool start", problem, "install it, or run as an ordinary user")
    return ["unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"]
