"""Videos, sounds and pictures: opening, examining, cutting, reading and writing them."""
