"""`mels`: the sound as the lips see it."""

from assets.support.gate_checks import gates_check
from assets.support.metadata import table_metadata
from assets.support.pictures import quality_histograms, sound
from assets.support.row_checks import rows_check
from assets.support.stage_asset import stage_asset

mels = stage_asset(
    "mels",
    "A row a clip: log-mel (steps, 80) in [-4, 4], 80 steps/s, as long as the clip's frames.",
    metadata=lambda swaptalk: table_metadata(swaptalk, "mels"),
    pictures=lambda swaptalk: sound(swaptalk) | quality_histograms(swaptalk, "mels"),
)

mels_rows = rows_check("mels")
mels_gates = gates_check("mels")
