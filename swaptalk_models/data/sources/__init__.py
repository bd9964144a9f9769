"""Where videos come from: the catalog, a folder, HDTF's annotations, downloads; names of videos and people."""
