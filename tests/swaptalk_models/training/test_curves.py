"""training/curves.py"""

from PIL import Image

from swaptalk_models.training.curves import draw_curves, draw_families


def test_curves_have_a_plot_a_figure(tmp_path):
    history = [{"step": step, "loss": 1 / step, "accuracy": step / 9} for step in range(1, 9)]
    history.append({"step": 8, "held_out_accuracy": 0.9, "held_out_only": 1.0, "held_out_score": 0.9})
    draw_curves(history, tmp_path / "curves.png", "vqgan")
    draw_curves(history[:1], tmp_path / "one.png", "vqgan")
    width, height = Image.open(tmp_path / "curves.png").size
    assert (width, height) == (round(3.2 * 3 * 90), round(2.4 * 90)), "loss, accuracy, only; the score is no curve"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "one.png"]


def test_each_family_is_one_large_picture(tmp_path):
    history = [{"step": step, "loss": 10.0**-step, "pixel": 1.0, "psnr_db": 20.0 + step} for step in range(1, 5)]
    history.append(
        {"step": 4, "held_out_psnr_db": 23.0, "held_out_upper_use": 0.4, "held_out_score": 1.0, "loss": float("nan")}
    )
    drawn = draw_families(history, tmp_path, "vqgan")
    assert [path.stem for path in drawn] == ["losses", "reconstruction", "codes in use"]
    for path in drawn:
        assert Image.open(path).size == (960, 540) and path.stat().st_size < 60_000, "it is stored with every event"


def test_axes_are_named_and_logarithmic_only_where_curves_span_decades(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    said = []
    monkeypatch.setattr(Axes, "set_yscale", lambda self, scale: said.append(scale))
    monkeypatch.setattr(Axes, "set_ylabel", lambda self, text: said.append(text))
    draw_families([{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.01, "accuracy": 0.9}], tmp_path, "x")
    draw_families([{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}, {"step": 3, "loss": -1.0}], tmp_path, "x")
    assert said[0] == "log" and said[1].endswith("(log scale)") and said[2] == "linear" and "share" in said[3]
    assert said[4] == "linear" and said[5] == "loss, before it is weighed"
