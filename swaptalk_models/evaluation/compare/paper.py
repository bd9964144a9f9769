"""The main table of the SwapTalk paper (arXiv 2405.05636). Their data, scale and judges, not ours."""

from __future__ import annotations

_COLUMNS = ("fid", "ssim", "cpbd", "lmd", "lse_c", "id_retrieve", "consistency")
PAPER_ROWS: tuple[tuple[str, str, dict[str, float | None]], ...] = tuple(
    (setting, method, dict(zip(_COLUMNS, values, strict=True)))
    for setting, method, *values in (
        ("self", "Ground truth", None, None, 0.536, None, 8.37, None, None),
        ("self", "Wav2Lip", 28.5, 0.813, 0.425, 1.959, 9.50, None, None),
        ("self", "Wav2Lip-Restore", 15.1, 0.904, 0.535, 1.624, 9.04, None, None),
        ("self", "Sync-Swap", 12.4, 0.904, 0.484, 1.481, 7.49, 82.9, 76.00),
        ("self", "Sync-Swap-Restore", 12.7, 0.885, 0.539, 1.483, 7.25, 81.4, 75.57),
        ("self", "Swap-Sync", 11.7, 0.906, 0.482, 1.384, 8.89, 80.3, 74.89),
        ("self", "Swap-Restore-Sync", 12.5, 0.890, 0.533, 1.386, 8.84, 79.3, 74.38),
        ("self", "WavSyncSwap", 49.9, 0.738, 0.470, 3.161, 9.09, 85.7, 64.17),
        ("self", "SwapTalk", 11.6, 0.908, 0.521, 1.221, 9.08, 87.8, 78.00),
        ("self", "SwapTalk (extra data)", 11.1, 0.910, 0.530, 1.139, 9.25, 92.3, 81.88),
        ("cross", "Wav2Lip", 27.4, 0.811, 0.417, None, 7.87, None, None),
        ("cross", "Wav2Lip-Restore", 14.6, 0.877, 0.533, None, 7.63, None, None),
        ("cross", "Sync-Swap", 12.7, 0.899, 0.483, None, 7.52, 84.2, 77.83),
        ("cross", "Sync-Swap-Restore", 13.0, 0.885, 0.528, None, 7.24, 83.8, 77.44),
        ("cross", "Swap-Sync", 11.6, 0.900, 0.484, None, 8.62, 82.6, 76.63),
        ("cross", "Swap-Restore-Sync", 11.8, 0.888, 0.521, None, 8.57, 80.4, 75.99),
        ("cross", "SwapTalk", 11.0, 0.905, 0.524, None, 8.94, 87.6, 80.19),
        ("cross", "SwapTalk (extra data)", 10.8, 0.907, 0.526, None, 8.99, 93.5, 82.57),
    )
)
"""(setting, method, value by metric); None where the paper prints a dash."""
