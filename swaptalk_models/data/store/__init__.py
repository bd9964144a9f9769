"""The home folder and what lies in it: paths and locks, the ledger, Lance tables, hashes, whole files or none."""
