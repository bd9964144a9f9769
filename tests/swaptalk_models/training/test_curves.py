"""training/curves.py"""

from PIL import Image

from swaptalk_models.training.curves import draw_curves


def test_curves_have_a_plot_a_figure(tmp_path):
    history = [{"step": step, "loss": 1 / step, "accuracy": step / 9} for step in range(1, 9)]
    history.append({"step": 8, "held_out_accuracy": 0.9, "held_out_only": 1.0, "held_out_score": 0.9})
    draw_curves(history, tmp_path / "curves.png", "vqgan")
    draw_curves(history[:1], tmp_path / "one.png", "vqgan")
    width, height = Image.open(tmp_path / "curves.png").size
    assert (width, height) == (round(3.2 * 3 * 90), round(2.4 * 90)), "loss, accuracy, only; the score is no curve"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "one.png"]
