import numpy as np
import pytest

from swaptalk_models.metrics.dlib_judge import EMBEDDING, face_chip, identity_embeddings


def test_no_face_gives_a_row_of_nan():
    embeddings = identity_embeddings([np.full((160, 160, 3), 120, np.uint8)])
    assert embeddings.shape == (1, EMBEDDING) and np.isnan(embeddings).all()
    assert identity_embeddings([]).shape == (0, EMBEDDING)


@pytest.mark.real
def test_real_people_are_nearer_to_themselves(real_clips):
    import decord

    from swaptalk_models.data.faces.detection import detect_face

    images = []
    for name in ("RD_Radio11_001.mp4", "WDA_KatieHill_000.mp4"):
        reader = decord.VideoReader(str(real_clips / "clips" / name))
        images += [reader[5].asnumpy(), reader[150].asnumpy()]
    landmarks = [detect_face(image).landmarks for image in images]
    embeddings = identity_embeddings(images, landmarks)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    cosines = embeddings @ embeddings.T
    assert min(cosines[0, 1], cosines[2, 3]) > cosines[:2, 2:].max() + 0.03
    found = identity_embeddings(images[:1])  # its own detection, nearly the same alignment
    assert found[0] @ embeddings[0] > 0.98
    assert face_chip(images[0], landmarks[0]).shape == (150, 150, 3)
