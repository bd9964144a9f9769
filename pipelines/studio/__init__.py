"""The studio: talking faces in a browser, and an HTTP API under the same roof. What it does stands in docs/guide/studio.md.

Four kinds of process: the server, which is light and decodes nothing (serve.py); a child that looks at one upload, within limits of time
and memory (look_child.py); one that keeps the networks for previews (preview_child.py); and the maker, which makes the talks that wait, one
Dagster run each, and outlives the server (maker.py).
"""
