"""The two faults that are the input's and not ours."""


class UserError(Exception):
    """Something the user can mend: bad input or bad configuration.

    ``str(error)`` is one clear line that names the file or the setting and the cause. The command line prints it without a traceback
    and exits with 2.
    """


class BadClip(UserError):
    """This one video or clip cannot be used; ``str(error)`` is the reason kept in the ledger's quarantine."""
